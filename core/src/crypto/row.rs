//! Sealed rows and files of a vault: `salt 24 ‖ commitment 32 ‖ ciphertext ‖ tag`, bound to their place.

use super::committed;
use super::derive::{self, Okm};
use super::error::OpenError;
use super::padding::{pad, row_len, unpad};
use super::random::{Random, draw};
use super::secret::Secret;
use super::vault::VaultId;
use wire::hash::{self, Label};
use zeroize::Zeroizing;

/// One of the three keys of a vault.
#[derive(Debug)]
pub struct VaultKey(Secret<32>);

impl VaultKey {
    /// Draws a new one.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::generate(random))
    }

    /// Takes the bytes as they are. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The bytes, to be wrapped.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// For the rows of one table.
    pub fn row_key(&self, vault: VaultId, table: u8) -> RowKey {
        self.place(hash::ROW, vault, table)
    }

    /// For one file; its row id is empty.
    pub fn file_key(&self, vault: VaultId, file: u8) -> RowKey {
        self.place(hash::FILE, vault, file)
    }

    fn place(&self, label: Label, vault: VaultId, number: u8) -> RowKey {
        RowKey { key: Secret::copy_of(self.0.bytes()), label, vault, number }
    }
}

/// Seals and opens the rows of one table, or one file.
#[derive(Debug)]
pub struct RowKey {
    key: Secret<32>,
    label: Label,
    vault: VaultId,
    number: u8,
}

impl RowKey {
    /// Seals one row. `format` is the version of what the row holds.
    pub fn seal(
        &self,
        row_id: &[u8],
        format: u8,
        plaintext: &[u8],
        random: &mut dyn Random,
    ) -> Vec<u8> {
        let salt = draw::<24>(random);
        let okm = self.okm(&salt, format);
        let commitment = committed::commitment(&okm);
        let padded = pad(plaintext, row_len(plaintext.len()));
        let ciphertext =
            committed::seal(&okm, &self.aad(&salt, &commitment, format, row_id), padded);
        [salt.as_slice(), &commitment, &ciphertext].concat()
    }

    /// Opens one row.
    ///
    /// # Errors
    /// [`OpenError::Forged`] for another key, table, row or format, and for damage; [`OpenError::Padding`].
    pub fn open(
        &self,
        row_id: &[u8],
        format: u8,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (salt, rest) = sealed.split_first_chunk::<24>().ok_or(OpenError::Forged)?;
        let (commitment, ciphertext) = rest.split_first_chunk::<32>().ok_or(OpenError::Forged)?;
        let okm = self.okm(salt, format);
        let aad = self.aad(salt, commitment, format, row_id);
        unpad(committed::open(&okm, commitment, &aad, ciphertext)?)
    }

    fn okm(&self, salt: &[u8; 24], format: u8) -> Okm {
        derive::okm(salt, self.key.bytes(), &[&self.info(format)])
    }

    fn aad(&self, salt: &[u8; 24], commitment: &[u8; 32], format: u8, row_id: &[u8]) -> Vec<u8> {
        [salt.as_slice(), commitment, &self.info(format), row_id].concat()
    }

    fn info(&self, format: u8) -> Vec<u8> {
        [self.label.as_bytes().as_slice(), self.vault.as_bytes(), &[self.number, format]].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    const VAULT: VaultId = VaultId::from_bytes([1; 16]);

    #[test]
    fn a_row_opens_in_its_vault_table_place_and_format_only() {
        let random = &mut SeededRandom::new(1);
        let key = VaultKey::generate(random);
        let sealed = key.row_key(VAULT, 3).seal(b"row", 1, b"text", random);
        assert_eq!(sealed.len(), 24 + 32 + 64 + 16);
        let open = |place: RowKey, row: &[u8], format| place.open(row, format, &sealed).is_ok();
        assert!(open(key.row_key(VAULT, 3), b"row", 1));
        assert!(!open(key.row_key(VAULT, 3), b"other", 1));
        assert!(!open(key.row_key(VAULT, 3), b"row", 2));
        assert!(!open(key.row_key(VAULT, 4), b"row", 1));
        assert!(!open(key.row_key(VaultId::ZERO, 3), b"row", 1));
        assert!(!open(key.file_key(VAULT, 3), b"row", 1));
        assert!(!open(VaultKey::generate(random).row_key(VAULT, 3), b"row", 1));
    }

    #[test]
    fn b28_a_damaged_row_does_not_open() {
        let random = &mut SeededRandom::new(1);
        let key = VaultKey::generate(random).row_key(VAULT, 3);
        let sealed = key.seal(b"row", 1, &[0; 200], random);
        assert_eq!(*key.open(b"row", 1, &sealed).unwrap(), vec![0; 200]);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 0x80;
            assert_eq!(key.open(b"row", 1, &damaged), Err(OpenError::Forged), "byte {at}");
            assert!(key.open(b"row", 1, &sealed[..at]).is_err());
        }
    }
}
