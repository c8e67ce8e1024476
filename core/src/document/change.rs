//! Changes as bytes, hashes and places: nothing of Automerge's own types.

use crate::model::id::{ChainId, DocumentId, EntryId, SpaceId};
use std::collections::BTreeMap;
use wire::byte_id;
use wire::hash::{ACTOR, id16, sha256};

byte_id!(
    /// Who writes in one document: a function of the signing device's chain, so nobody can write as another.
    ActorId, 16
);

impl ActorId {
    /// The actor of a chain in a document of a space.
    pub fn of(space: SpaceId, document: DocumentId, chain: ChainId) -> Self {
        Self::from_bytes(id16(
            ACTOR,
            &[
                space.as_bytes(),
                document.as_bytes(),
                chain.device.as_bytes(),
                &chain.inc.to_be_bytes(),
            ],
        ))
    }
}

/// Where a change stands: in whose chain, and in which entry of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chain's actor in this document.
    pub actor: ActorId,
    /// The entry's `seq` in its chain.
    pub entry: u64,
}

/// What one accepted entry brings for one document. It counts whole or not at all.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The entry.
    pub source: EntryId,
    /// Its place.
    pub place: Place,
    /// The entry's causal past: the newest `seq` it had seen of each *other* chain, by that chain's actor in this
    /// document. A change may depend only on changes of its own chain and of entries covered here; whatever else
    /// this device happens to have does not count, so all devices judge alike.
    pub seen: BTreeMap<ActorId, u64>,
    /// The raw changes, in order.
    pub changes: Vec<Vec<u8>>,
}

/// The hash that names a raw change: over its type, length and data. None for what is too short to be one.
pub fn change_hash(raw: &[u8]) -> Option<[u8; 32]> {
    raw.get(8..).filter(|rest| !rest.is_empty()).map(|rest| sha256(&[rest]))
}
