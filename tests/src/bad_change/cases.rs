//! A bad change, why it is refused, and the rows that they belong to.

use super::target::Target;
use super::{bytes, ops};
use crate::raw_change::Op;
use reknit_core::document::Refused;

/// Changes of one entry of the attacker's, upon [`Target`].
#[derive(Debug, Clone)]
pub struct Case {
    /// What is wrong.
    pub what: String,
    /// Why it is refused; nothing is wrong with what stands at a bound.
    pub why: Option<Refused>,
    /// The raw changes.
    pub changes: Vec<Vec<u8>>,
}

/// The cases of a row, as they are written down.
#[derive(Debug, Default)]
pub struct Cases(Vec<Case>);

impl Cases {
    pub(super) fn refused(&mut self, what: &str, why: Refused, raw: Vec<u8>) {
        self.refused_all(what, why, vec![raw]);
    }

    pub(super) fn refused_all(&mut self, what: &str, why: Refused, changes: Vec<Vec<u8>>) {
        self.0.push(Case { what: what.to_owned(), why: Some(why), changes });
    }

    pub(super) fn refused_ops(&mut self, what: &str, why: Refused, ops: &[Op]) {
        self.refused(what, why, Target::new().change(ops).build());
    }

    pub(super) fn accepted(&mut self, what: &str, raw: Vec<u8>) {
        self.0.push(Case { what: what.to_owned(), why: None, changes: vec![raw] });
    }
}

/// The rows about changes.
pub const ROWS: [(u32, fn(&mut Cases)); 18] = [
    (41, bytes::b41),
    (42, bytes::b42),
    (43, bytes::b43),
    (44, bytes::b44),
    (45, bytes::b45),
    (46, ops::b46),
    (47, ops::b47),
    (48, bytes::b48),
    (49, ops::b49),
    (50, ops::b50),
    (51, ops::b51),
    (52, ops::b52),
    (53, ops::b53),
    (54, bytes::b54),
    (55, ops::b55),
    (56, bytes::b56),
    (57, ops::b57),
    (58, ops::b58),
];

/// The cases of a row; none for a row about something else.
pub fn cases(row: u32) -> Vec<Case> {
    let mut cases = Cases::default();
    for (_, fill) in ROWS.iter().filter(|(number, _)| *number == row) {
        fill(&mut cases);
    }
    cases.0
}
