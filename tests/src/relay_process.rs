//! The relay as a process of its own, for whoever measures it: started, killed, asked to end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use wire::address::AddressLine;

/// A relay at work, until it is dropped.
#[derive(Debug)]
pub struct RelayProcess {
    /// What clients are told.
    pub line: AddressLine,
    child: Child,
}

/// A program of the same build as the example that asks.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this program is somewhere");
    let folder = own.parent().and_then(Path::parent).expect("an example is in a folder");
    let program = folder.join(name);
    assert!(program.exists(), "build it first: {}", program.display());
    program
}

impl RelayProcess {
    /// Starts it, and comes back when it says that it listens.
    pub fn start(program: &Path, folder: &Path, listen: &str, settings: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(["--listen", listen, "--data"]).arg(folder).args(settings);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the relay can be started");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is ours");
        BufReader::new(out).read_line(&mut line).expect("it says its address");
        Self { line: line.trim().parse().expect("an address"), child }
    }

    /// What the system says of it in a file of its folder in `/proc`.
    pub fn fact(&self, file: &str) -> String {
        let facts = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        facts.expect("the relay runs")
    }

    /// Asks it to end, and waits until it has: in order.
    pub fn stop(&mut self) {
        let asked =
            Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("there is a `kill`").success());
        assert!(self.child.wait().expect("it ends").success(), "it ends in order");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
