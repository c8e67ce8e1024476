//! Ed25519: keys that sign and keys that verify.

use super::error::{Forged, KeyError};
use super::random::Random;
use super::secret::Secret;
use core::fmt;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use wire::hash::Label;
use wire::id::{PrincipalKey, RelayId};

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

/// A signing key: its seed, wiped on drop. Ring's key pair does not wipe itself, so one is made for each signature.
#[derive(Debug)]
pub struct SigningKey {
    seed: Secret<32>,
    public: VerifyKey,
}

impl SigningKey {
    /// The key of this seed (RFC 8032). The caller wipes its own copy.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(Secret::copy_of(seed))
    }

    /// Draws a new key.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self::of(Secret::generate(random))
    }

    /// The seed, to be sealed.
    pub const fn seed(&self) -> &[u8; 32] {
        self.seed.bytes()
    }

    /// The key that verifies.
    pub const fn public(&self) -> VerifyKey {
        self.public
    }

    /// Signs label and parts, joined.
    pub fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        self.sign_bytes(&labelled(label, parts))
    }

    /// Signs bytes that already begin with their label.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        let mut signature = [0; 64];
        signature.copy_from_slice(key_pair(&self.seed).sign(bytes).as_ref());
        Signature(signature)
    }

    fn of(seed: Secret<32>) -> Self {
        let mut public = [0; 32];
        public.copy_from_slice(key_pair(&seed).public_key().as_ref());
        Self { seed, public: VerifyKey(public) }
    }
}

fn key_pair(seed: &Secret<32>) -> Ed25519KeyPair {
    #[expect(clippy::expect_used, reason = "ring refuses other lengths only")]
    Ed25519KeyPair::from_seed_unchecked(seed.bytes()).expect("a seed has 32 bytes")
}

/// A key that verifies. Outside of [`Unverified`](super::Unverified) it is canonical, torsion-free and not the identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyKey([u8; 32]);

impl VerifyKey {
    /// Accepts a foreign key. Ring alone would accept the identity, under which every message verifies.
    ///
    /// # Errors
    /// [`KeyError::Form`] if it is no point in its one form, [`KeyError::Weak`] if it has a torsion part.
    pub fn check(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = Self(bytes);
        key.recheck()?;
        Ok(key)
    }

    /// The bytes as they came, inside of something still unverified.
    pub(super) const fn unchecked(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn recheck(&self) -> Result<(), KeyError> {
        let compressed = CompressedEdwardsY(self.0);
        let point = compressed.decompress().ok_or(KeyError::Form)?;
        if point.compress() != compressed {
            return Err(KeyError::Form);
        }
        if point.is_identity() || !point.is_torsion_free() {
            return Err(KeyError::Weak);
        }
        Ok(())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 32 bytes, by value.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Checks a signature over label and parts.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn verify(
        &self,
        label: Label,
        parts: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), Forged> {
        self.verify_bytes(&labelled(label, parts), signature)
    }

    /// Checks a signature over bytes that begin with their label. Strict: a scalar that is not reduced is refused.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn verify_bytes(&self, bytes: &[u8], signature: &Signature) -> Result<(), Forged> {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(bytes, &signature.0).map_err(|_| Forged)
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyKey")
    }
}

impl From<VerifyKey> for PrincipalKey {
    fn from(key: VerifyKey) -> Self {
        Self::from_bytes(key.0)
    }
}

impl From<VerifyKey> for RelayId {
    fn from(key: VerifyKey) -> Self {
        Self::from_bytes(key.0)
    }
}

fn labelled(label: Label, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = label.as_bytes().to_vec();
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::EdwardsPoint;
    use wire::hash;

    #[test]
    fn b31_weak_keys_are_refused() {
        for point in EIGHT_TORSION {
            let bytes = point.compress().to_bytes();
            assert_eq!(VerifyKey::check(bytes), Err(KeyError::Weak));
        }
        let good = SigningKey::generate(&mut SeededRandom::new(1)).public().to_bytes();
        let point = CompressedEdwardsY(good).decompress().unwrap();
        let mixed: EdwardsPoint = point + EIGHT_TORSION[1];
        assert_eq!(VerifyKey::check(mixed.compress().to_bytes()), Err(KeyError::Weak));
        assert!(VerifyKey::check(good).is_ok());
    }

    #[test]
    fn b31_keys_that_are_not_canonical_or_no_points_are_refused() {
        // y = p + 1 is a second way to write y = 1, p + 3 one to write 3, and sign bit 1 one to write x = 0.
        let mut second = [0xff; 32];
        second[31] = 0x7f;
        for low in [0xee_u8, 0xf0] {
            second[0] = low;
            assert_eq!(VerifyKey::check(second), Err(KeyError::Form));
        }
        let mut identity = [0; 32];
        (identity[0], identity[31]) = (1, 0x80);
        assert_eq!(VerifyKey::check(identity), Err(KeyError::Form));
        assert_eq!(VerifyKey::check([2; 32]), Err(KeyError::Form));
    }

    #[test]
    fn b31_ring_alone_would_accept_the_identity_for_every_message() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = VerifyKey::unchecked(identity);
        assert!(key.verify_bytes(b"any message", &Signature(signature)).is_ok());
        assert_eq!(key.recheck(), Err(KeyError::Weak));
    }

    #[test]
    fn b31_a_signature_whose_scalar_is_not_reduced_is_refused() {
        let key = SigningKey::generate(&mut SeededRandom::new(2));
        let good = key.sign(hash::ESIG, &[b"text"]);
        assert_eq!(key.public().verify(hash::ESIG, &[b"te", b"xt"], &good), Ok(()));
        assert_eq!(key.public().verify(hash::CSIG, &[b"text"], &good), Err(Forged));
        // The order of the group, little-endian.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
        ];
        let (mut other, mut carry) = (good, 0);
        for (byte, add) in other.0[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert_eq!(key.public().verify(hash::ESIG, &[b"text"], &other), Err(Forged));
    }

    #[test]
    fn secrets_and_ids_print_their_type_only() {
        let key = SigningKey::generate(&mut SeededRandom::new(3));
        assert_eq!(format!("{key:?}"), "SigningKey { seed: .., public: VerifyKey }");
    }
}
