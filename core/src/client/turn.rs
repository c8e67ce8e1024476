//! One turn of one space: all that one command or one delivery changes, gathered and committed as one transaction.
//!
//! ```text
//! entry --admit--> chain, sequence, entry row --effects--> told events, document changes
//! close: documents merge, touched records fold, cards are written, the waiting room gives up what can go on
//! ```
//!
//! A turn that is dropped has changed memory and not the disk: its space must be loaded again.

use crate::client::error::Error;
use crate::client::shelf::{Place, Shelf};
use crate::client::space::{OutboxItem, Space, sequence_prefix};
use crate::crypto::{Class, Random, Unverified, Verified, seal};
use crate::document::Incoming;
use crate::entry::{
    Accepted, Admission, AdmitContext, Entry, EntryError, Header, Incident, Known, Missing, Payload,
};
use crate::model::event::Told;
use crate::model::id::{ChainId, DeviceId, DocumentId, EntryId, OrderKey, RecordId};
use crate::client::effect::SpaceKey;
use crate::store::{Batch, Table};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::codec::Writer;

/// Entry rows by what became of them.
pub(crate) const ENTRY_ACCEPTED: u8 = 0;
/// The payload had no effect; the entry keeps its place in its chain.
pub(crate) const ENTRY_VOID: u8 = 1;

/// What one turn changed, for whoever shows it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Records with new events.
    pub records: BTreeSet<RecordId>,
    /// Documents with new changes, or deleted.
    pub documents: BTreeSet<DocumentId>,
    /// Entries that were accepted.
    pub entries: usize,
    /// Incidents that were written down.
    pub incidents: usize,
}

/// The gathering of one turn.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) space: &'a mut Space,
    pub(crate) batch: Batch,
    pub(crate) changed: Changed,
    pub(crate) told: BTreeMap<RecordId, Vec<Told>>,
    pub(crate) incoming: BTreeMap<DocumentId, Vec<(u8, Incoming)>>,
    pub(crate) deleted: BTreeSet<DocumentId>,
    pub(crate) rebuild: bool,
    pub(crate) space_keys: Vec<SpaceKey>,
    ready: VecDeque<EntryId>,
    waiting: BTreeMap<EntryId, Vec<u8>>,
    accepted: BTreeMap<EntryId, Vec<u8>>,
    sequence: BTreeMap<(ChainId, u64), Vec<(EntryId, OrderKey)>>,
}

/// What is known of entries: the store, and what this turn adds to it.
struct Overlay<'a> {
    space: &'a Space,
    sequence: &'a BTreeMap<(ChainId, u64), Vec<(EntryId, OrderKey)>>,
}

impl Known for Overlay<'_> {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let mut found = self.space.stored_at(chain, seq);
        if let Some(new) = self.sequence.get(&(chain, seq)) {
            found.extend(new.iter().copied());
        }
        found
    }
}

/// What an entry came to.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// It is part of the history now, or was before.
    Known,
    /// It waits for another entry or a control item.
    Waiting,
    /// It is refused and set aside; the code says why.
    Refused(&'static str),
}

impl<'a> Turn<'a> {
    pub(crate) fn new(space: &'a mut Space) -> Self {
        Self {
            space,
            batch: Batch::default(),
            changed: Changed::default(),
            told: BTreeMap::new(),
            incoming: BTreeMap::new(),
            deleted: BTreeSet::new(),
            rebuild: false,
            space_keys: Vec::new(),
            ready: VecDeque::new(),
            waiting: BTreeMap::new(),
            accepted: BTreeMap::new(),
            sequence: BTreeMap::new(),
        }
    }

    /// Signs a payload as the next entry of the own chain, admits it and puts it into the outbox.
    pub(crate) fn write(
        &mut self,
        payload: &Payload,
        author: &Author<'_>,
        random: &mut dyn Random,
    ) -> Result<EntryId, Error> {
        let bytes = payload.encode(random);
        let head = self.space.log.head().ok_or(Error::Damaged { code: "control.none" })?;
        let slots = self.slots_at(head.idx);
        let header = Header::draft(
            &self.space.chains,
            self.space.me,
            &crate::entry::DraftContext {
                space: self.space.home.space,
                slots: &slots,
                control: (head.idx, head.op_id),
                now: author.now,
                kind: payload.kind(),
            },
            &bytes,
        )
        .map_err(|_| Error::Invalid { field: "text", rule: "text.long" })?;
        let entry = crate::entry::sign(header, bytes, self.space.home.space, author.keys);
        let id = entry.id;
        match self.admit(&entry)? {
            Admission::Accept(accepted) => self.accept(entry, *accepted, random)?,
            Admission::Duplicate | Admission::Wait(_) | Admission::Refuse(_) => {
                return Err(Error::Damaged { code: "entry.own" });
            }
        }
        self.enqueue(id, random)?;
        Ok(id)
    }

