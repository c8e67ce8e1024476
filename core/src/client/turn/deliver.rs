//! The way in: `envelope --open--> entry --verify, admit--> history --effects--> documents, records, list rows`,
//! and the position in the relay's log with them, in one transaction.
//!
//! The position only moves over an envelope that was stored, known before, or set aside with its bytes kept.

use crate::client::error::Error;
use crate::client::space::quarantine::{ASIDE_ENTRY, ASIDE_NO_KEY};
use crate::client::space::relay::Position;
use crate::client::space::state::Space;
use crate::client::turn::aside;
use crate::client::turn::gather::{Arrival, Changed, Origin, Turn, origin_of};
use crate::client::turn::withdraw::make_way;
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, open};
use crate::entry::{Entry, Incident};
use crate::model::id::EntryId;
use crate::store::{Row, Table};
use crate::sync::Delivery;
use wire::codec::Writer;
use wire::envelope::{Class, Envelope};
use wire::hash::envelope_id;
use wire::id::EnvelopeId;
use wire::receipt::Receipt;

/// The newest receipt: a relay that holds less than it once confirmed has lost something.
pub(crate) const META_NEWEST_RECEIPT: &[u8] = b"receipt";

/// Takes a run of envelopes in order and moves the position behind it.
///
/// What is too much for one transaction is several, and the position moves in the last: after a crash in between, what
/// comes once more is known.
pub(crate) fn deliver(
    space: &mut Space,
    batch: Vec<Delivery>,
    position: Position,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    // Of a store that is made anew each own entry comes from the relay, and stands in nobody's way.
    if !space.rebuilding {
        let envelopes = batch.iter().map(|delivery| delivery.envelope.as_slice());
        make_way(space, envelopes, random)?;
    }
    let mut changed = Changed::default();
    let mut turn = Turn::new(space);
    for delivery in batch {
        if turn.is_heavy() {
            changed.join(turn.close(random)?);
            turn = Turn::new(space);
        }
        turn.take_envelope(delivery.n, delivery.envelope, random)?;
        turn.passed(delivery.n);
        turn.settle(random)?;
    }
    let Turn { space: at, batch, .. } = &mut turn;
    at.set_position(batch, position, random)?;
    changed.join(turn.close(random)?);
    changed.join(aside::go_on(space, random)?);
    Ok(changed)
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
    pub(crate) fn take_envelope(
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
                self.park(origin, bytes, envelope.epoch, random)
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

    /// Takes a row that was set aside again. What still waits for a key stays as it is.
    pub(crate) fn take_again(&mut self, row: Row, random: &mut dyn Random) -> Result<(), Error> {
        let position = u64::try_from(u128::from_be_bytes(row.order)).unwrap_or(u64::MAX);
        if row.state == ASIDE_ENTRY {
            let Some(envelope) = EnvelopeId::from_slice(&row.id) else { return Ok(()) };
            let bytes = self.space.shelf.open(Table::Quarantine, row)?.body.to_vec();
            self.batch.delete(Table::Quarantine, envelope.as_bytes());
            return self.go_on_with(Origin { envelope, position }, bytes, random);
        }
        let epoch = Envelope::decode(&row.body).ok().map(|envelope| envelope.epoch);
        let opens = epoch.is_some_and(|epoch| !self.space.lacks_key(epoch));
        if opens || row.state != ASIDE_NO_KEY {
            self.batch.delete(Table::Quarantine, &row.id);
            if let Some(envelope) = EnvelopeId::from_slice(&row.id) {
                // Said again if it still does not open.
                let said = Incident::UnreadableEnvelope { position, envelope };
                self.batch.delete(Table::Incidents, &said.key());
            }
            self.take_envelope(position, row.body, random)?;
            self.settle(random)?;
        }
        Ok(())
    }
}
