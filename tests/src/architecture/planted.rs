//! One breach of each rule, planted in a small tree, must be seen; its harmless neighbour must not.

use super::{Calm, Package, PackageRule, Row, Rule, Source, Tree, check};

const RULES: &[PackageRule] = &[
    PackageRule {
        name: "low",
        edges: &[],
        shipped: true,
        several: &[],
        rows: &[row("src", &["*"], &[], Calm::Pure)],
    },
    PackageRule {
        name: "high",
        edges: &["low"],
        shipped: true,
        several: &[("thiserror", "errors")],
        rows: &[
            row("src/lib.rs", &["*"], &[], Calm::Pure),
            row("src/ids", &["low::time"], &["thiserror"], Calm::Pure),
            row("src/keys", &["ids::name", "low"], &["ring", "thiserror"], Calm::Pure),
            row("src/files", &["ids"], &["rusqlite"], Calm::Blocking),
            row("src/net", &["low"], &["tokio"], Calm::Free),
        ],
    },
];

const fn row(
    path: &'static str,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
    calm: Calm,
) -> Row {
    Row { path, ours, outside, calm }
}

fn package(name: &str, dependencies: &[&str], files: &[(&str, &str)]) -> Package {
    let source = |(path, text): &(&str, &str)| Source {
        path: (*path).to_owned(),
        text: format!("//! Head.\n{text}"),
    };
    Package {
        name: name.to_owned(),
        folder: name.to_owned(),
        library: name.to_owned(),
        dependencies: dependencies.iter().map(|each| (*each).to_owned()).collect(),
        crates: dependencies.iter().map(|each| (*each).to_owned()).collect(),
        features: std::collections::BTreeSet::new(),
        sources: files.iter().map(source).collect(),
    }
}

/// A tree without a breach, full of what looks like one.
fn honest() -> Tree {
    let keys = "use crate::ids::name::{First, Last as Family};\nuse low::{a::B, time};\n\
        /* use crate::files::x; */ // use crate::files::y;\n\
        fn f() { let s = String::new(); g(\"use crate::net::z; HashMap async\"); r#\"std::fs::read\"#; h.ring::<u8>(); }\n\
        use std::time::Duration; fn d() -> core::time::Duration { ring::digest::d() }\n\
        #[cfg(test)]\nmod tests { use super::super::ids::name::First; use super::*; use proptest::prelude::*;\n\
        fn v() { std::fs::read(\"vector\"); } }\n";
    let high = package(
        "high",
        &["low", "ring", "rusqlite", "tokio", "thiserror", "proptest"],
        &[
            ("src/lib.rs", "pub mod files; pub mod ids; pub mod keys; pub mod net;"),
            (
                "src/ids/mod.rs",
                "#[cfg(test)]\nmod name;\npub(crate) use name::{First, Last};\npub use low::time::Moment;",
            ),
            ("src/ids/name.rs", "#[derive(thiserror::Error)] pub struct First;"),
            ("src/keys/key.rs", keys),
            ("src/keys/seal.rs", "#[cfg(test)]\n#[path = \"seal_tests.rs\"]\nmod tests;"),
            ("src/keys/seal_tests.rs", "use super::super::key::X; use super::Seal;"),
            ("src/files/mod.rs", "mod disk;"),
            (
                "src/files/disk.rs",
                "use rusqlite as sql; use std::{fs, collections::HashMap}; use crate::ids;",
            ),
            ("src/net/mod.rs", "mod wait;"),
            ("src/net/wait.rs", "async fn f() { tokio::spawn(g()).await; } use low::deep::Down;"),
            ("src/net/tls.rs", "use tokio::{deep::ring}; fn f() { ring::provider(); }"),
        ],
    );
    Tree {
        packages: vec![
            package("low", &[], &[("src/lib.rs", "pub mod time;"), ("src/time.rs", "")]),
            high,
        ],
    }
}

/// The rules broken once `text` stands at the end of the file `path` of the package `high`.
fn planted(path: &str, text: &str) -> Vec<Rule> {
    let mut tree = honest();
    let sources = &mut tree.packages[1].sources;
    match sources.iter_mut().find(|source| source.path == path) {
        Some(source) => source.text.push_str(text),
        None => sources.push(Source { path: path.to_owned(), text: format!("//! Head.\n{text}") }),
    }
    let mut rules: Vec<Rule> = check(&tree, RULES).iter().map(|breach| breach.rule).collect();
    rules.dedup();
    rules
}

fn changed(change: impl FnOnce(&mut Tree)) -> Vec<Rule> {
    let mut tree = honest();
    change(&mut tree);
    check(&tree, RULES).iter().map(|breach| breach.rule).collect()
}

