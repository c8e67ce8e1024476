//! What a relay confirmed before it forgot, and what contradicts it.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Incident, contradict};
use crate::store::{Batch, Table};
use wire::codec::{Reader, Writer};
use wire::id::StoreId;
use wire::receipt::Receipt;

/// Begins the rows of receipts that a relay gave before it forgot, by store and position.
pub(crate) const META_CONFIRMED: &[u8] = b"confirmed";
/// Begins the rows of receipts that contradict one of those.
pub(crate) const META_DENIED: &[u8] = b"denied";
/// Receipts that are kept aside when a relay forgets: more would not say more.
const CONFIRMED_MAX: u64 = 10_000;

impl Space {
    pub(crate) fn kept_receipt(
        &self,
        prefix: &[u8],
        store: StoreId,
        position: u64,
    ) -> Result<Option<Receipt>, Error> {
        let row = self.shelf.get(Table::Meta, &receipt_row(prefix, store, position))?;
        let receipt = row.map(|row| Receipt::decode(&mut Reader::new(&row.body))).transpose();
        Ok(receipt?)
    }

    /// Before a relay that forgot confirms anew: what it confirmed before is kept by its place.
    pub(crate) fn keep_confirmed(
        &self,
        batch: &mut Batch,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if self.shelf.store().count(Table::Receipts)? > CONFIRMED_MAX {
            return Ok(());
        }
        for row in self.shelf.prefix(Table::Receipts, &[])? {
            let Ok(receipt) = Receipt::decode(&mut Reader::new(&row.body)) else { continue };
            let at = receipt_row(META_CONFIRMED, receipt.body.store, receipt.body.n);
            self.shelf.put(batch, Place::new(Table::Meta, &at), &row.body, random)?;
        }
        Ok(())
    }
}

impl Turn<'_> {
    /// A receipt came: it must not contradict what the relay confirmed before it forgot.
    pub(crate) fn compare_receipt(
        &mut self,
        receipt: &Receipt,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (store, position) = (receipt.body.store, receipt.body.n);
        let before = self.space.kept_receipt(META_CONFIRMED, store, position)?;
        if before.is_none_or(|before| !contradict(&before.body, &receipt.body)) {
            return Ok(());
        }
        let mut encoded = Writer::new();
        receipt.encode(&mut encoded);
        let row = receipt_row(META_DENIED, store, position);
        let place = Place::new(Table::Meta, &row);
        self.space.shelf.put(&mut self.batch, place, encoded.as_slice(), random)?;
        self.report(&Incident::RelayFork { store, position }, random)
    }
}

fn receipt_row(prefix: &[u8], store: StoreId, position: u64) -> Vec<u8> {
    [prefix, store.as_bytes(), &position.to_be_bytes()].concat()
}
