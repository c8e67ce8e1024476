//! Cards: who somebody is, shown to the other only sealed, and committed to before.

use super::error::PairError;
use crate::crypto::{Device, DeviceError, DeviceKeys, Recovery, VerifyKey};
use crate::model::id::PersonId;
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash::sha256;
use wire::id::PrincipalKey;

/// The three keys of a device, which open its layout; the proofs follow.
const DEVICE_KEYS_BYTES: usize = 32 + 32 + 1_216;

/// A person with the device in their hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Who.
    pub person: PersonId,
    /// The device, with its proofs.
    pub device: Device,
    /// The public side of the phrase.
    pub recovery: Recovery,
}

impl Card {
    /// Its length.
    pub(super) const BYTES: usize = 16 + Device::BYTES + Recovery::BYTES;

    /// The bytes that are committed to.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.bytes(self.person.as_bytes());
        self.device.encode(&mut writer);
        self.recovery.encode(&mut writer);
        writer.into_bytes()
    }

    /// Reads it, checks every key and both proofs.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PairError> {
        let mut reader = Reader::new(bytes);
        let person = PersonId::from_bytes(reader.array()?);
        let device = Device::decode(&mut reader)?.verify(person)?.into_inner();
        let recovery = Recovery::decode(&mut reader)?.check().map_err(|_| PairError::Key)?;
        reader.end()?;
        Ok(Self { person, device, recovery: recovery.into_inner() })
    }

    /// Whether a person, device or phrase stands on both cards.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        let keys = |card: &Self| [card.device.voice, card.device.seat, card.recovery.sign];
        let common = keys(self).iter().any(|key| keys(other).contains(key));
        common || self.person == other.person || self.device.kem == other.device.kem
    }
}

/// What a partner answers with: a card, and the keys with which they will sign in to the shared space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Who.
    pub card: Card,
    /// Pulls and pushes.
    pub acc: PrincipalKey,
    /// Needed beside it to change access.
    pub adm: PrincipalKey,
}

impl Partner {
    pub(super) fn encode(&self) -> Vec<u8> {
        let card = self.card.encode();
        [card.as_slice(), self.acc.as_bytes(), self.adm.as_bytes()].concat()
    }

    /// Reads it if its card is the one that was committed to.
    pub(super) fn decode(bytes: &[u8], card_hash: &[u8; 32]) -> Result<Self, PairError> {
        let (card, keys) = bytes.split_at_checked(Card::BYTES).ok_or(PairError::Form)?;
        check_hash(card, card_hash)?;
        let mut reader = Reader::new(keys);
        let (acc, adm) = (reader.array()?, reader.array()?);
        reader.end()?;
        let card = Card::decode(card)?;
        VerifyKey::check(acc).map_err(|_| PairError::Key)?;
        VerifyKey::check(adm).map_err(|_| PairError::Key)?;
        let (acc, adm) = (PrincipalKey::from_bytes(acc), PrincipalKey::from_bytes(adm));
        if acc == adm {
            return Err(PairError::Key);
        }
        Ok(Self { card, acc, adm })
    }
}

/// The card of a device that joins: its keys. Whose it will be, it does not know yet.
pub(super) fn device_card(keys: &DeviceKeys) -> Vec<u8> {
    let (voice, seat) = (keys.voice.public(), keys.seat.public());
    [voice.as_bytes().as_slice(), seat.as_bytes(), keys.kem.public().as_bytes()].concat()
}

/// Reads a joining device with its proofs, if its keys are the ones that were committed to.
pub(super) fn decode_device(
    bytes: &[u8],
    card_hash: &[u8; 32],
    person: PersonId,
) -> Result<Device, PairError> {
    let card = bytes.get(..DEVICE_KEYS_BYTES).ok_or(PairError::Form)?;
    check_hash(card, card_hash)?;
    let mut reader = Reader::new(bytes);
    let device = Device::decode(&mut reader)?;
    reader.end()?;
    Ok(device.verify(person)?.into_inner())
}

/// Whether these are the bytes that were committed to.
pub(super) fn check_hash(card: &[u8], committed: &[u8; 32]) -> Result<(), PairError> {
    if sha256(&[card]) == *committed { Ok(()) } else { Err(PairError::Mismatch) }
}

impl From<DecodeError> for PairError {
    fn from(_: DecodeError) -> Self {
        Self::Form
    }
}

impl From<DeviceError> for PairError {
    fn from(_: DeviceError) -> Self {
        Self::Key
    }
}
