//! Any change against a document with something in it: no panic, no half merge, and what is taken in can be saved.
//!
//! The first byte says how much of the change is honest: its header, or nothing but length and checksum.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reknit_core::document::{
    ActorId, Document, DocumentKind, Edit, Incoming, Place, Refused, change_hash,
};
use reknit_core::model::id::EntryId;
use reknit_e2e::raw_change::{PLAIN, chunk, signed, sized, unsigned};
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

const VICTIM: ActorId = ActorId::from_bytes([1; 16]);
const ATTACKER: ActorId = ActorId::from_bytes([2; 16]);

/// A saved document, its one change's hash, and the counter of the next operation.
static TARGET: LazyLock<(Vec<u8>, [u8; 32], u64)> = LazyLock::new(|| {
    let mut document = Document::new(DocumentKind::Journal);
    let edit = Edit {
        title: Some("t".into()),
        text: Some("ab".into()),
        tags: Some(vec!["x".into()]),
        at_ms: Some(1),
    };
    let changes =
        document.edit(Place { actor: VICTIM, entry: 1 }, &edit, 0).expect("an honest edit");
    let hash = change_hash(&changes[0]).expect("a change");
    // Three objects, one tag, the time, three characters.
    (document.save(), hash, 9)
});

/// Kept from run to run as long as nothing was taken in.
static DOCUMENT: Mutex<Option<Document>> = Mutex::new(None);

fuzz_target!(|bytes: &[u8]| {
    let Some((honest, rest)) = bytes.split_first() else { return };
    let (saved, first, next) = &*TARGET;
    let mut data = vec![];
    if honest % 4 != 0 {
        data.push(1);
        data.extend(first);
        data.extend(sized(ATTACKER.as_bytes()));
        data.extend(unsigned(1));
        data.extend(unsigned(*next));
        data.extend(signed(0));
        data.extend(unsigned(0));
        data.push(1);
        data.extend(sized(VICTIM.as_bytes()));
    }
    data.extend(rest);
    let mut held = DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut document = held
        .take()
        .unwrap_or_else(|| Document::load(DocumentKind::Journal, saved).expect("our own save"));
    let merged = document.merge(&[Incoming {
        source: EntryId::from_bytes([2; 32]),
        place: Place { actor: ATTACKER, entry: 1 },
        seen: BTreeMap::from([(VICTIM, 1)]),
        changes: vec![chunk(PLAIN, &data)],
    }]);
    assert!(
        merged.refused.iter().all(|(_, why)| *why != Refused::Apply),
        "the gate let it through"
    );
    if merged.refused.is_empty() {
        let again = Document::load(DocumentKind::Journal, &document.save()).expect("our own save");
        assert_eq!(again.fields(), document.fields());
    } else {
        assert_eq!(document.change_count(), 1);
        assert_eq!(document.fields().text, "ab");
        *held = Some(document);
    }
});
