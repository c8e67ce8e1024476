//! The relay: it carries sealed envelopes between the devices of two people and reads none of them.
//!
//! ```text
//! connection (frames over QUIC) -> hub -> protocol (what is answered) -> storage (durable before receipted)
//! ```
//!
//! It never depends on `reknit-core`: what it cannot name it cannot decrypt.

pub mod config;
pub mod job;
pub mod protocol;
pub mod storage;
