//! The way out: `Command -> may they? what follows? -> entry (sign, chain) -> seal -> one commit -> sync`.

use crate::client::error::Error;
use crate::client::node::command::{Answer, Command};
use crate::client::node::link::pending;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::{META_NAME, Session, Slot};
use crate::client::space::card;
use crate::client::space::state::Space;
use crate::client::turn::gather::{Author, Turn};
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, draw};
use crate::document::{ActorId, Document, Edit, Place as ChangePlace};
use crate::entry::{DocumentChanges, Payload};
use crate::membership::SpaceKind;
use crate::model::id::{DocumentId, EntryId};
use crate::model::person::{Member, Name};
use crate::model::when::{At, Zone};
use crate::model::{Event, has_share, may};
use crate::store::{Batch, Table};
use wire::address::AddressLine;
use wire::id::SpaceHandle;

impl Now {
    /// The instant and zone that stand in what a person says.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the clock is beyond the year 9998 or the zone is unknown.
    pub fn at(&self) -> Result<At, Error> {
        let zone = Zone::chosen(&self.zone).unwrap_or_else(|_| Zone::utc());
        At::new(self.timestamp, zone)
            .map_err(|error| Error::Invalid { field: "time", rule: error.code() })
    }
}

impl Node {
    pub(crate) fn apply(
        &mut self,
        command: Command,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        self.set_today(now);
        match command {
            Command::SetName(name) => self.set_name(&name, now, random),
            Command::UseRelay(kind, line) => self.use_relay(kind, line, random),
            Command::Tell(event) => {
                let payload = Payload::Event(event.encode());
                self.may_write_today(SpaceKind::Shared, &payload, random)?;
                self.tell(event, now, random).map(Answer::Told)
            }
            Command::NewDocument(kind, edit) => {
                let id = DocumentId::from_bytes(draw(random));
                self.edit((id, Document::new(kind)), (&edit, false), now, random)
            }
            Command::EditDocument(id, edit) => {
                let document = self.document(id)?;
                self.edit((id, document), (&edit, false), now, random)
            }
            Command::DeleteDocument(id) => self.delete(id, now, random),
            Command::KeepDraft(id, draft) => self.keep_draft(id, &draft, now, random),
            Command::DropDraft(id) => self.drop_draft(id),
            Command::CloseDraft(id, draft) => self.close_draft(id, &draft, now, random),
            Command::TakeAll => self.take_all(random),
            Command::Invite { whom, digits } => self.invite((whom, digits), now, random),
            Command::Join(invited) => self.join(invited, now, random),
            Command::TypeNumber(number) => self.type_number(&number, random),
            Command::Check(kind, shown) => {
                self.check((kind, &shown), now, random).map(Answer::Checked)
            }
            Command::StopPairing => {
                self.stop_pairing();
                Ok(Answer::Done)
            }
        }
    }

    fn set_name(
        &mut self,
        name: &Name,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let joined = self.session.shared.space().filter(|space| space.is_member());
        joined.map_or(Ok(()), Space::must_be_able_to_write)?;
        let private = self.session.private_mut()?;
        let mut batch = Batch::new();
        let place = Place::new(Table::Meta, META_NAME);
        private.shelf.put(&mut batch, place, name.as_str().as_bytes(), random)?;
        private.shelf.commit(batch)?;
        if self.session.shared.space().is_some_and(Space::is_member) {
            let event = Event::Member(Member { at: now.at()?, name: name.clone() });
            self.tell(event, now, random)?;
        }
        Ok(Answer::Done)
    }

    fn use_relay(
        &mut self,
        kind: SpaceKind,
        line: AddressLine,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let space = match kind {
            SpaceKind::Private => self.session.private_mut()?,
            SpaceKind::Shared => self.session.shared.space_mut().ok_or(Error::NotPaired)?,
        };
        space.move_to(line, random)?;
        self.session.remember_home(random)?;
        let known = self.standings();
        self.relink(&known)?;
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
        let own = self.session.identity.person;
        let told = if event.kind().opens() {
            Vec::new()
        } else {
            let told = card::told_of(&space.shelf, event.record(EntryId::ZERO, own))?;
            if told.is_empty() {
                return Err(Error::NotFound);
            }
            told
        };
        may(&told, &event, own).map_err(|rule| Error::NotAllowed { rule: rule.code() })?;
        let body = event.encode();
        if !has_share(&told, space.me, body.len()) {
            return Err(Error::NotAllowed { rule: "record.full" });
        }
        self.write(SpaceKind::Shared, &Payload::Event(body), now, random)
    }

