//! Five hundred schedules, each from a seed: people write on their devices, everything that may go wrong does, it
//! ends, and then every promise is looked at. `docs/testing.md` says which and how.

use reknit_e2e::run::run;
use reknit_e2e::tally::Tally;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Seeds of an ordinary run, from 0 on.
const SEEDS: u64 = 500;
const THREADS: usize = 2;

/// Seeds that failed once: run first, for ever.
const FAILED_ONCE: &str = include_str!("../seeds.txt");

#[test]
fn five_hundred_schedules_keep_every_promise() {
    if std::env::var_os("REKNIT_SEED").is_some() {
        return;
    }
    let count = number("REKNIT_SEEDS").unwrap_or(SEEDS);
    let from = number("REKNIT_FROM").unwrap_or(0);
    let failed_once = FAILED_ONCE.lines().filter(|line| !line.starts_with('#'));
    let failed_once = failed_once.filter_map(|line| line.split_whitespace().next());
    let mut seeds: Vec<u64> = failed_once.map(|seed| seed.parse().expect("a seed")).collect();
    seeds.extend(from..from + count);
    let next = AtomicU64::new(0);
    let total = Mutex::new(Tally::default());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = at(&seeds, next.fetch_add(1, Ordering::Relaxed)) {
                    if let Ok(ended) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        *lock(&total) += ended.tally;
                    } else {
                        eprintln!("SEED={seed} failed: replay it with `just simulate {seed}`");
                        lock(&failed).push(seed);
                    }
                }
            });
        }
    });
    let total = *lock(&total);
    for (name, count) in total.rows() {
        println!("{count:>9} {name}");
    }
    let failed = lock(&failed);
    assert!(failed.is_empty(), "SEED={failed:?}: replay with `just simulate SEED`");
    for (name, count) in total.rows() {
        assert!(count > 0 || number("REKNIT_SEEDS").is_some(), "no {name} in {} runs", total.runs);
    }
}

#[test]
fn one_seed() {
    if let Some(seed) = number("REKNIT_SEED") {
        for (name, count) in run(seed).tally.rows() {
            println!("{count:>9} {name}");
        }
    }
}

#[test]
fn a_seed_is_replayed_to_the_same_bytes() {
    for seed in [3, 10] {
        assert_eq!(run(seed), run(seed), "SEED={seed}");
    }
}

fn at(seeds: &[u64], index: u64) -> Option<u64> {
    seeds.get(usize::try_from(index).ok()?).copied()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
