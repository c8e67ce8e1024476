//! One space of an unlocked vault: its control log, keys and chains, and the shelf it lies on.
//!
//! All of it is a cache of rows: [`Space::load`] makes it from the store alone, so memory is never the only truth.

use crate::client::error::Error;
use crate::client::space::card::SpaceKey;
use crate::client::space::doubt::InDoubt;
use crate::client::space::incarnation::Anew;
use crate::client::space::quarantine::put_rules;
use crate::client::space::relay::Position;
use crate::client::space::suspects::Trust;
use crate::client::vault::shelf::{OpenRow, Place, Shelf};
use crate::crypto::{ClassKey, EpochKey, Home, KemKey, Random};
use crate::entry::{
    Allowance, Chain, Chains, Entry, Incident, Missing, Overflow, Ticket, Waiting, WaitingRoom,
};
use crate::membership;
use crate::membership::{ControlLog, Keyring, Recipient, SpaceKind, Standing};
use crate::model::id::{ChainId, DeviceId, EntryId, OrderKey, PersonId, SpaceId};
use crate::store::{Batch, Direction, Table as Rows};
use std::collections::{BTreeMap, BTreeSet};
use wire::address::AddressLine;
use wire::codec::{DecodeError, Reader, Writer};
use wire::envelope::Class;
use wire::hash::item_hash;
use wire::id::{EnvelopeId, ItemHash, SpaceHandle, StoreId};

/// Meta rows by name.
pub(crate) const META_SPACE: &[u8] = b"space";

/// How many rows one read of a table takes, where each may be as large as an entry.
pub(crate) const FEW: usize = 8;

/// A space, unlocked.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Space {
    pub(crate) home: Home,
    pub(crate) kind: SpaceKind,
    pub(crate) person: PersonId,
    pub(crate) me: ChainId,
    pub(crate) shelf: Shelf,
    pub(crate) log: ControlLog,
    pub(crate) keyring: Keyring,
    pub(crate) chains: Chains,
    pub(crate) room: WaitingRoom,
    /// Entries that waited on disk and miss nothing any more.
    pub(crate) ready: Vec<EnvelopeId>,
    pub(crate) position: Position,
    /// The relay's database that held the same control log when last looked at.
    pub(crate) agreed: StoreId,
    /// Entries that the relay lost are on their way back.
    pub(crate) reseeding: bool,
    pub(crate) relay: Option<AddressLine>,
    /// Control items held here, folded or not.
    pub(crate) control_held: u32,
    /// The hash of the newest of them.
    pub(crate) control_head: ItemHash,
    pub(crate) outbox_next: u64,
    /// The day of this device's clock.
    pub(crate) today: u32,
    /// What each person sent today, and what of it was left at the relay.
    pub(crate) allowances: BTreeMap<PersonId, Allowance>,
    /// How far chains were pulled again because an own device names them.
    pub(crate) asked_for: BTreeMap<ChainId, u64>,
    /// Refused envelopes that are kept, and their bytes.
    pub(crate) refused: (u64, u64),
    /// Refused envelopes that are not.
    pub(crate) dropped: Option<Overflow>,
    /// What control items brought to light that were folded outside of the turn that stored them.
    pub(crate) found_in_items: Vec<Incident>,
    /// Entries over which a process died.
    pub(crate) suspects: BTreeMap<EntryId, Trust>,
    /// Whether this device's chain is its own alone.
    pub(crate) anew: Anew,
    /// Missing entries that nothing waits for any more.
    pub(crate) closed: BTreeSet<Missing>,
    /// Chains in doubt.
    pub(crate) doubts: BTreeMap<ChainId, InDoubt>,
    /// The outbox is no longer what the relay's link was given.
    pub(crate) outbox_moved: bool,
    /// Epochs whose keys are kept on the shelf.
    pub(crate) kept: BTreeSet<(u32, [u8; 32])>,
    /// In how many held items no wrap led to the keys.
    pub(crate) tried: usize,
    /// Its store is made anew in place of a damaged one: all is fetched first, and nothing is written.
    pub(crate) rebuilding: bool,
    /// What of the damaged one follows on what is here was told again.
    pub(crate) told_again: bool,
    /// There may be intents on the shelf: they need not be looked for at every turn.
    pub(crate) may_intend: bool,
}

