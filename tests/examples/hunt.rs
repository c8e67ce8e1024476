//! Looks for the first seed under which a promise breaks. `REKNIT_SEEDS` says how many are tried (2,000), and
//! `REKNIT_FROM` where to begin. Ends with 1 if it found one, and prints how many it took and what the check said:
//! `just planted` is glad of that, nobody else is.

use reknit_e2e::plan::Plan;
use reknit_e2e::run::run_seed;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const SEEDS: u64 = 2_000;
const THREADS: usize = 2;
/// Letters of what a check said.
const SAID_MAX: usize = 120;

fn main() -> ExitCode {
    let from = number("REKNIT_FROM").unwrap_or(0);
    let count = number("REKNIT_SEEDS").unwrap_or(SEEDS);
    let (next, found) = (AtomicU64::new(0), AtomicBool::new(false));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !found.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    if let Err(failure) = run_seed(from + at, &Plan::default()) {
                        found.store(true, Ordering::Relaxed);
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(failure) = failures.iter().min_by_key(|failure| failure.seed) else {
        println!("nothing in {count} seeds");
        return ExitCode::SUCCESS;
    };
    let what = failure.what.lines().next().unwrap_or_default();
    let what: String = what.chars().take(SAID_MAX).collect();
    println!("{} {what}", failure.seed - from + 1);
    ExitCode::FAILURE
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}
