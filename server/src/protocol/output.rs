//! What the relay wants done, and the names of what it is told about.

use crate::job::{Batch, Read};
use wire::frame::Frame;
use wire::refusal::Refusal;
use wire::time::{Moment, Timestamp};

/// One connection, as its driver counts them. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One stream of a connection. The driver names the streams that a client opens; the relay names tails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u64);

impl StreamId {
    /// The first stream that a client opens: Hello, Auth, Tail and notices. Others are numbered from 1.
    pub const CONTROL: Self = Self(0);

    const TAIL: u64 = 1 << 63;

    /// The relay's own streams.
    pub(super) const fn tail(count: u64) -> Self {
        Self(Self::TAIL | count)
    }

    /// Whether the relay opened it.
    pub const fn is_tail(self) -> bool {
        self.0 & Self::TAIL != 0
    }
}

/// Where a client comes from, as a number that is of no use outside this process: a keyed hash of its /24 or /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix(pub u64);

/// The two clocks, read once for each call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For deadlines and rates.
    pub moment: Moment,
    /// For receipts.
    pub timestamp: Timestamp,
}

/// Something to do. Outputs are carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Hand the batch to the storage, then its result to [`super::Relay::handle_committed`] or
    /// [`super::Relay::handle_commit_failed`]. The next batch is given out only after that.
    Commit(Batch),
    /// Look something up and hand the answer to [`super::Relay::handle_answer`]. Reads see every commit whose result
    /// was handed in before.
    Read {
        /// To be given back with the answer.
        ticket: u64,
        /// What to look up.
        read: Read,
    },
    /// Send a frame on a stream, then say so with [`super::Relay::handle_written`] and this weight.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// On which stream.
        stream: StreamId,
        /// What.
        frame: Frame,
        /// What it counts for until it is written.
        weight: usize,
        /// The relay's side of the stream ends after it.
        last: bool,
    },
    /// Open a stream towards the client. Frames for it follow.
    OpenTail {
        /// To whom.
        connection: ConnectionId,
        /// Its name from now on.
        stream: StreamId,
    },
    /// End the relay's side of a stream: no more frames come for it.
    Finish {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
    },
    /// Drop a tail with whatever is still queued for it: its reader is too slow.
    Cut {
        /// Whose.
        connection: ConnectionId,
        /// Which.
        stream: StreamId,
    },
    /// Close the connection. The relay has forgotten it already. If the control stream is open, a `GoAway` with this
    /// refusal was sent before.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        refusal: Refusal,
    },
}
