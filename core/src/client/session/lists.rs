//! What an app reads: lists, texts, and where things stand. Nothing here writes.

use crate::client::error::Error;
use crate::client::session::pages;
use crate::client::session::pages::{Lane, Rows};
use crate::client::session::unlocked::{META_NAME, Session};
use crate::client::space::card;
use crate::client::space::card::{DocumentCard, Held};
use crate::client::space::state::Space;
use crate::client::space::suspects::ASIDE_SUSPECT;
use crate::client::turn::staged;
use crate::document::{DocumentKind, Fields};
use crate::entry::{Allowance, Entry, Incident, Payload, Ticket};
use crate::membership::{SpaceKind, Standing};
use crate::model::id::{DeviceId, DocumentId, EntryId, PersonId, RecordId};
use crate::model::{Event, Kind, Told, member_record};
use crate::store::{Direction, Table};
use crate::view::{Card, Carried, Line, Names, OpenLine, open_list, timeline};
use wire::address::AddressLine;
use wire::id::{SpaceHandle, StoreId};
use wire::time::Timestamp;

/// Fewer letters of an id are not taken; more it does not have.
const ID_LETTERS_MIN: usize = 4;
const ID_LETTERS_MAX: usize = 64;
/// Entries that begin alike and are looked at.
const ALIKE_MAX: usize = 16;

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
    /// Entries of the other person that stay at the relay until tomorrow, or until they are taken.
    pub bulk: u64,
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
    /// Whether its store was damaged and is made anew: until all is fetched nothing can be written here.
    pub rebuilding: bool,
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

    /// The name that this person chose on this device, told to the other or not.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn own_name(&self) -> Result<Option<String>, Error> {
        let Some(private) = self.private.space() else { return Ok(None) };
        let row = private.shelf.get(Table::Meta, META_NAME)?;
        let name = row.map(|row| String::from_utf8(row.body.to_vec())).transpose();
        name.map_err(|_| Error::Damaged { code: "store.name" })
    }

    /// All record cards, oldest first.
    ///
    /// # Errors
    /// [`Error::NotPaired`], or the store cannot be read.
    pub fn cards(&self) -> Result<Vec<Card>, Error> {
        self.cards_of(Lane::All)
    }

    /// The cards of what is open, oldest first. No other row is read.
    ///
    /// # Errors
    /// As [`Session::cards`].
    pub fn open_cards(&self) -> Result<Vec<Card>, Error> {
        self.cards_of(Lane::Open)
    }

    fn cards_of(&self, lane: Lane) -> Result<Vec<Card>, Error> {
        let shelf = &self.shared.space().ok_or(Error::NotPaired)?.shelf;
        let rows = Rows::new(shelf, lane, Direction::Ascending, None);
        rows.map(|row| pages::decode(&row?)).collect()
    }

    /// The card of one record, if it is here.
    ///
    /// # Errors
    /// As [`Session::cards`].
    pub fn card(&self, record: RecordId) -> Result<Option<Card>, Error> {
        let shelf = &self.shared.space().ok_or(Error::NotPaired)?.shelf;
        shelf.get(Table::Cards, record.as_bytes())?.map(|row| pages::decode(&row)).transpose()
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
        Ok(open_list(&self.open_cards()?, &self.names()?, time))
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
        self.document_rows(kind, None)?.collect()
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

    /// The record or document whose id begins with these hexadecimal letters.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub fn find(&self, prefix: &str) -> Result<Found, Error> {
        let (from, to) = id_range(prefix).ok_or(Error::NotFound)?;
        let mut found = Vec::new();
        for space in self.spaces() {
            found.extend(space.shelf.store().ids(Table::Cards, &from, to.as_deref(), 2)?);
        }
        let [id] = found.as_slice() else {
            return Err(if found.is_empty() { Error::NotFound } else { Error::Ambiguous });
        };
        let record = RecordId::from_slice(id).map(Found::Record);
        let found = record.or_else(|| DocumentId::from_slice(id).map(Found::Document));
        found.ok_or(Error::NotFound)
    }

    /// The entry whose id begins with these hexadecimal letters, among those that told the two something.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::NotPaired`].
    pub fn find_told(&self, prefix: &str) -> Result<EntryId, Error> {
        let space = self.shared.space().ok_or(Error::NotPaired)?;
        let (from, to) = id_range(prefix).ok_or(Error::NotFound)?;
        let mut found = Vec::new();
        for id in space.shelf.store().ids(Table::Entries, &from, to.as_deref(), ALIKE_MAX)? {
            let id = EntryId::from_slice(&id).ok_or(Error::Damaged { code: "store.entry" })?;
            let entry = Entry::decode(space.home.space, &space.entry_bytes(id)?);
            let entry = entry.map_err(|_| Error::Damaged { code: "store.entry" })?;
            let Entry { header, payload, .. } = entry.peek();
            if matches!(Payload::decode(header.kind, payload), Ok(Payload::Event(_))) {
                found.push(id);
            }
        }
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(Error::NotFound),
            _ => Err(Error::Ambiguous),
        }
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
            bulk: space
                .allowances
                .values()
                .filter_map(Allowance::left)
                .map(|left| u64::from(left.count))
                .sum(),
            own_devices: own.count(),
            epoch: space.log.epoch(),
            member: space.is_member(),
            incarnation: space.me.inc,
            held: space.is_held(),
            again: staged::count(space)?,
            rebuilding: space.rebuilding,
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
            let bulk = space.allowances.values().filter_map(Allowance::left).map(Ticket::Bulk);
            let dropped = space.dropped.map(Ticket::Dropped);
            let all = space.room.tickets().into_iter().chain(bulk).chain(dropped);
            all.map(move |ticket| (kind, ticket)).collect::<Vec<_>>()
        };
        self.spaces().flat_map(of).collect()
    }

    pub(crate) fn space_for(&self, kind: DocumentKind) -> Result<&Space, Error> {
        match card::home_of(kind) {
            SpaceKind::Private => self.private.space().ok_or(Error::NoVault),
            SpaceKind::Shared => self.shared.space().ok_or(Error::NotPaired),
        }
    }
}

