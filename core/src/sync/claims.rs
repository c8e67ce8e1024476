//! What receipts state about the running hash, held against what this device computes.

use std::collections::{BTreeMap, VecDeque};

use wire::id::RunningHash;

/// Statements that wait for their position, and positions that wait for a statement.
const CLAIMS_MAX: usize = 256;

/// `R_n` as receipts state it and as computed, for the positions around the head.
#[derive(Debug, Default)]
pub(super) struct Claims {
    stated: BTreeMap<u64, RunningHash>,
    computed: VecDeque<(u64, RunningHash)>,
}

impl Claims {
    /// This device computed `R_n`. False if a receipt stated another.
    pub(super) fn computed(&mut self, n: u64, running: RunningHash) -> bool {
        if self.computed.len() >= CLAIMS_MAX {
            self.computed.pop_front();
        }
        self.computed.push_back((n, running));
        self.stated.remove(&n).is_none_or(|stated| stated == running)
    }

    /// A receipt states `R_n`; positions up to `received` are computed. False if another was computed.
    pub(super) fn stated(&mut self, n: u64, running: RunningHash, received: u64) -> bool {
        if n > received {
            if self.stated.len() >= CLAIMS_MAX {
                self.stated.pop_first();
            }
            self.stated.insert(n, running);
            return true;
        }
        let computed = self.computed.iter().find(|(at, _)| *at == n);
        computed.is_none_or(|(_, computed)| *computed == running)
    }

    /// Positions mean something else from now on.
    pub(super) fn clear(&mut self) {
        self.stated.clear();
        self.computed.clear();
    }
}
