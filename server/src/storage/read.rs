//! Looking things up. Every row is checked against its checksum before it leaves.

use super::database::Storage;
use super::error::StorageError;
use super::row::{SpaceRow, checksum, signed, unsigned};
use crate::job::{Answer, Read, SpaceFacts};
use rusqlite::params;
use wire::frame::Principal;
use wire::hash::sha256;
use wire::id::{PrincipalKey, RunningHash, SpaceHandle};
use wire::time::Timestamp;

impl Storage {
    /// Looks something up.
    pub fn read(&self, read: Read) -> Answer {
        let answer = match read {
            Read::Space { sid } => self.facts(sid).map(Answer::Space),
            Read::Control { sid, from, bytes_max } => self.control(sid, from, bytes_max),
            Read::Data { sid, after, bytes_max } => self.data(sid, after, bytes_max),
        };
        answer.unwrap_or_else(|error| {
            if error == StorageError::Damaged {
                self.distrust();
            }
            Answer::Failed(error.failure())
        })
    }

    fn facts(&self, sid: SpaceHandle) -> Result<Option<SpaceFacts>, StorageError> {
        let Some(row) = SpaceRow::load(&self.connection, sid)? else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT acc, adm, recovery FROM principal WHERE space = ?1 ORDER BY slot",
        )?;
        let principals = statement.query_map([row.space], |row| {
            Ok(Principal {
                acc: PrincipalKey::from_bytes(row.get(0)?),
                adm: PrincipalKey::from_bytes(row.get(1)?),
                recovery: PrincipalKey::from_bytes(row.get(2)?),
            })
        })?;
        let principals = principals.collect::<Result<_, _>>()?;
        let mut statement =
            self.connection.prepare_cached("SELECT slot, acc FROM retired WHERE space = ?1")?;
        let retired = statement.query_map([row.space], |row| {
            Ok((row.get(0)?, PrincipalKey::from_bytes(row.get(1)?)))
        })?;
        let retired = retired.collect::<Result<_, _>>()?;
        let SpaceRow { n, running, control, epoch, .. } = row;
        Ok(Some(SpaceFacts { n, running, control, epoch, principals, retired }))
    }

    fn control(&self, sid: SpaceHandle, from: u32, bytes_max: u64) -> Result<Answer, StorageError> {
        let Some(row) = SpaceRow::load(&self.connection, sid)? else {
            return Ok(Answer::Control { items: Vec::new(), held: 0 });
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT idx, at, prev, hash, sum, item FROM control WHERE space = ?1 AND idx >= ?2 ORDER BY idx",
        )?;
        let mut rows = statement.query(params![row.space, from])?;
        let (mut items, mut room) = (Vec::new(), Room::new(bytes_max));
        while let Some(found) = rows.next()? {
            let idx: u32 = found.get(0)?;
            let at = Timestamp::from_millis(unsigned(found.get(1)?));
            let (prev, hash): ([u8; 32], [u8; 32]) = (found.get(2)?, found.get(3)?);
            let (sum, item): ([u8; 8], Vec<u8>) = (found.get(4)?, found.get(5)?);
            let sound = sha256(&[&item]) == hash
                && checksum(sid, u64::from(idx), at, (&prev, &hash)) == sum;
            if !sound {
                return Err(StorageError::Damaged);
            }
            if !room.take(item.len()) {
                break;
            }
            items.push((idx, item));
        }
        Ok(Answer::Control { items, held: row.control })
    }

    fn data(&self, sid: SpaceHandle, after: u64, bytes_max: u64) -> Result<Answer, StorageError> {
        let Some(row) = SpaceRow::load(&self.connection, sid)? else {
            let running = RunningHash::ZERO;
            return Ok(Answer::Data { envelopes: Vec::new(), n: 0, running });
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT n, at, running, id, sum, envelope FROM data WHERE space = ?1 AND n > ?2 ORDER BY n",
        )?;
        let mut rows = statement.query(params![row.space, signed(after)])?;
        let (mut envelopes, mut room) = (Vec::new(), Room::new(bytes_max));
        while let Some(found) = rows.next()? {
            let n = unsigned(found.get(0)?);
            let at = Timestamp::from_millis(unsigned(found.get(1)?));
            let (running, id): ([u8; 32], [u8; 32]) = (found.get(2)?, found.get(3)?);
            let (sum, envelope): ([u8; 8], Vec<u8>) = (found.get(4)?, found.get(5)?);
            let sound = sha256(&[&envelope]) == id && checksum(sid, n, at, (&running, &id)) == sum;
            if !sound {
                return Err(StorageError::Damaged);
            }
            if !room.take(envelope.len()) {
                break;
            }
            envelopes.push((n, envelope));
        }
        Ok(Answer::Data { envelopes, n: row.n, running: row.running })
    }
}

/// How much may still be read; the first always fits.
struct Room {
    left: u64,
    first: bool,
}

impl Room {
    const fn new(bytes: u64) -> Self {
        Self { left: bytes, first: true }
    }

    fn take(&mut self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let fits = self.first || bytes <= self.left;
        self.first = false;
        self.left = self.left.saturating_sub(bytes);
        fits
    }
}
