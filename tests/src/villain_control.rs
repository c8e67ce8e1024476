//! Control items that no honest app writes: signed and sealed by the partner, and wrong in one place.

use crate::villain::Villain;
use reknit_core::crypto::{
    ControlHead, ControlParts, Device, DeviceKeys, open_control, seal_control, spare_wrap,
};
use reknit_core::entry::frontier_root;
use reknit_core::membership::{AddDevice, Author, Composer, Intent, Op, Want};
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
        let read = frontier_root(self.home.space, &self.chains.all());
        let composer = Composer {
            log: &self.log,
            keyring: &self.keyring,
            keys: &self.keys,
            frontier_root: read,
        };
        let item = Intent::new(want).compose(&composer, &mut self.random).expect("an item");
        let item = ControlItem::decode(&item).expect("an item");
        let key = self.keyring.get(item.epoch_before).expect("the epoch's key");
        let body = open_control(key, &self.home, &item).expect("it opens");
        let op = Op::decode(&body).expect("an op").peek().clone();
        Forgery { op, item }
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
        let key = self.keyring.get(item.epoch_before).expect("the epoch's key");
        let body = op.encode();
        let parts = ControlParts { head, body: &body, ladder: item.ladder, wraps: item.wraps };
        let sealed = seal_control(key, &self.home, parts, &mut self.random);
        sealed.expect("it fits").encode()
    }

    /// Makes every wrap but the own one open for nobody.
    pub fn garble_wraps(&mut self, forgery: &mut Forgery) {
        let me = self.keys.id().to_bytes();
        let own = forgery.op.wrap_slots.iter().find(|slot| slot.recipient == me);
        let own = own.map(|slot| usize::from(slot.slot));
        for (at, wrap) in forgery.item.wraps.iter_mut().enumerate() {
            if Some(at) != own {
                *wrap = spare_wrap(&mut self.random);
            }
        }
    }
}

fn wraps_hash(item: &ControlItem) -> [u8; 32] {
    let wraps: Vec<&[u8]> = item.wraps.iter().map(<[u8; 1168]>::as_slice).collect();
    sha256(&wraps)
}
