//! The way in: `envelope --open--> entry --verify, admit--> history --effects--> documents, records, list rows`,
//! and the position in the relay's log with them, in one transaction.
//!
//! The position only moves over an envelope that was stored, known before, or set aside with its bytes kept.

use crate::client::error::Error;
use crate::client::shelf::{Place, Shelf};
use crate::client::space::{Position, Space};
use crate::client::turn::{Arrival, Changed, Turn};
use crate::crypto::{Random, open};
use crate::entry::{Entry, Incident};
use crate::model::id::EntryId;
use crate::store::{Direction, Table};
use wire::envelope::{Class, Envelope};
use wire::hash::envelope_id;

/// Rows of `Table::Quarantine` by why they are there.
pub(crate) const ASIDE_REFUSED: u8 = 0;
/// Waits for the key of its epoch.
pub(crate) const ASIDE_NO_KEY: u8 = 1;
/// How many envelopes of one space may wait for a key.
const NO_KEY_MAX: usize = 1_000;

/// An envelope at its position in the relay's log.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) n: u64,
    pub(crate) envelope: Vec<u8>,
}

/// Takes a run of envelopes in order and moves the position behind it.
pub(crate) fn deliver(
    space: &mut Space,
    batch: Vec<Delivery>,
    position: Position,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let mut turn = Turn::new(space);
    for delivery in batch {
        turn.take_envelope(delivery.n, delivery.envelope, random)?;
        turn.settle(random)?;
    }
    let Turn { space, batch, .. } = &mut turn;
    space.set_position(batch, position, random)?;
    turn.close(random)
}

/// Tries again what waited for keys or control items, after more of the control log was folded.
pub(crate) fn retry(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let held = space.shelf.store().page(Table::Quarantine, None, NO_KEY_MAX, Direction::Oldest)?;
    let mut turn = Turn::new(space);
    for row in held.into_iter().filter(|row| row.state == ASIDE_NO_KEY) {
        turn.batch.delete(Table::Quarantine, &row.id);
        let n = u64::try_from(u128::from_be_bytes(row.order)).unwrap_or(u64::MAX);
        turn.take_envelope(n, row.body, random)?;
    }
    turn.release_control();
    turn.close(random)
}

/// Marks an own envelope as held by the relay and takes it out of the outbox.
pub(crate) fn sent(
    space: &mut Space,
    key: u64,
    n: u64,
    receipt: &[u8],
    random: &mut dyn Random,
) -> Result<Option<EntryId>, Error> {
    let Some(item) = space.outbox_item(key)? else { return Ok(None) };
    let mut turn = Turn::new(space);
    turn.batch.delete(Table::Outbox, &key.to_be_bytes());
    turn.place(item.entry, n);
    let place = Place::new(Table::Receipts, item.entry.as_bytes());
    turn.space.shelf.put(&mut turn.batch, place, receipt, random)?;
    turn.close(random)?;
    Ok(Some(item.entry))
}

impl Turn<'_> {
    fn take_envelope(
        &mut self,
        n: u64,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let envelope = match Envelope::decode(&bytes) {
            Ok(envelope) if envelope.class == Class::Entry => envelope,
            Ok(_) => return self.set_aside(n, bytes, "env.suite", random),
            Err(error) => return self.set_aside(n, bytes, error.code(), random),
        };
        let Some(key) = self.space.entry_key(envelope.epoch) else {
            return self.park(n, bytes, random);
        };
        let Ok(inner) = open(&key, &self.space.home, &envelope) else {
            return self.set_aside(n, bytes, "env.open", random);
        };
        let entry = match Entry::decode(self.space.home.space, &inner) {
            Ok(entry) => entry,
            Err(error) => return self.set_aside(n, bytes, error.code(), random),
        };
        let id = entry.peek().id;
        match self.arrive(entry, random)? {
            Arrival::Known => {
                self.place(id, n);
                Ok(())
            }
            Arrival::Waiting => Ok(()),
            Arrival::Refused("room.full") => self.ticket(n, random),
            Arrival::Refused(code) => self.set_aside(n, bytes, code, random),
        }
    }

    /// The relay holds this entry at `n`.
    fn place(&mut self, id: EntryId, n: u64) {
        let place = Place::new(Table::Positions, id.as_bytes());
        Shelf::put_sealed(&mut self.batch, place, n.to_be_bytes().to_vec());
    }

    /// Keeps an envelope whose epoch key is not here yet; past the bound it is refused.
    fn park(&mut self, n: u64, bytes: Vec<u8>, random: &mut dyn Random) -> Result<(), Error> {
        if self.space.shelf.store().count(Table::Quarantine)? >= NO_KEY_MAX {
            return self.set_aside(n, bytes, "env.epoch", random);
        }
        self.keep(n, bytes, ASIDE_NO_KEY);
        Ok(())
    }

    fn set_aside(
        &mut self,
        n: u64,
        bytes: Vec<u8>,
        code: &'static str,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let id = EntryId::from_bytes(envelope_id(&bytes).to_bytes());
        self.keep(n, bytes, ASIDE_REFUSED);
        self.report(&Incident::refused(id, code), random)
    }

    fn keep(&mut self, n: u64, bytes: Vec<u8>, state: u8) {
        let id = envelope_id(&bytes);
        let place = Place::new(Table::Quarantine, id.as_bytes())
            .order(u128::from(n).to_be_bytes())
            .state(state);
        Shelf::put_sealed(&mut self.batch, place, bytes);
    }

    /// The waiting room has no place: this position is pulled again when there is room.
    fn ticket(&mut self, n: u64, random: &mut dyn Random) -> Result<(), Error> {
        let lowest = self.space.shelf.get(Table::Tickets, b"room")?;
        let lowest = lowest.and_then(|row| <[u8; 8]>::try_from(row.body.as_slice()).ok());
        let n = lowest.map_or(n, |held| u64::from_be_bytes(held).min(n));
        let place = Place::new(Table::Tickets, b"room");
        self.space.shelf.put(&mut self.batch, place, &n.to_be_bytes(), random)?;
        self.report(&Incident::room_full(), random)
    }
}
