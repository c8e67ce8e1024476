//! Opening the database: whose it is, which format, how it is synced.

use super::error::StorageError;
use core::time::Duration;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::Path;
use wire::id::StoreId;

/// The file in the data folder.
pub const DATABASE_FILE: &str = "relay.db";
/// The engine's log beside it: there while the database is open, and after a stop that was none.
pub(super) const LOG_FILE: &str = "relay.db-wal";

/// "RkRl": whose file it is.
const APPLICATION_ID: u32 = 0x526b_526c;
/// The format that this program writes.
const FORMAT: u32 = 1;

/// `sum` is the first 8 bytes of SHA-256 over the row's other columns; `id` and `hash` cover the blob.
const SCHEMA: &str = "
CREATE TABLE meta (store_id BLOB NOT NULL) STRICT;
CREATE TABLE space (
    space INTEGER PRIMARY KEY, sid BLOB NOT NULL UNIQUE, n INTEGER NOT NULL, running BLOB NOT NULL,
    control INTEGER NOT NULL, head BLOB NOT NULL, epoch INTEGER NOT NULL, touched INTEGER NOT NULL
) STRICT;
CREATE TABLE principal (
    space INTEGER NOT NULL, slot INTEGER NOT NULL, acc BLOB NOT NULL, adm BLOB NOT NULL, recovery BLOB NOT NULL,
    data_bytes INTEGER NOT NULL, control_bytes INTEGER NOT NULL, PRIMARY KEY (space, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE retired (space INTEGER NOT NULL, slot INTEGER NOT NULL, acc BLOB NOT NULL) STRICT;
CREATE INDEX retired_by_space ON retired (space);
CREATE TABLE control (
    space INTEGER NOT NULL, idx INTEGER NOT NULL, at INTEGER NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL,
    sum BLOB NOT NULL, item BLOB NOT NULL, PRIMARY KEY (space, idx)
) STRICT;
CREATE TABLE data (
    space INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, running BLOB NOT NULL, id BLOB NOT NULL,
    sum BLOB NOT NULL, envelope BLOB NOT NULL, PRIMARY KEY (space, n)
) STRICT;
CREATE UNIQUE INDEX data_by_id ON data (space, id);
";

/// The relay's database.
#[derive(Debug)]
pub struct Storage {
    pub(super) connection: Connection,
    pub(super) store: StoreId,
    /// The mark that nobody else has this folder open; dropped after the connection.
    _alone: Option<File>,
}

impl Storage {
    /// Opens the database in a folder, or makes it, then with this random store id. The newest rows are verified; all
    /// of them if the last owner did not close it.
    ///
    /// # Errors
    /// [`StorageError`]: the database is left as it was, and the next opening looks at all of it.
    pub fn open(folder: &Path, fresh: StoreId) -> Result<Self, StorageError> {
        let alone = alone_in(folder)?;
        let unclosed = folder.join(LOG_FILE).try_exists().unwrap_or(false);
        if unclosed {
            rewrite(&folder.join(LOG_FILE)).map_err(|_| StorageError::Unreachable)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(folder.join(DATABASE_FILE), flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        keep_log(&connection, true)?;
        let is_new = is_new(&connection)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(StorageError::Unreachable);
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        let storage = Self::finish(connection, is_new, fresh)?;
        if unclosed {
            storage.verify_whole()?;
        } else {
            storage.verify_newest()?;
        }
        keep_log(&storage.connection, false)?;
        Ok(Self { _alone: Some(alone), ..storage })
    }

    /// What was read or written is not as it must be: the next opening looks at all of it.
    pub(super) fn distrust(&self) {
        // The log stays behind, as after a crash. If even that fails, nothing is worse than before.
        let _kept = keep_log(&self.connection, true);
    }

    /// A database in memory, for tests and the simulator. It lives as long as anybody in this process holds one of the
    /// same name.
    ///
    /// # Errors
    /// [`StorageError::Engine`].
    pub fn memory(name: &str, fresh: StoreId) -> Result<Self, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = format!("file:{name}?mode=memory&cache=shared");
        let connection = Connection::open_with_flags(uri, flags)?;
        let is_new = is_new(&connection)?;
        Self::finish(connection, is_new, fresh)
    }

    fn finish(connection: Connection, is_new: bool, fresh: StoreId) -> Result<Self, StorageError> {
        connection.set_prepared_statement_cache_capacity(32);
        // A statement with a range is otherwise made anew for every other value in it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let mut storage = Self { connection, store: fresh, _alone: None };
        if is_new {
            storage.create(fresh)?;
        }
        let read = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
        let store =
            storage.connection.query_row("SELECT store_id FROM meta", [], read).optional()?;
        let store = store.and_then(|bytes| StoreId::from_slice(&bytes));
        storage.store = store.ok_or(StorageError::Damaged)?;
        Ok(storage)
    }

    fn create(&mut self, fresh: StoreId) -> Result<(), StorageError> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO meta (store_id) VALUES (?1)", [fresh.as_bytes()])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        Ok(())
    }

    /// Which database this is: drawn when it was made.
    pub const fn store_id(&self) -> StoreId {
        self.store
    }
}

/// Takes the folder, for as long as the mark is kept.
fn alone_in(folder: &Path) -> Result<File, StorageError> {
    let folder = File::open(folder).map_err(|_| StorageError::Unreachable)?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked),
        Err(TryLockError::Error(_)) => Err(StorageError::Unreachable),
    }
}

/// Writes a file's own bytes over it, and syncs them. After a sync that failed, systems take what was to be written for
/// written: it can be read, is not on the disk, and no later sync brings it there.
fn rewrite(path: &Path) -> std::io::Result<()> {
    let bytes = fs::read(path)?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// Whether the log stays when the database is closed, instead of being folded into it.
fn keep_log(connection: &Connection, keep: bool) -> Result<(), StorageError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Whether there is nothing yet. Asked before anything is written.
fn is_new(connection: &Connection) -> Result<bool, StorageError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (application, format) = (pragma("application_id")?, pragma("user_version")?);
    let count = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], count)?;
    if application == 0 && format == 0 && tables == 0 {
        return Ok(true);
    }
    if application != APPLICATION_ID {
        return Err(StorageError::Foreign);
    }
    if format > FORMAT {
        return Err(StorageError::Newer { theirs: format, ours: FORMAT });
    }
    Ok(false)
}
