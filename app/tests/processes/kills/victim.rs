//! A process whose lines are read, and that is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

/// A process at work. A test that fails leaves none behind.
pub(crate) struct Victim {
    child: Child,
    /// None once somebody else listens.
    lines: Option<BufReader<ChildStdout>>,
    /// Every whole line so far.
    pub(crate) said: Vec<String>,
}

impl Victim {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Some(BufReader::new(child.stdout.take().unwrap()));
        Self { child, lines, said: Vec::new() }
    }

    /// Starts a role of this file's own.
    pub(crate) fn role(role: &str, home: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "kills::role::play",
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=2",
        ]);
        Self::start(command.env("REKNIT_ROLE", role).env("REKNIT_HOME", home))
    }

    /// The next whole line, or none when the output has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let line = next(self.lines.as_mut()?)?;
        self.said.push(line.clone());
        Some(line)
    }

    /// From now on its lines go to a channel, and none when they end.
    pub(crate) fn listen(&mut self, side: usize, to: Sender<(usize, Option<String>)>) {
        let mut lines = self.lines.take().unwrap();
        thread::spawn(move || {
            loop {
                let line = next(&mut lines);
                let ended = line.is_none();
                if to.send((side, line)).is_err() || ended {
                    return;
                }
            }
        });
    }

    /// Hears lines up to one that begins with a word: the rest of that line.
    pub(crate) fn hear_of(&mut self, word: &str) -> Option<String> {
        loop {
            let line = self.hear()?;
            if let Some(rest) = line.strip_prefix(word) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// Types a line, if anybody still reads.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        drop(input.write_all(format!("{line}\n").as_bytes()));
    }

    /// `kill -9`, and every line that it had said.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.hear().is_some() {}
        std::mem::take(&mut self.said)
    }

    /// Waits for its own end, which must be a good one.
    pub(crate) fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        while self.hear().is_some() {}
        assert!(self.child.wait().unwrap().success(), "{:?}", self.said);
        std::mem::take(&mut self.said)
    }
}

/// The next line that is not empty. What was not said to its end was not said.
fn next(lines: &mut BufReader<ChildStdout>) -> Option<String> {
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let whole = line.strip_suffix('\n')?;
        if !whole.is_empty() {
            return Some(whole.to_owned());
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
