//! Shows that long work goes on: on a terminal only, beside the answers.

use crate::output::Output;
use indicatif::ProgressBar;

/// Turns while something is awaited; gone afterwards.
#[derive(Debug)]
pub(crate) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Starts to turn if a person watches.
    pub(crate) fn start(out: Output, what: &'static str) -> Self {
        Self(out.is_watched().then(|| ProgressBar::new_spinner().with_message(what)))
    }

    /// Something happened, or time went by.
    pub(crate) fn turn(&self) {
        if let Some(bar) = &self.0 {
            bar.tick();
        }
    }

    /// Makes room for an answer.
    pub(crate) fn pause<T>(&self, answer: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(answer),
            None => answer(),
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
