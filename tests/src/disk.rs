//! A second look at a device's disk: what is on it whatever the program says, and the crashes planted there.
//!
//! Row ids, orders, states and envelopes stand in the clear (`docs/threat-model.md`), so most invariants can be read
//! off the rows without a key.

use reknit_core::client::MemoryDisk;
use reknit_core::model::id::{DeviceId, EntryId};
use reknit_core::store::Table;
use rusqlite::{Connection, OpenFlags, params};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{EnvelopeId, StoreId};

/// Handles of both stores of one device.
#[derive(Debug)]
pub struct Disk {
    files: MemoryDisk,
    stores: [Connection; 2],
}

/// Where an entry stands in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stand {
    /// Whose chain.
    pub device: DeviceId,
    /// Which of that device's.
    pub inc: u16,
    /// Its number there.
    pub seq: u64,
}

/// The private and the shared store.
pub const STORES: [bool; 2] = [false, true];

impl Disk {
    /// A second handle on a disk.
    pub fn new(files: &MemoryDisk) -> Self {
        let stores = STORES.map(|shared| memory(&files.store_name(shared)));
        Self { files: files.clone(), stores }
    }

    fn store(&self, shared: bool) -> &Connection {
        &self.stores[usize::from(shared)]
    }

    fn rows<T>(
        &self,
        shared: bool,
        table: Table,
        mut read: impl FnMut(Vec<u8>, [u8; 16], u8, Vec<u8>) -> T,
    ) -> Vec<T> {
        let sql = "select id, ord, state, body from row where tbl = ?1 order by ord, id";
        // The store of a device in a real folder is not here: nothing of it is looked at in memory.
        let Ok(mut statement) = self.store(shared).prepare_cached(sql) else { return Vec::new() };
        let rows = statement
            .query_map([table.number()], |row| {
                Ok(read(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    fn ids(&self, shared: bool, table: Table) -> BTreeSet<Vec<u8>> {
        self.rows(shared, table, |id, _, _, _| id).into_iter().collect()
    }

    /// The entries that are part of the history.
    pub fn entries(&self, shared: bool) -> BTreeSet<EntryId> {
        let ids = self.ids(shared, Table::Entries);
        ids.iter().map(|id| EntryId::from_slice(id).expect("an id")).collect()
    }

    /// Where each entry stands.
    pub fn places(&self, shared: bool) -> BTreeMap<EntryId, Stand> {
        let read = |id: Vec<u8>, _, _, _| {
            let device = DeviceId::from_slice(&id[..16]).expect("a device");
            let inc = u16::from_be_bytes(id[16..18].try_into().expect("a number"));
            let seq = u64::from_be_bytes(id[18..26].try_into().expect("a number"));
            (EntryId::from_slice(&id[26..]).expect("an entry"), Stand { device, inc, seq })
        };
        self.rows(shared, Table::Places, read).into_iter().collect()
    }

    /// Where one entry stands.
    pub fn place_of(&self, shared: bool, entry: EntryId) -> Option<Stand> {
        let sql = "select substr(id, 1, 26) from row where tbl = ?1 and substr(id, 27) = ?2";
        let mut statement = self.store(shared).prepare_cached(sql).expect("a store");
        let found = params![Table::Places.number(), entry.as_bytes()];
        let mut rows = statement.query(found).expect("rows");
        let id: Vec<u8> = rows.next().expect("a row")?.get(0).expect("an id");
        Some(Stand {
            device: DeviceId::from_slice(&id[..16]).expect("a device"),
            inc: u16::from_be_bytes(id[16..18].try_into().expect("a number")),
            seq: u64::from_be_bytes(id[18..].try_into().expect("a number")),
        })
    }

    /// The entries with an event of some record.
    pub fn told(&self, shared: bool) -> BTreeSet<EntryId> {
        let ids = self.ids(shared, Table::Records);
        ids.iter().map(|id| EntryId::from_slice(&id[32..]).expect("an entry")).collect()
    }

    /// What waits for a receipt, in its order.
    pub fn outbox(&self, shared: bool) -> Vec<(EntryId, Vec<u8>)> {
        self.rows(shared, Table::Outbox, |_, _, _, body| {
            (EntryId::from_slice(&body[4..36]).expect("an entry"), body[36..].to_vec())
        })
    }

    /// Entries with a stored receipt.
    pub fn receipted(&self, shared: bool) -> BTreeSet<EntryId> {
        let ids = self.ids(shared, Table::Receipts);
        ids.iter().map(|id| EntryId::from_slice(id).expect("an id")).collect()
    }

    /// Entries of which the relay's position is known.
    pub fn placed(&self, shared: bool) -> BTreeSet<EntryId> {
        let ids = self.ids(shared, Table::Positions);
        ids.iter().map(|id| EntryId::from_slice(id).expect("an id")).collect()
    }

    /// Envelopes that wait for something or are set aside, bytes kept.
    pub fn kept(&self, shared: bool) -> BTreeSet<EnvelopeId> {
        let mut ids = self.ids(shared, Table::Waiting);
        ids.extend(self.ids(shared, Table::Quarantine));
        ids.iter().map(|id| EnvelopeId::from_slice(id).expect("an id")).collect()
    }

    /// Whether all that the relay lacks is to be brought back to it, and is not in the outbox yet.
    pub fn brings_all_back(&self, shared: bool) -> bool {
        let read = |id: Vec<u8>, _, _, _| id == b"reseed";
        self.rows(shared, Table::Meta, read).into_iter().any(|is_it| is_it)
    }

    /// Envelopes set aside for good.
    pub fn refused(&self, shared: bool) -> BTreeSet<Vec<u8>> {
        // As an envelope, or as the entry that had waited.
        let read = |id, _, state, _| matches!(state, 0 | 2).then_some(id);
        self.rows(shared, Table::Quarantine, read).into_iter().flatten().collect()
    }

    /// The control items, as received.
    pub fn control(&self, shared: bool) -> Vec<Vec<u8>> {
        let sql = "select body from row where tbl = ?1 order by id";
        let mut statement = self.store(shared).prepare_cached(sql).expect("a store");
        let rows = statement.query_map([Table::Control.number()], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("an item")).collect()
    }

    /// Every byte of both stores that was written by the program.
    pub fn dump(&self) -> Vec<Vec<u8>> {
        let all = STORES.iter().flat_map(|shared| {
            Table::ALL.iter().flat_map(|table| {
                self.rows(*shared, *table, |mut id, _, _, body| {
                    id.extend(body);
                    id
                })
            })
        });
        all.collect()
    }

    /// Spoils the body of every row of a table, as a bad disk does.
    pub fn damage(&self, shared: bool, table: Table) -> usize {
        let sql = "update row set body = zeroblob(length(body)) where tbl = ?1";
        self.store(shared).execute(sql, [table.number()]).expect("damaged rows")
    }

    /// The next transaction that touches `table` dies in the middle; without a table, the next one at its very end.
    pub fn plant_crash(&self, shared: bool, table: Option<Table>) {
        let on = table.map_or("before update on generation".to_owned(), |table| {
            format!("before insert on row when new.tbl = {}", table.number())
        });
        let sql = format!("create trigger crash {on} begin select raise(rollback, 'dies'); end;");
        self.mend();
        self.store(shared).execute_batch(&sql).expect("a trigger");
    }

    /// The next write of a small file fails.
    pub fn plant_file_crash(&self) {
        self.mend();
        self.files.refuse_files(true);
    }

    /// Nothing dies any more.
    pub fn mend(&self) {
        self.files.refuse_files(false);
        for store in &self.stores {
            store.execute_batch("drop trigger if exists crash").expect("no trigger");
        }
    }
}

/// A copy of a database, in memory under another name.
pub fn copy(of: &Connection, name: &str) -> Connection {
    let copy = memory(name);
    let uri = format!("file:{name}?mode=memory&cache=shared");
    of.execute("vacuum into ?1", [uri]).expect("a copy");
    copy
}

/// Another handle on a database in memory, which is made if there is none.
pub fn memory(name: &str) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{name}?mode=memory&cache=shared"), flags)
        .expect("a database in memory")
}

/// The envelopes that the relay holds of a space, by position.
pub fn envelopes(relay: &Connection, sid: &[u8]) -> Vec<(u64, EnvelopeId)> {
    let sql = "select data.n, data.id from data join space using (space) where space.sid = ?1
               order by data.n";
    let mut statement = relay.prepare_cached(sql).expect("a relay's store");
    let rows = statement.query_map(params![sid], |row| {
        let (n, id): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        Ok((n.unsigned_abs(), EnvelopeId::from_slice(&id).expect("an id")))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

/// The running hash of a space at a position, if the relay's log reaches it.
pub fn running(relay: &Connection, sid: &[u8], n: u64) -> Option<[u8; 32]> {
    let sql = "select data.running from data join space using (space)
               where space.sid = ?1 and data.n = ?2";
    let mut statement = relay.prepare_cached(sql).expect("a relay's store");
    let mut rows = statement.query(params![sid, n.cast_signed()]).expect("rows");
    rows.next().expect("a row").map(|row| row.get(0).expect("a hash"))
}

/// Which store it is.
pub fn store_id(relay: &Connection) -> StoreId {
    let mut statement = relay.prepare_cached("select store_id from meta").expect("a relay's store");
    let id: Vec<u8> = statement.query_row([], |row| row.get(0)).expect("a store");
    StoreId::from_slice(&id).expect("a store's name")
}

/// Whether the relay holds an envelope of this id now.
pub fn holds(relay: &Connection, id: EnvelopeId) -> bool {
    let sql = "select count(*) from data where id = ?1";
    let mut statement = relay.prepare_cached(sql).expect("a relay's store");
    let count: i64 = statement.query_row([id.as_bytes()], |row| row.get(0)).expect("a count");
    count > 0
}

/// Every blob that the relay stored.
pub fn relay_dump(relay: &Connection) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for sql in [
        "select sid || running || head from space",
        "select acc || adm || recovery from principal",
        "select prev || hash || sum || item from control",
        "select running || id || sum || envelope from data",
    ] {
        let mut statement = relay.prepare_cached(sql).expect("a relay's store");
        let rows =
            statement.query_map([], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec())).expect("rows");
        all.extend(rows.map(|row| row.expect("a row")));
    }
    all
}
