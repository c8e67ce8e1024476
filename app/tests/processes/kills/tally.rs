//! What was killed, and what had been acknowledged: counted by phase, printed with the sum.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Kills and acknowledged records of all phases that have ended.
static ALL: Mutex<(u64, u64)> = Mutex::new((0, 0));

/// Of all 2,000 kills, so many of a thousand belong to a phase.
const WHOLE: u64 = 1_000;
/// What `./test` does.
const SHORT: u64 = 40;

/// How many kills a phase has: its share of `REKNIT_KILLS`.
pub(crate) fn kills(share: u64) -> u64 {
    let chosen = std::env::var("REKNIT_KILLS").ok().and_then(|kills| kills.parse().ok());
    (chosen.unwrap_or(SHORT) * share).div_ceil(WHOLE)
}

/// The counts of one phase.
pub(crate) struct Tally {
    phase: &'static str,
    kills: u64,
    checked: u64,
    note: String,
}

impl Tally {
    pub(crate) const fn new(phase: &'static str) -> Self {
        Self { phase, kills: 0, checked: 0, note: String::new() }
    }

    /// Kills so far.
    pub(crate) const fn kills(&self) -> u64 {
        self.kills
    }

    /// A remark for the line that is printed.
    pub(crate) fn note(&mut self, note: &str) {
        self.note = format!("; {note}");
    }

    /// One more was killed.
    pub(crate) const fn killed(&mut self) {
        self.kills += 1;
    }

    /// Something that was acknowledged is there.
    pub(crate) fn there(&mut self, is_there: bool, what: &str) {
        self.checked += 1;
        assert!(is_there, "{}: after {} kills, lost: {what}", self.phase, self.kills);
    }

    /// Prints, and adds to the sum of all phases.
    pub(crate) fn report(self) {
        let Self { phase, kills, checked, note } = self;
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        *all = (all.0 + kills, all.1 + checked);
        let (sum, sum_checked) = *all;
        let line = format!(
            "\nkills, {phase}: {kills}; acknowledged records checked: {checked}; lost: 0{note} \
             (so far in all: {sum} kills, {sum_checked} checked)\n"
        );
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}
