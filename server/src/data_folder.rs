//! The data folder, ready for use: the folder, the database in it, the key.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use wire::id::StoreId;

use crate::{
    Random,
    error::StartError,
    folder, key,
    storage::{DATABASE_FILE, Storage, StorageError, finish_set_aside, set_aside},
};

/// What lies in a relay's folder.
pub struct DataFolder {
    /// The database.
    pub storage: Storage,
    /// Where a damaged database was moved to: this one is new, and clients fill it again.
    pub set_aside: Option<PathBuf>,
    pub(crate) seed: [u8; 32],
}

/// The seed is nobody's to print.
impl fmt::Debug for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataFolder(..)")
    }
}

impl DataFolder {
    /// Opens the folder of a relay, or makes it. A damaged database is set aside and a new, empty one takes its place,
    /// under a new store id: that is how clients know that they have to bring back what they hold.
    ///
    /// # Errors
    /// What the operator has to change. Nothing was changed, but for a folder or a key that were missing.
    pub fn open(path: &Path, random: &mut Random) -> Result<Self, StartError> {
        folder::prepare(path)?;
        finish_set_aside(path)?;
        let mut id = [0; 16];
        random(&mut id);
        let fresh = StoreId::from_bytes(id);
        let mut opened = Storage::open(path, fresh);
        if opened.as_ref().err() == Some(&StorageError::Damaged) {
            // A disk may read wrong once.
            opened = Storage::open(path, fresh);
        }
        let (storage, set_aside) = match opened {
            // To the engine a read that failed is damage, too: that is left for a better day.
            Err(StorageError::Damaged) if !can_be_read(path) => {
                return Err(StorageError::Unreachable.into());
            }
            Err(StorageError::Damaged) => {
                let aside = set_aside(path)?;
                (Storage::open(path, fresh)?, Some(aside))
            }
            other => (other?, None),
        };
        let seed = key::load_or_create(path, random)?;
        Ok(Self { storage, set_aside, seed })
    }
}

fn can_be_read(folder: &Path) -> bool {
    File::open(folder.join(DATABASE_FILE))
        .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn counting() -> Random {
        let mut next = 0u8;
        Box::new(move |out| {
            next = next.wrapping_add(1);
            out.fill(next);
        })
    }

    fn open(folder: &Path, random: &mut Random) -> DataFolder {
        DataFolder::open(folder, random).unwrap()
    }

    #[test]
    fn a_damaged_database_is_set_aside_as_it_is_and_a_new_one_has_another_id_and_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = counting();
        let DataFolder { storage, seed, .. } = open(folder.path(), &mut random);
        let first = storage.store_id();
        drop(storage);
        let file = folder.path().join("relay.db");
        let mut bytes = fs::read(&file).unwrap();
        bytes[4_096..8_192].fill(0);
        fs::write(&file, &bytes).unwrap();
        fs::write(folder.path().join("relay.db-wal"), b"as it was left").unwrap();

        let opened = open(folder.path(), &mut random);
        assert_eq!(opened.set_aside, Some(folder.path().join("set-aside-1")));
        assert_ne!(opened.storage.store_id(), first);
        assert_eq!(opened.seed, seed);
        assert!(fs::read(folder.path().join("set-aside-1/relay.db")).unwrap() == bytes);
        let log = fs::read(folder.path().join("set-aside-1/relay.db-wal")).unwrap();
        assert_eq!(log, b"as it was left");
        let second = opened.storage.store_id();
        drop(opened);
        let opened = open(folder.path(), &mut random);
        assert_eq!((opened.set_aside, opened.storage.store_id()), (None, second));
    }

    #[test]
    fn a_log_without_its_database_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("set-aside-1")).unwrap();
        fs::create_dir(folder.path().join("set-aside-2")).unwrap();
        fs::write(folder.path().join("relay.db-wal"), b"of the one before").unwrap();
        let opened = open(folder.path(), &mut counting());
        assert_eq!(opened.set_aside, None);
        let log = fs::read(folder.path().join("set-aside-2/relay.db-wal")).unwrap();
        assert_eq!(log, b"of the one before");
    }
}
