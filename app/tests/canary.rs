//! One word in each kind of record, written by two real programs through a real relay: on no disk, in no log, in no
//! file name and not in the relay's memory. The scanner first has to find them where they are.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod stage;

use reknit_e2e::canary::{self, Finding, NAMES, Scanner, forms_of};
use serde_json::Value;
use stage::{Stage, short};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Of the first word here.
const FIRST: u64 = 100;

fn said(name: &str) -> String {
    canary::said(FIRST, name)
}

fn names(found: &[Finding]) -> BTreeSet<String> {
    found.iter().map(|finding| finding.name.clone()).collect()
}

/// A relay whose log is kept in a file.
struct Relay(Child, String);

impl Relay {
    fn start(stage: &Stage) -> Self {
        let folder = stage.path("relay");
        let mut child = stage
            .reknit()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(File::create(stage.path("relay.log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().to_owned())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn sync(stage: &Stage) {
    for home in ["nora", "ben", "nora"] {
        stage.run(home, &["sync"]).good();
    }
}

/// The newest record of a kind, by what opened it.
fn newest(stage: &Stage, kind: &str) -> String {
    let rows = stage.run("nora", &["timeline"]).good().rows();
    let row = rows.iter().rev().find(|row| row.get("kind").unwrap() == kind).unwrap();
    short(row.get("record").and_then(Value::as_str).unwrap()).to_owned()
}

/// Each kind of record once. Gives the journal entry.
fn write_everything(stage: &Stage) -> String {
    let run = |home: &str, args: &[&str]| stage.run(home, args).good();
    run("nora", &["moment", &said("moment")]);
    run("nora", &["reach", &said("reach"), "--distress", "5"]);
    run("nora", &["ask", &said("question")]);
    sync(stage);
    run("ben", &["echo", &newest(stage, "moment"), &said("echo")]);
    let reach = newest(stage, "reach");
    let preset = said("preset");
    let reply = ["reply", &reach, "--back", "tomorrow 00:00", &said("reply"), "--preset", &preset];
    run("ben", &[&["--zone", "UTC"], &reply[..]].concat());
    run("ben", &["return", &reach, &said("return")]);
    run("ben", &["answer", &newest(stage, "question"), &said("answer")]);
    sync(stage);
    run("nora", &["outcome", &reach, "met", &said("outcome")]);
    run("nora", &["ask", "And then?"]);
    sync(stage);
    run("ben", &["decline", &newest(stage, "question"), &said("decline")]);
    let title = said("agreement title");
    run("ben", &["agreement", "new", &said("agreement text"), "--title", &title]);
    let (title, tag) = (said("journal title"), said("journal tag"));
    let journal = ["journal", "new", &said("journal text"), "--title", &title, "--tag", &tag];
    let journal = run("nora", &journal).field("document");
    sync(stage);
    short(&journal).to_owned()
}

/// What the unlocked program prints holds every word.
fn shown(stage: &Stage, scanner: &Scanner, journal: &str) {
    let mut out = String::new();
    for args in [&["timeline"][..], &["journal", "show", journal], &["agreement", "show"]] {
        out.push_str(&stage.run("nora", args).out);
    }
    let found = names(&scanner.find("unlocked output", out.as_bytes()));
    assert_eq!(found, NAMES.iter().map(|name| (*name).to_owned()).collect(), "{out}");
}

/// A person writes in an editor, and both are killed: what is found while they run is gone at the next start.
fn editor(stage: &Stage, scanner: &Scanner, journal: &str) {
    let mut child = stage
        .at("nora", &["journal", "edit", journal, "--editor"])
        .env("EDITOR", "echo up; sleep 600; :")
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n", "the editor runs");
    let (found, read) = scanner.find_in_process(child.id()).unwrap();
    assert!(names(&found).contains("journal text"), "in the client's memory, {read} bytes");
    let left = scanner.find_below(&stage.path("run")).unwrap();
    assert_eq!(names(&left), BTreeSet::from(["journal text".to_owned()]), "{left:?}");
    for entry in fs::read_dir(stage.path("run")).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    child.wait().unwrap();
    assert!(!scanner.find_below(&stage.path("run")).unwrap().is_empty(), "killed, not ended");
    stage.run("nora", &["status"]).good();
    assert_eq!(scanner.find_below(&stage.path("run")).unwrap(), []);
}

/// The scanner finds a word in a file and a line of a log where these lie.
fn planted(stage: &Stage, scanner: &Scanner) {
    let (file, log) = (stage.path("relay").join("planted"), stage.path("relay.log"));
    fs::write(&file, said("reach")).unwrap();
    let before = fs::read(&log).unwrap();
    let line = format!("2026-01-18T19:30:00Z INFO said={}\n", said("echo"));
    fs::write(&log, [&before, line.as_bytes()].concat()).unwrap();
    assert_eq!(names(&below(scanner, &stage.path("relay"))), BTreeSet::from(["reach".to_owned()]));
    let found = names(&scanner.find("the log", &fs::read(&log).unwrap()));
    assert_eq!(found, BTreeSet::from(["echo".to_owned()]));
    fs::remove_file(file).unwrap();
    fs::write(log, before).unwrap();
}

fn below(scanner: &Scanner, folder: &Path) -> Vec<Finding> {
    scanner.find_below(folder).unwrap()
}

#[test]
fn s1_no_word_is_on_a_disk_in_a_log_or_in_the_relays_memory() {
    let stage = Stage::new();
    let scanner = Scanner::new(&canary::words(FIRST));
    let relay = Relay::start(&stage);
    stage.run("nora", &["init", "--name", "Nora", "--relay", &relay.1]).good();
    stage.run("ben", &["init", "--name", &said("member"), "--relay", &relay.1]).good();
    stage.pair(("nora", "--partner"), "ben");
    let journal = write_everything(&stage);
    shown(&stage, &scanner, &journal);
    editor(&stage, &scanner, &journal);

    let mut watch = stage.at("ben", &["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    stage.run("nora", &["moment", &said("moment")]).good();
    stage.run("nora", &["sync"]).good();
    let told = BufReader::new(watch.stdout.as_mut().unwrap()).lines().map_while(Result::ok);
    assert!(told.into_iter().any(|line| line.contains("changed")), "it went through the relay");
    let (found, read) = scanner.find_in_process(relay.0.id()).unwrap();
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(found, [], "in the relay's memory while it serves");
    let held = Scanner::new(&[("folder", stage.path("relay").display().to_string())]);
    let (control, _) = held.find_in_process(relay.0.id()).unwrap();
    assert!(!control.is_empty() && read > 1 << 20, "its own folder's name is in its memory");
    let relay_process = relay.0.id();
    drop(relay);
    planted(&stage, &scanner);
    for place in ["relay", "nora", "ben", "run"] {
        assert_eq!(below(&scanner, &stage.path(place)), [], "{place}");
    }
    let log = fs::read(stage.path("relay.log")).unwrap();
    assert!(!log.is_empty());
    assert_eq!(scanner.find("the relay's log", &log), []);
    report(read, relay_process, log.len());
}

#[expect(clippy::print_stdout, reason = "figures for whoever runs this")]
fn report(read: u64, process: u32, log: usize) {
    println!(
        "{} words in {} forms: found in output, client memory, editor file, planted file and line; in none of {read} \
         bytes of memory of relay process {process}, its folder, its log ({log} bytes), two locked homes, the \
         temporary folder",
        NAMES.len(),
        forms_of(&said("reach")).len(),
    );
}
