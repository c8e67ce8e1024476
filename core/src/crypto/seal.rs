//! Envelopes: seal what leaves the device, open what arrives.

use super::committed;
use super::derive::{self, Okm};
use super::epoch::{EpochKey, Home};
use super::error::{OpenError, SealError};
use super::padding::{pad, unpad};
use super::random::{Random, draw};
use super::secret::Secret;
use crate::model::id::SpaceId;
use wire::envelope::{Class, ENVELOPE_OVERHEAD, Envelope, padded_len};
use wire::hash;
use wire::id::RendezvousId;
use zeroize::Zeroizing;

/// Seals one class of messages in one epoch.
#[derive(Debug)]
pub struct ClassKey {
    key: Secret<32>,
    class: Class,
    epoch: u32,
}

impl EpochKey {
    /// The key for one class of messages. `epoch` is the epoch of `self`.
    pub fn class_key(&self, space: SpaceId, class: Class, epoch: u32) -> ClassKey {
        let key = derive::class_key(self.as_bytes(), space, class.number(), epoch);
        ClassKey { key: Secret::copy_of(&key), class, epoch }
    }
}

impl ClassKey {
    /// The key of one message of a pairing: `direction` is 0 from the inviter, 1 from the joiner.
    pub fn mailbox(rid: RendezvousId, channel: &[u8; 32], idx: u8, direction: u8) -> Self {
        let key = derive::mailbox_key(channel, rid, idx, direction);
        Self { key: Secret::copy_of(&key), class: Class::Mailbox, epoch: 0 }
    }

    fn okm(&self, salt: &[u8; 24], head: [u8; 8], home: &Home) -> Okm {
        okm(self.key.bytes(), salt, &head, home)
    }
}