/// Who loads a space: the device, its person and its key for wraps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loader<'a> {
    pub(crate) person: PersonId,
    pub(crate) device: DeviceId,
    pub(crate) kem: &'a KemKey,
}

impl<'a> Loader<'a> {
    pub(crate) fn recipient(&self) -> Recipient<'a> {
        Recipient { id: self.device.to_bytes(), kem: self.kem }
    }
}

impl Space {
    /// Writes down that a space lies on this shelf, before anything else is put there.
    pub(crate) fn found(
        shelf: &Shelf,
        batch: &mut Batch,
        home: Home,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let mut body = Writer::new();
        body.bytes(home.sid.as_bytes()).bytes(home.space.as_bytes());
        put_rules(batch);
        shelf.put(batch, Place::new(Rows::Meta, META_SPACE), body.as_slice(), random)
    }

    /// The space on this shelf, if there is one; else the shelf back.
    pub(crate) fn load(
        shelf: Shelf,
        kind: SpaceKind,
        loader: &Loader<'_>,
        mirrored: Vec<SpaceKey>,
    ) -> Result<Result<Self, Shelf>, Error> {
        let Some(meta) = shelf.get(Rows::Meta, META_SPACE)? else { return Ok(Err(shelf)) };
        let mut reader = Reader::new(&meta.body);
        let home = Home {
            sid: SpaceHandle::from_bytes(reader.array()?),
            space: SpaceId::from_bytes(reader.array()?),
        };
        reader.end()?;
        let mut space = Self {
            home,
            kind,
            person: loader.person,
            me: ChainId { device: loader.device, inc: 0 },
            log: ControlLog::new(home),
            keyring: Keyring::new(home.space),
            chains: Chains::default(),
            room: match kind {
                SpaceKind::Private => WaitingRoom::private(),
                SpaceKind::Shared => WaitingRoom::shared(),
            },
            ready: Vec::new(),
            position: Position::START,
            agreed: StoreId::ZERO,
            reseeding: false,
            relay: None,
            control_held: 0,
            control_head: ItemHash::ZERO,
            outbox_next: 0,
            today: 0,
            allowances: BTreeMap::new(),
            asked_for: BTreeMap::new(),
            refused: (0, 0),
            dropped: None,
            found_in_items: Vec::new(),
            suspects: BTreeMap::new(),
            anew: Anew::No,
            closed: BTreeSet::new(),
            doubts: BTreeMap::new(),
            outbox_moved: false,
            kept: BTreeSet::new(),
            tried: 0,
            rebuilding: false,
            told_again: false,
            may_intend: true,
            shelf,
        };
        for SpaceKey { epoch, key, .. } in
            mirrored.into_iter().filter(|key| key.space == home.space)
        {
            space.keyring.insert(epoch, key);
        }
        space.load_suspects()?;
        space.load_relay()?;
        space.load_outbox()?;
        space.load_damage()?;
        space.load_anew()?;
        space.load_keys()?;
        space.load_control(loader)?;
        space.load_chains()?;
        space.load_gaps()?;
        space.load_doubts()?;
        space.load_waiting()?;
        space.load_allowances()?;
        space.load_aside()?;
        Ok(Ok(space))
    }

    fn load_chains(&mut self) -> Result<(), Error> {
        for row in self.shelf.prefix(Rows::Chains, &[])? {
            let mut id = Reader::new(&row.id);
            let chain = ChainId { device: DeviceId::from_bytes(id.array()?), inc: id.u16()? };
            let value =
                Chain::decode(&row.body).map_err(|_| Error::Damaged { code: "store.chain" })?;
            self.chains.apply(chain, value);
        }
        Ok(())
    }

