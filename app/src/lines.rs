//! Lines of standard input, read beside other work.

use std::io::{self, BufRead, Read};
use std::thread;
use tokio::sync::mpsc;

/// Longer than any code or number that is typed.
const LINE_BYTES_MAX: u64 = 65_536;
/// Lines read and not looked at yet.
const LINES_MAX: usize = 16;

/// Lines of standard input.
#[derive(Debug)]
pub(crate) struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Starts to read. The thread ends with the input, or with the process.
    pub(crate) fn start() -> Self {
        let (sender, receiver) = mpsc::channel(LINES_MAX);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(line) = next_line(&mut input) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next line that is not blank; none when the input has ended. Cancelling the wait loses nothing.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }
}

/// The next line that is not blank, without the white space around it.
pub(crate) fn next_line(input: &mut impl BufRead) -> Option<String> {
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if !read.is_ok_and(|bytes| bytes > 0) {
            return None;
        }
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if !line.is_empty() {
            return Some(line);
        }
    }
}
