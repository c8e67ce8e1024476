//! What an accepted entry does: events join their record, changes wait for their document, and at the end of the
//! turn documents merge, records fold and list rows are written.

use crate::client::card::{self, DocumentCard};
use crate::client::error::Error;
use crate::client::shelf::Place;
use crate::client::turn::{Changed, ENTRY_ACCEPTED, Turn};
use crate::crypto::{EpochKey, Random};
use crate::document::{Document, DocumentKind, Incoming};
use crate::entry::{Accepted, DocumentChanges, Entry, Incident, Payload};
use crate::membership::SpaceKind;
use crate::model::event::{Event, Told};
use crate::model::fold::fold;
use crate::model::id::{ChainId, DocumentId, EntryId, OrderKey, RecordId, SpaceId};
use crate::store::{Direction, Table};
use std::collections::BTreeMap;

/// The state of a document's row once it is deleted: nothing of it is ever applied again.
pub(crate) const DOCUMENT_DELETED: u8 = 255;

/// An epoch key of a shared space, mirrored into the private one.
#[derive(Debug)]
pub(crate) struct SpaceKey {
    pub(crate) space: SpaceId,
    pub(crate) epoch: u32,
    pub(crate) key: EpochKey,
}

impl Turn<'_> {
    /// Notes what an entry does. False if its payload is void.
    pub(crate) fn take_effect(
        &mut self,
        entry: &Entry,
        accepted: &Accepted,
        random: &mut dyn Random,
    ) -> Result<bool, Error> {
        if accepted.forked {
            self.rebuild = true;
        }
        let payload = match Payload::decode(entry.header.kind, &entry.payload) {
            Ok(payload) => payload,
            Err(error) => {
                self.report(&Incident::refused(entry.id, error.code()), random)?;
                return Ok(false);
            }
        };
        let private = self.space.kind == SpaceKind::Private;
        match payload {
            Payload::Event(body) if !private => self.tell(entry, accepted, &body, random),
            Payload::Changes(documents) => {
                if accepted.disputed {
                    return Ok(false);
                }
                for changes in documents {
                    self.take_changes(entry, accepted, changes);
                }
                Ok(true)
            }
            Payload::Delete(document) if private => {
                self.deleted.insert(document);
                Ok(true)
            }
            Payload::SpaceKey { space, epoch, key } if private => {
                self.space_keys.push(SpaceKey { space, epoch, key });
                Ok(true)
            }
            Payload::Hello | Payload::Unknown { .. } => Ok(true),
            Payload::Event(_) | Payload::Delete(_) | Payload::SpaceKey { .. } => {
                self.report(&Incident::refused(entry.id, "entry.kind"), random)?;
                Ok(false)
            }
        }
    }

    fn tell(
        &mut self,
        entry: &Entry,
        accepted: &Accepted,
        body: &[u8],
        random: &mut dyn Random,
    ) -> Result<bool, Error> {
        let event = match Event::decode(body) {
            Ok(event) => event,
            Err(error) => {
                self.report(&Incident::refused(entry.id, error.code()), random)?;
                return Ok(false);
            }
        };
        let chain = entry.header.chain;
        let Some(author) = self.space.person_of(chain.device) else { return Ok(false) };
        let record = event.record(entry.id);
        let seen = accepted.chain.seen.iter().map(|(chain, (seq, _))| (*chain, *seq)).collect();
        let told = Told {
            id: entry.id,
            k: accepted.k,
            author,
            chain,
            seq: entry.header.seq,
            seen,
            disputed: accepted.disputed,
            event,
        };
        self.file_told(record, &told, random)?;
        self.record_told(record)?.push(told);
        Ok(true)
    }

    fn file_told(
        &mut self,
        record: RecordId,
        told: &Told,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let mut row = record.as_bytes().to_vec();
        row.extend_from_slice(told.id.as_bytes());
        let place = Place::new(Table::Records, &row).order(told.k.0.to_be_bytes());
        self.space.shelf.put(&mut self.batch, place, &told.encode(), random)
    }

    /// All that was told of a record, this turn included.
    fn record_told(&mut self, record: RecordId) -> Result<&mut Vec<Told>, Error> {
        let told = match self.told.remove(&record) {
            Some(told) => told,
            None => card::told_of(&self.space.shelf, record)?,
        };
        Ok(self.told.entry(record).or_insert(told))
    }

    fn take_changes(&mut self, entry: &Entry, accepted: &Accepted, changes: DocumentChanges) {
        let chain = entry.header.chain;
        let incoming = Incoming {
            source: entry.id,
            actor: self.space.actor(changes.document, chain),
            past: self.past(changes.document, chain, entry.header.seq, accepted),
            changes: changes.changes,
        };
        self.incoming.entry(changes.document).or_default().push((changes.kind, incoming));
    }

    /// The entries, by actor and place, that the author of an entry had seen: what its changes may build on.
    fn past(
        &self,
        document: DocumentId,
        own: ChainId,
        seq: u64,
        accepted: &Accepted,
    ) -> BTreeMap<[u8; 16], u64> {
        let mut past: BTreeMap<[u8; 16], u64> = accepted
            .chain
            .seen
            .iter()
            .map(|(chain, (seen, _))| (self.space.actor(document, *chain), *seen))
            .collect();
        past.insert(self.space.actor(document, own), seq);
        past
    }

    /// Ends the gathering: merges, folds, writes list rows and commits.
    pub(crate) fn close(mut self, random: &mut dyn Random) -> Result<Changed, Error> {
        self.settle(random)?;
        if self.rebuild {
            self.rebuild_documents(random)?;
        } else {
            self.merge_documents(random)?;
        }
        self.delete_documents(random)?;
        self.fold_records(random)?;
        let Turn { space, batch, changed, .. } = self;
        space.shelf.commit(batch)?;
        Ok(changed)
    }

    fn merge_documents(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for (id, incoming) in core::mem::take(&mut self.incoming) {
            let held = card::document(&self.space.shelf, id)?;
            if matches!(held, card::Held::Deleted) || self.deleted.contains(&id) {
                continue;
            }
            let mut document = match held {
                card::Held::Here(document) => document,
                card::Held::Nothing | card::Held::Deleted => {
                    Document::new(card::kind_of(self.space.kind))
                }
            };
            self.merge_into(id, &mut document, incoming, random)?;
        }
        Ok(())
    }

    fn merge_into(
        &mut self,
        id: DocumentId,
        document: &mut Document,
        incoming: Vec<(u8, Incoming)>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let kind = document.kind();
        let (fit, odd): (Vec<_>, Vec<_>) =
            incoming.into_iter().partition(|(of, _)| *of == kind.number());
        for (_, incoming) in odd {
            self.report(&Incident::refused(incoming.source, "doc.refused"), random)?;
        }
        let fit: Vec<Incoming> = fit.into_iter().map(|(_, incoming)| incoming).collect();
        let merged = document.merge(&fit);
        for (source, refused) in &merged.refused {
            self.report(&Incident::refused(*source, refused.code()), random)?;
        }
        if merged.changed {
            self.keep_document(id, document, random)?;
        }
        Ok(())
    }

    /// Writes a document and its list row.
    pub(crate) fn keep_document(
        &mut self,
        id: DocumentId,
        document: &Document,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let card = DocumentCard::of(document);
        let place = Place::new(Table::Documents, id.as_bytes()).state(document.kind().number());
        self.space.shelf.put(&mut self.batch, place, &document.save(), random)?;
        let place = Place::new(Table::Cards, id.as_bytes())
            .order(card.order().to_be_bytes())
            .state(document.kind().number());
        self.space.shelf.put(&mut self.batch, place, &card.encode(), random)?;
        self.changed.documents.insert(id);
        Ok(())
    }

    fn delete_documents(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for id in core::mem::take(&mut self.deleted) {
            let place = Place::new(Table::Documents, id.as_bytes()).state(DOCUMENT_DELETED);
            self.space.shelf.put(&mut self.batch, place, &[], random)?;
            self.batch.delete(Table::Cards, id.as_bytes());
            self.batch.delete(Table::Drafts, id.as_bytes());
            self.changed.documents.insert(id);
        }
        Ok(())
    }

    /// Makes every document again from the entries, after a chain turned out to be split: from the split on no change
    /// of that chain counts.
    fn rebuild_documents(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let fresh = core::mem::take(&mut self.incoming);
        let mut all: BTreeMap<DocumentId, Vec<(u8, Incoming)>> = BTreeMap::new();
        for (entry, k) in card::entries(&self.space.shelf, self.space.home.space)? {
            let chain = entry.header.chain;
            let Some(state) = self.space.chains.get(chain) else { continue };
            if state.is_split_at(entry.header.seq) {
                self.dispute(&entry, random)?;
                continue;
            }
            let Ok(Payload::Changes(documents)) =
                Payload::decode(entry.header.kind, &entry.payload)
            else {
                continue;
            };
            for changes in documents {
                let incoming = self.incoming_of(&entry, k, changes.document, changes.changes)?;
                all.entry(changes.document).or_default().push((changes.kind, incoming));
            }
        }
        for (id, more) in fresh {
            all.entry(id).or_default().extend(more);
        }
        for (id, incoming) in all {
            if matches!(card::document(&self.space.shelf, id)?, card::Held::Deleted) {
                continue;
            }
            let mut document = Document::new(card::kind_of(self.space.kind));
            self.merge_into(id, &mut document, incoming, random)?;
        }
        Ok(())
    }

    fn incoming_of(
        &self,
        entry: &Entry,
        _k: OrderKey,
        document: DocumentId,
        changes: Vec<Vec<u8>>,
    ) -> Result<Incoming, Error> {
        let chain = entry.header.chain;
        let seen = card::seen_by(&self.space.shelf, entry)?;
        let mut past: BTreeMap<[u8; 16], u64> = seen
            .iter()
            .map(|(chain, seq)| (self.space.actor(document, *chain), *seq))
            .collect();
        past.insert(self.space.actor(document, chain), entry.header.seq);
        Ok(Incoming { source: entry.id, actor: self.space.actor(document, chain), past, changes })
    }

    /// Marks an event of a split chain, told before the split was known.
    fn dispute(&mut self, entry: &Entry, random: &mut dyn Random) -> Result<(), Error> {
        let Ok(Payload::Event(body)) = Payload::decode(entry.header.kind, &entry.payload) else {
            return Ok(());
        };
        let Ok(event) = Event::decode(&body) else { return Ok(()) };
        let record = event.record(entry.id);
        let mut marked = None;
        for told in self.record_told(record)? {
            if told.id == entry.id && !told.disputed {
                told.disputed = true;
                marked = Some(told.clone());
            }
        }
        match marked {
            Some(told) => self.file_told(record, &told, random),
            None => Ok(()),
        }
    }

    fn fold_records(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for (id, told) in core::mem::take(&mut self.told) {
            self.changed.records.insert(id);
            let Some(record) = fold(&told) else { continue };
            let order = record.order().0.to_be_bytes();
            let place = Place::new(Table::Cards, id.as_bytes()).order(order).state(ENTRY_ACCEPTED);
            self.space.shelf.put(&mut self.batch, place, &[], random)?;
        }
        Ok(())
    }
}
