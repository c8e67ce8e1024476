//! Names of persons, devices, spaces, documents, entries and records.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
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

/// Ids stand in events and cards as byte strings.
macro_rules! as_byte_string {
    ($($name:ident),*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.as_bytes())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_bytes(ByteString).map(Self::from_bytes)
            }
        }
    )* };
}

as_byte_string!(PersonId, DeviceId, EntryId, RecordId);

impl Serialize for OrderKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_be_bytes())
    }
}

impl<'de> Deserialize<'de> for OrderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(ByteString).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

/// Device and incarnation in one byte string: half the size of two fields.
impl Serialize for ChainId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; DeviceId::LEN + 2];
        let (device, inc) = bytes.split_at_mut(DeviceId::LEN);
        device.copy_from_slice(self.device.as_bytes());
        inc.copy_from_slice(&self.inc.to_be_bytes());
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for ChainId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_bytes(ByteString::<{ DeviceId::LEN + 2 }>)?;
        let short = || D::Error::custom("a chain is a device and an incarnation");
        let (device, inc) = bytes.split_first_chunk::<{ DeviceId::LEN }>().ok_or_else(short)?;
        let inc = inc.try_into().map(u16::from_be_bytes).map_err(|_| short())?;
        Ok(Self { device: DeviceId::from_bytes(*device), inc })
    }
}

/// In hexadecimal, as commands take it and rows of JSON hold it. Never in a log.
fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            hex.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    hex
}

macro_rules! in_hexadecimal {
    ($($name:ident),*) => {$(
        impl $name {
            /// In hexadecimal.
            pub fn hex(self) -> String {
                hex(self.as_bytes())
            }
        }
    )*};
}

in_hexadecimal!(PersonId, DeviceId, DocumentId, EntryId, RecordId);

impl RecordId {
    /// Whether its hexadecimal form begins so, in either case: a person types the first few digits.
    pub fn matches(self, typed: &str) -> bool {
        !typed.is_empty() && typed.is_ascii() && self.hex().starts_with(&typed.to_ascii_lowercase())
    }
}

/// Exactly `N` bytes.
struct ByteString<const N: usize>;

impl<const N: usize> Visitor<'_> for ByteString<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}
