//! Who has a store open: a shared mark of the operating system on its folder, as long as the store is open.
//!
//! The log beside a store is there while anybody has it open and goes when the last one closes it. Who comes, finds a
//! log and is alone with it knows that the last one did not close: the power went, or the process was killed.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::StoreError;

/// The mark. It goes when this is dropped.
pub(super) struct Presence {
    folder: File,
}

impl Presence {
    /// Comes in. True if nobody else is here; nobody else comes then before [`Presence::share`].
    pub(super) fn enter(folder: &Path) -> Result<(Self, bool), StoreError> {
        let folder = File::open(folder)?;
        match folder.try_lock() {
            Ok(()) => Ok((Self { folder }, true)),
            Err(TryLockError::WouldBlock) => {
                folder.lock_shared()?;
                Ok((Self { folder }, false))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Lets others in.
    pub(super) fn share(&self) -> Result<(), StoreError> {
        Ok(self.folder.lock_shared()?)
    }
}
