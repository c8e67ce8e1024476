//! The way out: `Command -> may they? what follows? -> entry (sign, chain) -> seal -> one commit -> sync`.

use crate::client::card;
use crate::client::command::{Answer, Command};
use crate::client::error::Error;
use crate::client::link::pending;
use crate::client::node::{Node, Now};
use crate::client::session::{Session, Slot};
use crate::client::shelf::Place;
use crate::client::space::Space;
use crate::client::turn::{Author, Turn};
use crate::crypto::{Random, draw};
use crate::document::{Document, DocumentKind, Edit};
use crate::entry::{DocumentChanges, Payload};
use crate::membership::SpaceKind;
use crate::model::Event;
use crate::model::fold::fold;
use crate::model::id::{DocumentId, EntryId, OrderKey};
use crate::model::person::Name;
use crate::model::told::Told;
use crate::model::when::{At, Zone};
use crate::store::{Batch, Table};
use wire::address::AddressLine;
use wire::id::SpaceHandle;

/// The name that this person chose, until it is told.
pub(crate) const META_NAME: &[u8] = b"name";

impl Now {
    /// The instant and zone that stand in what a person says.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the clock is beyond the year 9998 or the zone is unknown.
    pub fn at(&self) -> Result<At, Error> {
        let zone = Zone::chosen(&self.zone).unwrap_or_else(|_| Zone::utc());
        At::new(self.timestamp, zone).map_err(|error| Error::Invalid { field: "time", rule: error.code() })
    }
}

impl Node {
    pub(crate) fn apply(
        &mut self,
        command: Command,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        match command {
            Command::SetName(name) => self.set_name(&name, now, random),
            Command::UseRelay(line) => self.use_relay(line, random),
            Command::Tell(event) => self.tell(event, now, random).map(Answer::Told),
            Command::NewDocument(kind, edit) => {
                let id = DocumentId::from_bytes(draw(random));
                self.edit(id, kind, Document::new(kind), &edit, now, random)
            }
            Command::EditDocument(id, edit) => {
                let (kind, document) = self.document(id)?;
                self.edit(id, kind, document, &edit, now, random)
            }
            Command::DeleteDocument(id) => self.delete(id, now, random),
            Command::Invite { whom, digits } => self.invite(whom, digits, now, random),
            Command::Join(invited) => self.join(invited, now, random),
            Command::TypeNumber(number) => self.type_number(&number, now),
            Command::StopPairing => {
                self.stop_pairing();
                Ok(Answer::Done)
            }
        }
    }

    fn set_name(&mut self, name: &Name, now: &Now, random: &mut dyn Random) -> Result<Answer, Error> {
        let private = self.session.private_mut()?;
        let mut batch = Batch::default();
        let place = Place::new(Table::Meta, META_NAME);
        private.shelf.put(&mut batch, place, name.as_str().as_bytes(), random)?;
        private.shelf.commit(batch)?;
        if self.session.shared.space().is_some_and(Space::is_member) {
            let event = Event::member(now.at()?, name.clone());
            self.tell(event, now, random)?;
        }
        Ok(Answer::Done)
    }

    fn use_relay(&mut self, line: AddressLine, random: &mut dyn Random) -> Result<Answer, Error> {
        let private = self.session.private_mut()?;
        let mut batch = Batch::default();
        private.set_relay(&mut batch, line, random)?;
        private.shelf.commit(batch)?;
        self.refresh_links()?;
        Ok(Answer::Done)
    }

