//! Durable before receipted: spaces, their control and data logs, in one SQLite file or in memory.
//!
//! One [`Storage`] has one writer, its owner; [`Storage::commit`] is one transaction with one sync to the disk. Each row
//! has a checksum beside the hash of what it holds, and the running hash ties the rows of a space together. A file that
//! is not ours, newer, or damaged is refused and left as it is. One that was not closed is read whole before it is used.

mod aside;
mod commit;
mod database;
mod error;
mod read;
mod row;
#[cfg(test)]
mod tests;
mod verify;

pub use aside::{finish_set_aside, set_aside};
pub use database::{DATABASE_FILE, Storage};
pub use error::StorageError;
