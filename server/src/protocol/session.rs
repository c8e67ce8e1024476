//! What the relay remembers of one connection. Nothing of it outlives the connection.

use super::admission::Seat;
use super::output::{Prefix, StreamId};
use super::rate::Bucket;
use std::collections::{BTreeMap, VecDeque};
use wire::frame::Frame;
use wire::id::{PrincipalKey, SpaceHandle};
use wire::refusal::Refusal;
use wire::time::Moment;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Before Hello.
    Silent,
    /// Before the first sign-in.
    Stranger,
    /// Signed in to at least one space.
    Known,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) prefix: Prefix,
    pub(super) exporter: [u8; 32],
    pub(super) since: Moment,
    pub(super) stage: Stage,
    /// It has used a mailbox or made a space, so it may stay longer without a sign-in.
    pub(super) pairs: bool,
    pub(super) frames: Bucket,
    pub(super) strikes: u8,
    pub(super) seats: BTreeMap<SpaceHandle, Seat>,
    /// Sign-ins are answered in the order in which they came: the first in line is being looked up.
    pub(super) sign_ins: VecDeque<SignIn>,
    /// Requests that came before their sign-in.
    pub(super) held: VecDeque<Held>,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    /// Weight of everything that is sent and not yet written.
    pub(super) queued: usize,
    /// Reads that wait until the queue has drained. One at a time is under way.
    pub(super) reads: VecDeque<Wanted>,
    pub(super) reading: bool,
    pub(super) appends_open: usize,
    pub(super) append_bytes_open: usize,
    pub(super) stranger_bytes: usize,
}

impl Session {
    pub(super) fn new(prefix: Prefix, exporter: [u8; 32], now: Moment) -> Self {
        let mut streams = BTreeMap::new();
        streams.insert(StreamId::CONTROL, Stream::new(Use::Control));
        Self {
            prefix,
            exporter,
            since: now,
            stage: Stage::Silent,
            pairs: false,
            frames: Bucket::FULL,
            strikes: 0,
            seats: BTreeMap::new(),
            sign_ins: VecDeque::new(),
            held: VecDeque::new(),
            streams,
            queued: 0,
            reads: VecDeque::new(),
            reading: false,
            appends_open: 0,
            append_bytes_open: 0,
            stranger_bytes: 0,
        }
    }

    /// Forgets a stream and what was queued for it.
    pub(super) fn drop_stream(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.remove(&stream) {
            self.queued = self.queued.saturating_sub(stream.queued);
        }
    }

    /// The push lane of a stream.
    pub(super) fn lane(&mut self, stream: StreamId) -> Option<&mut Lane> {
        match self.streams.get_mut(&stream).map(|stream| &mut stream.purpose) {
            Some(Use::Push(lane)) => Some(lane),
            Some(Use::Control | Use::Request | Use::Tail(_)) | None => None,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held.iter().map(|held| weight(&held.frame)).sum()
    }
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) purpose: Use,
    /// Weight of what is sent and not yet written.
    pub(super) queued: usize,
    /// The last frame was sent.
    pub(super) done: bool,
}

impl Stream {
    pub(super) const fn new(purpose: Use) -> Self {
        Self { purpose, queued: 0, done: false }
    }
}

/// What a stream is for: its first frame says so.
#[derive(Debug)]
pub(super) enum Use {
    Control,
    Request,
    Push(Lane),
    Tail(SpaceHandle),
}

/// A push stream. The first refusal ends it: what stands behind it on the stream is not stored, so that a client's
/// outbox keeps its order.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) sid: SpaceHandle,
    pub(super) number: u64,
    /// Envelopes without an answer yet.
    pub(super) open: usize,
    /// The client sends no more.
    pub(super) finished: bool,
    /// Said when everything before it is answered.
    pub(super) refusal: Option<Refusal>,
}

/// A sign-in that waits for its answer.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) sid: SpaceHandle,
    pub(super) key: PrincipalKey,
    /// Known before the look-up; the answer is the same for a wrong signature, a wrong key and an unknown space.
    pub(super) signed: Result<(), Refusal>,
}

/// A request that waits for its sign-in, or for Hello.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stream: StreamId,
    pub(super) sid: Option<SpaceHandle>,
    pub(super) until: Moment,
    pub(super) frame: Frame,
}

/// A read that a connection wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Pull { stream: StreamId, sid: SpaceHandle, after: u64, bytes_max: u64 },
    Control { stream: StreamId, sid: SpaceHandle, from: u32 },
    Tail { stream: StreamId, sid: SpaceHandle },
}

impl Wanted {
    pub(super) const fn stream(self) -> StreamId {
        match self {
            Self::Pull { stream, .. }
            | Self::Control { stream, .. }
            | Self::Tail { stream, .. } => stream,
        }
    }
}

/// About what a frame takes while it is queued.
pub(super) fn weight(frame: &Frame) -> usize {
    64 + match frame {
        Frame::ControlItem { item: bulk, .. }
        | Frame::ControlAppend { item: bulk, .. }
        | Frame::Data { envelope: bulk, .. }
        | Frame::Push { envelope: bulk, .. }
        | Frame::MailPut { bytes: bulk, .. }
        | Frame::Mail { bytes: bulk, .. } => bulk.len(),
        Frame::Appended { .. } | Frame::Pushed { .. } | Frame::PrincipalKeys { .. } => 448,
        Frame::Hello { .. }
        | Frame::Welcome { .. }
        | Frame::Auth { .. }
        | Frame::SignedIn { .. }
        | Frame::Tail { .. }
        | Frame::TailStart { .. }
        | Frame::Head { .. }
        | Frame::GoAway { .. }
        | Frame::ControlPull { .. }
        | Frame::ControlEnd { .. }
        | Frame::Pull { .. }
        | Frame::PullEnd { .. }
        | Frame::Principals { .. }
        | Frame::MailStored { .. }
        | Frame::MailGet { .. }
        | Frame::MailEnd
        | Frame::Refused { .. } => 64,
    }
}
