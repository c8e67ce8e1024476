//! Lists row by row: what a list shows stands ready in small rows, and a page reads no more of them than it shows.
//!
//! The timeline is two lanes, what was said between the two and one's own journal, merged by the instants in their
//! order keys. Neither lane is read further than the merging needs.

use crate::client::error::Error;
use crate::client::session::lists::Found;
use crate::client::session::unlocked::{Session, Slot};
use crate::client::space::card;
use crate::client::space::card::DocumentCard;
use crate::client::vault::shelf::{OpenRow, Shelf};
use crate::document::DocumentKind;
use crate::store::{Direction, Table};
use crate::view::Card;
use core::fmt;
use std::collections::VecDeque;

/// Rows read at a time: about what a screen shows.
const CHUNK: usize = 64;
/// Bits of an order key behind its milliseconds.
const COUNTER_BITS: u32 = 16;

/// One line of the timeline.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Something between the two.
    Record(Box<Card>),
    /// A page of one's own journal.
    Journal(DocumentCard),
}

/// What a person wrote is nobody's to log.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "Record(..)",
            Self::Journal(_) => "Journal(..)",
        })
    }
}

/// Where a row stands: its order key, then its id.
type Spot = ([u8; 16], Vec<u8>);

/// Which rows of a shelf a list is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// All records, names too.
    All,
    /// All records but names.
    Records,
    /// Those in the open list.
    Open,
    /// Documents of a kind.
    Documents(DocumentKind),
}

/// The rows of a lane in their order, read as they are asked for.
pub(crate) struct Rows<'a> {
    shelf: &'a Shelf,
    lane: Lane,
    direction: Direction,
    after: Option<Spot>,
    ready: VecDeque<OpenRow>,
    ended: bool,
}

impl<'a> Rows<'a> {
    /// From the beginning of a direction, or behind `after`.
    pub(crate) fn new(
        shelf: &'a Shelf,
        lane: Lane,
        direction: Direction,
        after: Option<Spot>,
    ) -> Self {
        Self { shelf, lane, direction, after, ready: VecDeque::new(), ended: false }
    }

    fn peek(&mut self) -> Result<Option<&OpenRow>, Error> {
        while self.ready.is_empty() && !self.ended {
            self.fetch()?;
        }
        Ok(self.ready.front())
    }

    fn pull(&mut self) -> Result<Option<OpenRow>, Error> {
        self.peek()?;
        Ok(self.ready.pop_front())
    }

    fn fetch(&mut self) -> Result<(), Error> {
        let (store, after) = (self.shelf.store(), self.after.take());
        let in_state = |state| (Table::Cards, state);
        let rows = match self.lane {
            Lane::All | Lane::Records => store.page(Table::Cards, after, CHUNK, self.direction),
            Lane::Open => {
                store.page_in_state(in_state(card::OPEN_RECORD), after, CHUNK, self.direction)
            }
            Lane::Documents(kind) => {
                store.page_in_state(in_state(kind.number()), after, CHUNK, self.direction)
            }
        }?;
        self.ended = rows.len() < CHUNK;
        self.after = rows.last().map(|last| (last.order, last.id.clone()));
        for row in rows {
            if self.lane.holds(row.state) {
                self.ready.push_back(self.shelf.open(Table::Cards, row)?);
            }
        }
        Ok(())
    }
}

impl Lane {
    fn holds(self, state: u8) -> bool {
        match self {
            Self::All => [card::RECORD, card::OPEN_RECORD, card::NAME].contains(&state),
            Self::Records => [card::RECORD, card::OPEN_RECORD].contains(&state),
            Self::Open | Self::Documents(_) => true,
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<OpenRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pull().transpose()
    }
}

/// The timeline, line by line, as it is asked for.
pub struct Timeline<'a> {
    shared: Option<Rows<'a>>,
    own: Option<Rows<'a>>,
    direction: Direction,
}

impl fmt::Debug for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timeline(..)")
    }
}

impl Iterator for Timeline<'_> {
    type Item = Result<Shown, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pull().transpose()
    }
}

impl Timeline<'_> {
    fn pull(&mut self) -> Result<Option<Shown>, Error> {
        let shared = peeked(&mut self.shared)?.map(|row| instant(row) >> COUNTER_BITS);
        let own = peeked(&mut self.own)?.map(instant);
        let from_shared = match (shared, own) {
            (None, None) => return Ok(None),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            // At one instant what was said stands before the journal.
            (Some(shared), Some(own)) => match self.direction {
                Direction::Ascending => shared <= own,
                Direction::Descending => shared > own,
            },
        };
        let lane = if from_shared { &mut self.shared } else { &mut self.own };
        let Some(row) = lane.as_mut().map(Rows::pull).transpose()?.flatten() else {
            return Ok(None);
        };
        Ok(Some(if from_shared {
            Shown::Record(Box::new(decode(&row)?))
        } else {
            Shown::Journal(DocumentCard::decode(&row.body)?)
        }))
    }
}

