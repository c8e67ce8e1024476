//! A document: open it, read it, edit it, merge what came, save it.

use super::change::{Incoming, Place};
use super::edit::{Edit, written};
use super::error::{EditError, LoadError, Refused, Starved};
use super::gate::{admit_own, take_back};
use super::index::Index;
use super::limit::STACK_BYTES;
use super::saved::{self, Saved};
use super::schema::{DocumentKind, Fields};
use super::{guard, merge};
use crate::model::id::EntryId;
use automerge::{Automerge, TextEncoding};
use std::fmt;

/// One Automerge document, with what its gate must know of it.
///
/// The entries are the truth; a saved document is only a quicker way to get there.
pub struct Document {
    pub(super) kind: DocumentKind,
    pub(super) automerge: Automerge,
    pub(super) index: Index,
}

/// What became of the changes that came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Merged {
    /// The entries whose changes are void, and why.
    pub refused: Vec<(EntryId, Refused)>,
    /// Whether the document took anything in.
    pub changed: bool,
}

impl Document {
    /// An empty document. The first edit lays out its fields.
    pub fn new(kind: DocumentKind) -> Self {
        let automerge = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint);
        Self { kind, automerge, index: Index::default() }
    }

    /// Opens what [`Self::save`] gave.
    ///
    /// # Errors
    /// [`LoadError`]: then [`Self::rebuild`] it from the entries.
    pub fn load(kind: DocumentKind, saved: &[u8]) -> Result<Self, LoadError> {
        let saved = Saved::decode(kind, saved)?;
        let (automerge, changes) = guard::run(|| saved::open(saved.automerge, kind))
            .map_err(|failed| match failed {
                guard::Failed::Panicked => LoadError::Damaged,
                guard::Failed::NoThread => LoadError::Starved,
            })?
            .ok_or(LoadError::Damaged)?;
        let index = saved.index(kind, &changes)?;
        Ok(Self { kind, automerge, index })
    }

    /// Makes the document anew from all its entries, in causal order.
    ///
    /// # Errors
    /// As [`Self::merge`].
    pub fn rebuild(
        kind: DocumentKind,
        entries: impl IntoIterator<Item = Incoming>,
    ) -> Result<(Self, Merged), Starved> {
        let mut document = Self::new(kind);
        let incoming: Vec<_> = entries.into_iter().collect();
        let merged = document.merge(&incoming)?;
        Ok((document, merged))
    }

    /// Takes in what accepted entries bring, given in causal order. Each is judged alone, then all that passed are
    /// applied together on a copy, which takes this document's place only if it can be read, saved and opened.
    /// An entry that was merged before is passed over.
    ///
    /// # Errors
    /// [`Starved`]: nothing was judged and nothing taken in; it is to be tried again.
    pub fn merge(&mut self, incoming: &[Incoming]) -> Result<Merged, Starved> {
        merge::merge(self, incoming, STACK_BYTES)
    }

    /// Makes an edit of one's own and returns its raw changes, which belong into the entry that `place` names: none
    /// if nothing changes, several if it is too large for one. `time_ms` is the author's clock, ms since 1970.
    ///
    /// # Errors
    /// [`EditError`]; the document is as before.
    pub fn edit(
        &mut self,
        place: Place,
        edit: &Edit,
        time_ms: i64,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        let copy = self.automerge.clone();
        let kind = self.kind;
        let (automerge, changes) = guard::run(|| written(copy, kind, (place.actor, time_ms), edit))
            .map_err(|failed| match failed {
                guard::Failed::Panicked => EditError::Library,
                guard::Failed::NoThread => EditError::Starved,
            })??;
        let mut undo = Vec::with_capacity(changes.len());
        for raw in &changes {
            match admit_own(&mut self.index, kind, place, raw) {
                Ok(step) => undo.push(step),
                Err(refused) => {
                    take_back(&mut self.index, undo);
                    let full = refused == Refused::Full;
                    return Err(if full { EditError::Full } else { EditError::Gate(refused) });
                }
            }
        }
        self.automerge = automerge;
        Ok(changes)
    }

    /// What the document is.
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// What the document says.
    pub fn fields(&self) -> Fields {
        Fields::read(&self.automerge, self.kind)
    }

    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.index.changes().is_empty()
    }

    /// How many changes are in.
    pub fn change_count(&self) -> usize {
        self.index.changes().len()
    }

    /// The bytes from which [`Self::load`] opens it again.
    pub fn save(&self) -> Vec<u8> {
        saved::encode(self.kind, &self.index, &self.automerge)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("kind", &self.kind).finish_non_exhaustive()
    }
}