    /// Says something in the shared space, if its author may and it would count.
    pub(crate) fn tell(
        &mut self,
        event: Event,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<EntryId, Error> {
        let space = self.session.shared.space().ok_or(Error::NotPaired)?;
        space.must_be_member()?;
        check_counts(space, &event, self.session.identity.person)?;
        self.write(SpaceKind::Shared, &Payload::Event(event.encode()), now, random)
    }

    /// Writes a payload as the next own entry of a space and hands it to sync.
    pub(crate) fn write(
        &mut self,
        kind: SpaceKind,
        payload: &Payload,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<EntryId, Error> {
        let Session { identity, private, shared, .. } = &mut self.session;
        let slot = match kind {
            SpaceKind::Private => private,
            SpaceKind::Shared => shared,
        };
        let Slot::Open(space) = slot else { return Err(Error::NotPaired) };
        space.must_be_member()?;
        let (sid, from) = (space.home.sid, space.outbox_next);
        let author = Author { keys: &identity.keys, now: now.timestamp };
        let mut turn = Turn::new(space);
        let id = turn.write(payload, &author, random)?;
        let changed = turn.close(random)?;
        self.notice_changed(changed);
        self.enqueue_from(sid, from)?;
        Ok(id)
    }

    /// Hands new outbox rows to the engine.
    fn enqueue_from(&mut self, sid: SpaceHandle, from: u64) -> Result<(), Error> {
        let Some(relay) = self.relay_of(sid) else { return Ok(()) };
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let mut new = Vec::new();
        for key in from..space.outbox_next {
            if let Some(item) = space.outbox_item(key)? {
                new.push(pending(item.key, item.epoch, &item.envelope));
            }
        }
        if let Some(link) = self.links.get_mut(&relay) {
            for pending in new {
                link.engine.enqueue(sid, pending);
            }
        }
        Ok(())
    }

    fn document(&self, id: DocumentId) -> Result<(DocumentKind, Document), Error> {
        for space in self.session.spaces() {
            match card::document(&space.shelf, id)? {
                card::Held::Here(document) => return Ok((document.kind(), document)),
                card::Held::Deleted => return Err(Error::NotFound),
                card::Held::Nothing => {}
            }
        }
        Err(Error::NotFound)
    }

    fn edit(
        &mut self,
        id: DocumentId,
        kind: DocumentKind,
        document: Document,
        edit: &Edit,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let home = card::home_of(kind);
        let slot = match home {
            SpaceKind::Private => &self.session.private,
            SpaceKind::Shared => &self.session.shared,
        };
        let space = slot.space().ok_or(Error::NotPaired)?;
        let actor = space.actor(id, space.me);
        let mut document = document;
        let at = i64::try_from(now.timestamp.as_millis()).unwrap_or(i64::MAX);
        let changes = document
            .edit(actor, edit, at)
            .map_err(|error| Error::Invalid { field: "text", rule: error.code() })?;
        if changes.is_empty() {
            return Ok(Answer::Document(id));
        }
        let changes = DocumentChanges { document: id, kind: kind.number(), changes };
        self.write(home, &Payload::Changes(vec![changes]), now, random)?;
        Ok(Answer::Document(id))
    }

    fn delete(&mut self, id: DocumentId, now: &Now, random: &mut dyn Random) -> Result<Answer, Error> {
        let private = self.session.private.space().ok_or(Error::NoVault)?;
        match card::document(&private.shelf, id)? {
            card::Held::Here(_) => {}
            card::Held::Deleted | card::Held::Nothing => return Err(Error::NotFound),
        }
        self.write(SpaceKind::Private, &Payload::Delete(id), now, random)?;
        Ok(Answer::Document(id))
    }
}

/// An event that its record would not take is not written: the author is told why instead.
fn check_counts(
    space: &Space,
    event: &Event,
    author: crate::model::id::PersonId,
) -> Result<(), Error> {
    let draft = EntryId::ZERO;
    let record = event.record(draft);
    let mut told = card::told_of(&space.shelf, record)?;
    if told.is_empty() && record.as_bytes() != draft.as_bytes() && !event.opens(author) {
        return Err(Error::NotFound);
    }
    let k = told.iter().map(|told| told.k).max().unwrap_or_default();
    let mut seen: Vec<_> =
        space.chains.all().into_iter().map(|(chain, (seq, _))| (chain, seq)).collect();
    seen.sort_unstable();
    told.push(Told {
        id: draft,
        k: OrderKey(k.0.saturating_add(1)),
        author,
        chain: space.me,
        seq: u64::MAX,
        seen,
        disputed: false,
        event: event.clone(),
    });
    let folded = fold(&told).ok_or(Error::NotFound)?;
    folded.refusal_of(draft).map_or(Ok(()), |rule| Err(Error::NotAllowed { rule: rule.code() }))
}
