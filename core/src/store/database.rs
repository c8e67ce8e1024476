//! Opening, making and writing the one database file of a folder.
//!
//! Journal mode: write-ahead log. With `synchronous=FULL` a commit then costs one sync of one file, where a rollback
//! journal needs four (measured: 0.29 ms against 0.84 to 1.0 ms), and a reader in another process never stands in a
//! writer's way. Between calls a handle holds only shared marks that block nobody; dropping the last handle folds the
//! log into the file and removes it, so that a suspended app holds no lock at all. A store whose log is there when the
//! first one opens it was not closed: then everything is read and compared before it is used ([`Store::walk`]).

use core::cell::Cell;
use core::fmt;
use core::time::Duration;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::batch::Batch;
use super::boot::{is_first_since_start, remember_start};
use super::error::StoreError;
use super::folder::{rewrite, sync_folder};
use super::presence::Presence;
use super::whole::{perform, sum_of};

/// The file's name in its folder.
pub(super) const FILE: &str = "rows.db";
/// The engine's name for its log.
pub(super) const LOG: &str = "rows.db-wal";
/// "RKNT": tells our files from other programs'.
const APPLICATION_ID: i32 = 0x524b_4e54;
/// The layout below. A file with a higher number is left alone.
const FORMAT: u32 = 2;
/// The layout without the sum of all rows: it is added.
const FORMAT_WITHOUT_SUM: u32 = 1;
/// How long a commit waits for another process's. The vault lock makes turns, so this is a second net.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// A rowid table, since bodies are large: the indexes then hold ids and orders only.
const SCHEMA: &str = "
    create table generation (n integer not null, sum integer not null) strict;
    insert into generation values (0, 0);
    create table row (
        tbl integer not null, id blob not null, ord blob not null, state integer not null, body blob not null
    ) strict;
    create unique index row_id on row (tbl, id);
    create index row_order on row (tbl, ord, id);
    create index row_state on row (tbl, state, ord, id);";

/// One folder's rows. Not `Sync`: one owner, who takes turns with other processes by the vault lock.
pub struct Store {
    pub(super) connection: Connection,
    pub(super) poisoned: bool,
    /// Dropped after the connection. In memory nobody needs to know.
    _presence: Option<Presence>,
    pub(super) read: Cell<u64>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Makes an empty store in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one; [`StoreError::Full`] and [`StoreError::Disk`].
    pub fn create(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let file = folder.join(FILE);
        drop(File::create_new(&file)?);
        let (presence, _alone) = Presence::enter(folder)?;
        let connection = Connection::open_with_flags(&file, flags())?;
        configure(&connection)?;
        make(&connection)?;
        sync_folder(folder)?;
        presence.share()?;
        Ok(Self::over(connection, Some(presence)))
    }

