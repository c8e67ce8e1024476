//! The whole relay as one state machine: what comes in, what is to be done, and when to look again.

use super::limits::{
    HELLO_WITHIN, Limits, MAIL_WITHIN, QUEUE_BYTES_MAX, RATE_KEYS_MAX, SIGN_IN_WITHIN,
};
use super::mailbox::Mailboxes;
use super::output::{ConnectionId, Now, Output, Prefix, StreamId};
use super::rate::Buckets;
use super::receipt::RelayKey;
use super::session::{Session, Stage, Use, Wanted, weight};
use super::space::LiveSpace;
use crate::job::Append;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::frame::{Frame, FrameError};
use wire::id::{RelayId, SpaceHandle, StoreId};
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

/// The relay, without sockets, disk or clock.
///
/// The driver calls `handle_*` for whatever happens, and after each call carries out [`Relay::poll_output`] until it
/// gives `None`; it calls [`Relay::handle_timeout`] at [`Relay::poll_timeout`]. See the module for an example.
#[derive(Debug)]
pub struct Relay {
    pub(super) key: RelayKey,
    pub(super) store: StoreId,
    pub(super) limits: Limits,
    pub(super) sessions: BTreeMap<ConnectionId, Session>,
    pub(super) spaces: BTreeMap<SpaceHandle, LiveSpace>,
    pub(super) principals: Buckets<(SpaceHandle, u8), 4>,
    pub(super) prefixes: Buckets<Prefix, 4>,
    pub(super) mail: Mailboxes,
    pub(super) mail_due: Option<Moment>,
    /// Appends that wait for the next commit.
    pub(super) appends: VecDeque<(Origin, Append)>,
    pub(super) append_bytes: usize,
    /// Who is answered when the commit under way is done.
    pub(super) committing: Option<Vec<Origin>>,
    pub(super) lookups: BTreeMap<u64, Lookup>,
    pub(super) timers: BTreeSet<(Moment, Timer)>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) counter: u64,
    pub(super) clock: Now,
}

/// Which of a principal's four rates.
pub(super) mod principal_rate {
    pub(in crate::protocol) const PUSHES: usize = 0;
    pub(in crate::protocol) const BYTES: usize = 1;
    pub(in crate::protocol) const PULLS: usize = 2;
    pub(in crate::protocol) const CONTROL: usize = 3;
}

/// Which of a prefix's four rates.
pub(super) mod prefix_rate {
    pub(in crate::protocol) const AUTH_FAILURES: usize = 0;
    pub(in crate::protocol) const CREATIONS: usize = 1;
    pub(in crate::protocol) const MAILBOXES: usize = 2;
    pub(in crate::protocol) const MAIL: usize = 3;
}

/// Where an append came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) connection: ConnectionId,
    pub(super) stream: StreamId,
    pub(super) bytes: usize,
}

/// What an answer of the storage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    SignIn(ConnectionId),
    Read(ConnectionId, Wanted),
}

/// Why to look again at a later moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Hello(ConnectionId),
    SignIn(ConnectionId),
    Held(ConnectionId),
    Stall(ConnectionId, SpaceHandle),
}

impl Relay {
    /// A relay over one store.
    pub fn new(key: RelayKey, store: StoreId, limits: Limits, now: Now) -> Self {
        Self {
            key,
            store,
            limits,
            sessions: BTreeMap::new(),
            spaces: BTreeMap::new(),
            principals: Buckets::new(RATE_KEYS_MAX),
            prefixes: Buckets::new(RATE_KEYS_MAX),
            mail: Mailboxes::default(),
            mail_due: None,
            appends: VecDeque::new(),
            append_bytes: 0,
            committing: None,
            lookups: BTreeMap::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
            counter: 0,
            clock: now,
        }
    }

    /// The relay's public key.
    pub const fn id(&self) -> RelayId {
        self.key.id()
    }

    /// A client connected; the exporter is that of its TLS session.
    pub fn handle_connected(
        &mut self,
        connection: ConnectionId,
        prefix: Prefix,
        exporter: [u8; 32],
        now: Now,
    ) {
        self.clock = now;
        self.forget(connection);
        self.sessions.insert(connection, Session::new(prefix, exporter, now.moment));
        self.timers.insert((now.moment + HELLO_WITHIN, Timer::Hello(connection)));
        self.timers.insert((now.moment + SIGN_IN_WITHIN, Timer::SignIn(connection)));
    }

