//! The header of an honest author's next entry.

use wire::limit::ENTRY_BYTES_MAX;

use super::chain::Chains;
use super::error::EntryError;
use super::frontier::{Frontier, frontier_root};
use super::header::{DeltaItem, Header, Hlc};
use super::payload::payload_hash;
use crate::model::id::{ChainId, DeviceId, EntryId, OpId, OrderKey, SpaceId};

/// How far an honest clock is carried ahead by others' clocks. Nobody can push it further than a day.
const HLC_AHEAD_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a draft needs besides the chains.
#[derive(Clone, Copy, Debug)]
pub struct DraftContext<'a> {
    /// The space.
    pub space: SpaceId,
    /// The devices in order of admission, in the table at `control`.
    pub slots: &'a [DeviceId],
    /// The newest control item folded: index and op.
    pub control: (u32, OpId),
    /// The device's clock, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// The payload's number.
    pub kind: u8,
    /// The payload as it will be sealed.
    pub payload: &'a [u8],
}

/// Why there is no next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A chain is known whose device has no slot in the table: a bug of ours.
    #[error("a known device has no slot at this control head")]
    Slot,
    /// The chain has no number left.
    #[error("the chain is full")]
    ChainFull,
    /// The entry would not fit into an envelope.
    #[error("the entry is too large")]
    TooLarge,
    /// The payload cannot be hashed.
    #[error("the payload cannot be hashed")]
    Payload(#[from] EntryError),
}

impl Chains {
    /// The header of the next entry of the chain `me`, ready to be signed. The clock is the greater of the device's
    /// own and one more than the highest order seen, but never over its own clock and 24 h.
    ///
    /// # Errors
    /// [`DraftError`] by cause.
    pub fn draft(&self, me: ChainId, context: &DraftContext<'_>) -> Result<Header, DraftError> {
        let own = self.get(me);
        let (last, prev) = own.map_or((0, EntryId::ZERO), |chain| (chain.seq, chain.id));
        let seq = last.checked_add(1).filter(|seq| *seq != u64::MAX);
        let seq = seq.ok_or(DraftError::ChainFull)?;
        let none = Frontier::new();
        let mut frontier = self.frontier(Some(me));
        let delta = delta(own.map_or(&none, |chain| &chain.seen), &frontier, context.slots)?;
        if last > 0 {
            frontier.insert(me, (last, prev));
        }
        let (idx, op) = context.control;
        let [op @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = op.to_bytes();
        let header = Header {
            kind: context.kind,
            flags: 0,
            chain: me,
            seq,
            prev,
            control: (idx, op),
            hlc: self.clock(context.now_ms),
            frontier_root: frontier_root(context.space, &frontier),
            delta,
            payload_len: u32::try_from(context.payload.len()).map_err(|_| DraftError::TooLarge)?,
            payload_hash: payload_hash(context.kind, context.payload)?,
        };
        let len = header.encode().len().saturating_add(context.payload.len()).saturating_add(64);
        if len > ENTRY_BYTES_MAX { Err(DraftError::TooLarge) } else { Ok(header) }
    }

    fn clock(&self, now_ms: u64) -> Hlc {
        let own = Hlc { ms: now_ms, ctr: 0 }.joined();
        let highest = self.iter().map(|(_, chain)| chain.k).max().unwrap_or(OrderKey(0)).0;
        let limit = Hlc { ms: now_ms.saturating_add(HLC_AHEAD_MS), ctr: 0 }.joined();
        let joined = own.max(highest.saturating_add(1)).min(limit);
        let ms = u64::try_from(joined >> 16).unwrap_or(u64::MAX);
        let [.., high, low] = joined.to_be_bytes();
        Hlc { ms, ctr: u16::from_be_bytes([high, low]) }
    }
}

/// What moved from `before` to `now`, by slot and incarnation.
fn delta(
    before: &Frontier,
    now: &Frontier,
    slots: &[DeviceId],
) -> Result<Vec<DeltaItem>, DraftError> {
    let moved = now.iter().filter(|(chain, head)| before.get(chain) != Some(head));
    let gone = before.keys().filter(|chain| !now.contains_key(chain));
    let heads = moved
        .map(|(chain, (seq, id))| (*chain, *seq, *id))
        .chain(gone.map(|chain| (*chain, 0, EntryId::ZERO)));
    let mut delta = Vec::new();
    for (chain, seq, id) in heads {
        let slot = slots.iter().position(|device| *device == chain.device);
        let slot = slot.and_then(|slot| u16::try_from(slot).ok()).ok_or(DraftError::Slot)?;
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = id.to_bytes();
        delta.push(DeltaItem { slot, inc: chain.inc, seq, id });
    }
    delta.sort_unstable_by_key(|item| (item.slot, item.inc));
    Ok(delta)
}
