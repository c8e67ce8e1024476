//! A saved document is a quicker way to what the entries say, and no more: where it cannot be read, it is made again
//! from them, so that nobody's next edit depends on a row that a disk or a library spoiled.

use crate::client::card::{self, Held};
use crate::client::effect::DOCUMENT_DELETED;
use crate::client::error::Error;
use crate::client::mark::Trust;
use crate::client::space::Space;
use crate::document::{ActorId, Document, DocumentKind, Incoming, Place};
use crate::entry::{DocumentChanges, Entry, Frontier, Payload, Standing};
use crate::model::id::{ChainId, DocumentId};
use crate::store::Table;

impl Space {
    /// Opens a document.
    pub(crate) fn document(&self, id: DocumentId) -> Result<Held, Error> {
        let Some(row) = self.shelf.store().get(Table::Documents, id.as_bytes())? else {
            return Ok(Held::Nothing);
        };
        if row.state == DOCUMENT_DELETED {
            return Ok(Held::Deleted);
        }
        let kind = DocumentKind::from_number(row.state).ok_or(Error::NeedsUpgrade)?;
        let saved = self.shelf.open(Table::Documents, row).ok();
        let document = saved.and_then(|row| Document::load(kind, &row.body).ok());
        let document = match document {
            Some(document) => document,
            None => self.rebuilt(kind, id)?,
        };
        Ok(Held::Here(Box::new(document)))
    }

    /// The document as its entries make it, in their order.
    fn rebuilt(&self, kind: DocumentKind, id: DocumentId) -> Result<Document, Error> {
        let mut incoming = Vec::new();
        card::each_entry(&self.shelf, self.home.space, |_, entry| {
            let (chain, seq) = (entry.header.chain, entry.header.seq);
            if self.suspects.get(&entry.id) == Some(&Trust::Never)
                || self.standing_of(chain, seq, entry.id) != Standing::Counts
            {
                return;
            }
            let payload = Payload::decode(entry.header.kind, &entry.payload);
            let Ok(Payload::Changes(documents)) = payload else { return };
            for changes in documents {
                if changes.document == id && changes.kind == kind.number() {
                    let seen = self.seen_by(chain, seq, entry.id);
                    incoming.push(self.incoming(&entry, &seen, changes));
                }
            }
        })?;
        let (document, _) = Document::rebuild(kind, incoming);
        if document.is_empty() {
            Err(Error::Damaged { code: "store.document" })
        } else {
            Ok(document)
        }
    }

    /// What an entry brings for a document, as the document takes it.
    pub(crate) fn incoming(
        &self,
        entry: &Entry,
        seen: &Frontier,
        changes: DocumentChanges,
    ) -> Incoming {
        let document = changes.document;
        let actor = |chain: ChainId| ActorId::of(self.home.space, document, chain);
        Incoming {
            source: entry.id,
            place: Place { actor: actor(entry.header.chain), entry: entry.header.seq },
            seen: seen.iter().map(|(chain, (seq, _))| (actor(*chain), *seq)).collect(),
            changes: changes.changes,
        }
    }
}
