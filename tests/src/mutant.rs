//! Mutants of changes: an honest or hostile one with a part of it altered, and its length and checksum put right, so
//! that only the gate stands before Automerge.

use crate::bad_change::target::{A, B, NEXT, T, TAGS, TEXT};
use crate::random::Seeded;
use crate::raw_change::{Id, Key, Op, RawChange, column, sealed, unsigned};

/// Bytes that mean something at the edges of numbers and runs.
const EDGES: [u8; 12] = [0, 1, 2, 3, 4, 6, 7, 0x7e, 0x7f, 0x80, 0x81, 0xff];
const SPECS: [u64; 14] = [
    column::OBJECT_ACTOR,
    column::OBJECT_COUNTER,
    column::KEY_ACTOR,
    column::KEY_COUNTER,
    column::KEY_TEXT,
    column::INSERT,
    column::ACTION,
    column::VALUE_HEAD,
    column::VALUE,
    column::PRED_COUNT,
    column::PRED_ACTOR,
    column::PRED_COUNTER,
    column::EXPAND,
    column::MARK_NAME,
];

/// A mutant of a change. `other` lends it columns.
pub fn mutant(raw: &[u8], other: &[u8], random: &mut Seeded) -> Vec<u8> {
    if random.one_in(3) {
        return bytes(raw, random);
    }
    let (Some(mut parts), Some(other)) = (RawChange::parse(raw), RawChange::parse(other)) else {
        return bytes(raw, random);
    };
    for _ in 0..=random.below(2) {
        part(&mut parts, &other, random);
    }
    parts.build()
}

/// One to three bytes behind the type altered.
fn bytes(raw: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut rest = raw.get(8..).unwrap_or_default().to_vec();
    if rest.len() < 4 {
        return raw.to_vec();
    }
    for _ in 0..=random.below(3) {
        let at = 3 + index(random, rest.len() - 3);
        rest[at] = byte(random);
    }
    sealed(&rest)
}

fn part(parts: &mut RawChange, other: &RawChange, random: &mut Seeded) {
    match random.below(12) {
        0 => parts.seq = number(random),
        1 => parts.start_op = number(random),
        2 => parts.deps = dependencies(parts, random),
        3 => actors(parts, random),
        // The columns are where operations live.
        4 => drop(parts.columns.pop()),
        5 => lent(parts, other, random),
        6 => renamed(parts, random),
        _ => column_bytes(parts, random),
    }
}

fn dependencies(parts: &RawChange, random: &mut Seeded) -> Vec<[u8; 32]> {
    let mut deps = parts.deps.clone();
    match random.below(3) {
        0 => deps.push(random.array()),
        1 => drop(deps.pop()),
        _ => deps.extend(parts.deps.clone()),
    }
    deps.sort_unstable();
    deps
}

fn actors(parts: &mut RawChange, random: &mut Seeded) {
    match random.below(4) {
        0 => parts.other_actors.push(random.array::<16>().to_vec()),
        1 => drop(parts.other_actors.pop()),
        2 => parts.actor = random.array::<16>().to_vec(),
        _ => parts.other_actors.push(parts.actor.clone()),
    }
    parts.other_actors.sort_unstable();
}

/// A column of another change in the place of one's own, or beside it.
fn lent(parts: &mut RawChange, other: &RawChange, random: &mut Seeded) {
    if !other.columns.is_empty() {
        let (spec, data) = random.pick(&other.columns).clone();
        *parts = parts.clone().with_column(spec, data);
    }
}

/// The data of a column under another name.
fn renamed(parts: &mut RawChange, random: &mut Seeded) {
    if !parts.columns.is_empty() {
        let at = index(random, parts.columns.len());
        parts.columns[at].0 = *random.pick(&SPECS);
        parts.columns.sort_by_key(|(spec, _)| *spec);
    }
}

/// Bytes of a column set, taken out, put in, or said again.
fn column_bytes(parts: &mut RawChange, random: &mut Seeded) {
    if parts.columns.is_empty() {
        return;
    }
    let at = index(random, parts.columns.len());
    let data = &mut parts.columns[at].1;
    if data.is_empty() {
        return;
    }
    let at = index(random, data.len());
    match random.below(5) {
        0 => drop(data.remove(at)),
        1 => data.insert(at, byte(random)),
        2 => data.extend_from_within(at..),
        _ => data[at] = byte(random),
    }
}

/// A few operations on [`Target`](crate::bad_change::target::Target), most of them in order.
pub fn operations(random: &mut Seeded) -> Vec<Op> {
    (0..=random.below(4)).map(|_| operation(random)).collect()
}

fn operation(random: &mut Seeded) -> Op {
    let key = *random.pick(&["x", "y", "z"]);
    match random.below(15) {
        0..4 => {
            let places = [Key::Head, Key::Element(A), Key::Element(B), Key::Element((NEXT, 0))];
            Op::insert(TEXT, random.pick(&places).clone(), 'c')
        }
        4 | 5 => Op::delete(TEXT, *random.pick(&[A, B, T, (NEXT, 0)])),
        6 | 7 => Op::put(Some(TAGS), key),
        8 | 9 => Op::make(None, key, *random.pick(&[0, 4])),
        10 => Op::put(Some((NEXT, 0)), key),
        _ => any_operation(random),
    }
}

fn any_operation(random: &mut Seeded) -> Op {
    let keys = ["title", "text", "tags", "at", "x", "y"];
    let key = match random.below(3) {
        0 => Key::Map((*random.pick(&keys)).to_owned()),
        1 => Key::Head,
        _ => Key::Element(id(random)),
    };
    let object = if random.one_in(2) { None } else { Some(id(random)) };
    let action = *random.pick(&[0, 1, 1, 1, 1, 2, 3, 3, 3, 4, 5, 7]);
    let value = if action == 1 {
        random.pick(&[(6, b"c".to_vec()), (0, vec![]), (2, vec![]), (4, vec![5])]).clone()
    } else {
        (0, vec![])
    };
    let preds = match (&key, action) {
        (Key::Element(id), 3) => vec![*id],
        _ => (0..random.below(3)).map(|_| id(random)).collect(),
    };
    Op { object, key, insert: action != 3 && random.one_in(2), action, value, preds }
}

fn id(random: &mut Seeded) -> Id {
    (1 + random.below(11), random.below(2))
}

fn byte(random: &mut Seeded) -> u8 {
    if random.one_in(4) { random.array::<1>()[0] } else { *random.pick(&EDGES) }
}

fn number(random: &mut Seeded) -> Vec<u8> {
    let edge = 1_u64 << random.below(64);
    unsigned(random.pick(&[0, 1, 2, 7, edge, edge - 1, u64::MAX]).to_owned())
}

fn index(random: &mut Seeded, len: usize) -> usize {
    usize::try_from(random.below(len as u64)).expect("an index")
}
