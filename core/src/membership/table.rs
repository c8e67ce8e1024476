//! The member table: who is in, with which devices, under which epoch. Its hash is signed by every op.

use super::action::{
    AddDevice, Genesis, GenesisPerson, JoinSpace, NewIncarnation, RemoveDevice, SpaceKind,
};
use crate::crypto::{Device, Home, Recovery, VerifyKey};
use crate::model::id::{DeviceId, DocumentId, EntryId, PersonId, RecoveryId, SpaceId};
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::codec::Writer;
use wire::hash;
use wire::id::{PrincipalKey, RelayId, SpaceHandle};
use wire::limit::{DEVICES_PER_PERSON_EVER_MAX, DEVICES_PER_PERSON_MAX};

/// Shared spaces that one private log pins: far more than a life needs, and a bound on the table.
pub(super) const SPACES_JOINED_MAX: usize = 64;

/// Whether a device may still write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member.
    In,
    /// Removed: it keeps its slot.
    Out,
}

/// The last entry of a chain that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Of which incarnation.
    pub inc: u16,
    /// The last number.
    pub seq: u64,
    /// The last entry.
    pub entry: EntryId,
}

/// One device in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Whose it is.
    pub person: PersonId,
    /// Its keys.
    pub device: Device,
    /// Its place in the order of admission, never reused.
    pub slot: u16,
    /// Its incarnation.
    pub inc: u16,
    /// Whether it is in.
    pub state: Standing,
    /// Where its words end, if they do.
    pub cut: Option<Cut>,
}

/// One person in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// The public half of their recovery phrase.
    pub recovery: Recovery,
    /// The key that signs in to the relay.
    pub acc: PrincipalKey,
    /// The key for deciding things at the relay.
    pub adm: PrincipalKey,
    /// By slot, removed ones too.
    pub devices: Vec<Member>,
}

impl Person {
    /// How many devices are in now.
    pub fn devices_in(&self) -> usize {
        self.devices.iter().filter(|member| member.state == Standing::In).count()
    }
}

/// Who is in, after one op of the log. Tables of neighbouring ops share what did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    kind: SpaceKind,
    sid: SpaceHandle,
    relay: RelayId,
    address: Arc<str>,
    persons: Vec<Arc<Person>>,
    epoch: u32,
    kc: [u8; 32],
    spaces: Arc<Vec<JoinSpace>>,
    dropped: Arc<Vec<DocumentId>>,
}

impl Table {
    /// Before any Genesis: nobody is in.
    pub fn empty(home: Home) -> Self {
        Self {
            kind: SpaceKind::Private,
            sid: home.sid,
            relay: RelayId::ZERO,
            address: Arc::from(""),
            persons: Vec::new(),
            epoch: 0,
            kc: [0; 32],
            spaces: Arc::default(),
            dropped: Arc::default(),
        }
    }

    /// The table that a Genesis makes, before any rule has judged it.
    pub(super) fn founded(genesis: &Genesis, kc: [u8; 32]) -> Self {
        let mut slot = 0;
        let persons = genesis.persons.iter().map(|it| Arc::new(found_person(it, &mut slot)));
        Self {
            kind: genesis.kind,
            sid: genesis.sid,
            relay: genesis.relay,
            address: Arc::from(genesis.address.as_str()),
            persons: persons.collect(),
            epoch: 0,
            kc,
            spaces: Arc::default(),
            dropped: Arc::default(),
        }
    }

    /// Admits a device at the next slot; nothing happens if the person is unknown.
    pub(super) fn admit(&mut self, add: &AddDevice) {
        let Ok(slot) = u16::try_from(self.members().count()) else { return };
        if let Some(person) = self.persons.iter_mut().find(|person| person.id == add.person) {
            let member = new_member(add.person, &add.device, slot);
            Arc::make_mut(person).devices.push(member);
        }
    }

    /// Ends a device's chain and lets the next incarnation follow.
    pub(super) fn begin_anew(&mut self, anew: NewIncarnation) {
        for person in &mut self.persons {
            if !person.devices.iter().any(|member| member.device.id() == anew.device) {
                continue;
            }
            for member in &mut Arc::make_mut(person).devices {
                if member.device.id() == anew.device {
                    member.inc = anew.old.saturating_add(1);
                    member.cut = Some(Cut { inc: anew.old, seq: anew.seq, entry: anew.entry });
                }
            }
        }
    }

