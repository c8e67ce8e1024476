//! Rows that the bytes alone condemn: chunk, header, columns, numbers, values.

use crate::target::{
    A, ATTACKER, T, TEXT, TITLE, Target, VICTIM, accepted, alone, incoming, refused, refused_all,
};
use reknit_core::document::{CHANGES_PER_ENTRY_MAX, Refused};
use reknit_e2e::raw_change::{Key, Op, RawChange, bools, chunk, column, sealed, signed, unsigned};

fn with(spec: u64, data: Vec<u8>) -> Vec<u8> {
    Target::new().good().with_column(spec, data).build()
}

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
fn b41_only_plain_changes_pass() {
    let _alone = alone();
    let data = Target::new().good().data();
    for kind in [0, 2, 3, 4, 255] {
        refused(&format!("B41 type {kind}"), Refused::ChunkType, chunk(kind, &data));
    }
}

#[test]
fn b42_a_wrong_magic_length_or_checksum_is_refused() {
    let _alone = alone();
    let good = Target::new().good().build();
    let mut magic = good.clone();
    magic[0] ^= 1;
    refused("B42 magic", Refused::Magic, magic);
    let mut checksum = good.clone();
    checksum[4] ^= 1;
    refused("B42 checksum", Refused::Checksum, checksum);
    let data = Target::new().good().data();
    for (row, len) in
        [("longer", data.len() + 1), ("shorter", data.len() - 1), ("huge", usize::MAX)]
    {
        let rest = [&[1][..], &unsigned(len as u64), &data].concat();
        refused(&format!("B42 length {row}"), Refused::Length, sealed(&rest));
    }
    refused("B42 glued", Refused::Length, [good.clone(), good.clone()].concat());
    for cut in [0, 3, 8, 9] {
        refused(&format!("B42 cut at {cut}"), Refused::Length, good[..cut].to_vec());
    }
    refused("B42 above an entry", Refused::Size, vec![0; 1_048_496]);
}

#[test]
fn b43_run_lengths_are_counted_before_they_are_expanded() {
    let _alone = alone();
    let huge = |n: i64| [signed(n), vec![1]].concat();
    for n in [65_537, 10_000_000, 1_000_000_000_000_000_000, i64::MAX] {
        refused(&format!("B43 run {n}"), Refused::Run, with(column::ACTION, huge(n)));
    }
    for (row, data) in [
        ("run of nulls", vec![0, 0]),
        ("run of one", vec![1, 1]),
        ("literal longer than its data", vec![0x60, 1]),
        ("literal i64::MIN", huge(i64::MIN)),
        ("two literals", vec![0x7f, 1, 0x7f, 3]),
        ("nulls in a column without", vec![0, 1]),
    ] {
        refused(&format!("B43 {row}"), Refused::Run, with(column::ACTION, data));
    }
    let text =
        [Op::insert(TEXT, Key::Element(A), 'x'), Op::insert(TEXT, Key::Element((7, 0)), 'y')];
    let overflow = [&[0x7e][..], &signed(i64::MAX), &signed(i64::MAX - 1)].concat();
    let change = Target::new().change(&text).with_column(column::KEY_COUNTER, overflow);
    refused("B43 counter overflow", Refused::StartOp, change.build());
    let below = [&[0x7e][..], &signed(5), &signed(-6)].concat();
    let change = Target::new().change(&text).with_column(column::KEY_COUNTER, below);
    refused("B43 counter below zero", Refused::Run, change.build());
    refused("B43 bools", Refused::Run, with(column::INSERT, unsigned(65_537)));
    refused(
        "B43 bools again",
        Refused::Run,
        with(column::INSERT, [unsigned(65_000), unsigned(65_000)].concat()),
    );
    refused("B43 bools end in nothing", Refused::Run, with(column::INSERT, vec![1, 0]));
    refused("B43 uneven", Refused::Uneven, with(column::INSERT, vec![2]));
    refused("B43 uneven keys", Refused::Uneven, with(column::KEY_TEXT, vec![2, 1, b'x']));
}

#[test]
fn b44_columns_are_known_sorted_and_plain() {
    let _alone = alone();
    let good = Target::new().good();
    let columns = |columns: Vec<(u64, Vec<u8>)>| RawChange { columns, ..good.clone() }.build();
    let many = (0..33).map(|id| (id * 16 + 2, vec![0x7f, 0])).collect();
    refused("B44 33 columns", Refused::Column, columns(many));
    let mut twice = good.columns.clone();
    twice.insert(0, twice[0].clone());
    refused("B44 twice", Refused::Column, columns(twice));
    let mut unsorted = good.columns.clone();
    unsorted.swap(0, 1);
    refused("B44 unsorted", Refused::Column, columns(unsorted));
    let mut deflated = good.columns.clone();
    deflated[0].0 |= 8;
    refused("B44 deflated", Refused::Column, columns(deflated));
    let mut empty = good.columns.clone();
    empty.insert(0, (column::OBJECT_ACTOR, vec![]));
    refused("B44 empty", Refused::Column, columns(empty));
    let unknown = good.clone().with_column(210, vec![0x7f, 0]);
    refused("B44 unknown", Refused::Column, unknown.build());
    let missing = |spec| good.clone().with_column(spec, vec![]).build();
    refused("B44 no actions", Refused::Empty, missing(column::ACTION));
    refused("B44 no values", Refused::Column, missing(column::VALUE_HEAD));
    refused("B44 nothing", Refused::Empty, columns(vec![]));
    refused(
        "B44 extra bytes",
        Refused::Extra,
        RawChange { extra: vec![1], ..good.clone() }.build(),
    );
    refused("B44 message", Refused::Message, RawChange { message: vec![b'm'], ..good }.build());
}

