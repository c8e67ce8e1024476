//! What the relay and a client say to each other: ids, hashes, envelopes, control items, receipts and frames.
//!
//! The relay depends on this package and never on `reknit-core`: its dependency list is the proof that it cannot
//! decrypt. Every layout is written by hand, has one way to be written, and is fixed by a vector in `tests/vectors/`.
//! Sources: `docs/protocol.md`, RFC 6234 (SHA-256), RFC 8032 (Ed25519).

pub mod address;
pub mod codec;
pub mod control;
pub mod envelope;
pub mod frame;
pub mod hash;
pub mod id;
pub mod limit;
pub mod receipt;
pub mod refusal;
pub mod sign;
pub mod time;
pub mod version;
