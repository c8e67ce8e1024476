//! The only place that prints: lines for a person, or JSON lines for a script, never both.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Where a command's answers go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

#[derive(Serialize)]
struct Complaint {
    error: &'static str,
    sentence: String,
}

impl Output {
    /// JSON lines, or sentences.
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a script asks.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person sits in front of it: then long work may show that it goes on.
    pub(crate) fn is_watched(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Whether a person reads the answers as they come: then a list may be a page of it.
    pub(crate) fn is_read_on_a_terminal(self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// A line for a person; nothing for a script.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`], which ends the process quietly; [`Failure::Output`].
    pub(crate) fn say(self, line: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { put(line.as_bytes()) }
    }

    /// A JSON line for a script; nothing for a person.
    ///
    /// # Errors
    /// As [`Output::say`].
    pub(crate) fn row(self, row: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        put(&serde_json::to_vec(row).map_err(|_| Failure::Output)?)
    }

    /// A question on the terminal, beside the answers: to standard error.
    pub(crate) fn ask(self, question: &str) {
        if self.is_watched() {
            let mut err = io::stderr().lock();
            drop(write!(err, "{question} ").and_then(|()| err.flush()));
        }
    }

    /// A remark beside the answers: to standard error. Whoever reads it may have gone.
    pub(crate) fn remark(self, line: &str) {
        if !self.json {
            drop(writeln!(io::stderr().lock(), "{line}"));
        }
    }

    /// Why it did not happen, to standard error. Whoever reads it may have gone.
    pub(crate) fn complain(self, failure: &Failure) {
        let (error, sentence) = (failure.code(), failure.to_string());
        let line = if self.json {
            serde_json::to_string(&Complaint { error, sentence }).unwrap_or_default()
        } else {
            format!("{sentence} ({error})")
        };
        drop(writeln!(io::stderr().lock(), "{line}"));
    }
}

fn put(line: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(line)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
