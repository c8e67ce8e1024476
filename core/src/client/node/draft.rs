//! What is being typed: one sealed row a document, overwritten with each save, and gone in the commit that makes one
//! change of it. A journal entry's row lies in the private store, an agreement's in the shared one.

use crate::client::error::Error;
use crate::client::node::command::Answer;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::Session;
use crate::client::space::card::DOCUMENT_DELETED;
use crate::client::space::state::Space;
use crate::client::space::{card, edit_row};
use crate::client::vault::shelf::{OpenRow, Place, Shelf};
use crate::crypto::Random;
use crate::document::{Document, DocumentKind, Edit, rebased};
use crate::membership::SpaceKind;
use crate::model::TEXT_BYTES_MAX;
use crate::model::id::DocumentId;
use crate::store::{Batch, Table};
use core::fmt;
use wire::codec::{DecodeError, Reader, Writer};
use wire::time::Timestamp;

const FORMAT: u8 = 1;
const TAGS_MAX: usize = 256;

/// A text that somebody is writing, as it was last saved there.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is, or will be.
    pub kind: DocumentKind,
    /// The text of the document when the writing began.
    pub before: String,
    /// What closing it will change.
    pub edit: Edit,
}

/// A draft that nobody closed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The document that it is of, or will be.
    pub document: DocumentId,
    /// No such document is here yet.
    pub is_new: bool,
    /// When it was last saved.
    pub kept: Timestamp,
    /// What it says.
    pub draft: Draft,
}

/// What a person wrote is nobody's to log.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft(..)")
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unfinished(..)")
    }
}

impl Draft {
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(FORMAT).u8(self.kind.number()).var(self.before.as_bytes());
        edit_row::put(&mut writer, &self.edit);
        writer.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::Version);
        }
        let kind = DocumentKind::from_number(reader.u8()?).ok_or(DecodeError::Version)?;
        let (before, edit) = (edit_row::text(&mut reader)?, edit_row::take(&mut reader)?);
        reader.end()?;
        Ok(Self { kind, before, edit })
    }

    /// What is not kept could not be closed either.
    fn check(&self) -> Result<(), Error> {
        let Edit { title, text, tags, .. } = &self.edit;
        let texts = [Some(&self.before), title.as_ref(), text.as_ref()];
        let texts = texts.into_iter().flatten().chain(tags.iter().flatten());
        if texts.into_iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(Error::Invalid { field: "text", rule: "text.long" });
        }
        if tags.as_ref().is_some_and(|tags| tags.len() > TAGS_MAX) {
            return Err(Error::Invalid { field: "tag", rule: "tag.form" });
        }
        Ok(())
    }
}

impl Node {
    /// Makes what is typed durable, in place of what was kept of this document before.
    pub(crate) fn keep_draft(
        &mut self,
        id: DocumentId,
        draft: &Draft,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        draft.check()?;
        let shelf = &mut self.home_of(draft.kind)?.shelf;
        let state = shelf.store().get(Table::Documents, id.as_bytes())?.map(|row| row.state);
        if state == Some(DOCUMENT_DELETED) {
            return Err(Error::NotFound);
        }
        let mut batch = Batch::new();
        let place = Place::new(Table::Drafts, id.as_bytes())
            .order(u128::from(now.timestamp.as_millis()).to_be_bytes());
        shelf.put(&mut batch, place, &draft.encode(), random)?;
        shelf.commit(batch)?;
        Ok(Answer::Document(id))
    }

    /// Drops what was kept of a document, if anything was.
    pub(crate) fn drop_draft(&mut self, id: DocumentId) -> Result<Answer, Error> {
        for slot in [&mut self.session.private, &mut self.session.shared] {
            let Some(space) = slot.space_mut() else { continue };
            if space.shelf.store().get(Table::Drafts, id.as_bytes())?.is_some() {
                let mut batch = Batch::new();
                batch.delete(Table::Drafts, id.as_bytes());
                space.shelf.commit(batch)?;
            }
        }
        Ok(Answer::Done)
    }

    /// Makes one change of what was typed. What came from elsewhere since it was begun stays; its row goes in the same
    /// commit.
    pub(crate) fn close_draft(
        &mut self,
        id: DocumentId,
        draft: &Draft,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let document = match self.home_of(draft.kind)?.document(id)? {
            card::Held::Here(document) => *document,
            card::Held::Nothing => Document::new(draft.kind),
            card::Held::Deleted => return Err(Error::NotFound),
        };
        let mut edit = draft.edit.clone();
        let stands = document.fields().text;
        if let Some(typed) = edit.text.as_mut().filter(|_| stands != draft.before) {
            *typed = rebased(&draft.before, typed, &stands);
        }
        self.edit((id, document), (&edit, true), now, random)
    }

    fn home_of(&mut self, kind: DocumentKind) -> Result<&mut Space, Error> {
        let (slot, none) = match card::home_of(kind) {
            SpaceKind::Private => (&mut self.session.private, Error::NoVault),
            SpaceKind::Shared => (&mut self.session.shared, Error::NotPaired),
        };
        slot.space_mut().ok_or(none)
    }
}

impl Session {
    /// What was typed into a document and not closed yet.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn draft(&self, id: DocumentId) -> Result<Option<Draft>, Error> {
        for space in self.spaces() {
            if let Some(row) = space.shelf.get(Table::Drafts, id.as_bytes())? {
                return Ok(Some(unfinished(&space.shelf, &row)?.draft));
            }
        }
        Ok(None)
    }

    /// All texts that nobody closed yet, the last saved first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn drafts(&self) -> Result<Vec<Unfinished>, Error> {
        let mut found = Vec::new();
        for space in self.spaces() {
            for row in space.shelf.prefix(Table::Drafts, &[])? {
                found.push(unfinished(&space.shelf, &row)?);
            }
        }
        found.sort_by_key(|draft| (core::cmp::Reverse(draft.kept), draft.document));
        Ok(found)
    }
}

fn unfinished(shelf: &Shelf, row: &OpenRow) -> Result<Unfinished, Error> {
    let document = DocumentId::from_slice(&row.id).ok_or(Error::Damaged { code: "store.draft" })?;
    Ok(Unfinished {
        document,
        is_new: shelf.store().get(Table::Documents, &row.id)?.is_none(),
        kept: Timestamp::from_millis(row.position()),
        draft: Draft::decode(&row.body)?,
    })
}
