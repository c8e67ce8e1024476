//! The actions that bring a branch into the log which a relay holds: `Branch` carries its ops, `Merge` lets them
//! count.
//!
//! A relay that forgot may be given another log than the one that other devices hold. The relay's log is the trunk;
//! what stands apart from it is carried into it whole, so that entries which name its ops can be judged by everybody.

use super::op::Op;
use super::outcome::VoidReason;
use crate::crypto::EpochKey;
use crate::model::id::{OpId, SpaceId};
use core::fmt;
use wire::codec::{DecodeError, Reader, Writer};
use wire::limit::ENVELOPE_BYTES_MAX;

/// Ops that one `Branch` carries.
pub(super) const BRANCH_OPS_MAX: usize = 24;
/// Their bytes together, as composed: an item's body has room for 65,536.
pub(super) const BRANCH_BYTES_MAX: usize = 40_960;

/// Ops that stand beside the trunk, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Branch {
    /// The op that the first follows: on the trunk, or carried before.
    pub base: OpId,
    /// What follows it.
    pub ops: Vec<Carried>,
    /// Keys of epochs that ops on the branch made; or, without ops, a key that was rejected.
    pub keys: Vec<(u32, [u8; 32])>,
}

/// One op of a branch.
#[derive(Clone, PartialEq, Eq)]
pub enum Carried {
    /// An op that has no effect; its id is all that matters.
    Void(OpId),
    /// An op, as its author signed it.
    Op(Vec<u8>),
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Branch(..)")
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried(..)")
    }
}

impl Carried {
    /// The id of the op.
    pub fn id(&self, space: SpaceId) -> Option<OpId> {
        match self {
            Self::Void(id) => Some(*id),
            Self::Op(body) => Op::decode(body).ok().map(|op| op.peek().id(space)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Void(_) => 1 + OpId::LEN,
            Self::Op(body) => body.len().saturating_add(5),
        }
    }
}

impl Branch {
    /// The keys that it brings.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u32, EpochKey)> {
        self.keys.iter().map(|(epoch, key)| (*epoch, EpochKey::from_bytes(key)))
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.base.as_bytes()).count8(self.ops.len());
        for carried in &self.ops {
            match carried {
                Carried::Void(id) => writer.u8(0).bytes(id.as_bytes()),
                Carried::Op(body) => writer.u8(1).var(body),
            };
        }
        writer.count8(self.keys.len());
        for (epoch, key) in &self.keys {
            writer.u32(*epoch).bytes(key);
        }
    }

    pub(super) fn decode(mut reader: Reader<'_>) -> Result<Self, VoidReason> {
        let base = OpId::from_bytes(reader.array()?);
        let count = reader.list8(BRANCH_OPS_MAX, 5)?;
        let ops: Vec<Carried> =
            (0..count).map(|_| decode_carried(&mut reader)).collect::<Result<_, _>>()?;
        let count = reader.list8(BRANCH_OPS_MAX, 36)?;
        let keys = (0..count).map(|_| Ok((reader.u32()?, reader.array()?)));
        let keys: Vec<_> = keys.collect::<Result<_, DecodeError>>()?;
        reader.end()?;
        let is_idle = ops.is_empty() && keys.is_empty();
        if is_idle { Err(VoidReason::Layout) } else { Ok(Self { base, ops, keys }) }
    }
}

fn decode_carried(reader: &mut Reader<'_>) -> Result<Carried, DecodeError> {
    match reader.u8()? {
        0 => Ok(Carried::Void(OpId::from_bytes(reader.array()?))),
        1 => Ok(Carried::Op(reader.var(ENVELOPE_BYTES_MAX)?.to_vec())),
        _ => Err(DecodeError::Form),
    }
}
