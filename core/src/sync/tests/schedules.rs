//! Random schedules: whatever the network, the disk and the relay do, nothing is lost and it comes to rest.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{Step, World};
use crate::sync::backlog::epoch_of;

fn step() -> impl Strategy<Value = Step> {
    let device = 0..3_usize;
    prop_oneof![
        6 => (device.clone(), 0..2_usize).prop_map(|(device, space)| Step::Write(device, space)),
        1 => (0..2_usize).prop_map(Step::Append),
        4 => (device.clone(), prop::bool::weighted(0.8)).prop_map(|(d, works)| Step::Connect(d, works)),
        24 => (device.clone(), 0..8_usize).prop_map(|(device, channel)| Step::Up(device, channel)),
        24 => (device.clone(), 0..8_usize).prop_map(|(device, channel)| Step::Down(device, channel)),
        12 => (device.clone(), any::<bool>()).prop_map(|(device, twice)| Step::Store(device, twice)),
        2 => (device.clone(), any::<bool>()).prop_map(|(device, twice)| Step::Cut(device, twice)),
        1 => device.clone().prop_map(Step::Crash),
        4 => (0..5_000_u32).prop_map(Step::Pass),
        1 => (1..4_u32).prop_map(Step::Moody),
        1 => device.clone().prop_map(Step::Refresh),
        1 => (device, 0..9_u64).prop_map(|(device, n)| Step::Again(device, n)),
    ]
}

/// All that was written is everywhere, outboxes are empty, nobody was accused.
fn check_level(world: &World) {
    for owner in &world.owners {
        assert_eq!(owner.lies, 0, "an honest relay is never accused");
        assert!(owner.engine.is_idle(), "device {} is not at rest", owner.number);
        for (sid, disk) in &owner.disks {
            let log = &world.relay.logs[sid];
            let written: BTreeSet<u64> =
                world.written.iter().filter(|(of, _)| of == sid).map(|(_, entry)| *entry).collect();
            assert_eq!(disk.entries, written, "device {} lacks entries", owner.number);
            assert!(disk.outbox.is_empty());
            assert_eq!(disk.items, log.items);
            assert_eq!((disk.cursor.n, disk.cursor.running), (log.data.len() as u64, log.head()));
            let status = owner.engine.status(*sid).unwrap();
            assert!(
                status.signed_in && status.caught_up && status.outbox == 0 && status.behind == 0
            );
        }
    }
}

/// No envelope stands twice in a log, no entry twice under one epoch.
fn check_no_duplicates(world: &World) {
    for log in world.relay.logs.values() {
        let envelopes: BTreeSet<_> = log.data.iter().collect();
        assert_eq!(envelopes.len(), log.data.len());
    }
}

/// The first time an entry of a device stands in the log, all earlier ones of that device stand before it.
fn check_order(world: &World) {
    for log in world.relay.logs.values() {
        let mut highest = [None; 3];
        let mut seen = BTreeSet::new();
        for envelope in &log.data {
            let entry = u64::from_be_bytes(envelope[8..16].try_into().unwrap());
            if seen.insert(entry) {
                let device = usize::try_from(entry >> 32).unwrap();
                assert!(highest[device] < Some(entry), "an outbox keeps its order");
                highest[device] = Some(entry);
            }
        }
        let epochs: Vec<_> = log.data.iter().map(|envelope| epoch_of(envelope)).collect();
        assert!(epochs.is_sorted(), "nothing lands under a dead epoch");
    }
}

fn bound(world: &World) -> usize {
    10 * (world.written.len() * world.owners.len() + 100)
}

proptest! {
    #[test]
    fn l1_any_schedule_comes_to_rest_with_everything_everywhere_in_order(
        steps in prop::collection::vec(step(), 0..400),
        live: bool,
        spaces in 1..3_usize,
    ) {
        let mut world = World::new(3, spaces, live);
        for step in steps {
            world.step(step);
        }
        world.quiesce(bound(&world));
        if !live {
            // Without tails a device hears of what others pushed when it connects again.
            world.cut_all();
            world.quiesce(bound(&world));
        }
        check_level(&world);
        check_no_duplicates(&world);
        check_order(&world);
    }

    #[test]
    fn d4_a_relay_that_forgets_at_any_time_is_seeded_again_by_its_devices(
        before in prop::collection::vec(step(), 0..300),
        after in prop::collection::vec(step(), 0..150),
        keep_data in 0..12_usize,
        keep_items in 0..3_usize,
        honest: bool,
    ) {
        let mut world = World::new(3, 1, true);
        for step in before {
            world.step(step);
        }
        world.relay.forget(if keep_items == 0 { 0 } else { keep_data }, keep_items, honest);
        world.cut_all();
        for step in after {
            world.step(step);
        }
        world.quiesce(4 * bound(&world));
        world.cut_all();
        world.quiesce(4 * bound(&world));
        check_level(&world);
    }
}
