//! The file: durable, one owner, refused when it is not ours, newer or damaged.

use super::shelf::*;
use crate::job::{Answer, Failure, Read};
use crate::storage::{DATABASE_FILE, Storage, StorageError};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wire::id::StoreId;

/// A folder whose storage holds a space and three envelopes.
fn filled() -> (TempDir, Storage) {
    let folder = TempDir::new().unwrap();
    let mut storage = Storage::open(folder.path(), STORE).unwrap();
    let appends =
        vec![create(SID, b"genesis"), data(1, 0, b"a"), data(1, 0, b"b"), data(1, 0, b"c")];
    let outcomes = commit(&mut storage, appends);
    assert_eq!(outcomes.iter().map(n).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(3)]);
    (folder, storage)
}

fn envelopes(storage: &Storage) -> Vec<Vec<u8>> {
    match storage.read(Read::Data { sid: SID, after: 0, bytes_max: u64::MAX }) {
        Answer::Data { envelopes, .. } => envelopes.into_iter().map(|(_, bytes)| bytes).collect(),
        Answer::Space(_) | Answer::Control { .. } | Answer::Failed(_) => Vec::new(),
    }
}

fn reopen(folder: &Path) -> Result<Storage, StorageError> {
    Storage::open(folder, StoreId::ZERO)
}

/// Changes the closed database with SQL.
fn tamper(folder: &Path, sql: &str) {
    Connection::open(folder.join(DATABASE_FILE)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_restart_finds_the_same_store() {
    let (folder, storage) = filled();
    drop(storage);
    let storage = reopen(folder.path()).unwrap();
    assert_eq!(storage.store_id(), STORE);
    assert_eq!(envelopes(&storage), [b"a", b"b", b"c"]);
}

#[test]
fn d3_what_is_committed_is_there_after_a_power_cut() {
    let (folder, mut storage) = filled();
    for round in 0..5_u8 {
        let outcomes = commit(&mut storage, vec![data(1, 0, &[round])]);
        let after = TempDir::new().unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), after.path().join(file.file_name())).unwrap();
        }
        let restarted = reopen(after.path()).unwrap();
        assert_eq!(n(&outcomes[0]), Some(u64::from(round) + 4));
        assert_eq!(envelopes(&restarted).last(), Some(&vec![round]));
    }
}

#[test]
fn d3_a_batch_that_fails_in_the_middle_leaves_nothing() {
    let (folder, storage) = filled();
    drop(storage);
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON data WHEN NEW.n = 5 BEGIN SELECT RAISE(ROLLBACK, 'x'); END";
    tamper(folder.path(), trigger);
    let mut storage = reopen(folder.path()).unwrap();
    let failed = storage.commit(batch(vec![data(1, 0, b"d"), data(1, 0, b"e")]));
    assert_eq!(failed, Err(Failure::Broken));
    assert_eq!(envelopes(&storage), [b"a", b"b", b"c"]);
    assert_eq!(n(&commit(&mut storage, vec![data(1, 0, b"d")])[0]), Some(4));
}

#[test]
fn a_full_disk_stores_nothing_and_still_reads() {
    let (_folder, mut storage) = filled();
    let pages = |storage: &Storage, name: &str| {
        storage.connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).unwrap()
    };
    let now = pages(&storage, "page_count");
    storage.connection.pragma_update(None, "max_page_count", now).unwrap();
    let failed = storage.commit(batch(vec![data(1, 0, b"d"), data(1, 0, &[9; 100_000])]));
    assert_eq!(failed, Err(Failure::NoSpace));
    assert_eq!(envelopes(&storage), [b"a", b"b", b"c"]);
    storage.connection.pragma_update(None, "max_page_count", now + 1_000).unwrap();
    assert_eq!(n(&commit(&mut storage, vec![data(1, 0, b"d")])[0]), Some(4));
}

#[test]
fn b78_a_folder_in_use_is_refused() {
    let (folder, _storage) = filled();
    assert_eq!(reopen(folder.path()).err(), Some(StorageError::Locked));
    assert_eq!(StorageError::Locked.code(), "store.locked");
}

