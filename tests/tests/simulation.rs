//! Five hundred schedules, each from a seed: people write on their devices, everything that may go wrong does, it
//! ends, and then every promise is looked at. `docs/testing.md` says which and how.

use reknit_e2e::plan::{Length, Plan};
use reknit_e2e::run::{run, run_seed};
use reknit_e2e::shrink::{Failure, told};
use reknit_e2e::swarm::Swarm;
use reknit_e2e::tally::Tally;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seeds of an ordinary run, from 0 on.
const SEEDS: u64 = 500;
const THREADS: usize = 2;
/// One seed in so many is run twice.
const TWICE_ONE_IN: u64 = 100;
/// Failures that are made small and told whole; of the others the seed is told.
const TOLD_MAX: usize = 3;

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
    let plan = Plan { length: length(), ..Plan::default() };
    let mut seeds: Vec<(u64, Plan)> = failed_once.filter_map(|line| kept(line, &plan)).collect();
    seeds.extend((from..from + count).map(|seed| (seed, plan.clone())));
    if let Ok(relay) = std::env::var("REKNIT_RELAY") {
        seeds.retain(|(seed, plan)| format!("{:?}", Swarm::drawn(*seed, plan).relay) == relay);
    }
    let next = AtomicU64::new(0);
    let total = Mutex::new(Tally::default());
    let failed = Mutex::new(Vec::new());
    let twice = AtomicU64::new(0);
    let begun = watch();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((seed, plan)) = at(&seeds, next.fetch_add(1, Ordering::Relaxed)) {
                    match run_seed(seed, &plan) {
                        Ok(ended) => {
                            if seed.is_multiple_of(TWICE_ONE_IN) {
                                twice.fetch_add(1, Ordering::Relaxed);
                                let again = run_seed(seed, &plan);
                                assert_eq!(again.as_ref(), Ok(&ended), "SEED={seed} differs");
                            }
                            *lock(&total) += ended.tally;
                        }
                        Err(failure) => {
                            eprintln!("{failure}");
                            lock(&failed).push((failure, plan));
                        }
                    }
                }
            });
        }
    });
    let total = lock(&total).clone();
    let failed = lock(&failed).clone();
    let seconds = begun.elapsed().as_secs_f64();
    let speed = f64::from(u32::try_from(seeds.len()).expect("so many seeds")) / seconds;
    let whole = format!(
        "{} schedules in {seconds:.1} s, {speed:.1} a second; {} of them twice with equal traces; {} failed",
        seeds.len(),
        twice.into_inner(),
        failed.len(),
    );
    total.print(&whole);
    assert!(failed.is_empty(), "\n{}", all_told(&failed));
    for (name, count) in total.rows() {
        assert!(count > 0 || number("REKNIT_SEEDS").is_some(), "no {name} in {} runs", total.runs);
    }
}

/// The first failures, made small, and the seeds of the others.
fn all_told(failed: &[(Failure, Plan)]) -> String {
    let told = failed.iter().take(TOLD_MAX).map(|(failure, plan)| told(failure, plan));
    let told: String = told.collect();
    let rest = failed.iter().skip(TOLD_MAX).map(|(failure, _)| format!("{failure}\n"));
    told + &rest.collect::<String>()
}

/// Replays one seed; with `REKNIT_STEPS` only those of its steps.
#[test]
fn one_seed() {
    if let Some(seed) = number("REKNIT_SEED") {
        let steps = std::env::var("REKNIT_STEPS").ok().filter(|steps| !steps.is_empty());
        let number = |step: &str| step.parse().expect("a step's number");
        let only = steps.map(|steps| steps.split(',').map(number).collect());
        run(seed, &Plan { length: length(), only }).tally.print("");
    }
}

#[test]
fn a_seed_is_replayed_to_the_same_bytes() {
    for seed in [3, 10] {
        let plan = Plan::default();
        assert_eq!(run(seed, &plan), run(seed, &plan), "SEED={seed}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a figure is a time, and nothing is decided by it")]
fn watch() -> Instant {
    Instant::now()
}

fn length() -> Length {
    match std::env::var("REKNIT_LENGTH").as_deref() {
        Ok("short") => Length::Short,
        Ok("long") => Length::Long,
        _ => Length::Mixed,
    }
}

/// A seed that failed once, at the length at which it did: a number, behind an `s` if the schedule was a short one.
fn kept(line: &str, plan: &Plan) -> Option<(u64, Plan)> {
    let seed = line.split_whitespace().next()?;
    let (seed, plan) = match seed.strip_prefix('s') {
        Some(seed) => (seed, Plan { length: Length::Short, ..Plan::default() }),
        None => (seed, plan.clone()),
    };
    Some((seed.parse().expect("a seed"), plan))
}

fn at(seeds: &[(u64, Plan)], index: u64) -> Option<(u64, Plan)> {
    seeds.get(usize::try_from(index).ok()?).cloned()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
