//! What is remembered of each chain: its newest entry, what that one had seen, and where it split.

use std::collections::BTreeMap;

use wire::codec::{DecodeError, Reader, Writer};

use super::frontier::{Frontier, decode_frontier, encode_frontier};
use crate::model::id::{ChainId, EntryId, OrderKey};

/// The first place where a chain has two entries. From there on no document change of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The place.
    pub seq: u64,
    /// The last entry before it; zero if the split is at the first.
    pub before: EntryId,
}

/// The newest entry of a chain. Of a split chain: of the branch that was here first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its place.
    pub seq: u64,
    /// Its name.
    pub id: EntryId,
    /// Its order key.
    pub k: OrderKey,
    /// What its author had seen of the other chains.
    pub seen: Frontier,
    /// Where the chain split, if it did. It never heals.
    pub split: Option<Split>,
}

impl Chain {
    /// The row that the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let split = self.split.unwrap_or(Split { seq: 0, before: EntryId::ZERO });
        let mut w = Writer::new();
        w.u64(self.seq).bytes(self.id.as_bytes()).bytes(&self.k.0.to_be_bytes());
        w.u64(split.seq).bytes(split.before.as_bytes());
        encode_frontier(&mut w, &self.seen);
        w.into_bytes()
    }

    /// Reads what [`Chain::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] if the row is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let seq = r.u64()?;
        let id = EntryId::from_bytes(r.array()?);
        let k = OrderKey(u128::from_be_bytes(r.array()?));
        let split = Split { seq: r.u64()?, before: EntryId::from_bytes(r.array()?) };
        let seen = decode_frontier(&mut r)?;
        r.end()?;
        Ok(Self { seq, id, k, seen, split: (split.seq != 0).then_some(split) })
    }

    /// True from the place on where the chain split.
    pub fn disputes(&self, seq: u64) -> bool {
        self.split.is_some_and(|split| seq >= split.seq)
    }

    /// Where the chain stands for others: at its newest entry, or for ever before its split.
    fn stands(&self) -> Option<(u64, EntryId)> {
        match self.split {
            None => Some((self.seq, self.id)),
            Some(Split { seq: 0 | 1, before: _ }) => None,
            Some(Split { seq, before }) => Some((seq - 1, before)),
        }
    }
}

/// All chains of one space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chains {
    chains: BTreeMap<ChainId, Chain>,
}

impl Chains {
    /// None yet.
    pub const fn new() -> Self {
        Self { chains: BTreeMap::new() }
    }

    /// Takes the new value of a chain: what admission gave, once it is stored, or a row read back.
    pub fn apply(&mut self, id: ChainId, chain: Chain) {
        self.chains.insert(id, chain);
    }

    /// Takes a chain off of which nothing is stored any more.
    pub fn forget(&mut self, id: ChainId) {
        self.chains.remove(&id);
    }

    /// One chain.
    pub fn get(&self, id: ChainId) -> Option<&Chain> {
        self.chains.get(&id)
    }

    /// All of them, by device and incarnation.
    pub fn iter(&self) -> impl Iterator<Item = (ChainId, &Chain)> {
        self.chains.iter().map(|(id, chain)| (*id, chain))
    }

    /// Where every chain stands.
    pub fn all(&self) -> Frontier {
        self.frontier(None)
    }

    /// Where every chain stands, but for one's own.
    pub fn frontier(&self, except: Option<ChainId>) -> Frontier {
        let others = self.iter().filter(|(id, _)| Some(*id) != except);
        others.filter_map(|(id, chain)| Some((id, chain.stands()?))).collect()
    }
}