#[test]
fn what_only_looks_like_a_breach_is_none() {
    let shown: Vec<_> = check(&honest(), RULES).iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn an_import_sideways_or_upwards_is_seen_in_every_spelling() {
    for text in [
        "use crate::files::disk;",
        "use crate::{\n    ids::name::First,\n    files::{\n        disk,\n    },\n};",
        "use super::super::files::disk;",
        "use super::super::{files};",
        "mod inner { use super::super::super::net::wait; }",
        "fn f(x: crate::net::Wait) {}",
        "fn f() -> Vec<crate::net::Wait> { Vec::<crate::net::Wait>::new() }",
        "use self::super::super::files;",
        "use high::files::disk;",
        "use crate::*;",
        "use crate as root;",
        "use super::super as root;",
        "use crate::ids::other::Name;",
        "use crate::ids;",
        "pub use crate::{self as root};",
        "#[cfg(test)] mod tests { use crate::files::disk; }",
    ] {
        assert_eq!(planted("src/keys/key.rs", text), [Rule::Import], "{text}");
    }
    assert_eq!(planted("src/ids/name.rs", "use low::deep::Down;"), [Rule::Import]);
    assert_eq!(
        planted("src/keys/seal_tests.rs", "use super::super::super::files;"),
        [Rule::Import]
    );
}

#[test]
fn an_outside_crate_away_from_its_owner_is_seen_in_every_spelling() {
    for text in [
        "use ring::digest;",
        "use ::ring::digest;",
        "fn f() { ring::digest::d(); }",
        "fn f() { let x = ::ring::digest::d(); }",
        "use {\n    ring\n};",
        "extern crate ring;",
        "#[cfg(test)] mod tests { use ring::rand; }",
        "use proptest::prelude;",
        "fn f() { ring::info!(\"x\"); }",
        "use rusqlite::ring; fn f() { ::ring::digest(); }",
        "use rusqlite::ring as x; fn f() { ring::digest(); }",
    ] {
        assert_eq!(planted("src/files/disk.rs", text), [Rule::Outside], "{text}");
    }
}

#[test]
fn a_pure_folder_that_does_something_is_seen() {
    for text in [
        "async fn f() {}",
        "fn f() { g().await; }",
        "use std::{collections::{BTreeMap, HashMap}};",
        "use std::collections::*; fn f(x: HashSet<u8>) {}",
        "fn f() { std::fs::read(\"x\"); }",
        "use std::{\n    fmt,\n    net::UdpSocket,\n};",
        "use std::thread;",
        "use std::time::{Duration, Instant};",
        "use std::time::SystemTime as Wall;",
        "use std::time;",
        "use std::time::*;",
        "fn f() { ::std::env::var(\"X\"); }",
        "#[cfg(test)] mod tests { use std::thread; }",
    ] {
        assert_eq!(planted("src/keys/key.rs", text), [Rule::Calm], "{text}");
    }
    assert_eq!(planted("src/files/disk.rs", "async fn f() {}"), [Rule::Calm]);
}

#[test]
fn code_in_mod_rs_is_seen() {
    for text in [
        "fn f() {}",
        "mod inner { }",
        "pub const X: u8 = 1;",
        "#[cfg(test)] mod tests { }",
        "impl X {}",
    ] {
        assert_eq!(planted("src/files/mod.rs", text), [Rule::ModWithCode], "{text}");
    }
}

#[test]
fn a_long_file_a_missing_head_and_an_empty_name_are_seen() {
    assert_eq!(planted("src/keys/key.rs", &"\n".repeat(500)), [Rule::Length]);
    assert_eq!(planted("src/keys/util.rs", ""), [Rule::ModuleName]);
    assert_eq!(planted("src/keys/helpers/key.rs", ""), [Rule::ModuleName]);
    assert_eq!(planted("src/keys/key.rs", "mod types { }"), [Rule::ModuleName]);
    let headless = changed(|tree| "fn f() {}".clone_into(&mut tree.packages[1].sources[3].text));
    assert_eq!(headless, [Rule::Head]);
}

#[test]
fn a_folder_without_a_row_and_a_row_without_a_folder_are_seen() {
    assert_eq!(planted("src/shadow/mod.rs", ""), [Rule::FileWithoutRow]);
    assert_eq!(planted("src/shadow.rs", ""), [Rule::FileWithoutRow]);
    assert_eq!(planted("benches/speed.rs", ""), [Rule::FileWithoutRow]);
    let gone = changed(|tree| {
        tree.packages[1].sources.retain(|source| !source.path.starts_with("src/net"));
    });
    assert_eq!(gone, [Rule::RowWithoutFile]);
}

#[test]
fn package_edges_features_and_strangers_are_seen() {
    let edge = changed(|tree| assert!(tree.packages[0].dependencies.insert("high".to_owned())));
    assert_eq!(edge, [Rule::PackageEdge]);
    let feature = changed(|tree| assert!(tree.packages[0].features.insert("testing".to_owned())));
    assert_eq!(feature, [Rule::Feature]);
    let stranger = changed(|tree| tree.packages.push(package("new", &[], &[])));
    assert_eq!(stranger, [Rule::PackageWithoutRow]);
}

#[test]
fn a_second_owner_is_seen() {
    const TWO: &[PackageRule] = &[PackageRule {
        name: "low",
        edges: &[],
        shipped: true,
        several: &[("thiserror", "errors")],
        rows: &[
            row("src/lib.rs", &[], &["ring", "thiserror"], Calm::Pure),
            row("src/time.rs", &[], &["ring", "thiserror"], Calm::Pure),
        ],
    }];
    let low = Tree { packages: vec![honest().packages.swap_remove(0)] };
    let rules: Vec<Rule> = check(&low, TWO).iter().map(|breach| breach.rule).collect();
    assert_eq!(rules, [Rule::SecondOwner]);
}
