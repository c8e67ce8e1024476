//! An event as it was told: by whom, after what, and the bytes as received.

use serde::{Deserialize, Serialize};
use wire::time::Timestamp;

use super::Event;
use super::event::EventError;
use super::id::{ChainId, EntryId, OrderKey, PersonId, RecordId};
use super::when::since;

/// An author's clock that differs by more than this from the clock of their chain is marked "clock unsure".
const CLOCK_DRIFT_MAX_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// What the entry that carried an event says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The entry.
    pub id: EntryId,
    /// Its place in the one order of all devices.
    pub k: OrderKey,
    /// The wall-clock part of its hybrid clock, in milliseconds.
    pub hlc_ms: u64,
    /// Whose device signed it.
    pub author: PersonId,
    /// The chain in which it stands.
    pub chain: ChainId,
    /// Its number there, from 1.
    pub seq: u64,
    /// The newest number of every other chain that its author had seen; ascending, each chain once.
    pub seen: Vec<(ChainId, u64)>,
    /// Another entry claims the same place in the chain.
    pub disputed: bool,
    /// Its chain was ended before it, and the other person had not heard it by then.
    #[serde(default)]
    pub cut_off: bool,
}

impl Head {
    /// Whether the author of this had `earlier` before them.
    pub fn sees(&self, earlier: &Self) -> bool {
        if earlier.chain == self.chain {
            return earlier.seq < self.seq;
        }
        let found = self.seen.binary_search_by_key(&earlier.chain, |(chain, _)| *chain);
        found.ok().and_then(|at| self.seen.get(at)).is_some_and(|(_, seq)| *seq >= earlier.seq)
    }

    /// Whether neither author had the other's before them: then nothing says which was first.
    pub fn crosses(&self, other: &Self) -> bool {
        !self.sees(other) && !other.sees(self)
    }

    /// The order of records and lists, alike on every device.
    pub const fn order(&self) -> (OrderKey, EntryId) {
        (self.k, self.id)
    }
}

/// One event, told.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// What its entry says about it.
    pub head: Head,
    event: Event,
    body: Vec<u8>,
    newer: bool,
}

/// Events that one device may tell of one record: far more than a record has, and few enough to fold at once.
pub const TOLD_PER_AUTHOR_MAX: usize = 1_000;
/// Their bytes.
pub const TOLD_BYTES_PER_AUTHOR_MAX: usize = 4 * 1_024 * 1_024;

/// Whether a chain may tell one more event of so many bytes of the record of which all this was told. It asks only
/// about that chain's earlier events, which every device has: so all judge alike.
pub fn has_share(told: &[Told], chain: ChainId, bytes: usize) -> bool {
    let own = || told.iter().filter(|told| told.head.chain == chain);
    let before: usize = own().map(|told| told.body.len()).sum();
    own().count() < TOLD_PER_AUTHOR_MAX && before.saturating_add(bytes) <= TOLD_BYTES_PER_AUTHOR_MAX
}

/// How a told event stands in a sealed row.
#[derive(Serialize, Deserialize)]
struct Row {
    head: Head,
    #[serde(with = "bytes")]
    body: Vec<u8>,
}

impl Told {
    /// Takes an event's body as received; it is kept so, with fields that this version does not know.
    ///
    /// # Errors
    /// [`EventError`] if the body is void.
    pub fn new(mut head: Head, body: Vec<u8>) -> Result<Self, EventError> {
        let (event, newer) = Event::read(&body)?;
        head.seen.sort_unstable();
        Ok(Self { head, event, body, newer })
    }

    /// Reads back what [`Told::encode`] wrote.
    ///
    /// # Errors
    /// [`EventError::Row`] if it is something else, or the body's own.
    pub fn decode(row: &[u8]) -> Result<Self, EventError> {
        let row: Row = super::decode_value(row).ok_or(EventError::Row)?;
        Self::new(row.head, row.body)
    }

    /// For a sealed row of this device.
    pub fn encode(&self) -> Vec<u8> {
        super::encode_value(&Row { head: self.head.clone(), body: self.body.clone() })
    }

    /// What was said.
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// The bytes as received.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The record to which it belongs.
    pub fn record(&self) -> RecordId {
        self.event.record(self.head.id, self.head.author)
    }

    /// Whether it holds more than this version knows: shown as "needs a newer version".
    pub const fn needs_newer(&self) -> bool {
        self.newer
    }

    /// Whether its author's clock was so far off that its time should not be relied on.
    pub fn clock_unsure(&self) -> bool {
        let (said, chain) = (self.event.at().instant(), Timestamp::from_millis(self.head.hlc_ms));
        let apart = since(said, chain).max(since(chain, said));
        apart.as_millis() > u128::from(CLOCK_DRIFT_MAX_MILLIS)
    }
}

/// Prints what its entry says, and of the event the kind only.
impl core::fmt::Debug for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Told")
            .field("head", &self.head)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

/// A byte string; serde alone would write a list of numbers.
pub(super) mod bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct ByteString;

        impl Visitor<'_> for ByteString {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }

        from.deserialize_byte_buf(ByteString)
    }
}
