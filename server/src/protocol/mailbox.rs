//! Mailboxes for pairing: ten messages, ten minutes, no sign-in. They live in memory only.

use super::limits::{MAIL_BYTES_ALL_MAX, MAIL_WAITERS_MAX, MAILBOXES_MAX};
use super::output::{ConnectionId, StreamId};
use core::time::Duration;
use std::collections::BTreeMap;
use wire::id::RendezvousId;
use wire::limit::{MAIL_BYTES_MAX, MAIL_MESSAGES_MAX, MAILBOX_BYTES_MAX, MAILBOX_SECONDS};
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

/// Messages of a mailbox with their places.
pub(super) type Mail = Vec<(u8, Vec<u8>)>;

/// Someone who waits for the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) connection: ConnectionId,
    pub(super) stream: StreamId,
    pub(super) from: u8,
    pub(super) until: Moment,
}

#[derive(Debug)]
struct Mailbox {
    ends: Moment,
    bytes: usize,
    messages: Vec<Vec<u8>>,
    waiters: Vec<Waiter>,
}

/// What a get comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// These messages, now.
    Mail(Mail),
    /// Nothing yet: the waiter stands in line, and this one, if any, was sent away for it.
    Waits(Option<Waiter>),
}

/// All mailboxes.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    by_rid: BTreeMap<RendezvousId, Mailbox>,
    bytes: usize,
}

impl Mailboxes {
    /// Whether a mailbox is open.
    pub(super) fn is_open(&self, rid: RendezvousId) -> bool {
        self.by_rid.contains_key(&rid)
    }

    /// Puts a message; idx 0 opens the box. The same message at the same place is stored already. Gives the waiters
    /// who want it.
    pub(super) fn put(
        &mut self,
        rid: RendezvousId,
        idx: u8,
        bytes: Vec<u8>,
        now: Moment,
    ) -> Result<Vec<Waiter>, Refusal> {
        if bytes.len() > MAIL_BYTES_MAX {
            return Err(Refusal::plain(Reason::MailFull));
        }
        if !self.by_rid.contains_key(&rid) {
            self.open(rid, idx, now)?;
        }
        let Some(mailbox) = self.by_rid.get_mut(&rid) else {
            return Err(Refusal::plain(Reason::MailGone));
        };
        if let Some(there) = mailbox.messages.get(usize::from(idx)) {
            let same = *there == bytes;
            return if same { Ok(Vec::new()) } else { Err(Refusal::plain(Reason::MailConflict)) };
        }
        if usize::from(idx) != mailbox.messages.len() {
            return Err(Refusal::plain(Reason::MailConflict));
        }
        let full = mailbox.messages.len() >= MAIL_MESSAGES_MAX
            || mailbox.bytes + bytes.len() > MAILBOX_BYTES_MAX;
        if full {
            return Err(Refusal::plain(Reason::MailFull));
        }
        if self.bytes + bytes.len() > MAIL_BYTES_ALL_MAX {
            return Err(Refusal { reason: Reason::Busy, argument: 60_000 });
        }
        self.bytes += bytes.len();
        mailbox.bytes += bytes.len();
        mailbox.messages.push(bytes);
        let (ready, waiting) = mailbox.waiters.drain(..).partition(|waiter| waiter.from <= idx);
        mailbox.waiters = waiting;
        Ok(ready)
    }

    fn open(&mut self, rid: RendezvousId, idx: u8, now: Moment) -> Result<(), Refusal> {
        if idx != 0 {
            return Err(Refusal::plain(Reason::MailGone));
        }
        if self.by_rid.len() >= MAILBOXES_MAX {
            return Err(Refusal { reason: Reason::Busy, argument: 60_000 });
        }
        let ends = now + Duration::from_secs(MAILBOX_SECONDS);
        let mailbox = Mailbox { ends, bytes: 0, messages: Vec::new(), waiters: Vec::new() };
        self.by_rid.insert(rid, mailbox);
        Ok(())
    }

    /// Messages from the waiter's place on, or a place in line.
    pub(super) fn get(&mut self, rid: RendezvousId, waiter: Waiter) -> Result<Got, Refusal> {
        let Some(mailbox) = self.by_rid.get_mut(&rid) else {
            return Err(Refusal::plain(Reason::MailGone));
        };
        let mail = mailbox.from(waiter.from);
        if !mail.is_empty() {
            return Ok(Got::Mail(mail));
        }
        let oldest_goes = mailbox.waiters.len() >= MAIL_WAITERS_MAX;
        let gone = oldest_goes.then(|| mailbox.waiters.remove(0));
        mailbox.waiters.push(waiter);
        Ok(Got::Waits(gone))
    }

    /// Messages from a place on.
    pub(super) fn mail(&self, rid: RendezvousId, from: u8) -> Mail {
        self.by_rid.get(&rid).map(|mailbox| mailbox.from(from)).unwrap_or_default()
    }

    /// Waiters whose time is over, and those of boxes that end now.
    pub(super) fn expire(&mut self, now: Moment) -> Vec<Waiter> {
        let mut gone = Vec::new();
        for mailbox in self.by_rid.values_mut() {
            let ended = mailbox.ends <= now;
            let all = mailbox.waiters.drain(..);
            let (over, waiting) = all.partition::<Vec<_>, _>(|w| ended || w.until <= now);
            mailbox.waiters = waiting;
            gone.extend(over);
        }
        self.by_rid.retain(|_, mailbox| mailbox.ends > now);
        self.bytes = self.by_rid.values().map(|mailbox| mailbox.bytes).sum();
        gone
    }

