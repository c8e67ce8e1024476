//! Pushes, control items and new spaces: into a batch, through one commit, out as receipts.

use super::admission::{Channel, Right, Seat, is_creation};
use super::limits::{
    APPEND_BYTES_OPEN_MAX, BATCH_BYTES_MAX, BATCH_MAX, PUSH_BYTES_OPEN_MAX, PUSHES_OPEN_MAX,
};
use super::output::{ConnectionId, Output, StreamId};
use super::relay::{DISK_FAILED_MS, Origin, Relay, prefix_rate, principal_rate, spread};
use super::session::{Lane, Stream, Use};
use crate::job::{Append, Batch, Committed, Failure, Outcome, Place, What};
use wire::control::ControlItem;
use wire::envelope::{Class, EnvelopeError, inspect};
use wire::frame::{Creation, Frame};
use wire::hash::{envelope_id, item_hash};
use wire::id::{ItemHash, SpaceHandle};
use wire::receipt::Receipt;
use wire::refusal::{Reason, Refusal};

const BUSY: Refusal = Refusal { reason: Reason::Busy, argument: 2_000 };

impl Relay {
    pub(super) fn push(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        who: (SpaceHandle, Seat),
        envelope: Vec<u8>,
    ) {
        let number = self.count();
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let new = || {
            Stream::new(Use::Push(Lane {
                sid: who.0,
                number,
                open: 0,
                finished: false,
                refusal: None,
            }))
        };
        let to = session.streams.entry(stream).or_insert_with(new);
        if to.done {
            return;
        }
        let Use::Push(lane) = &to.purpose else {
            return self.close(connection, Refusal::plain(Reason::Form));
        };
        if lane.sid != who.0 {
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        if lane.refusal.is_some() {
            return;
        }
        let lane_number = lane.number;
        match self.check_push(connection, who, &envelope) {
            Ok(epoch) => {
                let id = envelope_id(&envelope);
                let what = What::Data { id, epoch, envelope };
                let append = Append { lane: lane_number, sid: who.0, slot: who.1.slot, what };
                self.enqueue(connection, stream, append);
            }
            Err(refusal) => self.refuse_push(connection, stream, refusal),
        }
    }

    /// The epoch that the envelope must match, if everything else allows it.
    fn check_push(
        &mut self,
        connection: ConnectionId,
        who: (SpaceHandle, Seat),
        envelope: &[u8],
    ) -> Result<Option<u32>, Refusal> {
        if who.1.right == Right::Retired {
            return Err(Refusal::plain(Reason::AuthOldKey));
        }
        let (class, epoch) = inspect(envelope).map_err(envelope_refusal)?;
        let epoch = match class {
            Class::Entry | Class::SnapshotChunk | Class::BlobSegment => Some(epoch),
            Class::Notice => None,
            Class::Control | Class::Ephemeral | Class::Mailbox => {
                return Err(Refusal::plain(Reason::EnvelopeSuite));
            }
        };
        self.has_room(connection, envelope.len())?;
        self.charge(who, principal_rate::PUSHES, self.limits.pushes, 1)?;
        let cost = u64::try_from(envelope.len()).unwrap_or(u64::MAX);
        self.charge(who, principal_rate::BYTES, self.limits.push_bytes, cost)?;
        Ok(epoch)
    }

    fn has_room(&self, connection: ConnectionId, bytes: usize) -> Result<(), Refusal> {
        let within = self.sessions.get(&connection).is_some_and(|session| {
            session.appends_open < PUSHES_OPEN_MAX
                && session.append_bytes_open + bytes <= PUSH_BYTES_OPEN_MAX
        });
        if self.append_bytes + bytes > APPEND_BYTES_OPEN_MAX {
            // The same is said to many at once.
            return Err(spread(Reason::Busy, BUSY.argument, connection));
        }
        if within { Ok(()) } else { Err(BUSY) }
    }

    pub(super) fn append_control(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        who: (SpaceHandle, Seat),
        given: (u32, Vec<u8>),
    ) {
        let (idx, bytes) = given;
        let checked = self.check_control(connection, who, idx, &bytes);
        match checked {
            Ok(item) => {
                let (hash, prev, epoch) = (item_hash(&bytes), item.prev, item.epoch_after);
                let what = What::Control { hash, idx, prev, epoch, item: bytes };
                let lane = self.count();
                let append = Append { lane, sid: who.0, slot: who.1.slot, what };
                self.enqueue(connection, stream, append);
            }
            Err(refusal) => self.refuse(connection, stream, refusal),
        }
    }

    fn check_control(
        &mut self,
        connection: ConnectionId,
        who: (SpaceHandle, Seat),
        idx: u32,
        bytes: &[u8],
    ) -> Result<ControlItem, Refusal> {
        if who.1.right == Right::Retired {
            return Err(Refusal::plain(Reason::AuthOldKey));
        }
        let item = ControlItem::decode(bytes).map_err(envelope_refusal)?;
        if item.idx != idx {
            return Err(Refusal::plain(Reason::WireForm));
        }
        self.has_room(connection, bytes.len())?;
        self.charge(who, principal_rate::CONTROL, self.limits.control_appends, 1)?;
        Ok(item)
    }

    pub(super) fn create(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        sid: SpaceHandle,
        given: (Vec<u8>, Creation),
    ) {
        let (bytes, creation) = given;
        let rate = self.limits.creations;
        if !self.prefix_may(connection, stream, prefix_rate::CREATIONS, rate) {
            return;
        }
        match self.check_creation(connection, sid, &bytes, &creation) {
            Ok(item) => {
                let (hash, epoch) = (item_hash(&bytes), item.epoch_after);
                let principals = creation.principals;
                let what = What::Create { hash, epoch, item: bytes, principals };
                let lane = self.count();
                self.enqueue(connection, stream, Append { lane, sid, slot: 0, what });
            }
            Err(refusal) => self.refuse(connection, stream, refusal),
        }
    }

    fn check_creation(
        &self,
        connection: ConnectionId,
        sid: SpaceHandle,
        bytes: &[u8],
        creation: &Creation,
    ) -> Result<ControlItem, Refusal> {
        let item = ControlItem::decode(bytes).map_err(envelope_refusal)?;
        if item.idx != 0 || item.prev != ItemHash::ZERO {
            return Err(Refusal::plain(Reason::WireForm));
        }
        self.has_room(connection, bytes.len())?;
        let session = self.sessions.get(&connection).ok_or(BUSY)?;
        let channel = Channel { relay: self.key.id(), exporter: &session.exporter };
        if is_creation(channel, sid, item_hash(bytes), creation) {
            Ok(item)
        } else {
            Err(Refusal::plain(Reason::AuthBad))
        }
    }

    fn enqueue(&mut self, connection: ConnectionId, stream: StreamId, append: Append) {
        let bytes = append_bytes(&append.what);
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.appends_open += 1;
        session.append_bytes_open += bytes;
        self.append_bytes += bytes;
        if let Some(lane) = session.lane(stream) {
            lane.open += 1;
        }
        self.appends.push_back((Origin { connection, stream, bytes }, append));
    }

    /// The next group commit, if none is under way: everything that waits, up to its bounds.
    pub(super) fn next_batch(&mut self) -> Option<Output> {
        if self.committing.is_some() || self.appends.is_empty() {
            return None;
        }
        let (mut origins, mut appends, mut bytes) = (Vec::new(), Vec::new(), 0);
        while appends.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
            let Some((origin, append)) = self.appends.pop_front() else { break };
            if self.is_awaited(origin) {
                bytes += origin.bytes;
                origins.push(origin);
                appends.push(append);
            } else {
                self.settle(origin);
            }
        }
        if appends.is_empty() {
            return None;
        }
        self.committing = Some(origins);
        let (bounds, at) = (self.limits.storage, self.clock.timestamp);
        Some(Output::Commit(Batch { appends, bounds, at }))
    }

