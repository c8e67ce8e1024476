//! What a device had seen: for every other chain the newest entry that counts.

use std::collections::BTreeMap;

use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;

use crate::model::id::{ChainId, DeviceId, EntryId, SpaceId};

/// Chains that one space can have, held down where incarnations are made.
const CHAINS_MAX: usize = 255;
const ITEM_BYTES: usize = 58;

/// For each chain the newest entry that counts, sorted by device and incarnation.
pub type Frontier = BTreeMap<ChainId, (u64, EntryId)>;

/// The hash by which two devices find out that they saw different histories.
///
/// # Panics
/// Above 2^32 chains, which no frontier can hold.
pub fn frontier_root(space: SpaceId, frontier: &Frontier) -> [u8; 32] {
    let count = u32::try_from(frontier.len());
    assert!(count.is_ok(), "a frontier is bounded by the chains of a space");
    let mut w = Writer::with_capacity(4 + ITEM_BYTES * frontier.len());
    w.u32(count.unwrap_or(u32::MAX));
    write_items(&mut w, frontier);
    hash::hash(hash::FRONT, &[space.as_bytes(), w.as_slice()])
}

/// The root where no chain is known yet, as in a Genesis.
pub fn empty_frontier_root(space: SpaceId) -> [u8; 32] {
    frontier_root(space, &Frontier::new())
}

/// Had the author of `entry`, whose frontier then was `seen`, already seen `earlier`?
pub fn sees(entry: (ChainId, u64), seen: &Frontier, earlier: (ChainId, u64)) -> bool {
    let (chain, seq) = earlier;
    if entry.0 == chain {
        return seq < entry.1;
    }
    seen.get(&chain).is_some_and(|(newest, _)| seq <= *newest)
}

/// Writes a frontier for a row of the store.
///
/// # Panics
/// Above 65,535 chains.
pub fn encode_frontier(w: &mut Writer, frontier: &Frontier) {
    w.count16(frontier.len());
    write_items(w, frontier);
}

/// Reads what [`encode_frontier`] wrote.
///
/// # Errors
/// [`DecodeError`] if it is not sorted, too long or cut.
pub fn decode_frontier(r: &mut Reader<'_>) -> Result<Frontier, DecodeError> {
    let count = r.list16(CHAINS_MAX, ITEM_BYTES)?;
    let mut frontier = Frontier::new();
    for _ in 0..count {
        let chain = ChainId { device: DeviceId::from_bytes(r.array()?), inc: r.u16()? };
        let head = (r.u64()?, EntryId::from_bytes(r.array()?));
        if frontier.last_key_value().is_some_and(|(last, _)| *last >= chain) {
            return Err(DecodeError::Form);
        }
        frontier.insert(chain, head);
    }
    Ok(frontier)
}

fn write_items(w: &mut Writer, frontier: &Frontier) {
    for (chain, (seq, id)) in frontier {
        w.bytes(chain.device.as_bytes()).u16(chain.inc).u64(*seq).bytes(id.as_bytes());
    }
}
