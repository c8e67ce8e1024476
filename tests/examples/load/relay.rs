//! The relay as a process of its own: started on the same port again, killed, asked to end; and its memory read.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use wire::address::AddressLine;

/// A relay at work.
pub(crate) struct Relay {
    /// What clients are told.
    pub(crate) line: AddressLine,
    program: PathBuf,
    folder: TempDir,
    child: Child,
}

/// Memory of its process, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: u64,
    /// The most so far.
    pub(crate) most: u64,
}

impl Relay {
    /// Starts the relay of the same build as this example, on a free port.
    pub(crate) fn start() -> Self {
        let own = std::env::current_exe().expect("this program is somewhere");
        let above = own.parent().and_then(Path::parent).expect("an example is in a folder");
        let program = above.join("reknit-relay");
        assert!(program.exists(), "build it first: cargo build -p reknit-relay");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (child, line) = run(&program, folder.path(), "127.0.0.1:0");
        Self { line, program, folder, child }
    }

    /// `kill -9`, and a new process at the same place.
    pub(crate) fn kill_and_restart(&mut self) {
        end(&mut self.child);
        self.again();
    }

    /// Ends it in order, and starts a new process at the same place.
    pub(crate) fn stop_and_restart(&mut self) {
        let asked =
            Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("there is a `kill`").success());
        assert!(self.child.wait().expect("it ends").success(), "it ends in order");
        self.again();
    }

    fn again(&mut self) {
        let (child, line) = run(&self.program, self.folder.path(), self.line.address.as_str());
        assert_eq!(line, self.line, "it is the same relay");
        self.child = child;
    }

    /// `man 5 proc_pid_status`: `VmRSS` and `VmHWM`.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the relay runs");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.and_then(|line| line.split_whitespace().next());
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        Memory { now: field("VmRSS:"), most: field("VmHWM:") }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn run(program: &Path, folder: &Path, listen: &str) -> (Child, AddressLine) {
    let mut command = Command::new(program);
    command.args(["--listen", listen, "--data"]).arg(folder);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the relay can be started");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output is ours");
    BufReader::new(out).read_line(&mut line).expect("it says its address");
    (child, line.trim().parse().expect("an address"))
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}
