//! Changes from outside: judged one by one, applied together on a copy, and the copy tried before it counts.

use super::change::{Incoming, change_hash};
use super::document::{Document, Merged};
use super::error::{Refused, Starved};
use super::gate::{admit, take_back};
use super::schema::{DocumentKind, Fields};
use super::{guard, saved};
use automerge::{Automerge, Change, ChangeHash};
use std::collections::BTreeMap;

/// `stack` is what the work may take of memory at once.
pub(super) fn merge(
    document: &mut Document,
    incoming: &[Incoming],
    stack: usize,
) -> Result<Merged, Starved> {
    // Entries that Automerge failed on, by their place in `incoming`.
    let mut failed: BTreeMap<usize, Refused> = BTreeMap::new();
    loop {
        let mut refused = failed.clone();
        let mut admitted = Vec::new();
        let mut undo = Vec::new();
        for (at, entry) in incoming.iter().enumerate() {
            if failed.contains_key(&at) || is_known(document, entry) {
                continue;
            }
            match admit(&mut document.index, document.kind, entry) {
                Ok(steps) => {
                    undo.extend(steps);
                    admitted.push((at, entry));
                }
                Err(why) => {
                    refused.insert(at, why);
                }
            }
        }
        let entries: Vec<_> = admitted.iter().map(|(_, entry)| *entry).collect();
        if entries.is_empty() {
            // A refusal copies nothing, however much stands here.
            return Ok(merged(incoming, &refused, false));
        }
        let trial = applied(&document.automerge, document.kind, &entries, stack);
        if let Ok(Some(automerge)) = trial {
            document.automerge = automerge;
            return Ok(merged(incoming, &refused, true));
        }
        take_back(&mut document.index, undo);
        trial?;
        let culprit = culprit(document, &entries, stack)?;
        failed.extend(admitted.get(culprit).map(|(at, _)| (*at, Refused::Apply)));
    }
}

fn merged(incoming: &[Incoming], refused: &BTreeMap<usize, Refused>, changed: bool) -> Merged {
    let refused = refused
        .iter()
        .filter_map(|(at, why)| incoming.get(*at).map(|entry| (entry.source, *why)))
        .collect();
    Merged { refused, changed }
}

/// Whether these very changes came from this very entry before.
fn is_known(document: &Document, entry: &Incoming) -> bool {
    let known = |raw: &Vec<u8>| {
        let change = change_hash(raw).and_then(|hash| document.index.change(&hash));
        change.is_some_and(|change| change.place == entry.place)
    };
    !entry.changes.is_empty() && entry.changes.iter().all(known)
}

/// The first entry at which applying fails, found by halving: all before it go well together.
fn culprit(document: &Document, entries: &[&Incoming], stack: usize) -> Result<usize, Starved> {
    let (mut good, mut bad) = (0, entries.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        let first = entries.get(..middle).unwrap_or(entries);
        if applied(&document.automerge, document.kind, first, stack)?.is_some() {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(good)
}

/// A copy with the changes in it, if it can be read, saved and opened again.
fn applied(
    base: &Automerge,
    kind: DocumentKind,
    entries: &[&Incoming],
    stack: usize,
) -> Result<Option<Automerge>, Starved> {
    if entries.is_empty() {
        return Ok(Some(base.clone()));
    }
    let raws: Vec<&Vec<u8>> = entries.iter().flat_map(|entry| &entry.changes).collect();
    let trial = guard::run_on(stack, || {
        let mut copy = base.clone();
        let changes: Vec<Change> = raws
            .iter()
            .map(|raw| Change::from_bytes((*raw).clone()).ok())
            .collect::<Option<_>>()?;
        let hashes: Vec<ChangeHash> = changes.iter().map(Change::hash).collect();
        copy.apply_changes(changes).ok()?;
        let fields = Fields::read(&copy, kind);
        let again = saved::load(&copy.save())?;
        let same = again.get_heads() == copy.get_heads() && Fields::read(&again, kind) == fields;
        let all_in = hashes.iter().all(|hash| copy.get_change_meta_by_hash(hash).is_some());
        (same && all_in).then_some(copy)
    });
    match trial {
        Ok(copy) => Ok(copy),
        Err(guard::Failed::Panicked) => Ok(None),
        Err(guard::Failed::NoThread) => Err(Starved),
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{ActorId, Place};
    use super::super::edit::Edit;
    use super::*;
    use crate::model::id::EntryId;

    #[test]
    fn nothing_comes_and_nothing_changes() {
        let mut document = Document::new(DocumentKind::Journal);
        assert_eq!(document.merge(&[]), Ok(Merged::default()));
    }

    #[test]
    fn f14_without_memory_for_a_thread_no_change_is_refused_and_it_is_taken_in_later() {
        let actor = |byte| ActorId::from_bytes([byte; 16]);
        let place = Place { actor: actor(1), entry: 1 };
        let edit = Edit { text: Some("honest".to_owned()), ..Edit::default() };
        let changes = Document::new(DocumentKind::Journal).edit(place, &edit, 1_000).unwrap();
        let seen = BTreeMap::new();
        let source = EntryId::from_bytes([1; 32]);
        let incoming = [Incoming { source, place, seen, changes }];
        let mut document = Document::new(DocumentKind::Journal);
        let before = document.save();
        assert_eq!(merge(&mut document, &incoming, guard::TOO_MUCH), Err(Starved));
        assert_eq!(document.save(), before, "nothing of it was taken in");
        let merged = document.merge(&incoming).unwrap();
        assert_eq!((merged.changed, merged.refused), (true, Vec::new()));
        assert_eq!(document.fields().text, "honest");
    }
}
