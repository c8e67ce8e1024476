//! Frames over QUIC: which relay is trusted, what a network may cost, which stream carries what.
//!
//! ```text
//! Dialer --connect--> Connection: send(Channel, Frame) -> stream;  stream -> next() -> LinkEvent
//! ```
//!
//! Invariants: every relay is known by its public key before the first byte; what comes in waits in one bounded
//! queue, so a reader that falls behind slows the relay down and nothing else; no text of another crate leaves.
//! Sources: RFC 9000 (QUIC), RFC 9001 (its TLS), RFC 7250 (raw public keys), `docs/protocol.md`.

mod dialer;
mod error;
mod profile;
mod quic;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

pub use dialer::Dialer;
pub use error::{CloseReason, DialError, LinkError};
pub use profile::Profile;
pub use quic::{Connection, LinkEvent, Traffic};
