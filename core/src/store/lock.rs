//! Whose turn it is: one process at a time works with a vault.
//!
//! The lock is the operating system's, on a file that is never removed: a process that dies gives its turn back.
//! This is the one place of the library that waits by sleeping, and it is asked how long.

use core::fmt;
use core::time::Duration;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The file's name in the vault's folder.
const FILE: &str = "lock";
/// Between two tries. Short enough that a person does not notice, long enough that a waiting process costs nothing.
const STEP: Duration = Duration::from_millis(10);

/// Why there is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Another process has the turn.
    #[error("another process is using the vault")]
    Busy,
    /// There is no folder of that name.
    #[error("no vault is there")]
    Absent,
    /// The operating system refused.
    #[error("the vault's lock file could not be used")]
    Disk,
}

/// The turn. It ends when this is dropped. Two of them in one process exclude each other as well.
pub struct VaultLock {
    _file: File,
}

impl fmt::Debug for VaultLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultLock")
    }
}

impl VaultLock {
    /// Takes the turn, waiting for it at most `wait` (blocking this thread); zero means one try.
    ///
    /// # Errors
    /// [`LockError::Busy`] when the time is over, [`LockError::Absent`], [`LockError::Disk`].
    pub fn acquire(folder: &Path, wait: Duration) -> Result<Self, LockError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join(FILE))
            .map_err(|error| {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                if missing { LockError::Absent } else { LockError::Disk }
            })?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(_)) => return Err(LockError::Disk),
                Err(TryLockError::WouldBlock) if waited >= wait => return Err(LockError::Busy),
                Err(TryLockError::WouldBlock) => {
                    let step = STEP.min(wait.saturating_sub(waited));
                    std::thread::sleep(step);
                    waited = waited.saturating_add(step);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_at_a_time_and_it_ends_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let turn = VaultLock::acquire(folder.path(), Duration::ZERO).unwrap();
        let again = VaultLock::acquire(folder.path(), Duration::from_millis(5));
        assert_eq!(again.err(), Some(LockError::Busy));
        drop(turn);
        VaultLock::acquire(folder.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn who_waits_gets_the_turn_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let turn = VaultLock::acquire(folder.path(), Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| VaultLock::acquire(folder.path(), Duration::from_mins(1)).is_ok());
            drop(turn);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn no_lock_is_made_where_there_is_no_vault() {
        let folder = tempfile::tempdir().unwrap();
        let missing = VaultLock::acquire(&folder.path().join("none"), Duration::ZERO);
        assert_eq!(missing.err(), Some(LockError::Absent));
    }
}
