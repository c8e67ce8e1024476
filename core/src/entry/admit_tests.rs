//! What admission promises: causal order, both sides of a fork kept, the same set whatever the order of arrival.

use proptest::prelude::*;

use super::super::replica::{OP, Replica, SPACE, World};
use super::super::{DraftContext, DraftError, Incident, Payload, sees, sign};
use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn accepted(replica: &Replica, world: &World, entry: &Verified<Entry>) -> Accepted {
    let Admission::Accept(accepted) = replica.admit(world, entry) else { panic!("not accepted") };
    *accepted
}

/// Signs a header after changing it, as a hostile author can.
fn forge(
    world: &World,
    entry: &Verified<Entry>,
    change: impl FnOnce(&mut Header),
) -> Verified<Entry> {
    let mut header = entry.header.clone();
    change(&mut header);
    let device = world.slots.iter().position(|id| *id == header.chain.device).unwrap();
    sign(header, entry.payload.clone(), SPACE, &world.keys[device])
}

#[test]
fn an_entry_waits_for_its_control_head_its_predecessor_and_all_it_names() {
    let world = World::new(2);
    let (mut one, mut two) = (Replica::new(), Replica::new());
    let a1 = one.write(&world, 0, 1);
    let a2 = one.write(&world, 0, 2);
    two.receive(&world, a1.clone());
    let b1 = two.write(&world, 1, 3);
    assert_eq!(b1.header.delta.len(), 1);

    let new = Replica::new();
    let wait = |on| Admission::Wait(on);
    assert_eq!(new.admit(&world, &a2), wait(Missing::entry(world.chain(0), 1, a1.id)));
    assert_eq!(new.admit(&world, &b1), wait(Missing::entry(world.chain(0), 1, a1.id)));
    let context = AdmitContext {
        space: SPACE,
        slots: &world.slots,
        control_known: false,
        known: &new,
        closed: &new.closed,
    };
    assert_eq!(new.chains.admit(&a1, &context), wait(Missing::Control { idx: 0 }));
    one.receive(&world, b1.clone());
    assert_eq!(one.admit(&world, &b1), Admission::Duplicate);
}

#[test]
fn b32_a_skipped_number_is_entry_gap_and_a_repeated_one_keeps_both() {
    let world = World::new(1);
    let mut one = Replica::new();
    let a1 = one.write(&world, 0, 1);
    let mut clone = one.clone();
    let a2 = one.write(&world, 0, 2);
    let skipped = forge(&world, &a2, |header| header.seq = 3);
    assert_eq!(clone.admit(&world, &skipped), Admission::Refuse(EntryError::Gap));
    assert_eq!(EntryError::Gap.code(), "entry.gap");

    let other = clone.write(&world, 0, 3);
    let fork = accepted(&one, &world, &other);
    let (low, high) = (a2.id.min(other.id), a2.id.max(other.id));
    let chain = world.chain(0);
    assert_eq!(fork.incidents, [Incident::Fork { chain, seq: 2, one: low, two: high }]);
    assert_eq!(fork.incidents[0].code(), "entry.fork");
    assert!(fork.disputed && fork.chain.disputes(2) && !fork.chain.disputes(1));
    assert_eq!(fork.chain.split, Some(Split { seq: 2, before: a1.id }));
    assert_eq!((fork.chain.seq, fork.chain.id), (2, a2.id), "the branch that was here stays");
}

#[test]
fn b33_a_link_to_another_place_is_entry_chain() {
    let world = World::new(2);
    let mut one = Replica::new();
    let a1 = one.write(&world, 0, 1);
    let b1 = one.write(&world, 1, 1);
    let b2 = one.clone().write(&world, 1, 2);
    let stolen = forge(&world, &b2, |header| header.prev = a1.id);
    assert_eq!(one.admit(&world, &stolen), Admission::Refuse(EntryError::Chain));
    let unknown = forge(&world, &b2, |header| header.prev = EntryId::from_bytes([9; 32]));
    assert!(matches!(one.admit(&world, &unknown), Admission::Wait(_)));
    assert_eq!(b1.header.delta.len(), 1);
}

