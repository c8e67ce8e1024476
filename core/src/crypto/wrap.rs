//! Wraps: an epoch key for one recipient (HPKE base mode). The place in the log is part of the key schedule.

use super::epoch::EpochKey;
use super::error::{KeyError, OpenError};
use super::kem::{KemKey, KemPublic, hpke_open, hpke_seal};
use super::random::{Random, draw};
use crate::model::id::SpaceId;
use wire::hash;
use wire::limit::WRAP_BYTES;

/// For whom and where a wrap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapContext {
    /// The space.
    pub space: SpaceId,
    /// The control item that carries it.
    pub idx: u32,
    /// The epoch of the key.
    pub epoch: u32,
    /// Device id or recovery id.
    pub recipient: [u8; 16],
}

impl WrapContext {
    fn info(&self) -> Vec<u8> {
        [
            hash::WRAP.as_bytes().as_slice(),
            self.space.as_bytes(),
            &self.idx.to_be_bytes(),
            &self.epoch.to_be_bytes(),
            &self.recipient,
        ]
        .concat()
    }
}

/// Wraps a key: encapsulated key 1,120, sealed key 48.
///
/// # Errors
/// [`KeyError::Kem`] if `to` came out of something unverified and is not well formed.
pub fn wrap(
    key: &EpochKey,
    to: &KemPublic,
    context: &WrapContext,
    random: &mut dyn Random,
) -> Result<[u8; WRAP_BYTES], KeyError> {
    let sealed = hpke_seal(to, &context.info(), None, key.as_bytes(), random)?;
    sealed.try_into().map_err(|_| KeyError::Kem)
}

/// Opens a wrap. Whether it holds the right key, its commitment in the signed op tells.
///
/// # Errors
/// [`OpenError::Forged`] if it is not for this key and this place.
pub fn unwrap(
    wrapped: &[u8; WRAP_BYTES],
    key: &KemKey,
    context: &WrapContext,
) -> Result<EpochKey, OpenError> {
    let opened = hpke_open(key, &context.info(), None, wrapped)?;
    let bytes = <&[u8; 32]>::try_from(opened.as_slice()).map_err(|_| OpenError::Forged)?;
    Ok(EpochKey::from_bytes(bytes))
}

/// Fills an unused slot: a real wrap of random bytes to a throw-away key, so that the count says nothing.
///
/// # Panics
/// Never: a key made here is well formed.
pub fn spare_wrap(random: &mut dyn Random) -> [u8; WRAP_BYTES] {
    let (key, to) = (EpochKey::generate(random), KemKey::generate(random));
    let context = WrapContext {
        space: SpaceId::from_bytes(draw(random)),
        idx: 0,
        epoch: 0,
        recipient: draw(random),
    };
    #[expect(clippy::expect_used, reason = "the key was made here")]
    wrap(&key, to.public(), &context, random).expect("an own key is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    fn context() -> WrapContext {
        WrapContext { space: SpaceId::from_bytes([1; 16]), idx: 2, epoch: 3, recipient: [4; 16] }
    }

    #[test]
    fn a_wrap_opens_for_its_recipient_and_its_place_only() {
        let random = &mut SeededRandom::new(1);
        let (me, other, key) =
            (KemKey::generate(random), KemKey::generate(random), EpochKey::generate(random));
        let wrapped = wrap(&key, me.public(), &context(), random).unwrap();
        assert_eq!(unwrap(&wrapped, &me, &context()).unwrap().as_bytes(), key.as_bytes());
        assert!(unwrap(&wrapped, &other, &context()).is_err());
        for moved in [
            WrapContext { space: SpaceId::from_bytes([9; 16]), ..context() },
            WrapContext { idx: 9, ..context() },
            WrapContext { epoch: 9, ..context() },
            WrapContext { recipient: [9; 16], ..context() },
        ] {
            assert!(unwrap(&wrapped, &me, &moved).is_err());
        }
        assert!(unwrap(&spare_wrap(random), &me, &context()).is_err());
    }

    #[test]
    fn no_bit_of_a_wrap_can_be_changed() {
        let random = &mut SeededRandom::new(2);
        let (me, key) = (KemKey::generate(random), EpochKey::generate(random));
        let wrapped = wrap(&key, me.public(), &context(), random).unwrap();
        for at in (0..WRAP_BYTES).step_by(37) {
            let mut damaged = wrapped;
            damaged[at] ^= 1;
            assert!(unwrap(&damaged, &me, &context()).is_err(), "byte {at}");
        }
    }
}
