//! Chains in doubt: what of them counts, kept in memory and found again from the rows of who acknowledged what.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::entry::{Acknowledged, Doubt, Doubtful, Entry, Standing, agreed};
use crate::membership::SpaceKind;
use crate::model::id::{ChainId, DeviceId, EntryId};
use crate::store::Table;
use std::collections::BTreeSet;
use wire::codec::Reader;

/// Begins the rows of who acknowledged an entry in doubt: chain, entry, device; the control index is the body.
const META_HEARD: &[u8] = b"heard";

/// A chain in doubt, and what of it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InDoubt {
    pub(crate) doubt: Doubt,
    pub(crate) counts: BTreeSet<EntryId>,
    pub(crate) heard: Acknowledged,
}

impl Space {
    /// How an entry stands by what is known.
    pub(crate) fn standing_of(&self, chain: ChainId, seq: u64, id: EntryId) -> Standing {
        match self.doubts.get(&chain) {
            Some(doubt) if !doubt.counts.contains(&id) => doubt.doubt.unheard(seq),
            Some(_) | None => Standing::Counts,
        }
    }

    /// Whether a place stands in doubt, acknowledged or not.
    pub(crate) fn is_in_doubt(&self, chain: ChainId, seq: u64) -> bool {
        self.doubts.get(&chain).is_some_and(|it| seq >= it.doubt.from())
    }

    /// Entries were taken out of a chain: it may be without doubt now.
    pub(crate) fn forget_doubt(&mut self, chain: ChainId) -> Result<(), Error> {
        if self.doubt_of(chain, &BTreeSet::new())?.is_none() {
            self.doubts.remove(&chain);
        }
        Ok(())
    }

    /// Why a chain is in doubt, if it is. What this device itself wrote behind an end that a copy of it has set, and
    /// nobody else can hold, is said again soon, in another chain.
    pub(crate) fn doubt_of(
        &self,
        chain: ChainId,
        placed: &BTreeSet<EntryId>,
    ) -> Result<Option<Doubt>, Error> {
        let Some(head) = self.chains.get(chain) else { return Ok(None) };
        let mut end = self.log.end_of(chain);
        if let Some((last, _)) = end {
            let known = if chain == self.me { self.public_end(placed)? } else { head.seq };
            end = end.filter(|_| known > last);
        }
        let split = head.split.map(|split| split.seq);
        Ok((split.is_some() || end.is_some()).then_some(Doubt { split, end }))
    }

    /// After the chains are read: what is in doubt, from the rows kept.
    pub(crate) fn load_doubts(&mut self) -> Result<(), Error> {
        let chains: Vec<ChainId> = self.chains.iter().map(|(chain, _)| chain).collect();
        for chain in chains {
            let Some(doubt) = self.doubt_of(chain, &BTreeSet::new())? else { continue };
            let mut heard = Acknowledged::new();
            let prefix = heard_prefix(chain);
            for row in self.shelf.prefix(Table::Meta, &prefix)? {
                let mut id = Reader::new(row.id.get(prefix.len()..).unwrap_or_default());
                let (entry, by) = (id.array()?, id.array()?);
                let control = Reader::new(&row.body).u32()?;
                let by_whom = heard.entry(EntryId::from_bytes(entry)).or_default();
                by_whom.insert(DeviceId::from_bytes(by), control);
            }
            let entries = self.doubtful(chain, doubt, |_| None)?;
            let weighed = self.weighed(doubt, &entries, heard);
            self.doubts.insert(chain, weighed);
        }
        Ok(())
    }

    /// What counts of a chain in doubt, by who acknowledged what.
    pub(crate) fn weighed(&self, doubt: Doubt, of: &[Doubtful], heard: Acknowledged) -> InDoubt {
        let counts = agreed(&doubt, of, &heard, self.kind == SpaceKind::Private);
        InDoubt { doubt, counts, heard }
    }

    /// The entries of a chain from its first place in doubt on; `fresh` knows what is not stored yet.
    pub(crate) fn doubtful(
        &self,
        chain: ChainId,
        doubt: Doubt,
        fresh: impl Fn(u64) -> Option<Vec<Doubtful>>,
    ) -> Result<Vec<Doubtful>, Error> {
        let mut found = Vec::new();
        for seq in doubt.from().. {
            let before = found.len();
            found.extend(fresh(seq).unwrap_or_default());
            for (id, _) in self.stored_at(chain, seq) {
                let bytes = self.entry_bytes(id)?;
                let entry = Entry::decode(self.home.space, &bytes);
                let entry = entry.map_err(|_| Error::Damaged { code: "store.entry" })?;
                found.push(Doubtful { seq, id, prev: entry.peek().header.prev });
            }
            if found.len() == before {
                break;
            }
        }
        Ok(found)
    }

    /// Whether what `by` says it has seen is an acknowledgement of what stands in `chain`.
    pub(crate) fn is_somebody_else(&self, by: DeviceId, chain: ChainId) -> bool {
        match self.kind {
            SpaceKind::Private => by != chain.device,
            SpaceKind::Shared => self.person_of(by) != self.person_of(chain.device),
        }
    }
}

/// The row of who acknowledged an entry.
pub(crate) fn heard_row(chain: ChainId, entry: EntryId, by: DeviceId) -> Vec<u8> {
    [heard_prefix(chain).as_slice(), entry.as_bytes(), by.as_bytes()].concat()
}

fn heard_prefix(chain: ChainId) -> Vec<u8> {
    [META_HEARD, chain.device.as_bytes(), &chain.inc.to_be_bytes()].concat()
}