#[test]
fn b34_an_unknown_slot_and_the_own_chain_in_a_delta_are_entry_frontier() {
    let world = World::new(2);
    let mut one = Replica::new();
    one.write(&world, 0, 1);
    let b1 = one.clone().write(&world, 1, 1);
    let unknown = forge(&world, &b1, |header| header.delta[0].slot = 2);
    assert_eq!(one.admit(&world, &unknown), Admission::Refuse(EntryError::Frontier));
    let own = forge(&world, &b1, |header| header.delta[0].slot = 1);
    assert_eq!(one.admit(&world, &own), Admission::Refuse(EntryError::Frontier));
}

#[test]
fn b35_no_clock_is_refused_and_an_honest_one_follows_by_a_day_at_most() {
    let world = World::new(2);
    let mut one = Replica::new();
    let a1 = one.write(&world, 0, 1_000);
    for ms in [0, u64::MAX, 253_402_300_799_000] {
        let odd = forge(&world, &a1, |header| header.hlc = super::super::Hlc { ms, ctr: u16::MAX });
        let mut new = Replica::new();
        new.receive(&world, odd.clone());
        let b1 = new.write(&world, 1, 1_000);
        assert!(new.entries[&b1.id].1 > new.entries[&odd.id].1, "order follows what was seen");
        assert!(b1.header.hlc.ms <= 1_000 + 86_400_000);
    }
    let b1 = one.write(&world, 1, 500);
    assert_eq!((b1.header.hlc.ms, b1.header.hlc.ctr), (1_000, 1), "one more than the highest seen");
}

#[test]
fn an_author_who_saw_another_history_is_accepted_and_raises_an_incident() {
    let world = World::new(2);
    let mut one = Replica::new();
    one.write(&world, 0, 1);
    let b1 = one.clone().write(&world, 1, 1);
    assert!(accepted(&one, &world, &b1).incidents.is_empty());
    let lied = forge(&world, &b1, |header| header.frontier_root = [1; 32]);
    let (chain, entry) = (world.chain(1), lied.id);
    let incidents = accepted(&one, &world, &lied).incidents;
    assert_eq!(incidents, [Incident::FrontierMismatch { chain, seq: 1, entry }]);
    let left_out = forge(&world, &b1, |header| header.delta.clear());
    assert_eq!(accepted(&one, &world, &left_out).incidents.len(), 1);
}

#[test]
fn others_stand_for_ever_before_a_split_and_say_so() {
    let world = World::new(3);
    let mut one = Replica::new();
    let mut clone = one.clone();
    let a1 = one.write(&world, 0, 1);
    let other = clone.write(&world, 0, 2);
    one.write(&world, 1, 3);
    one.receive(&world, other);
    assert!(one.chains.frontier(Some(world.chain(1))).is_empty(), "it split at its first entry");
    let b2 = one.write(&world, 1, 4);
    assert_eq!((b2.header.delta[0].seq, b2.header.delta[0].id), (0, [0; 16]));
    let c1 = one.write(&world, 2, 5);
    assert!(!sees((world.chain(2), 1), &one.entries[&c1.id].2, (world.chain(0), 1)));
    assert!(sees((world.chain(2), 1), &one.entries[&c1.id].2, (world.chain(1), 2)));
    assert!(one.incidents.iter().all(|i| matches!(i, Incident::Fork { .. })));
    assert!(one.chains.get(world.chain(0)).unwrap().id == a1.id);
}

#[test]
fn a_draft_says_what_it_cannot_do() {
    let world = World::new(2);
    let mut one = Replica::new();
    one.write(&world, 0, 1);
    let payload = Payload::Hello.encode(&mut super::super::replica::Seeded(1));
    let draft = |slots: &[DeviceId], kind, payload: &[u8]| {
        let context =
            DraftContext { space: SPACE, slots, control: (0, OP), now_ms: 1, kind, payload };
        one.chains.draft(world.chain(1), &context).err()
    };
    assert_eq!(draft(&world.slots, 3, &payload), None);
    assert_eq!(draft(&[], 3, &payload), Some(DraftError::Slot));
    assert_eq!(draft(&world.slots, 1, &vec![0; 1_048_496]), Some(DraftError::TooLarge));
    assert_eq!(draft(&world.slots, 2, &payload), Some(DraftError::Payload(EntryError::Hash)));
}

