//! What a store promises: all or nothing, durable, typed refusals, one generation per commit.

use super::super::{Direction, Row, Table};
use super::*;

fn row(id: &[u8], order: u8, state: u8) -> Row {
    Row { id: id.to_vec(), order: [order; 16], state, body: vec![state; 100] }
}

fn ids(rows: Vec<Row>) -> Vec<Vec<u8>> {
    rows.into_iter().map(|row| row.id).collect()
}

fn put(store: &mut Store, rows: &[Row]) -> u64 {
    let mut batch = Batch::new();
    for row in rows {
        batch.put(Table::Cards, row.clone());
    }
    store.commit(batch).unwrap()
}

#[test]
fn what_was_committed_is_there_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path()).unwrap();
    assert_eq!(put(&mut store, &[row(b"a", 1, 0)]), 1);
    assert_eq!(put(&mut store, &[row(b"a", 2, 7)]), 2);
    drop(store);
    assert!(!folder.path().join(LOG).exists(), "a closed store has no log");
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.get(Table::Cards, b"a").unwrap(), Some(row(b"a", 2, 7)));
    assert_eq!(store.get(Table::Entries, b"a").unwrap(), None);
    assert_eq!(store.generation().unwrap(), 2);
    assert_eq!(Store::create(folder.path()).err(), Some(StoreError::Exists));
}

#[test]
fn a_commit_is_one_durable_transaction_of_overwritten_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let pragma =
        |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).unwrap();
    assert_eq!((pragma("synchronous"), pragma("secure_delete"), pragma("fullfsync")), (2, 1, 1));
    let mode: String =
        store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_crash_inside_a_transaction_leaves_nothing_half_applied() {
    let disk = Store::memory("crash-inside").unwrap();
    let mut store = Store::memory("crash-inside").unwrap();
    put(&mut store, &[row(b"before", 1, 0)]);
    disk.connection
        .execute_batch(
            "create trigger crash before insert on row when new.id = x'66' begin
             select raise(rollback, 'the process died here'); end;",
        )
        .unwrap();
    let mut batch = Batch::new();
    batch.put(Table::Entries, row(b"e", 1, 0));
    batch.delete(Table::Cards, b"before");
    batch.put(Table::Meta, row(b"f", 1, 0));
    assert_eq!(store.commit(batch), Err(StoreError::Engine));
    assert_eq!(store.generation(), Err(StoreError::Poisoned), "nobody goes on after that");
    drop(store);

    let store = Store::memory("crash-inside").unwrap();
    assert_eq!(store.generation().unwrap(), 1);
    assert_eq!(store.get(Table::Cards, b"before").unwrap(), Some(row(b"before", 1, 0)));
    assert_eq!(store.count(Table::Entries).unwrap() + store.count(Table::Meta).unwrap(), 0);
}

#[test]
fn a_copy_in_memory_holds_the_same_and_goes_its_own_way() {
    let mut one = Store::memory("copied-from").unwrap();
    put(&mut one, &[row(b"a", 1, 0)]);
    let mut copy = one.copy_to_memory("copied-to").unwrap();
    put(&mut copy, &[row(b"b", 1, 0)]);
    assert_eq!((one.generation(), copy.generation()), (Ok(1), Ok(2)));
    let again = Store::memory("copied-to").unwrap();
    assert_eq!(again.get(Table::Cards, b"a").unwrap(), Some(row(b"a", 1, 0)));
    assert_eq!(one.get(Table::Cards, b"b").unwrap(), None);
}

#[test]
fn a_store_in_memory_lives_as_long_as_any_handle() {
    let disk = Store::memory("lives").unwrap();
    let mut node = Store::memory("lives").unwrap();
    put(&mut node, &[row(b"a", 1, 0)]);
    drop(node);
    assert_eq!(Store::memory("lives").unwrap().count(Table::Cards).unwrap(), 1);
    assert_eq!(Store::memory("another").unwrap().count(Table::Cards).unwrap(), 0);
    drop(disk);
    assert_eq!(Store::memory("lives").unwrap().generation().unwrap(), 0);
    assert_eq!(Store::memory("a?mode=rwc").err(), Some(StoreError::Engine));
}

#[test]
fn two_handles_see_each_others_commits_by_the_generation() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = Store::create(folder.path()).unwrap();
    let mut two = Store::open(folder.path()).unwrap();
    put(&mut one, &[row(b"a", 1, 0)]);
    assert_eq!(two.generation().unwrap(), 1);
    put(&mut two, &[row(b"b", 1, 0)]);
    assert_eq!(one.generation().unwrap(), 2);
    assert_eq!(one.count(Table::Cards).unwrap(), 2);
}

