//! Every row of the catalogue of bad inputs has a test whose name begins with its number, or a reason why not yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The highest row.
const ROWS: u32 = 83;

/// Rows about what does not exist yet.
const NOT_YET: [(u32, &str); 8] = [
    (21, "no frame appends to several control logs at once"),
    (22, "nothing is deleted at a relay before there are snapshots"),
    (23, "nobody is woken: there are no notification addresses"),
    (24, "there is no transport but QUIC"),
    (60, "there are no snapshots"),
    (66, "the recovery phrase opens nothing yet: recovery is not built"),
    (70, "offsets into texts are counted where bindings are: not built"),
    (71, "there are no attachments"),
];

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for package in ["wire", "core", "server", "app", "tests"] {
        for folder in ["src", "tests"] {
            sources(&root.join(package).join(folder), &mut files);
        }
    }
    let mut tests: BTreeMap<u32, usize> = BTreeMap::new();
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
    println!("{} rows, {} tests", tests.len(), tests.values().sum::<usize>());
}
