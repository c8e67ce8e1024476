//! Ops and what came before each: the trunk of a log, and the branches that it carries.

use super::fold::Applied;
use super::outcome::Outcome;
use super::table::Table;
use crate::model::id::OpId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One op in its place. Steps are shared: a branch and the trunk have the steps below their fork in common.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) op: OpId,
    pub(super) idx: u32,
    pub(super) outcome: Outcome,
    pub(super) applied: Option<Arc<Applied>>,
    /// Who is in after it.
    pub(super) table: Arc<Table>,
    /// The largest epoch that any op up to it has made.
    pub(super) epoch_top: u32,
    pub(super) before: Option<Arc<Self>>,
    /// What ops before it had carried, and which of that counted.
    pub(super) aside: Arc<BTreeMap<OpId, Arc<Self>>>,
    pub(super) merged: Arc<BTreeSet<OpId>>,
}

impl Step {
    /// This step and those before it, newest first.
    pub(super) fn back(self: &Arc<Self>) -> Back<'_> {
        Back { next: Some(self) }
    }

    /// The op before it; zero for the first.
    pub(super) fn before_id(&self) -> OpId {
        self.before.as_ref().map_or(OpId::ZERO, |step| step.op)
    }

    /// The steps behind the last one that both have, oldest first: of this one and of the other.
    pub(super) fn apart(self: &Arc<Self>, other: &Arc<Self>) -> (Vec<Arc<Self>>, Vec<Arc<Self>>) {
        let mine: BTreeSet<OpId> = self.back().map(|step| step.op).collect();
        let theirs: Vec<_> =
            other.back().take_while(|step| !mine.contains(&step.op)).cloned().collect();
        let root = theirs.last().unwrap_or(other).before_id();
        let root = if theirs.is_empty() { other.op } else { root };
        let mine: Vec<_> = self.back().take_while(|step| step.op != root).cloned().collect();
        (mine.into_iter().rev().collect(), theirs.into_iter().rev().collect())
    }
}

/// A long line is taken apart step by step, not by one call inside another.
impl Drop for Step {
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(step) = next {
            next = Arc::into_inner(step).and_then(|mut step| step.before.take());
        }
    }
}

/// The way back from a step.
#[derive(Debug)]
pub(super) struct Back<'a> {
    next: Option<&'a Arc<Step>>,
}

impl<'a> Iterator for Back<'a> {
    type Item = &'a Arc<Step>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.next?;
        self.next = step.before.as_ref();
        Some(step)
    }
}
