//! The control log of one space: level with the relay before any data moves.
//!
//! The relay has more: pull, hand over, wait until stored. It has less: feed it what it lost. It has another item at
//! an index that both have: hand over its log from the first item on, so that the owner sees where the two part; the
//! owner cuts its own back to there, and begins the connection anew as one that is behind. An append of ours goes first, because the relay answers one that it already
//! holds with its receipt, and so an append whose answer was lost is told from one that was overtaken.

use core::time::Duration;

use wire::frame::Frame;
use wire::hash::item_hash;
use wire::id::{ItemHash, SpaceHandle, StoreId};
use wire::receipt::{Receipt, ReceiptKind};
use wire::time::Moment;

use super::backoff::Retry;
use super::lie::Lie;
use super::line::{Line, Route};
use super::output::{Output, SpaceStart};

/// Items handed over before the owner must have stored them: about 1.2 MB.
const ITEMS_MAX: u32 = 64;
/// Where the previous item's hash stands in an item: after version, suite, class, flags, idx and two epochs.
const PREVIOUS_AT: usize = 16;

/// What the control log is waiting for.
#[derive(Debug)]
enum Phase {
    /// Nothing is under way.
    Idle,
    /// A pull is open; `next` and `head` are where the log handed over stands. The first item may be one that is
    /// stored here, to compare.
    Pulling { request: u64, next: u32, head: ItemHash, compare: bool },
    /// All up to `count` is handed over and not yet stored.
    Storing { count: u32 },
    /// `NeedControl` is out.
    Fetching { idx: u32 },
    /// The relay is given an item that it lost.
    Feeding { idx: u32, hash: ItemHash },
    /// The relay is given a new item.
    Appending { idx: u32, hash: ItemHash },
    /// Relay and device hold different logs: the relay's is handed over to be compared.
    Comparing { request: u64, next: u32 },
    /// The two differ and the owner did not find where; nothing moves on this connection.
    Forked,
}

/// The control log of one space, here and at the relay.
#[derive(Debug)]
pub(super) struct Control {
    sid: SpaceHandle,
    count: u32,
    head: ItemHash,
    epoch: u32,
    /// How many the relay holds, as far as it told.
    held: u32,
    /// Something says that there may be more.
    wanted: bool,
    /// The relay's database that held the same log as this device; zero if none did.
    agreed: StoreId,
    /// The relay is another one than before: is our head also its?
    check_head: bool,
    /// On this connection it was.
    checked: bool,
    /// The highest epoch of an envelope that made us look.
    looked_for: u32,
    append: Option<(u32, Vec<u8>)>,
    phase: Phase,
    retry: Retry,
}

impl Control {
    pub(super) fn new(start: &SpaceStart) -> Self {
        Self {
            sid: start.sid,
            count: start.control,
            head: start.control_head,
            epoch: start.epoch,
            held: 0,
            wanted: false,
            agreed: start.agreed,
            check_head: false,
            checked: false,
            looked_for: 0,
            append: None,
            phase: Phase::Idle,
            retry: Retry::default(),
        }
    }

    /// The relay let us in and holds `held` items.
    pub(super) fn told(&mut self, held: u32, store: StoreId) {
        self.held = held;
        if store != self.agreed {
            self.doubt();
        }
    }

    /// The relay lost something: is our head also its?
    pub(super) fn doubt(&mut self) {
        self.agreed = StoreId::ZERO;
        self.check_head = !self.checked && self.count > 0 && self.held >= self.count;
    }

    /// The relay now holds `held` items.
    pub(super) fn heard(&mut self, held: u32) {
        if held > self.held {
            self.held = held;
            self.wanted |= matches!(self.phase, Phase::Pulling { .. });
        }
    }

    /// Asks for a look at the relay's log, whatever it told.
    pub(super) const fn look(&mut self) {
        self.wanted = true;
    }

    /// Asks for a look because an envelope is sealed under `epoch`. False if that is no reason, or no more.
    pub(super) fn look_for(&mut self, epoch: u32) -> bool {
        let news = epoch > self.epoch.max(self.looked_for);
        if news {
            self.looked_for = epoch;
            self.wanted = true;
        }
        news
    }

    /// The owner wants an item appended.
    pub(super) fn append(&mut self, idx: u32, item: Vec<u8>) {
        self.append = Some((idx, item));
    }

    /// The owner gives an item that the relay lacks.
    pub(super) fn give(&mut self, idx: u32, item: Vec<u8>, line: &mut Line) {
        if matches!(self.phase, Phase::Fetching { idx: wanted } if wanted == idx) {
            self.phase = Phase::Feeding { idx, hash: item_hash(&item) };
            self.send(idx, item, line);
        }
    }

