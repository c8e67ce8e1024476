//! Names of persons, devices, spaces, documents, entries and records.

use wire::byte_id;

byte_id!(
    /// One of the two: random, never a key, survives all rotations.
    PersonId, 16
);
byte_id!(
    /// One installation: half the hash of its two signing keys.
    DeviceId, 16
);
byte_id!(
    /// A private or shared space, known inside the encryption only.
    SpaceId, 16
);
byte_id!(
    /// An Automerge document: something still being written.
    DocumentId, 16
);
byte_id!(
    /// Half the hash of a recovery phrase's signing key.
    RecoveryId, 16
);
byte_id!(
    /// A signed, chained unit: SHA-256 over space and header.
    EntryId, 32
);
byte_id!(
    /// What folding events yields, named by the entry id of the event that opened it.
    RecordId, 32
);
byte_id!(
    /// An op of the control log.
    OpId, 32
);

impl From<EntryId> for RecordId {
    fn from(id: EntryId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

/// One device's chain in one space: after a restore the device goes on under the next incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// The device.
    pub device: DeviceId,
    /// Its incarnation, from 0.
    pub inc: u16,
}

/// `k` of an entry: together with the entry id it sorts all records and lists alike on every device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(pub u128);
