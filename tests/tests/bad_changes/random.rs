//! Thousands of changes with an honest header and random operations: what passes the gate never fails Automerge.

use crate::target::alone;
use proptest::prelude::*;
use reknit_core::document::{Document, DocumentKind, Refused};
use reknit_e2e::bad_change::target::{A, ATTACKER, B, NEXT, T, TAGS, TEXT, Target, VICTIM};
use reknit_e2e::raw_change::{Id, Key, Op, RawChange};

fn id() -> impl Strategy<Value = Id> {
    (1_u64..12, 0_u64..2)
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        3 => prop::sample::select(vec!["title", "text", "tags", "at", "x", "y"]).prop_map(|key| Key::Map(key.into())),
        1 => Just(Key::Head),
        3 => id().prop_map(Key::Element),
    ]
}

/// Mostly in order, but for what the operations before it in the same change did.
fn op() -> impl Strategy<Value = Op> {
    let position = prop::sample::select(vec![
        Key::Head,
        Key::Element(A),
        Key::Element(B),
        Key::Element((NEXT, 0)),
    ]);
    let key = prop::sample::select(vec!["x", "y", "z"]);
    prop_oneof![
        4 => position.prop_map(|key| Op::insert(TEXT, key, 'c')),
        2 => prop::sample::select(vec![A, B, T, (NEXT, 0)]).prop_map(|id| Op::delete(TEXT, id)),
        2 => key.clone().prop_map(|key| Op::put(Some(TAGS), key)),
        2 => (key.clone(), prop::sample::select(vec![0, 4])).prop_map(|(key, action)| Op::make(None, key, action)),
        1 => key.prop_map(|key| Op::put(Some((NEXT, 0)), key)),
        4 => any_op(),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let object = prop_oneof![3 => Just(None), 2 => Just(Some((2, 1))), 2 => id().prop_map(Some)];
    let value = prop_oneof![
        3 => Just((6, b"c".to_vec())),
        2 => Just((0, vec![])),
        1 => Just((2, vec![])),
        1 => Just((4, vec![5])),
    ];
    let action = prop::sample::select(vec![0, 1, 1, 1, 1, 2, 3, 3, 3, 4, 5, 7]);
    let preds = prop_oneof![3 => Just(vec![]), 2 => prop::collection::vec(id(), 1), 1 => prop::collection::vec(id(), 2)];
    (object, key(), any::<bool>(), action, value, preds)
        .prop_map(|(object, key, insert, action, value, preds)| Op {
            object,
            key,
            insert,
            action,
            value,
            preds,
        })
        .prop_map(likely)
}

/// Half a chance is not enough: a deletion names what it deletes, and only puts carry values.
fn likely(mut op: Op) -> Op {
    if op.action != 1 {
        op.value = (0, vec![]);
    }
    if op.action == 3 {
        op.insert = false;
        if let Key::Element(id) = op.key {
            op.preds = vec![id];
        }
    }
    op
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, ..ProptestConfig::default() })]
    #[test]
    fn what_passes_the_gate_never_fails_automerge(ops in prop::collection::vec(op(), 1..5)) {
        let _alone = alone();
        let mut target = Target::new();
        let raw = target.change(&ops).build();
        let merged = target.merge(1, vec![raw]);
        prop_assert!(merged.refused.iter().all(|(_, why)| *why != Refused::Apply));
        let again = Document::load(DocumentKind::Journal, &target.document.save()).unwrap();
        prop_assert_eq!(again.fields(), target.document.fields());
    }
}

#[test]
fn enough_random_changes_pass_to_mean_something() {
    use proptest::strategy::ValueTree;
    let _alone = alone();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = prop::collection::vec(op(), 1..3);
    let passed = (0..2_000)
        .filter(|_| {
            let ops = strategy.new_tree(&mut runner).unwrap().current();
            let mut change = RawChange::new(ATTACKER, 1, NEXT, &ops);
            let mut target = Target::new();
            change.deps = vec![target.first];
            change.other_actors = target.change(&ops).other_actors;
            debug_assert!(change.other_actors.iter().all(|actor| *actor == VICTIM));
            target.merge(1, vec![change.build()]).refused.is_empty()
        })
        .count();
    println!("{passed} of 2,000 passed");
    assert!(passed > 500, "{passed} of 2,000 passed");
}
