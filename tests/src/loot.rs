//! A vault read as its owner can, from its files alone: the layout is in `docs/storage.md`.

use crate::device::Device;
use crate::world::UNLOCK;
use reknit_core::crypto::{
    AccessKeys, DeviceKeys, Home, KemKey, KeysFile, SigningKey, Unlock, VaultId, VaultKey,
    VaultKeys,
};
use reknit_core::membership::{Keyring, Recipient};
use reknit_core::model::id::{PersonId, SpaceId};
use reknit_core::store::{Store, Table};
use std::path::Path;
use wire::codec::Reader;
use wire::control::ControlItem;
use wire::id::SpaceHandle;

/// What a vault holds once it is open.
#[derive(Debug)]
pub struct Loot {
    /// Its three keys.
    pub vault: VaultKeys,
    /// The device's.
    pub keys: DeviceKeys,
    /// Whose it is.
    pub person: PersonId,
    /// The shared space.
    pub home: Home,
    /// Signs in to it.
    pub acc: SigningKey,
    /// The keys of the private space.
    pub private: Keyring,
}

/// Reads a vault as its owner can: the layout of its files is in `docs/storage.md`.
pub fn loot(folder: &Path) -> Loot {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    taken(read, |name| Store::open(&folder.join(name)).ok())
}

/// The same of a device of the world, wherever its files lie.
pub(crate) fn loot_of(device: &Device) -> Loot {
    match &device.folder {
        Some(folder) => loot(folder),
        None => taken(
            |name| device.files.file(name),
            |name| Store::memory(&device.files.store_name(name == "shared")).ok(),
        ),
    }
}

fn taken(read: impl Fn(&str) -> Option<Vec<u8>>, store: impl Fn(&str) -> Option<Store>) -> Loot {
    let file = read("keys").expect("the keys");
    let unlocked = KeysFile::open(&file, Unlock::Key(&UNLOCK)).expect("unlocked");
    let vault = unlocked.vault;
    let vault_keys = unlocked.all().expect("all three keys");
    let file = read("device").expect("the device file");
    let mut parts = Reader::new(&file[1..]);
    let mut part = |key: &VaultKey, number| {
        let sealed = parts.var(16_384).expect("a part");
        key.file_key(vault, number).open(&[], 1, sealed).expect("it opens")
    };
    part(&vault_keys.mailbox, 2);
    let voice = part(&vault_keys.content, 3);
    let seat = part(&vault_keys.private, 4);
    let seed =
        |part: &[u8], at: usize| -> [u8; 32] { part[at..at + 32].try_into().expect("32 bytes") };
    let keys = DeviceKeys {
        voice: SigningKey::from_seed(&seed(&voice, 16)),
        kem: KemKey::from_seed(&seed(&voice, 48)),
        seat: SigningKey::from_seed(&seed(&seat, 0)),
    };
    let person = PersonId::from_bytes(voice[..16].try_into().expect("16 bytes"));
    let me = Recipient { id: keys.id().to_bytes(), kem: &keys.kem };
    let private = store("private").expect("the private store");
    let own = home(&private, &vault_keys.private, vault);
    let items = private.prefix(Table::Control, &[]).expect("control items");
    let items: Vec<_> =
        items.iter().map(|row| ControlItem::decode(&row.body).expect("an item")).collect();
    let mut keyring = Keyring::new(own.space);
    keyring.climb(&items, own, &me).expect("the own keys");
    let shared = store("shared").expect("the shared store");
    let home = home(&shared, &vault_keys.content, vault);
    let first = keyring.get(0).expect("the first key");
    let acc = AccessKeys::derive(first, home.sid).acc;
    Loot { vault: vault_keys, keys, person, home, acc, private: keyring }
}

fn home(store: &Store, key: &VaultKey, vault: VaultId) -> Home {
    let key = key.row_key(vault, Table::Meta.number());
    let row = store.get(Table::Meta, b"space").expect("a store").expect("a space");
    let body = key.open(&row.id, 1, &row.body).expect("it opens");
    let mut reader = Reader::new(&body);
    Home {
        sid: SpaceHandle::from_bytes(reader.array().expect("a handle")),
        space: SpaceId::from_bytes(reader.array().expect("a space")),
    }
}

impl Loot {
    /// All secret bytes, by name: what may be nowhere once the vault is locked.
    pub fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        let Self { vault, keys, acc, private, .. } = self;
        let named = [
            ("mailbox key", vault.mailbox.as_bytes()),
            ("content key", vault.content.as_bytes()),
            ("private key", vault.private.as_bytes()),
            ("voice", keys.voice.seed()),
            ("seat", keys.seat.seed()),
            ("kem", keys.kem.seed()),
            ("access", acc.seed()),
        ];
        let named = named.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        let epochs = private.epochs().filter_map(|epoch| {
            Some((format!("epoch {epoch}"), private.get(epoch)?.as_bytes().to_vec()))
        });
        named.into_iter().chain(epochs).collect()
    }
}
