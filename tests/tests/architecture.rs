//! Who may import whom: the table, and the test that holds the sources against it.
//!
//! A new folder gets a row here and a paragraph in `ARCHITECTURE.md`, or the build fails. A row says which paths of
//! ours and which outside crates a folder may name, and what it may do besides computing. One outside crate has one
//! owner, so that replacing it is work in one folder; the few that several need stand in `several` with the reason.

use reknit_e2e::architecture::Calm::{Blocking, Free, Pure};
use reknit_e2e::architecture::{Calm, PackageRule, Row, Tree, check};
use std::path::Path;

const fn row(
    path: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
    calm: Calm,
) -> Row {
    Row { path, ours, outside, calm }
}

/// Everything, for tests: what they may not do is what their package's edges forbid.
const fn tests(path: &'static str) -> Row {
    row(path, &["*"], &["*"], Free)
}

const WIRE: PackageRule = PackageRule {
    name: "reknit-wire",
    edges: &[],
    shipped: true,
    several: &[("thiserror", "each file has its own errors")],
    rows: &[
        row("src/lib.rs", &["*"], &[], Pure),
        row("src/address.rs", &["*"], &["thiserror"], Pure),
        row("src/codec.rs", &["*"], &["thiserror"], Pure),
        row("src/control.rs", &["*"], &[], Pure),
        row("src/envelope.rs", &["*"], &["thiserror"], Pure),
        row("src/frame", &["*"], &["thiserror"], Pure),
        row("src/hash.rs", &["*"], &["ring::digest"], Pure),
        row("src/id.rs", &["*"], &[], Pure),
        row("src/limit.rs", &["*"], &[], Pure),
        row("src/receipt.rs", &["*"], &[], Pure),
        row("src/refusal.rs", &["*"], &[], Pure),
        row("src/sign.rs", &["*"], &[], Pure),
        row("src/time.rs", &["*"], &[], Pure),
        row("src/version.rs", &["*"], &[], Pure),
        tests("tests"),
    ],
};

/// What the workers above the keys share: ids of the model, the keys, the wire.
const SIGNED: &[&str] = &["crypto", "model::id", "wire"];

/// What every room of the conductor but the lowest may use, and what else this one may.
macro_rules! room {
    ($($also:literal),+) => {
        &[
            "client::error",
            "crypto",
            "document",
            "entry",
            "membership",
            "model",
            "store",
            "view",
            "wire",
            $($also),+
        ]
    };
}

/// The rooms of the conductor, from the lowest on: each may use those before it.
const VAULT: &[&str] = &["client::error", "client::vault", "crypto", "model::id", "store", "wire"];
const SPACE: &[&str] = room!["client::space", "client::vault"];
const TURN: &[&str] = room!["client::space", "client::turn", "client::vault", "sync::Delivery"];
const SESSION: &[&str] =
    room!["client::session", "client::space", "client::turn", "client::vault", "environment"];

const CORE: PackageRule = PackageRule {
    name: "reknit-core",
    edges: &["reknit-wire"],
    shipped: true,
    several: &[
        ("serde", "records are written in model, shown in view"),
        ("thiserror", "each folder has its own errors"),
        ("tokio", "transport moves bytes, the driver awaits them; nothing else does"),
        ("tracing", "the engine and the conductor say what phase they are in"),
        (
            "unicode_normalization",
            "a secret is compared in one form, and so is a text before it is diffed",
        ),
        ("zeroize", "keys are wiped where they are made and where they are handed on"),
    ],
    rows: &[
        row("src/lib.rs", &["*"], &[], Pure),
        row("src/environment.rs", &["crypto::Random", "wire::time"], &["getrandom"], Blocking),
        row("src/model", &["wire"], &["ciborium", "jiff", "serde", "thiserror"], Pure),
        row("src/view", &["model", "wire::time"], &["serde", "thiserror"], Pure),
        row(
            "src/document",
            &["model::id", "wire"],
            &["automerge", "thiserror", "unicode_normalization"],
            Blocking,
        ),
        row(
            "src/crypto",
            &["model::id", "wire"],
            &[
                "argon2",
                "bip39",
                "curve25519_dalek",
                "hpke",
                "rand_core",
                "ring",
                "thiserror",
                "unicode_normalization",
                "zeroize",
            ],
            Pure,
        ),
        row("src/entry", SIGNED, &["thiserror"], Pure),
        row("src/membership", SIGNED, &["thiserror"], Pure),
        row("src/pairing", SIGNED, &["thiserror", "zeroize"], Pure),
        row("src/store", &["model::id", "wire"], &["rusqlite", "thiserror"], Blocking),
        row("src/sync", &["wire"], &["thiserror", "tracing"], Pure),
        row("src/transport", &["wire"], &["quinn", "rustls", "thiserror", "tokio"], Free),
        row("src/client/mod.rs", &["*"], &[], Pure),
        row("src/client/error.rs", &["*"], &["thiserror"], Pure),
        row("src/client/vault", VAULT, &["zeroize"], Blocking),
        row("src/client/space", SPACE, &["zeroize"], Blocking),
        row("src/client/turn", TURN, &["tracing"], Blocking),
        row("src/client/session", SESSION, &["thiserror", "zeroize"], Blocking),
        row("src/client/node", &["*"], &["thiserror", "tracing", "zeroize"], Blocking),
        row("src/client/node/driver.rs", &["*"], &["tokio", "tracing"], Free),
        tests("tests"),
    ],
};

