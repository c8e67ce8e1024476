//! The document under attack, and the attacker's honest part.

use crate::raw_change::{Id, Key, Op, RawChange};
use reknit_core::document::{
    ActorId, Document, DocumentKind, Edit, Incoming, Merged, Place, change_hash,
};
use reknit_core::model::id::EntryId;
use std::collections::BTreeMap;

/// The victim's actor, as the attacker's changes name it in their table: at 1.
pub const VICTIM: [u8; 16] = [1; 16];
/// The attacker's actor: at 0.
pub const ATTACKER: [u8; 16] = [2; 16];
/// What the victim's first change made: the title.
pub const TITLE: Id = (1, 1);
/// The text.
pub const TEXT: Id = (2, 1);
/// The map of tags.
pub const TAGS: Id = (3, 1);
/// The letter in the title.
pub const T: Id = (4, 1);
/// The first letter of the text.
pub const A: Id = (5, 1);
/// The second.
pub const B: Id = (6, 1);
/// The counter of the next operation.
pub const NEXT: u64 = 7;

/// A victim's document with one change in it: title "t", text "ab".
#[derive(Debug)]
pub struct Target {
    /// The document.
    pub document: Document,
    /// The hash of its change.
    pub first: [u8; 32],
}

impl Default for Target {
    fn default() -> Self {
        Self::new()
    }
}

impl Target {
    /// As the victim left it.
    pub fn new() -> Self {
        let mut document = Document::new(DocumentKind::Journal);
        let edit = Edit { title: Some("t".into()), text: Some("ab".into()), ..Edit::default() };
        let changes = document.edit(place(VICTIM, 1), &edit, 0).expect("an honest edit");
        Self { document, first: change_hash(&changes[0]).expect("a change") }
    }

    /// The attacker's first change, in order but for its operations.
    pub fn change(&self, ops: &[Op]) -> RawChange {
        let named = ops.iter().any(|op| {
            let key = if let Key::Element(id) = op.key { Some(id) } else { None };
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
    pub fn good(&self) -> RawChange {
        self.change(&[Op::put(None, "new")])
    }

    /// Takes in an entry of the attacker's with these changes.
    pub fn merge(&mut self, entry: u64, changes: Vec<Vec<u8>>) -> Merged {
        self.document.merge(&[incoming(entry, changes)]).expect("memory for a thread")
    }
}

/// An entry's place.
pub fn place(actor: [u8; 16], entry: u64) -> Place {
    Place { actor: ActorId::from_bytes(actor), entry }
}

/// An entry of the attacker's that has seen the victim's first.
pub fn incoming(entry: u64, changes: Vec<Vec<u8>>) -> Incoming {
    let seen = BTreeMap::from([(ActorId::from_bytes(VICTIM), 1)]);
    let source = EntryId::from_bytes([u8::try_from(entry % 256).expect("a byte"); 32]);
    Incoming { source, place: place(ATTACKER, entry), seen, changes }
}
