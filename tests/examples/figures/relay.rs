//! The relay as a process of its own: started, timed, and its processor time read.

use reknit_e2e::relay_process::{RelayProcess, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wire::address::AddressLine;

/// Where the programs are.
pub(crate) struct Program {
    /// The relay.
    pub(crate) relay: PathBuf,
    /// The client.
    pub(crate) client: PathBuf,
}

impl Program {
    /// The programs of the same build as this example.
    pub(crate) fn beside_this_one() -> Self {
        let [relay, client] = ["reknit-relay", "reknit"].map(program);
        Self { relay, client }
    }
}

/// A relay at work.
pub(crate) struct Relay {
    /// From the start of the process to the line that says that it listens.
    pub(crate) took: Duration,
    folder: TempDir,
    process: RelayProcess,
}

/// Processor time so far.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    /// Of the program.
    pub(crate) user: Duration,
    /// Of the system for it.
    pub(crate) system: Duration,
}

impl Relay {
    /// Starts one on an empty folder.
    pub(crate) fn start(program: &Program, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (process, took) = run(program, folder.path(), settings);
        Self { took, folder, process }
    }

    /// How long a start takes once the key and the database are made.
    pub(crate) fn start_again(program: &Program) -> Duration {
        let folder = tempfile::tempdir().expect("a folder can be made");
        run(program, folder.path(), &[]).0.kill();
        run(program, folder.path(), &[]).1
    }

    /// What clients are told.
    pub(crate) const fn line(&self) -> &AddressLine {
        &self.process.line
    }

    /// Processor time since its start, in ticks of a hundredth of a second (`man 5 proc_pid_stat`).
    pub(crate) fn cpu(&self) -> Cpu {
        let stat = self.process.fact("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |at: usize| {
            let ticks = fields.get(at).and_then(|field| field.parse::<u64>().ok());
            Duration::from_millis(ticks.unwrap_or(0) * 10)
        };
        Cpu { user: ticks(11), system: ticks(12) }
    }

    /// Bytes in its folder.
    pub(crate) fn stored(&self) -> u64 {
        let files = fs::read_dir(self.folder.path()).into_iter().flatten().filter_map(Result::ok);
        files.filter_map(|file| file.metadata().ok()).map(|facts| facts.len()).sum()
    }
}

fn run(program: &Program, folder: &Path, settings: &[&str]) -> (RelayProcess, Duration) {
    let start = watch();
    let process = RelayProcess::start(&program.relay, folder, "127.0.0.1:0", settings);
    (process, start.elapsed())
}

/// A stopwatch.
#[expect(clippy::disallowed_methods, reason = "figures are times, and nothing is decided by them")]
pub(crate) fn watch() -> Instant {
    Instant::now()
}
