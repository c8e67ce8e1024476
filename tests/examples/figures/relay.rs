//! The relay as a process of its own: started, timed, and its processor time read.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
        let own = std::env::current_exe().expect("this program is somewhere");
        let folder = own.parent().and_then(Path::parent).expect("an example is in a folder");
        let [relay, client] = ["reknit-relay", "reknit"].map(|name| folder.join(name));
        for path in [&relay, &client] {
            assert!(path.exists(), "build it first: {}", path.display());
        }
        Self { relay, client }
    }
}

/// A relay at work.
pub(crate) struct Relay {
    /// What clients are told.
    pub(crate) line: AddressLine,
    /// From the start of the process to the line that says that it listens.
    pub(crate) took: Duration,
    folder: TempDir,
    child: Child,
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
        let (child, line, took) = run(program, folder.path(), settings);
        Self { line, took, folder, child }
    }

    /// How long a start takes once the key and the database are made.
    pub(crate) fn start_again(program: &Program) -> Duration {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (mut first, ..) = run(program, folder.path(), &[]);
        end(&mut first);
        let (mut child, _, took) = run(program, folder.path(), &[]);
        end(&mut child);
        took
    }

    /// Processor time since its start, in ticks of a hundredth of a second (`man 5 proc_pid_stat`).
    pub(crate) fn cpu(&self) -> Cpu {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the relay runs");
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

impl Drop for Relay {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn run(program: &Program, folder: &Path, settings: &[&str]) -> (Child, AddressLine, Duration) {
    let start = watch();
    let mut command = Command::new(&program.relay);
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder).args(settings);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the relay can be started");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output is ours");
    BufReader::new(out).read_line(&mut line).expect("it says its address");
    let took = start.elapsed();
    (child, line.trim().parse().expect("an address"), took)
}

/// A stopwatch.
#[expect(clippy::disallowed_methods, reason = "figures are times, and nothing is decided by them")]
pub(crate) fn watch() -> Instant {
    Instant::now()
}

fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}
