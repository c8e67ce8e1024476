//! What the relay keeps in memory of a space while someone is signed in to it.

use super::output::{ConnectionId, StreamId};
use crate::job::SpaceFacts;
use std::collections::BTreeMap;
use wire::time::Moment;

/// A space that someone is signed in to.
#[derive(Debug)]
pub(super) struct LiveSpace {
    pub(super) facts: SpaceFacts,
    /// Who is signed in, with their slot.
    pub(super) seated: BTreeMap<ConnectionId, u8>,
    pub(super) tails: BTreeMap<ConnectionId, Tail>,
}

/// A connection that wants the space's envelopes as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) stream: StreamId,
    /// The position it gets next.
    pub(super) next: u64,
    /// It is behind and is fed from the disk.
    pub(super) reading: bool,
    /// When something was last written to it, or when something was queued after nothing was.
    pub(super) moved: Moment,
    /// A timer will look whether it stalls.
    pub(super) watched: bool,
}

impl LiveSpace {
    pub(super) const fn new(facts: SpaceFacts) -> Self {
        Self { facts, seated: BTreeMap::new(), tails: BTreeMap::new() }
    }

    /// Takes facts from the storage: what a later commit has already told is not taken back.
    pub(super) fn learn(&mut self, facts: SpaceFacts) {
        if facts.n > self.facts.n {
            (self.facts.n, self.facts.running) = (facts.n, facts.running);
        }
        if facts.control > self.facts.control {
            (self.facts.control, self.facts.epoch) = (facts.control, facts.epoch);
        }
        self.facts.principals = facts.principals;
        self.facts.retired = facts.retired;
    }
}
