//! One device: a home folder, and the program run on it as a script runs it.

use crate::process::{Process, Told, program};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

/// What each device prints that both persons share.
const SHARED: [&[&str]; 3] = [&["timeline"], &["open"], &["agreement", "show"]];

/// One device.
pub(crate) struct Home {
    /// The vault.
    pub(crate) folder: PathBuf,
    through: Vec<String>,
    logs: AtomicUsize,
}

impl Home {
    /// A device that has nothing yet.
    pub(crate) fn new(world: &Path, name: &str) -> Self {
        // A key, which is not stretched: hundreds of commands here would take most of their time for a secret. What
        // secrets open is in `alone.rs` and `together.rs`.
        let mut key = String::new();
        for byte in name.bytes().cycle().take(32) {
            write!(key, "{byte:02x}").unwrap();
        }
        fs::write(world.join(format!("{name}.key")), key).unwrap();
        Self { folder: world.join(name), through: Vec::new(), logs: AtomicUsize::new(0) }
    }

    /// Its commands are run through these words.
    pub(crate) fn through(self, words: Vec<String>) -> Self {
        Self { through: words, ..self }
    }

    /// The program on this home, with these arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(&self.through);
        command.arg("--home").arg(&self.folder).arg("--key-file");
        command.arg(self.folder.with_extension("key")).args(["--json", "--zone", "UTC"]);
        command.args(args);
        command
    }

    /// Starts it and goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Process {
        Process::start(&mut self.command(args), self.log())
    }

    /// Starts it and goes on; its lines go to a channel that several share.
    pub(crate) fn start_into(&self, args: &[&str], who: usize, sender: Sender<Told>) -> Process {
        Process::start_into(&mut self.command(args), self.log(), who, sender)
    }

    /// Runs it to its end, whatever that is.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it to a good end: what it printed.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {args:?}: {complaint}", self.folder.display());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it to a good end: the rows it printed.
    pub(crate) fn rows(&self, args: &[&str]) -> Vec<Value> {
        self.text(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs a command that writes: the id of what is saved now.
    pub(crate) fn saved(&self, args: &[&str]) -> String {
        let rows = self.rows(args);
        let row = rows.iter().find(|row| row.get("done").is_some()).unwrap();
        let id = row.get("record").or_else(|| row.get("document")).unwrap();
        id.as_str().unwrap().to_owned()
    }

    /// Exchanges what is new.
    pub(crate) fn sync(&self) -> Value {
        let mut rows = self.rows(&["sync", "--wait", "60"]);
        rows.pop().unwrap()
    }

    /// What both persons' devices print alike, byte for byte.
    pub(crate) fn shared(&self) -> String {
        SHARED.iter().map(|args| self.text(args)).collect()
    }

    /// The records of the timeline, in its order.
    pub(crate) fn records(&self) -> Vec<String> {
        let rows = self.rows(&["timeline"]);
        rows.iter().map(|row| row["record"].as_str().unwrap().to_owned()).collect()
    }

    /// Proves the history, and gives what it is called in the shared space. Nothing is left to exchange, and no
    /// incident is written down but of a code that is known.
    pub(crate) fn proved(&self, known: &str) -> String {
        let rows = self.rows(&["verify"]);
        let shared = rows.iter().find(|row| row["space"] == "shared").unwrap();
        let status = self.rows(&["status"]).pop().unwrap();
        for incident in status["incidents"].as_array().unwrap() {
            assert_eq!(incident["code"], known, "{}", self.folder.display());
        }
        for space in status["spaces"].as_array().unwrap() {
            let left = (&space["unsent"], &space["waiting"], &space["aside"]);
            assert_eq!(left, (&0.into(), &0.into(), &0.into()), "{}", self.folder.display());
        }
        format!("{} {} {}", shared["entries"], shared["history"], shared["view"])
    }

    fn log(&self) -> PathBuf {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        self.folder.with_extension(format!("{number}.log"))
    }
}
