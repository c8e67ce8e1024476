//! A device: two signing keys, one to which keys are wrapped, and proofs that whoever shows them holds them.

use super::error::DeviceError;
use super::kem::{KemKey, KemPublic};
use super::key::{Signature, SigningKey, VerifyKey};
use super::random::Random;
use super::verified::{Unverified, Verified};
use crate::model::id::{DeviceId, PersonId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;

/// The three secret keys of a device. `voice` signs daily, `seat` decides who is in, `kem` receives keys.
#[derive(Debug)]
pub struct DeviceKeys {
    /// Signs entries and plain rekeys.
    pub voice: SigningKey,
    /// Signs every other control op.
    pub seat: SigningKey,
    /// Receives epoch keys.
    pub kem: KemKey,
}

impl DeviceKeys {
    /// Draws three new keys.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self {
            voice: SigningKey::generate(random),
            seat: SigningKey::generate(random),
            kem: KemKey::generate(random),
        }
    }

    /// The name of the device.
    pub fn id(&self) -> DeviceId {
        device_id(&self.voice.public(), &self.seat.public())
    }

    /// The public side, with proofs for this person.
    pub fn device(&self, person: PersonId) -> Device {
        let (voice, seat, kem) =
            (self.voice.public(), self.seat.public(), self.kem.public().clone());
        let proven =
            [person.as_bytes().as_slice(), voice.as_bytes(), seat.as_bytes(), kem.as_bytes()];
        let pop_voice = self.voice.sign(hash::POP, &proven);
        let pop_seat = self.seat.sign(hash::POP, &proven);
        Device { voice, seat, kem, pop_voice, pop_seat }
    }
}

/// The public side of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Verifies entries.
    pub voice: VerifyKey,
    /// Verifies control ops.
    pub seat: VerifyKey,
    /// Receives epoch keys.
    pub kem: KemPublic,
    /// The voice key's proof of possession.
    pub pop_voice: Signature,
    /// The seat key's proof of possession.
    pub pop_seat: Signature,
}

impl Device {
    /// Its length in every layout.
    pub const BYTES: usize = 32 + 32 + 1_216 + 64 + 64;

    /// The name of the device.
    pub fn id(&self) -> DeviceId {
        device_id(&self.voice, &self.seat)
    }

    /// Appends it.
    pub fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.voice.as_bytes()).bytes(self.seat.as_bytes()).bytes(self.kem.as_bytes());
        writer.bytes(&self.pop_voice.0).bytes(&self.pop_seat.0);
    }

    /// Reads the layout only: keys and proofs are for [`Unverified::verify`].
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Unverified<Self>, DecodeError> {
        Ok(Unverified::new(Self {
            voice: VerifyKey::unchecked(reader.array()?),
            seat: VerifyKey::unchecked(reader.array()?),
            kem: KemPublic::unchecked(&reader.array()?),
            pop_voice: Signature(reader.array()?),
            pop_seat: Signature(reader.array()?),
        }))
    }

    /// Checks the three keys and both proofs of possession.
    ///
    /// # Errors
    /// [`DeviceError`] by cause.
    pub fn verify(&self, person: PersonId) -> Result<(), DeviceError> {
        self.voice.recheck()?;
        self.seat.recheck()?;
        self.kem.recheck()?;
        let proven = [
            person.as_bytes().as_slice(),
            self.voice.as_bytes(),
            self.seat.as_bytes(),
            self.kem.as_bytes(),
        ];
        self.voice.verify(hash::POP, &proven, &self.pop_voice)?;
        Ok(self.seat.verify(hash::POP, &proven, &self.pop_seat)?)
    }
}

impl Unverified<Device> {
    /// Checks that the keys are acceptable and that this person's device holds them.
    ///
    /// # Errors
    /// [`DeviceError`] by cause.
    pub fn verify(self, person: PersonId) -> Result<Verified<Device>, DeviceError> {
        self.verify_with(|device| device.verify(person))
    }
}

/// What a device with these keys is called.
pub fn device_id(voice: &VerifyKey, seat: &VerifyKey) -> DeviceId {
    DeviceId::from_bytes(hash::id16(hash::DEV, &[voice.as_bytes(), seat.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KeyError, SeededRandom};

    const ME: PersonId = PersonId::from_bytes([1; 16]);

    fn encoded(device: &Device) -> Vec<u8> {
        let mut writer = Writer::new();
        device.encode(&mut writer);
        writer.into_bytes()
    }

    fn verified(bytes: &[u8]) -> Result<Verified<Device>, DeviceError> {
        Device::decode(&mut Reader::new(bytes)).unwrap().verify(ME)
    }

    #[test]
    fn a_device_reads_back_as_written_and_proves_its_keys_to_one_person() {
        let keys = DeviceKeys::generate(&mut SeededRandom::new(1));
        let device = keys.device(ME);
        let bytes = encoded(&device);
        assert_eq!(bytes.len(), Device::BYTES);
        assert_eq!(*verified(&bytes).unwrap(), device);
        assert_eq!(device.id(), keys.id());
        assert_eq!(device.verify(PersonId::ZERO), Err(DeviceError::Proof));
    }

    #[test]
    fn b31_a_device_with_a_weak_key_or_without_proof_is_refused() {
        let device = DeviceKeys::generate(&mut SeededRandom::new(1)).device(ME);
        let mut identity = [0; 32];
        identity[0] = 1;
        let weak = Device { voice: VerifyKey::unchecked(identity), ..device.clone() };
        assert_eq!(weak.verify(ME), Err(DeviceError::Key(KeyError::Weak)));
        let lattice = Device { kem: KemPublic::unchecked(&[0xff; 1_216]), ..device.clone() };
        assert_eq!(lattice.verify(ME), Err(DeviceError::Key(KeyError::Kem)));
        let bytes = encoded(&device);
        for at in [Device::BYTES - 1, Device::BYTES - 65] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(verified(&damaged), Err(DeviceError::Proof));
        }
    }
}
