//! Several processes on one vault at once: they take turns, see each other's work, and say so when it takes too long.

use crate::cast::{Cast, each};
use crate::process::Process;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::thread;
use std::time::Duration;

/// How long a process waits for its turn before it says that it is busy.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Waits until a watch has shown these records, or said that these entries were sent.
fn wait_for_all(watching: &mut Process, key: &str, wanted: &[String]) {
    let mut open: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    while !open.is_empty() {
        let told = watching.wait_for(key);
        if let Some(entry) = told.as_str() {
            open.remove(entry);
            continue;
        }
        for id in ["records", "documents"].iter().flat_map(|ids| told[ids].as_array().unwrap()) {
            open.remove(id.as_str().unwrap());
        }
    }
}

#[test]
fn a_watch_and_commands_on_one_vault_see_each_other() {
    let cast = Cast::new();
    let [mut nora, mut ben] = [&cast.nora, &cast.ben].map(|home| home.start(&["watch"]));
    let agreement = cast.agreement.as_str();
    // Both write at once on the vaults that are watched.
    let written = each([&cast.nora, &cast.ben], |home| {
        let name = home.folder.file_name().unwrap().to_str().unwrap();
        let moment = home.saved(&["moment", &format!("{name} while watching")]);
        let rows = home.rows(&["agreement", "show", agreement]);
        let text = format!("{name} first.\n{}", rows[0]["text"].as_str().unwrap());
        let text = home.saved(&["agreement", "edit", agreement, &text]);
        [moment, text]
    });
    // What another process wrote is sent by the watch, and what came from afar is shown by it.
    wait_for_all(&mut nora, "changed", &written[1]);
    wait_for_all(&mut ben, "changed", &written[0]);
    // A command sees what the watch received, and can go on from it.
    let echo = cast.ben.saved(&["echo", &written[0][0], "that evening", "--kind", "thank-you"]);
    assert_eq!(echo, written[0][0]);
    wait_for_all(&mut nora, "changed", &[echo]);
    // A sync beside the watch of the same vault is no trouble either.
    cast.ben.sync();
    nora.stop();
    ben.stop();
    cast.settle();
    let shared = cast.agree();
    assert!(shared.contains("nora first.") && shared.contains("ben first."), "{shared}");
}

#[test]
fn commands_at_the_same_time_write_one_after_the_other() {
    let cast = Cast::new();
    let written: Vec<String> = thread::scope(|scope| {
        let at_work: Vec<_> = (0..8)
            .map(|number| {
                let home = &cast.nora;
                scope.spawn(move || home.saved(&["moment", &format!("one of eight: {number}")]))
            })
            .collect();
        at_work.into_iter().map(|work| work.join().unwrap()).collect()
    });
    cast.settle();
    let records = cast.tablet.records();
    for record in &written {
        assert!(records.contains(record), "{record} was saved");
    }
    cast.agree();
}

#[test]
fn a_vault_that_somebody_keeps_is_busy_after_five_seconds_and_nothing_is_lost() {
    let cast = Cast::new();
    let mut watching = cast.ben.start(&["watch"]);
    let seen = cast.nora.saved(&["moment", "before"]);
    cast.nora.sync();
    wait_for_all(&mut watching, "changed", &[seen]);

    let kept = File::options().write(true).open(cast.ben.folder.join("lock")).unwrap();
    kept.lock().unwrap();
    let written = [cast.nora.saved(&["moment", "meanwhile"]), cast.nora.saved(&["ask", "and?"])];
    cast.nora.sync();
    // Long enough that the watch of this vault gives up a turn, too: it may not lose what it was to do in it.
    for args in [&["moment", "now?"][..], &["timeline"]] {
        let (busy, took) = timed(|| cast.ben.run(args));
        let complaint: Value = serde_json::from_slice(&busy.stderr).unwrap();
        assert_eq!(complaint["error"], "vault.busy");
        assert!(took >= TURN_WAIT, "{took:?}");
    }
    drop(kept);

    wait_for_all(&mut watching, "changed", &written);
    cast.ben.saved(&["moment", "now."]);
    watching.stop();
    cast.settle();
    cast.agree();
}

#[expect(clippy::disallowed_methods, reason = "how long a process waits is what is tested")]
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let done = act();
    (done, start.elapsed())
}
