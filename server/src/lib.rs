//! The relay: it carries sealed envelopes between the devices of two people and reads none of them.
//!
//! ```text
//! connection (frames over QUIC) -> hub -> protocol (what is answered) -> storage (durable before receipted)
//! ```
//!
//! It never depends on `reknit-core`: what it cannot name it cannot decrypt.

mod clock;
pub mod config;
mod connection;
mod data_folder;
mod error;
mod folder;
mod hub;
pub mod job;
mod key;
pub mod log;
pub mod protocol;
mod server;
pub mod storage;
mod writer;

pub use data_folder::DataFolder;
pub use error::StartError;
pub use folder::FolderError;
pub use key::{KEY_FILE, KeyError};
pub use server::{RunningServer, Server};

/// Fills bytes with randomness: the operating system's, or a seeded stream in tests.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;
