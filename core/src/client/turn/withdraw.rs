//! Entries of the own chain that nobody else can hold are taken back: the history is then as if they had never been,
//! and what they said is kept aside, to be said again in another chain.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::card::Held;
use crate::client::space::incarnation::Anew;
use crate::client::space::state::{Space, place_row};
use crate::client::space::suspects::Trust;
use crate::client::turn::gather::{Changed, Turn};
use crate::client::turn::staged;
use crate::client::turn::staged::Staged;
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, Unverified, open};
use crate::document::{Document, Edit};
use crate::entry::{Chain, Entry, Incident, Payload, Split, Standing};
use crate::membership::SpaceKind;
use crate::model::id::{ChainId, DocumentId, EntryId, OrderKey};
use crate::model::{Told, has_share};
use crate::store::{Direction, Table};
use std::collections::{BTreeMap, BTreeSet};
use wire::codec::Writer;
use wire::envelope::{Class, Envelope};

/// Rows read at a time: each may be as large as an entry.
const PAGE: usize = 4;

/// Takes entries back, keeps aside what they said, and sets how the device stands, in one transaction.
pub(crate) fn withdraw(
    space: &mut Space,
    entries: &[EntryId],
    anew: Option<Anew>,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let mut turn = Turn::new(space);
    if let Some(anew) = anew {
        let Turn { space, batch, .. } = &mut turn;
        space.set_anew(batch, anew, random)?;
        space.outbox_moved = true;
    }
    let mut taken = Vec::with_capacity(entries.len());
    for id in entries {
        let bytes = turn.space.entry_bytes(*id)?;
        let entry = Entry::decode(turn.space.home.space, &bytes);
        taken.push(entry.map_err(|_| Error::Damaged { code: "store.entry" })?.peek().clone());
    }
    if taken.is_empty() {
        return turn.close(random);
    }
    let without: BTreeSet<EntryId> = entries.iter().copied().collect();
    let mut kept_aside = Vec::new();
    let mut edited = BTreeMap::new();
    for entry in &taken {
        match Payload::decode(entry.header.kind, &entry.payload) {
            Ok(Payload::Changes(documents)) => {
                for changes in documents {
                    if let Held::Here(held) = turn.space.document(changes.document)? {
                        edited.insert(changes.document, held.fields());
                    }
                }
            }
            Ok(_) => kept_aside.push(Staged::said(entry)),
            Err(_) => return Err(Error::Damaged { code: "entry.own" }),
        }
    }
    turn.take_out(&taken, &without, random)?;
    turn.unhear(&taken, &without, random)?;
    turn.retell(&without, random)?;
    for (id, fields) in edited {
        let base = turn.document_now(id)?;
        let edit = Edit::between(&base.fields(), &fields);
        kept_aside.push(Staged::Edited { id, kind: base.kind(), base: base.save(), edit });
    }
    staged::keep(&mut turn, &kept_aside, random)?;
    turn.space.outbox_moved = true;
    turn.finish(random)
}

