//! The signed body of a control item: who asks for what, after which op, and what the table is afterwards.
//!
//! An op keeps its actions as bytes: its id depends on the layout here only, so that a program that knows fewer
//! kinds of action gets the same id. What the actions say is judged by `fold`.

use crate::crypto::{Signature, SigningKey, Unverified};
use crate::model::id::{DeviceId, OpId, RecoveryId, SpaceId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;
use wire::limit::{ENVELOPE_BYTES_MAX, WRAPS};

/// The version of the body's layout.
const BODY_VERSION: u8 = 1;
/// The rules by which a log made today is judged; its Genesis fixes them for ever.
pub const RULES: u16 = 1;
/// Signatures under one op: an author, a second person, a recovery phrase and its successor, with room.
const SIGNATURES_MAX: usize = 8;

/// Which key signs, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Author {
    /// A device's daily key: plain rekeys only.
    Voice(DeviceId),
    /// A device's deciding key.
    Seat(DeviceId),
    /// A person's recovery phrase.
    Recovery(RecoveryId),
}

impl Author {
    const BYTES: usize = 17;

    fn encode(self, writer: &mut Writer) {
        match self {
            Self::Voice(id) => writer.u8(1).bytes(id.as_bytes()),
            Self::Seat(id) => writer.u8(2).bytes(id.as_bytes()),
            Self::Recovery(id) => writer.u8(3).bytes(id.as_bytes()),
        };
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (key, id) = (reader.u8()?, reader.array()?);
        match key {
            1 => Ok(Self::Voice(DeviceId::from_bytes(id))),
            2 => Ok(Self::Seat(DeviceId::from_bytes(id))),
            3 => Ok(Self::Recovery(RecoveryId::from_bytes(id))),
            _ => Err(DecodeError::Form),
        }
    }
}

/// Who finds its wrapped key in which of the twelve places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapSlot {
    /// A device id or a recovery id.
    pub recipient: [u8; 16],
    /// From 0, below [`WRAPS`].
    pub slot: u8,
}

/// One action as it stands in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionBytes {
    /// Its fixed number.
    pub kind: u16,
    /// Its payload, not yet read.
    pub payload: Vec<u8>,
}

/// One signature under an op.
#[derive(Debug, Clone)]
pub struct OpSignature {
    /// By which key.
    pub by: Author,
    /// Over the label, the space and [`Op::signed_bytes`].
    pub signature: Signature,
}

/// A control op, as its body spells it.
#[derive(Debug, Clone)]
pub struct Op {
    /// By which rules it wants to be judged.
    pub rules: u16,
    /// Its place in the log; 0 is the Genesis.
    pub idx: u32,
    /// The op before it, void or not; zero at 0.
    pub prev: OpId,
    /// The epoch under which its body is sealed.
    pub epoch_before: u32,
    /// The epoch once it holds.
    pub epoch_after: u32,
    /// Who signs first.
    pub author: Author,
    /// What the author had read of the data log.
    pub frontier_root: [u8; 32],
    /// The hash of the member table once it holds.
    pub state_after: [u8; 32],
    /// The commitment to the wrapped epoch key; zero if nothing is wrapped.
    pub kc: [u8; 32],
    /// The hash of the item's ladder; zero if no epoch is made.
    pub ladder_hash: [u8; 32],
    /// The hash of the item's wraps; zero if nothing is wrapped.
    pub wraps_hash: [u8; 32],
    /// Ascending by recipient.
    pub wrap_slots: Vec<WrapSlot>,
    /// The author's own ops that it gave up for this one.
    pub abandons: Vec<OpId>,
    /// What shall happen.
    pub actions: Vec<ActionBytes>,
    /// The author's first.
    pub signatures: Vec<OpSignature>,
}

