//! The `keys` file of a vault: its three keys, each sealed under every secret or key that may open it.
//!
//! ```text
//! ver u8 = 1 | vault_id 16 | list8( kind u8 (1 secret, 2 key) | Argon2 m, t, p u32 each | salt 16
//!                                 | which u8 (1 mailbox, 2 content, 3 private) | var sealed key )
//! ```
//! A sealed key is a sealed file number 0, format 1, under the stretched secret or under the key itself; what stands
//! before it in its item is its row id, so parameters cannot be changed unseen. A secret is stretched by Argon2id.

use super::error::{OpenError, UnlockError};
use super::random::{Random, draw};
use super::row::VaultKey;
use super::stretch::{Settings, normalize};
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
            (Some(_), _, _) | (_, Some(_), _) | (_, _, Some(_)) => Ok(unlocked),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{SecretError, SeededRandom};

    const VAULT: VaultId = VaultId::from_bytes([1; 16]);
    const KEY: [u8; 32] = [5; 32];

    fn file(unlocks: &[Unlock<'_>]) -> (VaultKeys, Vec<u8>) {
        let random = &mut SeededRandom::new(1);
        let keys = VaultKeys::generate(random);
        let bytes = KeysFile::create(&keys, VAULT, unlocks, random).unwrap();
        (keys, bytes)
    }

    fn same(a: &VaultKeys, b: &VaultKeys) -> bool {
        a.mailbox.as_bytes() == b.mailbox.as_bytes()
            && a.content.as_bytes() == b.content.as_bytes()
            && a.private.as_bytes() == b.private.as_bytes()
    }

    #[test]
    fn a_secret_and_a_key_open_the_same_three_keys() {
        let (keys, bytes) = file(&[Unlock::Secret("the secret"), Unlock::Key(&KEY)]);
        for unlock in [Unlock::Secret("the secret"), Unlock::Key(&KEY)] {
            let unlocked = KeysFile::open(&bytes, unlock).unwrap();
            assert_eq!(unlocked.vault, VAULT);
            assert!(same(&unlocked.all().unwrap(), &keys));
        }
        let wrong = KeysFile::open(&bytes, Unlock::Secret("the Secret")).unwrap_err();
        assert_eq!((wrong, wrong.code()), (UnlockError::WrongSecret, "secret.wrong"));
        assert_eq!(
            KeysFile::open(&bytes, Unlock::Key(&[6; 32])).unwrap_err(),
            UnlockError::WrongSecret
        );
    }

    #[test]
    fn a_key_opens_what_was_wrapped_under_it_and_no_more() {
        let (_, mut bytes) = file(&[Unlock::Key(&KEY)]);
        bytes.truncate(bytes.len() - 170);
        bytes[17] = 2;
        let unlocked = KeysFile::open(&bytes, Unlock::Key(&KEY)).unwrap();
        assert!(unlocked.mailbox.is_some() && unlocked.content.is_some());
        assert_eq!(unlocked.all().unwrap_err(), UnlockError::Partial);
    }

    #[test]
    fn b67_a_secret_has_six_characters_and_at_most_1_024_bytes() {
        let random = &mut SeededRandom::new(1);
        let keys = VaultKeys::generate(random);
        for (secret, error) in [
            ("", SecretError::Short),
            ("123", SecretError::Short),
            ("12345\n", SecretError::Short),
            ("          ", SecretError::Short),
            ("\u{a0}\u{3000}      ", SecretError::Short),
            (&"x".repeat(1_025), SecretError::Long),
        ] {
            let made = KeysFile::create(&keys, VAULT, &[Unlock::Secret(secret)], random);
            assert_eq!(made.unwrap_err(), UnlockError::Secret(error));
        }
        assert_eq!(SecretError::Short.code(), "secret.short");
        assert_eq!(SecretError::Short.to_string(), "at least 6 characters");
    }

    #[test]
    fn b67_normal_forms_and_a_pasted_line_end_do_not_matter() {
        let (_, bytes) = file(&[Unlock::Secret("caf\u{e9} \u{1f511}1")]);
        for typed in ["cafe\u{301} \u{1f511}1", "caf\u{e9} \u{1f511}1\r\n"] {
            assert!(KeysFile::open(&bytes, Unlock::Secret(typed)).is_ok());
        }
        let leading = KeysFile::open(&bytes, Unlock::Secret("\ncaf\u{e9} \u{1f511}1"));
        assert_eq!(leading.unwrap_err(), UnlockError::WrongSecret);
    }

    #[test]
    fn b73_unusual_parameters_are_refused_before_hashing() {
        let (_, bytes) = file(&[Unlock::Secret("the secret")]);
        let (memory, passes, lanes) = (19, 23, 27);
        for (at, value) in [
            (memory, u32::MAX),
            (memory, 256 * 1024 + 1),
            (memory, 19 * 1024 - 1),
            (memory, 0),
            (passes, 0),
            (passes, 11),
            (lanes, 0),
            (lanes, 5),
        ] {
            let mut changed = bytes.clone();
            changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
            let refused = KeysFile::open(&changed, Unlock::Secret("the secret")).unwrap_err();
            assert_eq!(refused, UnlockError::Parameters, "{at} {value}");
        }
    }

    #[test]
    fn a_damaged_keys_file_is_told_from_a_newer_one() {
        let (_, bytes) = file(&[Unlock::Key(&KEY)]);
        let open = |bytes: &[u8]| KeysFile::open(bytes, Unlock::Key(&KEY)).map(drop);
        assert_eq!(open(&[]), Err(UnlockError::Damaged));
        assert_eq!(open(&bytes[..bytes.len() - 1]), Err(UnlockError::Damaged));
        assert_eq!(open(&[bytes.as_slice(), &[0]].concat()), Err(UnlockError::Damaged));
        assert_eq!(open(&[&[2], &bytes[1..]].concat()), Err(UnlockError::Version));
        let moved = [&bytes[..1], &[9], &bytes[2..]].concat();
        assert_eq!(open(&moved), Err(UnlockError::WrongSecret));
    }
}