    /// The connection is gone.
    pub fn handle_disconnected(&mut self, connection: ConnectionId, now: Now) {
        self.clock = now;
        self.forget(connection);
    }

    /// Bytes came that are no frame.
    pub fn handle_bad_frame(&mut self, connection: ConnectionId, error: FrameError, now: Now) {
        self.clock = now;
        self.close(connection, error.into());
    }

    /// Frames of unknown type were skipped: they count against the connection's rate.
    pub fn handle_skipped(&mut self, connection: ConnectionId, frames: u64, now: Now) {
        self.clock = now;
        let rate = self.limits.frames;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if let Err(wait) = session.frames.take(rate, frames, now.moment) {
            self.close(connection, rate_refusal(wait));
        }
    }

    /// The client reset a stream or stopped reading it.
    pub fn handle_stream_closed(&mut self, connection: ConnectionId, stream: StreamId, now: Now) {
        self.clock = now;
        if stream == StreamId::CONTROL {
            return self.close(connection, Refusal::plain(Reason::Form));
        }
        self.mail.forget(connection, Some(stream));
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        session.held.retain(|held| held.stream != stream);
        let tail_of = match session.streams.get(&stream).map(|stream| &stream.purpose) {
            Some(Use::Tail(sid)) => Some(*sid),
            Some(Use::Control | Use::Request | Use::Push(_)) | None => None,
        };
        session.drop_stream(stream);
        if let Some(space) = tail_of.and_then(|sid| self.spaces.get_mut(&sid)) {
            space.tails.remove(&connection);
        }
        self.start_read(connection);
    }

    /// The client ended its side of a stream after its last frame. To be said for every push stream: until then, or
    /// until [`Relay::handle_stream_closed`], the relay remembers that it refused the rest of it.
    pub fn handle_stream_finished(&mut self, connection: ConnectionId, stream: StreamId, now: Now) {
        self.clock = now;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        if stream == StreamId::CONTROL || session.held.iter().any(|held| held.stream == stream) {
            return;
        }
        let Some(lane) = session.lane(stream) else { return };
        lane.finished = true;
        if session.streams.get(&stream).is_some_and(|stream| stream.done && stream.queued == 0) {
            session.streams.remove(&stream);
        }
        self.settle_lane(connection, stream);
    }

    /// A frame that [`Output::Send`] gave out was written to the network.
    pub fn handle_written(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        weight: usize,
        now: Now,
    ) {
        self.clock = now;
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let Some(written) = session.streams.get_mut(&stream) else { return };
        let weight = weight.min(written.queued);
        written.queued -= weight;
        session.queued = session.queued.saturating_sub(weight);
        let (tail_of, over) = match &written.purpose {
            Use::Tail(sid) => (Some(*sid), true),
            Use::Control | Use::Request => (None, true),
            // More may come on a refused push stream until its client ends it: it must not pass for a new one.
            Use::Push(lane) => (None, lane.finished),
        };
        if over && written.done && written.queued == 0 {
            session.streams.remove(&stream);
        }
        if let Some(sid) = tail_of {
            self.tail_moved(connection, sid);
        }
        self.start_read(connection);
    }

