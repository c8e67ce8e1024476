//! A relay that lost something: how it shows, and the return to the start of its log.

use core::time::Duration;

use wire::frame::Channel;
use wire::id::{RunningHash, StoreId};
use wire::receipt::ReceiptBody;

use super::lie::Lie;
use super::line::{Line, Question};
use super::output::{Cursor, Output};
use super::pull::{Level, Phase, Pull};

/// The longest polite delay before the log of a relay that forgot is pulled: two phones then rarely re-seed at once.
const FORGOT_WAIT_MAX: Duration = Duration::from_mins(1);

/// How a relay's loss shows. None of it is an error of this device; receipts from before stay as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amnesia {
    /// Another database counts now: restored from a backup, or moved.
    OtherStore,
    /// Its log ends before what this device has seen.
    Shorter,
    /// At the same position its log is another one.
    Different,
}

/// Compares what the relay says at sign-in with what this device has seen, and with the newest position that a receipt
/// names. `None`: it remembers, or it was never met.
pub(super) fn judge(seen: Cursor, promised: u64, told: Cursor) -> Option<Amnesia> {
    if seen.store == StoreId::ZERO {
        None
    } else if told.store != seen.store {
        Some(Amnesia::OtherStore)
    } else if told.n < seen.n.max(promised) {
        Some(Amnesia::Shorter)
    } else if told.n == seen.n && told.running != seen.running {
        Some(Amnesia::Different)
    } else {
        None
    }
}

impl Pull {
    /// A receipt is known.
    pub(super) fn remember(&mut self, body: &ReceiptBody) {
        if body.store == self.cursor.store && body.n > self.promised.0 {
            self.promised = (body.n, body.running);
        }
    }

    /// A receipt states `R_n` for a position that comes, or came.
    pub(super) fn claimed(&mut self, body: &ReceiptBody, line: &mut Line) -> Result<(), Lie> {
        if body.store != self.received.store {
            return Ok(());
        }
        self.remember(body);
        self.heard(body.n);
        let agreed = self.claims.stated(body.n, body.running, self.received.n);
        if agreed { Ok(()) } else { self.disagree(line) }
    }

    /// The relay's `R_n` is not ours. If the two never agreed on this connection, it may have been restored from a
    /// backup under its old name.
    pub(super) fn disagree(&mut self, line: &mut Line) -> Result<(), Lie> {
        if self.verified {
            return Err(Lie::RunningHash { n: self.received.n });
        }
        self.forget(Amnesia::Different, line);
        Ok(())
    }

    pub(super) fn forget(&mut self, amnesia: Amnesia, line: &mut Line) {
        match self.phase {
            Phase::Paging { request, .. } => line.cancel_request(request),
            Phase::Asking | Phase::Tailing => {
                line.give_up(Question::Tail(self.sid));
                line.put(Output::Cancel { channel: Channel::Tail(self.sid) });
            }
            Phase::Out
            | Phase::Told { .. }
            | Phase::Polite { .. }
            | Phase::Behind
            | Phase::Level => {}
        }
        let cursor = Cursor::start(line.store.unwrap_or(self.received.store));
        self.drop_backlog();
        (self.in_hand, self.promised) = (None, (0, RunningHash::ZERO));
        (self.cursor, self.received) = (cursor, cursor);
        // From the start on, nothing but the relay's own words is compared.
        self.verified = true;
        (self.forgot, self.level) = (true, Level::Never);
        self.again.forget();
        let wait = if line.eager { Duration::ZERO } else { line.jitter.up_to(FORGOT_WAIT_MAX) };
        self.phase = Phase::Polite { until: line.now + wait };
        line.put(Output::Forgot { sid: self.sid, amnesia, cursor });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::RunningHash;

    const fn cursor(store: u8, n: u64, running: u8) -> Cursor {
        Cursor {
            store: StoreId::from_bytes([store; 16]),
            n,
            running: RunningHash::from_bytes([running; 32]),
        }
    }

    #[test]
    fn f31_another_store_id_is_amnesia() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(2, 9, 9)), Some(Amnesia::OtherStore));
        assert_eq!(judge(cursor(1, 0, 0), 0, cursor(2, 0, 0)), Some(Amnesia::OtherStore));
    }

    #[test]
    fn f33_a_restored_relay_is_seen_without_a_new_store_id() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 2, 2)), Some(Amnesia::Shorter));
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 3, 4)), Some(Amnesia::Different));
        assert_eq!(judge(cursor(1, 3, 3), 9, cursor(1, 8, 7)), Some(Amnesia::Shorter));
    }

    #[test]
    fn a_relay_that_remembers_or_was_never_met_is_no_amnesia() {
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 3, 3)), None);
        assert_eq!(judge(cursor(1, 3, 3), 3, cursor(1, 8, 7)), None);
        assert_eq!(judge(Cursor::NONE, 0, cursor(1, 8, 7)), None);
    }
}
