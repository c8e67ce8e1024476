//! The data log of one space, from the cursor to the relay's head: pages first, then a tail.
//!
//! Three positions: `cursor` (stored by the owner) <= `in_hand` (handed over) <= `received` (checked against the
//! running hash). A page is asked for only when all before is stored, so memory holds one page, or a tail's backlog up
//! to its bound. Whenever the relay states `R_n`, at a page's end, at sign-in or in a receipt, it must be ours.

use core::time::Duration;

use wire::frame::{Channel, Frame};
use wire::id::{RunningHash, SpaceHandle, StoreId};
use wire::limit::ENVELOPE_BYTES_MAX;
use wire::time::Moment;

use super::amnesia::judge;
use super::backlog::{BATCH_COUNT, Backlog};
use super::backoff::Retry;
use super::claims::Claims;
use super::control::Control;
use super::gap::Again;
use super::lie::Lie;
use super::line::{Line, Question, Route};
use super::output::{Cursor, Delivery, Output};

/// What one page may hold. Its last envelope may stand over.
pub(super) const PAGE_BYTES: usize = 1_048_576;
#[derive(Debug)]
pub(super) enum Phase {
    /// Not signed in.
    Out,
    /// Signed in; the relay said where its log stands.
    Told { head: Cursor },
    /// The relay forgot; the pull from the start waits.
    Polite { until: Moment },
    /// There is more at the relay.
    Behind,
    /// A page is open.
    Paging { request: u64, bytes: usize, before: u64 },
    /// At the head, no tail.
    Level,
    /// `Tail` is sent.
    Asking,
    /// The tail runs.
    Tailing,
}

/// Whether the owner has stored all that the relay holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Not since the start, or not since the relay forgot.
    Never,
    /// On an earlier sign-in.
    Before,
    /// On this one; `CaughtUp` is said.
    Said,
}

/// The data log of one space, here and at the relay.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) sid: SpaceHandle,
    pub(super) cursor: Cursor,
    pub(super) received: Cursor,
    pub(super) in_hand: Option<Cursor>,
    backlog: Backlog,
    /// The relay's newest position, as far as it told.
    head: u64,
    /// A running hash was compared since this device counts from `cursor`'s store: a mismatch from now on is a lie.
    pub(super) verified: bool,
    pub(super) level: Level,
    pub(super) forgot: bool,
    /// The newest position that a receipt of this store names, with `R_n` there; kept over reconnects.
    pub(super) promised: (u64, RunningHash),
    /// More was told while a page was open: one more look.
    news: bool,
    pub(super) claims: Claims,
    pub(super) phase: Phase,
    retry: Retry,
    tail_retry: Retry,
    pub(super) again: Again,
}

impl Pull {
    pub(super) fn new(sid: SpaceHandle, cursor: Cursor) -> Self {
        Self {
            sid,
            cursor,
            received: cursor,
            in_hand: None,
            backlog: Backlog::default(),
            head: cursor.n,
            verified: false,
            level: Level::Never,
            forgot: false,
            promised: (0, RunningHash::ZERO),
            news: false,
            claims: Claims::default(),
            phase: Phase::Out,
            retry: Retry::NEW,
            tail_retry: Retry::NEW,
            again: Again::new(),
        }
    }

    /// The relay let us in; its log stands at `head`.
    pub(super) fn told(&mut self, head: Cursor) {
        (self.head, self.verified) = (head.n, false);
        if self.level == Level::Said {
            self.level = Level::Before;
        }
        self.phase = Phase::Told { head };
        let (n, running) = self.promised;
        if n > self.received.n {
            self.claims.stated(n, running, self.received.n);
        }
    }

    /// The relay's log stands at `n` now.
    pub(super) fn heard(&mut self, n: u64) {
        if n > self.head {
            self.head = n;
            self.news = true;
        }
    }

    /// The owner stored what was handed over.
    pub(super) fn delivered(&mut self, cursor: Cursor) {
        if self.in_hand == Some(cursor) {
            self.in_hand = None;
            self.cursor = cursor;
        }
    }

    pub(super) fn step(&mut self, control: &mut Control, line: &mut Line) {
        if control.may_read() {
            self.advance(line);
            self.hand_over(control, line);
        }
        self.say_level(control, line);
    }

