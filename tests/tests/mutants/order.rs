//! What one replica refuses, every replica refuses, in whatever order the entries came.

use crate::group::{Group, index};
use crate::{count, now, rate};
use reknit_core::document::{Document, DocumentKind, Incoming, Refused};
use reknit_e2e::mutant::mutant;
use reknit_e2e::random::Seeded;
use std::collections::BTreeSet;

const KIND: DocumentKind = DocumentKind::Journal;

/// The entries in another order in which each still comes after all that it had seen.
fn reordered(entries: &[Incoming], random: &mut Seeded) -> Vec<Incoming> {
    let mut left = entries.to_vec();
    let mut out: Vec<Incoming> = vec![];
    while !left.is_empty() {
        let there = |actor, seq| {
            seq == 0 || out.iter().any(|it| it.place.actor == actor && it.place.entry == seq)
        };
        let ready = |entry: &Incoming| {
            there(entry.place.actor, entry.place.entry - 1)
                && entry.seen.iter().all(|(actor, seq)| there(*actor, *seq))
        };
        let able: Vec<_> = (0..left.len()).filter(|at| ready(&left[*at])).collect();
        let next = left.remove(*random.pick(&able));
        out.push(next);
    }
    out
}

/// A replica that hears the entries in pieces: what it refused, and what it shows.
fn replica(entries: &[Incoming], random: &mut Seeded) -> (BTreeSet<([u8; 32], Refused)>, Document) {
    let mut document = Document::new(KIND);
    let (mut refused, mut rest) = (BTreeSet::new(), entries);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + index(random, rest.len().min(6)));
        let merged = document.merge(piece).unwrap();
        refused.extend(merged.refused.iter().map(|(entry, why)| (entry.to_bytes(), *why)));
        rest = after;
        if random.one_in(4) {
            document = Document::load(KIND, &document.save()).expect("our own save");
        }
    }
    (refused, document)
}

#[test]
fn c4_what_the_gate_refuses_does_not_depend_on_the_order_of_arrival() {
    let rounds = count("REKNIT_ORDERS", 150);
    let (mut accepted, mut refused, mut mutants) = (0, 0, 0);
    let started = now();
    for seed in 0..rounds {
        let random = &mut Seeded::new(seed ^ 0x0c4);
        let devices = 2 + random.array::<1>()[0] % 3;
        let steps = 10 + random.below(30);
        let mut entries = Group::random(devices, steps, random).held.swap_remove(0);
        let honest = entries.clone();
        let with_changes = |entry: &&Incoming| !entry.changes.is_empty();
        let lenders: Vec<_> = honest.iter().filter(with_changes).collect();
        for _ in 0..=random.below(3) {
            let at = index(random, entries.len());
            if let Some(raw) = honest[at].changes.first() {
                let lender = *random.pick(&lenders);
                entries[at].changes[0] = mutant(raw, &lender.changes[0], random);
                mutants += 1;
            }
        }
        let (first, one) = replica(&reordered(&entries, random), random);
        let (second, two) = replica(&reordered(&entries, random), random);
        assert!(first == second, "seed {seed}: {first:?} and {second:?}");
        assert!(one.fields() == two.fields(), "seed {seed}: another text");
        assert_eq!(one.change_count(), two.change_count(), "seed {seed}");
        refused += first.len();
        accepted += entries.len() - first.len();
    }
    println!(
        "{rounds} histories with {mutants} mutants in them, each heard by two replicas in two orders: {accepted} entries \
         accepted by both, {refused} refused by both, 0 judged differently, {} histories a second",
        rate(rounds, started.elapsed())
    );
}
