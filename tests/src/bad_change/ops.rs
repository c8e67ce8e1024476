//! Rows that need the document: header numbers, past, objects, positions, what is overwritten, depth, fields.

use super::Cases;
use super::target::{A, B, NEXT, T, TAGS, TEXT, TITLE, Target, VICTIM};
use crate::raw_change::{Key, Op, RawChange, column, unsigned};
use reknit_core::document::{Refused, change_hash};

/// The first counter is one more than all it has seen.
pub(super) fn b46(cases: &mut Cases) {
    let good = Target::new().good();
    for start in [0, 1, NEXT - 1, NEXT + 1, 1 << 31, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        let raw = RawChange { start_op: unsigned(start), ..good.clone() }.build();
        cases.refused(&start.to_string(), Refused::StartOp, raw);
    }
}

/// Sequence numbers have no gap and no second.
pub(super) fn b47(cases: &mut Cases) {
    let good = Target::new().good();
    for seq in [0, 2, 5, 1 << 63] {
        let raw = RawChange { seq: unsigned(seq), ..good.clone() }.build();
        cases.refused(&seq.to_string(), Refused::Sequence, raw);
    }
    let other = Target::new().change(&[Op::put(None, "other")]).build();
    cases.refused_all("a second first change", Refused::Sequence, vec![good.build(), other]);
}

/// Dependencies are few, known and in the entry's own past.
pub(super) fn b49(cases: &mut Cases) {
    let good = Target::new().good();
    let deps = |deps: Vec<[u8; 32]>| RawChange { deps, ..good.clone() }.build();
    cases.refused("65", Refused::Dependencies, deps((0..65).map(|n| [n; 32]).collect()));
    cases.refused(
        "twice",
        Refused::Dependencies,
        deps([good.deps.clone(), good.deps.clone()].concat()),
    );
    cases.refused("unsorted", Refused::Dependencies, deps(vec![[9; 32], [8; 32]]));
    cases.refused("unknown", Refused::UnknownDep, deps(vec![[9; 32]]));
    let itself = change_hash(&good.build()).expect("a change");
    cases.refused("itself", Refused::UnknownDep, deps(vec![itself]));
}

/// Operations work on objects of their kind.
pub(super) fn b50(cases: &mut Cases) {
    cases.refused_ops("no such object", Refused::UnknownObject, &[Op::put(Some((99, 1)), "x")]);
    cases.refused_ops("a character as object", Refused::UnknownObject, &[Op::put(Some(A), "x")]);
    cases.refused_ops(
        "its own operation",
        Refused::UnknownObject,
        &[Op::make(Some((NEXT, 0)), "x", 0)],
    );
    cases.refused_ops("a map key in a text", Refused::ObjectKind, &[Op::put(Some(TEXT), "x")]);
    cases.refused_ops(
        "a character in a map",
        Refused::ObjectKind,
        &[Op::insert(TAGS, Key::Head, 'x')],
    );
    let root = Op { object: None, ..Op::insert(TAGS, Key::Head, 'x') };
    cases.refused_ops("a character in the root", Refused::ObjectKind, &[root]);
    let half = Target::new()
        .change(&[Op::put(Some(TAGS), "x")])
        .with_column(column::OBJECT_COUNTER, vec![]);
    cases.refused("half a name", Refused::UnknownObject, half.build());
}

/// Positions and predecessors exist in the same object.
pub(super) fn b51(cases: &mut Cases) {
    let at = |id| Op::insert(TEXT, Key::Element(id), 'x');
    cases.refused_ops("missing", Refused::Element, &[at((99, 1))]);
    cases.refused_ops("later", Refused::Element, &[at((NEXT + 1, 0)), at(A)]);
    cases.refused_ops("itself", Refused::Element, &[at((NEXT, 0))]);
    cases.refused_ops("of another object", Refused::Element, &[at(T)]);
    cases.refused_ops("an object as position", Refused::Element, &[at(TITLE)]);
    cases.refused_ops("an insertion that overwrites", Refused::Overwritten, &[at(A).over(&[B])]);
    let delete = |id| Op::delete(TEXT, id);
    cases.refused_ops("a missing character", Refused::Element, &[delete((99, 1))]);
    cases.refused_ops("of another text", Refused::Element, &[delete(T)]);
    cases.refused_ops("deleted twice", Refused::Overwritten, &[delete(A), delete(A)]);
    cases.refused_ops("nothing deleted", Refused::Overwritten, &[delete(A).over(&[])]);
    cases.refused_ops("another deleted", Refused::Overwritten, &[delete(A).over(&[B])]);
    cases.refused_ops("both deleted", Refused::Overwritten, &[delete(A).over(&[A, B])]);
    let head = Op { key: Key::Head, ..delete(A) };
    cases.refused_ops("the head deleted", Refused::Element, &[head]);
    let put = Op::put(None, "new");
    for (row, preds) in [
        ("missing", vec![(99, 1)]),
        ("later", vec![(NEXT + 1, 0)]),
        ("of another key", vec![TEXT]),
        ("of another object", vec![A]),
        ("unsorted", vec![(NEXT, 0), (1, 0)]),
    ] {
        cases.refused_ops(
            &format!("predecessor {row}"),
            Refused::Overwritten,
            &[put.clone().over(&preds)],
        );
    }
    let own = (NEXT, 0);
    let twice = [put.clone(), put.clone().over(&[own]), put.over(&[own])];
    cases.refused_ops("overwritten twice", Refused::Overwritten, &twice);
}

