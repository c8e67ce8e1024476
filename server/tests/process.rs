//! The program itself: what it prints, how it ends, what signals do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;
use wire::address::AddressLine;

fn program(folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_reknit-relay"));
    program
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// A program at work. A test that fails leaves none behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts it and waits for its address line.
fn start(command: &mut Command) -> (Running, AddressLine) {
    let mut running = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (running, line.trim_end().parse().unwrap())
}

impl Running {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end: the exit code, and what it wrote to standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.0.wait().unwrap().code(), log)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[test]
fn b81_a_signal_ends_it_in_order_and_it_comes_back_as_the_same_relay() {
    let folder = TempDir::new().unwrap();
    let (running, line) = start(&mut program(folder.path()));
    running.signal("HUP");
    running.signal("TERM");
    let (code, log) = running.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("event=\"relay stopped\"") && log.contains("Only this machine"), "{log}");

    let (running, again) = start(&mut program(folder.path()));
    assert_eq!(again.relay, line.relay);
    running.signal("INT");
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn b81_a_closed_standard_output_is_no_reason_to_panic() {
    let folder = TempDir::new().unwrap();
    let mut running = Running(program(folder.path()).spawn().unwrap());
    drop(running.0.stdout.take());
    let mut errors = BufReader::new(running.0.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("relay started") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended");
    }
    running.signal("TERM");
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "{rest}");
    assert!(!rest.contains("panic"), "{rest}");

    let mut help = Command::new(env!("CARGO_BIN_EXE_reknit-relay"));
    let mut help = help.arg("--help").stdout(Stdio::piped()).spawn().unwrap();
    drop(help.stdout.take());
    assert_eq!(help.wait().unwrap().code(), Some(0));
}

#[test]
fn b74_to_b80_what_is_wrong_ends_it_with_2_and_one_sentence() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("relay.toml");
    fs::write(&file, "log_level = \"info\"\nmax_conection = 1\n").unwrap();
    let ended = run(program(&folder.path().join("data")).arg("--config").arg(&file));
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(
        text(&ended.stderr),
        "config.unknown: relay.toml line 2: unknown key 'max_conection'. \
         Did you mean 'max_connections'?\n"
    );
    let ended = run(program(&folder.path().join("data")).arg("--nothing"));
    assert_eq!(ended.status.code(), Some(2));
    let ended = run(program(&folder.path().join("data")).arg("--version"));
    assert_eq!(ended.status.code(), Some(0));
    assert!(text(&ended.stdout).starts_with("reknit-relay 0."));
    let ended = run(program(&folder.path().join("data")).env("REKNIT_RELAY_SPACE_QUOTA", "3MiB"));
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(
        text(&ended.stderr),
        "config.range: environment REKNIT_RELAY_SPACE_QUOTA: \
         space_quota must be between 16MiB and 64GiB, got 3MiB\n"
    );
    assert!(!folder.path().join("data").exists());
}

#[test]
fn b78_and_b83_a_second_relay_on_a_live_folder_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let (first, _line) = start(&mut program(folder.path()));
    let mut second = Running(program(folder.path()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(second.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "", "it must not start");
    let (code, log) = second.end();
    assert_eq!(code, Some(2));
    assert!(log.starts_with("store.locked: The relay is running"), "{log}");
    first.signal("TERM");
    assert_eq!(first.end().0, Some(0));
}

#[test]
fn b82_no_environment_makes_it_tell_more() {
    let folder = TempDir::new().unwrap();
    let (running, line) = start(program(folder.path()).env("RUST_LOG", "trace"));
    running.signal("TERM");
    let (_code, log) = running.end();
    let key = line.to_string().rsplit('/').next().unwrap().to_owned();
    assert!(!log.contains(&key) && !log.contains("quinn"), "{log}");
}
