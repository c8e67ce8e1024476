//! The relay's process: it comes back at the same address with what its folder holds.

use crate::process::{Process, program};
use std::fs;
use std::path::{Path, PathBuf};

/// The relay.
pub(crate) struct Relay {
    /// What clients are told.
    pub(crate) line: String,
    folder: PathBuf,
    through: Vec<String>,
    process: Option<Process>,
}

impl Relay {
    /// Starts it on a free port.
    pub(crate) fn start(world: &Path) -> Self {
        Self::start_at(world.join("relay"))
    }

    /// The same with its folder.
    pub(crate) fn start_at(folder: PathBuf) -> Self {
        Self::start_through(folder, Vec::new(), "127.0.0.1:0")
    }

    /// The same through the words of another program, at an address there.
    pub(crate) fn start_through(folder: PathBuf, words: Vec<String>, listen: &str) -> Self {
        let (process, line) = run(&words, &folder, listen);
        Self { line, folder, through: words, process: Some(process) }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        let (listen, _) = self.line.split_once('/').unwrap();
        let (process, line) = run(&self.through, &self.folder, listen);
        assert_eq!(line, self.line, "it is the same relay");
        self.process = Some(process);
    }

    /// Empties its folder but for its key.
    pub(crate) fn forget(&self) {
        assert!(self.process.is_none());
        let mut gone = 0;
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() != "relay.key" {
                fs::remove_file(path).unwrap();
                gone += 1;
            }
        }
        assert!(gone > 0, "there was something to forget");
    }
}

fn run(through: &[String], folder: &Path, listen: &str) -> (Process, String) {
    let mut command = program(through);
    command.args(["--json", "serve", "--listen", listen, "--data"]).arg(folder);
    let mut process = Process::start(&mut command, folder.with_extension("log"));
    let line = process.wait_for("relay");
    (process, line.as_str().unwrap().to_owned())
}
