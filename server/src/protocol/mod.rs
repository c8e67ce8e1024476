//! What the relay answers. Pure: frames and the storage's results go in, outputs come out, time is an argument.
//!
//! ```text
//! driver                          Relay                            storage
//!   handle_connected, handle_frame ->
//!                                   Output::Read   ----------------> Storage::read
//!                                   <- handle_answer --------------
//!                                   Output::Commit ----------------> Storage::commit (one transaction)
//!                                   <- handle_committed ------------
//!   <- Output::Send, OpenTail, Close
//!   handle_written ->
//! ```
//!
//! Invariants: a receipt leaves only after its commit; a client's envelopes are stored in the order in which it sent
//! them, or not; every queue has a bound in `limits`; nothing here names a space, a key or an address to a log.

mod admission;
mod append;
mod feed;
mod greet;
mod limits;
mod mailbox;
mod output;
mod rate;
mod receipt;
mod relay;
mod request;
mod session;
mod space;
#[cfg(test)]
mod tests;

pub use limits::{Crowd, Limits};
pub use output::{ConnectionId, Now, Output, Prefix, StreamId};
pub use rate::Rate;
pub use receipt::{BadKey, RelayKey};
pub use relay::Relay;
