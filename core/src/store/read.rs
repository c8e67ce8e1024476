//! Reading rows: by id, by prefix, by state, and page by page in order.

use rusqlite::{OptionalExtension, Params, params};

use super::database::Store;
use super::error::StoreError;
use super::row::{Row, Table};

/// Where a row stands: its order and its id.
pub type Place = ([u8; 16], Vec<u8>);

/// Which way a page goes through the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first: newest on top.
    Descending,
}

impl Store {
    /// One row.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`], [`StoreError::Damaged`], [`StoreError::Disk`], [`StoreError::Busy`].
    pub fn get(&self, table: Table, id: &[u8]) -> Result<Option<Row>, StoreError> {
        self.usable()?;
        let mut statement = self
            .connection
            .prepare_cached("select id, ord, state, body from row where tbl = ?1 and id = ?2")?;
        let row = statement.query_row(params![table.number(), id], read).optional()?;
        self.note_read(usize::from(row.is_some()));
        Ok(row)
    }

    /// At most `limit` rows by (order, id), after the given place; from the end of that direction without one.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn page(
        &self,
        table: Table,
        after: Option<([u8; 16], Vec<u8>)>,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Row>, StoreError> {
        self.paged((table, None), after, limit, direction)
    }

    /// The same among the rows of one state.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn page_in_state(
        &self,
        (table, state): (Table, u8),
        after: Option<([u8; 16], Vec<u8>)>,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Row>, StoreError> {
        self.paged((table, Some(state)), after, limit, direction)
    }

    fn paged(
        &self,
        (table, state): (Table, Option<u8>),
        after: Option<([u8; 16], Vec<u8>)>,
        limit: usize,
        direction: Direction,
    ) -> Result<Vec<Row>, StoreError> {
        let (behind, way) = match direction {
            Direction::Ascending => (">", ""),
            Direction::Descending => ("<", " desc"),
        };
        // What is not asked for stands as a constant, so that each form is one range of one index.
        let in_state = if state.is_some() { "state = ?2" } else { "?2 is null" };
        let (order, id) = after.unzip();
        let on = if order.is_some() {
            format!("(ord, id) {behind} (?4, ?5)")
        } else {
            "?4 is null and ?5 is null".to_owned()
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(
            &format!(
                "select id, ord, state, body from row where tbl = ?1 and {in_state} and {on}
                 order by ord{way}, id{way} limit ?3"
            ),
            params![table.number(), state, limit, order, id],
        )
    }

    /// At most `limit` ids from `from` on and before `to`, by id; no row is read.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn ids(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.usable()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Longer than every id: a bound that is always there lets the index end the search.
        let end = [u8::MAX; 64];
        let sql = "select id from row where tbl = ?1 and id >= ?2 and id < ?3 order by id limit ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let range = params![table.number(), from, to.unwrap_or(&end), limit];
        let ids = statement.query_map(range, |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How many rows this handle has read so far: what a list costs, without a clock.
    pub const fn rows_read(&self) -> u64 {
        self.read.get()
    }

    /// All rows whose id begins with `prefix`, by id. An empty prefix gives the whole table.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        match behind(prefix) {
            Some(end) => self.rows(
                "select id, ord, state, body from row where tbl = ?1 and id >= ?2 and id < ?3
                 order by id",
                params![table.number(), prefix, end],
            ),
            None => self.rows(
                "select id, ord, state, body from row where tbl = ?1 and id >= ?2 order by id",
                params![table.number(), prefix],
            ),
        }
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.usable()?;
        let mut statement =
            self.connection.prepare_cached("select count(*) from row where tbl = ?1")?;
        let count: i64 = statement.query_row(params![table.number()], |row| row.get(0))?;
        u64::try_from(count).map_err(|_| StoreError::Damaged)
    }

    /// How many rows of a table have one state.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn count_state(&self, table: Table, state: u8) -> Result<u64, StoreError> {
        self.usable()?;
        let sql = "select count(*) from row where tbl = ?1 and state = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let count: i64 = statement.query_row(params![table.number(), state], |row| row.get(0))?;
        u64::try_from(count).map_err(|_| StoreError::Damaged)
    }

    /// How many rows of a table have one state, and their bytes.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn measure(&self, table: Table, state: u8) -> Result<(u64, u64), StoreError> {
        self.usable()?;
        let sql = "select count(*), coalesce(sum(length(body)), 0) from row where tbl = ?1 and state = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (count, bytes): (i64, i64) = statement
            .query_row(params![table.number(), state], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let number = |n| u64::try_from(n).map_err(|_| StoreError::Damaged);
        Ok((number(count)?, number(bytes)?))
    }

    /// How long the body of a row is.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn body_len(&self, table: Table, id: &[u8]) -> Result<Option<usize>, StoreError> {
        self.usable()?;
        let sql = "select length(body) from row where tbl = ?1 and id = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let len: Option<i64> =
            statement.query_row(params![table.number(), id], |row| row.get(0)).optional()?;
        len.map(|len| usize::try_from(len).map_err(|_| StoreError::Damaged)).transpose()
    }

    /// As [`Store::page`], upwards, without the bodies.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub fn places(
        &self,
        table: Table,
        after: Option<([u8; 16], Vec<u8>)>,
        limit: usize,
    ) -> Result<Vec<Place>, StoreError> {
        self.usable()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let Some((order, id)) = after else {
            let sql = "select ord, id from row where tbl = ?1 order by ord, id limit ?2";
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![table.number(), limit], place)?;
            return Ok(rows.collect::<Result<_, _>>()?);
        };
        let sql = "select ord, id from row where tbl = ?1 and (ord, id) > (?3, ?4)
                   order by ord, id limit ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![table.number(), limit, order, id], place)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn rows(&self, sql: &str, params: impl Params) -> Result<Vec<Row>, StoreError> {
        self.usable()?;
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?.collect::<Result<Vec<Row>, _>>()?;
        self.note_read(rows.len());
        Ok(rows)
    }

    fn note_read(&self, rows: usize) {
        self.read.set(self.read.get().saturating_add(u64::try_from(rows).unwrap_or(u64::MAX)));
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { id: row.get(0)?, order: row.get(1)?, state: row.get(2)?, body: row.get(3)? })
}

/// The smallest id behind all ids that begin with `prefix`; none if the prefix is empty or all ones.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