    fn advance(&mut self, line: &mut Line) {
        if let Phase::Told { head } = self.phase
            && self.is_all_stored()
        {
            self.compare(head, line);
        }
        if let Phase::Polite { until } = self.phase
            && until <= line.now
        {
            self.phase = Phase::Behind;
        }
        if matches!(self.phase, Phase::Level) {
            if self.head > self.received.n {
                self.phase = Phase::Behind;
            } else if line.live && line.may_tail() && self.tail_retry.is_ready(line.now) {
                self.phase = Phase::Asking;
                let frame = Frame::Tail { sid: self.sid, after: self.received.n };
                line.question(Question::Tail(self.sid), frame);
            }
        }
        if matches!(self.phase, Phase::Behind)
            && self.is_all_stored()
            && line.has_room()
            && self.retry.is_ready(line.now)
        {
            let max_bytes = PAGE_BYTES as u64;
            let frame = Frame::Pull { sid: self.sid, after: self.received.n, max_bytes };
            let request = line.request(Route::Page(self.sid), frame);
            self.news = false;
            self.phase = Phase::Paging { request, bytes: 0, before: self.received.n };
        }
        let forward = matches!(self.phase, Phase::Level | Phase::Asking | Phase::Tailing);
        if forward && self.is_all_stored() {
            self.again.step(self.sid, self.cursor.n, line);
        }
    }

    fn compare(&mut self, head: Cursor, line: &mut Line) {
        if let Some(amnesia) = judge(self.received, self.promised.0, head) {
            return self.forget(amnesia, line);
        }
        if self.received.store == StoreId::ZERO {
            // An empty batch, so that the store met first is remembered before anything can be lost there.
            self.received = Cursor::start(head.store);
            self.deliver(Vec::new(), self.received, line);
        }
        let level = head.n == self.received.n;
        self.verified = level && head.running == self.received.running;
        self.phase = if level { Phase::Level } else { Phase::Behind };
    }

    fn hand_over(&mut self, control: &mut Control, line: &mut Line) {
        if self.in_hand.is_some() {
            return;
        }
        // While a page comes in, a batch is filled first: a commit for each envelope would take all day.
        if matches!(self.phase, Phase::Paging { .. }) && !self.backlog.fills_a_batch() {
            return;
        }
        if let Some((batch, cursor)) = self.backlog.take(control) {
            self.deliver(batch, cursor, line);
        } else if self.backlog.is_empty() {
            let batch = self.again.take(BATCH_COUNT);
            if !batch.is_empty() {
                self.deliver(batch, self.cursor, line);
            }
        }
    }

    fn deliver(&mut self, batch: Vec<Delivery>, cursor: Cursor, line: &mut Line) {
        self.in_hand = Some(cursor);
        line.put(Output::Deliver { sid: self.sid, batch, cursor });
    }

    fn say_level(&mut self, control: &Control, line: &mut Line) {
        if self.level != Level::Said && self.is_stored() && control.may_read() {
            self.level = Level::Said;
            line.put(Output::CaughtUp { sid: self.sid });
        }
    }

    pub(super) fn page_data(
        &mut self,
        n: u64,
        envelope: Vec<u8>,
        line: &mut Line,
    ) -> Result<(), Lie> {
        let Phase::Paging { bytes, .. } = &mut self.phase else { return Err(Lie::Unasked) };
        *bytes += envelope.len();
        if *bytes > PAGE_BYTES + ENVELOPE_BYTES_MAX {
            return Err(Lie::TooMuch);
        }
        self.take(n, envelope, line)
    }

    pub(super) fn page_end(
        &mut self,
        n: u64,
        running: RunningHash,
        line: &mut Line,
    ) -> Result<(), Lie> {
        let Phase::Paging { before, .. } = self.phase else { return Err(Lie::Unasked) };
        if n < self.received.n {
            return Err(Lie::Shrunk);
        }
        if n > self.received.n {
            self.head = self.head.max(n);
            self.phase = Phase::Behind;
            return if self.received.n > before { Ok(()) } else { Err(Lie::Stalled) };
        }
        self.retry.reset();
        self.phase = Phase::Level;
        if running != self.received.running {
            return self.disagree(line);
        }
        if !self.news {
            // What was told before and is not there: the relay's last word counts.
            self.head = n;
        }
        self.verified = true;
        Ok(())
    }

    pub(super) fn page_failed(&mut self, at_least: Duration, line: &mut Line) {
        if matches!(self.phase, Phase::Paging { .. }) {
            self.phase = Phase::Behind;
        }
        self.retry.failed(line.now, at_least, &mut line.jitter);
    }

    pub(super) fn tail_started(&mut self, line: &mut Line) -> Result<(), Lie> {
        if !line.answered(Question::Tail(self.sid)) {
            return Err(Lie::Unasked);
        }
        self.phase = Phase::Tailing;
        Ok(())
    }

