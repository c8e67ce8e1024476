//! The fold of a control log: state and the next item give the next state. Pure, the same on every device.
//!
//! A void op stays in the chain and does nothing. What the fold sees of an item is the same for everybody who can
//! open it; whether one's own wrap opens is not a matter of the fold.

use super::action::Action;
use super::lineage::Step;
use super::op::{Op, RULES};
use super::outcome::{Outcome, VoidReason};
use super::reject::Line;
use super::rules::{Ground, ItemFacts, signers, table_after};
use super::table::Table;
use crate::crypto::{Home, Unverified, Verified};
use crate::model::id::OpId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wire::codec::DecodeError;
use wire::hash;

/// What the log amounts to so far.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) home: Home,
    pub(super) tip: Option<Arc<Step>>,
    pub(super) table: Arc<Table>,
    /// Ops beside the trunk that ops on it carry.
    pub(super) aside: Arc<BTreeMap<OpId, Arc<Step>>>,
    /// Those of them that count.
    pub(super) merged: Arc<BTreeSet<OpId>>,
}

/// What the fold says of one item.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its op id.
    pub op_id: OpId,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What it did, if it holds.
    pub applied: Option<Arc<Applied>>,
}

/// An op that holds.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The op; its signatures are verified.
    pub op: Op,
    /// Its one action.
    pub action: Action,
}

/// What is so once an op holds.
#[derive(Debug)]
pub(super) struct After {
    pub(super) table: Table,
    /// Ops that it carries.
    pub(super) carried: Vec<Arc<Step>>,
    /// Ops beside the trunk that count from now on.
    pub(super) merged: Vec<OpId>,
    /// Who may have asked for it, if not only those who are in before it.
    pub(super) voters: Option<Arc<Table>>,
}

impl From<Table> for After {
    fn from(table: Table) -> Self {
        Self { table, carried: Vec::new(), merged: Vec::new(), voters: None }
    }
}

impl State {
    /// Before any item.
    pub fn new(home: Home) -> Self {
        let table = Arc::new(Table::empty(home));
        Self { home, tip: None, table, aside: Arc::default(), merged: Arc::default() }
    }

    /// Which space, and its name at the relay.
    pub fn home(&self) -> Home {
        self.home
    }

    /// The place of the next item.
    pub fn next_idx(&self) -> u32 {
        self.tip.as_ref().map_or(0, |tip| tip.idx.saturating_add(1))
    }

    /// The newest op, void or not; zero before any.
    pub fn head(&self) -> OpId {
        self.tip.as_ref().map_or(OpId::ZERO, |tip| tip.op)
    }

    /// The largest epoch that any op which holds has made.
    pub fn epoch_top(&self) -> u32 {
        self.tip.as_ref().map_or(0, |tip| tip.epoch_top)
    }

    /// Who is in.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// As it was after an op: what ops carry since then is known all the same.
    pub(super) fn at(&self, step: &Arc<Step>) -> Self {
        let (tip, table) = (Some(Arc::clone(step)), Arc::clone(&step.table));
        Self { tip, table, ..self.clone() }
    }

    /// Folds the next item. `body` is what opened, [`None`] if it does not open; `undecodable` is the op id in that
    /// case, and if the body is not our layout.
    #[must_use]
    pub fn fold(&self, item: &ItemFacts, body: Option<&[u8]>, undecodable: OpId) -> (Self, Judged) {
        let Some(body) = body else { return self.skip(undecodable, VoidReason::Unopened) };
        let Ok(op) = Op::decode(body) else {
            return self.skip(undecodable, VoidReason::Undecodable);
        };
        let op_id = op.peek().id(self.home.space);
        let line = match self.line_of(op.peek()) {
            Ok(line) => line,
            Err(reason) => return self.skip(op_id, reason),
        };
        match self.judge(&line, item, op) {
            Ok((op, action, after)) => {
                let epoch_top = line.base.epoch_top().max(op.epoch_after);
                let applied = Arc::new(Applied { op: op.into_inner(), action });
                let judged = Judged {
                    op_id,
                    outcome: Outcome::Applied,
                    applied: Some(Arc::clone(&applied)),
                };
                let mut base = line.base;
                let aside = after.carried.into_iter().map(|step| (step.op, step));
                Arc::make_mut(&mut base.aside).extend(aside);
                Arc::make_mut(&mut base.merged).extend(after.merged);
                (base.step(line.idx, &judged, Arc::new(after.table), epoch_top), judged)
            }
            Err(reason) => self.skip(op_id, reason),
        }
    }

    /// Steps over an item that does nothing.
    #[must_use]
    pub fn skip(&self, op_id: OpId, reason: VoidReason) -> (Self, Judged) {
        let judged = Judged { op_id, outcome: Outcome::Void(reason), applied: None };
        let table = Arc::clone(&self.table);
        (self.step(self.next_idx(), &judged, table, self.epoch_top()), judged)
    }

