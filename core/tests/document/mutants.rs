//! Honest changes with a few bytes altered and the checksum put right: nothing panics, nothing gets half in, and
//! every device refuses the same, in whatever order the entries came.

use crate::device::{Device, text};
use proptest::prelude::*;
use reknit_core::document::{Document, DocumentKind, Edit, Incoming, Refused};
use std::collections::BTreeSet;
use wire::hash::sha256;

/// Three devices write in turn, partly without having seen each other. The entries stand in causal order.
fn history() -> Vec<Incoming> {
    let mut devices: Vec<_> = (1..=3).map(|n| Device::new(n, DocumentKind::Journal)).collect();
    let first = devices[0].edit(&text("We were at the lake. It rained."));
    for other in &mut devices[1..] {
        assert_eq!(other.receive(std::slice::from_ref(&first)).refused, []);
    }
    let mut entries = vec![first];
    for round in 0..4 {
        let mut new = vec![];
        for (at, device) in devices.iter_mut().enumerate() {
            let words = device.text().replacen("at the", ["by a", "on a", "in the"][at], 1);
            let edit = Edit {
                text: Some(format!("{words} {round}👍")),
                title: Some(format!("Day {round}")),
                tags: Some(vec![format!("tag{at}"), format!("tag{round}")]),
                at_ms: Some(round),
            };
            new.push(device.edit(&edit));
        }
        for device in devices.iter_mut().skip(usize::from(round == 1)) {
            let theirs: Vec<_> =
                new.iter().filter(|entry| entry.place.actor != device.actor).cloned().collect();
            assert_eq!(device.receive(&theirs).refused, []);
        }
        if round == 1 {
            // The first device hears of this round only now, with the next: its own entries did not see it.
            let theirs: Vec<_> =
                new.iter().filter(|entry| entry.place.actor != devices[0].actor).cloned().collect();
            entries.extend(new);
            assert_eq!(devices[0].receive(&theirs).refused, []);
        } else {
            entries.extend(new);
        }
    }
    entries
}

/// Sets bytes of the chunk's data, never its head, and puts the checksum right.
fn altered(raw: &mut [u8], places: &[(prop::sample::Index, u8)]) {
    for (place, byte) in places {
        let at = 11 + place.index(raw.len() - 11);
        raw[at] = *byte;
    }
    let hash = sha256(&[&raw[8..]]);
    raw[4..8].copy_from_slice(&hash[..4]);
}

fn places() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![3 => 0_u8..8, 2 => 0x78_u8..0x88, 1 => any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..4)
}

/// The entries in another order in which each still comes after all that it had seen.
fn reordered(entries: &[Incoming], choices: &[prop::sample::Index]) -> Vec<Incoming> {
    let mut left: Vec<_> = entries.to_vec();
    let mut out: Vec<Incoming> = vec![];
    for choice in choices.iter().cycle() {
        let there = |actor, seq| {
            seq == 0 || out.iter().any(|e| e.place.actor == actor && e.place.entry == seq)
        };
        let ready = |entry: &Incoming| {
            there(entry.place.actor, entry.place.entry - 1)
                && entry.seen.iter().all(|(actor, seq)| there(*actor, *seq))
        };
        let able: Vec<_> = (0..left.len()).filter(|at| ready(&left[*at])).collect();
        if able.is_empty() {
            break;
        }
        let next = left.remove(able[choice.index(able.len())]);
        out.push(next);
    }
    assert_eq!(out.len(), entries.len(), "the order is causal");
    out
}

fn refusals(
    merged: &[(reknit_core::model::id::EntryId, Refused)],
) -> BTreeSet<([u8; 32], Refused)> {
    merged.iter().map(|(entry, why)| (entry.to_bytes(), *why)).collect()
}

/// The document after the first entries, saved, for each number of entries.
fn prefixes(entries: &[Incoming]) -> Vec<Vec<u8>> {
    let mut document = Document::new(DocumentKind::Journal);
    let mut saved = vec![document.save()];
    for entry in entries {
        assert_eq!(document.merge(std::slice::from_ref(entry)).unwrap().refused, []);
        saved.push(document.save());
    }
    saved
}

thread_local! {
    static HISTORY: (Vec<Incoming>, Vec<Vec<u8>>) = {
        let entries = history();
        let saved = prefixes(&entries);
        (entries, saved)
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]
    #[test]
    fn no_mutant_panics_or_gets_half_in(at in any::<prop::sample::Index>(), places in places()) {
        HISTORY.with(|(entries, saved)| {
            let at = at.index(entries.len());
            let mut entry = entries[at].clone();
            altered(&mut entry.changes[0], &places);
            let mut document = Document::load(DocumentKind::Journal, &saved[at]).unwrap();
            let before = document.fields();
            let merged = document.merge(&[entry]).unwrap();
            prop_assert!(merged.refused.iter().all(|(_, why)| *why != Refused::Apply), "the gate let it through");
            if !merged.refused.is_empty() {
                prop_assert_eq!(document.fields(), before);
                prop_assert_eq!(document.change_count(), Document::load(DocumentKind::Journal, &saved[at]).unwrap().change_count());
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn c4_what_is_refused_does_not_depend_on_the_order_of_arrival(
        bad in prop::collection::vec((any::<prop::sample::Index>(), places()), 0..3),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut entries = HISTORY.with(|(entries, _)| entries.clone());
        for (at, places) in &bad {
            let at = at.index(entries.len());
            altered(&mut entries[at].changes[0], places);
        }
        let (whole, all_at_once) = Document::rebuild(DocumentKind::Journal, entries.clone()).unwrap();
        let other_order = reordered(&entries, &choices);
        let (first, second) = other_order.split_at(cut.index(other_order.len()));
        let (mut parts, mut merged) = Document::rebuild(DocumentKind::Journal, first.to_vec()).unwrap();
        let rest = parts.merge(second).unwrap();
        merged.refused.extend(rest.refused);
        prop_assert_eq!(refusals(&all_at_once.refused), refusals(&merged.refused));
        prop_assert_eq!(whole.fields(), parts.fields());
        let (mut single, mut refused) = (Document::new(DocumentKind::Journal), vec![]);
        for entry in &other_order {
            refused.extend(single.merge(std::slice::from_ref(entry)).unwrap().refused);
        }
        prop_assert_eq!(refusals(&all_at_once.refused), refusals(&refused));
        prop_assert_eq!(whole.fields(), single.fields());
    }
}

#[test]
fn saved_bytes_that_are_damaged_give_an_error() {
    let saved = HISTORY.with(|(_, saved)| saved.last().cloned()).unwrap();
    for at in (0..saved.len()).step_by(7) {
        let mut damaged = saved.clone();
        damaged[at] ^= 0x11;
        drop(Document::load(DocumentKind::Journal, &damaged).map(|document| document.fields()));
        drop(Document::load(DocumentKind::Journal, &saved[..at]).map(|document| document.fields()));
    }
    assert!(Document::load(DocumentKind::Agreement, &saved).is_err());
    assert!(Document::load(DocumentKind::Journal, &[]).is_err());
}