#[test]
fn pages_go_through_order_and_id_both_ways() {
    let mut store = Store::memory("pages").unwrap();
    put(&mut store, &[row(b"c", 1, 0), row(b"a", 2, 1), row(b"b", 2, 0), row(b"d", 3, 1)]);
    let page = |after, limit, way| ids(store.page(Table::Cards, after, limit, way).unwrap());
    assert_eq!(page(None, 9, Direction::Ascending), [b"c", b"a", b"b", b"d"]);
    assert_eq!(page(None, 2, Direction::Descending), [b"d", b"b"]);
    let place = Some(([2; 16], b"b".to_vec()));
    assert_eq!(page(place.clone(), 2, Direction::Descending), [b"a", b"c"]);
    assert_eq!(page(place, 2, Direction::Ascending), [b"d"]);
}

#[test]
fn a_page_of_one_state_reads_rows_of_that_state_only() {
    let mut store = Store::memory("states").unwrap();
    put(&mut store, &[row(b"c", 1, 0), row(b"a", 2, 1), row(b"b", 2, 0), row(b"d", 3, 1)]);
    let page =
        |after, limit, way| ids(store.page_in_state((Table::Cards, 1), after, limit, way).unwrap());
    assert_eq!(page(None, 9, Direction::Ascending), [b"a", b"d"]);
    assert_eq!(page(None, 1, Direction::Descending), [b"d"]);
    assert_eq!(page(Some(([3; 16], b"d".to_vec())), 9, Direction::Descending), [b"a"]);
    assert_eq!(page(Some(([2; 16], b"a".to_vec())), 9, Direction::Ascending), [b"d"]);
    assert_eq!(store.rows_read(), 5);
}

#[test]
fn ids_of_a_range_are_found_without_reading_a_row() {
    let mut store = Store::memory("ranges").unwrap();
    let all: [&[u8]; 4] = [&[1], &[1, 255], &[2], &[255, 255]];
    put(&mut store, &all.map(|id| row(id, 1, 0)));
    let found =
        |from: &[u8], to: Option<&[u8]>, limit| store.ids(Table::Cards, from, to, limit).unwrap();
    assert_eq!(found(&[1], Some(&[2]), 9), &all[..2]);
    assert_eq!(found(&[1, 1], None, 9), &all[1..]);
    assert_eq!(found(&[0], None, 1), &all[..1]);
    assert_eq!(store.rows_read(), 0);
}

#[test]
fn a_batch_is_applied_in_order() {
    let mut store = Store::memory("order").unwrap();
    let mut batch = Batch::new();
    batch
        .put(Table::Cards, row(b"old", 1, 0))
        .clear(Table::Cards)
        .put(Table::Cards, row(b"a", 1, 0));
    batch.set_state(Table::Cards, b"a", 9).set_state(Table::Cards, b"none", 9);
    batch.put(Table::Drafts, row(b"x", 1, 0)).delete(Table::Drafts, b"x");
    store.commit(batch).unwrap();
    let kept = store.get(Table::Cards, b"a").unwrap().unwrap();
    assert_eq!((kept.state, kept.body), (9, vec![0; 100]));
    assert_eq!((store.count(Table::Cards).unwrap(), store.count(Table::Drafts).unwrap()), (1, 0));
}

#[test]
fn a_prefix_finds_exactly_the_ids_that_begin_with_it() {
    let mut store = Store::memory("prefix").unwrap();
    let all: [&[u8]; 5] = [&[1], &[1, 255], &[1, 255, 255], &[2], &[255, 255]];
    put(&mut store, &all.map(|id| row(id, 1, 0)));
    let found = |prefix: &[u8]| ids(store.prefix(Table::Cards, prefix).unwrap());
    assert_eq!(found(&[1]), &all[..3]);
    assert_eq!(found(&[1, 255]), &all[1..3]);
    assert_eq!(found(&[255]), &all[4..]);
    assert_eq!(found(&[]), &all);
}

#[test]
fn a_newer_a_foreign_and_a_damaged_file_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    assert_eq!(Store::open(folder.path()).err(), Some(StoreError::Absent));
    drop(Store::create(folder.path()).unwrap());
    let whole = std::fs::read(&file).unwrap();
    let refused = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&file, &changed).unwrap();
        let error = Store::open(folder.path()).err();
        assert!(std::fs::read(&file).unwrap() == changed, "an opening that fails changes nothing");
        error
    };
    assert_eq!(refused(60, &3_u32.to_be_bytes()), Some(StoreError::Newer { version: 3 }));
    assert_eq!(refused(68, b"else"), Some(StoreError::Foreign));
    assert_eq!(refused(0, b"no database here"), Some(StoreError::Damaged));
    std::fs::write(&file, b"").unwrap();
    assert_eq!(Store::open(folder.path()).err(), Some(StoreError::Foreign));
}
