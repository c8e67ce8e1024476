//! A database that nobody closed is read whole before anything of it is confirmed again.

use super::shelf::*;
use crate::job::{Answer, Failure, Read};
use crate::storage::{DATABASE_FILE, Storage, StorageError};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wire::id::StoreId;

fn filled() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut storage = Storage::open(folder.path(), STORE).unwrap();
    commit(&mut storage, vec![create(SID, b"genesis"), control(1, b"genesis", b"second")]);
    let many = (0..1_500_u32).map(|number| data(1, 1, &number.to_be_bytes())).collect();
    commit(&mut storage, many);
    folder
}

fn tamper(folder: &Path, sql: &str) {
    Connection::open(folder.join(DATABASE_FILE)).unwrap().execute_batch(sql).unwrap();
}

fn reopen(folder: &Path) -> Result<Storage, StorageError> {
    Storage::open(folder, StoreId::ZERO)
}

fn unclosed(folder: &Path) {
    fs::write(folder.join("relay.db-wal"), b"").unwrap();
}

#[test]
fn f9_after_a_stop_that_was_none_every_row_is_compared_with_what_was_signed() {
    for sql in [
        "UPDATE data SET envelope = zeroblob(4) WHERE n = 7",
        "UPDATE data SET sum = zeroblob(8) WHERE n = 7",
        "DELETE FROM data WHERE n = 7",
        "UPDATE data SET n = 0 WHERE n = 7",
        "UPDATE control SET item = zeroblob(4) WHERE idx = 0",
        "UPDATE control SET prev = zeroblob(32) WHERE idx = 1",
        "UPDATE control SET sum = zeroblob(8) WHERE idx = 0",
        "DELETE FROM control WHERE idx = 0",
        "UPDATE space SET control = 1",
        "DELETE FROM space",
        "DELETE FROM principal",
    ] {
        let folder = filled();
        tamper(folder.path(), sql);
        let before = fs::read(folder.path().join(DATABASE_FILE)).unwrap();
        unclosed(folder.path());
        for _ in 0..2 {
            assert_eq!(reopen(folder.path()).err(), Some(StorageError::Damaged), "{sql}");
        }
        assert!(fs::read(folder.path().join(DATABASE_FILE)).unwrap() == before, "{sql}");
    }
    let folder = filled();
    unclosed(folder.path());
    assert_eq!(reopen(folder.path()).unwrap().store_id(), STORE);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "closed in order now");
}

#[test]
fn damage_that_a_read_meets_is_looked_for_at_the_next_start() {
    let folder = filled();
    tamper(folder.path(), "UPDATE data SET envelope = zeroblob(4) WHERE n = 7");
    let storage = reopen(folder.path()).unwrap();
    let read = Read::Data { sid: SID, after: 6, bytes_max: 1 };
    assert_eq!(storage.read(read), Answer::Failed(Failure::Broken));
    drop(storage);
    assert_eq!(reopen(folder.path()).err(), Some(StorageError::Damaged));
}
