//! May an entry stand in its chain yet? A pure question, asked of every entry, one's own included.

use super::chain::{Chain, Chains, Split};
use super::error::EntryError;
use super::frontier::{Frontier, frontier_root};
use super::header::{DeltaItem, Header};
use super::incident::Incident;
use super::signed::Entry;
use crate::crypto::Verified;
use crate::model::id::{ChainId, DeviceId, EntryId, OrderKey, SpaceId};
use std::collections::BTreeSet;

/// What is stored already: accepted entries, void and disputed ones included.
pub trait Known {
    /// The accepted entries at one place of a chain, with their order keys: none, one, or more if the chain split.
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)>;

    /// What the author of an accepted entry had seen: [`Accepted::seen`], as it was given then. Asked only of entries
    /// that are not the newest of their chain, which happens where a chain splits.
    fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier;
}

/// What admission needs besides the chains.
#[derive(Clone, Copy)]
pub struct AdmitContext<'a> {
    /// The space.
    pub space: SpaceId,
    /// The devices in order of admission, in the table at the control head that the header names.
    pub slots: &'a [DeviceId],
    /// Is that control head folded here?
    pub control_known: bool,
    /// What is stored.
    pub known: &'a dyn Known,
    /// What is missing and was waited for long enough.
    pub closed: &'a BTreeSet<Missing>,
}

/// Nothing is given up: for whoever keeps no time.
pub static NONE_CLOSED: BTreeSet<Missing> = BTreeSet::new();

/// Whether an id in what an author had seen is the name of an entry that nobody could produce.
pub fn is_phantom(id: &EntryId) -> bool {
    id.as_bytes().iter().rev().take(16).all(|byte| *byte == 0)
}

impl core::fmt::Debug for AdmitContext<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AdmitContext(..)")
    }
}

/// The first thing that an entry names and that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A control item.
    Control {
        /// Its index.
        idx: u32,
    },
    /// An entry.
    Entry {
        /// Its chain.
        chain: ChainId,
        /// Its place.
        seq: u64,
        /// The first half of its id.
        id: [u8; 16],
    },
}

impl Missing {
    /// An entry, by its whole id.
    pub const fn entry(chain: ChainId, seq: u64, id: EntryId) -> Self {
        let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = id.to_bytes();
        Self::Entry { chain, seq, id }
    }
}

/// What to store of an entry that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its order key.
    pub k: OrderKey,
    /// What its author had seen of other chains.
    pub seen: Frontier,
    /// The new value of its chain.
    pub chain: Chain,
    /// What came to light with it.
    pub incidents: Vec<Incident>,
    /// It stands at or behind the place where its chain split. Where the split is new, the stored entries of the chain
    /// from [`Split::seq`] on become disputed too.
    pub disputed: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Store it.
    Accept(Box<Accepted>),
    /// It is here already.
    Duplicate,
    /// Keep it until that is here, and ask again.
    Wait(Missing),
    /// It can never stand in its chain.
    Refuse(EntryError),
}

/// Why not yet, or never.
enum Not {
    Yet(Missing),
    Ever(EntryError),
}

struct Before {
    k: OrderKey,
    seen: Frontier,
}

impl Chains {
    /// Asks whether an entry may stand in its chain yet. Changes nothing.
    pub fn admit(&self, entry: &Verified<Entry>, context: &AdmitContext<'_>) -> Admission {
        let at = context.known.entries_at(entry.header.chain, entry.header.seq);
        if at.iter().any(|(id, _)| *id == entry.id) {
            return Admission::Duplicate;
        }
        match self.accept(entry, &at, context) {
            Ok(accepted) => Admission::Accept(Box::new(accepted)),
            Err(Not::Yet(missing)) => Admission::Wait(missing),
            Err(Not::Ever(error)) => Admission::Refuse(error),
        }
    }

