//! What was taken back and is to be said again: rows that survive a crash, in their order.

use crate::client::error::Error;
use crate::client::space::edit_row;
use crate::client::space::state::Space;
use crate::client::turn::gather::{Author, Changed, Turn};
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::document::{ActorId, Document, DocumentKind, Edit, Place as ChangePlace};
use crate::entry::{DocumentChanges, Entry, Payload};
use crate::model::id::{DocumentId, EntryId};
use crate::store::Table;
use wire::codec::{DecodeError, Reader, Writer};
use wire::limit::ENTRY_BYTES_MAX;

const META_STAGED: &[u8] = b"staged";
/// Far above what a document can be saved as.
const SAVED_BYTES_MAX: usize = 256 * 1_024 * 1_024;

/// Something to be said again. Not printable: it holds what a person wrote.
pub(crate) enum Staged {
    /// A payload, under the id of the entry that carried it.
    Said { entry: EntryId, kind: u8, payload: Vec<u8> },
    /// What was changed in a document, and the document as it is without.
    Edited { id: DocumentId, kind: DocumentKind, base: Vec<u8>, edit: Edit },
}

impl Staged {
    pub(crate) fn said(entry: &Entry) -> Self {
        let (kind, payload) = (entry.header.kind, entry.payload.clone());
        Self::Said { entry: entry.id, kind, payload }
    }

    fn encode(&self) -> Vec<u8> {
        let mut row = Writer::new();
        match self {
            Self::Said { entry, kind, payload } => {
                row.u8(1).bytes(entry.as_bytes()).u8(*kind).var(payload);
            }
            Self::Edited { id, kind, base, edit } => {
                row.u8(2).bytes(id.as_bytes()).u8(kind.number()).var(base);
                edit_row::put(&mut row, edit);
            }
        }
        row.into_bytes()
    }

    fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut row = Reader::new(row);
        let staged = match row.u8()? {
            1 => {
                let (entry, kind) = (EntryId::from_bytes(row.array()?), row.u8()?);
                Self::Said { entry, kind, payload: row.var(ENTRY_BYTES_MAX)?.to_vec() }
            }
            2 => {
                let id = DocumentId::from_bytes(row.array()?);
                let kind = DocumentKind::from_number(row.u8()?).ok_or(DecodeError::Version)?;
                let base = row.var(SAVED_BYTES_MAX)?.to_vec();
                Self::Edited { id, kind, base, edit: edit_row::take(&mut row)? }
            }
            _ => return Err(DecodeError::Version),
        };
        row.end()?;
        Ok(staged)
    }
}

/// How much is to be said again.
pub(crate) fn count(space: &Space) -> Result<usize, Error> {
    Ok(space.shelf.store().prefix(Table::Meta, META_STAGED)?.len())
}

/// Keeps more, behind what is kept already.
pub(crate) fn keep(
    turn: &mut Turn<'_>,
    staged: &[Staged],
    random: &mut dyn Random,
) -> Result<(), Error> {
    let rows = turn.space.shelf.store().prefix(Table::Meta, META_STAGED)?;
    let newest = rows.last().and_then(|row| row.id.get(META_STAGED.len()..));
    let newest = newest.and_then(|id| Reader::new(id).u32().ok());
    let mut next = newest.map_or(0, |newest| newest.saturating_add(1));
    for one in staged {
        let row = [META_STAGED, &next.to_be_bytes()].concat();
        turn.space.shelf.put(
            &mut turn.batch,
            Place::new(Table::Meta, &row),
            &one.encode(),
            random,
        )?;
        next = next.saturating_add(1);
    }
    Ok(())
}

/// Writes all that is kept in the own chain, in one transaction. An edit that does not fit into one entry stays kept.
pub(crate) fn say_again(
    space: &mut Space,
    author: &Author<'_>,
    random: &mut dyn Random,
) -> Result<Option<Changed>, Error> {
    let rows = space.shelf.prefix(Table::Meta, META_STAGED)?;
    let mut turn = Turn::new(space);
    let mut renamed: Vec<(EntryId, EntryId)> = Vec::new();
    let mut said = false;
    for row in rows {
        let staged = Staged::decode(&row.body);
        match staged.map_err(|_| Error::Damaged { code: "store.staged" })? {
            Staged::Said { entry, kind, payload } => {
                let payload = Payload::decode(kind, &payload);
                let payload = payload.map_err(|_| Error::Damaged { code: "store.staged" })?;
                let id = turn.write(&renaming(payload, &renamed), author, random)?;
                renamed.push((entry, id));
            }
            Staged::Edited { id, kind, base, edit } => {
                let changes = edited(&turn, (id, kind, &base), &edit, author);
                let Some(changes) = changes else { continue };
                if !changes.is_empty() {
                    let changes = DocumentChanges { document: id, kind: kind.number(), changes };
                    turn.write(&Payload::Changes(vec![changes]), author, random)?;
                }
            }
        }
        turn.batch.delete(Table::Meta, &row.id);
        said = true;
    }
    if !said {
        return Ok(None);
    }
    turn.space.outbox_moved = true;
    turn.close(random).map(Some)
}

/// An edit as changes of the own chain, made on the document without it: what was written elsewhere meanwhile merges
/// with it. Empty if it changes nothing; none if it does not fit.
fn edited(
    turn: &Turn<'_>,
    (document, kind, base): (DocumentId, DocumentKind, &[u8]),
    edit: &Edit,
    author: &Author<'_>,
) -> Option<Vec<Vec<u8>>> {
    let mut base = Document::load(kind, base).ok()?;
    let me = turn.space.me;
    let seq = turn.space.chains.get(me).map_or(0, |chain| chain.seq);
    let actor = ActorId::of(turn.space.home.space, document, me);
    let at = i64::try_from(author.now.as_millis()).unwrap_or(i64::MAX);
    let place = ChangePlace { actor, entry: seq.saturating_add(1) };
    base.edit(place, edit, at).ok()
}

/// What an event says of an entry that is written again under another id, it says of that one. Ids are hashes: their
/// bytes stand nowhere by chance.
fn renaming(payload: Payload, renamed: &[(EntryId, EntryId)]) -> Payload {
    let Payload::Event(mut body) = payload else { return payload };
    for (old, new) in renamed {
        let len = old.as_bytes().len();
        let mut at = 0_usize;
        while let Some(window) = body.get_mut(at..at.saturating_add(len)) {
            if window == old.as_bytes() {
                window.copy_from_slice(new.as_bytes());
            }
            at = at.saturating_add(1);
        }
    }
    Payload::Event(body)
}
