//! Bringing a device and a relay level: what to ask, what to send, when to try again. No keys, no plaintext, no I/O.
//!
//! One [`Engine`] per relay, several spaces over its one connection. Per space, in this order:
//!
//! ```text
//! sign in -> (create) -> control log level -> pages of data -> tail, and beside it the outbox
//! ```
//!
//! Invariants: nothing is pulled or pushed before the control items that the relay holds are stored; the cursor never
//! passes an envelope that was not handed over and confirmed stored; an outbox keeps its order and loses an envelope
//! only to a receipt; no queue, page or wait is without a bound; a relay that talks nonsense is hung up on with a
//! [`Lie`]. Time and randomness are handed in: the same calls give the same outputs.
//! Sources: `docs/protocol.md`; full jitter as in AWS "Exponential Backoff and Jitter" (2015).

mod amnesia;
mod backlog;
mod backoff;
mod claims;
mod control;
mod dispatch;
mod engine;
mod gap;
mod lie;
mod line;
mod output;
mod pull;
mod push;
mod space;
#[cfg(test)]
mod tests;

pub use amnesia::Amnesia;
pub use engine::Engine;
pub use lie::Lie;
pub use output::{Cursor, Delivery, Output, Pending, Profile, SpaceStart, SpaceStatus};
pub use wire::frame::Channel;
