//! The `keys` file of a vault: its three keys, each sealed under every secret or key that may open it.
//!
//! ```text
//! ver u8 = 1 | vault_id 16 | list8( kind u8 (1 secret, 2 key) | Argon2 m, t, p u32 each | salt 16
//!                                 | which u8 (1 mailbox, 2 content, 3 private) | var sealed key )
//! ```
//! A sealed key is a sealed file number 0, format 1, under the stretched secret or under the key itself; what stands
//! before it in its item is its row id, so parameters cannot be changed unseen. A secret is stretched by Argon2id.

use super::error::{OpenError, SecretError, UnlockError};
use super::random::{Random, draw};
use super::row::VaultKey;
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;
use wire::byte_id;
use wire::codec::{DecodeError, Reader, Writer};
use zeroize::Zeroizing;

byte_id!(
    /// A vault: random, so that rows of two vaults cannot be exchanged.
    VaultId, 16
);

const VERSION: u8 = 1;
const FILE: u8 = 0;
const FORMAT: u8 = 1;
/// Four sets of three: the secret, the phone's key, and the new ones while either is changed.
const WRAPS_MAX: usize = 12;
/// A wrapped key: salt 24, commitment 32, padded key 64, tag 16.
const SEALED_BYTES: usize = 136;
const SECRET_CHARACTERS_MIN: usize = 6;
const SECRET_BYTES_MAX: usize = 1_024;

/// The three keys of a vault.
#[derive(Debug)]
pub struct VaultKeys {
    /// Opens sealed bytes to send and cursors; readable without anyone present.
    pub mailbox: VaultKey,
    /// Opens the shared space.
    pub content: VaultKey,
    /// Opens the private space and the seat.
    pub private: VaultKey,
}

impl VaultKeys {
    /// Draws three new keys.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self {
            mailbox: VaultKey::generate(random),
            content: VaultKey::generate(random),
            private: VaultKey::generate(random),
        }
    }
}

/// What somebody shows to open a vault.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// The app secret, as typed.
    Secret(&'a str),
    /// A key that the caller keeps.
    Key(&'a [u8; 32]),
}

impl core::fmt::Debug for Unlock<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Unlock(..)")
    }
}

/// What a secret or key opened.
#[derive(Debug)]
pub struct Unlocked {
    /// The vault.
    pub vault: VaultId,
    /// The mailbox key, if it was wrapped under what was shown.
    pub mailbox: Option<VaultKey>,
    /// The content key, likewise.
    pub content: Option<VaultKey>,
    /// The private key, likewise.
    pub private: Option<VaultKey>,
}

impl Unlocked {
    /// All three.
    ///
    /// # Errors
    /// [`UnlockError::Partial`].
    pub fn all(self) -> Result<VaultKeys, UnlockError> {
        let (Some(mailbox), Some(content), Some(private)) =
            (self.mailbox, self.content, self.private)
        else {
            return Err(UnlockError::Partial);
        };
        Ok(VaultKeys { mailbox, content, private })
    }
}

/// The bytes of the `keys` file.
#[derive(Debug)]
pub struct KeysFile;

impl KeysFile {
    /// Wraps all three keys under each of `unlocks` (at most four).
    ///
    /// # Errors
    /// [`UnlockError::Secret`], [`UnlockError::Memory`].
    pub fn create(
        keys: &VaultKeys,
        vault: VaultId,
        unlocks: &[Unlock<'_>],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, UnlockError> {
        let keys = [(1, &keys.mailbox), (2, &keys.content), (3, &keys.private)];
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(vault.as_bytes()).count8(unlocks.len() * keys.len());
        for unlock in unlocks {
            let settings = Settings::new(*unlock, draw(random));
            let wrapping = settings.wrapping_key(*unlock)?;
            for (which, key) in keys {
                let head = settings.head(which);
                let place = wrapping.file_key(vault, FILE);
                let sealed = place.seal(&head, FORMAT, key.as_bytes(), random);
                writer.bytes(&head).var(&sealed);
            }
        }
        Ok(writer.into_bytes())
    }

    /// Opens what `unlock` opens. A wrap that somebody damaged is skipped if another one holds the same key.
    ///
    /// # Errors
    /// [`UnlockError`] by cause. A wrong secret and a damaged wrap are not told apart.
    pub fn open(bytes: &[u8], unlock: Unlock<'_>) -> Result<Unlocked, UnlockError> {
        let (vault, wraps) = decode(bytes)?;
        if let Unlock::Secret(text) = unlock {
            normalize(text)?;
        }
        let mut unlocked = Unlocked { vault, mailbox: None, content: None, private: None };
        let mut wrapping: Option<(Settings, VaultKey)> = None;
        for Wrap { settings, which, sealed } in wraps.iter().filter(|wrap| wrap.is_for(unlock)) {
            let key = match wrapping.take() {
                Some((same, key)) if same == *settings => key,
                Some(_) | None => settings.wrapping_key(unlock)?,
            };
            let opened = key.file_key(vault, FILE).open(&settings.head(*which), FORMAT, sealed);
            wrapping = Some((*settings, key));
            if let Some(found) = as_key(opened)? {
                match which {
                    1 => unlocked.mailbox = Some(found),
                    2 => unlocked.content = Some(found),
                    _ => unlocked.private = Some(found),
                }
            }
        }
        match (&unlocked.mailbox, &unlocked.content, &unlocked.private) {
            (None, None, None) => Err(UnlockError::WrongSecret),
            _ => Ok(unlocked),
        }
    }
}

fn as_key(opened: Result<Zeroizing<Vec<u8>>, OpenError>) -> Result<Option<VaultKey>, UnlockError> {
    let Ok(bytes) = opened else { return Ok(None) };
    let bytes = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| UnlockError::Damaged)?;
    Ok(Some(VaultKey::from_bytes(bytes)))
}