    /// Seals an accepted entry under the current epoch and puts it into the outbox.
    pub(crate) fn enqueue(&mut self, id: EntryId, random: &mut dyn Random) -> Result<(), Error> {
        let bytes = match self.accepted.get(&id) {
            Some(bytes) => bytes.clone(),
            None => {
                let row = self.space.shelf.get(Table::Entries, id.as_bytes())?;
                row.ok_or(Error::Damaged { code: "store.entry" })?.body.to_vec()
            }
        };
        let item = self.sealed(self.space.outbox_next, id, &bytes, random)?;
        self.space.outbox_next = self.space.outbox_next.saturating_add(1);
        item.put(&mut self.batch);
        Ok(())
    }

    /// Seals an item of the outbox again if its epoch is not the current one any more.
    pub(crate) fn reseal(&mut self, item: &OutboxItem, random: &mut dyn Random) -> Result<(), Error> {
        if item.epoch == self.space.log.epoch() {
            return Ok(());
        }
        let row = self.space.shelf.get(Table::Entries, item.entry.as_bytes())?;
        let bytes = row.ok_or(Error::Damaged { code: "store.entry" })?.body;
        let sealed = self.sealed(item.key, item.entry, &bytes, random)?;
        sealed.put(&mut self.batch);
        Ok(())
    }

