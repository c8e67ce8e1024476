//! Stores with pages spoiled, one by one, and what is read of them.

use super::super::{Batch, set_aside};
use super::*;
use std::collections::BTreeSet;

fn row(id: u16) -> Row {
    Row { id: id.to_be_bytes().to_vec(), order: [0; 16], state: 0, body: vec![1; 900] }
}

/// A store of 300 rows in two tables, closed.
fn filled(home: &Path) -> PathBuf {
    let folder = home.join("shared");
    let mut store = Store::create(&folder).unwrap();
    let mut batch = Batch::new();
    for id in 0..150 {
        batch.put(Table::Entries, row(id)).put(Table::Meta, row(id));
    }
    store.commit(batch).unwrap();
    folder
}

/// The ids that can be read, by table, and what is not.
fn read(aside: &Path) -> (BTreeSet<(Table, Vec<u8>)>, Unread) {
    let salvage = Salvage::of(aside).unwrap();
    let mut ids = BTreeSet::new();
    let unread = salvage.each(|table, read| {
        assert_eq!(read, row(u16::from_be_bytes([read.id[0], read.id[1]])), "as it was written");
        ids.insert((table, read.id));
        Ok::<(), StoreError>(())
    });
    (ids, unread.unwrap())
}

#[test]
fn f10_d9_of_a_store_with_any_one_page_spoiled_all_other_rows_are_read_and_the_lost_ones_named() {
    let home = tempfile::tempdir().unwrap();
    let aside = set_aside(&filled(home.path())).unwrap();
    let whole = fs::read(aside.join(FILE)).unwrap();
    let (all, unread) = read(&aside);
    assert_eq!((all.len(), unread), (300, Unread { rows: Vec::new(), nothing: true }));
    let mut lost = 0;
    for page in 0..whole.len() / PAGE {
        let mut spoiled = whole.clone();
        spoiled[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        fs::write(aside.join(FILE), &spoiled).unwrap();
        let (found, unread) = read(&aside);
        let named: BTreeSet<_> = unread.rows.iter().cloned().collect();
        // The page above all rows leads to none of them; any other holds a few.
        assert!(found.len() >= 290 || found.is_empty(), "page {page}: {}", found.len());
        assert_eq!(&found | &named, all, "page {page}: what is not read is named");
        assert!(unread.nothing <= (found == all), "page {page}");
        assert!(fs::read(aside.join(FILE)).unwrap() == spoiled, "it stays as it is");
        lost += usize::from(found.is_empty());
    }
    assert_eq!(lost, 1, "only the page above all rows");
    let left = fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, 1, "the copies are gone");
}

#[test]
fn f11_of_a_file_that_is_none_or_no_database_nothing_is_read() {
    let home = tempfile::tempdir().unwrap();
    for bytes in [Vec::new(), vec![0; 20_000], vec![0xa5; 9_000], b"short".to_vec()] {
        fs::write(home.path().join(FILE), bytes).unwrap();
        let (found, unread) = read(home.path());
        assert_eq!((found.len(), unread.nothing), (0, false));
    }
    fs::remove_file(home.path().join(FILE)).unwrap();
    assert_eq!(read(home.path()).0.len(), 0);
    fs::create_dir(home.path().join(FILE)).unwrap();
    assert_eq!(read(home.path()).0.len(), 0);
}

#[test]
fn f11_a_file_that_was_cut_off_gives_what_is_left() {
    let home = tempfile::tempdir().unwrap();
    let aside = set_aside(&filled(home.path())).unwrap();
    let whole = fs::read(aside.join(FILE)).unwrap();
    fs::write(aside.join(FILE), &whole[..whole.len() / 2]).unwrap();
    let (found, unread) = read(&aside);
    assert!(!unread.nothing && found.len() > 100, "{}", found.len());
}
