//! The relay as a process of its own: started on the same port again, killed, asked to end; and its memory read.

use reknit_e2e::relay_process::{RelayProcess, program};
use std::path::PathBuf;
use tempfile::TempDir;
use wire::address::AddressLine;

/// A relay at work.
pub(crate) struct Relay {
    program: PathBuf,
    folder: TempDir,
    process: RelayProcess,
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
        let program = program("reknit-relay");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let process = RelayProcess::start(&program, folder.path(), "127.0.0.1:0", &[]);
        Self { program, folder, process }
    }

    /// What clients are told.
    pub(crate) const fn line(&self) -> &AddressLine {
        &self.process.line
    }

    /// `kill -9`, and a new process at the same place.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill();
        self.again();
    }

    /// Ends it in order, and starts a new process at the same place.
    pub(crate) fn stop_and_restart(&mut self) {
        self.process.stop();
        self.again();
    }

    fn again(&mut self) {
        let listen = self.line().address.as_str();
        let again = RelayProcess::start(&self.program, self.folder.path(), listen, &[]);
        assert_eq!(&again.line, self.line(), "it is the same relay");
        self.process = again;
    }

    /// `man 5 proc_pid_status`: `VmRSS` and `VmHWM`.
    pub(crate) fn memory(&self) -> Memory {
        let status = self.process.fact("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.and_then(|line| line.split_whitespace().next());
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        Memory { now: field("VmRSS:"), most: field("VmHWM:") }
    }
}