    fn accept(
        &self,
        entry: &Entry,
        siblings: &[(EntryId, OrderKey)],
        context: &AdmitContext<'_>,
    ) -> Result<Accepted, Not> {
        let header = &entry.header;
        if !context.control_known {
            return Err(Not::Yet(Missing::Control { idx: header.control.0 }));
        }
        let delta = resolve(header, context.slots).ok_or(Not::Ever(EntryError::Frontier))?;
        let Before { k, mut seen } = self.before(header, context.known)?;
        let mut highest = k;
        for (chain, item) in delta {
            if item.seq == 0 {
                seen.remove(&chain);
                continue;
            }
            match named(chain, &item, context.known) {
                Ok((id, k)) => {
                    highest = highest.max(k);
                    seen.insert(chain, (item.seq, id));
                }
                Err(Not::Yet(missing)) if context.closed.contains(&missing) => {
                    seen.insert(chain, (item.seq, phantom(&item)));
                }
                Err(not) => return Err(not),
            }
        }
        let k = OrderKey(header.hlc.joined().max(highest.0.saturating_add(1)));
        let mut incidents = Vec::new();
        // What nobody could produce has no whole id: nothing can be said of a root over it.
        let whole = !seen.values().any(|(_, id)| is_phantom(id));
        if whole && root(header, &seen, context.space) != header.frontier_root {
            let (chain, seq) = (header.chain, header.seq);
            incidents.push(Incident::FrontierMismatch { chain, seq, entry: entry.id });
        }
        let newest = Chain { seq: header.seq, id: entry.id, k, seen: seen.clone(), split: None };
        let (chain, fork) = self.after(header, newest, siblings);
        incidents.extend(fork);
        Ok(Accepted { k, seen, disputed: chain.disputes(header.seq), chain, incidents })
    }

    /// Order key and frontier of the entry's predecessor.
    fn before(&self, header: &Header, known: &dyn Known) -> Result<Before, Not> {
        if header.seq == 1 {
            return Ok(Before { k: OrderKey(0), seen: Frontier::new() });
        }
        let seq = header.seq.saturating_sub(1);
        let head = self.get(header.chain).filter(|chain| chain.id == header.prev);
        if let Some(head) = head {
            return if head.seq == seq {
                Ok(Before { k: head.k, seen: head.seen.clone() })
            } else {
                Err(Not::Ever(EntryError::Gap))
            };
        }
        if self.iter().any(|(_, chain)| chain.id == header.prev) {
            return Err(Not::Ever(EntryError::Chain));
        }
        let at = known.entries_at(header.chain, seq);
        match at.iter().find(|(id, _)| *id == header.prev) {
            Some((id, k)) => Ok(Before { k: *k, seen: known.seen_by(header.chain, seq, *id) }),
            None => Err(Not::Yet(Missing::entry(header.chain, seq, header.prev))),
        }
    }

    /// The chain with this entry in it, and the fork that came to light.
    fn after(
        &self,
        header: &Header,
        newest: Chain,
        siblings: &[(EntryId, OrderKey)],
    ) -> (Chain, Option<Incident>) {
        let Some(chain) = self.get(header.chain) else { return (newest, None) };
        let (id, seq) = (newest.id, newest.seq);
        let earlier = chain.split.is_none_or(|split| seq < split.seq);
        let sibling = siblings.iter().map(|(id, _)| *id).min().filter(|_| earlier);
        let split = match sibling {
            Some(_) => Some(Split { seq, before: header.prev }),
            None => chain.split,
        };
        let fork = sibling.map(|other| Incident::Fork {
            chain: header.chain,
            seq,
            one: other.min(id),
            two: other.max(id),
        });
        let extends = chain.id == header.prev;
        let chain =
            if extends { Chain { split, ..newest } } else { Chain { split, ..chain.clone() } };
        (chain, fork)
    }
}

/// The chains of a delta. None if a slot is unknown or the own chain is listed.
fn resolve(header: &Header, slots: &[DeviceId]) -> Option<Vec<(ChainId, DeltaItem)>> {
    let chains = header.delta.iter().map(|item| {
        let device = *slots.get(usize::from(item.slot))?;
        let chain = ChainId { device, inc: item.inc };
        (chain != header.chain).then_some((chain, *item))
    });
    chains.collect()
}

/// The entry that a delta item names.
fn named(chain: ChainId, item: &DeltaItem, known: &dyn Known) -> Result<(EntryId, OrderKey), Not> {
    let at = known.entries_at(chain, item.seq);
    let found = at.into_iter().find(|(id, _)| id.as_bytes().starts_with(&item.id));
    found.ok_or(Not::Yet(Missing::Entry { chain, seq: item.seq, id: item.id }))
}

/// Stands for an entry that nobody could produce: the half of its id that is known.
fn phantom(item: &DeltaItem) -> EntryId {
    let mut id = [0; 32];
    for (byte, known) in id.iter_mut().zip(item.id) {
        *byte = known;
    }
    EntryId::from_bytes(id)
}

/// The root that an author who saw this much must have written. Its own chain stands at the entry before.
fn root(header: &Header, seen: &Frontier, space: SpaceId) -> [u8; 32] {
    let mut whole = seen.clone();
    if header.seq > 1 {
        whole.insert(header.chain, (header.seq.saturating_sub(1), header.prev));
    }
    frontier_root(space, &whole)
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
