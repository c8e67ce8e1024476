//! One turn of one space: all that one command or one delivery changes, gathered and committed as one transaction.
//!
//! ```text
//! entry --admit--> chain, place, entry row --effects--> told events, document changes
//! close: documents merge, touched records fold, list rows are written, one commit
//! ```
//!
//! A turn that is dropped has changed memory and not the disk: its space must be loaded again.

use crate::client::error::Error;
use crate::client::space::card::SpaceKey;
use crate::client::space::outbox::OutboxItem;
use crate::client::space::overlay::{Added, Overlay};
use crate::client::space::state::{Space, place_row};
use crate::client::turn::withdraw::chain_row;
use crate::client::vault::shelf::{OpenRow, Place, Shelf};
use crate::crypto::{DeviceKeys, Random, Unverified, Verified, seal};
use crate::document::Incoming;
use crate::entry;
use crate::entry::{
    Accepted, Admission, AdmitContext, DraftContext, Entry, EntryError, Frontier, Known, Missing,
    Payload, Waiting, decode_frontier, encode_frontier, sign,
};
use crate::membership::Standing;
use crate::model::Told;
use crate::model::id::{ChainId, DocumentId, EntryId, PersonId, RecordId};
use crate::store::{Batch, Table};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::codec::{Reader, Writer};
use wire::hash::envelope_id;
use wire::id::EnvelopeId;
use wire::time::Timestamp;

/// How much one turn gathers before it is committed: what it holds is held several times, as read, as it takes effect
/// and as it is written.
const TURN_BYTES: usize = 4 * 1_024 * 1_024;

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
    /// Entries that are more than their author may send in a day: they stay at the relay until tomorrow, or until this
    /// person takes all.
    pub left: usize,
}

impl Changed {
    /// Takes in what a further turn changed.
    pub(crate) fn join(&mut self, other: Self) {
        self.records.extend(other.records);
        self.documents.extend(other.documents);
        self.entries = self.entries.saturating_add(other.entries);
        self.incidents = self.incidents.saturating_add(other.incidents);
        self.left = self.left.saturating_add(other.left);
    }
}

/// The gathering of one turn. Not printable: it holds what persons wrote.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Turn<'a> {
    pub(crate) space: &'a mut Space,
    pub(crate) batch: Batch,
    pub(crate) changed: Changed,
    pub(crate) told: BTreeMap<RecordId, Vec<Told>>,
    pub(crate) incoming: BTreeMap<DocumentId, Vec<(u8, Incoming)>>,
    pub(crate) deleted: BTreeSet<DocumentId>,
    pub(crate) rebuild: bool,
    pub(crate) space_keys: Vec<SpaceKey>,
    pub(crate) ready: VecDeque<EnvelopeId>,
    /// Envelopes of this turn that wait for a key.
    pub(crate) parked: u64,
    /// Documents that are made again from all their entries.
    pub(crate) anew: BTreeSet<DocumentId>,
    /// What goes on now waited here, within the bounds of the waiting room.
    pub(crate) settling: bool,
    /// What a damaged store held is told: what would have to wait is left where it is.
    pub(crate) telling: bool,
    /// Whose allowance changed.
    pub(crate) spent: BTreeSet<PersonId>,
    /// What own devices need of entries that may be left at the relay; none as long as nobody asked.
    pub(crate) needed: Option<BTreeMap<ChainId, u64>>,
    /// Incidents that are only counted.
    pub(crate) unlisted: u32,
    weight: usize,
    /// The poison mark is set.
    pub(crate) marked: bool,
    /// Suspects that did no harm.
    pub(crate) acquitted: Vec<EntryId>,
    /// An entry came that this device signed and did not hold.
    pub(crate) own_elsewhere: bool,
    /// Chains in doubt of which an accepted entry speaks.
    pub(crate) heard_of: BTreeSet<ChainId>,
    /// Entries that the relay is known to hold since this turn.
    pub(crate) placed: BTreeSet<EntryId>,
    waiting: BTreeMap<EnvelopeId, Vec<u8>>,
    accepted: BTreeMap<EntryId, Vec<u8>>,
    added: Added,
}

/// How an entry came: in which envelope, at which position of the relay's log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) envelope: EnvelopeId,
    pub(crate) position: u64,
}

