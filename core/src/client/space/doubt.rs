//! Chains in doubt: what of them counts, kept in memory and found again from the rows of who acknowledged what.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::state::Space;
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Acknowledged, Doubt, Doubtful, Entry, Standing, agreed};
use crate::membership::SpaceKind;
use crate::model::id::{ChainId, DeviceId, EntryId};
use crate::store::Table;
use std::collections::{BTreeMap, BTreeSet};
use wire::codec::{Reader, Writer};

/// Begins the rows of who acknowledged an entry in doubt: chain, entry, device; the control index is the body.
const META_HEARD: &[u8] = b"heard";

/// A chain in doubt, and what of it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InDoubt {
    doubt: Doubt,
    counts: BTreeSet<EntryId>,
    heard: Acknowledged,
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
    fn doubt_of(&self, chain: ChainId, placed: &BTreeSet<EntryId>) -> Result<Option<Doubt>, Error> {
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
            let counts = agreed(&doubt, &entries, &heard, self.kind == SpaceKind::Private);
            self.doubts.insert(chain, InDoubt { doubt, counts, heard });
        }
        Ok(())
    }

    /// The entries of a chain from its first place in doubt on; `fresh` knows what is not stored yet.
    fn doubtful(
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
    fn is_somebody_else(&self, by: DeviceId, chain: ChainId) -> bool {
        match self.kind {
            SpaceKind::Private => by != chain.device,
            SpaceKind::Shared => self.person_of(by) != self.person_of(chain.device),
        }
    }
}

fn heard_prefix(chain: ChainId) -> Vec<u8> {
    [META_HEARD, chain.device.as_bytes(), &chain.inc.to_be_bytes()].concat()
}

/// One entry named by another.
#[derive(Debug, Clone, Copy)]
struct Named {
    chain: ChainId,
    entry: EntryId,
    by: DeviceId,
    control: u32,
}

impl Turn<'_> {
    /// Looks at every chain in doubt anew: what of it counts now. From then on records and documents are made without
    /// what does not.
    pub(crate) fn weigh_doubts(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let chains: Vec<ChainId> = self.space.chains.iter().map(|(chain, _)| chain).collect();
        let mut due: BTreeMap<ChainId, Doubt> = BTreeMap::new();
        let mut is_new = false;
        for chain in chains {
            let Some(doubt) = self.space.doubt_of(chain, &self.placed)? else {
                if self.space.doubts.remove(&chain).is_some() {
                    self.rebuild = true;
                }
                continue;
            };
            let known = self.space.doubts.get(&chain).map(|known| known.doubt);
            is_new |= known != Some(doubt);
            if known != Some(doubt) || self.heard_of.contains(&chain) {
                due.insert(chain, doubt);
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let added = self.added_entries();
        let mut named: Vec<Named> = Vec::new();
        if is_new {
            for entry in card::entries(&self.space.shelf, self.space.home.space)? {
                named.extend(self.names(&entry, &due));
            }
        }
        for entry in &added {
            named.extend(self.names(entry, &due));
        }
        for (chain, doubt) in due {
            let before = self.space.doubts.remove(&chain);
            let mut heard = before.as_ref().map(|it| it.heard.clone()).unwrap_or_default();
            for one in named.iter().filter(|one| one.chain == chain) {
                self.hear(one, &mut heard, random)?;
            }
            let fresh = |seq| {
                let of = added.iter().filter(|it| it.header.chain == chain && it.header.seq == seq);
                let doubtful = |it: &Entry| Doubtful { seq, id: it.id, prev: it.header.prev };
                Some(of.map(doubtful).collect())
            };
            let entries = self.space.doubtful(chain, doubt, fresh)?;
            let by_most = self.space.kind == SpaceKind::Private;
            let counts = agreed(&doubt, &entries, &heard, by_most);
            self.rebuild |= before.is_none_or(|it| it.doubt != doubt || it.counts != counts);
            self.space.doubts.insert(chain, InDoubt { doubt, counts, heard });
        }
        Ok(())
    }

    fn hear(
        &mut self,
        one: &Named,
        heard: &mut Acknowledged,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let by_whom = heard.entry(one.entry).or_default();
        let known = by_whom.get(&one.by).copied();
        if known.is_some_and(|known| known <= one.control) {
            return Ok(());
        }
        by_whom.insert(one.by, one.control);
        let row =
            [heard_prefix(one.chain).as_slice(), one.entry.as_bytes(), one.by.as_bytes()].concat();
        let mut body = Writer::new();
        body.u32(one.control);
        let place = Place::new(Table::Meta, &row);
        self.space.shelf.put(&mut self.batch, place, body.as_slice(), random)
    }

    /// What an entry acknowledges of these chains.
    fn names(&self, entry: &Entry, due: &BTreeMap<ChainId, Doubt>) -> Vec<Named> {
        let (by, control) = (entry.header.chain.device, entry.header.control.0);
        let mut slots = None;
        let mut named = Vec::new();
        for item in &entry.header.delta {
            let slots = slots.get_or_insert_with(|| self.space.slots_at(entry.header.control));
            let Some(device) = slots.get(usize::from(item.slot)) else { continue };
            let chain = ChainId { device: *device, inc: item.inc };
            let in_doubt = due.get(&chain).is_some_and(|doubt| item.seq >= doubt.from());
            if in_doubt && self.space.is_somebody_else(by, chain) {
                let at = self.known_at(chain, item.seq);
                let at = at.into_iter().filter(|id| id.as_bytes().starts_with(&item.id));
                named.extend(at.map(|entry| Named { chain, entry, by, control }));
            }
        }
        named
    }

    /// An entry is accepted: which chains in doubt it says something new of.
    pub(crate) fn listen(&mut self, entry: &Entry) {
        if self.space.doubts.is_empty() {
            return;
        }
        let due = self.space.doubts.iter().map(|(chain, it)| (*chain, it.doubt)).collect();
        for Named { chain, entry, by, control } in self.names(entry, &due) {
            let known = self.space.doubts.get(&chain);
            let known = known.and_then(|it| it.heard.get(&entry)?.get(&by));
            if known.is_none_or(|known| *known > control) {
                self.heard_of.insert(chain);
            }
        }
    }
}