    fn step(&self, idx: u32, judged: &Judged, table: Arc<Table>, epoch_top: u32) -> Self {
        let tip = Step {
            op: judged.op_id,
            idx,
            outcome: judged.outcome,
            applied: judged.applied.clone(),
            table: Arc::clone(&table),
            epoch_top,
            before: self.tip.clone(),
            aside: Arc::clone(&self.aside),
            merged: Arc::clone(&self.merged),
        };
        Self { tip: Some(Arc::new(tip)), table, ..self.clone() }
    }

    /// What the table would be after `op`, whatever its `state_after` and signatures say.
    ///
    /// # Errors
    /// The reason for which it would be void.
    pub(super) fn preview(
        &self,
        item: &ItemFacts,
        op: &Op,
        action: &Action,
    ) -> Result<Table, VoidReason> {
        let line = self.line_of(op)?;
        check_place(&line, item, op)?;
        Ok(line.base.after(item, op, action)?.table)
    }

    fn judge(
        &self,
        line: &Line,
        item: &ItemFacts,
        op: Unverified<Op>,
    ) -> Result<(Verified<Op>, Action, After), VoidReason> {
        let unproved = op.peek();
        check_place(line, item, unproved)?;
        let base = &line.base;
        let [bytes] = unproved.actions.as_slice() else { return Err(VoidReason::Actions) };
        let action = Action::decode(bytes);
        if let Ok(Action::Unbuilt { .. }) = action {
            return Err(VoidReason::Unbuilt);
        }
        if let (Err(reason), None) = (&action, &base.tip) {
            return Err(*reason);
        }
        // Who may merge is known only once that is folded which is to be merged.
        let early = match &action {
            Ok(action @ (Action::Branch(_) | Action::Merge(_))) => {
                Some(base.after(item, unproved, action)?)
            }
            Ok(
                Action::Genesis(_)
                | Action::AddDevice(_)
                | Action::RemoveDevices(_)
                | Action::Rekey
                | Action::NewIncarnation(_)
                | Action::Reject { .. }
                | Action::JoinSpace(_)
                | Action::Unbuilt { .. },
            )
            | Err(_) => None,
        };
        let voters = early.as_ref().and_then(|after| after.voters.as_ref());
        let voters = voters.unwrap_or(&base.table);
        let signers = signers(voters, unproved, action.as_ref().ok())?;
        let space = self.home.space;
        let op = op.verify_with(|op| {
            let signed = op.signed_bytes();
            let names_author = signers.first().is_some_and(|(author, _)| *author == op.author);
            if !names_author || op.signatures.len() != signers.len() {
                return Err(VoidReason::Signature);
            }
            for ((author, key), given) in signers.iter().zip(&op.signatures) {
                let parts: &[&[u8]] = &[space.as_bytes(), &signed];
                if given.by != *author || key.verify(hash::CSIG, parts, &given.signature).is_err() {
                    return Err(VoidReason::Signature);
                }
            }
            Ok(())
        })?;
        let action = action?;
        match action {
            Action::Reject { idx } => self.may_reject(idx, op.author)?,
            Action::Rekey => base.may_rekey(op.author)?,
            Action::Genesis(_)
            | Action::AddDevice(_)
            | Action::RemoveDevices(_)
            | Action::NewIncarnation(_)
            | Action::JoinSpace(_)
            | Action::Branch(_)
            | Action::Merge(_)
            | Action::Unbuilt { .. } => {}
        }
        let after = match early {
            Some(after) => after,
            None => base.after(item, &op, &action)?,
        };
        if after.table.hash(space) != op.state_after {
            return Err(VoidReason::State);
        }
        Ok((op, action, after))
    }

    fn after(&self, item: &ItemFacts, op: &Op, action: &Action) -> Result<After, VoidReason> {
        match action {
            Action::Branch(branch) => self.carry(op, branch),
            Action::Merge(merge) => self.merge(item, op, merge),
            Action::Genesis(_)
            | Action::AddDevice(_)
            | Action::RemoveDevices(_)
            | Action::Rekey
            | Action::NewIncarnation(_)
            | Action::Reject { .. }
            | Action::JoinSpace(_)
            | Action::Unbuilt { .. } => {
                let ground = Ground {
                    home: self.home,
                    table: &self.table,
                    epoch_top: self.epoch_top(),
                    item,
                };
                table_after(&ground, op, action).map(After::from)
            }
        }
    }
}

fn check_place(line: &Line, item: &ItemFacts, op: &Op) -> Result<(), VoidReason> {
    if op.rules != RULES {
        return Err(VoidReason::Rules);
    }
    if op.idx != line.idx || op.idx != item.idx || op.prev != line.base.head() {
        return Err(VoidReason::Chain);
    }
    let is_items = op.epoch_before == item.epoch_before && op.epoch_after == item.epoch_after;
    if is_items && op.epoch_before == line.epoch { Ok(()) } else { Err(VoidReason::Epoch) }
}

/// Reads a body and every action in it: all that a stranger's bytes reach before a signature is checked.
///
/// # Errors
/// As [`Op::decode`]. Actions that do not decode make the op void, not unreadable.
pub fn decode_op(bytes: &[u8]) -> Result<Unverified<Op>, DecodeError> {
    let op = Op::decode(bytes)?;
    for action in &op.peek().actions {
        drop(Action::decode(action));
    }
    Ok(op)
}