    /// Whether anybody still waits for it: its stream is open and was not refused.
    fn is_awaited(&mut self, origin: Origin) -> bool {
        let Some(session) = self.sessions.get_mut(&origin.connection) else { return false };
        match session.streams.get(&origin.stream) {
            Some(Stream { purpose: Use::Push(lane), done, .. }) => !done && lane.refusal.is_none(),
            Some(Stream { purpose: Use::Request, done, .. }) => !done,
            Some(Stream { purpose: Use::Control | Use::Tail(_), .. }) | None => false,
        }
    }

    /// A batch is durable: receipts go out, tails get what is new.
    pub fn handle_committed(&mut self, committed: Committed, now: super::Now) {
        self.clock = now;
        let receipts = self.key.receipts(self.store, &committed);
        let Some(origins) = self.committing.take() else { return };
        let Committed { batch, outcomes } = committed;
        let all = origins.into_iter().zip(batch.appends).zip(outcomes.into_iter().zip(receipts));
        for ((origin, append), (outcome, receipt)) in all {
            self.settled(origin, append, outcome, receipt);
        }
    }

    /// A batch could not be made durable: nothing of it is receipted.
    pub fn handle_commit_failed(&mut self, failure: Failure, now: super::Now) {
        self.clock = now;
        for origin in self.committing.take().into_iter().flatten() {
            let refusal = match failure {
                Failure::NoSpace => Refusal::plain(Reason::NoSpace),
                Failure::Broken => spread(Reason::Busy, DISK_FAILED_MS, origin.connection),
            };
            self.refuse_append(origin, refusal);
            self.settle(origin);
        }
    }

