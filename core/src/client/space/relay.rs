//! How a space stands with its relay: where that is, how far this device has read it, and whether it must be filled
//! again.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::shelf::{Place, Shelf};
use crate::crypto::Random;
use crate::store::{Batch, Table};
use wire::address::AddressLine;
use wire::codec::{Reader, Writer};
use wire::id::{RunningHash, StoreId};

pub(crate) const META_CURSOR: &[u8] = b"cursor";
pub(crate) const META_RELAY: &[u8] = b"relay";
/// Set while entries that the relay lost are on their way back.
pub(crate) const META_RESEED: &[u8] = b"reseed";
/// The relay's database that held the same control log when last looked at.
pub(crate) const META_AGREED: &[u8] = b"agreed";

/// How far this device has stored what the relay holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) store: StoreId,
    pub(crate) n: u64,
    pub(crate) running: RunningHash,
}

impl Position {
    pub(crate) const START: Self = Self { store: StoreId::ZERO, n: 0, running: RunningHash::ZERO };
}

impl Space {
    pub(crate) fn load_relay(&mut self) -> Result<(), Error> {
        if let Some(row) = self.shelf.get(Table::Meta, META_CURSOR)? {
            let mut reader = Reader::new(&row.body);
            self.position = Position {
                store: StoreId::from_bytes(reader.array()?),
                n: reader.u64()?,
                running: RunningHash::from_bytes(reader.array()?),
            };
            reader.end()?;
        }
        self.reseeding = self.shelf.get(Table::Meta, META_RESEED)?.is_some();
        if let Some(row) = self.shelf.get(Table::Meta, META_AGREED)? {
            self.agreed = StoreId::from_bytes(Reader::new(&row.body).array()?);
        }
        if let Some(row) = self.shelf.get(Table::Meta, META_RELAY)? {
            let line = core::str::from_utf8(&row.body).ok();
            let line = line.and_then(|line| line.parse().ok());
            self.relay = Some(line.ok_or(Error::Damaged { code: "store.relay" })?);
        }
        Ok(())
    }

    /// The relay that this device stands level with holds the same control log.
    pub(crate) fn agree(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let store = self.position.store;
        if self.agreed == store {
            return Ok(());
        }
        let mut batch = Batch::new();
        self.shelf.put(
            &mut batch,
            Place::new(Table::Meta, META_AGREED),
            store.as_bytes(),
            random,
        )?;
        self.shelf.commit(batch)?;
        self.agreed = store;
        Ok(())
    }

    /// The relay lacks what it held, or holds it in another log: nothing is pushed before it is known what.
    pub(crate) fn reseed(
        &mut self,
        batch: &mut Batch,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.reseeding = true;
        self.shelf.put(batch, Place::new(Table::Meta, META_RESEED), &[], random)
    }

    /// Sets the position in the same batch as what it covers.
    pub(crate) fn set_position(
        &mut self,
        batch: &mut Batch,
        position: Position,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.position = position;
        let mut body = Writer::new();
        body.bytes(position.store.as_bytes()).u64(position.n).bytes(position.running.as_bytes());
        self.shelf.put(batch, Place::new(Table::Meta, META_CURSOR), body.as_slice(), random)
    }

    /// Writes down the relay of the space on this shelf, for this device.
    pub(crate) fn put_relay(
        shelf: &Shelf,
        batch: &mut Batch,
        relay: &AddressLine,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let line = relay.to_string();
        shelf.put(batch, Place::new(Table::Meta, META_RELAY), line.as_bytes(), random)
    }
}
