//! The ladder: the key of the epoch before, sealed under the newer one, so that a newcomer can climb down.

use super::committed::{open_raw, seal_raw};
use super::derive;
use super::epoch::EpochKey;
use super::error::OpenError;
use super::random::{Random, draw};
use crate::model::id::SpaceId;
use wire::limit::LADDER_BYTES;
use zeroize::Zeroizing;

/// Seals the older key under the newer: salt 24, sealed key 48.
pub fn ladder_seal(
    space: SpaceId,
    after: (&EpochKey, u32),
    before: (&EpochKey, u32),
    random: &mut dyn Random,
) -> [u8; LADDER_BYTES] {
    let salt = draw::<24>(random);
    let (key, nonce) = keys(&salt, space, after, before.1);
    let sealed = seal_raw(&key, nonce, &[], before.0.as_bytes().to_vec());
    let mut ladder = [0; LADDER_BYTES];
    let (head, tail) = ladder.split_at_mut(24);
    head.copy_from_slice(&salt);
    tail.copy_from_slice(&sealed);
    ladder
}

/// The key of `epoch_before`. Whether it is the right one, its commitment in the signed op tells.
///
/// # Errors
/// [`OpenError::Forged`].
pub fn ladder_open(
    space: SpaceId,
    after: (&EpochKey, u32),
    epoch_before: u32,
    ladder: &[u8; LADDER_BYTES],
) -> Result<EpochKey, OpenError> {
    let (salt, sealed) = ladder.split_first_chunk::<24>().ok_or(OpenError::Forged)?;
    let (key, nonce) = keys(salt, space, after, epoch_before);
    let opened = open_raw(&key, nonce, &[], sealed)?;
    let bytes = opened.first_chunk::<32>().ok_or(OpenError::Forged)?;
    Ok(EpochKey::from_bytes(bytes))
}

fn keys(
    salt: &[u8; 24],
    space: SpaceId,
    after: (&EpochKey, u32),
    before: u32,
) -> (Zeroizing<[u8; 32]>, [u8; 12]) {
    let okm = derive::ladder(salt, after.0.as_bytes(), space, (after.1, before));
    let (mut key, mut nonce) = (Zeroizing::new([0; 32]), [0; 12]);
    let (head, tail) = okm.split_at(32);
    key.copy_from_slice(head);
    nonce.copy_from_slice(tail);
    (key, nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn a_rung_leads_down_between_its_two_epochs_only() {
        let random = &mut SeededRandom::new(1);
        let (newer, older) = (EpochKey::generate(random), EpochKey::generate(random));
        let space = SpaceId::from_bytes([1; 16]);
        let ladder = ladder_seal(space, (&newer, 5), (&older, 4), random);
        let found = ladder_open(space, (&newer, 5), 4, &ladder).unwrap();
        assert_eq!(found.as_bytes(), older.as_bytes());
        assert!(ladder_open(space, (&newer, 5), 3, &ladder).is_err());
        assert!(ladder_open(space, (&newer, 6), 4, &ladder).is_err());
        assert!(ladder_open(space, (&older, 5), 4, &ladder).is_err());
        assert!(ladder_open(SpaceId::ZERO, (&newer, 5), 4, &ladder).is_err());
    }
}