    fn settled(
        &mut self,
        origin: Origin,
        append: Append,
        outcome: Outcome,
        receipt: Option<Receipt>,
    ) {
        match outcome {
            Outcome::Stored(place) => {
                if let Some(receipt) = receipt {
                    self.answer(origin, &append.what, receipt);
                }
                if place.fresh {
                    self.spread(origin.connection, append, place);
                }
            }
            Outcome::StaleEpoch { epoch } => self.refuse_append(
                origin,
                Refusal { reason: Reason::StaleEpoch, argument: u64::from(epoch) },
            ),
            Outcome::Conflict { control } => self.refuse_append(
                origin,
                Refusal { reason: Reason::Conflict, argument: u64::from(control) },
            ),
            Outcome::Quota { limit } => {
                self.refuse_append(origin, Refusal { reason: Reason::Quota, argument: limit });
            }
            Outcome::Full => self.refuse_append(origin, Refusal::plain(Reason::NoSpace)),
            Outcome::Unknown => self.refuse_append(origin, Refusal::plain(Reason::AuthBad)),
            Outcome::Behind => {}
        }
        self.settle(origin);
    }

    fn answer(&mut self, origin: Origin, what: &What, receipt: Receipt) {
        let (frame, last) = match what {
            What::Data { .. } => (Frame::Pushed { receipt }, false),
            What::Control { .. } | What::Create { .. } => (Frame::Appended { receipt }, true),
        };
        self.send(origin.connection, origin.stream, frame, last);
    }

    /// Tells the others in the space.
    fn spread(&mut self, from: ConnectionId, append: Append, place: Place) {
        let Append { sid, what, .. } = append;
        match what {
            What::Data { envelope, .. } => self.feed_live(sid, place, envelope),
            What::Control { idx, epoch, .. } => {
                let Some(space) = self.spaces.get_mut(&sid) else { return };
                space.facts.control = space.facts.control.max(idx.saturating_add(1));
                space.facts.epoch = epoch;
                let (n, control) = (space.facts.n, space.facts.control);
                let others: Vec<_> = space.seated.keys().copied().filter(|c| *c != from).collect();
                for connection in others {
                    let frame = Frame::Head { sid, n, control };
                    self.send(connection, StreamId::CONTROL, frame, false);
                }
            }
            What::Create { .. } => {}
        }
    }

    fn refuse_append(&mut self, origin: Origin, refusal: Refusal) {
        let Some(session) = self.sessions.get_mut(&origin.connection) else { return };
        if session.lane(origin.stream).is_some() {
            self.refuse_push(origin.connection, origin.stream, refusal);
        } else {
            self.refuse(origin.connection, origin.stream, refusal);
        }
    }

    /// Refuses the rest of a push stream, once everything before it is answered.
    fn refuse_push(&mut self, connection: ConnectionId, stream: StreamId, refusal: Refusal) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if let Some(lane) = session.lane(stream) {
            lane.refusal.get_or_insert(refusal);
        }
        self.settle_lane(connection, stream);
    }

    /// An append is answered or dropped.
    fn settle(&mut self, origin: Origin) {
        self.append_bytes = self.append_bytes.saturating_sub(origin.bytes);
        let Some(session) = self.sessions.get_mut(&origin.connection) else { return };
        session.appends_open = session.appends_open.saturating_sub(1);
        session.append_bytes_open = session.append_bytes_open.saturating_sub(origin.bytes);
        if let Some(lane) = session.lane(origin.stream) {
            lane.open = lane.open.saturating_sub(1);
            self.settle_lane(origin.connection, origin.stream);
        }
    }

    /// Ends a push stream that was refused or finished, when nothing on it is open.
    pub(super) fn settle_lane(&mut self, connection: ConnectionId, stream: StreamId) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let Some(Lane { open: 0, finished, refusal, .. }) = session.lane(stream) else { return };
        match (*refusal, *finished) {
            (Some(refusal), _) => self.refuse(connection, stream, refusal),
            (None, true) => {
                session.drop_stream(stream);
                self.outputs.push_back(Output::Finish { connection, stream });
            }
            (None, false) => {}
        }
    }
}

const fn append_bytes(what: &What) -> usize {
    match what {
        What::Data { envelope: bytes, .. }
        | What::Control { item: bytes, .. }
        | What::Create { item: bytes, .. } => bytes.len(),
    }
}

const fn envelope_refusal(error: EnvelopeError) -> Refusal {
    Refusal::plain(match error {
        EnvelopeError::Size => Reason::EnvelopeSize,
        EnvelopeError::Suite => Reason::EnvelopeSuite,
    })
}
