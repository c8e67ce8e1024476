//! One group commit: all appends of a batch in one transaction, each with its outcome.

use super::database::Storage;
use super::error::StorageError;
use super::row::{SpaceRow, checksum, signed, unsigned};
use crate::job::{Append, Batch, Bounds, Committed, Failure, Outcome, Place, What};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::collections::{BTreeMap, BTreeSet};
use wire::frame::Principal;
use wire::hash::running_hash;
use wire::id::{EnvelopeId, ItemHash, RunningHash, SpaceHandle};
use wire::time::Timestamp;

impl Storage {
    /// Makes a batch durable, whole or not at all. When it returns, what is [`Outcome::Stored`] survives a power cut.
    ///
    /// # Errors
    /// [`Failure::NoSpace`] when the disk is full: nothing of the batch is stored, and reads go on. [`Failure::Broken`]
    /// when the relay must stop.
    pub fn commit(&mut self, batch: Batch) -> Result<Committed, Failure> {
        match self.try_commit(&batch) {
            Ok(outcomes) => Ok(Committed { batch, outcomes }),
            Err(error) => {
                let failure = error.failure();
                if failure == Failure::Broken {
                    self.distrust();
                }
                Err(failure)
            }
        }
    }

    fn try_commit(&mut self, batch: &Batch) -> Result<Vec<Outcome>, StorageError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut work = Work {
            transaction,
            bounds: batch.bounds,
            at: batch.at,
            spaces: BTreeMap::new(),
            refused: BTreeSet::new(),
        };
        let outcomes =
            batch.appends.iter().map(|append| work.append(append)).collect::<Result<_, _>>()?;
        work.finish()?;
        Ok(outcomes)
    }
}

struct Work<'a> {
    transaction: Transaction<'a>,
    bounds: Bounds,
    at: Timestamp,
    spaces: BTreeMap<SpaceHandle, Option<SpaceRow>>,
    /// Lanes of which something was refused.
    refused: BTreeSet<u64>,
}

impl Work<'_> {
    fn append(&mut self, append: &Append) -> Result<Outcome, StorageError> {
        if self.refused.contains(&append.lane) {
            return Ok(Outcome::Behind);
        }
        if !self.spaces.contains_key(&append.sid) {
            let row = SpaceRow::load(&self.transaction, append.sid)?;
            self.spaces.insert(append.sid, row);
        }
        let outcome = match &append.what {
            What::Data { id, epoch, envelope } => self.data(append, *id, *epoch, envelope)?,
            What::Control { hash, idx, prev, epoch, item } => {
                let link = Link { idx: *idx, prev: *prev, hash: *hash, epoch: *epoch };
                self.control(append, link, item)?
            }
            What::Create { hash, epoch, item, principals } => {
                let link = Link { idx: 0, prev: ItemHash::ZERO, hash: *hash, epoch: *epoch };
                self.create(append, link, item, principals)?
            }
        };
        if !matches!(outcome, Outcome::Stored(_)) {
            self.refused.insert(append.lane);
        }
        Ok(outcome)
    }

    fn data(
        &mut self,
        append: &Append,
        id: EnvelopeId,
        epoch: Option<u32>,
        envelope: &[u8],
    ) -> Result<Outcome, StorageError> {
        let Some(Some(row)) = self.spaces.get_mut(&append.sid) else { return Ok(Outcome::Unknown) };
        if let Some(place) = data_place(&self.transaction, row.space, id)? {
            return Ok(Outcome::Stored(place));
        }
        if epoch.is_some_and(|epoch| epoch != row.epoch) {
            return Ok(Outcome::StaleEpoch { epoch: row.epoch });
        }
        let limit = self.bounds.data_bytes_per_principal;
        let Some((used, _)) = row.used.get_mut(usize::from(append.slot)) else {
            return Ok(Outcome::Unknown);
        };
        let after = used.saturating_add(u64::try_from(envelope.len()).unwrap_or(u64::MAX));
        if after > limit || row.n >= self.bounds.envelopes_per_space {
            return Ok(Outcome::Quota { limit });
        }
        *used = after;
        let (n, at) = (row.n + 1, self.at);
        let running = running_hash(append.sid, row.running, n, id);
        let sum = checksum(append.sid, n, at, (running.as_bytes(), id.as_bytes()));
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO data (space, n, at, running, id, sum, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let millis = signed(at.as_millis());
        let (running_bytes, id) = (running.as_bytes(), id.as_bytes());
        statement.execute(params![
            row.space,
            signed(n),
            millis,
            running_bytes,
            id,
            sum,
            envelope
        ])?;
        (row.n, row.running, row.changed) = (n, running, true);
        Ok(Outcome::Stored(Place { n, running, at, fresh: true }))
    }

    fn control(
        &mut self,
        append: &Append,
        link: Link,
        item: &[u8],
    ) -> Result<Outcome, StorageError> {
        let Some(Some(row)) = self.spaces.get_mut(&append.sid) else { return Ok(Outcome::Unknown) };
        if let Some((hash, place)) = control_place(&self.transaction, row.space, link.idx)? {
            let same = hash == link.hash;
            let conflict = Outcome::Conflict { control: row.control };
            return Ok(if same { Outcome::Stored(place) } else { conflict });
        }
        if link.idx != row.control || link.prev != row.head {
            return Ok(Outcome::Conflict { control: row.control });
        }
        let limit = self.bounds.control_bytes_per_principal;
        let Some((_, used)) = row.used.get_mut(usize::from(append.slot)) else {
            return Ok(Outcome::Unknown);
        };
        let after = used.saturating_add(u64::try_from(item.len()).unwrap_or(u64::MAX));
        if after > limit {
            return Ok(Outcome::Quota { limit });
        }
        *used = after;
        insert_item(&self.transaction, (append.sid, row.space), self.at, link, item)?;
        row.control = row.control.saturating_add(1);
        (row.head, row.epoch, row.changed) = (link.hash, link.epoch, true);
        Ok(Outcome::Stored(link.place(self.at)))
    }

    fn create(
        &mut self,
        append: &Append,
        link: Link,
        item: &[u8],
        principals: &[Principal],
    ) -> Result<Outcome, StorageError> {
        if let Some(Some(row)) = self.spaces.get(&append.sid) {
            let there = control_place(&self.transaction, row.space, 0)?;
            let same = there.filter(|(hash, _)| *hash == link.hash);
            return Ok(same.map_or(Outcome::Unknown, |(_, place)| Outcome::Stored(place)));
        }
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let spaces = self.transaction.query_row("SELECT count(*) FROM space", [], count)?;
        if unsigned(spaces) >= self.bounds.spaces {
            return Ok(Outcome::Full);
        }
        let zero = RunningHash::ZERO;
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO space (sid, n, running, control, head, epoch, touched) VALUES (?1, 0, ?2, 1, ?3, ?4, ?5)",
        )?;
        let (sid, head, millis) = (append.sid, link.hash.as_bytes(), signed(self.at.as_millis()));
        let space =
            statement.insert(params![sid.as_bytes(), zero.as_bytes(), head, link.epoch, millis])?;
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO principal (space, slot, acc, adm, recovery, data_bytes, control_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)",
        )?;
        for (slot, principal) in (0_u8..).zip(principals) {
            let (acc, adm) = (principal.acc.as_bytes(), principal.adm.as_bytes());
            statement.execute(params![space, slot, acc, adm, principal.recovery.as_bytes()])?;
        }
        insert_item(&self.transaction, (sid, space), self.at, link, item)?;
        drop(statement);
        let row = SpaceRow::load(&self.transaction, sid)?;
        self.spaces.insert(sid, row);
        Ok(Outcome::Stored(link.place(self.at)))
    }

    fn finish(self) -> Result<(), StorageError> {
        for row in self.spaces.values().flatten().filter(|row| row.changed) {
            row.save(&self.transaction, self.at)?;
        }
        self.transaction.commit()?;
        Ok(())
    }
}

