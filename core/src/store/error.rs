//! Why a store cannot do what was asked.

use rusqlite::ffi::ErrorCode;

/// Why a store cannot be opened, read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is one already where a new one was to be made.
    #[error("a store is already there")]
    Exists,
    /// There is none.
    #[error("no store is there")]
    Absent,
    /// The file is a database, and not one of ours.
    #[error("the file is not a store of this program")]
    Foreign,
    /// A newer program wrote it. Nothing was changed.
    #[error("the store has format {version}, newer than this program")]
    Newer {
        /// Its format version.
        version: u32,
    },
    /// The file cannot be read as what it says it is.
    #[error("the store is damaged")]
    Damaged,
    /// As many damaged stores are set aside here as may be: a person has to look at the disk.
    #[error("many damaged stores are set aside here")]
    Crowded,
    /// Another process is writing and did not finish in time. Nothing was written; try again.
    #[error("the store is in use by another process")]
    Busy,
    /// The disk is full. Nothing was written.
    #[error("the disk is full")]
    Full,
    /// The operating system refused, or may not be written to.
    #[error("the disk could not be read or written")]
    Disk,
    /// A write failed before: what the disk holds is unknown until the store is opened again.
    #[error("the store must be opened again after a failed write")]
    Poisoned,
    /// A bug of ours: the engine refused a statement.
    #[error("the storage engine refused a statement")]
    Engine,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else { return Self::Damaged };
        if matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) {
            Self::Damaged
        } else if matches!(code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) {
            Self::Busy
        } else if code == ErrorCode::DiskFull {
            Self::Full
        } else if matches!(
            code,
            ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::FileLockingProtocolFailed
        ) {
            Self::Disk
        } else {
            Self::Engine
        }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        let kind = error.kind();
        if matches!(kind, std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
            Self::Full
        } else if kind == std::io::ErrorKind::AlreadyExists {
            Self::Exists
        } else if kind == std::io::ErrorKind::NotFound {
            Self::Absent
        } else {
            Self::Disk
        }
    }
}
