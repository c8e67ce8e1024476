//! Batches to put into a storage.

use crate::job::{Append, Batch, Bounds, Outcome, What};
use crate::protocol::Limits;
use crate::storage::Storage;
use wire::frame::Principal;
use wire::hash::{envelope_id, item_hash};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle, StoreId};
use wire::time::Timestamp;

pub(super) const SID: SpaceHandle = SpaceHandle::from_bytes([7; 16]);
pub(super) const STORE: StoreId = StoreId::from_bytes([8; 16]);
pub(super) const AT: Timestamp = Timestamp::from_millis(1_750_000_000_000);

pub(super) fn bounds() -> Bounds {
    Limits::default().storage
}

pub(super) fn batch(appends: Vec<Append>) -> Batch {
    Batch { appends, bounds: bounds(), at: AT }
}

pub(super) fn principal(seed: u8) -> Principal {
    let key = |kind| PrincipalKey::from_bytes([seed + kind; 32]);
    Principal { acc: key(0), adm: key(1), recovery: key(2) }
}

pub(super) fn create(sid: SpaceHandle, item: &[u8]) -> Append {
    let principals = vec![principal(10), principal(20)];
    let what = What::Create { hash: item_hash(item), epoch: 0, item: item.to_vec(), principals };
    Append { lane: 1_000, sid, slot: 0, what }
}

pub(super) fn control(idx: u32, prev: &[u8], item: &[u8]) -> Append {
    let prev = if prev.is_empty() { ItemHash::ZERO } else { item_hash(prev) };
    let (hash, item) = (item_hash(item), item.to_vec());
    let what = What::Control { hash, idx, prev, epoch: idx, item };
    Append { lane: 2_000 + u64::from(idx), sid: SID, slot: 0, what }
}

pub(super) fn data(lane: u64, epoch: u32, envelope: &[u8]) -> Append {
    let (id, envelope) = (envelope_id(envelope), envelope.to_vec());
    let what = What::Data { id, epoch: Some(epoch), envelope };
    Append { lane, sid: SID, slot: 0, what }
}

pub(super) fn commit(storage: &mut Storage, appends: Vec<Append>) -> Vec<Outcome> {
    storage.commit(batch(appends)).unwrap().outcomes
}

/// The place in a log, or nothing.
pub(super) fn n(outcome: &Outcome) -> Option<u64> {
    if let Outcome::Stored(place) = outcome { Some(place.n) } else { None }
}
