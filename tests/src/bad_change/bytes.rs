//! Rows that the bytes alone condemn: chunk, header, columns, numbers, values.

use super::Cases;
use super::target::{A, ATTACKER, T, TEXT, TITLE, Target, VICTIM};
use crate::raw_change::{Key, Op, RawChange, chunk, column, sealed, signed, unsigned};
use reknit_core::document::Refused;

fn with(spec: u64, data: Vec<u8>) -> Vec<u8> {
    Target::new().good().with_column(spec, data).build()
}

/// Only plain changes pass.
pub(super) fn b41(cases: &mut Cases) {
    let data = Target::new().good().data();
    for kind in [0, 2, 3, 4, 255] {
        cases.refused(&format!("type {kind}"), Refused::ChunkType, chunk(kind, &data));
    }
}

/// A wrong magic length or checksum is refused.
pub(super) fn b42(cases: &mut Cases) {
    let good = Target::new().good().build();
    let mut magic = good.clone();
    magic[0] ^= 1;
    cases.refused("magic", Refused::Magic, magic);
    let mut checksum = good.clone();
    checksum[4] ^= 1;
    cases.refused("checksum", Refused::Checksum, checksum);
    let data = Target::new().good().data();
    for (row, len) in
        [("longer", data.len() + 1), ("shorter", data.len() - 1), ("huge", usize::MAX)]
    {
        let rest = [&[1][..], &unsigned(len as u64), &data].concat();
        cases.refused(&format!("length {row}"), Refused::Length, sealed(&rest));
    }
    cases.refused("glued", Refused::Length, [good.clone(), good.clone()].concat());
    for cut in [0, 3, 8, 9] {
        cases.refused(&format!("cut at {cut}"), Refused::Length, good[..cut].to_vec());
    }
    cases.refused("above an entry", Refused::Size, vec![0; 1_048_496]);
}

/// Run lengths are counted before they are expanded.
pub(super) fn b43(cases: &mut Cases) {
    let huge = |n: i64| [signed(n), vec![1]].concat();
    for n in [65_537, 10_000_000, 1_000_000_000_000_000_000, i64::MAX] {
        cases.refused(&format!("run {n}"), Refused::Run, with(column::ACTION, huge(n)));
    }
    for (row, data) in [
        ("run of nulls", vec![0, 0]),
        ("run of one", vec![1, 1]),
        ("literal longer than its data", vec![0x60, 1]),
        ("literal i64::MIN", huge(i64::MIN)),
        ("two literals", vec![0x7f, 1, 0x7f, 3]),
        ("nulls in a column without", vec![0, 1]),
    ] {
        cases.refused(row, Refused::Run, with(column::ACTION, data));
    }
    let text =
        [Op::insert(TEXT, Key::Element(A), 'x'), Op::insert(TEXT, Key::Element((7, 0)), 'y')];
    let overflow = [&[0x7e][..], &signed(i64::MAX), &signed(i64::MAX - 1)].concat();
    let change = Target::new().change(&text).with_column(column::KEY_COUNTER, overflow);
    cases.refused("counter overflow", Refused::StartOp, change.build());
    let below = [&[0x7e][..], &signed(5), &signed(-6)].concat();
    let change = Target::new().change(&text).with_column(column::KEY_COUNTER, below);
    cases.refused("counter below zero", Refused::Run, change.build());
    cases.refused("bools", Refused::Run, with(column::INSERT, unsigned(65_537)));
    cases.refused(
        "bools again",
        Refused::Run,
        with(column::INSERT, [unsigned(65_000), unsigned(65_000)].concat()),
    );
    cases.refused("bools end in nothing", Refused::Run, with(column::INSERT, vec![1, 0]));
    cases.refused("uneven", Refused::Uneven, with(column::INSERT, vec![2]));
    cases.refused("uneven keys", Refused::Uneven, with(column::KEY_TEXT, vec![2, 1, b'x']));
}

/// Columns are known sorted and plain.
pub(super) fn b44(cases: &mut Cases) {
    let good = Target::new().good();
    let columns = |columns: Vec<(u64, Vec<u8>)>| RawChange { columns, ..good.clone() }.build();
    let many = (0..33).map(|id| (id * 16 + 2, vec![0x7f, 0])).collect();
    cases.refused("33 columns", Refused::Column, columns(many));
    let mut twice = good.columns.clone();
    twice.insert(0, twice[0].clone());
    cases.refused("twice", Refused::Column, columns(twice));
    let mut unsorted = good.columns.clone();
    unsorted.swap(0, 1);
    cases.refused("unsorted", Refused::Column, columns(unsorted));
    let mut deflated = good.columns.clone();
    deflated[0].0 |= 8;
    cases.refused("deflated", Refused::Column, columns(deflated));
    let mut empty = good.columns.clone();
    empty.insert(0, (column::OBJECT_ACTOR, vec![]));
    cases.refused("empty", Refused::Column, columns(empty));
    let unknown = good.clone().with_column(210, vec![0x7f, 0]);
    cases.refused("unknown", Refused::Column, unknown.build());
    let missing = |spec| good.clone().with_column(spec, vec![]).build();
    cases.refused("no actions", Refused::Empty, missing(column::ACTION));
    cases.refused("no values", Refused::Column, missing(column::VALUE_HEAD));
    cases.refused("nothing", Refused::Empty, columns(vec![]));
    cases.refused(
        "extra bytes",
        Refused::Extra,
        RawChange { extra: vec![1], ..good.clone() }.build(),
    );
    cases.refused("message", Refused::Message, RawChange { message: vec![b'm'], ..good }.build());
}

