//! What can still be read of a store that was set aside, row by row, from a copy: the engine writes into whatever it
//! opens, and what is set aside stays as it is.
//!
//! Rows are asked for one after the other in the order of their engine numbers; where a page cannot be read, the next
//! number is tried, and the next. The indexes name the rows, too: so a row that is there by its name and cannot be
//! read is counted. A first page that does not open is replaced, in the copy, by that of an empty store: it holds no row.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::database::{FILE, LOG, Store};
use super::error::StoreError;
use super::folder::{remove_if_there, with_ending};
use super::row::{Row, Table};
use super::whole::weight_of;

/// After so many numbers in a row that cannot be read, the next one that an index names is tried.
const MISSES_MAX: u32 = 1_000;
/// The size of a page, and where in the first one its version is written: if it differs from the count of changes, the
/// engine takes the number of pages from the file's length.
const PAGE: usize = 4_096;
const VERSION_VALID_FOR: usize = 92;
/// The three indexes, each read from both ends.
const INDEXES: [(&str, &str); 3] =
    [("row_id", "tbl, id"), ("row_order", "tbl, ord, id"), ("row_state", "tbl, state, ord, id")];

/// A row that an index names.
#[derive(Clone, Debug)]
struct Named {
    table: u8,
    id: Vec<u8>,
}

/// A store that was set aside, being read.
#[derive(Debug)]
pub struct Salvage {
    copy: PathBuf,
    connection: Option<Connection>,
    named: BTreeMap<i64, Named>,
}

/// How reading all of it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Rows that are named and could not be read, with their table and id.
    pub rows: Vec<(Table, Vec<u8>)>,
    /// Every row was read as it was once written: the sum of them all is the one that the last commit wrote down.
    pub nothing: bool,
}

impl Salvage {
    /// Copies it; the copy goes when this is dropped.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Disk`].
    pub fn of(aside: &Path) -> Result<Self, StoreError> {
        let copy = with_ending(aside, ".copy")?;
        remove_if_there(&copy)?;
        fs::create_dir(&copy)?;
        let mut salvage = Self { copy, connection: None, named: BTreeMap::new() };
        for file in [FILE, LOG] {
            copy_file(&aside.join(file), &salvage.copy.join(file))?;
        }
        salvage.connection = open(&salvage.copy.join(FILE));
        if salvage.connection.is_none() {
            salvage.replace_first_page()?;
            salvage.connection = open(&salvage.copy.join(FILE));
        }
        salvage.named = salvage.connection.as_ref().map(named_in).unwrap_or_default();
        Ok(salvage)
    }

    /// Hands on every row that can be read. What a row says is to be proved by whoever takes it.
    ///
    /// # Errors
    /// What `see` gives.
    pub fn each<E>(&self, mut see: impl FnMut(Table, Row) -> Result<(), E>) -> Result<Unread, E> {
        let mut lost = self.named.clone();
        let (mut sum, mut after, mut misses) = (0_u64, i64::MIN, 0);
        while let Some(connection) = &self.connection {
            match next_row(connection, after) {
                Ok(Some((number, table, row))) => {
                    (after, misses) = (number, 0);
                    sum = sum.wrapping_add(weight_of(table, &row));
                    if let Some(table) = table_of(table) {
                        lost.remove(&number);
                        see(table, row)?;
                    }
                }
                Ok(None) => break,
                Err(()) => {
                    misses += 1;
                    let Some(next) = self.behind(after, misses) else { break };
                    after = next;
                }
            }
        }
        let rows = lost.into_values();
        let rows = rows.filter_map(|named| Some((table_of(named.table)?, named.id)));
        let rows: Vec<_> = rows.collect();
        let nothing = rows.is_empty() && self.written_sum() == Some(sum);
        Ok(Unread { rows, nothing })
    }

