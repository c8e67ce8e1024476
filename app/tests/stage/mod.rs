//! What process tests share: homes in a temporary folder, the real binary, a relay, and two processes that pair.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "a test that cannot go on ends; each test file uses its part"
)]

use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use tempfile::TempDir;

/// The secret of every vault here, unless a key opens it.
pub(crate) const SECRET: &str = "correct horse";

/// A folder with homes and a file with their secret.
pub(crate) struct Stage {
    folder: TempDir,
    opener: &'static str,
}

/// What a process did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Fails unless it ended well.
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{} {}", self.out, self.err);
        self
    }

    /// The JSON lines.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// A field of the last JSON line.
    pub(crate) fn field(&self, name: &str) -> String {
        let rows = self.rows();
        let row = rows.last().unwrap();
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("{name} in {row}"))
            .to_owned()
    }

    /// Fails unless it ended with this code, whatever was remarked before.
    pub(crate) fn failed(&self, code: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let last = self.err.lines().last().unwrap();
        let row: Value = serde_json::from_str(last).expect(&self.err);
        assert_eq!(row.get("error").and_then(Value::as_str), Some(code), "{self:?}");
    }

    /// Fails unless it was refused with this code, in one sentence.
    pub(crate) fn refused(&self, code: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let row: Value = serde_json::from_str(self.err.trim()).expect(&self.err);
        assert_eq!(row.get("error").and_then(Value::as_str), Some(code), "{self:?}");
        let sentence = row.get("sentence").and_then(Value::as_str).unwrap();
        assert!(sentence.ends_with(['.', '?']) && !sentence.contains("panicked"), "{sentence}");
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
        std::fs::write(folder.path().join("key"), "0b".repeat(32)).unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        Self { folder, opener: "secret" }
    }

    /// With a key for every vault, which is not stretched: for many commands.
    pub(crate) fn with_a_key() -> Self {
        Self { opener: "key", ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary, in an environment of its own.
    pub(crate) fn reknit(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reknit"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TZ", "Europe/London")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// The binary on one home, answering in JSON.
    pub(crate) fn at(&self, home: &str, args: &[&str]) -> Command {
        let mut command = self.reknit();
        command.arg("--json").arg("--home").arg(self.path(home));
        command.arg(format!("--{}-file", self.opener)).arg(self.path(self.opener)).args(args);
        command
    }

    /// Runs a command on one home to its end.
    pub(crate) fn run(&self, home: &str, args: &[&str]) -> Done {
        Done::of(self.at(home, args).output().unwrap())
    }

    /// Runs a command on one home with something on standard input.
    pub(crate) fn type_in(&self, home: &str, args: &[&str], input: &[u8]) -> Done {
        let mut child = self
            .at(home, args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Whoever is refused early stops reading: not a failure of the test.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let done = Done::of(child.wait_with_output().unwrap());
        writer.join().unwrap();
        done
    }

    /// Makes a vault.
    pub(crate) fn init(&self, home: &str, name: &str) -> Done {
        self.run(home, &["init", "--name", name]).good()
    }

    /// A relay on loopback, on this port or on any.
    pub(crate) fn serve(&self, port: u16) -> Relay {
        let listen = format!("127.0.0.1:{port}");
        let folder = self.path("relay");
        let mut child = self
            .reknit()
            .args(["serve", "--listen", &listen, "--data"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Relay { child, line: line.trim().to_owned() }
    }

    /// Two homes pair: each types what the other shows. Returns what each printed.
    pub(crate) fn pair(&self, invite: (&str, &str), join: &str) -> (Vec<String>, Vec<String>) {
        let code = self.path("code");
        let file = code.to_str().unwrap();
        let mut inviter =
            Talk::start(self.at(invite.0, &["invite", invite.1, "--code-file", file]));
        inviter.hear("code_file");
        let joiner = Talk::start(self.at(join, &["join", "--code-file", file]));
        let pair = Talk::both(inviter, joiner);
        assert!(!code.exists(), "the code is gone when the invitation has ended");
        pair
    }
}

/// A relay in a process of its own.
pub(crate) struct Relay {
    child: Child,
    pub(crate) line: String,
}

impl Relay {
    pub(crate) fn port(&self) -> u16 {
        let address = self.line.split('/').next().unwrap();
        address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// As a crash of its machine would: nothing is told to anybody.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A process that shows and is told numbers.
pub(crate) struct Talk {
    child: Child,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
    heard: Vec<String>,
}

impl Talk {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (input, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, lines: BufReader::new(out), heard: Vec::new() }
    }

    /// Reads on to a line that holds a word.
    pub(crate) fn hear(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "{word} after {:?}", self.heard);
            self.heard.push(line.trim().to_owned());
            if line.contains(word) {
                return line.trim().to_owned();
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended well.
    pub(crate) fn end(self) {
        assert_eq!(self.fail(), Some(0));
    }

    /// Waits for its end, however it is.
    pub(crate) fn fail(self) -> Option<i32> {
        let Self { mut child, input, lines, .. } = self;
        drop(input);
        lines.lines().for_each(drop);
        child.wait().unwrap().code()
    }

    /// Carries the numbers from hand to hand until both have ended.
    pub(crate) fn both(one: Self, two: Self) -> (Vec<String>, Vec<String>) {
        let (first, second) = (mpsc::channel(), mpsc::channel());
        let go = |talk: Self, tell: mpsc::Sender<String>, told: mpsc::Receiver<String>| {
            thread::spawn(move || talk.through(&tell, told))
        };
        let one = go(one, first.0, second.1);
        let two = go(two, second.0, first.1);
        (one.join().unwrap(), two.join().unwrap())
    }

    fn through(self, tell: &mpsc::Sender<String>, told: mpsc::Receiver<String>) -> Vec<String> {
        let Self { mut child, mut input, lines, mut heard } = self;
        let typing = thread::spawn(move || {
            for number in told {
                drop(input.write_all(format!("{number}\n").as_bytes()));
            }
        });
        for line in lines.lines() {
            let line = line.unwrap();
            let row: Value = serde_json::from_str(&line).unwrap();
            if let Some(number) = row.get("show").and_then(Value::as_str) {
                drop(tell.send(number.to_owned()));
            }
            heard.push(line);
        }
        assert!(child.wait().unwrap().success(), "{heard:?}");
        drop(typing);
        heard
    }
}

/// The beginning of an id, as a person types it.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap()
}

/// Every file below a folder, one after the other.
pub(crate) fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default());
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else {
            all.extend(std::fs::read(&path).unwrap());
        }
    }
    all
}

pub(crate) fn holds(all: &[u8], word: &str) -> bool {
    all.windows(word.len()).any(|window| window == word.as_bytes())
}