/// Seals one message into the bytes of an envelope.
///
/// # Errors
/// [`SealError::Long`] above 1,048,495 bytes.
pub fn seal(
    key: &ClassKey,
    home: &Home,
    inner: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, SealError> {
    let len = padded_len(inner.len(), ENVELOPE_OVERHEAD).ok_or(SealError::Long)?;
    let mut envelope = Envelope {
        class: key.class,
        epoch: key.epoch,
        salt: draw(random),
        commitment: [0; 32],
        ciphertext: Vec::new(),
    };
    let okm = key.okm(&envelope.salt, envelope.head(), home);
    envelope.commitment = committed::commitment(&okm);
    let aad = aad(&envelope.aad_head(), home);
    envelope.ciphertext = committed::seal(&okm, &aad, pad(inner, len - ENVELOPE_OVERHEAD));
    Ok(envelope.encode())
}

/// Opens an envelope.
///
/// # Errors
/// [`OpenError::Forged`] for another key, class, epoch, sid or space, and for damage; [`OpenError::Padding`].
pub fn open(
    key: &ClassKey,
    home: &Home,
    envelope: &Envelope,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let okm = key.okm(&envelope.salt, envelope.head(), home);
    let aad = aad(&envelope.aad_head(), home);
    unpad(committed::open(&okm, &envelope.commitment, &aad, &envelope.ciphertext)?)
}

/// What a salt makes of a class key: envelopes have a head of 8 bytes, control items of 16.
pub(super) fn okm(key: &[u8; 32], salt: &[u8; 24], head: &[u8], home: &Home) -> Okm {
    let info = [hash::ENV.as_bytes().as_slice(), head, home.sid.as_bytes(), home.space.as_bytes()];
    derive::okm(salt, key, &info)
}

/// What is authenticated beside the ciphertext.
pub(super) fn aad(head: &[u8], home: &Home) -> Vec<u8> {
    [head, home.sid.as_bytes(), home.space.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;
    use wire::id::SpaceHandle;

    const HOME: Home =
        Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };

    fn key(seed: u64) -> ClassKey {
        EpochKey::generate(&mut SeededRandom::new(seed)).class_key(HOME.space, Class::Entry, 7)
    }

    fn sealed(inner: &[u8]) -> Vec<u8> {
        seal(&key(1), &HOME, inner, &mut SeededRandom::new(9)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_to_the_same_bytes_at_every_bucket() {
        for len in [0, 1, 431, 432, 4_015, 4_016, 100_000, 1_048_495] {
            let inner = vec![0x80; len];
            let envelope = Envelope::decode(&sealed(&inner)).unwrap();
            assert_eq!(*open(&key(1), &HOME, &envelope).unwrap(), inner);
        }
        let long = vec![0; 1_048_496];
        let random = &mut SeededRandom::new(1);
        assert_eq!(seal(&key(1), &HOME, &long, random), Err(SealError::Long));
    }

    #[test]
    fn b28_a_wrong_tag_or_a_wrong_commitment_does_not_open() {
        let good = sealed(b"text");
        for at in [4, 8, 31, 32, 63, 64, 495, 496, 511] {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            let envelope = Envelope::decode(&bytes).unwrap();
            assert_eq!(open(&key(1), &HOME, &envelope), Err(OpenError::Forged), "byte {at}");
        }
        let envelope = Envelope::decode(&good).unwrap();
        assert_eq!(open(&key(2), &HOME, &envelope).unwrap_err().code(), "env.open");
        assert!(open(&key(1), &HOME, &envelope).is_ok());
    }

    #[test]
    fn b28_a_ciphertext_that_opens_under_the_right_key_but_commits_to_another_is_refused() {
        let mut envelope = Envelope::decode(&sealed(b"text")).unwrap();
        let okm = key(1).okm(&envelope.salt, envelope.head(), &HOME);
        envelope.commitment = [7; 32];
        let aad = aad(&envelope.aad_head(), &HOME);
        envelope.ciphertext = committed::seal(&okm, &aad, pad(b"text", 512 - ENVELOPE_OVERHEAD));
        assert_eq!(open(&key(1), &HOME, &envelope), Err(OpenError::Forged));
    }

    #[test]
    fn b29_an_envelope_does_not_open_in_another_space_sid_class_or_epoch() {
        let envelope = Envelope::decode(&sealed(b"text")).unwrap();
        let sid = Home { sid: SpaceHandle::ZERO, ..HOME };
        let space = Home { space: SpaceId::ZERO, ..HOME };
        for home in [sid, space] {
            assert_eq!(open(&key(1), &home, &envelope), Err(OpenError::Forged));
        }
        let epoch_key = EpochKey::generate(&mut SeededRandom::new(1));
        for (class, epoch) in [(Class::Notice, 7), (Class::Entry, 8)] {
            let key = epoch_key.class_key(HOME.space, class, epoch);
            assert_eq!(open(&key, &HOME, &envelope), Err(OpenError::Forged));
            let moved = Envelope { class, epoch, ..envelope.clone() };
            assert_eq!(open(&key, &HOME, &moved), Err(OpenError::Forged));
        }
    }

    #[test]
    fn b37_an_authentic_envelope_without_padding_is_refused_as_damaged() {
        for padded in [vec![0; 432], vec![1; 432]] {
            let mut envelope = Envelope::decode(&sealed(b"text")).unwrap();
            let okm = key(1).okm(&envelope.salt, envelope.head(), &HOME);
            envelope.ciphertext = committed::seal(&okm, &aad(&envelope.aad_head(), &HOME), padded);
            let error = open(&key(1), &HOME, &envelope).unwrap_err();
            assert_eq!((error, error.code()), (OpenError::Padding, "env.pad"));
        }
    }

    #[test]
    fn a_pairing_message_opens_at_its_index_and_in_its_direction_only() {
        let rid = RendezvousId::from_bytes([3; 16]);
        let home = Home { sid: SpaceHandle::from_bytes([3; 16]), space: SpaceId::ZERO };
        let key = |idx, direction| ClassKey::mailbox(rid, &[4; 32], idx, direction);
        let bytes = seal(&key(5, 1), &home, b"card", &mut SeededRandom::new(1)).unwrap();
        let envelope = Envelope::decode(&bytes).unwrap();
        assert_eq!((envelope.class, envelope.epoch), (Class::Mailbox, 0));
        assert_eq!(open(&key(5, 1), &home, &envelope).unwrap().as_slice(), b"card");
        assert!(open(&key(5, 0), &home, &envelope).is_err());
        assert!(open(&key(6, 1), &home, &envelope).is_err());
    }
}