    /// Behind which number to go on: the next, and after many misses before the next that is named.
    fn behind(&self, after: i64, misses: u32) -> Option<i64> {
        if misses <= MISSES_MAX {
            return Some(after.saturating_add(1).max(0));
        }
        let named = self.named.range(after.saturating_add(2)..).next();
        named.map(|(number, _)| number.saturating_sub(1))
    }

    fn written_sum(&self) -> Option<u64> {
        let sum = self
            .connection
            .as_ref()?
            .query_row("select sum from generation", [], |row| row.get::<_, i64>(0));
        sum.ok().map(i64::cast_unsigned)
    }

    fn replace_first_page(&self) -> Result<(), StoreError> {
        let empty = self.copy.join("empty");
        drop(Store::create(&empty)?);
        let mut first = fs::read(empty.join(FILE))?;
        first.truncate(PAGE);
        if let Some(byte) = first.get_mut(VERSION_VALID_FOR) {
            *byte ^= 0x80;
        }
        let path = self.copy.join(FILE);
        if !path.exists() || first.len() < PAGE {
            return Ok(());
        }
        fs::OpenOptions::new().write(true).open(path)?.write_all(&first)?;
        Ok(())
    }
}

impl Drop for Salvage {
    fn drop(&mut self) {
        self.connection = None;
        // What stays is removed at the next try.
        let _removed = remove_if_there(&self.copy);
    }
}

/// Piece by piece: it may be larger than memory.
fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut from = match File::open(from) {
        Ok(from) => from,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if from.metadata()?.is_dir() {
        return Ok(());
    }
    let mut to = File::create_new(to)?;
    let mut piece = vec![0; 65_536];
    loop {
        let read = from.read(&mut piece)?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { return Ok(()) };
        to.write_all(read)?;
    }
}

/// Opens the copy, if its tables are there.
fn open(file: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).ok()?;
    let careful = "pragma trusted_schema = off; pragma cell_size_check = on;";
    connection.execute_batch(careful).ok()?;
    connection.prepare("select rowid, tbl, id, ord, state, body from row not indexed").ok()?;
    Some(connection)
}

/// The first row behind a number; an error if it, or what leads to it, cannot be read.
fn next_row(connection: &Connection, after: i64) -> Result<Option<(i64, u8, Row)>, ()> {
    let sql = "select rowid, tbl, id, ord, state, body from row not indexed
               where rowid > ?1 order by rowid limit 1";
    let mut statement = connection.prepare_cached(sql).map_err(|_| ())?;
    let mut rows = statement.query(params![after]).map_err(|_| ())?;
    let Some(row) = rows.next().map_err(|_| ())? else { return Ok(None) };
    let number = row.get(0).map_err(|_| ())?;
    if number <= after {
        return Err(());
    }
    let read = || -> rusqlite::Result<(u8, Row)> {
        let (id, order, state, body) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((row.get(1)?, Row { id, order, state, body }))
    };
    // What stands there is no row of ours: passed over, and the sum will not fit.
    let (table, row) = read().unwrap_or_else(|_| {
        (0, Row { id: Vec::new(), order: [0; 16], state: 0, body: Vec::new() })
    });
    Ok(Some((number, table, row)))
}

/// All that the indexes name, as far as they can be read from either end.
fn named_in(connection: &Connection) -> BTreeMap<i64, Named> {
    let mut named = BTreeMap::new();
    for (index, order) in INDEXES {
        for way in ["", " desc"] {
            let order = order.replace(',', &format!("{way},"));
            let sql =
                format!("select rowid, tbl, id from row indexed by {index} order by {order}{way}");
            let Ok(mut statement) = connection.prepare(&sql) else { continue };
            let Ok(mut rows) = statement.query([]) else { continue };
            while let Ok(Some(row)) = rows.next() {
                let read = || -> rusqlite::Result<(i64, Named)> {
                    Ok((row.get(0)?, Named { table: row.get(1)?, id: row.get(2)? }))
                };
                named.extend(read());
            }
        }
    }
    named
}

fn table_of(number: u8) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.number() == number)
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
