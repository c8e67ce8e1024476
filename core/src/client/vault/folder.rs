//! A vault: one folder with a person's wrapped keys, the device's sealed keys, and two stores of sealed rows.
//!
//! ```text
//! HOME/keys      the mailbox, content and private key, each wrapped by what unlocks it
//! HOME/device    three sealed parts (`identity`)
//! HOME/lock      held for one turn by one process
//! HOME/home      where the private space lies (`session::home`)
//! HOME/*.mark    what is in Automerge's hands, while it is (`mark`)
//! HOME/private/  the store of the private space, under the private key
//! HOME/shared/   the store of the shared space, under the content key; made at once, used or not
//! ```

use crate::client::error::Error;
use crate::client::vault::identity::Identity;
use crate::client::vault::mark::Mark;
use crate::client::vault::shelf::Shelf;
use crate::crypto::{KeysFile, Random, Unlock, VaultId, VaultKeys, draw};
use crate::store::{Store, StoreError, VaultLock, create_folder, write_file};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a process waits for another one's turn to end.
const TURN_WAIT_MAX: Duration = Duration::from_secs(5);
const KEYS: &str = "keys";
const DEVICE: &str = "device";
const PRIVATE: &str = "private";
const SHARED: &str = "shared";
const PRIVATE_MARK: &str = "private.mark";
const SHARED_MARK: &str = "shared.mark";

/// A disk that lives in memory and outlives the vaults opened on it: what the simulator's devices write to.
///
/// Its two small files change atomically, as a rename does.
#[derive(Debug, Clone)]
pub struct MemoryDisk {
    name: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    kept: Arc<Mutex<Vec<Store>>>,
    refuses: Arc<AtomicBool>,
}

impl MemoryDisk {
    /// An empty disk. Two disks of one name in one process share their stores.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            files: Arc::default(),
            kept: Arc::default(),
            refuses: Arc::default(),
        }
    }

    /// Another disk that holds the same.
    ///
    /// # Errors
    /// As [`Store::copy_to_memory`].
    pub fn copy(&self, name: &str) -> Result<Self, Error> {
        let copy = Self::new(name);
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        *copy.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        let mut kept = copy.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for shared in [false, true] {
            let store = Store::memory(&self.store_name(shared))?;
            kept.push(store.copy_to_memory(&copy.store_name(shared))?);
        }
        drop(kept);
        Ok(copy)
    }

    /// One of its two small files, as it stands there.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// From now on its two small files can be written, or not: what fails then changes nothing.
    pub fn refuse_files(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// The name under which the store of the private (`false`) or shared (`true`) space is kept.
    pub fn store_name(&self, shared: bool) -> String {
        format!("{}-{}", self.name, if shared { SHARED } else { PRIVATE })
    }
}

/// Where a vault lies.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// Memory, for simulations.
    Memory(MemoryDisk),
}

impl Place {
    /// One of its small files.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        read(self, name)
    }

    /// Writes a small file, durably and whole.
    pub(crate) fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        write(self, name, bytes)
    }

    /// Writes a small file that need not survive a power cut.
    pub(crate) fn put_unsynced(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Folder(path) => {
                std::fs::write(path.join(name), bytes).map_err(|_| Error::Storage)
            }
            Self::Memory(_) => write(self, name, bytes),
        }
    }

    /// Removes a small file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        match self {
            Self::Folder(path) => match std::fs::remove_file(path.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::Storage),
                Ok(()) | Err(_) => Ok(()),
            },
            Self::Memory(disk) => {
                disk.files.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
                Ok(())
            }
        }
    }
}

/// A vault that exists, still locked.
#[derive(Debug)]
pub struct Vault {
    place: Place,
    keys: Vec<u8>,
}

/// A vault, unlocked: all that a session needs.
#[derive(Debug)]
pub struct Unlocked {
    pub(crate) place: Place,
    pub(crate) vault_id: VaultId,
    pub(crate) keys: VaultKeys,
    pub(crate) identity: Identity,
    pub(crate) private: Shelf,
    pub(crate) shared: Shelf,
    /// Held until all is read: what another process writes meanwhile would be half-seen.
    pub(crate) turn: Option<VaultLock>,
}

