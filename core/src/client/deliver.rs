//! The way in: `envelope --open--> entry --verify, admit--> history --effects--> documents, records, list rows`,
//! and the position in the relay's log with them, in one transaction.
//!
//! The position only moves over an envelope that was stored, known before, or set aside with its bytes kept.

use crate::client::anew::make_way;
use crate::client::error::Error;
use crate::client::shelf::{Place, Shelf};
use crate::client::space::{Position, Space};
use crate::client::turn::{Arrival, Changed, Origin, Turn, origin_of};
use crate::crypto::{Random, open};
use crate::entry::{Entry, EntryError, Incident};
use crate::model::id::EntryId;
use crate::store::{Direction, Table};
use crate::sync::Delivery;
use wire::codec::Writer;
use wire::envelope::{Class, Envelope};
use wire::hash::envelope_id;
use wire::receipt::Receipt;

/// Rows of [`Table::Quarantine`]: an envelope that is of no use, kept.
pub(crate) const ASIDE_REFUSED: u8 = 0;
/// An envelope that waits for the key of its epoch.
pub(crate) const ASIDE_NO_KEY: u8 = 1;
/// The newest receipt: a relay that holds less than it once confirmed has lost something.
pub(crate) const META_NEWEST_RECEIPT: &[u8] = b"receipt";
/// How many envelopes of one space may wait for a key.
const NO_KEY_MAX: u64 = 1_000;
/// How many of them are tried again at a time.
const RETRY_ROWS: usize = 4;

/// Takes a run of envelopes in order and moves the position behind it.
pub(crate) fn deliver(
    space: &mut Space,
    batch: Vec<Delivery>,
    position: Position,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let envelopes = batch.iter().map(|delivery| delivery.envelope.as_slice());
    make_way(space, envelopes, random)?;
    let mut turn = Turn::new(space);
    for delivery in batch {
        turn.take_envelope(delivery.n, delivery.envelope, random)?;
        turn.settle(random)?;
    }
    let Turn { space, batch, .. } = &mut turn;
    space.set_position(batch, position, random)?;
    turn.close(random)
}

/// Tries again what waited for keys or control items, after the control log moved on from `before`.
///
/// Each run of envelopes is a turn of its own: together they may be larger than memory.
pub(crate) fn retry(
    space: &mut Space,
    before: u32,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let mut changed = Changed::default();
    let mut after = None;
    loop {
        let store = space.shelf.store();
        let rows = store.page(Table::Quarantine, after.take(), RETRY_ROWS, Direction::Ascending)?;
        let Some(last) = rows.last() else { break };
        after = Some((last.order, last.id.clone()));
        make_way(space, rows.iter().map(|row| row.body.as_slice()), random)?;
        let mut turn = Turn::new(space);
        for row in rows {
            let opens = |epoch| !turn.space.lacks_key(epoch);
            if row.state != ASIDE_NO_KEY || !epoch_of(&row.body).is_some_and(opens) {
                continue;
            }
            turn.batch.delete(Table::Quarantine, &row.id);
            let position = u64::try_from(u128::from_be_bytes(row.order)).unwrap_or(u64::MAX);
            turn.take_envelope(position, row.body, random)?;
        }
        changed.join(turn.close(random)?);
    }
    let mut turn = Turn::new(space);
    turn.release_control(before);
    changed.join(turn.close(random)?);
    Ok(changed)
}

fn epoch_of(envelope: &[u8]) -> Option<u32> {
    Envelope::decode(envelope).ok().map(|envelope| envelope.epoch)
}

/// Takes an own envelope out of the outbox: the relay's receipt says that it is durable there.
pub(crate) fn sent(
    space: &mut Space,
    key: u64,
    receipt: &Receipt,
    random: &mut dyn Random,
) -> Result<Option<EntryId>, Error> {
    let Some(item) = space.outbox_item(key)? else { return Ok(None) };
    if envelope_id(&item.envelope).as_bytes() != &receipt.body.id {
        return Ok(None);
    }
    let position = receipt.body.n;
    let mut encoded = Writer::new();
    receipt.encode(&mut encoded);
    let (given, receipt) = (receipt, encoded.as_slice());
    let mut turn = Turn::new(space);
    turn.batch.delete(Table::Outbox, &key.to_be_bytes());
    turn.place_at_relay(item.entry, position);
    let place = Place::new(Table::Receipts, item.entry.as_bytes());
    turn.space.shelf.put(&mut turn.batch, place, receipt, random)?;
    turn.compare_receipt(given, random)?;
    let newest = Place::new(Table::Meta, META_NEWEST_RECEIPT);
    turn.space.shelf.put(&mut turn.batch, newest, receipt, random)?;
    turn.close(random)?;
    Ok(Some(item.entry))
}

impl Turn<'_> {
    fn take_envelope(
        &mut self,
        position: u64,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let origin = origin_of(&bytes, position);
        let Some(envelope) =
            Envelope::decode(&bytes).ok().filter(|envelope| envelope.class == Class::Entry)
        else {
            return self.unreadable(origin, bytes, random);
        };
        let keys = self.space.entry_keys(envelope.epoch);
        let opened = keys.iter().find_map(|key| open(key, &self.space.home, &envelope).ok());
        let Some(inner) = opened else {
            return if self.space.lacks_key(envelope.epoch) {
                self.park(origin, bytes, random)
            } else {
                self.unreadable(origin, bytes, random)
            };
        };
        let entry = match Entry::decode(self.space.home.space, &inner) {
            Ok(entry) => entry,
            Err(error) => return self.refused(origin, bytes, error, random),
        };
        let id = entry.peek().id;
        match self.arrive(entry, origin, random)? {
            Arrival::Known => {
                self.place_at_relay(id, position);
                Ok(())
            }
            Arrival::Waiting => Ok(()),
            Arrival::Refused(error) => self.refused(origin, bytes, error, random),
        }
    }

    /// Keeps an envelope whose epoch key is not here yet; past the bound it is set aside.
    fn park(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let parked = self.space.shelf.store().count_state(Table::Quarantine, ASIDE_NO_KEY)?;
        if parked.saturating_add(self.parked) >= NO_KEY_MAX {
            return self.unreadable(origin, bytes, random);
        }
        self.parked = self.parked.saturating_add(1);
        self.keep(origin, bytes, ASIDE_NO_KEY);
        Ok(())
    }

    fn unreadable(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.keep(origin, bytes, ASIDE_REFUSED);
        let Origin { envelope, position } = origin;
        self.report(&Incident::UnreadableEnvelope { position, envelope }, random)
    }

    fn refused(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        error: EntryError,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.keep(origin, bytes, ASIDE_REFUSED);
        let Origin { envelope, position } = origin;
        self.report(&Incident::RefusedEntry { position, envelope, error }, random)
    }

    fn keep(&mut self, origin: Origin, bytes: Vec<u8>, state: u8) {
        let place = Place::new(Table::Quarantine, origin.envelope.as_bytes())
            .order(u128::from(origin.position).to_be_bytes())
            .state(state);
        Shelf::put_sealed(&mut self.batch, place, bytes);
    }
}
