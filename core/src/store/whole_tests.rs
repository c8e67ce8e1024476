//! A store that was not closed, or whose rows are not those that were written.

use super::super::{Batch, Row, Store, StoreError, Table};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn row(id: &[u8], state: u8) -> Row {
    Row { id: id.to_vec(), order: [state; 16], state, body: vec![state; 300] }
}

fn filled() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path()).unwrap();
    let mut batch = Batch::new();
    for number in 0..40 {
        batch.put(Table::Entries, row(&[number], number));
    }
    store.commit(batch).unwrap();
    (folder, store)
}

/// Changes the closed file with SQL, past the store.
fn tamper(folder: &Path, sql: &str) {
    Connection::open(folder.join("rows.db")).unwrap().execute_batch(sql).unwrap();
}

/// As a process leaves it that was killed.
fn unclosed(folder: &Path) {
    fs::write(folder.join("rows.db-wal"), b"").unwrap();
}

#[test]
fn every_kind_of_act_keeps_the_sum_of_all_rows() {
    let mut store = Store::memory("sum").unwrap();
    let mut commit = |fill: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        fill(&mut batch);
        store.commit(batch).unwrap();
        store.walk()
    };
    assert_eq!(
        commit(&|batch| {
            batch.put(Table::Cards, row(b"a", 1));
        }),
        Ok(())
    );
    assert_eq!(
        commit(&|batch| {
            batch.put(Table::Cards, row(b"a", 2));
        }),
        Ok(())
    );
    assert_eq!(
        commit(&|batch| {
            batch.set_state(Table::Cards, b"a", 9);
        }),
        Ok(())
    );
    assert_eq!(
        commit(&|batch| {
            batch.set_state(Table::Cards, b"none", 9);
        }),
        Ok(())
    );
    assert_eq!(
        commit(&|batch| {
            batch.delete(Table::Cards, b"none");
        }),
        Ok(())
    );
    let twice = |batch: &mut Batch| {
        batch.put(Table::Meta, row(b"b", 1)).put(Table::Meta, row(b"b", 1));
        batch.delete(Table::Cards, b"a").put(Table::Drafts, row(b"c", 1)).clear(Table::Meta);
    };
    assert_eq!(commit(&twice), Ok(()));
    assert_eq!(store.count(Table::Drafts), Ok(1));
}

#[test]
fn f9_what_was_lost_or_changed_is_found_after_a_stop_that_was_none() {
    for sql in [
        "delete from row where id = x'05'",
        "update row set body = zeroblob(300) where id = x'05'",
        "update row set state = 200 where id = x'05'",
        "update row set ord = zeroblob(16) where id = x'05'",
        "update row set id = x'ff' where id = x'05'",
        "update row set tbl = 4 where id = x'05'",
        "update generation set sum = sum + 1",
        "insert into row select tbl, x'ff', ord, state, body from row where id = x'05'",
        "delete from generation",
    ] {
        let (folder, store) = filled();
        drop(store);
        drop(Store::open(folder.path()).unwrap());
        tamper(folder.path(), sql);
        assert!(Store::open(folder.path()).is_ok(), "what was closed is not read whole again");
        unclosed(folder.path());
        let before = fs::read(folder.path().join("rows.db")).unwrap();
        for _ in 0..2 {
            assert_eq!(Store::open(folder.path()).err(), Some(StoreError::Damaged), "{sql}");
        }
        assert!(fs::read(folder.path().join("rows.db")).unwrap() == before, "{sql}");
    }
}

#[test]
fn f10_a_bit_that_flipped_in_the_file_is_found_or_harmless() {
    let (folder, store) = filled();
    drop(store);
    let whole = fs::read(folder.path().join("rows.db")).unwrap();
    let mut found = 0;
    for step in 0..200 {
        let at = (step * 7_919) % (whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        fs::write(folder.path().join("rows.db"), &flipped).unwrap();
        unclosed(folder.path());
        match Store::open(folder.path()) {
            Ok(store) => {
                for number in 0..40 {
                    assert_eq!(
                        store.get(Table::Entries, &[number]),
                        Ok(Some(row(&[number], number)))
                    );
                }
            }
            Err(error) => {
                found += 1;
                let named = matches!(
                    error,
                    StoreError::Damaged | StoreError::Foreign | StoreError::Newer { .. }
                );
                assert!(named, "{error:?}");
            }
        }
    }
    assert!(found > 50, "{found}");
}

#[test]
fn a_store_that_was_not_closed_and_is_whole_opens() {
    let (folder, store) = filled();
    let after = tempfile::tempdir().unwrap();
    for file in ["rows.db", "rows.db-wal"] {
        fs::copy(folder.path().join(file), after.path().join(file)).unwrap();
    }
    drop(store);
    let store = Store::open(after.path()).unwrap();
    assert_eq!(store.count(Table::Entries), Ok(40));
    drop(store);
    assert!(!after.path().join("rows.db-wal").exists(), "closed in order now");
}

#[test]
fn a_store_that_another_handle_has_open_is_not_read_whole() {
    let (folder, store) = filled();
    tamper(folder.path(), "delete from row where id = x'05'");
    assert!(Store::open(folder.path()).is_ok());
    drop(store);
}

#[test]
fn what_is_suspected_is_read_whole_at_the_next_opening() {
    let (folder, store) = filled();
    drop(store);
    drop(Store::open(folder.path()).unwrap());
    tamper(folder.path(), "delete from row where id = x'05'");
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.walk(), Err(StoreError::Damaged));
    store.suspect();
    drop(store);
    assert_eq!(Store::open(folder.path()).err(), Some(StoreError::Damaged));
}

#[test]
fn a_file_of_the_first_format_gets_its_sum() {
    let (folder, store) = filled();
    drop(store);
    let first = "alter table generation drop column sum; pragma user_version = 1;";
    tamper(folder.path(), first);
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!((store.walk(), store.generation()), (Ok(()), Ok(1)));
    let mut batch = Batch::new();
    batch.put(Table::Entries, row(b"new", 1));
    store.commit(batch).unwrap();
    drop(store);
    unclosed(folder.path());
    assert_eq!(Store::open(folder.path()).unwrap().count(Table::Entries), Ok(41));
}

#[cfg(target_os = "linux")]
#[test]
fn f9_the_first_opening_since_the_machine_started_reads_everything() {
    let (folder, store) = filled();
    drop(store);
    drop(Store::open(folder.path()).unwrap());
    tamper(folder.path(), "delete from row where id = x'05'");
    assert!(Store::open(folder.path()).is_ok());
    fs::write(folder.path().join("boot"), b"of another start").unwrap();
    assert_eq!(Store::open(folder.path()).err(), Some(StoreError::Damaged));
}
