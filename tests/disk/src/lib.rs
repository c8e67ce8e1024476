//! A disk that can lose its power, under the real stores of phone and relay.
//!
//! ```text
//! store code, SQLite, std::fs --> calls (the C functions) --> disk (durable, live, pending) --> real files
//!                                                              | the power goes
//!                                                              v
//!                                cut (what is left, by mode) --> new real files --> the store opens again
//! ```
//!
//! Nothing of the stores knows: this program defines `open`, `write`, `fsync`, `rename` and the rest itself, and the
//! linker gives them to the Rust library and to SQLite alike. What they do below one watched folder is written down, in
//! order; what was synced is durable, the rest is at the mercy of the mode. So the journal, the log, the small files and
//! the names in folders are all one disk. Linux only.

pub mod birth;
mod calls;
pub mod cut;
pub mod disk;
pub mod faults;
pub mod machine;
pub mod phone;
pub mod random;
pub mod relay;
pub mod rows;
pub mod schedule;
pub mod spoiled;
pub mod tally;
pub mod tree;
pub mod vault;
