//! Devices that edit one document and pass entries on, as `client` does: in causal order, with what was seen.

use reknit_core::document::{ActorId, Document, DocumentKind, Edit, Incoming, Merged, Place};
use reknit_core::model::id::EntryId;
use std::collections::BTreeMap;

/// One device with its copy of the document.
pub(crate) struct Device {
    pub(crate) actor: ActorId,
    pub(crate) document: Document,
    pub(crate) entry: u64,
    pub(crate) seen: BTreeMap<ActorId, u64>,
}

pub(crate) fn actor(number: u8) -> ActorId {
    ActorId::from_bytes([number; 16])
}

pub(crate) fn source(place: Place) -> EntryId {
    let mut id = [place.actor.as_bytes()[0]; 32];
    id[..8].copy_from_slice(&place.entry.to_be_bytes());
    EntryId::from_bytes(id)
}

pub(crate) fn text(text: &str) -> Edit {
    Edit { text: Some(text.to_owned()), ..Edit::default() }
}

impl Device {
    pub(crate) fn new(number: u8, kind: DocumentKind) -> Self {
        Self {
            actor: actor(number),
            document: Document::new(kind),
            entry: 0,
            seen: BTreeMap::new(),
        }
    }

    /// Edits and makes the entry that carries the edit.
    pub(crate) fn edit(&mut self, edit: &Edit) -> Incoming {
        self.entry += 1;
        let place = Place { actor: self.actor, entry: self.entry };
        let changes = self.document.edit(place, edit, 1_700_000_000_000).unwrap();
        Incoming { source: source(place), place, seen: self.seen.clone(), changes }
    }

    pub(crate) fn receive(&mut self, entries: &[Incoming]) -> Merged {
        let merged = self.document.merge(entries).unwrap();
        for entry in entries.iter().filter(|entry| entry.place.actor != self.actor) {
            let newest = self.seen.entry(entry.place.actor).or_default();
            *newest = (*newest).max(entry.place.entry);
        }
        merged
    }

    pub(crate) fn text(&self) -> String {
        self.document.fields().text
    }
}
