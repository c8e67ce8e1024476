//! The check at start: the newest rows of spaces that were in use must fit their checksums and each other.

use super::database::Storage;
use super::error::StorageError;
use super::row::{checksum, signed, unsigned};
use rusqlite::{OptionalExtension as _, params};
use wire::hash::running_hash;
use wire::id::{EnvelopeId, RunningHash, SpaceHandle};
use wire::time::Timestamp;

/// Rows of each space that are recomputed.
const ROWS: u64 = 1_000;
/// Spaces touched within this long before the newest write of all.
const TOUCHED_WITHIN_MS: i64 = 3_600_000;

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
        let mut statement = self.connection.prepare(
            "SELECT sid, space, n, running, control, head FROM space
             WHERE touched >= (SELECT max(touched) FROM space) - ?1",
        )?;
        let tips = statement.query_map([TOUCHED_WITHIN_MS], |row| {
            Ok(Tip {
                sid: SpaceHandle::from_bytes(row.get(0)?),
                space: row.get(1)?,
                n: unsigned(row.get(2)?),
                running: RunningHash::from_bytes(row.get(3)?),
                control: row.get(4)?,
                head: row.get(5)?,
            })
        })?;
        for tip in tips {
            let tip = tip.map_err(|_| StorageError::Damaged)?;
            self.verify_data(&tip)?;
            self.verify_head(&tip)?;
        }
        Ok(())
    }

    /// Recomputes the running hash over the last rows and expects the one that the space remembers.
    fn verify_data(&self, tip: &Tip) -> Result<(), StorageError> {
        let from = tip.n.saturating_sub(ROWS);
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
}
