//! Killed while a vault is made: it is there whole, or not at all and can be made.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::vault::{self, key_digits, open};
use super::victim::Victim;
use reknit_core::client::{Place, Vault};
use reknit_core::environment::SystemClock;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Of a thousand kills.
const SHARE: u64 = 80;
const SHARE_OF_COMMANDS: u64 = 30;

/// What lies here opens as what was acknowledged, or a vault can be made in its place.
fn check(home: &Path, person: Option<&str>, tally: &mut Tally) {
    let place = Place::Folder(home.to_owned());
    if person.is_some() {
        tally.there(Vault::exists(&place), "a vault");
    }
    if Vault::exists(&place) {
        let session = open(home);
        if let Some(person) = person {
            tally.there(session.person().hex() == person, "the person of a vault");
        }
        vault::prove(&session);
    } else {
        drop(vault::create(home));
    }
    let left = home.with_extension("new");
    assert!(!left.exists(), "what a killed try left is gone");
}

#[test]
fn f6_a_vault_is_made_whole_or_not_at_all_whenever_its_maker_is_killed() {
    let (mut chance, mut tally) = (Chance::new("begin"), Tally::new("the library makes a vault"));
    let world = tempfile::tempdir().unwrap();
    let clock = SystemClock::start();
    let mut whole = Victim::role("begin", &world.path().join("whole"));
    whole.hear_of("ready").unwrap();
    let before = clock.moment();
    whole.hear_of("saved").unwrap();
    let takes = clock.moment().since(before);
    drop(whole);
    for number in 0..kills(SHARE) {
        let home = world.path().join(number.to_string());
        let mut victim = Victim::role("begin", &home);
        victim.hear_of("ready").unwrap();
        chance.pause(takes * 5 / 4);
        let said = victim.kill();
        tally.killed();
        let word = |word: &str| said.iter().find_map(|line| line.strip_prefix(word));
        check(&home, word("made "), &mut tally);
        let session = open(&home);
        if let Some(page) = word("saved ") {
            tally.there(vault::shown(&session).contains(page), "the first page");
        }
        drop(session);
        fs::remove_dir_all(home).unwrap();
    }
    tally.report();
}

#[test]
fn f6_init_leaves_a_vault_or_none_whenever_it_is_killed() {
    let (mut chance, mut tally) = (Chance::new("init"), Tally::new("`reknit init` makes a vault"));
    let world = tempfile::tempdir().unwrap();
    let key = world.path().join("key");
    fs::write(&key, key_digits()).unwrap();
    let init = |home: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reknit"));
        command.arg("--json").arg("--home").arg(home).arg("--key-file").arg(&key);
        command.args(["init", "--name", "Nora"]).stderr(Stdio::null());
        command
    };
    let clock = SystemClock::start();
    Victim::start(&mut init(&world.path().join("whole"))).end();
    let takes = clock.moment().since(wire::time::Moment::ORIGIN);
    for number in 0..kills(SHARE_OF_COMMANDS) {
        let home = world.path().join(number.to_string());
        let victim = Victim::start(&mut init(&home));
        chance.pause(takes);
        let said = victim.kill();
        tally.killed();
        let done = said.iter().find(|line| line.contains("\"done\":\"init\""));
        let person = done.map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row["person"].as_str().unwrap().to_owned()
        });
        check(&home, person.as_deref(), &mut tally);
        fs::remove_dir_all(home).unwrap();
    }
    tally.report();
}
