//! Any change against a document with something in it: no panic, no half merge, and what is taken in can be saved.
//!
//! The first byte says what the others are: a whole change, as the seeds are; a change's data behind an honest header;
//! operations under an honest header; or parts of a change, each of which may be wrong.

use crate::bad_change::target::{ATTACKER, NEXT, Target, VICTIM, incoming, place};
use crate::raw_change::{Key, Op, PLAIN, RawChange, chunk, sealed, signed, sized, unsigned};
use arbitrary::{Arbitrary, Result, Unstructured};
use reknit_core::document::{Document, DocumentKind, Edit, Refused};
use std::sync::{LazyLock, Mutex, PoisonError};

/// A saved document, and the hash of its one change.
static TARGET: LazyLock<(Vec<u8>, [u8; 32])> = LazyLock::new(|| {
    let target = Target::new();
    (target.document.save(), target.first)
});

/// Kept from run to run as long as nothing was taken in.
static DOCUMENT: Mutex<Option<Document>> = Mutex::new(None);

#[derive(Arbitrary, Debug)]
enum Place {
    Key(u8),
    Head,
    Element(u8, bool),
}

#[derive(Arbitrary, Debug)]
struct Operation {
    object: Option<(u8, bool)>,
    place: Place,
    insert: bool,
    action: u8,
    value: (u8, Vec<u8>),
    preds: Vec<(u8, bool)>,
}

#[derive(Arbitrary, Debug)]
struct Parts {
    seq: Option<u64>,
    start_op: Option<u64>,
    deps: Option<Vec<[u8; 32]>>,
    actor: Option<Vec<u8>>,
    message: Vec<u8>,
    others: Option<Vec<[u8; 16]>>,
    columns: Vec<(u8, Vec<u8>)>,
    extra: Vec<u8>,
}

impl Operation {
    fn op(self) -> Op {
        let id = |(counter, actor): (u8, bool)| (u64::from(counter % 12), u64::from(actor));
        let key = match self.place {
            Place::Key(at) => {
                let keys = ["title", "text", "tags", "at", "x", "y"];
                Key::Map(keys[usize::from(at) % keys.len()].to_owned())
            }
            Place::Head => Key::Head,
            Place::Element(counter, actor) => Key::Element(id((counter, actor))),
        };
        Op {
            object: self.object.map(id),
            key,
            insert: self.insert,
            action: u64::from(self.action % 9),
            value: (u64::from(self.value.0 & 15), self.value.1),
            preds: self.preds.into_iter().map(id).collect(),
        }
    }
}

impl Parts {
    fn change(self, first: [u8; 32]) -> RawChange {
        let mut change = RawChange::new(ATTACKER, 1, NEXT, &[]);
        change.deps = self.deps.unwrap_or_else(|| vec![first]);
        change.seq = unsigned(self.seq.unwrap_or(1));
        change.start_op = unsigned(self.start_op.unwrap_or(NEXT));
        change.actor = self.actor.unwrap_or(change.actor);
        change.message = self.message;
        let others = self.others.unwrap_or_else(|| vec![VICTIM]);
        change.other_actors = others.into_iter().map(|actor| actor.to_vec()).collect();
        let columns = self.columns.into_iter();
        change.columns = columns.map(|(spec, data)| (u64::from(spec), data)).collect();
        change.columns.sort_by_key(|(spec, _)| *spec);
        change.extra = self.extra;
        change
    }
}

fn made(bytes: &[u8], first: [u8; 32]) -> Result<Vec<u8>> {
    let mut rest = Unstructured::new(bytes);
    Ok(match u8::arbitrary(&mut rest)? % 4 {
        // With its length and checksum put right.
        0 => sealed(bytes.get(8..).unwrap_or_default()),
        1 => {
            let mut data = [&[1][..], &first].concat();
            data.extend(sized(&ATTACKER));
            data.extend([unsigned(1), unsigned(NEXT), signed(0), unsigned(0), vec![1]].concat());
            data.extend(sized(&VICTIM));
            data.extend(rest.take_rest());
            chunk(PLAIN, &data)
        }
        2 => {
            let ops: Vec<Operation> = Vec::arbitrary_take_rest(rest)?;
            let ops: Vec<Op> = ops.into_iter().map(Operation::op).collect();
            let mut change = RawChange::new(ATTACKER, 1, NEXT, &ops);
            change.deps = vec![first];
            change.other_actors = vec![VICTIM.to_vec()];
            change.build()
        }
        _ => Parts::arbitrary_take_rest(rest)?.change(first).build(),
    })
}

/// Merges the change that the bytes stand for into a document.
pub fn gate_change(bytes: &[u8]) {
    let (saved, first) = &*TARGET;
    let Ok(raw) = made(bytes, *first) else { return };
    let mut held = DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
    let load = || Document::load(DocumentKind::Journal, saved).expect("our own save");
    let mut document = held.take().unwrap_or_else(load);
    let merged = document.merge(&[incoming(1, vec![raw])]).expect("memory for a thread");
    let failed = merged.refused.iter().any(|(_, why)| *why == Refused::Apply);
    assert!(!failed, "the gate let it through");
    if merged.refused.is_empty() {
        let again = Document::load(DocumentKind::Journal, &document.save()).expect("our own save");
        assert_eq!(again.fields(), document.fields());
        let edit = Edit { text: Some("next".into()), ..Edit::default() };
        document.edit(place([9; 16], 1), &edit, 0).expect("the next edit");
    } else {
        assert_eq!(document.change_count(), 1);
        assert_eq!(document.fields().text, "ab");
        *held = Some(document);
    }
}
