//! The command line itself, killed in the middle of commands that write.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::vault::{self, key_digits};
use super::victim::Victim;
use super::write::Pattern;
use reknit_core::environment::SystemClock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Of a thousand kills.
const SHARE: u64 = 160;
/// A vault is killed in so often, then proved whole and put aside.
const KILLS_A_VAULT: u64 = 80;

/// What is written: in turn.
const WRITES: [&[&str]; 4] = [
    &["journal", "new", "a page that may be cut short"],
    &["moment", "we laughed"],
    &["ask", "where were you?"],
    &["reach", "I need you", "--distress", "4"],
];

fn reknit(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reknit"));
    command.arg("--json").arg("--home").arg(home).arg("--key-file");
    command.arg(home.with_file_name("key")).args(["--zone", "UTC"]).args(args);
    command.stderr(Stdio::null());
    command
}

/// The id of what a line says is saved.
fn saved(line: &str) -> Option<String> {
    let row: Value = serde_json::from_str(line).unwrap();
    let id = row.get("record").or_else(|| row.get("document"));
    id.and_then(Value::as_str).map(str::to_owned)
}

/// What the program itself shows, by its own words.
fn listed(home: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for args in [&["timeline"][..], &["journal", "list"]] {
        let said = Victim::start(&mut reknit(home, args)).end();
        all.extend(said.iter().filter_map(|line| saved(line)));
    }
    all
}

#[test]
fn f1_d1_what_a_command_said_is_saved_is_there_whenever_it_is_killed() {
    let (mut chance, mut tally) = (Chance::new("command"), Tally::new("`reknit` writes"));
    let mut pattern = Pattern::new();
    pattern.relay.kill();
    fs::write(pattern.path("key"), key_digits()).unwrap();
    let clock = SystemClock::start();
    Victim::start(&mut reknit(&pattern.path("ben"), WRITES[1])).end();
    let takes = clock.moment().since(wire::time::Moment::ORIGIN);
    let all = kills(SHARE);
    let mut killed = 0;
    while killed < all {
        let home = pattern.path("killed");
        vault::copy(&pattern.path("nora"), &home);
        let mut acknowledged = BTreeSet::new();
        for _ in 0..KILLS_A_VAULT.min(all - killed) {
            let write = WRITES[usize::try_from(chance.below(4)).unwrap()];
            let mut victim = Victim::start(&mut reknit(&home, write));
            // Half of them in the time that a command takes, half when it has said its line.
            if chance.below(2) == 0 {
                chance.pause(takes);
            } else {
                victim.hear().unwrap();
            }
            acknowledged.extend(victim.kill().iter().filter_map(|line| saved(line)));
            tally.killed();
            killed += 1;
            let shown = vault::shown(&vault::open(&home));
            for id in &acknowledged {
                tally.there(shown.contains(id), id);
            }
        }
        let shown = listed(&home);
        for id in &acknowledged {
            tally.there(shown.contains(id), id);
        }
        let said = Victim::start(&mut reknit(&home, WRITES[1])).end();
        assert!(saved(&said[0]).is_some(), "the next one is written: {said:?}");
        vault::prove(&vault::open(&home));
        fs::remove_dir_all(home).unwrap();
    }
    tally.report();
}
