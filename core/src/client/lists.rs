//! What an app reads: lists, texts, and where things stand. Nothing here writes.

use crate::client::card::{self, DocumentCard, Held};
use crate::client::error::Error;
use crate::client::mark::ASIDE_SUSPECT;
use crate::client::session::Session;
use crate::client::shelf::Shelf;
use crate::client::space::Space;
use crate::client::staged;
use crate::document::{DocumentKind, Fields};
use crate::entry::{Incident, Ticket};
use crate::membership::{SpaceKind, Standing};
use crate::model::id::{DeviceId, DocumentId, EntryId, PersonId, RecordId};
use crate::model::{Event, Kind, Told, member_record};
use crate::store::{Direction, Table};
use crate::view::{Card, Carried, Line, Names, OpenLine, open_list, timeline};
use wire::address::AddressLine;
use wire::id::{SpaceHandle, StoreId};
use wire::time::Timestamp;

/// Rows read at a time.
const PAGE: usize = 1_000;

/// Where one space stands on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceReport {
    /// Private or shared.
    pub kind: SpaceKind,
    /// Under which handle relays hold it.
    pub sid: SpaceHandle,
    /// The relay's store by which this device counts; zeros before the first.
    pub store: StoreId,
    /// How far its log there is stored here.
    pub position: u64,
    /// Its relay, if one is set.
    pub relay: Option<AddressLine>,
    /// Entries that are part of the history here.
    pub entries: u64,
    /// Entries that are saved here and not at the relay yet.
    pub unsent: u64,
    /// Entries that wait for others.
    pub waiting: u64,
    /// Envelopes set aside.
    pub aside: u64,
    /// Own devices that are in.
    pub own_devices: usize,
    /// The epoch under which is sealed.
    pub epoch: u32,
    /// Whether this device may write here.
    pub member: bool,
    /// How often this device began anew here, after a restore or beside a copy of it.
    pub incarnation: u16,
    /// Whether nothing is uploaded now: another copy of this device has written, and it has yet to begin anew.
    pub held: bool,
    /// What it had written and is still to be written again.
    pub again: usize,
}

/// Something named by the first letters of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record of the shared space.
    Record(RecordId),
    /// A document.
    Document(DocumentId),
}

impl Session {
    /// Whose vault this is.
    pub const fn person(&self) -> PersonId {
        self.identity.person
    }

    /// Which device this is.
    pub fn device(&self) -> DeviceId {
        self.identity.device()
    }

    /// Whether there is a shared space here.
    pub fn is_paired(&self) -> bool {
        self.shared.space().is_some_and(|space| space.log.genesis().is_some())
    }

    /// Whether the private space is open here: not on a device whose pairing did not end.
    pub fn has_private(&self) -> bool {
        self.private.space().is_some_and(|space| space.log.genesis().is_some())
    }

    /// The recovery phrase, until its words are confirmed.
    pub fn recovery_words(&self) -> Option<zeroize::Zeroizing<String>> {
        self.identity.recovery.as_ref().map(crate::crypto::phrase::words)
    }

    /// What the two are called.
    ///
    /// # Errors
    /// [`Error::NotPaired`], or the store cannot be read.
    pub fn names(&self) -> Result<Names, Error> {
        let space = self.shared.space().ok_or(Error::NotPaired)?;
        let mut said = Vec::new();
        for person in space.log.table().persons() {
            let row = space.shelf.get(Table::Cards, member_record(person.id).as_bytes())?;
            let card = row.map(|row| Card::decode(&row.body)).transpose();
            let card = card.map_err(|_| Error::Damaged { code: "store.card" })?;
            said.extend(card.as_ref().and_then(Card::name).map(|(id, name)| (id, name.clone())));
        }
        Ok(Names::new(said))
    }

    /// All record cards, oldest first.
    ///
    /// # Errors
    /// [`Error::NotPaired`], or the store cannot be read.
    pub fn cards(&self) -> Result<Vec<Card>, Error> {
        let shelf = &self.shared.space().ok_or(Error::NotPaired)?.shelf;
        let rows = card_rows(shelf, card::RECORD, usize::MAX)?;
        rows.iter()
            .map(|row| Card::decode(row).map_err(|_| Error::Damaged { code: "store.card" }))
            .collect()
    }

    /// What happened between the two, oldest first: the same bytes on both sides.
    ///
    /// # Errors
    /// As [`Session::cards`].
    pub fn timeline(&self) -> Result<Vec<Line>, Error> {
        Ok(timeline(&self.cards()?, &self.names()?))
    }

    /// What is open between the two, oldest first; with a time also what is past.
    ///
    /// # Errors
    /// As [`Session::cards`].
    pub fn open_list(&self, time: Option<Timestamp>) -> Result<Vec<OpenLine>, Error> {
        Ok(open_list(&self.cards()?, &self.names()?, time))
    }

