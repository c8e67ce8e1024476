//! Who this device is: its keys and its person, as three sealed parts of one file.
//!
//! The parts open with the mailbox, the content and the private key of the vault, so that background work holds no
//! more than it needs.

use crate::client::error::Error;
use crate::crypto::{
    DeviceKeys, KemKey, Random, RecoveryEntropy, SigningKey, VaultId, VaultKey, VaultKeys, draw,
};
use crate::model::id::{DeviceId, PersonId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::id::SpaceHandle;
use zeroize::Zeroizing;

const PART_BYTES_MAX: usize = 16_384;
const SEEDS_MAX: usize = 64;
const FORMAT: u8 = 1;

/// The number of the device file, and of its parts within the vault's file keys.
const FILE_ACCESS: u8 = 2;
const FILE_VOICE: u8 = 3;
const FILE_SEAT: u8 = 4;
/// The number of the file that says where the private space lies.
pub(crate) const HOME_PART: u8 = 5;

/// This installation and its person.
#[derive(Debug)]
pub struct Identity {
    /// The person whose device this is.
    pub person: PersonId,
    /// The device's signing and key-agreement keys.
    pub keys: DeviceKeys,
    /// The entropy of the recovery phrase, until its words are confirmed.
    pub(crate) recovery: Option<RecoveryEntropy>,
    /// Access key seeds, by the space they sign in to.
    pub(crate) access: Vec<(SpaceHandle, SigningKey)>,
}

impl Identity {
    /// A new person on a first device.
    pub(crate) fn generate(random: &mut dyn Random) -> Self {
        let person = PersonId::from_bytes(draw(random));
        let recovery = Some(RecoveryEntropy::generate(random));
        Self { person, keys: DeviceKeys::generate(random), recovery, access: Vec::new() }
    }

    /// A further device of a person who is not known yet: pairing will tell.
    pub(crate) fn joining(random: &mut dyn Random) -> Self {
        let keys = DeviceKeys::generate(random);
        Self { person: PersonId::ZERO, keys, recovery: None, access: Vec::new() }
    }

    /// The id of this device.
    pub fn device(&self) -> DeviceId {
        self.keys.id()
    }

    /// The key that signs in to a space at its relay.
    pub(crate) fn access_key(&self, sid: SpaceHandle) -> Option<&SigningKey> {
        self.access.iter().find(|(of, _)| *of == sid).map(|(_, key)| key)
    }

    /// Remembers the key that signs in to a space.
    pub(crate) fn set_access(&mut self, sid: SpaceHandle, key: SigningKey) {
        self.access.retain(|(of, _)| *of != sid);
        self.access.push((sid, key));
    }

    /// The file `device`.
    pub(crate) fn seal(
        &self,
        vault: &VaultKeys,
        vault_id: VaultId,
        random: &mut dyn Random,
    ) -> Vec<u8> {
        let mut access = Writer::new();
        access.count8(self.access.len());
        for (sid, key) in &self.access {
            access.bytes(sid.as_bytes()).bytes(key.seed());
        }
        let mut voice = Writer::new();
        voice.bytes(self.person.as_bytes());
        voice.bytes(self.keys.voice.seed()).bytes(self.keys.kem.seed());
        let mut seat = Writer::new();
        seat.bytes(self.keys.seat.seed());
        seat.count8(usize::from(self.recovery.is_some()));
        if let Some(entropy) = &self.recovery {
            seat.bytes(entropy.as_bytes());
        }
        let parts = [
            (&vault.mailbox, FILE_ACCESS, Zeroizing::new(access.into_bytes())),
            (&vault.content, FILE_VOICE, Zeroizing::new(voice.into_bytes())),
            (&vault.private, FILE_SEAT, Zeroizing::new(seat.into_bytes())),
        ];
        let mut file = Writer::new();
        file.u8(FORMAT);
        for (key, number, part) in parts {
            file.var(&key.file_key(vault_id, number).seal(&[], FORMAT, &part, random));
        }
        file.into_bytes()
    }

    /// Opens the file `device`.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a part does not open or is not of our form.
    pub(crate) fn open(file: &[u8], vault: &VaultKeys, vault_id: VaultId) -> Result<Self, Error> {
        let damaged = |error: &Error| matches!(error, Error::Damaged { .. });
        Self::read(file, vault, vault_id).map_err(|error| {
            if damaged(&error) { Error::Damaged { code: "vault.device" } } else { error }
        })
    }

    fn read(file: &[u8], vault: &VaultKeys, vault_id: VaultId) -> Result<Self, Error> {
        let damaged = Error::Damaged { code: "vault.device" };
        let mut reader = Reader::new(file);
        if reader.u8()? != FORMAT {
            return Err(Error::NeedsUpgrade);
        }
        let mut part = |key: &VaultKey, number: u8| -> Result<Zeroizing<Vec<u8>>, Error> {
            let sealed = reader.var(PART_BYTES_MAX)?;
            let key = key.file_key(vault_id, number);
            key.open(&[], FORMAT, sealed).map_err(|_| Error::Damaged { code: "vault.device" })
        };
        let access = part(&vault.mailbox, FILE_ACCESS)?;
        let voice = part(&vault.content, FILE_VOICE)?;
        let seat = part(&vault.private, FILE_SEAT)?;
        reader.end()?;
        let access = read_access(&access).map_err(|_| damaged)?;
        let mut voice = Reader::new(&voice);
        let person = PersonId::from_bytes(voice.array()?);
        let (voice_seed, kem_seed) =
            (Zeroizing::new(voice.array()?), Zeroizing::new(voice.array()?));
        let mut seat = Reader::new(&seat);
        let seat_seed = Zeroizing::new(seat.array()?);
        let recovery = match seat.list8(1, 16)? {
            0 => None,
            _ => Some(RecoveryEntropy::from_bytes(&seat.array()?)),
        };
        let keys = DeviceKeys {
            voice: SigningKey::from_seed(&voice_seed),
            seat: SigningKey::from_seed(&seat_seed),
            kem: KemKey::from_seed(&kem_seed),
        };
        Ok(Self { person, keys, recovery, access })
    }
}

fn read_access(part: &[u8]) -> Result<Vec<(SpaceHandle, SigningKey)>, DecodeError> {
    let mut reader = Reader::new(part);
    let count = reader.list8(SEEDS_MAX, 48)?;
    let mut access = Vec::with_capacity(count);
    for _ in 0..count {
        let sid = SpaceHandle::from_bytes(reader.array()?);
        access.push((sid, SigningKey::from_seed(&Zeroizing::new(reader.array()?))));
    }
    reader.end()?;
    Ok(access)
}
