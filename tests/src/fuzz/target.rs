//! The targets by name, and where their seeds lie.

use std::fs;
use std::path::Path;

/// A name, and what is done with bytes; it panics over what must not be.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the fuzz target and of the folder of its seeds.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "decode_entry", run: super::decode_entry },
    Target { name: "decode_frame", run: super::decode_frame },
    Target { name: "fold_op", run: super::fold_op },
    Target { name: "gate_change", run: super::gate_change },
    Target { name: "open_envelope", run: super::open_envelope },
    Target { name: "relay_session", run: super::relay_session },
];

/// The committed seeds of a target, as `just corpus` wrote them, in the order of their names.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let files = fs::read_dir(folder).expect("`just corpus` writes them");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}
