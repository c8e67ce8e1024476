//! The outbox: sealed envelopes in the order in which they go to the relay, until it gave a receipt.

use crate::client::error::Error;
use crate::client::space::state::{FEW, Space};
use crate::client::vault::shelf::{Place, Shelf};
use crate::model::id::EntryId;
use crate::store::{Batch, Direction, Table as Rows};
use wire::codec::{Reader, Writer};

/// A sealed envelope that waits for the relay's receipt.
#[derive(Debug)]
pub(crate) struct OutboxItem {
    pub(crate) key: u64,
    pub(crate) epoch: u32,
    pub(crate) entry: EntryId,
    pub(crate) envelope: Vec<u8>,
}

impl OutboxItem {
    pub(crate) fn put(&self, batch: &mut Batch) {
        let mut body = Writer::with_capacity(self.envelope.len().saturating_add(36));
        body.u32(self.epoch).bytes(self.entry.as_bytes()).bytes(&self.envelope);
        let key = self.key.to_be_bytes();
        let place = Place::new(Rows::Outbox, &key).order(u128::from(self.key).to_be_bytes());
        Shelf::put_sealed(batch, place, body.into_bytes());
    }

    fn decode(id: &[u8], body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        Ok(Self {
            key: outbox_key(id),
            epoch: reader.u32()?,
            entry: EntryId::from_bytes(reader.array()?),
            envelope: reader.rest().to_vec(),
        })
    }
}

impl Space {
    /// Where the outbox goes on.
    pub(crate) fn load_outbox(&mut self) -> Result<(), Error> {
        let newest = self.shelf.store().page(Rows::Outbox, None, 1, Direction::Descending)?;
        self.outbox_next = newest.first().map_or(0, |row| outbox_key(&row.id).saturating_add(1));
        Ok(())
    }

    /// Shows the outbox in its order; few envelopes are in memory at a time.
    pub(crate) fn each_outbox(&self, mut see: impl FnMut(&OutboxItem)) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows =
                self.shelf.store().page(Rows::Outbox, after.take(), FEW, Direction::Ascending)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some((last.order, last.id.clone()));
            for row in rows {
                see(&OutboxItem::decode(&row.id, &row.body)?);
            }
        }
    }

    /// One item of the outbox.
    pub(crate) fn outbox_item(&self, key: u64) -> Result<Option<OutboxItem>, Error> {
        let row = self.shelf.store().get(Rows::Outbox, &key.to_be_bytes())?;
        row.map(|row| OutboxItem::decode(&row.id, &row.body)).transpose()
    }
}

fn outbox_key(id: &[u8]) -> u64 {
    <[u8; 8]>::try_from(id).map_or(0, u64::from_be_bytes)
}
