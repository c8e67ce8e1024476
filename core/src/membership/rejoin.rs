//! A log that is cut back to what it has in common with the relay's: what must be carried into that one.

use super::action::Action;
use super::branch::{BRANCH_BYTES_MAX, BRANCH_OPS_MAX, Branch, Carried};
use super::intent::Want;
use super::keyring::Keyring;
use super::lineage::Step;
use super::log::ControlLog;
use super::merge::Merge;
use crate::model::id::OpId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl ControlLog {
    /// The places at which the trunk and a branch differ, each with its op: of the trunk, then of the branch.
    pub fn sides(&self, tip: OpId) -> [Vec<(u32, OpId)>; 2] {
        let (Some(own), Some(other)) = (&self.state().tip, self.state().find(tip)) else {
            return [Vec::new(), Vec::new()];
        };
        let (trunk, branch) = own.apart(other);
        [trunk, branch].map(|side| side.iter().map(|step| (step.idx, step.op)).collect())
    }

    /// Wants that bring in what another log of this space knows and this one does not: its ops in branches, in the
    /// order in which they can be carried, and then that they count.
    pub fn wants_of(&self, other: &Self, keyring: &Keyring) -> Vec<Want> {
        let trunk: Vec<_> = other.state().tip.iter().flat_map(Step::back).cloned().collect();
        let beside = other.state().aside.values().chain(other.local().values());
        let mut missing: BTreeMap<(u32, OpId), Arc<Step>> = trunk
            .iter()
            .chain(beside)
            .filter(|step| self.state().find(step.op).is_none())
            .map(|step| ((step.idx, step.op), Arc::clone(step)))
            .collect();
        let counts = |step: &&Arc<Step>| {
            missing.contains_key(&(step.idx, step.op)) && step.applied.is_some() && !is_branch(step)
        };
        let tip = trunk.iter().any(|step| counts(&step)).then(|| other.state().head());
        let mut packing =
            Packing { log: self, keyring, branches: Vec::new(), packed: BTreeSet::new() };
        while let Some(key) = packing.next(&missing) {
            if let Some(step) = missing.remove(&key) {
                packing.push(&step);
            }
        }
        let merge = tip.map(|tip| Want::Merge(Merge { tip, named: Vec::new() }));
        packing.branches.into_iter().map(Want::Branch).chain(merge).collect()
    }
}

struct Packing<'a> {
    log: &'a ControlLog,
    keyring: &'a Keyring,
    branches: Vec<Branch>,
    packed: BTreeSet<OpId>,
}

impl Packing<'_> {
    /// The next op that stands on what is known: if possible the one that goes on from the last.
    fn next(&self, missing: &BTreeMap<(u32, OpId), Arc<Step>>) -> Option<(u32, OpId)> {
        let known = |op: OpId| self.packed.contains(&op) || self.log.state().find(op).is_some();
        let ready = |step: &&Arc<Step>| {
            let merges = match step.applied.as_ref().map(|applied| &applied.action) {
                Some(Action::Merge(merge)) => known(merge.tip),
                Some(_) | None => true,
            };
            known(step.before_id()) && merges
        };
        let last = self.last();
        let goes_on = |step: &&Arc<Step>| Some(step.before_id()) == last && ready(step);
        let found = missing.values().find(goes_on).or_else(|| missing.values().find(ready));
        found.map(|step| (step.idx, step.op))
    }

    fn last(&self) -> Option<OpId> {
        self.branches.last()?.ops.last()?.id(self.log.home().space)
    }

    fn push(&mut self, step: &Arc<Step>) {
        let carried = match &step.applied {
            Some(applied) if !is_branch(step) => Carried::Op(applied.op.encode()),
            Some(_) | None => Carried::Void(step.op),
        };
        let goes_on = self.last() == Some(step.before_id());
        let room = self.branches.last().is_some_and(|branch| {
            let bytes: usize = branch.ops.iter().map(Carried::len).sum();
            branch.ops.len() < BRANCH_OPS_MAX
                && bytes.saturating_add(carried.len()) <= BRANCH_BYTES_MAX
        });
        if !goes_on || !room {
            let base = step.before_id();
            self.branches.push(Branch { base, ops: Vec::new(), keys: Vec::new() });
        }
        self.packed.insert(step.op);
        let Some(branch) = self.branches.last_mut() else { return };
        branch.ops.push(carried);
        if let Some(op) = step.applied.as_ref().map(|applied| &applied.op)
            && op.epoch_after > op.epoch_before
            && let Some(key) = self.keyring.get_committed(op.epoch_after, &op.kc)
        {
            branch.keys.push((op.epoch_after, *key.as_bytes()));
        }
    }
}

fn is_branch(step: &Arc<Step>) -> bool {
    matches!(step.applied.as_ref().map(|applied| &applied.action), Some(Action::Branch(_)))
}