impl Turn<'_> {
    /// Removes the rows of entries, and brings their chain back to where it stands without them.
    fn take_out(
        &mut self,
        taken: &[Entry],
        without: &BTreeSet<EntryId>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let mut keys = Vec::new();
        self.space
            .each_outbox(|item| keys.extend(without.contains(&item.entry).then_some(item.key)))?;
        for key in keys {
            self.batch.delete(Table::Outbox, &key.to_be_bytes());
        }
        let mut chains = BTreeSet::new();
        for entry in taken {
            let (chain, seq) = (entry.header.chain, entry.header.seq);
            chains.insert(chain);
            self.batch.delete(Table::Entries, entry.id.as_bytes());
            self.batch.delete(Table::Places, &place_row(chain, seq, entry.id));
            for (other, _) in self.space.stored_at(chain, seq) {
                let (one, two) = (other.min(entry.id), other.max(entry.id));
                let fork = Incident::Fork { chain, seq, one, two };
                self.batch.delete(Table::Incidents, &fork.key());
            }
        }
        for chain in chains {
            let row = chain_row(chain);
            if let Some(value) = self.space.chain_without(chain, without) {
                let place = Place::new(Table::Chains, &row);
                self.space.shelf.put(&mut self.batch, place, &value.encode(), random)?;
                self.space.chains.apply(chain, value);
            } else {
                self.batch.delete(Table::Chains, &row);
                self.space.chains.forget(chain);
            }
            self.space.forget_doubt(chain)?;
        }
        Ok(())
    }

    /// Gathers all that the entries but these tell and change: records and list rows are made anew, and so are the
    /// documents at the end of the turn.
    fn retell(
        &mut self,
        without: &BTreeSet<EntryId>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.rebuild = true;
        self.batch.clear(Table::Records).clear(Table::Cards);
        let mut after = None;
        loop {
            let store = self.space.shelf.store();
            let rows = store.page(Table::Entries, after.take(), PAGE, Direction::Ascending)?;
            let Some(last) = rows.last() else { break };
            after = Some((last.order, last.id.clone()));
            for row in rows {
                let k = OrderKey(u128::from_be_bytes(row.order));
                let row = self.space.shelf.open(Table::Entries, row)?;
                let entry = Entry::decode(self.space.home.space, &row.body);
                let entry = entry.map_err(|_| Error::Damaged { code: "store.entry" })?;
                if !without.contains(&entry.peek().id) {
                    self.retell_entry(entry.peek(), k, random)?;
                }
            }
        }
        self.drop_documents()
    }

    fn retell_entry(
        &mut self,
        entry: &Entry,
        k: OrderKey,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let standing = self.space.standing_of(chain, seq, entry.id);
        let seen = self.space.seen_by(chain, seq, entry.id);
        match Payload::decode(entry.header.kind, &entry.payload) {
            Ok(Payload::Event(body)) if self.space.kind == SpaceKind::Shared => {
                let head = self.head_of(entry, k, &seen, standing);
                // What is not valid was written down when it came.
                if let Some(Ok(told)) = head.map(|head| Told::new(head, body)) {
                    let before = self.told.entry(told.record()).or_default();
                    if has_share(before, chain, told.body().len()) {
                        before.push(told.clone());
                        self.file_told(&told, random)?;
                    }
                }
            }
            Ok(Payload::Changes(documents)) if standing == Standing::Counts => {
                for changes in documents {
                    self.take_changes(entry, &seen, changes);
                }
            }
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// A document as the entries gathered so far make it.
    fn document_now(&self, id: DocumentId) -> Result<Document, Error> {
        let kind = card::kind_in(self.space.kind);
        let incoming = self.incoming.get(&id).map(Vec::as_slice).unwrap_or_default();
        let never = |source| self.space.suspects.get(source) == Some(&Trust::Never);
        let fit = incoming.iter().filter(|(of, it)| *of == kind.number() && !never(&it.source));
        Ok(Document::rebuild(kind, fit.map(|(_, incoming)| incoming.clone()))?.0)
    }
}

impl Space {
    /// A chain as it stands without some of its entries; none if nothing is left.
    fn chain_without(&self, chain: ChainId, without: &BTreeSet<EntryId>) -> Option<Chain> {
        let head = self.chains.get(chain)?;
        let left = |seq| {
            let at = self.stored_at(chain, seq);
            at.into_iter().filter(|(id, _)| !without.contains(id)).collect::<Vec<_>>()
        };
        let mut newest = (1..=head.seq).rev().find(|seq| !left(*seq).is_empty())?;
        while !left(newest.saturating_add(1)).is_empty() {
            newest = newest.saturating_add(1);
        }
        let (id, k) = left(newest).into_iter().min()?;
        let first = head.split.map_or(u64::MAX, |split| split.seq);
        let split = (first..=newest).find(|seq| left(*seq).len() > 1);
        let before = |seq: u64| left(seq.saturating_sub(1)).first().map(|(id, _)| *id);
        let split = split.map(|seq| Split { seq, before: before(seq).unwrap_or(EntryId::ZERO) });
        Some(Chain { seq: newest, id, k, seen: self.seen_by(chain, newest, id), split })
    }
}

/// The row of a chain's newest entry.
pub(crate) fn chain_row(chain: ChainId) -> Vec<u8> {
    let mut row = Writer::new();
    row.bytes(chain.device.as_bytes()).u16(chain.inc);
    row.into_bytes()
}

/// Looks through envelopes that come, before any of them counts: if there is an entry that this device signed and does
/// not hold, what stands in its way, and nobody else can hold, is taken back first.
pub(crate) fn make_way<'a>(
    space: &mut Space,
    envelopes: impl Iterator<Item = &'a [u8]>,
    random: &mut dyn Random,
) -> Result<(), Error> {
    let mut unsent = space.unsent_of(space.me)?;
    if unsent.is_empty() {
        return Ok(());
    }
    let device = space.standing().device(space.me.device).map(|member| member.device.clone());
    let (mut known, mut foreign) = (BTreeSet::new(), false);
    for envelope in envelopes {
        let Some(entry) = own_entry(space, envelope) else { continue };
        let id = entry.peek().id;
        if space.has_entry(id)? {
            known.insert(id);
        } else if Entry::verify(entry, device.as_ref(), space.home.space).is_ok() {
            foreign = true;
        }
    }
    if foreign {
        let arrived = unsent.iter().rposition(|(_, id)| known.contains(id));
        unsent.drain(..arrived.map_or(0, |at| at.saturating_add(1)));
        let unsent: Vec<EntryId> = unsent.into_iter().map(|(_, id)| id).collect();
        withdraw(space, &unsent, None, random)?;
    }
    Ok(())
}

/// The entry in an envelope, if it says that it is of the chain in which this device writes.
fn own_entry(space: &Space, envelope: &[u8]) -> Option<Unverified<Entry>> {
    let envelope = Envelope::decode(envelope).ok().filter(|it| it.class == Class::Entry)?;
    let keys = space.entry_keys(envelope.epoch);
    let inner = keys.iter().find_map(|key| open(key, &space.home, &envelope).ok())?;
    let entry = Entry::decode(space.home.space, &inner).ok()?;
    (entry.peek().header.chain == space.me).then_some(entry)
}