/// Numbers have one form.
pub(super) fn b45(cases: &mut Cases) {
    let good = Target::new().good();
    let seq = |seq: Vec<u8>| RawChange { seq, ..good.clone() }.build();
    cases.refused("11 bytes", Refused::Number, seq([vec![0x80; 10], vec![1]].concat()));
    cases.refused("over-long zero", Refused::Number, seq(vec![0x80, 0x80, 0]));
    cases.refused("over-long one", Refused::Number, seq(vec![0x81, 0]));
    let spec = RawChange { columns: vec![(1 << 40, vec![1])], ..good.clone() };
    cases.refused("u64 in a u32 place", Refused::Number, spec.build());
    let length = RawChange { actor: vec![], ..good }.data();
    let long = [&length[..33], &[0x90, 0], &ATTACKER, &length[34..]].concat();
    cases.refused("over-long length", Refused::Number, chunk(1, &long));
}

/// An actor is 16 bytes and the signing devices.
pub(super) fn b48(cases: &mut Cases) {
    let good = Target::new().good();
    let actor = |actor: Vec<u8>| RawChange { actor, ..good.clone() }.build();
    cases.refused("empty", Refused::Actors, actor(vec![]));
    cases.refused("17 bytes", Refused::Actors, actor(vec![2; 17]));
    cases.refused("1 MB", Refused::Actors, actor(vec![2; 1_000_000]));
    cases.refused("the victim's", Refused::Actor, actor(VICTIM.to_vec()));
    cases.refused("another incarnation's", Refused::Actor, actor(vec![3; 16]));
    let others = |other_actors: Vec<Vec<u8>>| RawChange { other_actors, ..good.clone() }.build();
    cases.refused("named by nothing", Refused::Actors, others(vec![VICTIM.to_vec()]));
    cases.refused("oneself among others", Refused::Actors, others(vec![ATTACKER.to_vec()]));
    cases.refused("17 bytes among others", Refused::Actors, others(vec![vec![1; 17]]));
    cases.refused("unsorted", Refused::Actors, others(vec![vec![4; 16], vec![3; 16]]));
    cases.refused("65 others", Refused::Actors, others((10..75).map(|n| vec![n; 16]).collect()));
}

/// A values length and form are checked first.
pub(super) fn b54(cases: &mut Cases) {
    let head = |len: u64, kind: u64| {
        with(column::VALUE_HEAD, [vec![0x7f], unsigned(len << 4 | kind)].concat())
    };
    cases.refused("10 MB", Refused::Value, head(10_000_000, 6));
    cases.refused("u64::MAX", Refused::Value, head(u64::MAX >> 4, 7));
    cases.refused("bytes left over", Refused::Value, with(column::VALUE, vec![1]));
    let put = |kind: u64, bytes: &[u8]| {
        let op = Op { value: (kind, bytes.to_vec()), ..Op::put(None, "new") };
        Target::new().change(&[op]).build()
    };
    cases.refused("not UTF-8", Refused::Utf8, put(6, &[0xff, 0xfe]));
    cases.refused("NaN", Refused::Value, put(5, &f64::NAN.to_le_bytes()));
    for kind in [0, 3, 7, 8, 9, 10, 15] {
        cases.refused(&format!("type {kind}"), Refused::Value, put(kind, &[]));
    }
    cases.refused("a bool of one byte", Refused::Value, put(1, &[1]));
    cases.refused("an over-long number", Refused::Value, put(4, &[0x80, 0]));
    cases.refused("a number and more", Refused::Value, put(4, &[1, 1]));
    let deleting = Op { value: (2, vec![]), ..Op::delete(TITLE, T) };
    cases.refused(
        "a deletion with a value",
        Refused::Value,
        Target::new().change(&[deleting]).build(),
    );
    cases.accepted("a number", put(4, &[1]));
    cases.accepted("a string", put(6, b"words"));
}

/// Map keys are short plain and in normal form.
pub(super) fn b56(cases: &mut Cases) {
    let key = |key: &str| Target::new().change(&[Op::put(None, key)]).build();
    for (row, bad) in [
        ("1 MB", "k".repeat(1_000_000)),
        ("257 bytes", "k".repeat(257)),
        ("empty", String::new()),
        ("NUL", "a\0b".to_owned()),
        ("the second of two keys equal in normal form C", "e\u{301}".to_owned()),
    ] {
        cases.refused(row, Refused::Key, key(&bad));
    }
    cases.accepted("256 bytes", key(&"k".repeat(256)));
    cases.accepted("normal form", key("\u{e9}"));
    cases.refused("not UTF-8", Refused::Utf8, with(column::KEY_TEXT, vec![0x7f, 1, 0xff]));
}
