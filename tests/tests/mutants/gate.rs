//! Mutants against the gate: whatever it lets through never fails Automerge, and saves and opens again.

use crate::group::Group;
use crate::{count, now, rate};
use reknit_core::document::{Document, DocumentKind, Edit, Incoming, Refused};
use reknit_e2e::bad_change::target::{Target, incoming, place};
use reknit_e2e::bad_change::{ROWS, cases};
use reknit_e2e::mutant::{mutant, operations};
use reknit_e2e::random::Seeded;
use std::collections::BTreeMap;

const KIND: DocumentKind = DocumentKind::Journal;
/// Histories whose entries are altered.
const HISTORIES: u64 = 6;

/// A document before an entry comes, kept from mutant to mutant as long as nothing was taken in.
struct Ground {
    saved: Vec<u8>,
    entry: Incoming,
    held: Option<Document>,
}

impl Ground {
    fn new(document: &Document, entry: Incoming) -> Self {
        Self { saved: document.save(), entry, held: None }
    }

    fn load(&self) -> Document {
        Document::load(KIND, &self.saved).expect("our own save")
    }
}

#[derive(Default)]
struct Tally {
    mutants: u64,
    accepted: u64,
    refused: BTreeMap<Refused, u64>,
}

impl Tally {
    /// Hands one mutant over.
    fn judge(&mut self, ground: &mut Ground, changes: Vec<Vec<u8>>) {
        self.mutants += 1;
        let mut document = ground.held.take().unwrap_or_else(|| ground.load());
        let before = document.change_count();
        let entry = Incoming { changes, ..ground.entry.clone() };
        let merged = document.merge(std::slice::from_ref(&entry)).unwrap();
        let Some((_, why)) = merged.refused.first() else {
            self.accepted += 1;
            let again = Document::load(KIND, &document.save()).expect("what was taken in is saved");
            assert!(again.fields() == document.fields(), "another text after it was opened again");
            if self.accepted.is_multiple_of(8) {
                works_on(document);
            }
            return;
        };
        *self.refused.entry(*why).or_default() += 1;
        assert_eq!(document.change_count(), before, "{why}: something got in");
        if self.mutants.is_multiple_of(64) {
            assert!(document.fields() == ground.load().fields(), "{why}: the text changed");
        }
        ground.held = Some(document);
    }
}

/// The victim's own next edit.
fn works_on(mut document: Document) {
    let edit = Edit { text: Some("and then".to_owned()), ..Edit::default() };
    document.edit(place([9; 16], 1), &edit, 0).expect("the next edit");
    assert_eq!(document.fields().text, "and then");
}

/// Each entry of some honest histories, on the document as it stood before it.
fn honest() -> Vec<Ground> {
    let mut grounds = vec![];
    for seed in 0..HISTORIES {
        let mut group = Group::random(4, 14, &mut Seeded::new(seed ^ 0xbad));
        let mut document = Document::new(KIND);
        for entry in group.held.swap_remove(0) {
            if !entry.changes.is_empty() {
                grounds.push(Ground::new(&document, entry.clone()));
            }
            assert_eq!(document.merge(&[entry]).unwrap().refused, []);
        }
    }
    grounds
}

#[test]
fn no_mutant_that_the_gate_lets_through_fails_or_hurts() {
    let mutants = count("REKNIT_MUTANTS", 40_000);
    let random = &mut Seeded::new(41);
    let mut honest = honest();
    let lenders: Vec<Vec<u8>> = honest.iter().map(|it| it.entry.changes[0].clone()).collect();
    let hostile: Vec<Vec<Vec<u8>>> = ROWS
        .iter()
        .flat_map(|(row, _)| cases(*row))
        .map(|case| case.changes)
        .filter(|changes| changes.iter().map(Vec::len).sum::<usize>() < 4_096)
        .collect();
    let target = Target::new();
    let mut victim = Ground::new(&target.document, incoming(1, vec![]));
    let mut tally = Tally::default();
    let started = now();
    for at in 0..mutants {
        match at % 4 {
            0 | 1 => {
                let ground = random.array::<2>();
                let ground = usize::from(u16::from_be_bytes(ground)) % honest.len();
                let ground = &mut honest[ground];
                let mut changes = ground.entry.changes.clone();
                changes[0] = mutant(&changes[0], random.pick(&lenders).as_slice(), random);
                tally.judge(ground, changes);
            }
            2 => {
                let mut changes = random.pick(&hostile).clone();
                let last = changes.len() - 1;
                changes[last] = mutant(&changes[last], random.pick(&lenders).as_slice(), random);
                tally.judge(&mut victim, changes);
            }
            _ => {
                let raw = target.change(&operations(random)).build();
                tally.judge(&mut victim, vec![raw]);
            }
        }
    }
    let time = started.elapsed();
    let Tally { mutants, accepted, refused } = tally;
    let all: u64 = refused.values().sum();
    println!(
        "{mutants} mutants of {} honest and {} hostile entries, and of random operations: {accepted} accepted, each \
         saved and opened again; {all} refused",
        honest.len(),
        hostile.len()
    );
    for (why, times) in &refused {
        println!("{times:>9} refused: {why}");
    }
    let failed = refused.get(&Refused::Apply).copied().unwrap_or_default();
    println!(
        "{failed} that the gate let through and Automerge failed on, 0 panics that reached the live document, 0 aborts, \
         {} mutants a second",
        rate(mutants, time)
    );
    assert_eq!(failed, 0, "the gate let through what Automerge fails on");
    assert_eq!(accepted + all, mutants);
    assert!(accepted > mutants / 100, "too few pass to mean something");
}
