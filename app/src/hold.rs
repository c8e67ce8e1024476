//! One editor at a time on one text: a lock on a small empty file in the vault's folder, named by the text. The lock is
//! the operating system's, so that it ends with its process; the file goes with it, or at the next start.

use crate::failure::Failure;
use reknit_core::model::id::DocumentId;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PREFIX: &str = "editing-";

/// A text that is open in an editor of this process.
#[derive(Debug)]
pub(crate) struct Hold {
    path: PathBuf,
    _file: File,
}

impl Hold {
    /// Takes a text of the vault at `home`.
    ///
    /// # Errors
    /// [`Failure::EditorOpen`] if another process has it; [`Failure::EditorFile`].
    pub(crate) fn take(home: &Path, document: DocumentId) -> Result<Self, Failure> {
        Self::lock(home.join(format!("{PREFIX}{}", document.hex())))
    }

    fn lock(path: PathBuf) -> Result<Self, Failure> {
        loop {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(|_| Failure::EditorFile)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(Failure::EditorOpen),
                Err(TryLockError::Error(_)) => return Err(Failure::EditorFile),
            }
            // Its last owner may have removed it between the opening and the locking: then nobody else sees this lock.
            let mine = file.metadata().map(|found| found.ino());
            if mine.is_ok_and(|mine| fs::metadata(&path).is_ok_and(|now| now.ino() == mine)) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Removes what processes left behind that were killed while an editor was open.
pub(crate) fn remove_leftovers(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            drop(Hold::lock(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_open_once_and_a_file_left_behind_goes() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (DocumentId::from_bytes([1; 16]), DocumentId::from_bytes([2; 16]));
        let held = Hold::take(home.path(), one).unwrap();
        assert_eq!(Hold::take(home.path(), one).unwrap_err().code(), "editor.open");
        drop(Hold::take(home.path(), other).unwrap());
        fs::write(home.path().join("editing-left"), "").unwrap();
        remove_leftovers(home.path());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "what is held stays");
        drop(held);
        drop(Hold::take(home.path(), one).unwrap());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