impl Session {
    /// The timeline, oldest first. `mine` adds one's own journal.
    pub fn timeline_rows(&self, mine: bool) -> Timeline<'_> {
        self.lanes(mine, Direction::Ascending, (None, None))
    }

    /// The newest lines of the timeline, or the newest before one of them; oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such line; the store cannot be read.
    pub fn timeline_page(
        &self,
        mine: bool,
        before: Option<Found>,
        limit: usize,
    ) -> Result<Vec<Shown>, Error> {
        let from = match before {
            None => (None, None),
            Some(before) => self.spots(before)?,
        };
        let newest = self.lanes(mine, Direction::Descending, from).take(limit);
        let mut page = newest.collect::<Result<Vec<_>, _>>()?;
        page.reverse();
        Ok(page)
    }

    /// The documents of a kind, newest first, or those before one of them.
    ///
    /// # Errors
    /// [`Error::NotPaired`] for agreements without a shared space; [`Error::NotFound`] if there is no such document.
    pub fn document_rows(
        &self,
        kind: DocumentKind,
        before: Option<Found>,
    ) -> Result<impl Iterator<Item = Result<DocumentCard, Error>>, Error> {
        let shelf = &self.space_for(kind)?.shelf;
        let after = match before {
            None => None,
            Some(Found::Document(id)) => Some(spot(shelf, id.as_bytes())?),
            Some(Found::Record(_)) => return Err(Error::NotFound),
        };
        let rows = Rows::new(shelf, Lane::Documents(kind), Direction::Descending, after);
        Ok(rows.map(|row| Ok(DocumentCard::decode(&row?.body)?)))
    }

    /// The journal entries that hold a text anywhere, newest first; case makes no difference. One document is open at
    /// a time.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn search(
        &self,
        text: &str,
    ) -> Result<impl Iterator<Item = Result<DocumentCard, Error>>, Error> {
        let wanted = text.to_lowercase();
        let rows = self.document_rows(DocumentKind::Journal, None)?;
        Ok(rows.filter_map(move |row| {
            let found = row.and_then(|row| Ok(self.says(&row, &wanted)?.then_some(row)));
            found.transpose()
        }))
    }

    fn says(&self, row: &DocumentCard, wanted: &str) -> Result<bool, Error> {
        let (_, fields) = self.document(row.id)?;
        let mut all = [&fields.title, &fields.text].into_iter().chain(&fields.tags);
        Ok(all.any(|field| field.to_lowercase().contains(wanted)))
    }

    /// How many rows were read so far: what a list costs, without a clock.
    pub fn rows_read(&self) -> u64 {
        self.spaces().map(|space| space.shelf.store().rows_read()).sum()
    }

    fn lanes(
        &self,
        mine: bool,
        direction: Direction,
        (shared, own): (Option<Spot>, Option<Spot>),
    ) -> Timeline<'_> {
        let rows = |shelf, lane, after| Rows::new(shelf, lane, direction, after);
        let journal = Lane::Documents(DocumentKind::Journal);
        Timeline {
            shared: shelf(&self.shared).map(|shelf| rows(shelf, Lane::Records, shared)),
            own: shelf(&self.private).filter(|_| mine).map(|shelf| rows(shelf, journal, own)),
            direction,
        }
    }

    /// Where a line stands, in both lanes: in its own, and among the instants of the other.
    fn spots(&self, before: Found) -> Result<(Option<Spot>, Option<Spot>), Error> {
        match before {
            Found::Record(id) => {
                let shelf = &self.shared.space().ok_or(Error::NotFound)?.shelf;
                Ok(beside_record(spot(shelf, id.as_bytes())?))
            }
            Found::Document(id) => {
                let shelf = &self.private.space().ok_or(Error::NotFound)?.shelf;
                Ok(beside_journal(spot(shelf, id.as_bytes())?))
            }
        }
    }
}

fn shelf(slot: &Slot) -> Option<&Shelf> {
    slot.space().map(|space| &space.shelf)
}

fn spot(shelf: &Shelf, id: &[u8]) -> Result<Spot, Error> {
    let row = shelf.store().get(Table::Cards, id)?.ok_or(Error::NotFound)?;
    Ok((row.order, row.id))
}

/// A record's own place, and before which instant of the journal that is.
fn beside_record(shared: Spot) -> (Option<Spot>, Option<Spot>) {
    let ms = u128::from_be_bytes(shared.0) >> COUNTER_BITS;
    (Some(shared), Some((ms.to_be_bytes(), Vec::new())))
}

/// A journal entry's own place, and behind which instant of the records that is.
fn beside_journal(own: Spot) -> (Option<Spot>, Option<Spot>) {
    let next = u128::from_be_bytes(own.0).saturating_add(1) << COUNTER_BITS;
    (Some((next.to_be_bytes(), Vec::new())), Some(own))
}

fn instant(row: &OpenRow) -> u128 {
    u128::from_be_bytes(row.order)
}

fn peeked<'r>(rows: &'r mut Option<Rows<'_>>) -> Result<Option<&'r OpenRow>, Error> {
    rows.as_mut().map_or(Ok(None), Rows::peek)
}

/// A record's list row.
pub(crate) fn decode(row: &OpenRow) -> Result<Card, Error> {
    Card::decode(&row.body).map_err(|_| Error::Damaged { code: "store.card" })
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