    fn may_write_today(
        &mut self,
        kind: SpaceKind,
        payload: &Payload,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let slot = match kind {
            SpaceKind::Private => &mut self.session.private,
            SpaceKind::Shared => &mut self.session.shared,
        };
        slot.space_mut().map_or(Ok(()), |space| space.may_write_today(payload, random))
    }

    /// Writes a payload as the next own entry of a space and hands it to sync.
    pub(crate) fn write(
        &mut self,
        kind: SpaceKind,
        payload: &Payload,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<EntryId, Error> {
        self.write_closing((kind, None), payload, now, random)
    }

    /// The same, and in the same commit the draft of a document goes.
    fn write_closing(
        &mut self,
        (kind, closes): (SpaceKind, Option<DocumentId>),
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
        space.must_be_able_to_write()?;
        let (sid, from) = (space.home.sid, space.outbox_next);
        let author = Author { keys: &identity.keys, now: now.timestamp };
        let mut turn = Turn::new(space);
        if let Some(document) = closes {
            turn.batch.delete(Table::Drafts, document.as_bytes());
        }
        let written = turn.write(payload, &author, random);
        let written = written.and_then(|id| Ok((id, turn.close(random)?)));
        let (id, changed) = match written {
            Ok(written) => written,
            Err(error) => {
                // Memory may be ahead of the disk: what is written next must follow what is there.
                self.reload()?;
                return Err(error);
            }
        };
        self.unsettled = true;
        self.notice_changed(changed);
        self.enqueue_from(sid, from)?;
        Ok(id)
    }

    /// Hands new outbox rows to the engine.
    fn enqueue_from(&mut self, sid: SpaceHandle, from: u64) -> Result<(), Error> {
        let Some(relay) = self.relay_of(sid) else { return Ok(()) };
        let Some(space) = self.session.space_of(sid).filter(|space| !space.is_held()) else {
            return Ok(());
        };
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

    fn document(&self, id: DocumentId) -> Result<Document, Error> {
        for space in self.session.spaces() {
            match space.document(id)? {
                card::Held::Here(document) => return Ok(*document),
                card::Held::Deleted => return Err(Error::NotFound),
                card::Held::Nothing => {}
            }
        }
        Err(Error::NotFound)
    }

    /// Writes an edit as one change of one entry; `closes` the draft it was typed as, or leaves it alone.
    pub(crate) fn edit(
        &mut self,
        (id, mut document): (DocumentId, Document),
        (edit, closes): (&Edit, bool),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let kind = document.kind();
        let home = card::home_of(kind);
        let slot = match home {
            SpaceKind::Private => &self.session.private,
            SpaceKind::Shared => &self.session.shared,
        };
        let space = slot.space().ok_or(Error::NotPaired)?;
        let newest = space.chains.get(space.me).map_or(0, |chain| chain.seq);
        let place = ChangePlace {
            actor: ActorId::of(space.home.space, id, space.me),
            entry: newest.saturating_add(1),
        };
        let at = i64::try_from(now.timestamp.as_millis()).unwrap_or(i64::MAX);
        let changes = document.edit(place, edit, at)?;
        if changes.is_empty() {
            if closes {
                self.drop_draft(id)?;
            }
            return Ok(Answer::Document(id));
        }
        let changes = DocumentChanges { document: id, kind: kind.number(), changes };
        let payload = Payload::Changes(vec![changes]);
        self.may_write_today(home, &payload, random)?;
        self.write_closing((home, closes.then_some(id)), &payload, now, random)?;
        Ok(Answer::Document(id))
    }

    fn delete(
        &mut self,
        id: DocumentId,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let private = self.session.private.space().ok_or(Error::NoVault)?;
        match private.document(id)? {
            card::Held::Here(_) => {}
            card::Held::Deleted | card::Held::Nothing => return Err(Error::NotFound),
        }
        self.write(SpaceKind::Private, &Payload::Delete(id), now, random)?;
        Ok(Answer::Document(id))
    }
}
