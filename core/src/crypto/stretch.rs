//! From what a person types to a key: normal form, bounds, Argon2id.

use super::error::{SecretError, UnlockError};
use super::row::VaultKey;
use super::vault::Unlock;
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;
use wire::codec::{Reader, Writer};
use zeroize::Zeroizing;

/// Fewer can be tried out by hand.
const SECRET_CHARACTERS_MIN: usize = 6;
/// More is a mistake, not a secret.
const SECRET_BYTES_MAX: usize = 1_024;

/// How a secret is stretched; no cost stands for a key that needs no stretching.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) cost: Option<Cost>,
    salt: [u8; 16],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
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
    pub(super) const fn new(unlock: Unlock<'_>, salt: [u8; 16]) -> Self {
        let cost = match unlock {
            Unlock::Secret(_) => Some(Cost::DEFAULT),
            Unlock::Key(_) => None,
        };
        Self { cost, salt }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, UnlockError> {
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
    pub(super) fn head(&self, which: u8) -> Vec<u8> {
        let (kind, cost) = match self.cost {
            Some(cost) => (1, cost),
            None => (2, Cost { memory_kib: 0, passes: 0, lanes: 0 }),
        };
        let mut writer = Writer::with_capacity(30);
        writer.u8(kind).u32(cost.memory_kib).u32(cost.passes).u32(cost.lanes);
        writer.bytes(&self.salt).u8(which);
        writer.into_bytes()
    }

    pub(super) fn wrapping_key(&self, unlock: Unlock<'_>) -> Result<VaultKey, UnlockError> {
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
pub(super) fn normalize(text: &str) -> Result<Zeroizing<String>, SecretError> {
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