impl Op {
    /// Reads a body. Nothing in it is proved yet.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not this layout: the item is then void.
    pub fn decode(bytes: &[u8]) -> Result<Unverified<Self>, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != BODY_VERSION {
            return Err(DecodeError::Version);
        }
        let op = Self {
            rules: reader.u16()?,
            idx: reader.u32()?,
            prev: OpId::from_bytes(reader.array()?),
            epoch_before: reader.u32()?,
            epoch_after: reader.u32()?,
            author: Author::decode(&mut reader)?,
            frontier_root: reader.array()?,
            state_after: reader.array()?,
            kc: reader.array()?,
            ladder_hash: reader.array()?,
            wraps_hash: reader.array()?,
            wrap_slots: decode_wrap_slots(&mut reader)?,
            abandons: decode_abandons(&mut reader)?,
            actions: decode_actions(&mut reader)?,
            signatures: decode_signatures(&mut reader)?,
        };
        reader.end()?;
        Ok(Unverified::new(op))
    }

    /// The whole body, signatures included.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = self.write_signed();
        writer.count8(self.signatures.len());
        for item in &self.signatures {
            item.by.encode(&mut writer);
            writer.bytes(&item.signature.0);
        }
        writer.into_bytes()
    }

    /// The body up to its signatures: what is signed and what its id is the hash of.
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.write_signed().into_bytes()
    }

    /// Its id in `space`.
    pub fn id(&self, space: SpaceId) -> OpId {
        OpId::from_bytes(hash::hash(hash::OP, &[space.as_bytes(), &self.signed_bytes()]))
    }

    /// A signature over this op in `space`.
    pub fn sign(&self, space: SpaceId, key: &SigningKey) -> Signature {
        key.sign(hash::CSIG, &[space.as_bytes(), &self.signed_bytes()])
    }

    fn write_signed(&self) -> Writer {
        let mut writer = Writer::new();
        writer.u8(BODY_VERSION).u16(self.rules).u32(self.idx).bytes(self.prev.as_bytes());
        writer.u32(self.epoch_before).u32(self.epoch_after);
        self.author.encode(&mut writer);
        writer.bytes(&self.frontier_root).bytes(&self.state_after);
        writer.bytes(&self.kc).bytes(&self.ladder_hash).bytes(&self.wraps_hash);
        writer.count8(self.wrap_slots.len());
        for item in &self.wrap_slots {
            writer.bytes(&item.recipient).u8(item.slot);
        }
        writer.count8(self.abandons.len());
        for id in &self.abandons {
            writer.bytes(id.as_bytes());
        }
        writer.count8(self.actions.len());
        for action in &self.actions {
            writer.u16(action.kind).var(&action.payload);
        }
        writer
    }
}

/// The id of an item that is void because it does not open or does not decode.
pub(super) fn undecodable_id(space: SpaceId, item: &[u8]) -> OpId {
    let item = hash::item_hash(item);
    OpId::from_bytes(hash::hash(hash::OP, &[space.as_bytes(), item.as_bytes()]))
}

fn decode_wrap_slots(reader: &mut Reader<'_>) -> Result<Vec<WrapSlot>, DecodeError> {
    let count = reader.list8(WRAPS, 17)?;
    let mut slots: Vec<WrapSlot> = Vec::with_capacity(count);
    for _ in 0..count {
        let next = WrapSlot { recipient: reader.array()?, slot: reader.u8()? };
        let ascends = slots.last().is_none_or(|last| last.recipient < next.recipient);
        let is_free = slots.iter().all(|other| other.slot != next.slot);
        if !ascends || !is_free || usize::from(next.slot) >= WRAPS {
            return Err(DecodeError::Form);
        }
        slots.push(next);
    }
    Ok(slots)
}

fn decode_abandons(reader: &mut Reader<'_>) -> Result<Vec<OpId>, DecodeError> {
    let count = reader.list8(255, OpId::LEN)?;
    (0..count).map(|_| reader.array().map(OpId::from_bytes)).collect()
}

fn decode_actions(reader: &mut Reader<'_>) -> Result<Vec<ActionBytes>, DecodeError> {
    let count = reader.list8(255, 6)?;
    (0..count)
        .map(|_| {
            let kind = reader.u16()?;
            Ok(ActionBytes { kind, payload: reader.var(ENVELOPE_BYTES_MAX)?.to_vec() })
        })
        .collect()
}

fn decode_signatures(reader: &mut Reader<'_>) -> Result<Vec<OpSignature>, DecodeError> {
    let count = reader.list8(SIGNATURES_MAX, Author::BYTES + 64)?;
    (0..count)
        .map(|_| {
            let by = Author::decode(reader)?;
            Ok(OpSignature { by, signature: Signature(reader.array()?) })
        })
        .collect()
}
