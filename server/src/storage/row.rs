//! The row of a space, and the small conversions that SQLite needs.

use super::error::StorageError;
use rusqlite::{Connection, OptionalExtension as _, params};
use wire::hash::sha256;
use wire::id::{ItemHash, RunningHash, SpaceHandle};
use wire::time::Timestamp;

/// A space as a commit works on it.
#[derive(Debug, Clone)]
pub(super) struct SpaceRow {
    pub(super) space: i64,
    pub(super) n: u64,
    pub(super) running: RunningHash,
    pub(super) control: u32,
    pub(super) head: ItemHash,
    pub(super) epoch: u32,
    /// Bytes of data and of control items, by slot.
    pub(super) used: Vec<(u64, u64)>,
    pub(super) changed: bool,
}

impl SpaceRow {
    pub(super) fn load(
        connection: &Connection,
        sid: SpaceHandle,
    ) -> Result<Option<Self>, StorageError> {
        let mut statement = connection.prepare_cached(
            "SELECT space, n, running, control, head, epoch FROM space WHERE sid = ?1",
        )?;
        let row = statement.query_row([sid.as_bytes()], |row| {
            Ok(Self {
                space: row.get(0)?,
                n: unsigned(row.get(1)?),
                running: RunningHash::from_bytes(row.get(2)?),
                control: row.get(3)?,
                head: ItemHash::from_bytes(row.get(4)?),
                epoch: row.get(5)?,
                used: Vec::new(),
                changed: false,
            })
        });
        let Some(mut row) = row.optional()? else { return Ok(None) };
        let mut statement = connection.prepare_cached(
            "SELECT data_bytes, control_bytes FROM principal WHERE space = ?1 ORDER BY slot",
        )?;
        let used = statement
            .query_map([row.space], |used| Ok((unsigned(used.get(0)?), unsigned(used.get(1)?))))?;
        row.used = used.collect::<Result<_, _>>()?;
        Ok(Some(row))
    }

    pub(super) fn save(&self, connection: &Connection, at: Timestamp) -> Result<(), StorageError> {
        let mut statement = connection.prepare_cached(
            "UPDATE space SET n = ?2, running = ?3, control = ?4, head = ?5, epoch = ?6, touched = max(touched, ?7)
             WHERE space = ?1",
        )?;
        statement.execute(params![
            self.space,
            signed(self.n),
            self.running.as_bytes(),
            self.control,
            self.head.as_bytes(),
            self.epoch,
            signed(at.as_millis()),
        ])?;
        let mut statement = connection.prepare_cached(
            "UPDATE principal SET data_bytes = ?3, control_bytes = ?4 WHERE space = ?1 AND slot = ?2",
        )?;
        for (slot, (data, control)) in (0_u8..).zip(&self.used) {
            statement.execute(params![self.space, slot, signed(*data), signed(*control)])?;
        }
        Ok(())
    }
}

/// The checksum of a data or control row: place, time and both hashes.
pub(super) fn checksum(
    sid: SpaceHandle,
    n: u64,
    at: Timestamp,
    hashes: (&[u8; 32], &[u8; 32]),
) -> [u8; 8] {
    let at = at.as_millis().to_be_bytes();
    let sum = sha256(&[sid.as_bytes(), &n.to_be_bytes(), &at, hashes.0, hashes.1]);
    sum.first_chunk().copied().unwrap_or_default()
}

/// SQLite knows only signed integers: nothing of ours comes near the bound.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Back again; a negative number is damage and reads as 0, which no checksum fits.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
