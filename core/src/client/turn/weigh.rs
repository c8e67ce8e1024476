//! Chains in doubt are weighed anew where a turn brings something new of them.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::doubt::{InDoubt, heard_row};
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Acknowledged, Doubt, Doubtful, Entry};
use crate::model::id::{ChainId, DeviceId, EntryId};
use crate::store::Table;
use std::collections::{BTreeMap, BTreeSet};
use wire::codec::Writer;

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
            let weighed = self.space.weighed(doubt, &entries, heard);
            self.rebuild |=
                before.is_none_or(|it| (it.doubt, &it.counts) != (doubt, &weighed.counts));
            self.space.doubts.insert(chain, weighed);
        }
        Ok(())
    }

    /// What entries acknowledged that are taken back was acknowledged by those that stay, or by none.
    pub(crate) fn unhear(
        &mut self,
        taken: &[Entry],
        without: &BTreeSet<EntryId>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let by: BTreeSet<DeviceId> = taken.iter().map(|it| it.header.chain.device).collect();
        let is_by =
            |it: &InDoubt| it.heard.values().flatten().any(|(device, _)| by.contains(device));
        let due = self.space.doubts.iter().filter(|(_, it)| is_by(it));
        let due: BTreeMap<ChainId, Doubt> = due.map(|(chain, it)| (*chain, it.doubt)).collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut named: Vec<Named> = Vec::new();
        for entry in card::entries(&self.space.shelf, self.space.home.space)? {
            if !without.contains(&entry.id) {
                named.extend(self.names(&entry, &due));
            }
        }
        for (chain, doubt) in due {
            let before = self.space.doubts.remove(&chain);
            for (entry, by_whom) in before.into_iter().flat_map(|it| it.heard) {
                for by in by_whom.into_keys() {
                    self.batch.delete(Table::Meta, &heard_row(chain, entry, by));
                }
            }
            let mut heard = Acknowledged::new();
            for one in named.iter().filter(|one| one.chain == chain) {
                self.hear(one, &mut heard, random)?;
            }
            let entries = self.space.doubtful(chain, doubt, |_| None)?;
            let weighed = self.space.weighed(doubt, &entries, heard);
            self.space.doubts.insert(chain, weighed);
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
        let row = heard_row(one.chain, one.entry, one.by);
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
