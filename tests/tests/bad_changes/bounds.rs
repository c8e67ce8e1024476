//! The bounds of an entry, and the dearest refusal.

use crate::target::{accepted, alone, refused, refused_all, spent};
use reknit_core::document::{CHANGES_PER_ENTRY_MAX, Edit, Refused};
use reknit_e2e::bad_change::target::{A, TEXT, Target, VICTIM, incoming, place};
use reknit_e2e::raw_change::{Key, Op, RawChange, bools, column, unsigned};

#[test]
fn the_hand_made_changes_are_what_automerge_writes() {
    let _alone = alone();
    let target = Target::new();
    accepted("put", target.good().build());
    let inserts = [
        Op::insert(TEXT, Key::Element(A), 'x'),
        Op::insert(TEXT, Key::Element((7, 0)), 'ä'),
        Op::insert(TEXT, Key::Head, '👍'),
        Op::delete(TEXT, A),
    ];
    let raw = target.change(&inserts).build();
    assert_eq!(automerge::Change::from_bytes(raw.clone()).unwrap().decode().operations.len(), 4);
    let mut target = Target::new();
    assert_eq!(target.merge(1, vec![raw]).refused, []);
    assert_eq!(target.document.fields().text, "👍xäb");
}

#[test]
fn an_entry_has_bounds_of_its_own() {
    let _alone = alone();
    let raw = Target::new().good().build();
    refused_all("changes", Refused::Size, vec![raw; CHANGES_PER_ENTRY_MAX + 1]);
    let ops: Vec<_> = (0..65_000_u64)
        .map(|at| {
            let key = if at == 0 { Key::Head } else { Key::Element((at + 6, 0)) };
            Op::insert(TEXT, key, 'x')
        })
        .collect();
    let target = Target::new();
    let first = target.change(&ops);
    let hash = |raw: &[u8]| reknit_core::document::change_hash(raw).unwrap();
    let mut changes = vec![first.build()];
    for seq in 2..=3_u64 {
        let next = RawChange {
            deps: vec![hash(&changes[changes.len() - 1])],
            seq: unsigned(seq),
            start_op: unsigned(7 + 65_000 * (seq - 1)),
            ..first.clone()
        };
        changes.push(next.build());
    }
    let merged = Target::new().document.merge(&[incoming(1, changes.clone())]).unwrap();
    assert_eq!(merged.refused[0].1, Refused::Items, "195,000 operations in one entry");
    changes.truncate(2);
    assert_eq!(Target::new().merge(1, changes).refused, [], "130,000 are in order");
    let too_many = bools(&vec![true; 65_537]);
    refused("65,537 operations", Refused::Run, first.with_column(column::INSERT, too_many).build());
}

/// Characters that come and go: the most that the gate must keep in mind for an operation.
fn written_and_deleted(start_op: u64, count: u64) -> Vec<Op> {
    (0..count)
        .map(|at| {
            let id = (start_op + at - at % 2, 0);
            if at % 2 == 0 { Op::insert(TEXT, Key::Head, 'x') } else { Op::delete(TEXT, id) }
        })
        .collect()
}

#[test]
fn the_dearest_refusal_stays_under_4_mib() {
    let _alone = alone();
    let count = 65_534;
    let first = Target::new().change(&written_and_deleted(7, count)).build();
    let mut ops = written_and_deleted(7 + count, count);
    ops.push(Op::make(None, "list", 2));
    let second = RawChange {
        deps: vec![reknit_core::document::change_hash(&first).unwrap()],
        seq: unsigned(2),
        start_op: unsigned(7 + count),
        ..Target::new().change(&ops)
    };
    accepted("the first", first.clone());
    refused_all("the last of 131,069 operations", Refused::Action, vec![first, second.build()]);
}

#[test]
fn a_refusal_copies_nothing_however_much_stands_in_the_document() {
    let _alone = alone();
    let mut target = Target::new();
    let raw = target.good().with_column(column::ACTION, vec![1, 1]).build();
    let long = Edit { text: Some("x".repeat(60_000)), ..Edit::default() };
    target.document.edit(place(VICTIM, 2), &long, 0).unwrap();
    let bad = [incoming(1, vec![raw])];
    let bytes =
        spent(|| assert_eq!(target.document.merge(&bad).unwrap().refused[0].1, Refused::Run));
    println!("refused with {bytes} bytes allocated");
    assert!(bytes < 16 << 10, "{bytes} bytes");
}