    /// Time has come for something.
    pub fn handle_timeout(&mut self, now: Now) {
        self.clock = now;
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now.moment {
                break;
            }
            self.timers.pop_first();
            match timer {
                Timer::Hello(connection) => self.expect_stage(connection, Stage::Stranger),
                Timer::SignIn(connection) => self.expect_sign_in(connection),
                Timer::Held(connection) => self.refuse_held(connection, None),
                Timer::Stall(connection, sid) => self.check_stall(connection, sid),
            }
        }
        if self.mail_due.is_some_and(|due| due <= now.moment) {
            for waiter in self.mail.expire(now.moment) {
                self.send(waiter.connection, waiter.stream, Frame::MailEnd, true);
            }
            self.mail_due = self.mail.next_end();
        }
    }

    /// The relay goes away: tells everybody when to dial again, spread over a minute. Commits under way still finish.
    pub fn stop(&mut self, now: Now) {
        self.clock = now;
        let all: Vec<_> = self.sessions.keys().copied().collect();
        for connection in all {
            let refusal = spread(Reason::Away, 1_000, connection);
            self.send(connection, StreamId::CONTROL, Frame::GoAway { refusal }, false);
        }
    }

    /// Whether every append is committed and answered as far as the relay knows.
    pub fn is_settled(&self) -> bool {
        self.appends.is_empty() && self.committing.is_none() && self.outputs.is_empty()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }

    /// The next thing to do. A batch is made last, of all that has come until then.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.next_batch()).or_else(|| self.outputs.pop_front())
    }

    /// When to call [`Relay::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Moment> {
        let timer = self.timers.first().map(|(due, _)| *due);
        [timer, self.mail_due].into_iter().flatten().min()
    }

    pub(super) const fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Queues a frame. Answers to a stream that is gone are dropped.
    pub(super) fn send(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        frame: Frame,
        last: bool,
    ) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        let Some(to) = session.streams.get_mut(&stream) else { return };
        if to.done {
            return;
        }
        let weight = weight(&frame);
        to.queued += weight;
        to.done = last;
        session.queued += weight;
        let too_slow = session.queued > 4 * QUEUE_BYTES_MAX;
        self.outputs.push_back(Output::Send { connection, stream, frame, weight, last });
        if too_slow {
            self.close(connection, Refusal::plain(Reason::Slow));
        }
    }

    pub(super) fn refuse(&mut self, connection: ConnectionId, stream: StreamId, refusal: Refusal) {
        self.send(connection, stream, Frame::Refused { refusal }, true);
    }

    /// Says why, closes, forgets.
    pub(super) fn close(&mut self, connection: ConnectionId, refusal: Refusal) {
        if !self.sessions.contains_key(&connection) {
            return;
        }
        let (stream, frame) = (StreamId::CONTROL, Frame::GoAway { refusal });
        let weight = weight(&frame);
        self.outputs.push_back(Output::Send { connection, stream, frame, weight, last: true });
        self.outputs.push_back(Output::Close { connection, refusal });
        self.forget(connection);
    }

    fn forget(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.remove(&connection) else { return };
        self.mail.forget(connection, None);
        for sid in session.seats.into_keys() {
            if let Some(space) = self.spaces.get_mut(&sid) {
                space.tails.remove(&connection);
                space.seated.remove(&connection);
            }
            self.prune(sid);
        }
    }

    /// Forgets a space that nobody is signed in to.
    pub(super) fn prune(&mut self, sid: SpaceHandle) {
        if self.spaces.get(&sid).is_some_and(|space| space.seated.is_empty()) {
            self.spaces.remove(&sid);
        }
    }

    fn expect_stage(&mut self, connection: ConnectionId, stage: Stage) {
        if self.sessions.get(&connection).is_some_and(|session| session.stage < stage) {
            self.close(connection, Refusal::plain(Reason::AuthRequired));
        }
    }

    fn expect_sign_in(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get(&connection) else { return };
        let end = session.since + MAIL_WITHIN;
        if session.stage == Stage::Known {
            return;
        }
        if session.pairs && self.clock.moment < end {
            self.timers.insert((end, Timer::SignIn(connection)));
        } else {
            self.close(connection, Refusal::plain(Reason::AuthRequired));
        }
    }
}

/// A refusal that says how long to wait.
pub(super) fn rate_refusal(wait: Duration) -> Refusal {
    let argument = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    Refusal { reason: Reason::Rate, argument }
}

/// How long a disk that failed is left alone, at least, in ms.
pub(super) const DISK_FAILED_MS: u64 = 30_000;

/// A refusal that says how long to wait: so many ms at least, and up to a minute more, so that those who are refused at
/// once do not come back at once. Numbers of connections that follow each other land far apart.
pub(super) const fn spread(reason: Reason, least: u64, connection: ConnectionId) -> Refusal {
    Refusal { reason, argument: least + connection.0.wrapping_mul(7_919) % 59_000 }
}
