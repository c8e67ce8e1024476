//! Rows on disk: sealed bytes with an id, an order and a state; many puts and deletes in one durable commit.
//!
//! Flow: `client` seals, [`Batch`] collects, [`Store::commit`] makes all of it durable or none. What is in the clear
//! is what [`Row`] shows beside its body. Nothing here decrypts, and nothing else in the library knows the engine.
//!
//! Invariants: a commit that returned is on the disk, power loss or not; one that did not return left nothing behind;
//! [`Store::generation`] is one more after each commit, so another process sees that it has to reload; after a failed
//! write the handle refuses everything, because nobody knows then what the operating system still holds. A store that
//! was not closed is read whole before it is used; what does not fit the sum of its rows is refused as damaged. Whoever
//! opened it may set it aside then, and read around what is spoiled; nothing here changes or deletes a store set aside.
//! Sources: SQLite's "Atomic Commit", "Write-Ahead Logging" and "Shared-Cache Mode" pages.

mod batch;
mod boot;
mod database;
mod error;
mod folder;
mod lock;
mod presence;
mod read;
mod row;
mod salvage;
mod set_aside;
mod whole;

pub use batch::Batch;
pub use database::Store;
pub use error::StoreError;
pub use folder::{create_folder, write_file};
pub use lock::{LockError, VaultLock};
pub use read::{Direction, Place};
pub use row::{Row, Table};
pub use salvage::{Salvage, Unread};
pub use set_aside::{last_set_aside, set_aside};
