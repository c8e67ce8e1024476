//! The signed part of an entry: 161 bytes, and 28 for each chain that moved.

use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;

use super::error::EntryError;
use crate::model::id::{ChainId, DeviceId, EntryId, SpaceId};

/// The version of the layout.
pub const VERSION: u8 = 1;
/// Flag: a seat signature follows the voice signature.
pub const FLAG_SEAT: u16 = 1;
/// Chains that one entry can name: the count is one byte.
const DELTA_MAX: usize = 255;
const DELTA_ITEM_BYTES: usize = 28;
const FIXED_BYTES: usize = 161;

/// Hybrid logical clock: milliseconds since the Unix epoch by the author's clock, and a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hlc {
    /// Milliseconds; nothing is refused for them.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub ctr: u16,
}

impl Hlc {
    /// As one number, which order keys are made of.
    pub const fn joined(self) -> u128 {
        ((self.ms as u128) << 16) | self.ctr as u128
    }
}

/// One chain of another device that moved since the author's previous entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaItem {
    /// The device's place in the order of admission.
    pub slot: u16,
    /// Its incarnation.
    pub inc: u16,
    /// The newest entry that counts. 0 with a zero id: none counts any more, the chain is split at its first entry.
    pub seq: u64,
    /// The first half of that entry's id.
    pub id: [u8; 16],
}

/// What an author signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the payload is; see [`PayloadKind`](super::PayloadKind).
    pub kind: u8,
    /// [`FLAG_SEAT`] or nothing.
    pub flags: u16,
    /// Whose chain.
    pub chain: ChainId,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// The entry before it in the chain; zero at seq 1.
    pub prev: EntryId,
    /// The control head that the author had folded: index and first half of the op id.
    pub control: (u32, [u8; 16]),
    /// The author's clock.
    pub hlc: Hlc,
    /// Hash over all that the author had seen.
    pub frontier_root: [u8; 32],
    /// What moved in it since the author's previous entry, ascending by slot and incarnation.
    pub delta: Vec<DeltaItem>,
    /// Bytes of payload.
    pub payload_len: u32,
    /// What the payload hashes to.
    pub payload_hash: [u8; 32],
}

impl Header {
    /// The bytes that are hashed and signed.
    ///
    /// # Panics
    /// With more than 255 delta items, which no decoded or drafted header has.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(FIXED_BYTES + DELTA_ITEM_BYTES * self.delta.len());
        w.u8(VERSION).u8(self.kind).u16(self.flags);
        w.bytes(self.chain.device.as_bytes()).u16(self.chain.inc).u64(self.seq);
        w.bytes(self.prev.as_bytes()).u32(self.control.0).bytes(&self.control.1);
        w.u64(self.hlc.ms).u16(self.hlc.ctr).bytes(&self.frontier_root);
        w.count8(self.delta.len());
        for item in &self.delta {
            w.u16(item.slot).u16(item.inc).u64(item.seq).bytes(&item.id);
        }
        w.u32(self.payload_len).bytes(&self.payload_hash);
        w.into_bytes()
    }

    /// Reads a header and leaves what follows it.
    ///
    /// # Errors
    /// [`EntryError::Version`] for another version or unknown flags; [`EntryError::Gap`] for an impossible seq;
    /// [`EntryError::Chain`] for a link that cannot be; [`EntryError::Frontier`] for an impossible delta;
    /// [`EntryError::Form`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, EntryError> {
        if r.u8()? != VERSION {
            return Err(EntryError::Version);
        }
        let (kind, flags) = (r.u8()?, r.u16()?);
        if flags & !FLAG_SEAT != 0 {
            return Err(EntryError::Version);
        }
        let chain = ChainId { device: DeviceId::from_bytes(r.array()?), inc: r.u16()? };
        let (seq, prev) = (r.u64()?, EntryId::from_bytes(r.array()?));
        if seq == 0 || seq == u64::MAX {
            return Err(EntryError::Gap);
        }
        if (seq == 1) != (prev == EntryId::ZERO) {
            return Err(EntryError::Chain);
        }
        Ok(Self {
            kind,
            flags,
            chain,
            seq,
            prev,
            control: (r.u32()?, r.array()?),
            hlc: Hlc { ms: r.u64()?, ctr: r.u16()? },
            frontier_root: r.array()?,
            delta: decode_delta(r).map_err(|_| EntryError::Frontier)?,
            payload_len: r.u32()?,
            payload_hash: r.array()?,
        })
    }

    /// The entry's name: the hash of space and header.
    pub fn id(&self, space: SpaceId) -> EntryId {
        EntryId::from_bytes(hash::hash(hash::EID, &[space.as_bytes(), &self.encode()]))
    }
}

fn decode_delta(r: &mut Reader<'_>) -> Result<Vec<DeltaItem>, DecodeError> {
    let count = r.list8(DELTA_MAX, DELTA_ITEM_BYTES)?;
    let mut delta: Vec<DeltaItem> = Vec::with_capacity(count);
    for _ in 0..count {
        let item = DeltaItem { slot: r.u16()?, inc: r.u16()?, seq: r.u64()?, id: r.array()? };
        let ascends = delta.last().is_none_or(|last| (last.slot, last.inc) < (item.slot, item.inc));
        if !ascends || (item.seq == 0) != (item.id == [0; 16]) {
            return Err(DecodeError::Form);
        }
        delta.push(item);
    }
    Ok(delta)
}