/// What an entry came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is part of the history now, or was before.
    Known,
    /// It waits for another entry or a control item, here or, if there is no room, at the relay.
    Waiting,
    /// It is refused and its envelope is set aside.
    Refused(EntryError),
}

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author<'a> {
    pub(crate) keys: &'a DeviceKeys,
    pub(crate) now: Timestamp,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(space: &'a mut Space) -> Self {
        let ready = core::mem::take(&mut space.ready).into();
        Self {
            space,
            batch: Batch::new(),
            changed: Changed::default(),
            told: BTreeMap::new(),
            incoming: BTreeMap::new(),
            deleted: BTreeSet::new(),
            rebuild: false,
            space_keys: Vec::new(),
            ready,
            anew: BTreeSet::new(),
            settling: false,
            telling: false,
            spent: BTreeSet::new(),
            needed: None,
            unlisted: 0,
            weight: 0,
            parked: 0,
            marked: false,
            acquitted: Vec::new(),
            own_elsewhere: false,
            heard_of: BTreeSet::new(),
            placed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            accepted: BTreeMap::new(),
            added: Added::default(),
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
        let standing = self.space.log.standing();
        let (head, table) = standing.ok_or(Error::Damaged { code: "control.none" })?;
        let slots = table.slots();
        let context = DraftContext {
            space: self.space.home.space,
            slots: &slots,
            control: (head.idx, head.op),
            now_ms: author.now.as_millis(),
            kind: payload.kind(),
            payload: &bytes,
        };
        let header = self.space.chains.draft(self.space.me, &context)?;
        let entry = sign(header, bytes.clone(), self.space.home.space, author.keys);
        let id = entry.id;
        match self.admit(&entry) {
            Admission::Accept(accepted) => self.accept(entry, *accepted, None, random)?,
            Admission::Duplicate | Admission::Wait(_) | Admission::Refuse(_) => {
                return Err(Error::Damaged { code: "entry.own" });
            }
        }
        self.spend_own(payload.kind(), &bytes);
        self.enqueue(id, random)?;
        Ok(id)
    }

    /// Seals an accepted entry under the current epoch and puts it into the outbox.
    pub(crate) fn enqueue(&mut self, id: EntryId, random: &mut dyn Random) -> Result<(), Error> {
        let bytes = match self.accepted.get(&id) {
            Some(bytes) => bytes.clone(),
            None => self.space.entry_bytes(id)?,
        };
        let item = self.sealed(self.space.outbox_next, id, &bytes, random)?;
        self.space.outbox_next = self.space.outbox_next.saturating_add(1);
        item.put(&mut self.batch);
        Ok(())
    }

    /// Seals an item of the outbox again if its epoch is not the current one any more.
    pub(crate) fn reseal(
        &mut self,
        item: &OutboxItem,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if item.epoch != self.space.standing().epoch() {
            let bytes = self.space.entry_bytes(item.entry)?;
            let sealed = self.sealed(item.key, item.entry, &bytes, random)?;
            sealed.put(&mut self.batch);
        }
        Ok(())
    }

    fn sealed(
        &self,
        key: u64,
        entry: EntryId,
        bytes: &[u8],
        random: &mut dyn Random,
    ) -> Result<OutboxItem, Error> {
        let epoch = self.space.standing().epoch();
        let class = self.space.sealing_key().ok_or(Error::NotAllowed { rule: "wrap.bad" })?;
        let envelope = seal(&class, &self.space.home, bytes, random)
            .map_err(|_| Error::Invalid { field: "text", rule: "text.long" })?;
        Ok(OutboxItem { key, epoch, entry, envelope })
    }

    /// Takes an entry that came from outside.
    pub(crate) fn arrive(
        &mut self,
        entry: Unverified<Entry>,
        origin: Origin,
        random: &mut dyn Random,
    ) -> Result<Arrival, Error> {
        let id = entry.peek().id;
        if self.accepted.contains_key(&id) || self.space.has_entry(id)? {
            return Ok(Arrival::Known);
        }
        let (idx, op) = entry.peek().header.control;
        let Some(table) = self.space.log.table_named(idx, &op) else {
            return self.wait_for_control(entry, origin, random);
        };
        let chain = entry.peek().header.chain;
        // What is accepted must have a slot under which this device can name it.
        if self.space.standing().device(chain.device).is_none()
            && table.device(chain.device).is_some()
        {
            return self.wait_for_control(entry, origin, random);
        }
        let member = table.device(chain.device);
        let author =
            member.filter(|member| member.state == Standing::In && member.inc == chain.inc);
        let author = author.map(|member| &member.device);
        let verified = match Entry::verify(entry, author, self.space.home.space) {
            Ok(verified) => verified,
            Err(error) => return Ok(Arrival::Refused(error)),
        };
        self.own_elsewhere |= chain == self.space.me && !self.space.rebuilding;
        match self.admit(&verified) {
            Admission::Accept(_) if self.is_too_much(&verified, origin, random)? => {
                Ok(Arrival::Waiting)
            }
            Admission::Accept(accepted) => {
                self.accept(verified, *accepted, Some(origin), random)?;
                Ok(Arrival::Known)
            }
            Admission::Duplicate => Ok(Arrival::Known),
            Admission::Wait(missing) => self.wait(&verified, missing, origin, random),
            Admission::Refuse(error) => Ok(Arrival::Refused(error)),
        }
    }

    /// Seats an entry whose control head is not known here yet: it comes with a later item, as itself or on a branch
    /// that one carries. Of a device that is known its signature must hold, so
    /// that nobody fills another person's half of the room in their name.
    fn wait_for_control(
        &mut self,
        entry: Unverified<Entry>,
        origin: Origin,
        random: &mut dyn Random,
    ) -> Result<Arrival, Error> {
        let (idx, _) = entry.peek().header.control;
        let missing = Missing::Control { idx: idx.max(self.space.log.next_idx()) };
        let device = entry.peek().header.chain.device;
        let known = self.space.log.table().device(device).map(|member| member.device.clone());
        let Some(known) = known else { return self.wait(entry.peek(), missing, origin, random) };
        match Entry::verify(entry, Some(&known), self.space.home.space) {
            Ok(entry) => self.wait(&entry, missing, origin, random),
            Err(error) => Ok(Arrival::Refused(error)),
        }
    }

    fn admit(&self, entry: &Verified<Entry>) -> Admission {
        let slots = self.space.slots_at(entry.header.control);
        let known = Overlay { space: self.space, added: &self.added };
        let space = self.space.home.space;
        let closed = &self.space.closed;
        let context =
            AdmitContext { space, slots: &slots, control_known: true, known: &known, closed };
        self.space.chains.admit(entry, &context)
    }

    /// Makes an entry part of the history: rows, chain, effects, and its place at the relay if it came from there.
    fn accept(
        &mut self,
        entry: Verified<Entry>,
        accepted: Accepted,
        origin: Option<Origin>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (chain, seq, id) = (entry.header.chain, entry.header.seq, entry.id);
        let order = accepted.k.0.to_be_bytes();
        let bytes = entry.encode();
        self.listen(&entry);
        self.take_effect(&entry, &accepted, origin, random)?;
        let place = Place::new(Table::Entries, id.as_bytes()).order(order);
        self.space.shelf.put(&mut self.batch, place, &bytes, random)?;
        let mut seen = Writer::new();
        encode_frontier(&mut seen, &accepted.seen);
        let row = place_row(chain, seq, id);
        let place = Place::new(Table::Places, &row).order(order);
        self.space.shelf.put(&mut self.batch, place, seen.as_slice(), random)?;
        let name = chain_row(chain);
        let place = Place::new(Table::Chains, &name);
        self.space.shelf.put(&mut self.batch, place, &accepted.chain.encode(), random)?;
        for incident in &accepted.incidents {
            self.report(incident, random)?;
        }
        if let Some(origin) = origin {
            self.place_at_relay(id, origin.position);
        }
        let added = self.added.0.entry((chain, seq)).or_default();
        added.push((id, accepted.k, accepted.seen));
        self.space.chains.apply(chain, accepted.chain);
        self.accepted.insert(id, bytes);
        self.changed.entries = self.changed.entries.saturating_add(1);
        self.weigh(self.accepted.get(&id).map_or(0, Vec::len));
        let freed = self.space.room.release(Missing::entry(chain, seq, id));
        self.ready.extend(freed);
        Ok(())
    }

    /// Puts an entry into the waiting room; if its half is full, the relay's copy is pulled again later.
    fn wait(
        &mut self,
        entry: &Entry,
        on: Missing,
        origin: Origin,
        random: &mut dyn Random,
    ) -> Result<Arrival, Error> {
        if self.telling {
            return Ok(Arrival::Waiting);
        }
        let bytes = entry.encode();
        let person = self.space.person_of(entry.header.chain.device).unwrap_or(PersonId::ZERO);
        let Origin { envelope, position } = origin;
        let at = (entry.header.chain, entry.header.seq);
        let waiting = Waiting { id: envelope, person, bytes: bytes.len(), at, position, on };
        match self.space.room.insert(waiting) {
            entry::Place::Kept => {
                let place = Place::new(Table::Waiting, envelope.as_bytes())
                    .order(u128::from(position).to_be_bytes());
                self.space.shelf.put(&mut self.batch, place, &bytes, random)?;
                self.weigh(bytes.len());
                self.needed = None;
                self.waiting.insert(envelope, bytes);
            }
            entry::Place::Full(overflow) => self.ticket(overflow, random)?,
        }
        Ok(Arrival::Waiting)
    }

    /// Lets entries go on that waited for control items, when more of them are folded.
    pub(crate) fn release_control(&mut self, from: u32) {
        for idx in from..self.space.log.next_idx() {
            self.ready.extend(self.space.room.release(Missing::Control { idx }));
        }
    }

    /// Takes entries out of the waiting room until none of them can go on, or this turn holds enough. A queue, not a
    /// recursion: the order and the number of what waits is the sender's choice.
    pub(crate) fn settle(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        while !self.is_heavy() {
            let Some(envelope) = self.ready.pop_front() else { break };
            let row = self.space.shelf.get(Table::Waiting, envelope.as_bytes())?;
            let position = row.as_ref().map_or(0, OpenRow::position);
            let bytes = match self.waiting.remove(&envelope) {
                Some(bytes) => bytes,
                None => match row {
                    Some(row) => row.body.to_vec(),
                    None => continue,
                },
            };
            self.batch.delete(Table::Waiting, envelope.as_bytes());
            self.go_on_with(Origin { envelope, position }, bytes, random)?;
        }
        Ok(())
    }

    /// An entry that was kept here is asked again.
    pub(crate) fn go_on_with(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Ok(entry) = Entry::decode(self.space.home.space, &bytes) else { return Ok(()) };
        let id = entry.peek().id;
        self.settling = true;
        let arrival = self.arrive(entry, origin, random);
        self.settling = false;
        match arrival? {
            Arrival::Known => self.place_at_relay(id, origin.position),
            Arrival::Waiting => {}
            Arrival::Refused(error) => self.refused_entry(origin, &bytes, error, random)?,
        }
        Ok(())
    }

    /// Something more is held in memory until the commit.
    pub(crate) const fn weigh(&mut self, bytes: usize) {
        self.weight = self.weight.saturating_add(bytes);
    }

    /// Whether this turn holds enough: it is closed, and another one goes on.
    pub(crate) const fn is_heavy(&self) -> bool {
        self.weight >= TURN_BYTES
    }

    /// The entries that this turn adds, in causal order.
    pub(crate) fn added_entries(&self) -> Vec<Entry> {
        let added = self.added.0.values().flatten();
        let mut order: Vec<_> = added.map(|(id, k, _)| (*k, *id)).collect();
        order.sort_unstable();
        let bytes = order.iter().filter_map(|(_, id)| self.accepted.get(id));
        let space = self.space.home.space;
        bytes
            .filter_map(|bytes| Entry::decode(space, bytes).ok().map(|it| it.peek().clone()))
            .collect()
    }

    /// What the author of an accepted entry had seen, stored or added by this turn.
    pub(crate) fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        Overlay { space: self.space, added: &self.added }.seen_by(chain, seq, id)
    }

    /// The accepted entries at a place, stored or added by this turn.
    pub(crate) fn known_at(&self, chain: ChainId, seq: u64) -> Vec<EntryId> {
        let known = Overlay { space: self.space, added: &self.added };
        known.entries_at(chain, seq).into_iter().map(|(id, _)| id).collect()
    }

    /// The relay holds this entry at a position; at 0 it is not known to.
    pub(crate) fn place_at_relay(&mut self, id: EntryId, position: u64) {
        if position == 0 {
            return;
        }
        self.placed.insert(id);
        let place = Place::new(Table::Positions, id.as_bytes());
        Shelf::put_sealed(&mut self.batch, place, position.to_be_bytes().to_vec());
    }
}

impl Space {
    /// What the author of a stored entry had seen.
    pub(crate) fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        let row = self.shelf.get(Table::Places, &place_row(chain, seq, id)).ok().flatten();
        row.and_then(|row| decode_frontier(&mut Reader::new(&row.body)).ok()).unwrap_or_default()
    }

    pub(crate) fn has_entry(&self, id: EntryId) -> Result<bool, Error> {
        Ok(self.shelf.store().get(Table::Entries, id.as_bytes())?.is_some())
    }

    /// A stored entry, as signed.
    pub(crate) fn entry_bytes(&self, id: EntryId) -> Result<Vec<u8>, Error> {
        let row = self.shelf.get(Table::Entries, id.as_bytes())?;
        Ok(row.ok_or(Error::Damaged { code: "store.entry" })?.body.to_vec())
    }
}

/// The origin of an envelope at a position.
pub(crate) fn origin_of(envelope: &[u8], position: u64) -> Origin {
    Origin { envelope: envelope_id(envelope), position }
}