    /// The owner has stored so many. True if the epoch rose.
    pub(super) fn stored(&mut self, count: u32, head: ItemHash, epoch: u32) -> bool {
        if count < self.count {
            return false;
        }
        let rose = epoch > self.epoch;
        (self.count, self.head, self.epoch) = (count, head, epoch);
        if matches!(self.phase, Phase::Storing { count: awaited } if awaited <= count) {
            self.phase = Phase::Idle;
        }
        rose
    }

    pub(super) fn step(&mut self, line: &mut Line) {
        if !matches!(self.phase, Phase::Idle) || !self.retry.is_ready(line.now) {
            return;
        }
        if self.held < self.count {
            self.phase = Phase::Fetching { idx: self.held };
            line.put(Output::NeedControl { sid: self.sid, idx: self.held });
            return;
        }
        if !line.has_room() {
            return;
        }
        match self.append.clone() {
            Some((idx, item)) if idx == self.count => {
                self.phase = Phase::Appending { idx, hash: item_hash(&item) };
                self.send(idx, item, line);
                return;
            }
            Some(_) => self.drop_append(line),
            None => {}
        }
        if self.wanted || self.check_head || self.held > self.count {
            self.pull(line);
        }
    }

    fn pull(&mut self, line: &mut Line) {
        self.wanted = false;
        let next = self.count - u32::from(self.check_head);
        let frame = Frame::ControlPull { sid: self.sid, from: next };
        let request = line.request(Route::Control(self.sid), frame);
        self.phase = Phase::Pulling { request, next, head: self.head, compare: self.check_head };
    }

    fn send(&self, idx: u32, item: Vec<u8>, line: &mut Line) {
        let frame = Frame::ControlAppend { sid: self.sid, idx, item, creation: None };
        line.request(Route::Append(self.sid), frame);
    }

    fn drop_append(&mut self, line: &mut Line) {
        self.append = None;
        line.put(Output::ControlConflict { sid: self.sid });
    }

    /// An item came.
    pub(super) fn item(&mut self, idx: u32, item: Vec<u8>, line: &mut Line) -> Result<(), Lie> {
        if let Phase::Comparing { request, next } = self.phase {
            if idx != next {
                return Err(Lie::ControlOrder { idx: next });
            }
            self.phase = Phase::Comparing { request, next: next.saturating_add(1) };
            line.put(Output::ControlOther { sid: self.sid, idx, item });
            return Ok(());
        }
        let Phase::Pulling { request, next, head, compare } = self.phase else {
            return Err(Lie::Unasked);
        };
        if idx != next {
            return Err(Lie::ControlOrder { idx: next });
        }
        let (hash, after) = (item_hash(&item), next.saturating_add(1));
        if compare {
            if hash == head {
                self.checked = true;
                self.agreed = line.store.unwrap_or(StoreId::ZERO);
                self.phase = Phase::Pulling { request, next: after, head, compare: false };
            } else {
                self.fork(idx, line);
            }
            return Ok(());
        }
        let named = item.get(PREVIOUS_AT..).and_then(<[u8]>::first_chunk::<32>);
        if named != Some(head.as_bytes()) {
            self.fork(idx, line);
            return Ok(());
        }
        self.phase = Phase::Pulling { request, next: after, head: hash, compare };
        if idx >= self.count {
            line.put(Output::ControlReceived { sid: self.sid, idx, item });
        }
        if after.saturating_sub(self.count) >= ITEMS_MAX {
            line.cancel_request(request);
            self.wanted = true;
            self.phase = Phase::Storing { count: after };
        }
        Ok(())
    }

    /// The pull is complete.
    pub(super) fn end(&mut self, held: u32) -> Result<(), Lie> {
        if let Phase::Comparing { .. } = self.phase {
            self.phase = Phase::Forked;
            return Ok(());
        }
        let Phase::Pulling { next, .. } = self.phase else { return Err(Lie::Unasked) };
        if held > next {
            return Err(Lie::Stalled);
        }
        if held < next && next > self.count {
            return Err(Lie::ControlOrder { idx: next });
        }
        self.held = held;
        self.check_head = false;
        self.retry.reset();
        self.phase = if next > self.count { Phase::Storing { count: next } } else { Phase::Idle };
        Ok(())
    }

