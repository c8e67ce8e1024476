//! A file of known answers: compared, or written anew where that is asked for.

use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Compares with the file of this name below `tests/vectors`; `REKNIT_WRITE_VECTORS=1` writes it first.
pub(crate) fn check(name: &str, vectors: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    if std::env::var_os("REKNIT_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_string_pretty(vectors).unwrap() + "\n").unwrap();
    }
    let known: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(&known, vectors, "{name}");
}

/// Bytes as the files spell them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}
