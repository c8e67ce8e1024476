//! Frames: what a client and a relay say to each other, `type u8 | len u32 | body`.
//!
//! Bit 7 of the type says that a reader who does not know the type must stop; without it the frame is skipped. A
//! length is checked against the bound of its type before any memory is taken. Layouts are in `docs/protocol.md`, each
//! with a vector in `tests/vectors/frames.json`.

mod buffer;
mod channel;
mod error;
mod kind;
mod message;
mod principal;
mod read;
mod write;

pub use buffer::{FrameBuffer, Pending};
pub use channel::Channel;
pub use error::FrameError;
pub use message::Frame;
pub use principal::{Creation, Principal, decode_principals, encode_principals};
pub use read::HEADER_BYTES;
