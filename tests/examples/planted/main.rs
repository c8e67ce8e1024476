//! Do the promises' checks see anything? Bugs are planted, one at a time, and the simulator must find each.
//!
//! `just planted` hunts from seed 0 on. `just planted-again` begins with the seed that a row names, and hunts only if that
//! one sees the bug no more. A bug is a row of `tests/planted/*.toml`: a file, the lines that are right, and the lines that are
//! wrong. All of them go into a copy of the sources under `target/planted`, each behind a switch that exists in that
//! copy only: nothing that ships knows of them, and one build serves them all. A row whose right lines are gone, or a bug
//! that no seed finds, fails the run.

mod bug;
mod copy;

use bug::Bug;
use copy::Copy;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Seeds within which each must be found.
const SEEDS: u64 = 2_000;

fn main() -> ExitCode {
    let (again, only): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word == "--again");
    let mut bugs = bug::all();
    let begun = watch();
    let copy = Copy::make(&bugs);
    copy.build();
    println!("a copy with {} bugs in it, built in {:.0} s", bugs.len(), seconds(begun));
    bugs.retain(|bug| only.is_empty() || only.contains(&bug.name));
    let (mut missed, mut most) = (0, 0);
    let begun = watch();
    for bug in &bugs {
        let known = bug.seed.filter(|_| !again.is_empty());
        if let Some(seed) = known.filter(|seed| *seed < SEEDS && is_found(&copy, bug, *seed)) {
            most = most.max(seed + 1);
            continue;
        }
        match hunt(&copy, bug) {
            Some(seeds) => most = most.max(seeds),
            None => missed += 1,
        }
    }
    let (all, found) = (bugs.len(), bugs.len() - missed);
    let seconds = seconds(begun);
    println!("{found} of {all} planted bugs found, each within {most} seeds, in {seconds:.0} s");
    if missed == 0 && all > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Hunts one bug. Gives the seeds that it took, if it was found.
fn hunt(copy: &Copy, bug: &Bug) -> Option<u64> {
    let begun = watch();
    let within = std::env::var("REKNIT_SEEDS");
    let within = within.map_or(SEEDS, |within| within.parse().expect("a number"));
    let (name, breaks) = (&bug.name, &bug.breaks);
    let mut from = 0;
    while let Some((seeds, said)) = seek(copy, name, from, within - from) {
        from += seeds;
        // Under the same seed nothing may be wrong without the bug: else it was not the bug that was found.
        if let Some((_, said)) = seek(copy, "", from - 1, 1) {
            println!("{name:<28} seed {} fails without it as well: {said}", from - 1);
            continue;
        }
        println!("{name:<28} {from:>4} seeds {:>4.0} s  {said}", seconds(begun));
        return Some(from);
    }
    println!("{name:<28} MISSED in {within} seeds, {:.0} s: {breaks}", seconds(begun));
    None
}

/// Whether a seed still finds a bug, and ends well without it.
fn is_found(copy: &Copy, bug: &Bug, seed: u64) -> bool {
    let begun = watch();
    let Some((_, said)) = seek(copy, &bug.name, seed, 1) else { return false };
    let is_it = seek(copy, "", seed, 1).is_none();
    if is_it {
        println!("{:<28} seed {seed:>4} {:>4.0} s  {said}", bug.name, seconds(begun));
    }
    is_it
}

/// Looks for the first seed that fails with a bug switched on: how many it took, and what the check said.
fn seek(copy: &Copy, bug: &str, from: u64, count: u64) -> Option<(u64, String)> {
    let hunt = Command::new(copy.hunt())
        .env("REKNIT_PLANTED", bug)
        .env("REKNIT_FROM", from.to_string())
        .env("REKNIT_SEEDS", count.to_string())
        .output()
        .expect("the hunt was built");
    let said = String::from_utf8_lossy(&hunt.stdout);
    match (hunt.status.code(), said.trim().split_once(' ')) {
        (Some(0), _) => None,
        (Some(1), Some((seeds, said))) => Some((seeds.parse().expect("a number"), said.to_owned())),
        (code, _) => panic!("the hunt for {bug:?} ends with {code:?}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a figure is a time, and nothing is decided by it")]
fn watch() -> Instant {
    Instant::now()
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