    /// Cuts a device off. Whoever is out stays out, with the first end that was set.
    pub(super) fn remove(&mut self, removal: &RemoveDevice) {
        for person in &mut self.persons {
            let is_it = |member: &Member| {
                member.device.id() == removal.device && member.state == Standing::In
            };
            if !person.devices.iter().any(is_it) {
                continue;
            }
            for member in Arc::make_mut(person).devices.iter_mut().filter(|member| is_it(member)) {
                (member.state, member.cut) = (Standing::Out, Some(removal.cut));
            }
        }
    }

    /// Moves to the next epoch.
    pub(super) fn rekey(&mut self, epoch: u32, kc: [u8; 32]) {
        self.epoch = epoch;
        self.kc = kc;
    }

    /// Pins a shared space.
    pub(super) fn join(&mut self, join: &JoinSpace) {
        Arc::make_mut(&mut self.spaces).push(join.clone());
    }

    /// This table with what only another one of the same space has: who is out there is out, who was admitted there
    /// is admitted behind all who are in here; for whom there is no room is out.
    pub(super) fn united(&self, other: &Self) -> Self {
        let mut table = self.clone();
        let mut members: Vec<&Member> = other.members().collect();
        members.sort_unstable_by_key(|member| member.slot);
        for member in members {
            if table.device(member.device.id()).is_none() {
                table.admit_again(member);
            } else {
                table.follow(member);
            }
        }
        for space in other.spaces() {
            let known = |it: &JoinSpace| it.space == space.space || it.sid == space.sid;
            if !table.spaces().iter().any(known) && table.spaces().len() < SPACES_JOINED_MAX {
                table.join(space);
            }
        }
        table
    }

    fn admit_again(&mut self, member: &Member) {
        let person = self.person(member.person);
        let has_room = person.is_some_and(|person| {
            person.devices_in() < DEVICES_PER_PERSON_MAX
                && person.devices.len() < DEVICES_PER_PERSON_EVER_MAX
        });
        let (person, device) = (member.person, member.device.clone());
        self.admit(&AddDevice { person, device, th: [0; 32] });
        // What it wrote is there, and must be nameable: so it gets its slot in any case.
        let state = if has_room { member.state } else { Standing::Out };
        self.follow(&Member { state, ..member.clone() });
    }

    /// Takes over that a device is out, or goes on under a later incarnation.
    fn follow(&mut self, member: &Member) {
        let Some(person) = self.persons.iter_mut().find(|it| it.id == member.person) else {
            return;
        };
        let devices = &mut Arc::make_mut(person).devices;
        let here = devices.iter_mut().find(|it| it.device.id() == member.device.id());
        let Some(here) = here else { return };
        if member.inc > here.inc {
            (here.inc, here.cut) = (member.inc, member.cut);
        }
        if member.state == Standing::Out && here.state == Standing::In {
            (here.state, here.cut) = (member.state, member.cut);
        }
    }

    /// Whether a Genesis holds.
    pub fn is_founded(&self) -> bool {
        !self.persons.is_empty()
    }

    /// One person's or both's.
    pub fn kind(&self) -> SpaceKind {
        self.kind
    }

    /// The name that the relay knows.
    pub fn sid(&self) -> SpaceHandle {
        self.sid
    }

    /// The relay named by the Genesis; zero if there was none.
    pub fn relay(&self) -> RelayId {
        self.relay
    }

    /// Where that relay listens; empty if there was none.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The commitment to the epoch's key.
    pub fn kc(&self) -> &[u8; 32] {
        &self.kc
    }