    /// How far an own entry got.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn carried(&self, entry: EntryId) -> Result<Carried, Error> {
        for space in self.spaces() {
            if space.shelf.store().get(Table::Positions, entry.as_bytes())?.is_some() {
                return Ok(Carried::Sent);
            }
        }
        Ok(Carried::OnThisPhone)
    }

    /// The documents of a kind, newest first.
    ///
    /// # Errors
    /// [`Error::NotPaired`] for agreements without a shared space.
    pub fn documents(&self, kind: DocumentKind) -> Result<Vec<DocumentCard>, Error> {
        let shelf = &self.space_for(kind)?.shelf;
        let rows = card_rows(shelf, kind.number(), usize::MAX)?;
        let mut cards =
            rows.iter().map(|row| DocumentCard::decode(row)).collect::<Result<Vec<_>, _>>()?;
        cards.reverse();
        Ok(cards)
    }

    /// What a document says.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it never was, or was deleted.
    pub fn document(&self, id: DocumentId) -> Result<(DocumentKind, Fields), Error> {
        for space in self.spaces() {
            match space.document(id)? {
                Held::Here(document) => return Ok((document.kind(), document.fields())),
                Held::Deleted => return Err(Error::NotFound),
                Held::Nothing => {}
            }
        }
        Err(Error::NotFound)
    }

    /// The journal entries that hold a text anywhere, newest first; case makes no difference.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn search(&self, text: &str) -> Result<Vec<DocumentCard>, Error> {
        let wanted = text.to_lowercase();
        let mut found = Vec::new();
        for card in self.documents(DocumentKind::Journal)? {
            let (_, fields) = self.document(card.id)?;
            let mut all = vec![fields.title, fields.text];
            all.extend(fields.tags);
            if all.iter().any(|field| field.to_lowercase().contains(&wanted)) {
                found.push(card);
            }
        }
        Ok(found)
    }

    /// The record or document whose id begins with these hexadecimal letters.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub fn find(&self, prefix: &str) -> Result<Found, Error> {
        let mut found = None;
        for space in self.spaces() {
            for row in
                space.shelf.store().page(Table::Cards, None, usize::MAX, Direction::Ascending)?
            {
                if !hex_starts_with(&row.id, prefix) {
                    continue;
                }
                let new = RecordId::from_slice(&row.id)
                    .map(Found::Record)
                    .or_else(|| DocumentId::from_slice(&row.id).map(Found::Document));
                if found.is_some() && found != new {
                    return Err(Error::Ambiguous);
                }
                found = new;
            }
        }
        found.ok_or(Error::NotFound)
    }

    /// All that was told of a record, in no order: what its card was folded from.
    ///
    /// # Errors
    /// [`Error::NotPaired`], or the store cannot be read.
    pub fn told(&self, record: RecordId) -> Result<Vec<Told>, Error> {
        card::told_of(&self.shared.space().ok_or(Error::NotPaired)?.shelf, record)
    }

    /// The newest own event of a kind in a record, as the entry that told it: what a `Moved` moves.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub fn own_event(&self, record: RecordId, kinds: &[Kind]) -> Result<(EntryId, Event), Error> {
        let mut told = self.told(record)?;
        told.sort_by_key(|told| told.head.order());
        let own = told.iter().rev().find(|told| {
            told.head.author == self.identity.person && kinds.contains(&told.event().kind())
        });
        own.map(|told| (told.head.id, told.event().clone())).ok_or(Error::NotFound)
    }

    /// Where each space stands.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn report(&self) -> Result<Vec<SpaceReport>, Error> {
        self.spaces().map(|space| self.report_of(space)).collect()
    }

    fn report_of(&self, space: &Space) -> Result<SpaceReport, Error> {
        let store = space.shelf.store();
        let table = space.log.table();
        let own = table
            .members()
            .filter(|member| member.person == self.identity.person && member.state == Standing::In);
        Ok(SpaceReport {
            kind: space.kind,
            sid: space.home.sid,
            store: space.position.store,
            position: space.position.n,
            relay: space.relay.clone(),
            entries: store.count(Table::Entries)?,
            unsent: store.count(Table::Outbox)?,
            waiting: store.count(Table::Waiting)?,
            aside: store
                .count(Table::Quarantine)?
                .saturating_sub(store.count_state(Table::Quarantine, ASIDE_SUSPECT)?),
            own_devices: own.count(),
            epoch: space.log.epoch(),
            member: space.is_member(),
            incarnation: space.me.inc,
            held: space.is_held(),
            again: staged::count(space)?,
        })
    }

    /// What should not have happened, in both spaces.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn incidents(&self) -> Result<Vec<(SpaceKind, Incident)>, Error> {
        let mut incidents = Vec::new();
        for space in self.spaces() {
            for row in space.shelf.prefix(Table::Incidents, &[])? {
                incidents.push((space.kind, Incident::decode(&row.body)?));
            }
        }
        Ok(incidents)
    }

    /// What is known to be missing, in both spaces: entries that others name, and those that found no room.
    pub fn tickets(&self) -> Vec<(SpaceKind, Ticket)> {
        let of = |space: &Space| {
            let kind = space.kind;
            space.room.tickets().into_iter().map(move |ticket| (kind, ticket)).collect::<Vec<_>>()
        };
        self.spaces().flat_map(of).collect()
    }

    fn space_for(&self, kind: DocumentKind) -> Result<&Space, Error> {
        match card::home_of(kind) {
            SpaceKind::Private => self.private.space().ok_or(Error::NoVault),
            SpaceKind::Shared => self.shared.space().ok_or(Error::NotPaired),
        }
    }
}

/// The list rows of a state, by their order.
fn card_rows(shelf: &Shelf, state: u8, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut bodies = Vec::new();
    let mut after = None;
    loop {
        let rows = shelf.store().page(Table::Cards, after.take(), PAGE, Direction::Ascending)?;
        let Some(last) = rows.last() else { return Ok(bodies) };
        after = Some((last.order, last.id.clone()));
        for row in rows.into_iter().filter(|row| row.state == state) {
            if bodies.len() >= limit {
                return Ok(bodies);
            }
            bodies.push(shelf.open(Table::Cards, row)?.body.to_vec());
        }
    }
}

fn hex_starts_with(id: &[u8], prefix: &str) -> bool {
    let hex = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits: Option<Vec<u32>> = prefix.chars().map(|letter| letter.to_digit(16)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() >= 4) else { return false };
    digits.len() <= id.len().saturating_mul(2)
        && hex.zip(&digits).all(|(nibble, digit)| u32::from(nibble) == *digit)
}
