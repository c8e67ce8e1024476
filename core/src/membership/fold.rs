//! The fold of a control log: state and the next item give the next state. Pure, the same on every device.
//!
//! A void op stays in the chain and does nothing. What the fold sees of an item is the same for everybody who can
//! open it; whether one's own wrap opens is not a matter of the fold.

use super::action::Action;
use super::op::{Op, RULES};
use super::outcome::{Outcome, VoidReason};
use super::rules::{Ground, ItemFacts, signers, table_after};
use super::table::Table;
use crate::crypto::{Home, Unverified, Verified};
use crate::model::id::OpId;
use std::sync::Arc;
use wire::codec::DecodeError;
use wire::hash;

/// What the log amounts to so far.
#[derive(Debug, Clone)]
pub struct State {
    home: Home,
    next: u32,
    head: OpId,
    epoch_top: u32,
    table: Arc<Table>,
}

/// What the fold says of one item.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its op id.
    pub op_id: OpId,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What it did, if it holds.
    pub applied: Option<Applied>,
}

/// An op that holds.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The op; its signatures are verified.
    pub op: Op,
    /// Its one action.
    pub action: Action,
}

impl State {
    /// Before any item.
    pub fn new(home: Home) -> Self {
        Self { home, next: 0, head: OpId::ZERO, epoch_top: 0, table: Arc::new(Table::empty(home)) }
    }

    /// Which space, and its name at the relay.
    pub fn home(&self) -> Home {
        self.home
    }

    /// The place of the next item.
    pub fn next_idx(&self) -> u32 {
        self.next
    }

    /// The newest op, void or not; zero before any.
    pub fn head(&self) -> OpId {
        self.head
    }

    /// The largest epoch that any op which holds has made.
    pub fn epoch_top(&self) -> u32 {
        self.epoch_top
    }

    /// Who is in.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
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
        match self.judge(item, op) {
            Ok((op, action, table)) => {
                let next = Self {
                    next: self.next.saturating_add(1),
                    head: op_id,
                    epoch_top: self.epoch_top.max(op.epoch_after),
                    table: Arc::new(table),
                    home: self.home,
                };
                let applied = Some(Applied { op: op.into_inner(), action });
                (next, Judged { op_id, outcome: Outcome::Applied, applied })
            }
            Err(reason) => self.skip(op_id, reason),
        }
    }

    /// Steps over an item that does nothing.
    #[must_use]
    pub fn skip(&self, op_id: OpId, reason: VoidReason) -> (Self, Judged) {
        let next = Self { next: self.next.saturating_add(1), head: op_id, ..self.clone() };
        (next, Judged { op_id, outcome: Outcome::Void(reason), applied: None })
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
        self.check_place(item, op)?;
        table_after(&self.ground(item), op, action)
    }

    fn judge(
        &self,
        item: &ItemFacts,
        op: Unverified<Op>,
    ) -> Result<(Verified<Op>, Action, Table), VoidReason> {
        let unproved = op.peek();
        self.check_place(item, unproved)?;
        let [bytes] = unproved.actions.as_slice() else { return Err(VoidReason::Actions) };
        let action = Action::decode(bytes);
        if let Ok(Action::Unbuilt { .. }) = action {
            return Err(VoidReason::Unbuilt);
        }
        if let (Err(reason), 0) = (&action, self.next) {
            return Err(*reason);
        }
        let signers = signers(&self.table, unproved, action.as_ref().ok())?;
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
        let table = table_after(&self.ground(item), &op, &action)?;
        if table.hash(space) != op.state_after {
            return Err(VoidReason::State);
        }
        Ok((op, action, table))
    }

    fn check_place(&self, item: &ItemFacts, op: &Op) -> Result<(), VoidReason> {
        if op.rules != RULES {
            return Err(VoidReason::Rules);
        }
        if op.idx != self.next || op.idx != item.idx || op.prev != self.head {
            return Err(VoidReason::Chain);
        }
        let is_items = op.epoch_before == item.epoch_before && op.epoch_after == item.epoch_after;
        if !is_items || op.epoch_before != self.table.epoch() {
            return Err(VoidReason::Epoch);
        }
        Ok(())
    }

    fn ground<'a>(&'a self, item: &'a ItemFacts) -> Ground<'a> {
        Ground { home: self.home, table: &self.table, epoch_top: self.epoch_top, item }
    }
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