const RELAY: PackageRule = PackageRule {
    name: "reknit-relay",
    edges: &["reknit-wire"],
    shipped: true,
    several: &[
        ("quinn", "the server binds, a connection reads and writes"),
        ("ring", "receipts are signed by the protocol, the key file is read beside it"),
        ("rustls", "the server's key is its name, a connection exports what a sign-in is bound to"),
        ("thiserror", "each file has its own errors"),
        (
            "tokio",
            "the server accepts, a connection reads and writes, the hub hands on, the writer commits",
        ),
        ("tracing", "the log is set up once and written by whoever opens and closes"),
    ],
    rows: &[
        row("src/lib.rs", &["*"], &[], Pure),
        row("src/job.rs", &["wire"], &[], Pure),
        row("src/clock.rs", &["protocol", "wire::time"], &[], Blocking),
        row("src/config", &["protocol", "wire"], &["clap", "serde", "thiserror", "toml"], Blocking),
        row(
            "src/connection",
            &["clock", "config", "protocol", "wire"],
            &["quinn", "rustls", "thiserror", "tokio", "tracing"],
            Free,
        ),
        row("src/data_folder.rs", &["*"], &[], Blocking),
        row("src/error.rs", &["*"], &["thiserror"], Blocking),
        row("src/folder.rs", &[], &["thiserror"], Blocking),
        row(
            "src/hub.rs",
            &["clock", "connection::link", "job", "protocol", "wire", "writer"],
            &["tokio", "tracing"],
            Free,
        ),
        row("src/key.rs", &["Random", "folder", "wire"], &["thiserror"], Blocking),
        row("src/log.rs", &["clock", "config"], &["tracing", "tracing_subscriber"], Blocking),
        row("src/main.rs", &["*"], &["getrandom", "tokio", "tracing"], Free),
        row("src/protocol", &["job", "wire"], &["ring", "thiserror"], Pure),
        row("src/protocol/tests", &["job", "storage", "wire"], &["ring"], Blocking),
        row("src/server.rs", &["*"], &["quinn", "rustls", "tokio", "tracing"], Free),
        row("src/storage", &["job", "wire"], &["rusqlite", "thiserror"], Blocking),
        row("src/storage/tests", &["job", "protocol::Limits", "wire"], &["rusqlite"], Blocking),
        row("src/writer.rs", &["error", "job", "storage", "wire"], &["tokio", "tracing"], Free),
        tests("tests"),
    ],
};

const APP: PackageRule = PackageRule {
    name: "reknit",
    edges: &["reknit-core", "reknit-e2e", "reknit-relay", "reknit-wire"],
    shipped: true,
    several: &[],
    rows: &[
        tests("tests"),
        row(
            "src",
            &["*"],
            &[
                "clap",
                "indicatif",
                "rpassword",
                "serde",
                "serde_json",
                "tempfile",
                "thiserror",
                "tokio",
                "toml",
                "tracing",
                "tracing_subscriber",
                "zeroize",
                "zeroizing_alloc",
            ],
            Free,
        ),
    ],
};

const E2E: PackageRule = PackageRule {
    name: "reknit-e2e",
    edges: &["reknit", "reknit-core", "reknit-relay", "reknit-wire"],
    shipped: false,
    several: &[],
    rows: &[tests("examples"), tests("src"), tests("tests")],
};

const FUZZ: PackageRule = PackageRule {
    name: "reknit-fuzz",
    edges: &["reknit-e2e"],
    shipped: false,
    several: &[],
    rows: &[tests("fuzz_targets")],
};

const DISK: PackageRule = PackageRule {
    name: "reknit-disk",
    edges: &["reknit-core", "reknit-relay", "reknit-wire"],
    shipped: false,
    several: &[],
    rows: &[tests("src"), tests("tests")],
};

#[test]
fn code_lives_where_it_may_and_imports_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let breaches = check(&Tree::read(root), &[WIRE, CORE, RELAY, APP, E2E, FUZZ, DISK]);
    let shown: Vec<_> = breaches.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} breaches:\n{}", shown.len(), shown.join("\n"));
}

/// A promise in the threat model without a test behind it is a wish.
#[test]
fn every_promise_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = std::fs::read_to_string(root.join("docs/threat-model.md")).expect("the page");
    let tree = Tree::read(root);
    let sources = || tree.packages.iter().flat_map(|package| &package.sources);
    let is_test = |word: &&str| word.matches('_').count() >= 3 && !word.contains(['.', '/', ' ']);
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(named.len() > 30, "the page names its tests in backticks");
    for name in named {
        let head = format!("fn {name}(");
        assert!(sources().any(|source| source.text.contains(&head)), "no test is called {name}");
    }
}
