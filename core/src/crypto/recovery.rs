//! The keys of a recovery phrase, all from its 16 bytes.

use super::derive;
use super::error::KeyError;
use super::kem::{KemKey, KemPublic};
use super::key::{SigningKey, VerifyKey};
use super::random::Random;
use super::secret::Secret;
use super::verified::{Unverified, Verified};
use crate::model::id::RecoveryId;
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;
use wire::id::PrincipalKey;

/// What the words stand for: 128 random bits.
#[derive(Debug)]
pub struct RecoveryEntropy(Secret<16>);

impl RecoveryEntropy {
    /// Draws them.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::generate(random))
    }

    /// Takes them as they are. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The bytes, to be sealed until the words are confirmed.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.bytes()
    }
}

/// The secret keys of a recovery phrase.
#[derive(Debug)]
pub struct RecoveryKeys {
    /// Signs what outranks devices.
    pub sign: SigningKey,
    /// Receives every epoch key.
    pub kem: KemKey,
    /// Signs in at the relay.
    pub access: SigningKey,
    /// Under which name the relay keeps what helps to find the spaces.
    pub locator: [u8; 16],
}

impl RecoveryKeys {
    /// Derives them.
    pub fn from_entropy(entropy: &RecoveryEntropy) -> Self {
        let entropy = entropy.as_bytes();
        Self {
            sign: SigningKey::from_seed(&derive::phrase(entropy, "sign")),
            kem: KemKey::from_seed(&derive::phrase(entropy, "kem")),
            access: SigningKey::from_seed(&derive::phrase(entropy, "access")),
            locator: *derive::phrase(entropy, "locator"),
        }
    }

    /// The public side.
    pub fn public(&self) -> Recovery {
        Recovery {
            sign: self.sign.public(),
            kem: self.kem.public().clone(),
            access: self.access.public().into(),
        }
    }
}

/// The public side of a recovery phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Verifies what the phrase signed.
    pub sign: VerifyKey,
    /// Receives every epoch key.
    pub kem: KemPublic,
    /// Registered at the relay.
    pub access: PrincipalKey,
}

impl Recovery {
    /// Its length in every layout.
    pub const BYTES: usize = 32 + 1_216 + 32;

    /// Its name in the control log.
    pub fn id(&self) -> RecoveryId {
        RecoveryId::from_bytes(hash::id16(hash::REC, &[self.sign.as_bytes()]))
    }

    /// Appends it.
    pub fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.sign.as_bytes()).bytes(self.kem.as_bytes()).bytes(self.access.as_bytes());
    }

    /// Reads the layout only: keys are for [`Unverified::check`].
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Unverified<Self>, DecodeError> {
        Ok(Unverified::new(Self {
            sign: VerifyKey::unchecked(reader.array()?),
            kem: KemPublic::unchecked(&reader.array()?),
            access: PrincipalKey::from_bytes(reader.array()?),
        }))
    }

    /// Checks all three keys.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn check(&self) -> Result<(), KeyError> {
        self.sign.recheck()?;
        self.kem.recheck()?;
        VerifyKey::check(self.access.to_bytes()).map(drop)
    }
}

impl Unverified<Recovery> {
    /// Checks that the keys are acceptable.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn check(self) -> Result<Verified<Recovery>, KeyError> {
        self.verify_with(Recovery::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SeededRandom;

    #[test]
    fn a_recovery_reads_back_as_written() {
        let entropy = RecoveryEntropy::generate(&mut SeededRandom::new(1));
        let recovery = RecoveryKeys::from_entropy(&entropy).public();
        let mut writer = Writer::new();
        recovery.encode(&mut writer);
        assert_eq!(writer.as_slice().len(), Recovery::BYTES);
        let read = Recovery::decode(&mut Reader::new(writer.as_slice())).unwrap();
        assert_eq!(*read.check().unwrap(), recovery);
    }

    #[test]
    fn b31_a_recovery_with_a_weak_key_is_refused() {
        let entropy = RecoveryEntropy::generate(&mut SeededRandom::new(1));
        let recovery = RecoveryKeys::from_entropy(&entropy).public();
        let mut identity = [0; 32];
        identity[0] = 1;
        let sign = VerifyKey::unchecked(identity);
        assert_eq!(Recovery { sign, ..recovery.clone() }.check(), Err(KeyError::Weak));
        let access = PrincipalKey::from_bytes(identity);
        assert_eq!(Recovery { access, ..recovery }.check(), Err(KeyError::Weak));
    }
}