/// A control item's place in its log.
#[derive(Debug, Clone, Copy)]
struct Link {
    idx: u32,
    prev: ItemHash,
    hash: ItemHash,
    epoch: u32,
}

impl Link {
    fn place(self, at: Timestamp) -> Place {
        let running = RunningHash::from_bytes(self.prev.to_bytes());
        Place { n: u64::from(self.idx), running, at, fresh: true }
    }
}

fn insert_item(
    connection: &Connection,
    space: (SpaceHandle, i64),
    at: Timestamp,
    link: Link,
    item: &[u8],
) -> Result<(), StorageError> {
    let sum =
        checksum(space.0, u64::from(link.idx), at, (link.prev.as_bytes(), link.hash.as_bytes()));
    let mut statement = connection.prepare_cached(
        "INSERT INTO control (space, idx, at, prev, hash, sum, item) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let (prev, hash) = (link.prev.as_bytes(), link.hash.as_bytes());
    statement.execute(params![space.1, link.idx, signed(at.as_millis()), prev, hash, sum, item])?;
    Ok(())
}

fn data_place(
    connection: &Connection,
    space: i64,
    id: EnvelopeId,
) -> Result<Option<Place>, StorageError> {
    let mut statement = connection
        .prepare_cached("SELECT n, running, at FROM data WHERE space = ?1 AND id = ?2")?;
    let place = statement.query_row(params![space, id.as_bytes()], |row| {
        Ok(Place {
            n: unsigned(row.get(0)?),
            running: RunningHash::from_bytes(row.get(1)?),
            at: Timestamp::from_millis(unsigned(row.get(2)?)),
            fresh: false,
        })
    });
    Ok(place.optional()?)
}

fn control_place(
    connection: &Connection,
    space: i64,
    idx: u32,
) -> Result<Option<(ItemHash, Place)>, StorageError> {
    let mut statement = connection
        .prepare_cached("SELECT hash, prev, at FROM control WHERE space = ?1 AND idx = ?2")?;
    let place = statement.query_row(params![space, idx], |row| {
        let running = RunningHash::from_bytes(row.get(1)?);
        let at = Timestamp::from_millis(unsigned(row.get(2)?));
        let place = Place { n: u64::from(idx), running, at, fresh: false };
        Ok((ItemHash::from_bytes(row.get(0)?), place))
    });
    Ok(place.optional()?)
}
