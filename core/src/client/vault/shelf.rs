//! A store whose rows are sealed: what `client` puts in readable, `store` sees only as sealed bytes.
//!
//! In the clear stay row ids, order keys, states and the envelopes, which are sealed already (`docs/threat-model.md`).

use crate::client::error::Error;
use crate::client::vault::mark::Mark;
use crate::crypto::{Random, RowKey, VaultId, VaultKey};
use crate::store::{Batch, Row, Store, Table};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The format of the rows that this program writes.
const ROW_FORMAT: u8 = 1;

/// One of the two stores of an unlocked vault, with its row keys.
#[derive(Debug)]
pub(crate) struct Shelf {
    store: Store,
    keys: BTreeMap<u8, RowKey>,
    mark: Mark,
}

/// A row, opened. Not printable: its body may be what a person wrote.
pub(crate) struct OpenRow {
    pub(crate) id: Vec<u8>,
    pub(crate) order: [u8; 16],
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// What a row is filed under; its body stands beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: Table,
    pub(crate) id: &'a [u8],
    pub(crate) order: [u8; 16],
    pub(crate) state: u8,
}

impl OpenRow {
    /// A position at the relay that the row is ordered by.
    pub(crate) fn position(&self) -> u64 {
        u64::try_from(u128::from_be_bytes(self.order)).unwrap_or(u64::MAX)
    }
}

impl<'a> Place<'a> {
    pub(crate) const fn new(table: Table, id: &'a [u8]) -> Self {
        Self { table, id, order: [0; 16], state: 0 }
    }

    pub(crate) const fn order(mut self, order: [u8; 16]) -> Self {
        self.order = order;
        self
    }

    pub(crate) const fn state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }
}

impl Shelf {
    /// A store under one vault key; each table gets a key of its own.
    pub(crate) fn new(store: Store, key: &VaultKey, vault: VaultId, mark: Mark) -> Self {
        let keys = Table::ALL
            .iter()
            .map(|table| (table.number(), key.row_key(vault, table.number())))
            .collect();
        Self { store, keys, mark }
    }

    /// Seals `body` and puts it into the batch.
    pub(crate) fn put(
        &self,
        batch: &mut Batch,
        place: Place<'_>,
        body: &[u8],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let sealed = self.key(place.table)?.seal(place.id, ROW_FORMAT, body, random);
        batch.put(place.table, row(place, sealed));
        Ok(())
    }

    /// Puts bytes that are sealed already, as they are.
    pub(crate) fn put_sealed(batch: &mut Batch, place: Place<'_>, body: Vec<u8>) {
        batch.put(place.table, row(place, body));
    }

    pub(crate) fn get(&self, table: Table, id: &[u8]) -> Result<Option<OpenRow>, Error> {
        self.store.get(table, id)?.map(|row| self.open(table, row)).transpose()
    }

    /// Rows whose id begins with `prefix`, by id.
    pub(crate) fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Vec<OpenRow>, Error> {
        self.store.prefix(table, prefix)?.into_iter().map(|row| self.open(table, row)).collect()
    }

    /// The file that says what is in Automerge's hands.
    pub(crate) const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The store: for rows in the clear, counts and commits.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// One transaction; what is returned from is durable.
    pub(crate) fn commit(&mut self, batch: Batch) -> Result<(), Error> {
        self.store.commit(batch)?;
        Ok(())
    }

    pub(crate) fn open(&self, table: Table, row: Row) -> Result<OpenRow, Error> {
        let body = self.key(table)?.open(&row.id, ROW_FORMAT, &row.body).map_err(|_| {
            // The next opening looks at all of it, and sets it aside if it is not what was written.
            self.store.suspect();
            Error::Damaged { code: "store.row" }
        })?;
        Ok(OpenRow { id: row.id, order: row.order, body })
    }

    /// Whether a row of another store of this vault is as it was sealed.
    pub(crate) fn opens(&self, table: Table, row: &Row) -> bool {
        self.key(table).is_ok_and(|key| key.open(&row.id, ROW_FORMAT, &row.body).is_ok())
    }

    fn key(&self, table: Table) -> Result<&RowKey, Error> {
        self.keys.get(&table.number()).ok_or(Error::Damaged { code: "store.table" })
    }
}

fn row(place: Place<'_>, body: Vec<u8>) -> Row {
    Row { id: place.id.to_vec(), order: place.order, state: place.state, body }
}
