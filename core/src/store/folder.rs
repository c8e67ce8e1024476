//! Folders and files that are whole or not there at all, whenever the power goes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Makes a folder that appears with all its content or not at all: `fill` works in a sibling, every file and folder
/// in it is synced, then it is renamed. What a crash left of an earlier try is removed first.
///
/// # Errors
/// [`StoreError::Exists`] if there is something at `target`; what `fill` gives; [`StoreError::Disk`],
/// [`StoreError::Full`].
pub fn create_folder<E: From<StoreError>>(
    target: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let making = sibling(target)?;
    if target.try_exists().map_err(StoreError::from)? {
        return Err(StoreError::Exists.into());
    }
    remove_if_there(&making)?;
    make_above(parent(target))?;
    private_folder().create(&making).map_err(StoreError::from)?;
    let filled = fill(&making).and_then(|()| Ok(publish_folder(&making, target)?));
    if filled.is_err() {
        remove_if_there(&making)?;
    }
    filled
}

/// Makes the folders that are not there yet, each durable in the one above it.
fn make_above(folder: &Path) -> Result<(), StoreError> {
    if folder.try_exists()? {
        return Ok(());
    }
    make_above(parent(folder))?;
    private_folder().create(folder)?;
    sync_folder(parent(folder))
}

/// For the eyes of its owner's account alone.
fn private_folder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Replaces or makes one file whole: written to a sibling, synced, renamed over, its folder synced.
///
/// # Errors
/// [`StoreError::Absent`] if the folder is missing; [`StoreError::Disk`], [`StoreError::Full`].
pub fn write_file(target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let making = sibling(target)?;
    let mut file = File::create(&making)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&making, target)?;
    sync_folder(parent(target))
}

/// Writes a file's own bytes over it, and syncs them. After a sync that failed, systems take what was to be written for
/// written: it can be read, is not on the disk, and no later sync brings it there.
pub(super) fn rewrite(file: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(file)?;
    let mut file = fs::OpenOptions::new().write(true).open(file)?;
    file.write_all(&bytes)?;
    Ok(file.sync_all()?)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    Ok(File::open(folder)?.sync_all()?)
}

fn publish_folder(making: &Path, target: &Path) -> Result<(), StoreError> {
    sync_below(making)?;
    fs::rename(making, target)?;
    sync_folder(parent(target))
}

fn sync_below(folder: &Path) -> Result<(), StoreError> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            sync_below(&item.path())?;
        } else {
            File::open(item.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

fn sibling(target: &Path) -> Result<PathBuf, StoreError> {
    with_ending(target, ".new")
}

/// The path beside `target` whose name is longer by `ending`.
pub(super) fn with_ending(target: &Path, ending: &str) -> Result<PathBuf, StoreError> {
    let mut name = OsString::from(target.file_name().ok_or(StoreError::Disk)?);
    name.push(ending);
    Ok(target.with_file_name(name))
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    }
}

pub(super) fn remove_if_there(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("vault");
        let failed = create_folder(&target, |folder| {
            write_file(&folder.join("keys"), b"half")?;
            Err(StoreError::Full)
        });
        assert_eq!(failed, Err(StoreError::Full));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);

        fs::create_dir_all(home.path().join("vault.new/left-by-a-crash")).unwrap();
        create_folder(&target, |folder| write_file(&folder.join("keys"), b"whole")).unwrap();
        assert_eq!(fs::read(target.join("keys")).unwrap(), b"whole");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);

        let again = create_folder(&target, |_| Ok::<(), StoreError>(()));
        assert_eq!(again, Err(StoreError::Exists));
        assert_eq!(fs::read(target.join("keys")).unwrap(), b"whole");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("device");
        write_file(&file, b"one").unwrap();
        write_file(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
