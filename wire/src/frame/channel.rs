//! The streams of one connection, as the engine and the transport name them.

use crate::id::SpaceHandle;

/// One stream between a client and a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The first stream: Hello, Auth, Tail and the relay's notices.
    Control,
    /// The long-lived stream for one space's envelopes upwards and their receipts downwards.
    Push(SpaceHandle),
    /// One request and its answers; the client counts them.
    Request(u64),
    /// Opened by the relay: envelopes of one space as they come.
    Tail(SpaceHandle),
}
