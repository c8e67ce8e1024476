//! Control items that no honest app writes: signed and sealed by the partner, and wrong in one place.

use crate::villain::Villain;
use crate::world::World;
use reknit_core::crypto::{
    ControlHead, ControlParts, Device, DeviceKeys, EpochKey, open_control, seal_control, spare_wrap,
};
use reknit_core::entry::frontier_root;
use reknit_core::membership::{AddDevice, Author, Composer, Intent, Op, Want};
use reknit_core::model::id::DeviceId;
use wire::codec::{Reader, Writer};
use wire::control::ControlItem;
use wire::hash::sha256;

/// The neutral element: a key that proves nothing.
pub const IDENTITY: [u8; 32] = {
    let mut key = [0; 32];
    key[0] = 1;
    key
};
/// A point of mixed order.
pub const MIXED: [u8; 32] = [
    0xf7, 0xba, 0xde, 0xc5, 0xb8, 0xab, 0xea, 0xf6, 0x99, 0x58, 0x39, 0x92, 0x21, 0x9b, 0x7b, 0x22,
    0x3f, 0x1d, 0xf3, 0xfb, 0xbe, 0xa9, 0x19, 0x84, 0x4e, 0x3f, 0x7c, 0x55, 0x4a, 0x43, 0xdd, 0x43,
];

/// An op and its item, open for changes.
#[derive(Debug)]
pub struct Forgery {
    /// The op as an honest app would have written it.
    pub op: Op,
    /// Its item.
    pub item: ControlItem,
}

impl Forgery {
    /// Puts another voice key into the device that the op adds.
    pub fn with_voice(&mut self, voice: [u8; 32]) {
        let payload = &mut self.op.actions[0].payload;
        payload[16..48].copy_from_slice(&voice);
        let device = Device::decode(&mut Reader::new(&payload[16..])).expect("a device");
        let device = device.peek().clone();
        self.op.wrap_slots[0].recipient = device.id().to_bytes();
        let mut writer = Writer::new();
        device.encode(&mut writer);
        assert!(payload[16..].starts_with(writer.as_slice()));
    }
}

impl Villain {
    /// What an honest app would append for this want.
    pub fn compose(&mut self, want: Want) -> Forgery {
        let item = self.honest_item(want);
        let item = ControlItem::decode(&item).expect("an item");
        let key = self.key_of(item.epoch_before);
        let body = open_control(key, &self.home, &item).expect("it opens");
        let op = Op::decode(&body).expect("an op").peek().clone();
        Forgery { op, item }
    }

    /// What an honest app would append, as it is.
    pub fn honest_item(&mut self, want: Want) -> Vec<u8> {
        let read = frontier_root(self.home.space, &self.chains.all());
        let composer = Composer {
            log: &self.log,
            keyring: &self.keyring,
            keys: &self.keys,
            frontier_root: read,
        };
        Intent::new(want).compose(&composer, &mut self.random).expect("an item")
    }

    /// One more device of the villain's own: an honest want.
    pub fn second_device(&mut self) -> (DeviceKeys, Want) {
        let keys = DeviceKeys::generate(&mut self.random);
        let device = keys.device(self.person);
        let add = AddDevice { person: self.person, device, th: self.random.array() };
        (keys, Want::AddDevice(add))
    }

    /// Signs what became of an op and seals it again.
    pub fn seal_op(&mut self, mut forgery: Forgery) -> Vec<u8> {
        forgery.op.wraps_hash = wraps_hash(&forgery.item);
        let key = match forgery.op.author {
            Author::Voice(_) => &self.keys.voice,
            Author::Seat(_) | Author::Recovery(_) => &self.keys.seat,
        };
        let signature = forgery.op.sign(self.home.space, key);
        forgery.op.signatures[0].signature = signature;
        let Forgery { op, item } = forgery;
        let head = ControlHead {
            idx: item.idx,
            epoch_before: item.epoch_before,
            epoch_after: item.epoch_after,
            prev: item.prev,
        };
        let key = self.key_of(item.epoch_before);
        let body = op.encode();
        let parts = ControlParts { head, body: &body, ladder: item.ladder, wraps: item.wraps };
        let key = EpochKey::from_bytes(key.as_bytes());
        let sealed = seal_control(&key, &self.home, parts, &mut self.random);
        sealed.expect("it fits").encode()
    }

    /// Makes every wrap but the own one open for nobody.
    pub fn garble_wraps(&mut self, forgery: &mut Forgery) {
        self.garble_wraps_but(forgery, &[]);
    }

    /// The same, but for these devices.
    pub fn garble_wraps_but(&mut self, forgery: &mut Forgery, spared: &[DeviceId]) {
        let mut kept: Vec<[u8; 16]> = spared.iter().map(|id| id.to_bytes()).collect();
        kept.push(self.keys.id().to_bytes());
        let slots = forgery.op.wrap_slots.iter().filter(|slot| kept.contains(&slot.recipient));
        let kept: Vec<usize> = slots.map(|slot| usize::from(slot.slot)).collect();
        for (at, wrap) in forgery.item.wraps.iter_mut().enumerate() {
            if !kept.contains(&at) {
                *wrap = spare_wrap(&mut self.random);
            }
        }
    }

    /// Does what an honest app does after a `Reject`: brings in what that left behind, and hands on the key.
    pub fn hand_on(&mut self, world: &mut World) {
        for want in self.log.wants_left(&self.keyring) {
            let item = self.honest_item(want);
            self.append(world, item);
        }
    }
}

fn wraps_hash(item: &ControlItem) -> [u8; 32] {
    let wraps: Vec<&[u8]> = item.wraps.iter().map(<[u8; 1168]>::as_slice).collect();
    sha256(&wraps)
}
