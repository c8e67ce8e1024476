//! Each operation of a change, against what its causal past holds.
//!
//! Automerge panics on, or saves unloadable bytes after, operations on missing objects, places or predecessors.
//! Beyond that: a value overwrites its own author's last one at that key, so nobody can pile up rival values.

use super::change::Place;
use super::error::Refused;
use super::index::{Checked, Clock, Index, KeyNumber, Latest, OpFacts, OpKind, OpList, OpRef};
use super::limit::{DEPTH_MAX, MAP_OPS_PER_CHANGE_MAX};
use super::scan::Scanned;
use super::scan_ops::{Action, Key, OpName, Ops, Scalar, ScannedOp};
use super::schema::DocumentKind;
use std::collections::{BTreeMap, BTreeSet};

/// Checks all operations and gathers what they add to the index.
pub(super) fn check_ops(
    index: &Index,
    kind: DocumentKind,
    scanned: &Scanned<'_>,
    (place, clock): (Place, Clock),
) -> Result<Checked, Refused> {
    let own = index.actor(scanned.actor).unwrap_or_else(|| index.next_actor());
    let mut check = OpCheck {
        index,
        kind,
        own,
        actors: std::iter::once(Some(own))
            .chain(scanned.other_actors.iter().map(|actor| index.actor(actor)))
            .collect(),
        change: index.next_change(),
        start_op: scanned.start_op,
        clock,
        ops: OpList::default(),
        overwritten: Vec::new(),
        map_overwritten: BTreeSet::new(),
        latest: BTreeMap::new(),
        new_keys: BTreeMap::new(),
        map_ops: 0,
    };
    let actor_ids: Vec<_> =
        std::iter::once(scanned.actor).chain(scanned.other_actors.iter()).collect();
    let mut ops = scanned.ops();
    let mut preds = Vec::new();
    while let Some(op) = ops.next()? {
        read_preds(&mut ops, &mut preds, &actor_ids)?;
        check.op(&op, &preds)?;
    }
    check.overwritten.sort_unstable();
    if !check.overwritten.is_sorted_by(|a, b| a < b) {
        return Err(Refused::Overwritten);
    }
    let mut new_keys: Vec<_> =
        check.new_keys.into_iter().map(|(key, number)| (number, key.to_owned())).collect();
    new_keys.sort_unstable();
    Ok(Checked {
        hash: scanned.hash,
        len: scanned.len as u64,
        place,
        start_op: scanned.start_op,
        clock: check.clock,
        ops: check.ops,
        overwritten: check.overwritten,
        latest: check.latest,
        new_keys: new_keys.into_iter().map(|(_, key)| key).collect(),
    })
}

/// Reads what an operation overwrites: ascending by counter, then actor, as Automerge writes it.
fn read_preds(
    ops: &mut Ops<'_>,
    preds: &mut Vec<OpName>,
    actors: &[super::ActorId],
) -> Result<(), Refused> {
    preds.clear();
    let order = |name: &OpName| (name.counter, actors.get(name.actor).copied());
    while let Some(pred) = ops.next_pred()? {
        if preds.last().is_some_and(|last| order(last) >= order(&pred)) {
            return Err(Refused::Overwritten);
        }
        // One value of each actor at most stands at a key.
        if preds.len() >= actors.len() {
            return Err(Refused::Overwritten);
        }
        preds.push(pred);
    }
    Ok(())
}

struct OpCheck<'a> {
    index: &'a Index,
    kind: DocumentKind,
    own: u16,
    actors: Vec<Option<u16>>,
    change: u32,
    start_op: u64,
    clock: Clock,
    ops: OpList,
    /// Each once: sorted and looked through at the end.
    overwritten: Vec<OpRef>,
    /// Those at map keys.
    map_overwritten: BTreeSet<OpRef>,
    latest: BTreeMap<Latest, OpRef>,
    new_keys: BTreeMap<&'a str, KeyNumber>,
    map_ops: usize,
}

/// The object that an operation works in.
struct Target {
    object: Option<OpRef>,
    kind: OpKind,
    depth: u8,
}

impl<'a> OpCheck<'a> {
    fn op(&mut self, op: &ScannedOp<'a>, preds: &[OpName]) -> Result<(), Refused> {
        let target = self.target(op.object)?;
        let facts = match (target.kind, op.key) {
            (OpKind::Map, Key::Map(key)) => self.map_op(&target, key, op)?,
            (OpKind::Text, Key::Head | Key::Element(_)) => self.text_op(&target, op, preds)?,
            (OpKind::Map | OpKind::Text | OpKind::Put | OpKind::Insert | OpKind::Delete, _) => {
                return Err(Refused::ObjectKind);
            }
        };
        for pred in preds {
            self.overwrite(*pred, &facts)?;
        }
        self.own_latest(&facts)?;
        if facts.kind == OpKind::Delete && preds.is_empty() {
            return Err(Refused::Overwritten);
        }
        self.ops.push(facts);
        Ok(())
    }