#[test]
fn b78_a_newer_format_is_refused_and_left_as_it_was() {
    let (folder, storage) = filled();
    drop(storage);
    tamper(folder.path(), "PRAGMA user_version = 5");
    let before = fs::read(folder.path().join(DATABASE_FILE)).unwrap();
    let error = reopen(folder.path()).err().unwrap();
    assert_eq!(error, StorageError::Newer { theirs: 5, ours: 1 });
    let sentence = "This folder was written by version 5. This is version 1. Nothing was changed.";
    assert_eq!(error.to_string(), sentence);
    assert!(fs::read(folder.path().join(DATABASE_FILE)).unwrap() == before);
}

#[test]
fn b78_another_programs_file_is_refused_and_left_as_it_was() {
    for content in [None, Some(b"this is no database, but it is longer than a header".repeat(20))] {
        let folder = TempDir::new().unwrap();
        match &content {
            None => tamper(folder.path(), "CREATE TABLE theirs (a)"),
            Some(bytes) => fs::write(folder.path().join(DATABASE_FILE), bytes).unwrap(),
        }
        let before = fs::read(folder.path().join(DATABASE_FILE)).unwrap();
        assert_eq!(reopen(folder.path()).err(), Some(StorageError::Foreign));
        assert!(fs::read(folder.path().join(DATABASE_FILE)).unwrap() == before);
    }
}

#[test]
fn b78_a_missing_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let missing = reopen(&folder.path().join("missing")).err();
    assert_eq!(missing, Some(StorageError::Unreachable));
}

#[test]
fn rows_that_do_not_fit_each_other_are_found_at_start() {
    for sql in [
        "UPDATE data SET running = zeroblob(32) WHERE n = 2",
        "UPDATE data SET id = zeroblob(32) WHERE n = 2",
        "UPDATE data SET at = at + 1 WHERE n = 3",
        "UPDATE data SET sum = zeroblob(8) WHERE n = 1",
        "DELETE FROM data WHERE n = 3",
        "DELETE FROM data WHERE n = 1",
        "UPDATE space SET n = 2",
        "UPDATE space SET running = zeroblob(32)",
        "UPDATE space SET head = zeroblob(32)",
        "DELETE FROM control",
        "DELETE FROM meta",
    ] {
        let (folder, storage) = filled();
        drop(storage);
        tamper(folder.path(), sql);
        assert_eq!(reopen(folder.path()).err(), Some(StorageError::Damaged), "{sql}");
    }
}

#[test]
fn a_damaged_blob_is_never_given_out() {
    for (sql, read) in [
        (
            "UPDATE data SET envelope = 'x' WHERE n = 2",
            Read::Data { sid: SID, after: 1, bytes_max: 1 },
        ),
        ("UPDATE control SET item = 'x'", Read::Control { sid: SID, from: 0, bytes_max: 1 }),
    ] {
        let (folder, storage) = filled();
        drop(storage);
        tamper(folder.path(), &sql.replace("'x'", "CAST('x' AS BLOB)"));
        let storage = reopen(folder.path()).unwrap();
        assert_eq!(storage.read(read), Answer::Failed(Failure::Broken));
    }
}

#[test]
fn only_the_last_thousand_rows_are_verified_and_they_suffice_for_the_newest() {
    let (folder, mut storage) = filled();
    let more = (0..1_100_u32).map(|number| data(1, 0, &number.to_be_bytes())).collect();
    commit(&mut storage, more);
    drop(storage);
    tamper(folder.path(), "UPDATE data SET sum = zeroblob(8) WHERE n = 50");
    assert!(reopen(folder.path()).is_ok());
    tamper(folder.path(), "UPDATE data SET sum = zeroblob(8) WHERE n = 900");
    assert_eq!(reopen(folder.path()).err(), Some(StorageError::Damaged));
}

#[test]
fn a_database_in_memory_lives_as_long_as_somebody_holds_it() {
    let mut storage = Storage::memory("held", STORE).unwrap();
    commit(&mut storage, vec![create(SID, b"genesis"), data(1, 0, b"a")]);
    let other = Storage::memory("held", StoreId::ZERO).unwrap();
    drop(storage);
    assert_eq!((other.store_id(), envelopes(&other)), (STORE, vec![b"a".to_vec()]));
    drop(other);
    assert_eq!(Storage::memory("held", StoreId::ZERO).unwrap().store_id(), StoreId::ZERO);
}