    /// Opens the store in `folder`. If its last owner did not close it, or the machine was off since, all of it is read
    /// and compared first.
    ///
    /// # Errors
    /// [`StoreError::Absent`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Damaged`],
    /// [`StoreError::Disk`]. None of them changes the file, and the next opening looks at all of it again.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        match Self::try_open(folder) {
            // To the engine a read that failed is damage, too. Damage is there at a second look, and can be read.
            Err(StoreError::Damaged) => Self::try_open(folder).map_err(|error| {
                let unread = error == StoreError::Damaged && !can_be_read(folder);
                if unread { StoreError::Disk } else { error }
            }),
            other => other,
        }
    }

    fn try_open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        if !file.try_exists()? {
            return Err(StoreError::Absent);
        }
        if file.is_dir() {
            return Err(StoreError::Foreign);
        }
        let (presence, alone) = Presence::enter(folder)?;
        let unclosed = alone && folder.join(LOG).try_exists()?;
        if unclosed {
            rewrite(&folder.join(LOG))?;
        }
        let unsure = unclosed || (alone && is_first_since_start(folder));
        let connection = Connection::open_with_flags(&file, flags())?;
        keep_log(&connection, true)?;
        let format = check(&connection)?;
        configure(&connection)?;
        if format == FORMAT_WITHOUT_SUM {
            add_sum(&connection)?;
        }
        let store = Self::over(connection, None);
        if unsure {
            store.walk()?;
            remember_start(folder);
        }
        keep_log(&store.connection, false)?;
        presence.share()?;
        Ok(Self { _presence: Some(presence), ..store })
    }

    /// Something read from here was not what was written: the next opening looks at all of it.
    pub fn suspect(&self) {
        // The log stays behind, as after a crash. If even that fails, nothing is worse than before.
        let _kept = keep_log(&self.connection, true);
    }

    /// Opens a store in memory, made if no handle of that name is alive. It is there as long as any handle is:
    /// a simulator keeps one as "the disk" and drops the node that uses another.
    ///
    /// # Errors
    /// [`StoreError::Engine`] if the name holds anything but ASCII letters, digits, `-` and `_`.
    pub fn memory(name: &str) -> Result<Self, StoreError> {
        let connection = memory(name)?;
        configure(&connection)?;
        if check(&connection).is_err() {
            make(&connection)?;
        }
        Ok(Self::over(connection, None))
    }

    /// A copy of what is stored now, in memory under another name.
    ///
    /// # Errors
    /// As [`Store::memory`], and [`StoreError::Engine`] if something of that name is there.
    pub fn copy_to_memory(&self, name: &str) -> Result<Self, StoreError> {
        self.usable()?;
        let copy = memory(name)?;
        let uri = format!("file:{name}?mode=memory&cache=shared");
        self.connection.execute("vacuum into ?1", [uri])?;
        configure(&copy)?;
        Ok(Self::over(copy, None))
    }

    /// Makes all of `batch` durable and returns the new generation.
    ///
    /// # Errors
    /// [`StoreError::Busy`] and [`StoreError::Full`]: nothing was written, it can be tried again.
    /// [`StoreError::Disk`], [`StoreError::Damaged`], [`StoreError::Engine`]: drop the store, open it again and look.
    pub fn commit(&mut self, batch: Batch) -> Result<u64, StoreError> {
        self.usable()?;
        let done = self.write(&batch);
        if let Err(error) = done {
            self.poisoned = !matches!(error, StoreError::Busy | StoreError::Full);
            if self.poisoned {
                self.suspect();
            }
        }
        done
    }

    /// How many commits this store has seen, from all processes.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`], [`StoreError::Damaged`], [`StoreError::Disk`].
    pub fn generation(&self) -> Result<u64, StoreError> {
        self.usable()?;
        let mut statement = self.connection.prepare_cached("select n from generation")?;
        let n: i64 = statement.query_row([], |row| row.get(0))?;
        u64::try_from(n).map_err(|_| StoreError::Damaged)
    }

    const fn over(connection: Connection, presence: Option<Presence>) -> Self {
        Self { connection, poisoned: false, read: Cell::new(0), _presence: presence }
    }

    pub(super) const fn usable(&self) -> Result<(), StoreError> {
        if self.poisoned { Err(StoreError::Poisoned) } else { Ok(()) }
    }

    fn write(&mut self, batch: &Batch) -> Result<u64, StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sum: i64 = transaction
            .prepare_cached("select sum from generation")?
            .query_row([], |row| row.get(0))?;
        let mut sum = sum.cast_unsigned();
        for act in &batch.acts {
            sum = perform(&transaction, act, sum)?;
        }
        let generation: i64 = transaction
            .prepare_cached("update generation set n = n + 1, sum = ?1 returning n")?
            .query_row([sum.cast_signed()], |row| row.get(0))?;
        transaction.commit()?;
        u64::try_from(generation).map_err(|_| StoreError::Damaged)
    }
}

fn memory(name: &str) -> Result<Connection, StoreError> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(StoreError::Engine);
    }
    let uri = format!("file:{name}?mode=memory&cache=shared");
    let flags = flags() | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_CREATE;
    Ok(Connection::open_with_flags(uri, flags)?)
}

const fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Settings of the connection. `fullfsync` makes a sync honest on Apple systems and does nothing elsewhere;
/// `cell_size_check` finds damage earlier.
fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma fullfsync = on;
         pragma checkpoint_fullfsync = on; pragma secure_delete = on; pragma temp_store = memory;
         pragma trusted_schema = off; pragma cell_size_check = on;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    // A statement with a range is otherwise made anew for every other value in it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn make(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(&format!(
        "begin immediate; {SCHEMA} pragma application_id = {APPLICATION_ID};
         pragma user_version = {FORMAT}; commit;"
    ))?;
    Ok(())
}

fn can_be_read(folder: &Path) -> bool {
    let read = |name| {
        let mut file = File::open(folder.join(name))?;
        std::io::copy(&mut file, &mut std::io::sink())
    };
    let log = read(LOG).map_or_else(|error| error.kind() == ErrorKind::NotFound, |_| true);
    log && read(FILE).is_ok()
}

/// Whether the log stays when the last handle is dropped, instead of being folded into the file.
fn keep_log(connection: &Connection, keep: bool) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Brings a file of the first format to this one.
fn add_sum(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "begin immediate; alter table generation add column sum integer not null default 0;",
    )?;
    let sum = sum_of(connection)?.cast_signed();
    connection.execute("update generation set sum = ?1", [sum])?;
    connection.execute_batch(&format!("pragma user_version = {FORMAT}; commit;"))?;
    Ok(())
}

/// Whose file it is, and its format.
fn check(connection: &Connection) -> Result<u32, StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    let version = u32::try_from(pragma("user_version")?).map_err(|_| StoreError::Damaged)?;
    match version {
        FORMAT | FORMAT_WITHOUT_SUM => Ok(version),
        0 => Err(StoreError::Damaged),
        newer => Err(StoreError::Newer { version: newer }),
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
