//! The checks at start. After a stop in order: the newest rows of spaces that were in use must fit their checksums and
//! each other. After any other: so must every row of every space, down to the bytes of envelopes and items, and the
//! engine's own structure; what receipts were signed over is then what is there.

use super::database::Storage;
use super::error::StorageError;
use super::row::{checksum, signed, unsigned};
use rusqlite::{OptionalExtension as _, params};
use wire::hash::{running_hash, sha256};
use wire::id::{EnvelopeId, RunningHash, SpaceHandle};
use wire::time::Timestamp;

/// Rows of each space that are recomputed.
const ROWS: u64 = 1_000;
/// Spaces touched within this long before the newest write of all.
const TOUCHED_WITHIN_MS: i64 = 3_600_000;
/// Whenever they were touched.
const EVER: i64 = i64::MAX;

struct Tip {
    sid: SpaceHandle,
    space: i64,
    n: u64,
    running: RunningHash,
    control: u32,
    head: [u8; 32],
}

impl Storage {
    pub(super) fn verify_newest(&self) -> Result<(), StorageError> {
        for tip in self.tips(TOUCHED_WITHIN_MS)? {
            self.verify_data(&tip, tip.n.saturating_sub(ROWS))?;
            self.verify_head(&tip)?;
        }
        Ok(())
    }

    /// Linear in what is stored: it reads everything once or twice.
    pub(super) fn verify_whole(&self) -> Result<(), StorageError> {
        let sound: String =
            self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(StorageError::Damaged);
        }
        let tips = self.tips(EVER)?;
        for tip in &tips {
            self.verify_data(tip, 0)?;
            self.verify_head(tip)?;
            self.verify_items(tip)?;
            self.verify_envelopes(tip)?;
        }
        self.verify_no_strays()
    }

    fn tips(&self, touched_within_ms: i64) -> Result<Vec<Tip>, StorageError> {
        let mut statement = self.connection.prepare(
            "SELECT sid, space, n, running, control, head FROM space
             WHERE touched >= (SELECT max(touched) FROM space) - ?1",
        )?;
        let tips = statement.query_map([touched_within_ms], |row| {
            Ok(Tip {
                sid: SpaceHandle::from_bytes(row.get(0)?),
                space: row.get(1)?,
                n: unsigned(row.get(2)?),
                running: RunningHash::from_bytes(row.get(3)?),
                control: row.get(4)?,
                head: row.get(5)?,
            })
        })?;
        Ok(tips.collect::<Result<_, _>>()?)
    }

    /// Recomputes the running hash over the rows after `from` and expects the one that the space remembers.
    fn verify_data(&self, tip: &Tip, from: u64) -> Result<(), StorageError> {
        let mut running = self.running_at(tip, from)?;
        let mut statement = self.connection.prepare_cached(
            "SELECT n, at, running, id, sum FROM data WHERE space = ?1 AND n > ?2 ORDER BY n",
        )?;
        let mut rows = statement.query(params![tip.space, signed(from)])?;
        let mut n = from;
        while let Some(row) = rows.next()? {
            n += 1;
            let at = Timestamp::from_millis(unsigned(row.get(1)?));
            let (kept, id): ([u8; 32], [u8; 32]) = (row.get(2)?, row.get(3)?);
            let sum: [u8; 8] = row.get(4)?;
            running = running_hash(tip.sid, running, n, EnvelopeId::from_bytes(id));
            let sound = unsigned(row.get(0)?) == n
                && kept == *running.as_bytes()
                && sum == checksum(tip.sid, n, at, (&kept, &id));
            if !sound {
                return Err(StorageError::Damaged);
            }
        }
        let fits = n == tip.n && running == tip.running;
        if fits { Ok(()) } else { Err(StorageError::Damaged) }
    }

    fn running_at(&self, tip: &Tip, n: u64) -> Result<RunningHash, StorageError> {
        if n == 0 {
            return Ok(RunningHash::ZERO);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT running FROM data WHERE space = ?1 AND n = ?2")?;
        let read = |row: &rusqlite::Row<'_>| row.get::<_, [u8; 32]>(0);
        let running = statement.query_row(params![tip.space, signed(n)], read).optional()?;
        running.map(RunningHash::from_bytes).ok_or(StorageError::Damaged)
    }

    fn verify_head(&self, tip: &Tip) -> Result<(), StorageError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT hash FROM control WHERE space = ?1 AND idx = ?2")?;
        let read = |row: &rusqlite::Row<'_>| row.get::<_, [u8; 32]>(0);
        let newest = i64::from(tip.control) - 1;
        let head = statement.query_row(params![tip.space, newest], read).optional()?;
        if head == Some(tip.head) { Ok(()) } else { Err(StorageError::Damaged) }
    }

    /// Follows the whole control log: each item is what its hash says, and names the one before it.
    fn verify_items(&self, tip: &Tip) -> Result<(), StorageError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT idx, at, prev, hash, sum, item FROM control WHERE space = ?1 ORDER BY idx",
        )?;
        let mut rows = statement.query([tip.space])?;
        let (mut next, mut before) = (0_u32, [0_u8; 32]);
        while let Some(row) = rows.next()? {
            let at = Timestamp::from_millis(unsigned(row.get(1)?));
            let (prev, hash): ([u8; 32], [u8; 32]) = (row.get(2)?, row.get(3)?);
            let (idx, sum): (u32, [u8; 8]) = (row.get(0)?, row.get(4)?);
            let item = row.get_ref(5)?.as_blob().map_err(|_| StorageError::Damaged)?;
            let sound = idx == next
                && prev == before
                && sha256(&[item]) == hash
                && sum == checksum(tip.sid, u64::from(idx), at, (&prev, &hash));
            if !sound {
                return Err(StorageError::Damaged);
            }
            (next, before) = (next.saturating_add(1), hash);
        }
        if next == tip.control { Ok(()) } else { Err(StorageError::Damaged) }
    }

    fn verify_envelopes(&self, tip: &Tip) -> Result<(), StorageError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, envelope FROM data WHERE space = ?1")?;
        let mut rows = statement.query([tip.space])?;
        while let Some(row) = rows.next()? {
            let id: [u8; 32] = row.get(0)?;
            let envelope = row.get_ref(1)?.as_blob().map_err(|_| StorageError::Damaged)?;
            if sha256(&[envelope]) != id {
                return Err(StorageError::Damaged);
            }
        }
        Ok(())
    }

    /// Nothing is there of a space that is not.
    fn verify_no_strays(&self) -> Result<(), StorageError> {
        let strays: i64 = self.connection.query_row(
            "SELECT (SELECT count(*) FROM data WHERE space NOT IN (SELECT space FROM space))
                  + (SELECT count(*) FROM control WHERE space NOT IN (SELECT space FROM space))
                  + (SELECT count(*) FROM principal WHERE space NOT IN (SELECT space FROM space))
                  + (SELECT count(*) FROM space WHERE space NOT IN (SELECT space FROM principal))",
            [],
            |row| row.get(0),
        )?;
        if strays == 0 { Ok(()) } else { Err(StorageError::Damaged) }
    }
}
