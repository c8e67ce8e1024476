//! Far more than anybody writes in a day.

use crate::siege::{A_WHILE, Siege};
use reknit_core::client::{Command, Error, Notice};
use reknit_core::crypto::{KeysFile, Unlock};
use reknit_core::entry::{Allowance, BYTES_PER_DAY_MAX, Cost, Incident, Ticket};
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::{EntryId, RecordId};
use reknit_core::store::{Batch, Row, Store, Table};
use reknit_e2e::random::Seeded;
use reknit_e2e::world::{DeviceIndex, UNLOCK};
use std::time::Duration;

/// Of these 67 fit into one day.
const PIECES: u8 = 70;
const PIECE_BYTES: usize = 1_000_000;
const HOUR: Duration = Duration::from_mins(61);
const DAY: Duration = Duration::from_hours(24);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Siege {
    /// Seventy entries of a megabyte, as fast as the relay takes them.
    fn flood(&mut self) {
        for piece in 0..PIECES {
            if piece == PIECES / 2 {
                self.world.run_for(HOUR);
            }
            let payload = vec![piece; PIECE_BYTES];
            let header = self.villain.draft(&self.world, 99, &payload);
            let entry = self.villain.sign(header, payload);
            self.villain.send(&mut self.world, &entry);
        }
        self.rest();
    }

    fn rest(&mut self) {
        assert!(self.world.run_until_idle(A_WHILE), "it comes to rest");
    }

    fn shows(&self, device: DeviceIndex, told: EntryId) -> bool {
        let record = RecordId::from_bytes(told.to_bytes());
        !self.world.node(device).session().told(record).unwrap().is_empty()
    }

    /// What is said on each of Nora's devices is shown on the other, also after both started again.
    fn her_devices_hear_each_other(&mut self) {
        let there = self.tell(self.phone, "from the phone");
        self.rest();
        for device in [self.phone, self.tablet] {
            self.world.crash(device);
            self.world.restart(device);
        }
        let back = self.tell(self.tablet, "from the tablet");
        self.rest();
        for told in [there, back] {
            assert!(self.shows(self.phone, told) && self.shows(self.tablet, told));
        }
    }

    fn left(&self, device: DeviceIndex) -> (u64, u64) {
        let report = self.report(device);
        (report.bulk, report.waiting)
    }
}

#[test]
fn b57_what_is_over_a_day_waits_at_the_relay_until_the_next_and_blocks_nobody() {
    let mut siege = Siege::new("flood");
    siege.flood();
    for device in [siege.phone, siege.tablet] {
        // The first that is too much is left; what follows it waits for it.
        assert_eq!(siege.left(device), (1, 2), "device {device}");
        let incidents = siege.incidents(device);
        assert!(matches!(incidents.as_slice(), [Incident::Bulk { count: 1, .. }]), "{incidents:?}");
        let tickets = siege.world.node(device).session().tickets();
        assert!(
            tickets
                .iter()
                .any(|(_, ticket)| matches!(ticket, Ticket::Bulk(left) if left.count == 1))
        );
        let asked = siege.world.devices[device].notices.iter();
        assert!(asked.into_iter().any(|notice| *notice == Notice::Bulk(1)), "device {device}");
    }
    siege.her_devices_hear_each_other();
    assert_eq!((siege.left(siege.phone), siege.left(siege.tablet)), ((1, 2), (1, 2)));
    siege.world.run_for(DAY);
    siege.her_devices_hear_each_other();
    assert_eq!((siege.left(siege.phone), siege.left(siege.tablet)), ((0, 0), (0, 0)));
    siege.both_hold_the_same();
}

#[test]
fn b57_what_an_own_device_took_and_names_comes_to_the_other_whatever_the_day_allows() {
    let mut siege = Siege::new("consent");
    siege.flood();
    siege.world.execute(siege.tablet, Command::TakeAll).unwrap();
    siege.rest();
    assert_eq!((siege.left(siege.phone), siege.left(siege.tablet)), ((1, 2), (0, 0)));
    let told = siege.tell(siege.tablet, "I have seen all of it");
    siege.rest();
    assert!(siege.shows(siege.phone, told));
    assert_eq!((siege.left(siege.phone), siege.left(siege.tablet)), ((0, 0), (0, 0)));
    siege.her_devices_hear_each_other();
    siege.both_hold_the_same();
}

#[test]
fn what_the_other_would_not_take_in_today_is_not_written_and_said_so() {
    let mut siege = Siege::laid("own", true);
    let session = siege.world.node(siege.phone).session();
    let mut day = Allowance::new(session.person());
    let today = siege.world.now(siege.phone).timestamp.as_millis() / DAY_MS;
    day.begin_day(u32::try_from(today).unwrap());
    day.spend(Cost::new(usize::try_from(BYTES_PER_DAY_MAX).unwrap(), 0));
    siege.world.crash(siege.phone);
    let folder = siege.world.devices[siege.phone].folder.clone().unwrap();
    let keys = KeysFile::open(&std::fs::read(folder.join("keys")).unwrap(), Unlock::Key(&UNLOCK));
    let keys = keys.unwrap();
    let vault = keys.vault;
    let key = keys.all().unwrap().content.row_key(vault, Table::Meta.number());
    let id = [b"day", day.person().as_bytes().as_slice()].concat();
    let body = key.seal(&id, 1, &day.encode(), &mut Seeded::new(9));
    let mut store = Store::open(&folder.join("shared")).unwrap();
    let mut batch = Batch::new();
    batch.put(Table::Meta, Row { id, order: [0; 16], state: 0, body });
    store.commit(batch).unwrap();
    drop(store);
    siege.world.restart(siege.phone);
    let event = siege.moment("too much");
    let refused = siege.world.execute(siege.phone, Command::Tell(event));
    assert_eq!(refused, Err(Error::NotAllowed { rule: "quota.day" }));
    // What is nobody else's has no such bound, and the other device is another one's day.
    let edit = reknit_core::document::Edit { text: Some("alone".to_owned()), ..Default::default() };
    let kind = reknit_core::document::DocumentKind::Journal;
    siege.world.execute(siege.phone, Command::NewDocument(kind, edit)).unwrap();
    siege.tell(siege.tablet, "the tablet goes on");
    siege.world.run_for(DAY);
    siege.life_goes_on();
    assert_eq!(siege.report(siege.phone).kind, SpaceKind::Shared);
}