/// What random devices wrote: each step one device writes, hears another, or is cloned.
fn history(world: &World, steps: &[(u8, u8)]) -> Vec<Verified<Entry>> {
    let devices = world.keys.len();
    let mut replicas: Vec<_> = (0..devices).map(|device| (device, Replica::new())).collect();
    let mut all = Vec::new();
    for (now, (what, who)) in (1_000..).zip(steps) {
        let who = usize::from(*who) % replicas.len();
        match what % 8 {
            0 if replicas.len() < 6 => {
                let copy = replicas[who].clone();
                replicas.push(copy);
            }
            0..=3 => {
                let device = replicas[who].0;
                all.push(replicas[who].1.write(world, device, now));
            }
            _ => {
                let from = usize::from(*what) % replicas.len();
                let heard: Vec<_> = replicas[from].1.entries.values().cloned().collect();
                for (entry, _, _) in heard {
                    replicas[who].1.receive(world, entry);
                }
            }
        }
    }
    all
}

/// The order key by its definition, from the set alone.
fn key(set: &BTreeMap<EntryId, Verified<Entry>>, world: &World, id: EntryId) -> u128 {
    let header = &set[&id].header;
    let prev = (header.seq > 1).then_some(header.prev);
    let named = header.delta.iter().filter(|item| item.seq > 0).map(|item| {
        let device = world.slots[usize::from(item.slot)];
        let is = |entry: &Verified<Entry>| {
            entry.header.chain == ChainId { device, inc: item.inc }
                && entry.header.seq == item.seq
                && entry.id.as_bytes()[..16] == item.id
        };
        set.values().find(|entry| is(entry)).unwrap().id
    });
    let highest = prev.into_iter().chain(named).map(|id| key(set, world, id)).max().unwrap_or(0);
    header.hlc.joined().max(highest + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Order of arrival decides nothing: not what is accepted, not its order, not what its author had seen.
    #[test]
    fn any_order_of_arrival_ends_in_the_same_accepted_set(
        steps in proptest::collection::vec(any::<(u8, u8)>(), 1..40),
        shuffle in any::<u64>(),
    ) {
        let world = World::new(3);
        let all = history(&world, &steps);
        let mut straight = Replica::new();
        for entry in &all {
            straight.receive(&world, entry.clone());
        }
        let mut order = all.clone();
        order.sort_by_key(|entry| wire::hash::sha256(&[&shuffle.to_be_bytes(), entry.id.as_bytes()]));
        let mut shuffled = Replica::new();
        for entry in order {
            shuffled.receive(&world, entry);
        }
        prop_assert!(shuffled.room.is_empty() && straight.room.is_empty());
        prop_assert_eq!(straight.entries.len(), all.iter().map(|e| e.id).collect::<BTreeSet<_>>().len());
        prop_assert!(straight.entries == shuffled.entries);
        let splits = |replica: &Replica| -> Vec<_> {
            replica.chains.iter().map(|(id, chain)| (id, chain.split)).collect()
        };
        prop_assert_eq!(splits(&straight), splits(&shuffled));
        let honest = |incident: &Incident| matches!(incident, Incident::Fork { .. });
        prop_assert!(straight.incidents.iter().chain(&shuffled.incidents).all(honest));
    }

    #[test]
    fn the_order_key_is_a_pure_function_of_the_set(
        steps in proptest::collection::vec(any::<(u8, u8)>(), 1..24),
    ) {
        let world = World::new(3);
        let mut replica = Replica::new();
        for entry in history(&world, &steps) {
            replica.receive(&world, entry);
        }
        let set: BTreeMap<_, _> =
            replica.entries.iter().map(|(id, (entry, _, _))| (*id, entry.clone())).collect();
        for (id, (_, k, _)) in &replica.entries {
            prop_assert_eq!(k.0, key(&set, &world, *id));
        }
    }
}
