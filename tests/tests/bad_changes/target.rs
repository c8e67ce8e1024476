//! The document under attack, the attacker's honest part, and the measure of a refusal.

use reknit_core::document::{
    ActorId, Document, DocumentKind, Edit, Incoming, Merged, Place, Refused, change_hash,
};
use reknit_core::model::id::EntryId;
use reknit_e2e::raw_change::{Id, Op, RawChange};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for the whole process: every test here runs alone.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The victim's actor, as the attacker's changes name it in their table: at 1.
pub(crate) const VICTIM: [u8; 16] = [1; 16];
/// The attacker's actor: at 0.
pub(crate) const ATTACKER: [u8; 16] = [2; 16];
/// What the victim's first change made: title, text, tags, and a and b in the text.
pub(crate) const TITLE: Id = (1, 1);
pub(crate) const TEXT: Id = (2, 1);
pub(crate) const TAGS: Id = (3, 1);
pub(crate) const T: Id = (4, 1);
pub(crate) const A: Id = (5, 1);
pub(crate) const B: Id = (6, 1);
/// The counter of the next operation.
pub(crate) const NEXT: u64 = 7;

/// A victim's document with one change in it: title "t", text "ab".
pub(crate) struct Target {
    pub(crate) document: Document,
    pub(crate) first: [u8; 32],
}

impl Target {
    pub(crate) fn new() -> Self {
        let mut document = Document::new(DocumentKind::Journal);
        let edit = Edit { title: Some("t".into()), text: Some("ab".into()), ..Edit::default() };
        let changes = document.edit(place(VICTIM, 1), &edit, 0).unwrap();
        Self { document, first: change_hash(&changes[0]).unwrap() }
    }

    /// The attacker's first change, in order but for its operations.
    pub(crate) fn change(&self, ops: &[Op]) -> RawChange {
        let named = ops.iter().any(|op| {
            let key =
                if let reknit_e2e::raw_change::Key::Element(id) = op.key { Some(id) } else { None };
            op.object
                .into_iter()
                .chain(key)
                .chain(op.preds.iter().copied())
                .any(|(_, actor)| actor == 1)
        });
        let mut change = RawChange::new(ATTACKER, 1, NEXT, ops);
        change.deps = vec![self.first];
        change.other_actors = if named { vec![VICTIM.to_vec()] } else { vec![] };
        change
    }

    /// A change that nothing is wrong with.
    pub(crate) fn good(&self) -> RawChange {
        self.change(&[Op::put(None, "new")])
    }

    pub(crate) fn merge(&mut self, entry: u64, changes: Vec<Vec<u8>>) -> Merged {
        self.document.merge(&[incoming(entry, changes)])
    }
}

pub(crate) fn place(actor: [u8; 16], entry: u64) -> Place {
    Place { actor: ActorId::from_bytes(actor), entry }
}

pub(crate) fn incoming(entry: u64, changes: Vec<Vec<u8>>) -> Incoming {
    let seen = BTreeMap::from([(ActorId::from_bytes(VICTIM), 1)]);
    let source = EntryId::from_bytes([u8::try_from(entry % 256).unwrap(); 32]);
    Incoming { source, place: place(ATTACKER, entry), seen, changes }
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The change is refused for this reason, cheaply and without a trace, and a good one still works.
pub(crate) fn refused(row: &str, why: Refused, raw: Vec<u8>) {
    refused_all(row, why, vec![raw]);
}

/// The same for an entry of several changes.
pub(crate) fn refused_all(row: &str, why: Refused, changes: Vec<Vec<u8>>) {
    let mut target = Target::new();
    let (good, before) = (target.good().build(), target.document.save());
    let bad = [incoming(1, changes)];
    let (region, started) = (Region::new(ALLOCATOR), now());
    let merged = target.document.merge(&bad);
    let (spent, time) = (region.change().bytes_allocated, started.elapsed());
    println!("{row}: {time:?}, {spent} bytes allocated");
    assert_eq!(merged.refused, [(bad[0].source, why)], "{row}");
    assert!(spent < 4 << 20, "{row}: {spent} bytes");
    assert_eq!(why.code(), "doc.refused");
    assert!(why.sentence().ends_with("Nothing of yours is affected."));
    assert!(target.document.save() == before, "{row}: the document changed");
    assert_eq!(target.merge(2, vec![good]).refused, [], "{row}: a good change after it");
}

/// Nothing is wrong with the change.
pub(crate) fn accepted(row: &str, raw: Vec<u8>) {
    assert_eq!(Target::new().merge(1, vec![raw]).refused, [], "{row}");
}

/// A change of these operations is refused.
pub(crate) fn refused_ops(row: &str, why: Refused, ops: &[Op]) {
    refused(row, why, Target::new().change(ops).build());
}
