//! What is of no use is kept within bounds, and judged again by a newer program.

use crate::siege::Siege;
use reknit_core::entry::{Incident, Payload, Ticket};
use reknit_core::model::id::RecordId;
use reknit_core::model::moment::{Echo, EchoKind};
use reknit_core::model::{Event, TOLD_PER_AUTHOR_MAX};
use reknit_core::store::{Batch, Store, Table};
use reknit_e2e::world::DeviceIndex;
use std::time::Duration;

/// How many refused envelopes are kept.
const KEPT: u32 = 1_000;
const MORE: u32 = 50;

impl Siege {
    /// Does something so often, as fast as the relay lets one.
    pub(crate) fn often(&mut self, times: u32, mut act: impl FnMut(&mut Self, u32)) {
        for time in 0..times {
            if time % 20 == 0 {
                self.world.run_for(Duration::from_secs(1));
            }
            act(self, time);
        }
    }

    fn dropped(&self, device: DeviceIndex) -> Option<u32> {
        let tickets = self.world.node(device).session().tickets();
        tickets.into_iter().find_map(|(_, ticket)| match ticket {
            Ticket::Dropped(dropped) => Some(dropped.count),
            Ticket::Gap { .. } | Ticket::Overflow(_) | Ticket::Bulk(_) => None,
        })
    }

    /// The phone starts as a newer program would: what is set aside counts as judged by an older one.
    pub(crate) fn update(&mut self) {
        self.world.crash(self.phone);
        let folder = self.world.devices[self.phone].folder.clone().unwrap();
        let mut store = Store::open(&folder.join("shared")).unwrap();
        let judged = store.get(Table::Meta, b"judged").unwrap().expect("the rules of the program");
        let mut batch = Batch::new();
        batch.set_state(Table::Meta, b"judged", judged.state - 1);
        store.commit(batch).unwrap();
        drop(store);
        self.world.restart(self.phone);
    }
}

#[test]
fn l4_what_cannot_be_read_is_kept_up_to_a_bound_counted_beyond_it_and_judged_again_after_an_update()
{
    let mut siege = Siege::laid("junk", true);
    let word = Payload::Event(siege.moment("unreadable").encode());
    siege.often(KEPT + MORE, |siege, _| {
        let entry = siege.villain.entry(&siege.world, &word);
        let mut envelope = siege.villain.seal(0, &entry.encode());
        let last = envelope.len() - 1;
        envelope[last] ^= 1;
        siege.villain.push(&mut siege.world, envelope);
    });
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.aside(device), u64::from(KEPT));
        assert_eq!(siege.dropped(device), Some(MORE));
        let incidents = siege.incidents(device);
        let full = |it: &Incident| matches!(it, Incident::AsideFull { count: MORE, .. });
        assert!(incidents.iter().any(full), "device {device}");
        assert_eq!(incidents.len(), KEPT as usize + 1);
    }
    siege.life_goes_on();
    siege.update();
    siege.settle();
    assert_eq!(siege.aside(siege.phone), u64::from(KEPT));
    assert_eq!(siege.dropped(siege.phone), Some(MORE), "pulled again, and refused again");
    assert_eq!(siege.incidents(siege.phone).len(), KEPT as usize + 1);
    siege.life_goes_on();
}

#[test]
fn l4_more_than_one_device_may_tell_of_one_thing_is_set_aside_and_the_thing_stays() {
    let mut siege = Siege::new("echoes");
    let told = siege.tell(siege.phone, "an evening");
    siege.settle();
    let of = RecordId::from_bytes(told.to_bytes());
    let at = siege.world.now(siege.phone).at().unwrap();
    let echo = Event::Echo(Echo { at, of, kind: EchoKind::ThankYou, text: None });
    let echo = Payload::Event(echo.encode());
    let most = u32::try_from(TOLD_PER_AUTHOR_MAX).unwrap();
    siege.often(most + 3, |siege, _| {
        siege.villain.say(&mut siege.world, &echo);
    });
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        let session = siege.world.node(device).session();
        assert_eq!(session.told(of).unwrap().len(), 1 + TOLD_PER_AUTHOR_MAX);
        let incidents = siege.incidents(device);
        assert!(incidents.iter().all(|it| matches!(it, Incident::RecordFull { .. })));
        assert_eq!(incidents.len(), 3, "device {device}");
        assert_eq!(session.timeline().unwrap().len(), 1);
    }
    siege.life_goes_on();
}
