//! Why a relay does not start: what the operator has to change.

use crate::{folder::FolderError, key::KeyError, storage::StorageError};

/// Why a relay does not start. Nothing was changed, but for a folder or a key that were missing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The key file in it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database in it.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// The address to listen on.
    #[error("Port {port}/udp is in use or not permitted.")]
    Listen {
        /// The port.
        port: u16,
    },
    /// This build has no TLS 1.3, or the system gives no thread.
    #[error("this build or system cannot run a relay")]
    System,
}

impl StartError {
    /// The stable code, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder(error) => error.code(),
            Self::Key(_) => "config.tls",
            Self::Store(error) => error.code(),
            Self::Listen { .. } => "config.listen",
            Self::System => "start.system",
        }
    }
}
