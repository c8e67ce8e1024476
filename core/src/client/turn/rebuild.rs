//! A saved document is a quicker way to what the entries say, and no more: where it cannot be read, it is made again
//! from them, so that nobody's next edit depends on a row that a disk or a library spoiled.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::card::{DOCUMENT_DELETED, Held};
use crate::client::space::state::Space;
use crate::client::space::suspects::Trust;
use crate::client::turn::gather::Turn;
use crate::document::{ActorId, Document, DocumentKind, Incoming, LoadError, Place};
use crate::entry::{DocumentChanges, Entry, Frontier, Payload, Standing};
use crate::model::id::{ChainId, DocumentId, EntryId};
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
        let document = match saved.map(|row| Document::load(kind, &row.body)) {
            Some(Ok(document)) => document,
            Some(Err(LoadError::Starved)) => return Err(Error::Memory),
            Some(Err(LoadError::Version | LoadError::Kind | LoadError::Damaged)) | None => {
                self.rebuilt(kind, id)?
            }
        };
        Ok(Held::Here(Box::new(document)))
    }

    /// The document as its entries make it, in their order.
    fn rebuilt(&self, kind: DocumentKind, id: DocumentId) -> Result<Document, Error> {
        let mut incoming = self.all_incoming(id, kind)?;
        incoming.retain(|it| self.suspects.get(&it.source) != Some(&Trust::Never));
        let (document, _) = Document::rebuild(kind, incoming)?;
        if document.is_empty() {
            Err(Error::Damaged { code: "store.document" })
        } else {
            Ok(document)
        }
    }

    /// All that stored entries bring for a document, in their order, but for what stands behind a fork.
    fn all_incoming(&self, id: DocumentId, kind: DocumentKind) -> Result<Vec<Incoming>, Error> {
        let mut incoming = Vec::new();
        card::each_entry(&self.shelf, self.home.space, |_, entry| {
            let (chain, seq) = (entry.header.chain, entry.header.seq);
            if self.standing_of(chain, seq, entry.id) != Standing::Counts {
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
        Ok(incoming)
    }

    /// How large a document is, as saved.
    pub(crate) fn saved_len(&self, id: DocumentId) -> usize {
        self.shelf.store().body_len(Table::Documents, id.as_bytes()).ok().flatten().unwrap_or(0)
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

impl Turn<'_> {
    /// Makes the documents that an entry is about again from all their entries.
    pub(crate) fn make_again(&mut self, entry: EntryId) -> Result<(), Error> {
        let Ok(bytes) = self.space.entry_bytes(entry) else { return Ok(()) };
        let entry = Entry::decode(self.space.home.space, &bytes);
        let entry = entry.map_err(|_| Error::Damaged { code: "store.entry" })?.peek().clone();
        let payload = Payload::decode(entry.header.kind, &entry.payload);
        let Ok(Payload::Changes(documents)) = payload else { return Ok(()) };
        let kind = card::kind_in(self.space.kind);
        for id in documents.into_iter().map(|changes| changes.document) {
            let all = self.space.all_incoming(id, kind)?;
            self.incoming.insert(id, all.into_iter().map(|it| (kind.number(), it)).collect());
            self.anew.insert(id);
        }
        Ok(())
    }
}
