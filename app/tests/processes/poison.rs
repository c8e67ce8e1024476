//! A change that ends the process that takes it in: here memory runs out over it, as a small phone's would.

#![expect(clippy::print_stdout, reason = "a figure is printed, and why a test was passed over")]

use crate::cast::Cast;
use crate::process::Process;
use std::fs;
use std::process::{Command, Output};

/// Characters of one rewriting: what an agreement may have.
const CHARS: usize = 20_000;
/// What the phone has beside all that it needed before, in KiB.
const SPARE_KIB: u64 = 24 << 10;
/// How many rewritings arrive together; a dozen take a minute, so they are asked for.
const REWRITINGS: &str = "REKNIT_REWRITINGS";

/// A text that shares no letter with those of the rounds beside it.
fn rewriting(round: usize) -> String {
    let letters: Vec<char> = ('a'..='z').skip(round % 4 * 6).take(6).collect();
    let mut state = round + 1;
    let draw = std::iter::repeat_with(|| {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        letters[(state >> 16) % letters.len()]
    });
    draw.take(CHARS).collect()
}

/// The most address space that a process has used, in KiB; none where the system does not say.
fn peak_kib(process: &Process) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Runs a command with so much address space and no more.
fn within(kib: u64, command: &Command) -> Output {
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"ulimit -v "$0" && exec "$@""#, &kib.to_string()]);
    limited.arg(command.get_program()).args(command.get_args()).env("MALLOC_ARENA_MAX", "1");
    limited.output().unwrap()
}

#[test]
fn f24_a_phone_that_dies_over_what_came_starts_again_without_it_and_its_next_edit_works() {
    let rewritings = std::env::var(REWRITINGS).ok().and_then(|count| count.parse().ok());
    let Some(rewritings): Option<usize> = rewritings else {
        println!("skipped: {REWRITINGS}=12 runs it");
        return;
    };
    let cast = Cast::new();
    let mut watch = cast.nora.command(&["watch"]);
    let log = cast.path().join("watch.log");
    let mut watching = Process::start(watch.env("MALLOC_ARENA_MAX", "1"), log);
    cast.ben.saved(&["moment", "a small one"]);
    cast.ben.sync();
    watching.wait_for("changed");
    let Some(peak) = peak_kib(&watching) else {
        println!("skipped: this system does not tell how much memory a process uses");
        return;
    };
    watching.stop();
    for round in 0..rewritings {
        cast.ben.saved(&["agreement", "edit", &cast.agreement, &rewriting(round)]);
    }
    cast.ben.sync();

    let limit = peak + SPARE_KIB;
    let sync = cast.nora.command(&["sync", "--wait", "120"]);
    let mut deaths = 0;
    loop {
        let output = within(limit, &sync);
        if output.status.success() {
            break;
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), None, "it is ended by a signal: {complaint}");
        deaths += 1;
        // One over all of them, and at most two over the first that is too much alone: the rest stands upon it.
        assert!(deaths <= 3, "{complaint}");
    }
    println!("{peak} KiB before; within {limit} KiB it died {deaths} times and went on");
    assert!(deaths > 0, "memory was to run out");
    let status = cast.nora.rows(&["status"]).pop().unwrap();
    let aside = status["incidents"].as_array().unwrap().iter();
    let aside = aside.filter(|incident| incident["code"] == "doc.poison").count();
    println!("set aside: {aside}");
    if aside == 0 {
        assert_eq!(cast.nora.shared(), cast.ben.shared(), "one by one all of it went in");
    }

    let limited = |args: &[&str]| {
        let output = within(limit, &cast.nora.command(args));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    };
    limited(&["agreement", "edit", &cast.agreement, "Nora's own next words."]);
    assert!(limited(&["agreement", "show", &cast.agreement]).contains("Nora's own next words."));
    let next = limited(&["moment", "and life goes on"]);
    limited(&["sync"]);
    cast.ben.sync();
    let next: serde_json::Value = serde_json::from_str(next.lines().last().unwrap()).unwrap();
    let record = next["record"].as_str().unwrap().to_owned();
    assert!(cast.ben.records().contains(&record), "{next}");
}
