//! The hash of one raw Automerge change, computed from its bytes alone.
//!
//! A change is magic 4, checksum 4, chunk type 1, LEB128 length, data. Its hash is SHA-256 over all from the type on;
//! the checksum is the first four bytes of the hash. Only uncompressed changes travel: a compressed one has other
//! bytes and the same hash, so it would be a second way to write the same thing.

use wire::codec::{DecodeError, Reader};
use wire::hash;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const TYPE_CHANGE: u8 = 1;
/// Bytes of a LEB128 length up to 2^35: far above what an entry can hold.
const LENGTH_BYTES_MAX: u32 = 5;

/// The bytes are not one whole uncompressed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one whole uncompressed change")]
pub struct ChangeError;

impl From<DecodeError> for ChangeError {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// Automerge's own hash of a raw change.
///
/// # Errors
/// [`ChangeError`] if magic, type, length or checksum are wrong, or bytes are left over.
pub fn change_hash(raw: &[u8]) -> Result<[u8; 32], ChangeError> {
    let mut r = Reader::new(raw);
    if r.array()? != MAGIC {
        return Err(ChangeError);
    }
    let checksum: [u8; 4] = r.array()?;
    let hashed = r.rest();
    if r.u8()? != TYPE_CHANGE || length(&mut r)? != r.rest().len() as u64 {
        return Err(ChangeError);
    }
    let hash = hash::sha256(&[hashed]);
    if hash.starts_with(&checksum) { Ok(hash) } else { Err(ChangeError) }
}

/// A LEB128 number in its shortest form.
fn length(r: &mut Reader<'_>) -> Result<u64, ChangeError> {
    let mut value = 0;
    for index in 0..LENGTH_BYTES_MAX {
        let byte = r.u8()?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return if byte == 0 && index > 0 { Err(ChangeError) } else { Ok(value) };
        }
    }
    Err(ChangeError)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of our own making: its data is no change, but its frame is.
    fn raw(len: u8) -> (Vec<u8>, [u8; 32]) {
        let hashed = [vec![1, len], vec![9; usize::from(len)]].concat();
        let hash = hash::sha256(&[&hashed]);
        ([MAGIC.to_vec(), hash[..4].to_vec(), hashed].concat(), hash)
    }

    #[test]
    fn it_covers_all_from_the_type_on() {
        let (raw, hash) = raw(100);
        assert_eq!(change_hash(&raw), Ok(hash));
    }

    #[test]
    fn a_changed_cut_or_longer_change_has_none() {
        let (raw, _) = raw(5);
        for at in 0..raw.len() {
            let mut bad = raw.clone();
            bad[at] ^= 1;
            assert_eq!(change_hash(&bad), Err(ChangeError));
            assert_eq!(change_hash(&raw[..at]), Err(ChangeError));
        }
        assert_eq!(change_hash(&[raw, vec![0]].concat()), Err(ChangeError));
    }

    #[test]
    fn a_length_has_one_form() {
        for length in [vec![0x85, 0], vec![0x85, 0x80, 0], vec![0x80, 0x80, 0x80, 0x80, 0x80, 1]] {
            let hashed = [vec![1], length, vec![9; 5]].concat();
            let hash = hash::sha256(&[&hashed]);
            let raw = [MAGIC.to_vec(), hash[..4].to_vec(), hashed].concat();
            assert_eq!(change_hash(&raw), Err(ChangeError));
        }
    }
}