struct Wrap<'a> {
    settings: Settings,
    which: u8,
    sealed: &'a [u8],
}

impl Wrap<'_> {
    const fn is_for(&self, unlock: Unlock<'_>) -> bool {
        matches!(
            (unlock, self.settings.cost),
            (Unlock::Secret(_), Some(_)) | (Unlock::Key(_), None)
        )
    }
}

fn decode(bytes: &[u8]) -> Result<(VaultId, Vec<Wrap<'_>>), UnlockError> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != VERSION {
        return Err(UnlockError::Version);
    }
    let vault = VaultId::from_bytes(reader.array()?);
    let count = reader.list8(WRAPS_MAX, 30 + 4 + SEALED_BYTES)?;
    let mut wraps = Vec::with_capacity(count);
    for _ in 0..count {
        let settings = Settings::decode(&mut reader)?;
        let which = reader.u8()?;
        if !(1..=3).contains(&which) {
            return Err(UnlockError::Damaged);
        }
        let sealed = reader.var(SEALED_BYTES)?;
        wraps.push(Wrap { settings, which, sealed });
    }
    reader.end()?;
    Ok((vault, wraps))
}

impl From<DecodeError> for UnlockError {
    fn from(_: DecodeError) -> Self {
        Self::Damaged
    }
}

/// How a secret is stretched; no cost stands for a key that needs no stretching.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Settings {
    cost: Option<Cost>,
    salt: [u8; 16],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// 64 MiB and three passes: 0.1 to 0.5 s on today's phones.
    const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    const fn is_usual(&self) -> bool {
        self.memory_kib >= 19 * 1024
            && self.memory_kib <= 256 * 1024
            && self.passes >= 1
            && self.passes <= 10
            && self.lanes >= 1
            && self.lanes <= 4
    }
}

impl Settings {
    const fn new(unlock: Unlock<'_>, salt: [u8; 16]) -> Self {
        let cost = match unlock {
            Unlock::Secret(_) => Some(Cost::DEFAULT),
            Unlock::Key(_) => None,
        };
        Self { cost, salt }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, UnlockError> {
        let kind = reader.u8()?;
        let cost = Cost { memory_kib: reader.u32()?, passes: reader.u32()?, lanes: reader.u32()? };
        let salt = reader.array()?;
        match kind {
            1 if cost.is_usual() => Ok(Self { cost: Some(cost), salt }),
            1 => Err(UnlockError::Parameters),
            2 if (cost.memory_kib, cost.passes, cost.lanes) == (0, 0, 0) => {
                Ok(Self { cost: None, salt })
            }
            2 => Err(UnlockError::Damaged),
            _ => Err(UnlockError::Version),
        }
    }

    /// What stands before the sealed key, and is bound to it.
    fn head(&self, which: u8) -> Vec<u8> {
        let (kind, cost) = match self.cost {
            Some(cost) => (1, cost),
            None => (2, Cost { memory_kib: 0, passes: 0, lanes: 0 }),
        };
        let mut writer = Writer::with_capacity(30);
        writer.u8(kind).u32(cost.memory_kib).u32(cost.passes).u32(cost.lanes);
        writer.bytes(&self.salt).u8(which);
        writer.into_bytes()
    }

    fn wrapping_key(&self, unlock: Unlock<'_>) -> Result<VaultKey, UnlockError> {
        match (unlock, self.cost) {
            (Unlock::Secret(text), Some(cost)) => stretch(&normalize(text)?, cost, &self.salt),
            (Unlock::Key(key), None) => Ok(VaultKey::from_bytes(key)),
            (Unlock::Secret(_), None) | (Unlock::Key(_), Some(_)) => Err(UnlockError::WrongSecret),
        }
    }
}

/// Argon2id (RFC 9106).
fn stretch(secret: &str, cost: Cost, salt: &[u8; 16]) -> Result<VaultKey, UnlockError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| UnlockError::Parameters)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.as_bytes(), salt, out.as_mut_slice())
        .map_err(|_| UnlockError::Memory)?;
    Ok(VaultKey::from_bytes(&out))
}

/// NFKC, without the line ends that a pasted secret or a file brings along.
fn normalize(text: &str) -> Result<Zeroizing<String>, SecretError> {
    let text = text.trim_end_matches(['\n', '\r']);
    if text.len() > SECRET_BYTES_MAX {
        return Err(SecretError::Long);
    }
    // NFKC makes at most 18 characters of one: no reallocation leaves a copy behind.
    let mut normal = Zeroizing::new(String::with_capacity(text.len() * 18 * 4));
    normal.extend(text.nfkc());
    if normal.chars().count() < SECRET_CHARACTERS_MIN || normal.trim().is_empty() {
        return Err(SecretError::Short);
    }
    Ok(normal)
}
