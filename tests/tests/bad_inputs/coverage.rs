//! Beside the table, every row has tests of its own whose names begin with its number; those about changes, B41 to B58,
//! are data that the table runs whole.

use crate::{ALONE, NOT_YET, ROWS};
use reknit_e2e::bad_change;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The rows that a test's name holds: `b37_...`, `b74_to_b80_...`, `b78_and_b83_...`.
fn rows_of(name: &str) -> Vec<u32> {
    let parts: Vec<&str> = name.split('_').collect();
    let row = |part: &str| part.strip_prefix('b')?.parse().ok();
    let Some(first) = parts.first().and_then(|part| row(part)) else { return vec![] };
    match (parts.get(1), parts.get(2).and_then(|part| row(part))) {
        (Some(&"to"), Some(last)) => (first..=last).collect(),
        (Some(&"and"), Some(second)) => vec![first, second],
        _ => vec![first],
    }
}

#[test]
fn every_row_has_a_test_or_a_reason() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for package in ["wire", "core", "server", "app", "tests"] {
        for folder in ["src", "tests"] {
            sources(&root.join(package).join(folder), &mut files);
        }
    }
    let mut tests: BTreeMap<u32, usize> = BTreeMap::new();
    for (row, _) in bad_change::ROWS {
        *tests.entry(row).or_default() += bad_change::cases(row).len();
    }
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let line = line.strip_prefix("async ").unwrap_or(line);
            match line.strip_prefix("fn ") {
                Some(rest) if is_test => {
                    let name = rest.split('(').next().unwrap_or_default();
                    for row in rows_of(name) {
                        *tests.entry(row).or_default() += 1;
                    }
                    is_test = false;
                }
                _ if line.starts_with("#[") => is_test |= line.contains("test"),
                _ => is_test &= line.starts_with("//"),
            }
        }
    }
    let not_yet: BTreeMap<u32, &str> = NOT_YET.into_iter().collect();
    let missing: Vec<u32> =
        (1..=ROWS).filter(|row| !tests.contains_key(row) && !not_yet.contains_key(row)).collect();
    assert_eq!(missing, [0; 0], "rows without a test");
    let stale: Vec<u32> = not_yet.into_keys().filter(|row| tests.contains_key(row)).collect();
    assert_eq!(stale, [0; 0], "rows that have a test and a reason why not");
    println!("{} rows, {} tests and cases", tests.len(), tests.values().sum::<usize>());
}