    /// When [`Mailboxes::expire`] has something to do next.
    pub(super) fn next_end(&self) -> Option<Moment> {
        let ends = |mailbox: &Mailbox| {
            mailbox.waiters.iter().map(|waiter| waiter.until).chain([mailbox.ends]).min()
        };
        self.by_rid.values().filter_map(ends).min()
    }

    /// Forgets who waited on a stream, or on all streams of a connection.
    pub(super) fn forget(&mut self, connection: ConnectionId, stream: Option<StreamId>) {
        for mailbox in self.by_rid.values_mut() {
            mailbox.waiters.retain(|waiter| {
                waiter.connection != connection || stream.is_some_and(|s| s != waiter.stream)
            });
        }
    }
}

impl Mailbox {
    fn from(&self, from: u8) -> Mail {
        (0_u8..).zip(&self.messages).skip(usize::from(from)).map(|(i, m)| (i, m.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RID: RendezvousId = RendezvousId::from_bytes([1; 16]);

    fn at(seconds: u64) -> Moment {
        Moment::after_origin(Duration::from_secs(seconds))
    }

    fn waiter(connection: u64, from: u8) -> Waiter {
        let (connection, stream) = (ConnectionId(connection), StreamId(3));
        Waiter { connection, stream, from, until: at(30) }
    }

    fn reason(result: Result<Vec<Waiter>, Refusal>) -> Reason {
        result.unwrap_err().reason
    }

    #[test]
    fn messages_stand_in_order_and_the_same_message_may_come_again() {
        let mut all = Mailboxes::default();
        assert_eq!(reason(all.put(RID, 1, vec![1], at(0))), Reason::MailGone);
        assert_eq!(all.put(RID, 0, vec![1], at(0)), Ok(Vec::new()));
        assert_eq!(all.put(RID, 0, vec![1], at(0)), Ok(Vec::new()));
        assert_eq!(reason(all.put(RID, 0, vec![2], at(0))), Reason::MailConflict);
        assert_eq!(reason(all.put(RID, 2, vec![2], at(0))), Reason::MailConflict);
        assert_eq!(all.put(RID, 1, vec![2], at(0)), Ok(Vec::new()));
        assert_eq!(all.mail(RID, 0), [(0, vec![1]), (1, vec![2])]);
        assert_eq!(all.mail(RID, 1), [(1, vec![2])]);
    }

    #[test]
    fn ten_messages_and_64_kib_fill_a_mailbox() {
        let mut all = Mailboxes::default();
        for idx in 0..10 {
            all.put(RID, idx, vec![idx], at(0)).unwrap();
        }
        assert_eq!(reason(all.put(RID, 10, vec![1], at(0))), Reason::MailFull);
        let other = RendezvousId::from_bytes([2; 16]);
        all.put(other, 0, vec![0; MAIL_BYTES_MAX], at(0)).unwrap();
        all.put(other, 1, vec![0; MAIL_BYTES_MAX], at(0)).unwrap();
        assert_eq!(reason(all.put(other, 2, vec![1], at(0))), Reason::MailFull);
        assert_eq!(reason(all.put(other, 2, vec![0; MAIL_BYTES_MAX + 1], at(0))), Reason::MailFull);
    }

    #[test]
    fn a_mailbox_ends_after_ten_minutes_whatever_happens_in_it() {
        let mut all = Mailboxes::default();
        all.put(RID, 0, vec![1], at(0)).unwrap();
        all.put(RID, 1, vec![1], at(599)).unwrap();
        assert_eq!(all.next_end(), Some(at(600)));
        assert_eq!(all.expire(at(599)), []);
        assert!(all.is_open(RID));
        all.expire(at(600));
        assert!(!all.is_open(RID));
        assert_eq!((all.bytes, all.next_end()), (0, None));
    }

    #[test]
    fn a_waiter_is_told_when_its_message_comes_or_its_time_is_over() {
        let mut all = Mailboxes::default();
        all.put(RID, 0, vec![1], at(0)).unwrap();
        assert_eq!(all.get(RID, waiter(1, 0)), Ok(Got::Mail(vec![(0, vec![1])])));
        assert_eq!(all.get(RID, waiter(1, 1)), Ok(Got::Waits(None)));
        assert_eq!(all.get(RID, waiter(2, 2)), Ok(Got::Waits(None)));
        assert_eq!(all.put(RID, 1, vec![2], at(1)), Ok(vec![waiter(1, 1)]));
        assert_eq!(all.next_end(), Some(at(30)));
        assert_eq!(all.expire(at(30)), [waiter(2, 2)]);
    }

    #[test]
    fn a_fifth_waiter_sends_the_oldest_away_and_a_closed_one_is_forgotten() {
        let mut all = Mailboxes::default();
        all.put(RID, 0, vec![1], at(0)).unwrap();
        for connection in 0..4 {
            assert_eq!(all.get(RID, waiter(connection, 1)), Ok(Got::Waits(None)));
        }
        assert_eq!(all.get(RID, waiter(4, 1)), Ok(Got::Waits(Some(waiter(0, 1)))));
        all.forget(ConnectionId(1), None);
        all.forget(ConnectionId(2), Some(StreamId(9)));
        assert_eq!(all.put(RID, 1, vec![2], at(1)).unwrap().len(), 3);
    }
}
