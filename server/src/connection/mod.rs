//! Frames over QUIC: feeds the protocol and carries out its outputs. Decides nothing about spaces.
//!
//! ```text
//! accept (gate, handshake) -> drive (streams) --Upward--> hub
//!                                   ^-----------Command-----'
//! ```
//!
//! Invariants: a stranger costs bounded bytes and seconds; the hub never waits for a connection.
//! Sources: RFC 9000 (QUIC), RFC 7250 (raw public keys), `docs/protocol.md`.

pub(crate) mod accept;
pub(crate) mod drive;
pub(crate) mod gate;
pub(crate) mod link;
mod stream;
pub(crate) mod tls;