    fn target(&self, object: Option<OpName>) -> Result<Target, Refused> {
        let Some(name) = object else {
            return Ok(Target { object: None, kind: OpKind::Map, depth: 0 });
        };
        let (object, facts) = self.find(name).ok_or(Refused::UnknownObject)?;
        match facts.kind {
            OpKind::Map | OpKind::Text => {
                Ok(Target { object: Some(object), kind: facts.kind, depth: facts.depth })
            }
            OpKind::Put | OpKind::Insert | OpKind::Delete => Err(Refused::UnknownObject),
        }
    }

    fn map_op(
        &mut self,
        target: &Target,
        key: &'a str,
        op: &ScannedOp<'a>,
    ) -> Result<OpFacts, Refused> {
        self.map_ops += 1;
        if self.map_ops > MAP_OPS_PER_CHANGE_MAX {
            return Err(Refused::Items);
        }
        if op.insert {
            return Err(Refused::Action);
        }
        if target.object.is_none() {
            self.kind.check_root(key, op.action)?;
        }
        let kind = match op.action {
            Action::MakeMap => OpKind::Map,
            Action::MakeText => OpKind::Text,
            Action::Put(Scalar::Bool | Scalar::Int | Scalar::Text { .. }) => OpKind::Put,
            Action::Delete => OpKind::Delete,
        };
        let depth = target.depth + 1;
        if matches!(kind, OpKind::Map | OpKind::Text) && depth > DEPTH_MAX {
            return Err(Refused::Depth);
        }
        Ok(OpFacts { object: target.object, key: Some(self.key(key)), kind, depth })
    }

    fn text_op(
        &self,
        target: &Target,
        op: &ScannedOp<'a>,
        preds: &[OpName],
    ) -> Result<OpFacts, Refused> {
        let element = match op.key {
            Key::Element(name) => {
                let (_, facts) = self.find(name).ok_or(Refused::Element)?;
                if facts.object != target.object || facts.kind != OpKind::Insert {
                    return Err(Refused::Element);
                }
                Some(name)
            }
            Key::Head | Key::Map(_) => None,
        };
        let kind = match op.action {
            Action::Put(Scalar::Text { single: true }) if op.insert => {
                if !preds.is_empty() {
                    return Err(Refused::Overwritten);
                }
                OpKind::Insert
            }
            Action::Delete if !op.insert => {
                let element = element.ok_or(Refused::Element)?;
                if preds != [element] {
                    return Err(Refused::Overwritten);
                }
                OpKind::Delete
            }
            Action::Put(_) | Action::Delete | Action::MakeMap | Action::MakeText => {
                return Err(Refused::Action);
            }
        };
        Ok(OpFacts { object: target.object, key: None, kind, depth: target.depth })
    }

    /// What is overwritten stands at the same place and was not overwritten before, as far as this change knows.
    fn overwrite(&mut self, pred: OpName, facts: &OpFacts) -> Result<(), Refused> {
        let (op, old) = self.find(pred).ok_or(Refused::Overwritten)?;
        let same_place = old.object == facts.object && old.key == facts.key;
        if !same_place || old.kind == OpKind::Delete || self.index.is_overwritten(op, &self.clock) {
            return Err(Refused::Overwritten);
        }
        if facts.key.is_some() {
            self.map_overwritten.insert(op);
        }
        self.overwritten.push(op);
        Ok(())
    }

    /// The author's own last value at this key does not stay beside a new one. A deletion may leave it: so Automerge
    /// settles rival values when the standing one is put again.
    fn own_latest(&mut self, facts: &OpFacts) -> Result<(), Refused> {
        let (Some(key), OpKind::Map | OpKind::Text | OpKind::Put) = (facts.key, facts.kind) else {
            return Ok(());
        };
        let place = (facts.object, key, self.own);
        let last = self.latest.get(&place).copied().or_else(|| self.index.latest(&place));
        if let Some(last) = last
            && !self.map_overwritten.contains(&last)
            && !self.index.is_overwritten(last, &self.clock)
        {
            return Err(Refused::Overwritten);
        }
        self.latest.insert(place, self.next_op());
        Ok(())
    }

    fn key(&mut self, key: &'a str) -> KeyNumber {
        self.index.key(key).unwrap_or_else(|| {
            let new = u32::try_from(self.new_keys.len()).unwrap_or(u32::MAX);
            let next = self.index.next_key().saturating_add(new);
            *self.new_keys.entry(key).or_insert(next)
        })
    }

    fn next_op(&self) -> OpRef {
        OpRef::new(self.change, self.ops.len())
    }

    /// An operation in the causal past, or earlier in this change.
    fn find(&self, name: OpName) -> Option<(OpRef, OpFacts)> {
        if name.actor == 0 && name.counter >= self.start_op {
            let offset = u32::try_from(name.counter - self.start_op).ok()?;
            return self.ops.get(offset).map(|facts| (OpRef::new(self.change, offset), facts));
        }
        let actor = self.actors.get(name.actor).copied().flatten()?;
        let op = self.index.find(actor, name.counter, &self.clock)?;
        self.index.facts(op).map(|facts| (op, facts))
    }
}
