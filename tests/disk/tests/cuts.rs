//! Power cuts at random places of random work, in every mode. `just disk` tries ten thousand, a plain run some hundreds.

use reknit_disk::disk::Plan;
use reknit_disk::tally::Tally;
use reknit_disk::{phone, relay, vault};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Power cuts of an ordinary run.
const CUTS: u64 = 600;
const THREADS: usize = 2;

#[test]
fn d1_d2_d3_what_was_acknowledged_survives_every_power_cut() {
    if let Some(seed) = number("REKNIT_SEED") {
        println!("{}", run(seed));
        return;
    }
    let cuts = number("REKNIT_CUTS").unwrap_or(CUTS);
    let next = AtomicU64::new(number("REKNIT_FROM").unwrap_or(0));
    let total = Mutex::new(Tally::default());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while lock(&total).all() < cuts {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        Ok(tally) => lock(&total).join(&tally),
                        Err(_) => {
                            eprintln!("SEED={seed} failed");
                            lock(&failed).push(seed);
                            return;
                        }
                    }
                }
            });
        }
    });
    println!("{}", lock(&total));
    let failed = lock(&failed);
    assert!(failed.is_empty(), "SEED={failed:?}: replay with REKNIT_SEED");
}

/// Of four schedules two are of a phone's store, one is of a whole vault with its keys, and one is of a relay.
fn run(seed: u64) -> Tally {
    match seed % 4 {
        2 => relay::run(seed),
        3 => vault::run(seed),
        _ => phone::run(seed),
    }
}

/// A harness that finds nothing on a bad disk proves nothing on a good one.
#[test]
fn on_a_disk_whose_syncs_lie_losses_are_found() {
    let lies = Plan { lies: true, ..Plan::default() };
    let found = (0..20).filter(|seed| {
        let run = AssertUnwindSafe(|| phone::run_on(*seed, &lies));
        catch_unwind(run).is_err()
    });
    assert!(found.count() > 10);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