    fn sealed(
        &self,
        key: u64,
        entry: EntryId,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<OutboxItem, Error> {
        let epoch = self.space.log.epoch();
        let class = self.space.entry_key(epoch).ok_or(Error::NotAllowed { rule: "wrap.bad" })?;
        let envelope = seal(&class, Class::Entry, epoch, &self.space.home, bytes, random)
            .map_err(|_| Error::Invalid { field: "text", rule: "text.long" })?;
        Ok(OutboxItem { key, epoch, entry, envelope })
    }

    /// Takes an entry that came from outside, and whatever waited for it.
    pub(crate) fn arrive(
        &mut self,
        entry: Unverified<Entry>,
        random: &mut dyn Random,
    ) -> Result<Arrival, Error> {
        let id = entry.peek().id;
        if self.accepted.contains_key(&id)
            || self.space.shelf.store().get(Table::Entries, id.as_bytes())?.is_some()
        {
            return Ok(Arrival::Known);
        }
        let verified = match self.verify(entry)? {
            Ok(verified) => verified,
            Err(Unproved::Control(idx, entry)) => {
                return self.wait(entry, Missing::Control { idx }, random);
            }
            Err(Unproved::Refused(error)) => return Ok(Arrival::Refused(error.code())),
        };
        match self.admit(&verified)? {
            Admission::Accept(accepted) => {
                self.accept(verified, *accepted, random)?;
                Ok(Arrival::Known)
            }
            Admission::Duplicate => Ok(Arrival::Known),
            Admission::Wait(missing) => {
                self.wait(Unverified::new(verified.into_inner()), missing, random)
            }
            Admission::Refuse(error) => Ok(Arrival::Refused(error.code())),
        }
    }

    /// The member table's slots at a control head.
    fn slots_at(&self, idx: u32) -> Vec<DeviceId> {
        self.space.log.table_at(idx).map(crate::membership::Table::slots).unwrap_or_default()
    }

    fn verify(&self, entry: Unverified<Entry>) -> Result<Result<Verified<Entry>, Unproved>, Error> {
        let (idx, op) = entry.peek().header.control;
        if !self.space.log.head_is_known(idx, &op) {
            return Ok(match self.space.log.head() {
                Some(head) if idx <= head.idx => Err(Unproved::Refused(EntryError::Author)),
                Some(_) | None => Err(Unproved::Control(idx, entry)),
            });
        }
        let device = entry.peek().header.chain.device;
        let member = self.space.log.table_at(idx).and_then(|table| table.device(device));
        let author = member.filter(|member| member.is_in()).map(|member| &member.device);
        Ok(Entry::verify(entry, author, self.space.home.space).map_err(Unproved::Refused))
    }

    fn admit(&self, entry: &Verified<Entry>) -> Result<Admission, Error> {
        let slots = self.slots_at(entry.header.control.0);
        let known = Overlay { space: self.space, sequence: &self.sequence };
        let context =
            AdmitContext { space: self.space.home.space, slots: &slots, known: &known };
        Ok(self.space.chains.admit(entry, &context))
    }

    /// Makes an entry part of the history: rows, chain, effects.
    fn accept(
        &mut self,
        entry: Verified<Entry>,
        accepted: Accepted,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (chain, seq, id) = (entry.header.chain, entry.header.seq, entry.id);
        let order = accepted.k.0.to_be_bytes();
        let bytes = entry.encode();
        let effective = self.take_effect(&entry, &accepted, random)?;
        let state = if effective { ENTRY_ACCEPTED } else { ENTRY_VOID };
        let place = Place::new(Table::Entries, id.as_bytes()).order(order).state(state);
        self.space.shelf.put(&mut self.batch, place, &bytes, random)?;
        let mut row = sequence_prefix(chain, seq).to_vec();
        row.extend_from_slice(id.as_bytes());
        Shelf::put_sealed(&mut self.batch, Place::new(Table::Sequence, &row).order(order), vec![]);
        let mut name = Writer::new();
        name.bytes(chain.device.as_bytes()).u16(chain.inc);
        let place = Place::new(Table::Chains, name.as_slice());
        self.space.shelf.put(&mut self.batch, place, &accepted.chain.encode(), random)?;
        for incident in &accepted.incidents {
            self.report(incident, random)?;
        }
        self.sequence.entry((chain, seq)).or_default().push((id, accepted.k));
        self.space.chains.apply(chain, accepted.chain);
        self.accepted.insert(id, bytes);
        self.changed.entries = self.changed.entries.saturating_add(1);
        self.ready.extend(self.space.room.release_entry(chain, seq));
        Ok(())
    }

    /// Puts an entry into the waiting room, or counts it there if its half is full.
    fn wait(
        &mut self,
        entry: Unverified<Entry>,
        missing: Missing,
        random: &mut dyn Random,
    ) -> Result<Arrival, Error> {
        let held = entry.peek();
        let (id, bytes) = (held.id, held.encode());
        let person = self.space.person_of(held.header.chain.device);
        let mine = person == Some(self.space.person);
        if self.space.room.contains(&id) {
            return Ok(Arrival::Waiting);
        }
        match self.space.room.insert(id, mine, bytes.len(), missing) {
            Ok(()) => {
                let place = Place::new(Table::Waiting, id.as_bytes()).state(u8::from(mine));
                self.space.shelf.put(&mut self.batch, place, &bytes, random)?;
                self.waiting.insert(id, bytes);
                Ok(Arrival::Waiting)
            }
            Err(_) => Ok(Arrival::Refused("room.full")),
        }
    }

    /// Lets entries go on that waited for control items, when more of them are folded.
    pub(crate) fn release_control(&mut self) {
        let next = self.space.log.next_idx();
        self.ready.extend(self.space.room.release_control(next));
    }

    /// Takes entries out of the waiting room until none of them can go on. A queue, not a recursion: the order and
    /// the number of what waits is the sender's choice.
    pub(crate) fn settle(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        while let Some(id) = self.ready.pop_front() {
            let bytes = match self.waiting.remove(&id) {
                Some(bytes) => bytes,
                None => match self.space.shelf.get(Table::Waiting, id.as_bytes())? {
                    Some(row) => row.body.to_vec(),
                    None => continue,
                },
            };
            self.batch.delete(Table::Waiting, id.as_bytes());
            let Ok(entry) = Entry::decode(self.space.home.space, &bytes) else { continue };
            if let Arrival::Refused(code) = self.arrive(entry, random)? {
                self.report(&Incident::refused(id, code), random)?;
            }
        }
        Ok(())
    }

    /// Writes an incident down, once.
    pub(crate) fn report(
        &mut self,
        incident: &Incident,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let bytes = incident.encode();
        let id = wire::hash::sha256(&[&bytes]);
        if self.space.shelf.store().get(Table::Incidents, &id)?.is_none() {
            self.changed.incidents = self.changed.incidents.saturating_add(1);
            let place = Place::new(Table::Incidents, &id);
            self.space.shelf.put(&mut self.batch, place, &bytes, random)?;
        }
        Ok(())
    }
}

/// Why an entry is not verified.
enum Unproved {
    /// The control item it names is not here yet.
    Control(u32, Unverified<Entry>),
    /// It is refused for good.
    Refused(EntryError),
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author<'a> {
    pub(crate) keys: &'a crate::crypto::DeviceKeys,
    pub(crate) now: wire::time::Timestamp,
}