/// The ids that begin with these letters: from the first of them, to before the second.
fn id_range(prefix: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let digits: Option<Vec<u8>> =
        prefix.chars().map(|letter| u8::try_from(letter.to_digit(16)?).ok()).collect();
    let digits =
        digits.filter(|digits| (ID_LETTERS_MIN..=ID_LETTERS_MAX).contains(&digits.len()))?;
    let pack = |digits: &[u8]| -> Vec<u8> {
        let pair = |pair: &[u8]| match pair {
            [high, low] => high << 4 | low,
            [high] => high << 4,
            _ => 0,
        };
        digits.chunks(2).map(pair).collect()
    };
    let mut end = digits.clone();
    while end.last() == Some(&15) {
        end.pop();
    }
    let to = end.last_mut().map(|last| *last += 1).map(|()| pack(&end));
    Some((pack(&digits), to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_an_id_are_a_range_of_ids() {
        assert_eq!(id_range("12aB"), Some((vec![0x12, 0xab], Some(vec![0x12, 0xac]))));
        assert_eq!(id_range("12abc"), Some((vec![0x12, 0xab, 0xc0], Some(vec![0x12, 0xab, 0xd0]))));
        assert_eq!(id_range("12aff"), Some((vec![0x12, 0xaf, 0xf0], Some(vec![0x12, 0xb0]))));
        assert_eq!(id_range("ffff"), Some((vec![0xff, 0xff], None)));
        for typed in ["", "12a", "12ax", &"1".repeat(65)] {
            assert_eq!(id_range(typed), None, "{typed}");
        }
    }
}
