//! Is everything there that was written? Each commit keeps the sum of the weights of all rows; whoever reads all rows
//! and comes to another sum knows that something is lost, old, or changed, whatever kept it from the disk.
//!
//! It is a check against disks, not against people: what a person may not change is sealed.

use rusqlite::{Connection, OptionalExtension, params};
use wire::hash::sha256;

use super::batch::Act;
use super::database::Store;
use super::error::StoreError;
use super::row::Row;

const ALL: &str = "select tbl, state, id, ord, body from row";

/// One row's part of the sum: the start of a hash over all of it.
struct Weight(u64);

impl Weight {
    fn of(table: u8, state: u8, id: &[u8], order: &[u8], body: &[u8]) -> Self {
        let len = u64::try_from(id.len()).unwrap_or(u64::MAX).to_be_bytes();
        let hash = sha256(&[&[table, state], &len, id, order, body]);
        Self(hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
    }

    /// Of a row of [`ALL`].
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let blob = |at| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_blob()?);
        Ok(Self::of(row.get(0)?, row.get(1)?, blob(2)?, blob(3)?, blob(4)?))
    }
}

/// What a row adds to the sum.
pub(super) fn weight_of(table: u8, row: &Row) -> u64 {
    Weight::of(table, row.state, &row.id, &row.order, &row.body).0
}

/// Carries out one act, and says what the sum is after it.
pub(super) fn perform(connection: &Connection, act: &Act, sum: u64) -> Result<u64, StoreError> {
    match act {
        Act::Put(table, row) => {
            let sum = without(connection, table.number(), &row.id, sum)?;
            connection
                .prepare_cached(
                    "insert into row (tbl, id, ord, state, body) values (?1, ?2, ?3, ?4, ?5)
                     on conflict (tbl, id) do update set ord = ?3, state = ?4, body = ?5",
                )?
                .execute(params![table.number(), row.id, row.order, row.state, row.body])?;
            Ok(sum.wrapping_add(weight_of(table.number(), row)))
        }
        Act::Delete(table, id) => {
            let sum = without(connection, table.number(), id, sum)?;
            connection
                .prepare_cached("delete from row where tbl = ?1 and id = ?2")?
                .execute(params![table.number(), id])?;
            Ok(sum)
        }
        Act::SetState(table, id, state) => {
            let without = without(connection, table.number(), id, sum)?;
            connection
                .prepare_cached("update row set state = ?3 where tbl = ?1 and id = ?2")?
                .execute(params![table.number(), id, state])?;
            let new = weight(connection, table.number(), id)?.map_or(0, |new| new.0);
            Ok(without.wrapping_add(new))
        }
        Act::Clear(table) => {
            let gone = total(connection, &format!("{ALL} where tbl = {}", table.number()))?;
            connection
                .prepare_cached("delete from row where tbl = ?1")?
                .execute(params![table.number()])?;
            Ok(sum.wrapping_sub(gone))
        }
    }
}

fn without(connection: &Connection, table: u8, id: &[u8], sum: u64) -> Result<u64, StoreError> {
    Ok(weight(connection, table, id)?.map_or(sum, |old| sum.wrapping_sub(old.0)))
}

fn weight(connection: &Connection, table: u8, id: &[u8]) -> Result<Option<Weight>, StoreError> {
    let mut statement = connection
        .prepare_cached("select tbl, state, id, ord, body from row where tbl = ?1 and id = ?2")?;
    Ok(statement.query_row(params![table, id], Weight::read).optional()?)
}

fn total(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut sum = 0_u64;
    for weight in statement.query_map([], Weight::read)? {
        sum = sum.wrapping_add(weight?.0);
    }
    Ok(sum)
}

/// The sum of all rows, as they are.
pub(super) fn sum_of(connection: &Connection) -> Result<u64, StoreError> {
    total(connection, ALL)
}

impl Store {
    /// Reads everything and compares it with what commits wrote down: the engine's own structure, and every row.
    ///
    /// Linear in what is stored. Done by itself at an opening after the last owner did not close.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if anything is lost, old or changed; [`StoreError::Disk`], [`StoreError::Poisoned`].
    pub fn walk(&self) -> Result<(), StoreError> {
        self.usable()?;
        let sound: String =
            self.connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
        let sum: i64 =
            self.connection.query_row("select sum from generation", [], |row| row.get(0))?;
        let fits = sound == "ok" && sum_of(&self.connection)? == sum.cast_unsigned();
        if fits { Ok(()) } else { Err(StoreError::Damaged) }
    }
}

#[cfg(test)]
#[path = "whole_tests.rs"]
mod tests;
