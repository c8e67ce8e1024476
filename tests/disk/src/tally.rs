//! What was tried and what came of it.

use crate::cut::Mode;
use std::collections::BTreeMap;
use std::fmt;

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Power cuts, by what they leave.
    pub cuts: BTreeMap<Mode, u64>,
    /// Those of them in the middle of an opening after another.
    pub in_recovery: u64,
    /// Acknowledged records that were looked at after a cut.
    pub checked: u64,
    /// Acknowledged records that were not there, or not with their bytes.
    pub lost: u64,
    /// Damage or loss that the program said.
    pub noticed: u64,
    /// Acts that failed with the power, found whole afterwards, or not at all.
    pub in_doubt: u64,
}

impl Tally {
    /// All cuts.
    pub fn all(&self) -> u64 {
        self.cuts.values().sum()
    }

    /// A cut.
    pub fn cut(&mut self, mode: Mode) {
        *self.cuts.entry(mode).or_default() += 1;
    }

    /// Takes in what another counted.
    pub fn join(&mut self, other: &Self) {
        for (mode, count) in &other.cuts {
            *self.cuts.entry(*mode).or_default() += count;
        }
        self.in_recovery += other.in_recovery;
        self.checked += other.checked;
        self.lost += other.lost;
        self.noticed += other.noticed;
        self.in_doubt += other.in_doubt;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} power cuts (", self.all())?;
        for (at, (mode, count)) in self.cuts.iter().enumerate() {
            write!(f, "{}{} {count}", if at == 0 { "" } else { ", " }, mode.name())?;
        }
        write!(
            f,
            "; {} of them in a recovery), {} acknowledged records checked, {} lost, {} acts in doubt whole or absent, damage noticed {}",
            self.in_recovery, self.checked, self.lost, self.in_doubt, self.noticed
        )
    }
}