impl Vault {
    /// Makes a vault where none is, for a new person (`joining` false) or for a further device of one.
    ///
    /// A folder is made under another name and renamed when all is on disk: a crash leaves none or all of it.
    ///
    /// # Errors
    /// [`Error::Exists`] if something is there, [`Error::Invalid`] for a secret too short or long.
    pub fn create(
        place: Place,
        unlock: &[Unlock<'_>],
        joining: bool,
        random: &mut dyn Random,
    ) -> Result<Unlocked, Error> {
        if Self::exists(&place) {
            return Err(Error::Exists);
        }
        let vault_id = VaultId::from_bytes(draw(random));
        let keys = VaultKeys::generate(random);
        let wrapped = KeysFile::create(&keys, vault_id, unlock, random)?;
        let identity = if joining { Identity::joining(random) } else { Identity::generate(random) };
        let device = identity.seal(&keys, vault_id, random);
        match &place {
            Place::Folder(path) => create_folder(vacant(path), |folder| {
                write_file(&folder.join(KEYS), &wrapped)?;
                write_file(&folder.join(DEVICE), &device)?;
                drop(Store::create(&folder.join(PRIVATE))?);
                drop(Store::create(&folder.join(SHARED))?);
                Ok::<(), StoreError>(())
            })?,
            Place::Memory(disk) => {
                let mut files = disk.files.lock().unwrap_or_else(PoisonError::into_inner);
                files.insert(KEYS.to_owned(), wrapped);
                files.insert(DEVICE.to_owned(), device);
                let mut kept = disk.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(Store::memory(&disk.store_name(false))?);
                kept.push(Store::memory(&disk.store_name(true))?);
            }
        }
        Self::assemble((place, vault_id), keys, Some(identity), open_store)
    }

    /// Finds the vault at a place.
    ///
    /// # Errors
    /// [`Error::NoVault`] if there is none, [`Error::Damaged`] if its key file cannot be read.
    pub fn open(place: Place) -> Result<Self, Error> {
        let Some(keys) = read(&place, KEYS)? else {
            // Something lies here that nothing opens any more.
            let rest = read(&place, DEVICE)?.is_some();
            return Err(if rest { Error::Damaged { code: "vault.keys" } } else { Error::NoVault });
        };
        Ok(Self { place, keys })
    }

    /// Whether a vault is there.
    pub fn exists(place: &Place) -> bool {
        match place {
            Place::Folder(path) => path.join(KEYS).exists(),
            Place::Memory(disk) => {
                disk.files.lock().unwrap_or_else(PoisonError::into_inner).contains_key(KEYS)
            }
        }
    }

    /// Unlocks all of it, and takes the vault until it is loaded.
    ///
    /// # Errors
    /// [`Error::WrongSecret`], [`Error::Damaged`]; [`Error::Busy`] if another process keeps it.
    pub fn unlock(self, unlock: Unlock<'_>) -> Result<Unlocked, Error> {
        self.unlock_by(unlock, open_store)
    }

    /// The same; `open` decides what becomes of a store that is damaged.
    pub(crate) fn unlock_by(self, unlock: Unlock<'_>, open: OpenStore) -> Result<Unlocked, Error> {
        let opened = KeysFile::open(&self.keys, unlock)?;
        let vault_id = opened.vault;
        Self::assemble((self.place, vault_id), opened.all()?, None, open)
    }

    fn assemble(
        (place, vault_id): (Place, VaultId),
        keys: VaultKeys,
        identity: Option<Identity>,
        open: OpenStore,
    ) -> Result<Unlocked, Error> {
        let turn = Unlocked::lock(&place)?;
        let identity = match identity {
            Some(identity) => identity,
            None => Unlocked::read_identity(&place, &keys, vault_id)?,
        };
        let (private, shared) = Unlocked::shelves(&place, &keys, vault_id, open)?;
        Ok(Unlocked { place, vault_id, keys, identity, private, shared, turn })
    }
}

impl Unlocked {
    /// Takes the vault for one turn. In memory nobody else is there.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process keeps it for more than five seconds.
    pub(crate) fn lock(place: &Place) -> Result<Option<VaultLock>, Error> {
        match place {
            Place::Folder(path) => Ok(Some(VaultLock::acquire(path, TURN_WAIT_MAX)?)),
            Place::Memory(_) => Ok(None),
        }
    }

    /// Opens both stores; `open` decides what becomes of one that is damaged.
    pub(crate) fn shelves(
        place: &Place,
        keys: &VaultKeys,
        vault_id: VaultId,
        open: OpenStore,
    ) -> Result<(Shelf, Shelf), Error> {
        let shelf = |shared| {
            let (key, mark) =
                if shared { (&keys.content, SHARED_MARK) } else { (&keys.private, PRIVATE_MARK) };
            let shelf = |store| Shelf::new(store, key, vault_id, Mark::new(place.clone(), mark));
            match place {
                Place::Folder(path) => open(&path.join(Self::folder_of(shared)), shared, &shelf),
                Place::Memory(disk) => Ok(shelf(Store::memory(&disk.store_name(shared))?)),
            }
        };
        Ok((shelf(false)?, shelf(true)?))
    }

    /// The folder of a store, in that of the vault.
    pub(crate) const fn folder_of(shared: bool) -> &'static str {
        if shared { SHARED } else { PRIVATE }
    }

    /// Writes the device file anew, durably and at once.
    pub(crate) fn write_identity(
        place: &Place,
        identity: &Identity,
        keys: &VaultKeys,
        vault_id: VaultId,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        write(place, DEVICE, identity.seal(keys, vault_id, random))
    }

    /// Reads the device file: another process may have changed it.
    pub(crate) fn read_identity(
        place: &Place,
        keys: &VaultKeys,
        vault_id: VaultId,
    ) -> Result<Identity, Error> {
        let file = read(place, DEVICE)?.ok_or(Error::Damaged { code: "vault.device" })?;
        Identity::open(&file, keys, vault_id)
    }
}

/// Opens the store in a folder, of the shared space or not, and puts it on its shelf.
pub(crate) type OpenStore = fn(&Path, bool, &dyn Fn(Store) -> Shelf) -> Result<Shelf, Error>;

/// As it is: one that is damaged stays where it is.
fn open_store(
    folder: &Path,
    _shared: bool,
    shelf: &dyn Fn(Store) -> Shelf,
) -> Result<Shelf, Error> {
    Ok(shelf(Store::open(folder)?))
}

/// An empty folder is as good as none.
fn vacant(path: &Path) -> &Path {
    // It is not removed unless it is empty; why it could not be removed does not matter then.
    drop(std::fs::remove_dir(path));
    path
}

fn read(place: &Place, name: &str) -> Result<Option<Vec<u8>>, Error> {
    match place {
        Place::Folder(path) => match std::fs::read(path.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) => Err(Error::Storage),
        },
        Place::Memory(disk) => {
            Ok(disk.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
        }
    }
}

fn write(place: &Place, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
    match place {
        Place::Folder(path) => write_file(&path.join(name), &bytes)?,
        Place::Memory(disk) => {
            if disk.refuses.load(Ordering::Relaxed) {
                return Err(Error::Storage);
            }
            let mut files = disk.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.insert(name.to_owned(), bytes);
        }
    }
    Ok(())
}