    /// An append is durable.
    pub(super) fn appended(&mut self, receipt: Receipt, line: &mut Line) -> Result<(), Lie> {
        let (Phase::Feeding { idx, hash } | Phase::Appending { idx, hash }) = self.phase else {
            return Err(Lie::Unasked);
        };
        let body = &receipt.body;
        let fits = body.kind == ReceiptKind::Control
            && body.sid == self.sid
            && body.n == u64::from(idx)
            && body.id == hash.to_bytes();
        if !fits {
            return Err(Lie::Receipt);
        }
        self.retry.reset();
        self.held = self.held.max(idx.saturating_add(1));
        if matches!(self.phase, Phase::Feeding { .. }) {
            self.phase = Phase::Idle;
        } else {
            self.append = None;
            self.phase = Phase::Storing { count: idx.saturating_add(1) };
            line.put(Output::ControlAppended { sid: self.sid, receipt });
        }
        Ok(())
    }

    /// Another item stands where ours was to go; or none does, and the relay's log ends with another item than ours:
    /// then one of the two is damaged, and the two are compared.
    pub(super) fn conflict(&mut self, held: u64, line: &mut Line) {
        if let Phase::Feeding { idx, .. } = self.phase {
            return self.fork(idx, line);
        }
        self.phase = Phase::Idle;
        if held == u64::from(self.count) {
            self.checked = false;
            self.doubt();
        }
        self.wanted = true;
        self.drop_append(line);
    }

    fn fork(&mut self, idx: u32, line: &mut Line) {
        if let Phase::Pulling { request, .. } = self.phase {
            line.cancel_request(request);
        }
        // Of a relay that forgot it proves nothing: others gave it what they held.
        if self.agreed != StoreId::ZERO && line.store == Some(self.agreed) {
            line.put(Output::Lied { sid: Some(self.sid), lie: Lie::ControlFork { idx } });
        }
        let frame = Frame::ControlPull { sid: self.sid, from: 0 };
        let request = line.request(Route::Control(self.sid), frame);
        self.phase = Phase::Comparing { request, next: 0 };
    }

    /// A pull or an append ended without its answer.
    pub(super) fn failed(&mut self, at_least: Duration, line: &mut Line) {
        self.phase = match self.phase {
            Phase::Pulling { next, .. } => {
                self.wanted = true;
                if next > self.count { Phase::Storing { count: next } } else { Phase::Idle }
            }
            Phase::Storing { count } => Phase::Storing { count },
            Phase::Forked => Phase::Forked,
            Phase::Comparing { .. } => {
                self.check_head = true;
                Phase::Idle
            }
            Phase::Idle
            | Phase::Fetching { .. }
            | Phase::Feeding { .. }
            | Phase::Appending { .. } => Phase::Idle,
        };
        self.retry.failed(line.now, at_least, &mut line.jitter);
    }

    /// The connection is gone. What is handed over stays with the owner, and nothing moves before it is stored.
    pub(super) fn cut(&mut self) {
        self.phase = match self.phase {
            Phase::Pulling { next: count, .. } | Phase::Storing { count } if count > self.count => {
                Phase::Storing { count }
            }
            Phase::Pulling { .. }
            | Phase::Storing { .. }
            | Phase::Idle
            | Phase::Fetching { .. }
            | Phase::Feeding { .. }
            | Phase::Appending { .. }
            | Phase::Comparing { .. }
            | Phase::Forked => Phase::Idle,
        };
        (self.wanted, self.check_head, self.checked) = (false, false, false);
        self.looked_for = 0;
        self.retry.reset();
    }

    pub(super) const fn hurry(&mut self) {
        self.retry.reset();
    }

    /// The epoch after the last item stored here.
    pub(super) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Nothing is known that is not stored here: data may be asked for and handed over.
    pub(super) const fn may_read(&self) -> bool {
        let quiet = match self.phase {
            Phase::Idle
            | Phase::Fetching { .. }
            | Phase::Feeding { .. }
            | Phase::Appending { .. } => true,
            Phase::Pulling { .. }
            | Phase::Storing { .. }
            | Phase::Comparing { .. }
            | Phase::Forked => false,
        };
        quiet && !self.wanted && !self.check_head && self.held <= self.count
    }

    /// Here and at the relay the same, and nothing about to change: data may be pushed.
    pub(super) const fn may_push(&self) -> bool {
        matches!(self.phase, Phase::Idle) && self.may_read() && self.held == self.count
    }

    /// As [`Control::may_push`], and nothing of ours waits to be appended.
    pub(super) const fn is_level(&self) -> bool {
        self.may_push() && self.append.is_none()
    }

    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        matches!(self.phase, Phase::Idle).then(|| self.retry.timeout(now)).flatten()
    }
}
