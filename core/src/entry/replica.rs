//! For tests: devices that write, forget, clone themselves and exchange entries in any order.

use std::collections::{BTreeMap, BTreeSet};

use wire::hash;
use wire::id::EnvelopeId;

use super::admit::{Accepted, Admission, AdmitContext, Known, Missing};
use super::chain::Chains;
use super::draft::DraftContext;
use super::frontier::Frontier;
use super::incident::Incident;
use super::payload::Payload;
use super::signed::{Entry, sign};
use super::waiting::{Place, Waiting, WaitingRoom};
use crate::crypto::{DeviceKeys, Random, Verified};
use crate::model::id::{ChainId, DeviceId, EntryId, OpId, OrderKey, PersonId, SpaceId};

pub(super) const SPACE: SpaceId = SpaceId::from_bytes([7; 16]);
pub(super) const OP: OpId = OpId::from_bytes([8; 32]);

/// A stream of bytes from a seed.
pub(super) struct Seeded(pub(super) u64);

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = hash::sha256(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Keys of the devices of one space, in order of admission.
pub(super) struct World {
    pub(super) keys: Vec<DeviceKeys>,
    pub(super) slots: Vec<DeviceId>,
}

impl World {
    pub(super) fn new(devices: u64) -> Self {
        let keys: Vec<_> =
            (0..devices).map(|n| DeviceKeys::generate(&mut Seeded(n << 32))).collect();
        let slots = keys.iter().map(DeviceKeys::id).collect();
        Self { keys, slots }
    }

    pub(super) fn chain(&self, device: usize) -> ChainId {
        ChainId { device: self.slots[device], inc: 0 }
    }

    pub(super) fn person(&self, chain: ChainId) -> PersonId {
        let slot = self.slots.iter().position(|device| *device == chain.device).unwrap();
        PersonId::from_bytes([u8::try_from(slot % 2).unwrap(); 16])
    }
}

/// What one device holds of the space.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) chains: Chains,
    pub(super) entries: BTreeMap<EntryId, (Verified<Entry>, OrderKey, Frontier)>,
    pub(super) at: BTreeMap<(ChainId, u64), Vec<EntryId>>,
    pub(super) room: WaitingRoom,
    pub(super) waiting: BTreeMap<EnvelopeId, Verified<Entry>>,
    pub(super) incidents: Vec<Incident>,
    pub(super) closed: BTreeSet<Missing>,
}

impl Known for Replica {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let ids = self.at.get(&(chain, seq)).into_iter().flatten();
        ids.map(|id| (*id, self.entries[id].1)).collect()
    }

    fn seen_by(&self, _: ChainId, _: u64, id: EntryId) -> Frontier {
        self.entries[&id].2.clone()
    }
}

impl Replica {
    pub(super) fn new() -> Self {
        Self {
            chains: Chains::new(),
            entries: BTreeMap::new(),
            at: BTreeMap::new(),
            room: WaitingRoom::shared(),
            waiting: BTreeMap::new(),
            incidents: Vec::new(),
            closed: BTreeSet::new(),
        }
    }

    pub(super) fn admit(&self, world: &World, entry: &Verified<Entry>) -> Admission {
        let context = AdmitContext {
            space: SPACE,
            slots: &world.slots,
            control_known: true,
            known: self,
            closed: &self.closed,
        };
        self.chains.admit(entry, &context)
    }

    /// Writes, signs and stores the next entry of a device.
    pub(super) fn write(&mut self, world: &World, device: usize, now_ms: u64) -> Verified<Entry> {
        let me = world.chain(device);
        let salt = now_ms + (self.entries.len() as u64) * 1_000;
        let payload = Payload::Event(vec![0x80]).encode(&mut Seeded(salt));
        let context = DraftContext {
            space: SPACE,
            slots: &world.slots,
            control: (0, OP),
            now_ms,
            kind: 1,
            payload: &payload,
        };
        let header = self.chains.draft(me, &context).unwrap();
        let entry = sign(header, payload, SPACE, &world.keys[device]);
        self.receive(world, entry.clone());
        entry
    }

    /// Stores what may be stored, this entry and whatever waited for it.
    pub(super) fn receive(&mut self, world: &World, entry: Verified<Entry>) {
        let mut todo = vec![entry];
        while let Some(entry) = todo.pop() {
            match self.admit(world, &entry) {
                Admission::Accept(accepted) => {
                    let known = Missing::entry(entry.header.chain, entry.header.seq, entry.id);
                    self.store(entry, *accepted);
                    let released = self.room.release(known);
                    todo.extend(released.iter().map(|id| self.waiting.remove(id).unwrap()));
                }
                Admission::Wait(on) => self.wait(world, entry, on),
                Admission::Duplicate => {}
                Admission::Refuse(error) => panic!("an honest entry was refused: {error:?}"),
            }
        }
    }

    fn store(&mut self, entry: Verified<Entry>, accepted: Accepted) {
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        self.chains.apply(chain, accepted.chain);
        self.at.entry((chain, seq)).or_default().push(entry.id);
        self.entries.insert(entry.id, (entry, accepted.k, accepted.seen));
        self.incidents.extend(accepted.incidents);
    }

    fn wait(&mut self, world: &World, entry: Verified<Entry>, on: Missing) {
        let id = EnvelopeId::from_bytes(entry.id.to_bytes());
        let person = world.person(entry.header.chain);
        let at = (entry.header.chain, entry.header.seq);
        let place = self.room.insert(Waiting { id, person, bytes: 1, at, position: 1, on });
        assert_eq!(place, Place::Kept);
        self.waiting.insert(id, entry);
    }
}
