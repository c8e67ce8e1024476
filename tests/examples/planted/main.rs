//! Do the promises' checks see anything? Bugs are planted, one at a time, and the simulator must find each.
//!
//! `just planted`. A bug is a row of `tests/planted/*.toml`: a file, the lines that are right, and the lines that are
//! wrong. All of them go into a copy of the sources under `target/planted`, each behind a switch that exists in that
//! copy only: nothing that ships knows of them, and one build serves them all. A row whose right lines are gone, or a bug
//! that no seed finds, fails the run.

mod bug;
mod copy;

use bug::Bug;
use copy::Copy;
use std::process::{Command, ExitCode};

/// Seeds within which each must be found.
const SEEDS: &str = "2000";

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let bugs = bug::all();
    let copy = Copy::make(&bugs);
    copy.build();
    let wanted = |bug: &&Bug| only.is_empty() || only.contains(&bug.name);
    let (mut found, mut missed) = (0, 0);
    for bug in bugs.iter().filter(wanted) {
        let hunt = Command::new(copy.hunt())
            .env("REKNIT_PLANTED", &bug.name)
            .env("REKNIT_SEEDS", SEEDS)
            .output()
            .expect("the hunt was built");
        let said = String::from_utf8_lossy(&hunt.stdout);
        let said = said.trim();
        if hunt.status.success() {
            missed += 1;
            println!("MISSED {:<36} {said}: {}", bug.name, bug.breaks);
        } else {
            found += 1;
            let said = if said.is_empty() { "the process ended" } else { said };
            println!("found  {:<36} {said}", bug.name);
        }
    }
    println!("planted bugs: {found} found within {SEEDS} seeds each, {missed} missed");
    if missed == 0 && found > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