#[test]
fn b45_numbers_have_one_form() {
    let _alone = alone();
    let good = Target::new().good();
    let seq = |seq: Vec<u8>| RawChange { seq, ..good.clone() }.build();
    refused("B45 11 bytes", Refused::Number, seq([vec![0x80; 10], vec![1]].concat()));
    refused("B45 over-long zero", Refused::Number, seq(vec![0x80, 0x80, 0]));
    refused("B45 over-long one", Refused::Number, seq(vec![0x81, 0]));
    let spec = RawChange { columns: vec![(1 << 40, vec![1])], ..good.clone() };
    refused("B45 u64 in a u32 place", Refused::Number, spec.build());
    let length = RawChange { actor: vec![], ..good }.data();
    let long = [&length[..33], &[0x90, 0], &ATTACKER, &length[34..]].concat();
    refused("B45 over-long length", Refused::Number, chunk(1, &long));
}

#[test]
fn b48_an_actor_is_16_bytes_and_the_signing_devices() {
    let _alone = alone();
    let good = Target::new().good();
    let actor = |actor: Vec<u8>| RawChange { actor, ..good.clone() }.build();
    refused("B48 empty", Refused::Actors, actor(vec![]));
    refused("B48 17 bytes", Refused::Actors, actor(vec![2; 17]));
    refused("B48 1 MB", Refused::Actors, actor(vec![2; 1_000_000]));
    refused("B48 the victim's", Refused::Actor, actor(VICTIM.to_vec()));
    refused("B48 another incarnation's", Refused::Actor, actor(vec![3; 16]));
    let others = |other_actors: Vec<Vec<u8>>| RawChange { other_actors, ..good.clone() }.build();
    refused("B48 named by nothing", Refused::Actors, others(vec![VICTIM.to_vec()]));
    refused("B48 oneself among others", Refused::Actors, others(vec![ATTACKER.to_vec()]));
    refused("B48 17 bytes among others", Refused::Actors, others(vec![vec![1; 17]]));
    refused("B48 unsorted", Refused::Actors, others(vec![vec![4; 16], vec![3; 16]]));
    refused("B48 65 others", Refused::Actors, others((10..75).map(|n| vec![n; 16]).collect()));
}

#[test]
fn b54_a_values_length_and_form_are_checked_first() {
    let _alone = alone();
    let head = |len: u64, kind: u64| {
        with(column::VALUE_HEAD, [vec![0x7f], unsigned(len << 4 | kind)].concat())
    };
    refused("B54 10 MB", Refused::Value, head(10_000_000, 6));
    refused("B54 u64::MAX", Refused::Value, head(u64::MAX >> 4, 7));
    refused("B54 bytes left over", Refused::Value, with(column::VALUE, vec![1]));
    let put = |kind: u64, bytes: &[u8]| {
        let op = Op { value: (kind, bytes.to_vec()), ..Op::put(None, "new") };
        Target::new().change(&[op]).build()
    };
    refused("B54 not UTF-8", Refused::Utf8, put(6, &[0xff, 0xfe]));
    refused("B54 NaN", Refused::Value, put(5, &f64::NAN.to_le_bytes()));
    for kind in [0, 3, 7, 8, 9, 10, 15] {
        refused(&format!("B54 type {kind}"), Refused::Value, put(kind, &[]));
    }
    refused("B54 a bool of one byte", Refused::Value, put(1, &[1]));
    refused("B54 an over-long number", Refused::Value, put(4, &[0x80, 0]));
    refused("B54 a number and more", Refused::Value, put(4, &[1, 1]));
    let deleting = Op { value: (2, vec![]), ..Op::delete(TITLE, T) };
    refused(
        "B54 a deletion with a value",
        Refused::Value,
        Target::new().change(&[deleting]).build(),
    );
    accepted("a number", put(4, &[1]));
    accepted("a string", put(6, b"words"));
}

#[test]
fn b56_map_keys_are_short_plain_and_in_normal_form() {
    let _alone = alone();
    let key = |key: &str| Target::new().change(&[Op::put(None, key)]).build();
    for (row, bad) in [
        ("1 MB", "k".repeat(1_000_000)),
        ("257 bytes", "k".repeat(257)),
        ("empty", String::new()),
        ("NUL", "a\0b".to_owned()),
        ("the second of two keys equal in normal form C", "e\u{301}".to_owned()),
    ] {
        refused(&format!("B56 {row}"), Refused::Key, key(&bad));
    }
    accepted("256 bytes", key(&"k".repeat(256)));
    accepted("normal form", key("\u{e9}"));
    refused("B56 not UTF-8", Refused::Utf8, with(column::KEY_TEXT, vec![0x7f, 1, 0xff]));
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
    let merged = Target::new().document.merge(&[incoming(1, changes.clone())]);
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