    /// A tailed envelope. One that comes after the tail was given up is passed over, and so is a repeat.
    pub(super) fn tail_data(
        &mut self,
        n: u64,
        envelope: Vec<u8>,
        line: &mut Line,
    ) -> Result<(), Lie> {
        if !matches!(self.phase, Phase::Tailing) || n <= self.received.n {
            return Ok(());
        }
        self.tail_retry.reset();
        self.take(n, envelope, line)?;
        if self.backlog.is_over() {
            line.put(Output::Cancel { channel: Channel::Tail(self.sid) });
            self.phase = Phase::Behind;
        }
        Ok(())
    }

    /// The tail is refused or ended: pages find out what it did not bring.
    pub(super) fn tail_lost(&mut self, at_least: Duration, line: &mut Line) {
        if matches!(self.phase, Phase::Asking | Phase::Tailing) {
            line.give_up(Question::Tail(self.sid));
            self.phase = Phase::Behind;
            self.tail_retry.failed(line.now, at_least, &mut line.jitter);
        }
    }

    fn take(&mut self, n: u64, envelope: Vec<u8>, line: &mut Line) -> Result<(), Lie> {
        let expected = self.received.n.saturating_add(1);
        if n != expected {
            return Err(Lie::Order { expected, got: n });
        }
        let delivery = Delivery::new(n, envelope);
        let cursor = self.received.after(self.sid, delivery.id);
        self.received = cursor;
        self.head = self.head.max(n);
        self.backlog.push(delivery, cursor);
        if self.claims.computed(n, cursor.running) { Ok(()) } else { self.disagree(line) }
    }

    pub(super) fn drop_backlog(&mut self) {
        self.backlog.clear();
        self.claims.clear();
    }

    /// The connection is gone. What is in the owner's hands may still be stored.
    pub(super) fn cut(&mut self) {
        self.drop_backlog();
        self.received = self.in_hand.unwrap_or(self.cursor);
        self.phase = Phase::Out;
        self.retry.reset();
        self.tail_retry.reset();
        self.again.cut();
    }

    pub(super) fn hurry(&mut self) {
        self.retry.reset();
        self.tail_retry.reset();
        self.again.hurry();
        if let Phase::Polite { until } = &mut self.phase {
            *until = Moment::ORIGIN;
        }
    }

    /// Whether the relay forgot since this was asked last.
    pub(super) const fn take_forgot(&mut self) -> bool {
        core::mem::replace(&mut self.forgot, false)
    }

    /// Whether the owner has stored, since this sign-in, all that the relay held then: only so does a device that was
    /// restored from a copy, or copied, know it before it sends anything.
    pub(super) fn is_said(&self) -> bool {
        self.level == Level::Said
    }

    /// Whether the owner has stored, at least once since the start or since the relay forgot, all that it holds.
    pub(super) fn was_level(&self) -> bool {
        self.level != Level::Never
    }

    /// All that the relay is known to hold is stored here.
    pub(super) fn is_stored(&self) -> bool {
        let level = matches!(self.phase, Phase::Level | Phase::Asking | Phase::Tailing);
        level && self.is_all_stored() && self.head <= self.received.n
    }

    /// As [`Pull::is_stored`], with the tail running if there is to be one, and no gap open.
    pub(super) fn is_level(&self, live: bool) -> bool {
        self.is_stored() && self.again.is_idle() && (!live || matches!(self.phase, Phase::Tailing))
    }

    /// Whether the tail owes an envelope that the relay is known to hold.
    pub(super) const fn is_owed(&self) -> bool {
        matches!(self.phase, Phase::Tailing) && self.head > self.received.n
    }

    pub(super) const fn behind(&self) -> u64 {
        self.head.saturating_sub(self.cursor.n)
    }

    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        let polite = match self.phase {
            Phase::Polite { until } if until > now => Some(until),
            Phase::Polite { .. }
            | Phase::Out
            | Phase::Told { .. }
            | Phase::Behind
            | Phase::Paging { .. }
            | Phase::Level
            | Phase::Asking
            | Phase::Tailing => None,
        };
        let retries = [&self.retry, &self.tail_retry].map(|retry| retry.timeout(now));
        [polite, self.again.timeout(now)].into_iter().chain(retries).flatten().min()
    }

    fn is_all_stored(&self) -> bool {
        self.in_hand.is_none() && self.backlog.is_empty()
    }
}
