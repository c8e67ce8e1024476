//! `kill -9` of each process in turn, in the middle of a sync and in the middle of writing.

use crate::cast::{Cast, each};
use crate::home::Home;
use crate::process::Process;
use serde_json::Value;
use std::fs;

/// What each device writes before each kill.
const WRITES: usize = 2;

/// Whose process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Relay,
    Nora,
    Ben,
    Tablet,
}

/// Everybody writes without a connection, and everything is acknowledged: the records.
fn write_offline(cast: &Cast, round: usize) -> Vec<String> {
    let agreement = cast.agreement.as_str();
    let told = each(cast.homes(), |home| {
        let name = home.folder.file_name().unwrap().to_str().unwrap();
        let mut records = Vec::new();
        for number in 0..WRITES {
            let text = format!("{name} remembers {number} of round {round}");
            records.push(home.saved(&["moment", &text, "--kind", "comfort"]));
        }
        records.push(home.saved(&["ask", &format!("{name} asks in round {round}?")]));
        let rows = home.rows(&["agreement", "show", agreement]);
        let text = format!("{}\n{name} was here: {round}.", rows[0]["text"].as_str().unwrap());
        home.saved(&["agreement", "edit", agreement, &text]);
        home.saved(&["journal", "new", &format!("{name} alone, round {round}")]);
        records
    });
    told.into_iter().flatten().collect()
}

/// The entries of which these rows say that the relay has them.
fn sent(rows: &[Value]) -> Vec<String> {
    rows.iter().filter_map(|row| row.get("sent")?.as_str().map(str::to_owned)).collect()
}

/// The entries that a device shows in its timeline.
fn entries(home: &Home) -> Vec<String> {
    let rows = home.rows(&["timeline"]);
    rows.iter().map(|row| row["entry"].as_str().unwrap().to_owned()).collect()
}

/// Of those that the relay confirmed, the ones that open a record.
fn opening(home: &Home, confirmed: &[String]) -> Vec<String> {
    let own = entries(home);
    confirmed.iter().filter(|entry| own.contains(entry)).cloned().collect()
}

#[test]
fn nothing_acknowledged_is_lost_whoever_is_killed_in_the_middle_of_a_sync() {
    let mut cast = Cast::new();
    let mut saved: Vec<String> = Vec::new();
    let victims = [Victim::Nora, Victim::Relay, Victim::Ben, Victim::Tablet];
    for (round, victim) in victims.into_iter().enumerate() {
        saved.extend(write_offline(&cast, round));
        match victim {
            Victim::Relay => relay_is_killed(&mut cast),
            Victim::Nora => client_is_killed(&cast, 0, "sent"),
            Victim::Ben => client_is_killed(&cast, 1, "changed"),
            Victim::Tablet => client_is_killed(&cast, 2, "sent"),
        }
        cast.settle();
        let shown = each(cast.homes(), Home::records);
        for record in &saved {
            let all = shown.iter().all(|records| records.contains(record));
            assert!(all, "{record} was saved, and is gone after {victim:?} was killed");
        }
    }
    let shared = cast.agree();
    for name in ["nora", "ben", "tablet"] {
        for round in 0..victims.len() {
            assert!(shared.contains(&format!("{name} was here: {round}.")), "{shared}");
        }
    }
    let journals = [&cast.ben, &cast.tablet].map(|home| home.text(&["journal", "list"]));
    assert_eq!(journals[0].lines().count(), 2 * victims.len());
    assert_eq!(journals[0], journals[1]);
}

/// The relay dies after it confirmed something of Nora's; so do the clients, and Nora's does not come back before the
/// others have looked: what was confirmed is there.
fn relay_is_killed(cast: &mut Cast) {
    let mut watching = cast.homes().map(|home| home.start(&["watch"]));
    let first = watching[0].wait_for("sent");
    cast.relay.kill();
    let [nora, ben, tablet] = watching.map(Process::kill);
    let mut confirmed = vec![first.as_str().unwrap().to_owned()];
    confirmed.extend(sent(&nora));
    let nora = opening(&cast.nora, &confirmed);
    let tablet = opening(&cast.tablet, &sent(&tablet));
    drop(ben);
    cast.relay.restart();
    cast.ben.sync();
    let seen = entries(&cast.ben);
    for entry in nora.iter().chain(&tablet) {
        assert!(seen.contains(entry), "{entry} was confirmed, and is gone");
    }
}

/// One client dies at its first line of a kind; the others go on, end in order, and the dead one comes back.
fn client_is_killed(cast: &Cast, victim: usize, moment: &str) {
    let mut watching: Vec<Process> =
        cast.homes().into_iter().map(|home| home.start(&["watch"])).collect();
    let mut dying = watching.remove(victim);
    dying.wait_for(moment);
    dying.kill();
    cast.homes()[victim].sync();
    for process in watching {
        process.stop();
    }
}

#[test]
fn a_command_killed_while_it_writes_has_saved_all_or_nothing() {
    let cast = Cast::new();
    let log = cast.nora.folder.join("shared");
    let size = || -> u64 {
        let files = fs::read_dir(&log).unwrap().filter_map(Result::ok);
        files.filter_map(|file| file.metadata().ok()).map(|facts| facts.len()).sum()
    };
    let mut acknowledged = Vec::new();
    let long = "a long evening ".repeat(60);
    for number in 0..6 {
        let before = size();
        let text = format!("{number}: {long}");
        let mut writing = cast.nora.start(&["moment", &text]);
        // The moment is the file's first growth, or for every second one the line that says that it is saved.
        if number % 2 == 0 {
            while size() == before && !writing.has_ended() {
                std::thread::yield_now();
            }
        } else {
            acknowledged.push(writing.wait_for("record").as_str().unwrap().to_owned());
        }
        let said = writing.kill();
        let said = said.iter().filter_map(|row| row.get("record")?.as_str().map(str::to_owned));
        acknowledged.extend(said);
    }
    let records = cast.nora.records();
    for record in &acknowledged {
        assert!(records.contains(record), "{record} was acknowledged");
    }
    let next = cast.nora.saved(&["moment", "and the next one works"]);
    cast.settle();
    assert!(cast.tablet.records().contains(&next));
    cast.agree();
}
