//! Rows that need the document: header numbers, past, objects, positions, what is overwritten, depth, fields.

use crate::target::{
    A, ATTACKER, B, NEXT, T, TAGS, TEXT, TITLE, Target, VICTIM, accepted, alone, incoming, now,
    place, refused, refused_all, refused_ops,
};
use reknit_core::document::{ActorId, Edit, Refused, change_hash};
use reknit_e2e::raw_change::{Key, Op, RawChange, column, unsigned};

#[test]
fn b46_the_first_counter_is_one_more_than_all_it_has_seen() {
    let _alone = alone();
    let good = Target::new().good();
    for start in [0, 1, NEXT - 1, NEXT + 1, 1 << 31, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        let raw = RawChange { start_op: unsigned(start), ..good.clone() }.build();
        refused(&format!("B46 {start}"), Refused::StartOp, raw);
    }
}

#[test]
fn b47_sequence_numbers_have_no_gap_and_no_second() {
    let _alone = alone();
    let good = Target::new().good();
    for seq in [0, 2, 5, 1 << 63] {
        let raw = RawChange { seq: unsigned(seq), ..good.clone() }.build();
        refused(&format!("B47 {seq}"), Refused::Sequence, raw);
    }
    let mut target = Target::new();
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
fn b49_dependencies_are_few_known_and_in_the_entrys_own_past() {
    let _alone = alone();
    let good = Target::new().good();
    let deps = |deps: Vec<[u8; 32]>| RawChange { deps, ..good.clone() }.build();
    refused("B49 65", Refused::Dependencies, deps((0..65).map(|n| [n; 32]).collect()));
    refused(
        "B49 twice",
        Refused::Dependencies,
        deps([good.deps.clone(), good.deps.clone()].concat()),
    );
    refused("B49 unsorted", Refused::Dependencies, deps(vec![[9; 32], [8; 32]]));
    refused("B49 unknown", Refused::UnknownDep, deps(vec![[9; 32]]));
    let itself = change_hash(&good.build()).unwrap();
    refused("B49 itself", Refused::UnknownDep, deps(vec![itself]));
    let mut target = Target::new();
    let orphans: Vec<_> = (0..5_000_u64).map(|n| incoming(n, vec![deps(vec![[9; 32]])])).collect();
    let started = now();
    assert_eq!(target.document.merge(&orphans).refused.len(), 5_000);
    println!("B49 5,000 orphans: {:?}", started.elapsed());
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
        target.document.merge(std::slice::from_ref(&entry)).refused[0].1,
        Refused::UnknownDep
    );
    assert_eq!(
        Target::new().document.merge(std::slice::from_ref(&entry)).refused[0].1,
        Refused::UnknownDep
    );
    let mut seen = entry;
    seen.seen.insert(ActorId::from_bytes(VICTIM), 2);
    assert_eq!(target.document.merge(&[seen]).refused, [], "the same change, seen");
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
fn b50_operations_work_on_objects_of_their_kind() {
    let _alone = alone();
    refused_ops("B50 no such object", Refused::UnknownObject, &[Op::put(Some((99, 1)), "x")]);
    refused_ops("B50 a character as object", Refused::UnknownObject, &[Op::put(Some(A), "x")]);
    refused_ops(
        "B50 its own operation",
        Refused::UnknownObject,
        &[Op::make(Some((NEXT, 0)), "x", 0)],
    );
    refused_ops("B50 a map key in a text", Refused::ObjectKind, &[Op::put(Some(TEXT), "x")]);
    refused_ops(
        "B50 a character in a map",
        Refused::ObjectKind,
        &[Op::insert(TAGS, Key::Head, 'x')],
    );
    let root = Op { object: None, ..Op::insert(TAGS, Key::Head, 'x') };
    refused_ops("B50 a character in the root", Refused::ObjectKind, &[root]);
    let half = Target::new()
        .change(&[Op::put(Some(TAGS), "x")])
        .with_column(column::OBJECT_COUNTER, vec![]);
    refused("B50 half a name", Refused::UnknownObject, half.build());
}

#[test]
fn b51_positions_and_predecessors_exist_in_the_same_object() {
    let _alone = alone();
    let at = |id| Op::insert(TEXT, Key::Element(id), 'x');
    refused_ops("B51 missing", Refused::Element, &[at((99, 1))]);
    refused_ops("B51 later", Refused::Element, &[at((NEXT + 1, 0)), at(A)]);
    refused_ops("B51 itself", Refused::Element, &[at((NEXT, 0))]);
    refused_ops("B51 of another object", Refused::Element, &[at(T)]);
    refused_ops("B51 an object as position", Refused::Element, &[at(TITLE)]);
    refused_ops("B51 an insertion that overwrites", Refused::Overwritten, &[at(A).over(&[B])]);
    let delete = |id| Op::delete(TEXT, id);
    refused_ops("B51 a missing character", Refused::Element, &[delete((99, 1))]);
    refused_ops("B51 of another text", Refused::Element, &[delete(T)]);
    refused_ops("B51 deleted twice", Refused::Overwritten, &[delete(A), delete(A)]);
    refused_ops("B51 nothing deleted", Refused::Overwritten, &[delete(A).over(&[])]);
    refused_ops("B51 another deleted", Refused::Overwritten, &[delete(A).over(&[B])]);
    refused_ops("B51 both deleted", Refused::Overwritten, &[delete(A).over(&[A, B])]);
    let head = Op { key: Key::Head, ..delete(A) };
    refused_ops("B51 the head deleted", Refused::Element, &[head]);
    let put = Op::put(None, "new");
    for (row, preds) in [
        ("missing", vec![(99, 1)]),
        ("later", vec![(NEXT + 1, 0)]),
        ("of another key", vec![TEXT]),
        ("of another object", vec![A]),
        ("unsorted", vec![(NEXT, 0), (1, 0)]),
    ] {
        refused_ops(
            &format!("B51 predecessor {row}"),
            Refused::Overwritten,
            &[put.clone().over(&preds)],
        );
    }
    let own = (NEXT, 0);
    let twice = [put.clone(), put.clone().over(&[own]), put.over(&[own])];
    refused_ops("B51 overwritten twice", Refused::Overwritten, &twice);
}

#[test]
fn b52_an_actor_outside_the_table_is_refused() {
    let _alone = alone();
    for actor in [2, 3, 64, u64::MAX] {
        let name = |id: (u64, u64)| (id.0, actor);
        let ops = [
            ("object", Op::put(Some(name(TAGS)), "x")),
            ("position", Op::insert(TEXT, Key::Element(name(A)), 'x')),
            ("predecessor", Op::put(None, "x").over(&[name(T)])),
        ];
        for (row, op) in ops {
            let mut change = Target::new().change(&[op]);
            change.other_actors = vec![VICTIM.to_vec()];
            refused(&format!("B52 {row} {actor}"), Refused::ActorIndex, change.build());
        }
    }
}

#[test]
fn b53_only_four_actions_exist() {
    let _alone = alone();
    for action in [2, 5, 6, 7, 8, 255, u64::MAX] {
        let op = Op { action, value: (0, vec![]), ..Op::put(None, "new") };
        refused_ops(&format!("B53 {action}"), Refused::Action, &[op]);
    }
    let counter = Op { value: (8, vec![1]), ..Op::put(None, "new") };
    refused_ops("B53 a counter", Refused::Value, &[counter]);
    let expand = Target::new().good().with_column(column::EXPAND, vec![0, 1]);
    refused("B53 a mark's edge", Refused::Action, expand.build());
    let name = Target::new().good().with_column(column::MARK_NAME, vec![0x7f, 1, b'm']);
    refused("B53 a mark's name", Refused::Action, name.build());
    let in_text = |action| Op { action, ..Op::insert(TEXT, Key::Head, 'x') };
    refused_ops("B53 a mark", Refused::Action, &[in_text(7)]);
    let object = Op { value: (0, vec![]), ..in_text(4) };
    refused_ops("B53 an object in a text", Refused::Action, &[object]);
    let two = Op { value: (6, b"xy".to_vec()), ..in_text(1) };
    refused_ops("B53 two characters as one", Refused::Action, &[two]);
    let replaced = Op { insert: false, ..Op::insert(TEXT, Key::Element(A), 'x') };
    refused_ops("B53 a character replaced", Refused::Action, &[replaced.over(&[A])]);
    let inserted = Op { insert: true, ..Op::put(None, "new") };
    refused_ops("B53 an insertion in a map", Refused::Action, &[inserted]);
}

fn nested(depth: u64) -> Vec<Op> {
    (0..depth).map(|at| Op::make((at > 0).then(|| (NEXT + at - 1, 0)), "deep", 0)).collect()
}

#[test]
fn b55_maps_stand_at_most_16_deep_in_each_other() {
    let _alone = alone();
    accepted("16", Target::new().change(&nested(16)).build());
    refused_ops("B55 17", Refused::Depth, &nested(17));
    refused_ops("B55 5,000", Refused::Depth, &nested(5_000));
}

#[test]
fn b57_one_device_cannot_pile_up_rival_values() {
    let _alone = alone();
    let put = Op::put(None, "new");
    refused_ops("B57 beside one's own", Refused::Overwritten, &[put.clone(), put.clone()]);
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
    let many: Vec<_> = (0..4_097).map(|n| Op::put(None, &format!("key {n}"))).collect();
    refused_ops("B57 4,097 keys", Refused::Items, &many);
    let long: Vec<_> = (0..4_096).map(|n| Op::put(None, &format!("{n:0>240}"))).collect();
    let last = Op::make(None, "list", 2);
    refused_ops(
        "B57 a megabyte of keys and one list",
        Refused::Action,
        &[&long[..4_095], &[last]].concat(),
    );
}

#[test]
fn b58_a_known_field_keeps_its_form() {
    let _alone = alone();
    refused_ops("B58 `given` as list", Refused::Action, &[Op::make(None, "given", 2)]);
    refused_ops("B58 text as bool", Refused::Field, &[Op::put(None, "text").over(&[TEXT])]);
    refused_ops("B58 title as map", Refused::Field, &[Op::make(None, "title", 0).over(&[TITLE])]);
    refused_ops("B58 tags as text", Refused::Field, &[Op::make(None, "tags", 4).over(&[TAGS])]);
    refused_ops("B58 time as bool", Refused::Field, &[Op::put(None, "at")]);
    let gone = Op { action: 3, value: (0, vec![]), ..Op::put(None, "text") };
    accepted(
        "a missing field is read as empty",
        Target::new().change(&[gone.over(&[TEXT])]).build(),
    );
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
