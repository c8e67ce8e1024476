//! A process at work, whose lines can be waited for.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// Whose line it is, and the line; none when the output has ended.
pub(crate) type Told = (usize, Option<Value>);

/// The program, run through the words of another one (such as `nsenter`) or by itself.
pub(crate) fn program(through: &[String]) -> Command {
    let program = env!("CARGO_BIN_EXE_reknit");
    match through {
        [] => Command::new(program),
        [other, words @ ..] => {
            let mut command = Command::new(other);
            command.args(words).arg(program);
            command
        }
    }
}

/// A process at work. A test that fails leaves none behind.
pub(crate) struct Process {
    child: Child,
    lines: Option<Receiver<Told>>,
    log: PathBuf,
}

impl Process {
    /// Starts a command that prints JSON lines. What it complains about goes to the file `log`.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Self {
        let (sender, lines) = channel();
        let mut started = Self::start_into(command, log, 0, sender);
        started.lines = Some(lines);
        started
    }

    /// Starts a command whose lines go to a channel that several share.
    pub(crate) fn start_into(
        command: &mut Command,
        log: PathBuf,
        who: usize,
        sender: Sender<Told>,
    ) -> Self {
        let errors = File::create(&log).unwrap();
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            // A process that was killed may leave half a line.
            for line in out.lines().map_while(Result::ok) {
                if let Ok(row) = serde_json::from_str(&line)
                    && sender.send((who, Some(row))).is_err()
                {
                    return;
                }
            }
            drop(sender.send((who, None)));
        });
        Self { child, lines: None, log }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line; none when the output has ended.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let told = self.lines.as_ref().unwrap().recv_timeout(DEADLINE);
        match told {
            Ok((_, row)) => row,
            Err(RecvTimeoutError::Timeout) => panic!("it says nothing: {}", self.complaints()),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Waits for a line with this key, and gives its value.
    pub(crate) fn wait_for(&mut self, key: &str) -> Value {
        loop {
            let Some(row) = self.next() else { panic!("no {key}: {}", self.complaints()) };
            if let Some(value) = row.get(key) {
                return value.clone();
            }
        }
    }

    /// All lines so far and to the end; it is ending.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// `kill -9`, and the lines that it had said.
    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.rest()
    }

    /// Asks it to end, and waits until it has: in order.
    pub(crate) fn stop(mut self) -> Vec<Value> {
        let asked = Command::new("kill").args(["-s", "TERM", &self.id().to_string()]).status();
        assert!(asked.unwrap().success());
        let rest = self.rest();
        self.ended();
        rest
    }

    /// Waits for its end, which must be a good one.
    pub(crate) fn ended(&mut self) {
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.complaints());
    }

    /// Whether it has ended, without waiting.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn complaints(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
