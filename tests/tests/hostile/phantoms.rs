//! The partner names an entry that nobody has.

use crate::siege::Siege;
use reknit_core::entry::{DeltaItem, Incident, Payload};

const MONTH_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

impl Siege {
    pub(crate) fn lines(&self, device: usize) -> usize {
        self.world.node(device).session().timeline().unwrap().len()
    }
}

#[test]
fn m10_a_name_without_an_entry_blocks_nothing_and_closes_after_30_days_as_an_incident() {
    let mut siege = Siege::new("phantom");
    let payload = Payload::Event(siege.moment("as you said").encode());
    let honest = siege.villain.entry(&siege.world, &payload);
    // The same, but it says that it has seen the phone's entry 999.
    let mut header = honest.header.clone();
    let phone = siege.world.node(siege.phone).session().device();
    let slot = siege.villain.log.table().slot_of(phone).unwrap();
    header.delta.retain(|item| item.slot != slot);
    header.delta.push(DeltaItem { slot, inc: 0, seq: 999, id: [9; 16] });
    header.delta.sort_unstable_by_key(|item| (item.slot, item.inc));
    let named = siege.villain.sign(header, honest.payload.clone());
    siege.villain.send_inner(&mut siege.world, &named.encode());
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.lines(device), 0, "it waits");
        assert_eq!(siege.world.node(device).session().tickets().len(), 1);
    }
    siege.life_goes_on();
    for device in [siege.phone, siege.tablet] {
        siege.world.devices[device].clock.ahead_ms = MONTH_MS;
    }
    let missing = |incident: &Incident| matches!(incident, Incident::MissingEntry { .. });
    assert!(!siege.incidents(siege.phone).iter().any(missing));
    siege.life_goes_on();
    let by = siege.villain.me();
    siege.both_noticed(
        |incident| matches!(incident, Incident::MissingEntry { seq: 999, by: of, .. } if *of == by),
    );
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.lines(device), 5, "what named it is there now");
        assert!(siege.world.node(device).session().tickets().is_empty());
    }
    siege.both_hold_the_same();
}