    /// Seats again who waits: what for is found by asking for what each names, in the order of their positions.
    fn load_waiting(&mut self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows =
                self.shelf.store().page(Rows::Waiting, after.take(), FEW, Direction::Ascending)?;
            let Some(last) = rows.last() else { break };
            after = Some((last.order, last.id.clone()));
            for row in rows {
                let row = self.shelf.open(Rows::Waiting, row)?;
                self.seat(&row);
            }
        }
        for row in self.shelf.prefix(Rows::Tickets, &[])? {
            let overflow = Overflow::decode(&row.body);
            self.room.restore(overflow.map_err(|_| Error::Damaged { code: "store.ticket" })?);
        }
        Ok(())
    }

    fn seat(&mut self, row: &OpenRow) {
        let Ok(entry) = Entry::decode(self.home.space, &row.body) else { return };
        let entry = entry.peek();
        let Some(id) = EnvelopeId::from_slice(&row.id) else { return };
        let missing = self.missing_control(entry.header.control);
        let Some(on) = missing.or_else(|| self.first_missing(entry)) else {
            self.ready.push(id);
            return;
        };
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let person = self.person_of(chain.device).unwrap_or(PersonId::ZERO);
        let (bytes, position) = (row.body.len(), row.position());
        self.room.insert(Waiting { id, person, bytes, at: (chain, seq), position, on });
    }

    /// The devices in slot order at a control head.
    pub(crate) fn slots_at(&self, (idx, op): (u32, [u8; 16])) -> Vec<DeviceId> {
        self.log.table_named(idx, &op).map(membership::Table::slots).unwrap_or_default()
    }

    /// For which control item to wait if that head is not known: the one that it is, or the next that may carry it.
    pub(crate) fn missing_control(&self, (idx, op): (u32, [u8; 16])) -> Option<Missing> {
        let known = self.log.table_named(idx, &op).is_some();
        (!known).then(|| Missing::Control { idx: idx.max(self.log.next_idx()) })
    }

    /// The first entry that a waiting one names and that is not stored, if there is one.
    fn first_missing(&self, entry: &Entry) -> Option<Missing> {
        let header = &entry.header;
        let before = header.seq.saturating_sub(1);
        let has = |chain, seq, id: &[u8]| {
            self.stored_at(chain, seq).iter().any(|(at, _)| at.as_bytes().starts_with(id))
        };
        if before > 0 && !has(header.chain, before, header.prev.as_bytes()) {
            return Some(Missing::entry(header.chain, before, header.prev));
        }
        let slots = self.slots_at(header.control);
        for item in &header.delta {
            let Some(device) = slots.get(usize::from(item.slot)) else { continue };
            let chain = ChainId { device: *device, inc: item.inc };
            let on = Missing::Entry { chain, seq: item.seq, id: item.id };
            if item.seq > 0 && !has(chain, item.seq, &item.id) && !self.closed.contains(&on) {
                return Some(on);
            }
        }
        None
    }

    /// All held control items, oldest first.
    pub(crate) fn control_items(&self) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.shelf.store().prefix(Rows::Control, &[])?.into_iter().map(|row| row.body).collect())
    }

    /// One held control item.
    pub(crate) fn control_item(&self, idx: u32) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.shelf.store().get(Rows::Control, &idx.to_be_bytes())?.map(|row| row.body))
    }

    /// Whether an item is the next of what is held, by what stands in it: an item that is not would lock the log.
    pub(crate) fn is_next_control(&self, item: &[u8]) -> bool {
        let mut reader = Reader::new(item);
        let mut parts = || -> Result<(u32, ItemHash), DecodeError> {
            reader.array::<4>()?;
            let idx = reader.u32()?;
            reader.array::<8>()?;
            Ok((idx, ItemHash::from_bytes(reader.array()?)))
        };
        parts() == Ok((self.control_held, self.control_head))
    }

    /// Puts a control item at the end of what is held.
    pub(crate) fn hold_control(&mut self, batch: &mut Batch, item: Vec<u8>) {
        let idx = self.control_held;
        self.control_head = item_hash(&item);
        self.control_held = idx.saturating_add(1);
        Shelf::put_sealed(batch, Place::new(Rows::Control, &idx.to_be_bytes()), item);
    }

    /// The keys for entries under an epoch that this device has: more than one if the log had branches.
    pub(crate) fn entry_keys(&self, epoch: u32) -> Vec<ClassKey> {
        let class = |key: &EpochKey| key.class_key(self.home.space, Class::Entry, epoch);
        self.keyring.all(epoch).map(class).collect()
    }

    /// Whether a key of an epoch may still come: none is here, or an op commits to one that is not, or the log is not
    /// read to its end.
    pub(crate) fn lacks_key(&self, epoch: u32) -> bool {
        let missing = |(of, kc): (u32, &[u8; 32])| {
            of == epoch && self.keyring.get_committed(epoch, kc).is_none()
        };
        self.keyring.get(epoch).is_none()
            || self.log.next_idx() != self.control_held
            || self.log.commitments().any(missing)
    }

    /// The key for entries under the present epoch, if this device has it.
    pub(crate) fn sealing_key(&self) -> Option<ClassKey> {
        let table = self.standing();
        let key = self.keyring.get_committed(table.epoch(), table.kc())?;
        Some(key.class_key(self.home.space, Class::Entry, table.epoch()))
    }

    /// Whether the key of the present epoch is here: with a wrap that does not open it is not.
    pub(crate) fn can_seal(&self) -> bool {
        self.sealing_key().is_some()
    }

    /// Whose device this is, by the newest member table.
    pub(crate) fn person_of(&self, device: DeviceId) -> Option<PersonId> {
        self.log.table().person_of(device)
    }

    /// Whether this device may write here.
    pub(crate) fn is_member(&self) -> bool {
        !self.rebuilding && self.is_in()
    }

    /// Whether this device is in, able to write or not.
    pub(crate) fn is_in(&self) -> bool {
        self.standing().device(self.me.device).is_some_and(|member| member.state == Standing::In)
    }

    /// Who is in where this device writes.
    pub(crate) fn standing(&self) -> &membership::Table {
        self.log.standing().map_or(self.log.table(), |(_, table)| table)
    }

    /// # Errors
    /// [`Error::NotAllowed`] while this device is not in yet, or not any more.
    pub(crate) fn must_be_member(&self) -> Result<(), Error> {
        if self.rebuilding {
            return Err(Error::NotAllowed { rule: "store.rebuilding" });
        }
        if self.is_member() { Ok(()) } else { Err(Error::NotAllowed { rule: "device.waiting" }) }
    }

    /// Whether this device founded the space, or was there when it was founded.
    pub(crate) fn is_founder(&self) -> bool {
        self.log.genesis().is_some_and(|genesis| {
            let mut devices = genesis.persons.iter().flat_map(|person| &person.devices);
            devices.any(|device| device.id() == self.me.device)
        })
    }

    /// The stored entries at one place of a chain.
    pub(crate) fn stored_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let rows = self.shelf.store().prefix(Rows::Places, &place_prefix(chain, seq));
        rows.unwrap_or_default()
            .iter()
            .filter_map(|row| {
                let id = row.id.get(26..).and_then(EntryId::from_slice)?;
                Some((id, OrderKey(u128::from_be_bytes(row.order))))
            })
            .collect()
    }

    /// Takes tickets away whose entries all came in the meantime.
    pub(crate) fn close_tickets(&mut self) -> Result<(), Error> {
        let full = |ticket: &Ticket| matches!(ticket, Ticket::Overflow(_));
        if self.room.tickets().iter().any(full) || self.shelf.store().count(Rows::Tickets)? == 0 {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.clear(Rows::Tickets);
        self.shelf.commit(batch)
    }
}

/// The row id prefix of all entries at one place of a chain.
fn place_prefix(chain: ChainId, seq: u64) -> Vec<u8> {
    let mut row = Writer::with_capacity(58);
    row.bytes(chain.device.as_bytes()).u16(chain.inc).u64(seq);
    row.into_bytes()
}

/// The row id of an entry at its place.
pub(crate) fn place_row(chain: ChainId, seq: u64, id: EntryId) -> Vec<u8> {
    let mut row = place_prefix(chain, seq);
    row.extend_from_slice(id.as_bytes());
    row
}
