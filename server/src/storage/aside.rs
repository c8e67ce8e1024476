//! A database that cannot be trusted is set aside: moved into a folder beside it, never changed and never deleted.

use super::database::{DATABASE_FILE, LOG_FILE};
use super::error::StorageError;
use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What the folders are called that hold what was set aside, with a number.
const ASIDE: &str = "set-aside-";
/// More than anybody lets pile up.
const ASIDE_MAX: u32 = 10_000;

/// Moves the database of a data folder, and its log, into a new folder in it. Returns where that is.
///
/// The database goes first: a log without one belongs to what was set aside last, and follows it at the next start.
///
/// # Errors
/// [`StorageError::Unreachable`], [`StorageError::NoSpace`]: nothing of the database was changed.
pub fn set_aside(folder: &Path) -> Result<PathBuf, StorageError> {
    let aside = (1..ASIDE_MAX).map(|number| named(folder, number)).find(|path| !path.exists());
    let aside = aside.ok_or(StorageError::Unreachable)?;
    DirBuilder::new().mode(0o700).create(&aside).map_err(|error| from(&error))?;
    shift(folder, &aside, DATABASE_FILE)?;
    shift(folder, &aside, LOG_FILE)?;
    Ok(aside)
}

/// Finishes what a power cut interrupted.
///
/// # Errors
/// [`StorageError::Unreachable`].
pub fn finish_set_aside(folder: &Path) -> Result<(), StorageError> {
    let there = |name| folder.join(name).try_exists().unwrap_or(true);
    if there(DATABASE_FILE) || !there(LOG_FILE) {
        return Ok(());
    }
    let last = (1..ASIDE_MAX).map(|number| named(folder, number)).take_while(|path| path.exists());
    match last.last() {
        Some(aside) => shift(folder, &aside, LOG_FILE),
        None => set_aside(folder).map(drop),
    }
}

fn named(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{ASIDE}{number}"))
}

fn shift(folder: &Path, aside: &Path, name: &str) -> Result<(), StorageError> {
    match fs::rename(folder.join(name), aside.join(name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(from(&error)),
        Ok(()) | Err(_) => {}
    }
    for folder in [aside, folder] {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| from(&error))?;
    }
    Ok(())
}

fn from(error: &std::io::Error) -> StorageError {
    let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    if full { StorageError::NoSpace } else { StorageError::Unreachable }
}
