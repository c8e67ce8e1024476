//! Reads and tails: nothing is read from the disk or queued for a client that does not take what it already has.

use super::admission::Right;
use super::limits::{QUEUE_BYTES_MAX, TAIL_BYTES_MAX, TAIL_READ_BYTES, TAIL_STALL};
use super::output::{ConnectionId, Now, Output, StreamId};
use super::relay::{DISK_FAILED_MS, Lookup, Relay, Timer, principal_rate, spread};
use super::session::{Stream, Use, Wanted};
use super::space::Tail;
use crate::job::{Answer, Place, Read};
use wire::frame::Frame;
use wire::id::{RunningHash, SpaceHandle};
use wire::limit::PULL_BYTES_MAX;
use wire::refusal::{Reason, Refusal};

impl Relay {
    /// The storage has answered.
    pub fn handle_answer(&mut self, ticket: u64, answer: Answer, now: Now) {
        self.clock = now;
        let Some(lookup) = self.lookups.remove(&ticket) else { return };
        match (lookup, answer) {
            (Lookup::SignIn(connection), Answer::Space(facts)) => {
                self.space_known(connection, Ok(facts));
            }
            (Lookup::SignIn(connection), _) => {
                let failed = spread(Reason::Busy, DISK_FAILED_MS, connection);
                self.space_known(connection, Err(failed));
            }
            (Lookup::Read(connection, wanted), answer) => {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    session.reading = false;
                }
                self.deliver(connection, wanted, answer);
                self.start_read(connection);
            }
        }
    }

    fn deliver(&mut self, connection: ConnectionId, wanted: Wanted, answer: Answer) {
        match (wanted, answer) {
            (Wanted::Pull { stream, after, .. }, Answer::Data { envelopes, n, running }) => {
                self.pulled(connection, stream, after, (envelopes, n, running));
            }
            (Wanted::Control { stream, sid, from }, Answer::Control { items, held }) => {
                let next = items.last().map_or(held, |(idx, _)| idx.saturating_add(1));
                for (idx, item) in items {
                    self.send(connection, stream, Frame::ControlItem { idx, item }, false);
                }
                if from < next && next < held {
                    let wanted = Wanted::Control { stream, sid, from: next };
                    if let Some(session) = self.sessions.get_mut(&connection) {
                        session.reads.push_front(wanted);
                    }
                } else {
                    self.send(connection, stream, Frame::ControlEnd { next: held }, true);
                }
            }
            (Wanted::Tail { stream, sid }, Answer::Data { envelopes, .. }) => {
                self.tail_read(connection, stream, sid, envelopes);
            }
            (wanted, _) => {
                let refusal = spread(Reason::Busy, DISK_FAILED_MS, connection);
                self.refuse(connection, wanted.stream(), refusal);
            }
        }
    }

    fn pulled(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        after: u64,
        found: (Vec<(u64, Vec<u8>)>, u64, RunningHash),
    ) {
        let (envelopes, n, running) = found;
        if after > n {
            let refusal = Refusal { reason: Reason::Range, argument: n };
            return self.refuse(connection, stream, refusal);
        }
        for (n, envelope) in envelopes {
            self.send(connection, stream, Frame::Data { n, envelope }, false);
        }
        self.send(connection, stream, Frame::PullEnd { n, running }, true);
    }

    /// Starts the next read of a connection, if its queue has room and none is under way.
    pub(super) fn start_read(&mut self, connection: ConnectionId) {
        loop {
            let Some(session) = self.sessions.get_mut(&connection) else { return };
            if session.reading || session.queued >= QUEUE_BYTES_MAX {
                return;
            }
            let Some(wanted) = session.reads.pop_front() else { return };
            if session.streams.get(&wanted.stream()).is_none_or(|stream| stream.done) {
                continue;
            }
            let read = match wanted {
                Wanted::Pull { sid, after, bytes_max, .. } => Read::Data { sid, after, bytes_max },
                Wanted::Control { sid, from, .. } => {
                    Read::Control { sid, from, bytes_max: PULL_BYTES_MAX }
                }
                Wanted::Tail { stream, sid } => {
                    let space = self.spaces.get(&sid);
                    let tail = space.and_then(|space| space.tails.get(&connection));
                    let Some(tail) = tail.filter(|tail| tail.stream == stream) else { continue };
                    let after = tail.next.saturating_sub(1);
                    Read::Data { sid, after, bytes_max: TAIL_READ_BYTES }
                }
            };
            session.reading = true;
            let ticket = self.count();
            self.lookups.insert(ticket, Lookup::Read(connection, wanted));
            self.outputs.push_back(Output::Read { ticket, read });
            return;
        }
    }

    /// Opens a tail. A refusal is said on the tail's own stream, so that it cannot pass for one of a sign-in.
    pub(super) fn tail(&mut self, connection: ConnectionId, sid: SpaceHandle, after: u64) {
        let stream = StreamId::tail(self.count());
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.streams.insert(stream, Stream::new(Use::Tail(sid)));
        self.outputs.push_back(Output::OpenTail { connection, stream });
        self.send(connection, stream, Frame::TailStart { sid }, false);
        if let Err(refusal) = self.check_tail(connection, sid, after) {
            return self.refuse(connection, stream, refusal);
        }
        let moved = self.clock.moment;
        let Some(space) = self.spaces.get_mut(&sid) else { return };
        let tail =
            Tail { stream, next: after.saturating_add(1), reading: false, moved, watched: false };
        if let Some(before) = space.tails.insert(connection, tail) {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.drop_stream(before.stream);
            }
            self.outputs.push_back(Output::Cut { connection, stream: before.stream });
        }
        self.feed(connection, sid);
    }

    fn check_tail(
        &mut self,
        connection: ConnectionId,
        sid: SpaceHandle,
        after: u64,
    ) -> Result<(), Refusal> {
        let required = Refusal::plain(Reason::AuthRequired);
        let session = self.sessions.get(&connection).ok_or(required)?;
        let seat = session.seats.get(&sid).copied().ok_or(required)?;
        let space = self.spaces.get(&sid).ok_or(required)?;
        if seat.right == Right::Retired {
            return Err(Refusal::plain(Reason::AuthOldKey));
        }
        if after > space.facts.n {
            return Err(Refusal { reason: Reason::Range, argument: space.facts.n });
        }
        let tails = session.streams.values().filter(|s| matches!(s.purpose, Use::Tail(_))).count();
        if tails > self.limits.tails_per_connection.saturating_add(1) {
            return Err(Refusal { reason: Reason::Busy, argument: 60_000 });
        }
        self.charge((sid, seat), principal_rate::PULLS, self.limits.pulls, 1)
    }

    /// A new envelope: tails that are up to date get it now, the others from the disk when their turn comes.
    pub(super) fn feed_live(&mut self, sid: SpaceHandle, place: Place, envelope: Vec<u8>) {
        let Some(space) = self.spaces.get_mut(&sid) else { return };
        if place.n > space.facts.n {
            (space.facts.n, space.facts.running) = (place.n, place.running);
        }
        let mut ready = Vec::new();
        for (connection, tail) in &mut space.tails {
            let Some(session) = self.sessions.get(connection) else { continue };
            let queued = session.streams.get(&tail.stream).map_or(0, |stream| stream.queued);
            let room = queued < TAIL_BYTES_MAX && session.queued < QUEUE_BYTES_MAX;
            if tail.next == place.n && !tail.reading && room {
                tail.next += 1;
                ready.push((*connection, tail.stream));
            }
        }
        let n = place.n;
        for (connection, stream) in ready {
            let frame = Frame::Data { n, envelope: envelope.clone() };
            self.send(connection, stream, frame, false);
            self.watch_stall(connection, sid);
        }
        let connections: Vec<_> =
            self.spaces.get(&sid).map(|s| s.tails.keys().copied().collect()).unwrap_or_default();
        for connection in connections {
            self.feed(connection, sid);
        }
    }

    /// Asks for what a tail lacks, if it has room.
    fn feed(&mut self, connection: ConnectionId, sid: SpaceHandle) {
        let Some(space) = self.spaces.get_mut(&sid) else { return };
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let Some(tail) = space.tails.get_mut(&connection) else { return };
        let queued = session.streams.get(&tail.stream).map_or(0, |stream| stream.queued);
        if tail.reading || tail.next > space.facts.n || queued >= TAIL_BYTES_MAX {
            return;
        }
        tail.reading = true;
        session.reads.push_back(Wanted::Tail { stream: tail.stream, sid });
        self.start_read(connection);
    }

    fn tail_read(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        sid: SpaceHandle,
        envelopes: Vec<(u64, Vec<u8>)>,
    ) {
        let Some(tail) = self.spaces.get_mut(&sid).and_then(|s| s.tails.get_mut(&connection))
        else {
            return;
        };
        if tail.stream != stream {
            return;
        }
        tail.reading = false;
        let from = tail.next;
        let fits: Vec<_> = envelopes.into_iter().skip_while(|(n, _)| *n < from).collect();
        tail.next = fits.last().map_or(from, |(n, _)| n.saturating_add(1));
        let nothing = fits.is_empty();
        for (n, envelope) in fits {
            self.send(connection, stream, Frame::Data { n, envelope }, false);
        }
        self.watch_stall(connection, sid);
        if nothing {
            // The log says that there is more and the disk has none: only the client can find out which is right.
            return self.cut(connection, sid);
        }
        self.feed(connection, sid);
    }

    /// Something was written to a tail.
    pub(super) fn tail_moved(&mut self, connection: ConnectionId, sid: SpaceHandle) {
        let now = self.clock.moment;
        if let Some(tail) = self.spaces.get_mut(&sid).and_then(|s| s.tails.get_mut(&connection)) {
            tail.moved = now;
            self.feed(connection, sid);
        }
    }

    /// A tail has something queued: if nothing of it is written for long, it is cut.
    fn watch_stall(&mut self, connection: ConnectionId, sid: SpaceHandle) {
        let now = self.clock.moment;
        let tail = self.spaces.get_mut(&sid).and_then(|space| space.tails.get_mut(&connection));
        if let Some(tail) = tail.filter(|tail| !tail.watched) {
            (tail.watched, tail.moved) = (true, now);
            self.timers.insert((now + TAIL_STALL, Timer::Stall(connection, sid)));
        }
    }

    pub(super) fn check_stall(&mut self, connection: ConnectionId, sid: SpaceHandle) {
        let now = self.clock.moment;
        let tail = self.spaces.get_mut(&sid).and_then(|space| space.tails.get_mut(&connection));
        let (Some(tail), Some(session)) = (tail, self.sessions.get(&connection)) else { return };
        let due = tail.moved + TAIL_STALL;
        if session.streams.get(&tail.stream).is_none_or(|stream| stream.queued == 0) {
            tail.watched = false;
        } else if due <= now {
            self.cut(connection, sid);
        } else {
            self.timers.insert((due, Timer::Stall(connection, sid)));
        }
    }

    /// Drops a tail and tells the client where the log is: it pulls, and tails again.
    fn cut(&mut self, connection: ConnectionId, sid: SpaceHandle) {
        let Some(space) = self.spaces.get_mut(&sid) else { return };
        let Some(tail) = space.tails.remove(&connection) else { return };
        let (n, control) = (space.facts.n, space.facts.control);
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.drop_stream(tail.stream);
        }
        self.outputs.push_back(Output::Cut { connection, stream: tail.stream });
        self.send(connection, StreamId::CONTROL, Frame::Head { sid, n, control }, false);
        self.start_read(connection);
    }
}
