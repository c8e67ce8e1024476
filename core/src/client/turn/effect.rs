//! What an accepted entry does: events join their record, changes wait for their document, and at the end of the
//! turn documents merge, records fold and list rows are written.

use crate::client::error::Error;
use crate::client::space::card::DOCUMENT_DELETED;
use crate::client::space::card::{self, SpaceKey};
use crate::client::space::incarnation::Anew;
use crate::client::turn::gather::{Changed, Origin, Turn};
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{
    Accepted, DocumentChanges, Entry, EntryError, Frontier, Incident, Payload,
    Standing as EntryStanding,
};
use crate::membership::SpaceKind;
use crate::model::id::{DocumentId, OrderKey, RecordId};
use crate::model::{Event, Head, Told, fold, has_share};
use crate::store::Table;
use crate::view::Card;

impl Turn<'_> {
    /// Notes what an entry does.
    pub(crate) fn take_effect(
        &mut self,
        entry: &Entry,
        accepted: &Accepted,
        origin: Option<Origin>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let payload = match Payload::decode(entry.header.kind, &entry.payload) {
            Ok(payload) => payload,
            Err(error) => return self.void(origin, error, random),
        };
        let private = self.space.kind == SpaceKind::Private;
        match payload {
            Payload::Event(body) if !private => self.tell(entry, accepted, body, random),
            Payload::Changes(documents) => {
                // What stands in doubt does not count; where the doubt is new, all is made anew without it.
                let (chain, seq) = (entry.header.chain, entry.header.seq);
                if self.space.standing_of(chain, seq, entry.id) == EntryStanding::Counts {
                    for changes in documents {
                        self.take_changes(entry, &accepted.seen, changes);
                    }
                }
                Ok(())
            }
            Payload::Delete(document) if private => {
                self.deleted.insert(document);
                Ok(())
            }
            Payload::SpaceKey { space, epoch, key } if private => {
                self.space_keys.push(SpaceKey { space, epoch, key });
                Ok(())
            }
            Payload::Hello | Payload::Unknown { .. } => Ok(()),
            Payload::Event(_) | Payload::Delete(_) | Payload::SpaceKey { .. } => {
                self.void(origin, EntryError::Form, random)
            }
        }
    }

    /// The entry keeps its place in its chain; what it carries has no effect.
    fn void(
        &mut self,
        origin: Option<Origin>,
        error: EntryError,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(Origin { envelope, position }) = origin else {
            return Err(Error::Damaged { code: "entry.own" });
        };
        self.report(&Incident::RefusedEntry { position, envelope, error }, random)
    }

    fn tell(
        &mut self,
        entry: &Entry,
        accepted: &Accepted,
        body: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let standing = self.space.standing_of(entry.header.chain, entry.header.seq, entry.id);
        let head = self.head_of(entry, accepted.k, &accepted.seen, standing);
        let Some(head) = head else { return Ok(()) };
        let Ok(told) = Told::new(head, body) else {
            return self.report(&Incident::RefusedEvent { entry: entry.id }, random);
        };
        let (record, chain) = (told.record(), entry.header.chain);
        if !has_share(self.record_told(record)?, chain, told.body().len()) {
            return self.report(&Incident::RecordFull { entry: entry.id }, random);
        }
        self.file_told(&told, random)?;
        self.record_told(record)?.push(told);
        Ok(())
    }

    /// What an entry says about the event in it.
    pub(crate) fn head_of(
        &self,
        entry: &Entry,
        k: OrderKey,
        seen: &Frontier,
        standing: EntryStanding,
    ) -> Option<Head> {
        let chain = entry.header.chain;
        Some(Head {
            id: entry.id,
            k,
            hlc_ms: entry.header.hlc.ms,
            author: self.space.person_of(chain.device)?,
            chain,
            seq: entry.header.seq,
            seen: seen.iter().map(|(chain, (seq, _))| (*chain, *seq)).collect(),
            disputed: standing == EntryStanding::Disputed,
            cut_off: standing == EntryStanding::CutOff,
        })
    }

    pub(crate) fn file_told(&mut self, told: &Told, random: &mut dyn Random) -> Result<(), Error> {
        let row = card::told_row(told.record(), told.head.id);
        let place = Place::new(Table::Records, &row).order(told.head.k.0.to_be_bytes());
        self.space.shelf.put(&mut self.batch, place, &told.encode(), random)
    }

    /// All that was told of a record, this turn included.
    fn record_told(&mut self, record: RecordId) -> Result<&mut Vec<Told>, Error> {
        let told = if let Some(told) = self.told.remove(&record) {
            told
        } else {
            let told = card::told_of(&self.space.shelf, record)?;
            self.weigh(told.iter().map(|told| told.body().len()).sum());
            told
        };
        Ok(self.told.entry(record).or_insert(told))
    }

    pub(crate) fn take_changes(
        &mut self,
        entry: &Entry,
        seen: &Frontier,
        changes: DocumentChanges,
    ) {
        let (document, kind) = (changes.document, changes.kind);
        if !self.incoming.contains_key(&document) {
            self.weigh(self.space.saved_len(document));
        }
        let incoming = self.space.incoming(entry, seen, changes);
        self.incoming.entry(document).or_default().push((kind, incoming));
    }

    /// Ends the gathering: merges, folds, writes list rows and commits.
    pub(crate) fn close(mut self, random: &mut dyn Random) -> Result<Changed, Error> {
        self.weigh_doubts(random)?;
        if self.rebuild {
            self.gather_again(random)?;
        }
        self.finish(random)
    }

    /// The end of [`Turn::close`], all being gathered.
    pub(crate) fn finish(mut self, random: &mut dyn Random) -> Result<Changed, Error> {
        self.notice_copy(random)?;
        self.merge_documents(random)?;
        self.delete_documents(random)?;
        self.keep_space_keys(random)?;
        self.fold_records(random)?;
        self.keep_allowances(random)?;
        self.keep_unlisted(random)?;
        let Turn { space, batch, changed, ready, .. } = self;
        space.ready.extend(ready);
        if !batch.is_empty() {
            space.shelf.commit(batch)?;
        }
        Ok(changed)
    }

    /// Another copy of this device has written: from here on nothing is uploaded before it has begun anew.
    fn notice_copy(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        if !self.own_elsewhere || self.space.anew != Anew::No {
            return Ok(());
        }
        self.report(&Incident::DeviceRestored { chain: self.space.me }, random)?;
        self.space.outbox_moved = true;
        self.space.set_anew(&mut self.batch, Anew::Noticed { told: false }, random)
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

    fn keep_space_keys(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for SpaceKey { space, epoch, key } in core::mem::take(&mut self.space_keys) {
            let row = card::space_key_row(space, epoch, &key);
            let place = Place::new(Table::Meta, &row);
            self.space.shelf.put(&mut self.batch, place, key.as_bytes(), random)?;
        }
        Ok(())
    }

    /// What counts of a chain in doubt changed: its events are marked anew, and every document is made again from
    /// the entries that count. What this turn adds counts like what is stored: how entries are spread over turns is
    /// chance, or the sender's choice.
    fn gather_again(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        self.incoming.clear();
        let mut after = None;
        loop {
            let page = card::entries_after(&self.space.shelf, self.space.home.space, &mut after)?;
            if page.is_empty() {
                break;
            }
            for (_, entry) in page {
                self.weigh_again(&entry, random)?;
            }
        }
        for entry in self.added_entries() {
            self.weigh_again(&entry, random)?;
        }
        self.drop_documents()
    }

    fn weigh_again(&mut self, entry: &Entry, random: &mut dyn Random) -> Result<(), Error> {
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let standing = self.space.standing_of(chain, seq, entry.id);
        if self.space.is_in_doubt(chain, seq) {
            self.mark(entry, standing, random)?;
        }
        if standing != EntryStanding::Counts {
            return Ok(());
        }
        let payload = Payload::decode(entry.header.kind, &entry.payload);
        if let Ok(Payload::Changes(documents)) = payload {
            let seen = self.seen_by(chain, seq, entry.id);
            for changes in documents {
                self.take_changes(entry, &seen, changes);
            }
        }
        Ok(())
    }

    /// Documents of which no change counts any more are as if they had never been.
    pub(crate) fn drop_documents(&mut self) -> Result<(), Error> {
        for row in self.space.shelf.store().prefix(Table::Documents, &[])? {
            let Some(id) = DocumentId::from_slice(&row.id) else { continue };
            if row.state != DOCUMENT_DELETED && !self.incoming.contains_key(&id) {
                self.drop_document(id);
            }
        }
        Ok(())
    }

    pub(crate) fn drop_document(&mut self, id: DocumentId) {
        self.batch.delete(Table::Documents, id.as_bytes());
        self.batch.delete(Table::Cards, id.as_bytes());
        self.changed.documents.insert(id);
    }

    /// Marks an event of a chain in doubt as it stands now.
    fn mark(
        &mut self,
        entry: &Entry,
        standing: EntryStanding,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (disputed, cut_off) =
            (standing == EntryStanding::Disputed, standing == EntryStanding::CutOff);
        let Ok(Payload::Event(body)) = Payload::decode(entry.header.kind, &entry.payload) else {
            return Ok(());
        };
        let (Ok(event), Some(author)) =
            (Event::decode(&body), self.space.person_of(entry.header.chain.device))
        else {
            return Ok(());
        };
        let record = event.record(entry.id, author);
        let mut marked = None;
        for told in self.record_told(record)? {
            let head = &mut told.head;
            if head.id == entry.id && (head.disputed, head.cut_off) != (disputed, cut_off) {
                (head.disputed, head.cut_off) = (disputed, cut_off);
                marked = Some(told.clone());
            }
        }
        marked.map_or(Ok(()), |told| self.file_told(&told, random))
    }

    fn fold_records(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for (id, told) in core::mem::take(&mut self.told) {
            self.changed.records.insert(id);
            let Some(record) = fold(&told) else { continue };
            let Some(card) = Card::new(&record) else { continue };
            let (k, _) = card.order();
            let place = Place::new(Table::Cards, id.as_bytes())
                .order(k.0.to_be_bytes())
                .state(card::state_of(&card));
            self.space.shelf.put(&mut self.batch, place, &card.encode(), random)?;
        }
        Ok(())
    }
}
