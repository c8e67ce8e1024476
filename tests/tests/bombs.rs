//! Three small changes that a bare Automerge panics on or spends more than 64 MiB on; the gate refuses each of
//! them with less than 4 MiB. Times are printed, never asserted.

use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, Change, ROOT};
use reknit_core::document::{self, Document, DocumentKind, Incoming, Place, Refused};
use reknit_core::model::id::EntryId;
use reknit_e2e::bomb::{self, Header};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PARTNER: [u8; 16] = [2; 16];
const BARE_BYTES_MIN: u64 = 64 << 20;
const GATE_BYTES_MAX: usize = 4 << 20;
const CHILD: &str = "REKNIT_BOMB";

/// The allocator counts for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Bomb {
    name: &'static str,
    build: fn(&Header) -> Vec<u8>,
    why: Refused,
}

const BOMBS: [Bomb; 3] = [
    Bomb { name: "run_length", build: bomb::run_length, why: Refused::Run },
    Bomb { name: "deflate", build: bomb::deflate, why: Refused::ChunkType },
    Bomb { name: "start_op", build: bomb::start_op, why: Refused::StartOp },
];

/// Runs in a process of its own: what happens to whoever hands such bytes to Automerge.
#[test]
fn in_a_child_a_bare_automerge_takes_the_bomb() {
    let Ok(name) = std::env::var(CHILD) else { return };
    let bomb = BOMBS.iter().find(|bomb| bomb.name == name).expect("a bomb of that name");
    let raw = (bomb.build)(&Header::first(PARTNER));
    let before = peak();
    let mut bare = Automerge::new().with_actor(ActorId::from([1; 16].as_slice()));
    if let Ok(change) = Change::from_bytes(raw) {
        drop(bare.apply_changes([change]));
    }
    let mut transaction = bare.transaction();
    transaction.put(ROOT, "mine", true).expect("the victim's own next edit");
    transaction.commit();
    println!("\nspent {}", peak() - before);
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
fn now() -> Instant {
    Instant::now()
}

/// The most memory that this process has had resident; where that is unknown, all it ever asked for.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.map_or_else(|| ALLOCATOR.stats().bytes_allocated as u64, |kibibytes| kibibytes << 10)
}

#[test]
fn bare_automerge_panics_or_spends_64_mib_on_each_bomb() {
    let _alone = ALONE.lock();
    for Bomb { name, .. } in BOMBS {
        let started = now();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["in_a_child_a_bare_automerge_takes_the_bomb", "--exact", "--nocapture"])
            .env(CHILD, name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let spent = said.lines().find_map(|line| line.strip_prefix("spent ")?.parse::<u64>().ok());
        println!(
            "{name}: bare, {:?}: spent {spent:?}, panicked {}",
            started.elapsed(),
            !child.status.success()
        );
        assert!(
            !child.status.success() || spent.is_some_and(|spent| spent > BARE_BYTES_MIN),
            "{name}"
        );
    }
}

#[test]
fn the_gate_refuses_each_bomb_under_4_mib() {
    let _alone = ALONE.lock();
    for Bomb { name, build, why } in BOMBS {
        let raw = build(&Header::first(PARTNER));
        let place = Place { actor: document::ActorId::from_bytes(PARTNER), entry: 1 };
        let source = EntryId::from_bytes([7; 32]);
        let size = raw.len();
        let incoming = [Incoming { source, place, seen: BTreeMap::new(), changes: vec![raw] }];
        let mut document = Document::new(DocumentKind::Agreement);
        let (region, started) = (Region::new(ALLOCATOR), now());
        let merged = document.merge(&incoming).unwrap();
        let (spent, time) = (region.change().bytes_allocated, started.elapsed());
        println!("{name}: {size} bytes, refused in {time:?} with {spent} bytes allocated");
        assert_eq!(merged.refused, [(source, why)], "{name}");
        assert!(spent < GATE_BYTES_MAX, "{name}: {spent}");
        assert!(document.is_empty());
    }
}