    /// The persons, in the order of the Genesis.
    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.persons.iter().map(|person| &**person)
    }

    /// One person.
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.persons().find(|person| person.id == id)
    }

    /// The person with this recovery phrase.
    pub fn person_by_recovery(&self, id: RecoveryId) -> Option<&Person> {
        self.persons().find(|person| person.recovery.id() == id)
    }

    /// All devices, removed ones too, person by person.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.persons().flat_map(|person| &person.devices)
    }

    /// One device, removed or not.
    pub fn device(&self, id: DeviceId) -> Option<&Member> {
        self.members().find(|member| member.device.id() == id)
    }

    /// The device at a slot, removed or not.
    pub fn device_at(&self, slot: u16) -> Option<&Member> {
        self.members().find(|member| member.slot == slot)
    }

    /// The slot of a device, removed or not.
    pub fn slot_of(&self, id: DeviceId) -> Option<u16> {
        self.device(id).map(|member| member.slot)
    }

    /// Whose a device is.
    pub fn person_of(&self, id: DeviceId) -> Option<PersonId> {
        self.device(id).map(|member| member.person)
    }

    /// All devices by slot, removed ones too: what a slot in an entry stands for.
    pub fn slots(&self) -> Vec<DeviceId> {
        let mut members: Vec<_> =
            self.members().map(|member| (member.slot, member.device.id())).collect();
        members.sort_unstable();
        members.into_iter().map(|(_, id)| id).collect()
    }

    /// The shared spaces that this private log pins, in order.
    pub fn spaces(&self) -> &[JoinSpace] {
        &self.spaces
    }

    /// Documents that both agreed to drop.
    pub fn dropped(&self) -> &[DocumentId] {
        &self.dropped
    }

    /// Who gets the key of a new epoch: devices that are in, and recovery phrases.
    pub fn recipients(&self) -> BTreeSet<[u8; 16]> {
        let is_in = |member: &&Member| member.state == Standing::In;
        let devices = self.members().filter(is_in).map(|member| member.device.id().to_bytes());
        let phrases = self.persons().map(|person| person.recovery.id().to_bytes());
        devices.chain(phrases).collect()
    }

    /// Every signing key that the space has seen, as often as it occurs.
    pub(super) fn signing_keys(&self) -> Vec<VerifyKey> {
        let devices = self.members().flat_map(|it| [it.device.voice, it.device.seat]);
        devices.chain(self.persons().map(|person| person.recovery.sign)).collect()
    }

    /// What an op signs as the state after it.
    pub fn hash(&self, space: SpaceId) -> [u8; 32] {
        hash::hash(hash::STATE, &[space.as_bytes(), &self.encode()])
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(self.kind.number()).bytes(self.sid.as_bytes()).bytes(self.relay.as_bytes());
        writer.var(self.address.as_bytes()).count8(self.persons.len());
        for person in self.persons() {
            writer.bytes(person.id.as_bytes());
            person.recovery.encode(&mut writer);
            writer.bytes(person.acc.as_bytes()).bytes(person.adm.as_bytes());
            writer.count8(person.devices.len());
            for member in &person.devices {
                encode_member(member, &mut writer);
            }
        }
        writer.u32(self.epoch).bytes(&self.kc).count16(self.spaces.len());
        for space in self.spaces() {
            space.encode(&mut writer);
        }
        writer.count16(self.dropped.len());
        for document in self.dropped() {
            writer.bytes(document.as_bytes());
        }
        writer.into_bytes()
    }
}

fn encode_member(member: &Member, writer: &mut Writer) {
    let state = match member.state {
        Standing::In => 1,
        Standing::Out => 2,
    };
    let cut = member.cut.unwrap_or(Cut { inc: 0, seq: 0, entry: EntryId::ZERO });
    writer.u16(member.slot).u16(member.inc).u8(state);
    writer.u16(cut.inc).u64(cut.seq).bytes(cut.entry.as_bytes());
    member.device.encode(writer);
}

fn found_person(person: &GenesisPerson, slot: &mut u16) -> Person {
    let mut devices = Vec::with_capacity(person.devices.len());
    for device in &person.devices {
        devices.push(new_member(person.person, device, *slot));
        *slot = slot.saturating_add(1);
    }
    Person {
        id: person.person,
        recovery: person.recovery.clone(),
        acc: person.acc,
        adm: person.adm,
        devices,
    }
}

fn new_member(person: PersonId, device: &Device, slot: u16) -> Member {
    Member { person, device: device.clone(), slot, inc: 0, state: Standing::In, cut: None }
}
