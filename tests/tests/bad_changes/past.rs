//! Rows that need what came before: numbers, what the author had seen, what already stands.

use crate::target::{alone, now, refused_all};
use reknit_core::document::{ActorId, Edit, Refused, change_hash};
use reknit_e2e::bad_change::target::{ATTACKER, NEXT, Target, VICTIM, incoming, place};
use reknit_e2e::raw_change::{Op, RawChange, unsigned};

#[test]
fn b57_a_second_value_beside_one_s_own_is_refused_in_a_later_change_too() {
    let _alone = alone();
    let put = Op::put(None, "new");
    let mut target = Target::new();
    let first = target.good().build();
    let hash = change_hash(&first).unwrap();
    assert_eq!(target.merge(1, vec![first.clone()]).refused, []);
    let mut beside = RawChange::new(ATTACKER, 2, NEXT + 1, std::slice::from_ref(&put));
    beside.deps = vec![hash];
    assert_eq!(target.merge(2, vec![beside.build()]).refused[0].1, Refused::Overwritten);
    let mut over = RawChange::new(ATTACKER, 2, NEXT + 1, &[put.over(&[(NEXT, 0)])]);
    over.deps = vec![hash];
    assert_eq!(target.merge(2, vec![over.build()]).refused, []);
}

#[test]
fn b49_five_thousand_orphans_are_refused_one_by_one() {
    let _alone = alone();
    let mut target = Target::new();
    let orphan = RawChange { deps: vec![[9; 32]], ..target.good() }.build();
    let orphans: Vec<_> = (0..5_000).map(|entry| incoming(entry, vec![orphan.clone()])).collect();
    let started = now();
    assert_eq!(target.document.merge(&orphans).unwrap().refused.len(), 5_000);
    println!("B49 5,000 orphans: {:?}", started.elapsed());
}

#[test]
fn b47_a_second_first_change_is_refused_in_a_later_entry_too() {
    let _alone = alone();
    let mut target = Target::new();
    let good = target.good();
    assert_eq!(target.merge(1, vec![good.build()]).refused, []);
    let other = target.change(&[Op::put(None, "other")]).build();
    assert_eq!(
        target.merge(2, vec![other]).refused[0].1,
        Refused::Sequence,
        "a second first change"
    );
    assert_eq!(
        target.merge(3, vec![good.build()]).refused[0].1,
        Refused::Sequence,
        "the same in another entry"
    );
}

#[test]
fn b49_what_the_author_could_not_have_seen_does_not_count_wherever_it_is_known() {
    let _alone = alone();
    let mut target = Target::new();
    let edit = Edit { text: Some("abc".into()), ..Edit::default() };
    let second = target.document.edit(place(VICTIM, 2), &edit, 0).unwrap();
    let mut ahead = RawChange::new(ATTACKER, 1, NEXT + 1, &[Op::put(None, "new")]);
    ahead.deps = vec![change_hash(&second[0]).unwrap()];
    let entry = incoming(1, vec![ahead.build()]);
    assert_eq!(
        target.document.merge(std::slice::from_ref(&entry)).unwrap().refused[0].1,
        Refused::UnknownDep
    );
    assert_eq!(
        Target::new().document.merge(std::slice::from_ref(&entry)).unwrap().refused[0].1,
        Refused::UnknownDep
    );
    let mut seen = entry;
    seen.seen.insert(ActorId::from_bytes(VICTIM), 2);
    assert_eq!(target.document.merge(&[seen]).unwrap().refused, [], "the same change, seen");
}

#[test]
fn one_s_own_last_change_is_always_seen() {
    let _alone = alone();
    let mut target = Target::new();
    let first = target.good().build();
    assert_eq!(target.merge(1, vec![first]).refused, []);
    let second = RawChange { seq: unsigned(2), ..target.good() }.build();
    assert_eq!(target.merge(2, vec![second]).refused[0].1, Refused::OwnPast);
}

#[test]
fn an_entry_counts_whole_or_not_at_all() {
    let _alone = alone();
    let target = Target::new();
    let first = target.good().build();
    let mut second = RawChange::new(ATTACKER, 2, NEXT + 1, &[Op::make(None, "list", 2)]);
    second.deps = vec![change_hash(&first).unwrap()];
    refused_all("the second of two", Refused::Action, vec![first, second.build()]);
}