/// An actor outside the table is refused.
pub(super) fn b52(cases: &mut Cases) {
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
            cases.refused(&format!("{row} {actor}"), Refused::ActorIndex, change.build());
        }
    }
}

/// Only four actions exist.
pub(super) fn b53(cases: &mut Cases) {
    for action in [2, 5, 6, 7, 8, 255, u64::MAX] {
        let op = Op { action, value: (0, vec![]), ..Op::put(None, "new") };
        cases.refused_ops(&format!("{action}"), Refused::Action, &[op]);
    }
    let counter = Op { value: (8, vec![1]), ..Op::put(None, "new") };
    cases.refused_ops("a counter", Refused::Value, &[counter]);
    let expand = Target::new().good().with_column(column::EXPAND, vec![0, 1]);
    cases.refused("a mark's edge", Refused::Action, expand.build());
    let name = Target::new().good().with_column(column::MARK_NAME, vec![0x7f, 1, b'm']);
    cases.refused("a mark's name", Refused::Action, name.build());
    let in_text = |action| Op { action, ..Op::insert(TEXT, Key::Head, 'x') };
    cases.refused_ops("a mark", Refused::Action, &[in_text(7)]);
    let object = Op { value: (0, vec![]), ..in_text(4) };
    cases.refused_ops("an object in a text", Refused::Action, &[object]);
    let two = Op { value: (6, b"xy".to_vec()), ..in_text(1) };
    cases.refused_ops("two characters as one", Refused::Action, &[two]);
    let replaced = Op { insert: false, ..Op::insert(TEXT, Key::Element(A), 'x') };
    cases.refused_ops("a character replaced", Refused::Action, &[replaced.over(&[A])]);
    let inserted = Op { insert: true, ..Op::put(None, "new") };
    cases.refused_ops("an insertion in a map", Refused::Action, &[inserted]);
}

fn nested(depth: u64) -> Vec<Op> {
    (0..depth).map(|at| Op::make((at > 0).then(|| (NEXT + at - 1, 0)), "deep", 0)).collect()
}

/// Maps stand at most 16 deep in each other.
pub(super) fn b55(cases: &mut Cases) {
    cases.accepted("16", Target::new().change(&nested(16)).build());
    cases.refused_ops("17", Refused::Depth, &nested(17));
    cases.refused_ops("5,000", Refused::Depth, &nested(5_000));
}

/// One device cannot pile up rival values.
pub(super) fn b57(cases: &mut Cases) {
    let put = Op::put(None, "new");
    cases.refused_ops("beside one's own", Refused::Overwritten, &[put.clone(), put.clone()]);
    let many: Vec<_> = (0..4_097).map(|n| Op::put(None, &format!("key {n}"))).collect();
    cases.refused_ops("4,097 keys", Refused::Items, &many);
    let long: Vec<_> = (0..4_096).map(|n| Op::put(None, &format!("{n:0>240}"))).collect();
    let last = Op::make(None, "list", 2);
    cases.refused_ops(
        "a megabyte of keys and one list",
        Refused::Action,
        &[&long[..4_095], &[last]].concat(),
    );
}

/// A known field keeps its form.
pub(super) fn b58(cases: &mut Cases) {
    cases.refused_ops("`given` as list", Refused::Action, &[Op::make(None, "given", 2)]);
    cases.refused_ops("text as bool", Refused::Field, &[Op::put(None, "text").over(&[TEXT])]);
    cases.refused_ops("title as map", Refused::Field, &[Op::make(None, "title", 0).over(&[TITLE])]);
    cases.refused_ops("tags as text", Refused::Field, &[Op::make(None, "tags", 4).over(&[TAGS])]);
    cases.refused_ops("time as bool", Refused::Field, &[Op::put(None, "at")]);
    let gone = Op { action: 3, value: (0, vec![]), ..Op::put(None, "text") };
    cases.accepted(
        "a missing field is read as empty",
        Target::new().change(&[gone.over(&[TEXT])]).build(),
    );
}
