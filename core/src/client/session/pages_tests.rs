//! What lists cost, in rows read: a page of the newest costs what it shows, however long the history is.

use super::*;
use crate::client::vault::folder::{MemoryDisk, Place as VaultPlace};
use crate::client::vault::mark::Mark;
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, VaultId, VaultKey};
use crate::membership::SpaceKind;
use crate::model::Event;
use crate::model::id::{DocumentId, EntryId, OrderKey, PersonId, RecordId};
use crate::model::moment::{Moment, MomentKind, WhoDid};
use crate::model::reach::ReachStatus;
use crate::model::when::{At, Zone};
use crate::store::{Batch, Store};
use crate::view::{CardStep, Status};
use wire::time::Timestamp;

const RECORDS: u64 = 5_000;
const PAGES: u64 = 1_000;
/// Every so many records one is open.
const OPEN_EVERY: u64 = 500;

struct Stream(u64);

impl Random for Stream {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

fn shelf(name: &str) -> Shelf {
    let store = Store::memory(name).unwrap();
    let mark = Mark::new(VaultPlace::Memory(MemoryDisk::new(name)), "mark");
    Shelf::new(store, &VaultKey::from_bytes(&[1; 32]), VaultId::from_bytes([2; 16]), mark)
}

fn card(n: u64) -> Card {
    let at = At::new(Timestamp::from_millis(n), Zone::utc()).unwrap();
    let who_did = WhoDid::Both;
    let kind = MomentKind::Other;
    let moment = Moment { at, kind, happened: None, who_did, text: None, felt: None };
    let id = EntryId::from_bytes(wire::hash::sha256(&[&n.to_be_bytes()]));
    let event = Event::Moment(moment);
    let opening = CardStep { id, by: PersonId::ZERO, event, void: None, marks: Vec::new() };
    let open = n.is_multiple_of(OPEN_EVERY);
    let status = if open { Status::Reach(ReachStatus::Open) } else { Status::Moment };
    let k = OrderKey(u128::from(n) << COUNTER_BITS | 7);
    Card { record: id.into(), k, status, opening, steps: Vec::new(), more: false }
}

/// Five thousand records, one at each millisecond.
fn shared(name: &str) -> Shelf {
    let (mut shelf, mut batch) = (shelf(name), Batch::new());
    for n in 1..=RECORDS {
        let card = card(n);
        let place = Place::new(Table::Cards, card.record.as_bytes())
            .order(card.k.0.to_be_bytes())
            .state(card::state_of(&card));
        shelf.put(&mut batch, place, &card.encode(), &mut Stream(n)).unwrap();
    }
    shelf.commit(batch).unwrap();
    shelf
}

/// A thousand journal entries, one at each fifth of these milliseconds.
fn own(name: &str) -> Shelf {
    let (mut shelf, mut batch) = (shelf(name), Batch::new());
    for n in 1..=PAGES {
        let id = DocumentId::from_bytes(u128::from(n).to_be_bytes());
        let at_ms = i64::try_from(n * 5).unwrap();
        let card = DocumentCard {
            id,
            title: String::new(),
            excerpt: String::new(),
            at_ms: Some(at_ms),
            tags: Vec::new(),
        };
        let kind = card::kind_in(SpaceKind::Private).number();
        let place = Place::new(Table::Cards, id.as_bytes()).order(card.order()).state(kind);
        shelf.put(&mut batch, place, &card.encode(), &mut Stream(n)).unwrap();
    }
    shelf.commit(batch).unwrap();
    shelf
}

fn at(shown: &Shown) -> (u64, bool) {
    match shown {
        Shown::Record(card) => (u64::try_from(card.k.0 >> COUNTER_BITS).unwrap(), true),
        Shown::Journal(card) => (u64::try_from(card.at_ms.unwrap()).unwrap(), false),
    }
}

fn timeline<'a>(
    lanes: (&'a Shelf, Option<&'a Shelf>),
    direction: Direction,
    from: (Option<Spot>, Option<Spot>),
) -> Timeline<'a> {
    let journal = Lane::Documents(DocumentKind::Journal);
    Timeline {
        shared: Some(Rows::new(lanes.0, Lane::Records, direction, from.0)),
        own: lanes.1.map(|own| Rows::new(own, journal, direction, from.1)),
        direction,
    }
}

#[test]
fn d6_the_newest_fifty_of_five_thousand_read_two_chunks_at_most() {
    let (shared, own) = (shared("newest-shared"), own("newest-own"));
    let newest = timeline((&shared, None), Direction::Descending, (None, None)).take(50);
    let found: Vec<u64> = newest.map(|shown| at(&shown.unwrap()).0).collect();
    assert!(found.iter().copied().eq((RECORDS - 49..=RECORDS).rev()));
    assert_eq!(shared.store().rows_read(), CHUNK as u64);
    let mine = timeline((&shared, Some(&own)), Direction::Descending, (None, None)).take(50);
    assert_eq!(mine.count(), 50);
    assert_eq!(shared.store().rows_read() + own.store().rows_read(), 3 * CHUNK as u64);
}

#[test]
fn d6_pages_of_both_lanes_put_together_are_the_whole_in_its_order() {
    let (shared, own) = (shared("whole-shared"), own("whole-own"));
    let whole: Vec<(u64, bool)> =
        timeline((&shared, Some(&own)), Direction::Ascending, (None, None))
            .map(|shown| at(&shown.unwrap()))
            .collect();
    assert_eq!(whole.len() as u64, RECORDS + PAGES);
    assert!(whole.is_sorted_by_key(|(ms, said)| (*ms, !said)), "what was said stands first");
    let mut pages = Vec::new();
    let mut from = (None, None);
    loop {
        let page: Vec<Shown> = timeline((&shared, Some(&own)), Direction::Descending, from)
            .take(37)
            .map(Result::unwrap)
            .collect();
        let Some(last) = page.last() else { break };
        from = match last {
            Shown::Record(card) => beside_record(spot(&shared, card.record.as_bytes()).unwrap()),
            Shown::Journal(card) => beside_journal(spot(&own, card.id.as_bytes()).unwrap()),
        };
        pages.extend(page.iter().map(at));
    }
    pages.reverse();
    assert!(pages == whole);
}

#[test]
fn d6_the_open_list_reads_what_is_open_and_nothing_else() {
    let shared = shared("open-shared");
    let rows = Rows::new(&shared, Lane::Open, Direction::Ascending, None);
    let found: Vec<Card> = rows.map(|row| decode(&row.unwrap()).unwrap()).collect();
    assert_eq!(found.len() as u64, RECORDS / OPEN_EVERY);
    assert!(found.iter().all(Card::is_open));
    assert_eq!(shared.store().rows_read(), RECORDS / OPEN_EVERY);
}

#[test]
fn a_line_that_is_not_there_is_no_place_to_go_on_from() {
    let shelf = shelf("pages-none");
    assert_eq!(spot(&shelf, RecordId::ZERO.as_bytes()), Err(Error::NotFound));
    assert_eq!(timeline((&shelf, None), Direction::Descending, (None, None)).count(), 0);
}
