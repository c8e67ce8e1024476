//! What is built into the relay and what is not: it can hold no key of a space, and no document.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

/// The names of all packages that `cargo tree` finds with these arguments.
fn packages(arguments: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}"]);
    let output = tree.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_relay_is_built_without_what_could_read_a_space() {
    let relay = packages(&["-p", "reknit-relay", "-e", "normal,build"]);
    assert!(relay.contains("rusqlite") && relay.contains("reknit-wire"), "{relay:?}");
    for forbidden in ["automerge", "hpke", "reknit-core", "chacha20poly1305", "argon2"] {
        assert!(!relay.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn there_is_one_tls_provider() {
    let all = packages(&["--workspace", "-e", "all", "--target", "all"]);
    assert!(all.contains("rustls") && all.contains("ring"));
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "boring-sys"] {
        assert!(!all.contains(other), "{other}");
    }
}
