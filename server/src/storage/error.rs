//! Why the storage cannot be opened or used.

use crate::job::Failure;
use rusqlite::ErrorCode;

/// Why the storage cannot be opened or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Another process holds it.
    #[error("The relay is running: its folder is in use by another process.")]
    Locked,
    /// A newer program wrote it.
    #[error(
        "This folder was written by version {theirs}. This is version {ours}. Nothing was changed."
    )]
    Newer {
        /// Its format.
        theirs: u32,
        /// The newest format that this program knows.
        ours: u32,
    },
    /// The file is a database of something else, or no database.
    #[error("relay.db in this folder belongs to another program. Nothing was changed.")]
    Foreign,
    /// Rows do not fit their checksums or each other.
    #[error(
        "The database is damaged. Nothing was changed; at its next start the relay sets it aside."
    )]
    Damaged,
    /// The disk is full.
    #[error("The disk is full.")]
    NoSpace,
    /// The folder or the file cannot be read or written.
    #[error("The data folder is missing or cannot be written.")]
    Unreachable,
    /// The database engine failed.
    #[error("The database failed.")]
    Engine,
}

impl StorageError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Locked => "store.locked",
            Self::Newer { .. } => "store.newer",
            Self::Foreign => "store.foreign",
            Self::Damaged => "store.damaged",
            Self::NoSpace => "store.full",
            Self::Unreachable => "store.folder",
            Self::Engine => "store.engine",
        }
    }

    /// What it means for a commit.
    pub(super) const fn failure(self) -> Failure {
        match self {
            Self::NoSpace => Failure::NoSpace,
            Self::Locked
            | Self::Newer { .. }
            | Self::Foreign
            | Self::Damaged
            | Self::Unreachable
            | Self::Engine => Failure::Broken,
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        if code.is_none() {
            // A row of another form than ours.
            return Self::Damaged;
        }
        if code == Some(ErrorCode::DatabaseBusy) || code == Some(ErrorCode::DatabaseLocked) {
            Self::Locked
        } else if code == Some(ErrorCode::DiskFull) {
            Self::NoSpace
        } else if code == Some(ErrorCode::NotADatabase) {
            Self::Foreign
        } else if code == Some(ErrorCode::DatabaseCorrupt) {
            Self::Damaged
        } else if code == Some(ErrorCode::CannotOpen)
            || code == Some(ErrorCode::ReadOnly)
            || code == Some(ErrorCode::PermissionDenied)
        {
            Self::Unreachable
        } else {
            Self::Engine
        }
    }
}
