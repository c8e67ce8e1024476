//! Two branches of one log become one again.
//!
//! ```text
//!            /-- b --- Branch(a, a') --- Merge(a') --->    the trunk: what the relay holds
//!   ... --- x
//!            \-- a --- a'                                  what others held while the relay forgot
//! ```
//!
//! `Branch` makes ops known: entries may name them, and nothing else changes. `Merge` unites the two tables and makes
//! an epoch, so that nothing is sealed under a key that only one of the branches knew. Both are functions of what
//! stands on the trunk alone, so all devices that fold it agree.

use super::action::{Action, RemoveDevice};
use super::branch::{Branch, Carried};
use super::choice::{Claim, First, choose};
use super::fold::{After, State};
use super::lineage::Step;
use super::op::{Author, Op};
use super::outcome::VoidReason;
use super::rules::{ItemFacts, check_epoch_stays, check_keys_once, new_epoch};
use super::table::{Cut, Standing, Table};
use crate::crypto::Signature;
use crate::model::id::{DeviceId, EntryId, OpId, PersonId};
use core::fmt;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;

const ZERO: [u8; 32] = [0; 32];
/// Whoever should never have been in said nothing that counts.
const NOTHING: Cut = Cut { inc: 0, seq: 0, entry: EntryId::ZERO };
/// Words of evidence in one `Merge`: for each branch one of each person.
const NAMED_MAX: usize = 4;
/// An entry's header without its delta, and with the longest one.
const HEADER_BYTES_MAX: usize = 161 + 28 * 255;
/// Where a header names its device, and its control head.
const DEVICE_AT: usize = 4;
const CONTROL_AT: usize = 62;

/// Lets a branch that the trunk carries count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The newest op of the branch.
    pub tip: OpId,
    /// Who wrote under which of the two branches.
    pub named: Vec<Named>,
}

/// A signed entry's header: its author had folded the op that it names.
#[derive(Clone, PartialEq, Eq)]
pub struct Named {
    /// The header.
    pub header: Vec<u8>,
    /// Its author's voice over it.
    pub voice: [u8; 64],
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Named(..)")
    }
}

/// What two branches come to.
#[derive(Debug)]
pub(super) struct Joint {
    /// Who is in, still under an old epoch.
    pub(super) table: Table,
    pub(super) epoch_top: u32,
    merged: Vec<OpId>,
}

impl Merge {
    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.bytes(self.tip.as_bytes()).count8(self.named.len());
        for named in &self.named {
            writer.var(&named.header).bytes(&named.voice);
        }
    }

    pub(super) fn decode(mut reader: Reader<'_>) -> Result<Self, VoidReason> {
        let tip = OpId::from_bytes(reader.array()?);
        let count = reader.list8(NAMED_MAX, 4 + 64)?;
        let named = (0..count).map(|_| {
            let header = reader.var(HEADER_BYTES_MAX)?.to_vec();
            Ok(Named { header, voice: reader.array()? })
        });
        let named = named.collect::<Result<_, DecodeError>>()?;
        reader.end()?;
        Ok(Self { tip, named })
    }
}

impl Named {
    /// The device that speaks, and the op that it names.
    fn read(&self) -> Option<(DeviceId, u32, [u8; 16])> {
        let mut reader = Reader::new(self.header.get(DEVICE_AT..)?);
        let device = DeviceId::from_bytes(reader.array().ok()?);
        let mut reader = Reader::new(self.header.get(CONTROL_AT..)?);
        Some((device, reader.u32().ok()?, reader.array().ok()?))
    }

    /// Who says so, if one of these steps is named and the signature holds.
    fn speaker(&self, state: &State, path: &[Arc<Step>]) -> Option<PersonId> {
        let (device, idx, id) = self.read()?;
        let is_it = |step: &&Arc<Step>| step.idx == idx && step.op.as_bytes().starts_with(&id);
        let member = path.iter().find(is_it)?.table.device(device)?;
        let is_in = member.state == Standing::In;
        let parts: [&[u8]; 2] = [state.home.space.as_bytes(), &self.header];
        let signed = || member.device.voice.verify(hash::ESIG, &parts, &Signature(self.voice));
        (is_in && signed().is_ok()).then_some(member.person)
    }
}

impl State {
    /// An op that stands on this line, or that it carries.
    pub(super) fn find(&self, op: OpId) -> Option<&Arc<Step>> {
        let aside = self.aside.get(&op);
        aside.or_else(|| self.tip.as_ref()?.back().find(|step| step.op == op))
    }

    /// Makes a branch known.
    pub(super) fn carry(&self, op: &Op, branch: &Branch) -> Result<After, VoidReason> {
        check_epoch_stays(op)?;
        if op.kc != ZERO || op.ladder_hash != ZERO || !op.wrap_slots.is_empty() {
            return Err(VoidReason::Wraps);
        }
        if op.wraps_hash != ZERO {
            return Err(VoidReason::Wraps);
        }
        let carried = self.follow(branch)?;
        let author = seat_of(op)?;
        let is_in = |table: &Table| table.device(author).is_some_and(|it| it.state == Standing::In);
        // Whoever was admitted on the branch may carry it.
        let voters = if is_in(self.table()) { None } else { carried.last() };
        let voters = voters.map(|step| Arc::clone(&step.table));
        let table = Table::clone(self.table());
        Ok(After { table, carried, merged: Vec::new(), voters })
    }

    /// Folds the ops of a branch where they stand. Those that are known already are not given again.
    pub(super) fn follow(&self, branch: &Branch) -> Result<Vec<Arc<Step>>, VoidReason> {
        let base = self.find(branch.base).ok_or(VoidReason::Branch)?;
        let mut state = self.at(base);
        let aside = Arc::make_mut(&mut state.aside);
        for step in self.tip.iter().flat_map(Step::back).take_while(|step| step.op != base.op) {
            aside.insert(step.op, Arc::clone(step));
        }
        let mut new = Vec::new();
        for carried in &branch.ops {
            let id = carried.id(self.home.space).ok_or(VoidReason::Layout)?;
            let known = state.aside.get(&id).filter(|step| step.before_id() == state.head());
            if let Some(step) = known.cloned() {
                state = state.at(&step);
                continue;
            }
            state = match carried {
                Carried::Void(id) => state.skip(*id, VoidReason::Aside).0,
                Carried::Op(body) => state.fold_aside(body)?,
            };
            if let Some(step) = state.tip.clone() {
                Arc::make_mut(&mut state.aside).insert(id, Arc::clone(&step));
                new.push(step);
            }
        }
        Ok(new)
    }

    /// Folds an op that comes without its item: what it says of its item is taken from it.
    fn fold_aside(&self, body: &[u8]) -> Result<Self, VoidReason> {
        let op = Op::decode(body).map_err(|_| VoidReason::Layout)?;
        let op = op.peek();
        // What a branch carried is carried anew, not inside: nothing is folded more than one deep.
        let nests = op.actions.iter().any(|action| action.kind == Action::BRANCH);
        if nests || op.idx == 0 {
            return Err(VoidReason::Layout);
        }
        let facts = ItemFacts {
            idx: op.idx,
            epoch_before: op.epoch_before,
            epoch_after: op.epoch_after,
            wraps_hash: op.wraps_hash,
            ladder_hash: op.ladder_hash,
            opened_with: *self.table().kc(),
        };
        Ok(self.fold(&facts, Some(body), op.id(self.home.space)).0)
    }

    /// Unites the table with that of a branch, under a new epoch.
    pub(super) fn merge(
        &self,
        item: &ItemFacts,
        op: &Op,
        merge: &Merge,
    ) -> Result<After, VoidReason> {
        seat_of(op)?;
        let Joint { table, epoch_top, merged } = self.joint(merge)?;
        let voters = Some(Arc::new(table.clone()));
        let table = new_epoch(op, item, epoch_top, table)?;
        Ok(After { table, carried: Vec::new(), merged, voters })
    }

    /// What a merge would come to.
    pub(super) fn joint(&self, merge: &Merge) -> Result<Joint, VoidReason> {
        let tip = self.tip.as_ref().ok_or(VoidReason::Branch)?;
        let other = self.find(merge.tip).ok_or(VoidReason::Branch)?;
        let (trunk, carried) = tip.apart(other);
        let merged = carried.iter().map(|step| step.op).collect();
        let claims = (
            self.claim(&trunk, &carried, &merge.named),
            self.claim(&carried, &trunk, &merge.named),
        );
        let mut table = match choose(&claims.0, &claims.1) {
            First::Trunk => self.table().united(&other.table),
            First::Carried => other.table.united(self.table()),
        };
        // What a device let in is out, if that device was out already where the other branch goes.
        for (path, against) in [(&trunk, &carried), (&carried, &trunk)] {
            for device in let_in_by_removed(path, against) {
                table.remove(&RemoveDevice { device, cut: NOTHING });
            }
        }
        check_keys_once(&table)?;
        Ok(Joint { table, epoch_top: tip.epoch_top.max(other.epoch_top), merged })
    }

    /// What speaks for a branch.
    fn claim(&self, path: &[Arc<Step>], other: &[Arc<Step>], named: &[Named]) -> Claim {
        // What only carries says nothing for the branch that it stands on, and may be carried as void.
        let effective = || path.iter().filter(|step| is_effective(step));
        let Some(first) = effective().next() else { return Claim::default() };
        let path = path.get(path.iter().position(|it| it.op == first.op).unwrap_or(0)..);
        let path = path.unwrap_or_default();
        let Some(op) = first.applied.as_ref().map(|applied| &applied.op) else {
            return Claim::default();
        };
        let before = first.before.as_ref().map(|step| &step.table);
        let slot = before.and_then(|table| table.slot_of(device_of(op.author)?));
        let authors = effective().filter_map(|step| {
            let author = step.applied.as_ref()?.op.author;
            step.table.person_of(device_of(author)?)
        });
        let mut persons: BTreeSet<PersonId> = authors.collect();
        persons.extend(named.iter().filter_map(|named| named.speaker(self, path)));
        let given_up = |step: &Arc<Step>| {
            let later = step.applied.as_ref().map(|applied| &applied.op);
            later.is_some_and(|it| it.author == op.author && it.abandons.contains(&first.op))
        };
        Claim {
            by_phrase: matches!(op.author, Author::Recovery(_)),
            named_by_both: persons.len() == 2,
            removes: effective().any(removes),
            abandoned: effective().count() == 1
                && other.iter().filter(|step| is_effective(step)).any(given_up),
            slot,
        }
    }
}

/// Whether a step says anything of who is in, or under which key.
pub(super) fn is_effective(step: &Arc<Step>) -> bool {
    step.applied.as_ref().is_some_and(|applied| match applied.action {
        Action::Genesis(_)
        | Action::AddDevice(_)
        | Action::RemoveDevices(_)
        | Action::Rekey
        | Action::NewIncarnation(_)
        | Action::Reject { .. }
        | Action::JoinSpace(_)
        | Action::Merge(_) => true,
        Action::Branch(_) | Action::Unbuilt { .. } => false,
    })
}

fn removes(step: &Arc<Step>) -> bool {
    !removed_by(step).is_empty()
}

fn removed_by(step: &Arc<Step>) -> &[RemoveDevice] {
    match step.applied.as_ref().map(|applied| &applied.action) {
        Some(Action::RemoveDevices(removals)) => removals,
        Some(_) | None => &[],
    }
}

/// The devices that were let in on a branch by one that the other branch removes, or by one let in so.
fn let_in_by_removed(path: &[Arc<Step>], against: &[Arc<Step>]) -> Vec<DeviceId> {
    let removed: BTreeSet<_> = against.iter().flat_map(removed_by).map(|it| it.device).collect();
    let mut let_in = Vec::new();
    for applied in path.iter().filter_map(|step| step.applied.as_ref()) {
        let Some(author) = device_of(applied.op.author) else { continue };
        if let Action::AddDevice(add) = &applied.action
            && (removed.contains(&author) || let_in.contains(&author))
        {
            let_in.push(add.device.id());
        }
    }
    let_in
}

const fn device_of(author: Author) -> Option<DeviceId> {
    match author {
        Author::Voice(id) | Author::Seat(id) => Some(id),
        Author::Recovery(_) => None,
    }
}

fn seat_of(op: &Op) -> Result<DeviceId, VoidReason> {
    match op.author {
        Author::Seat(id) => Ok(id),
        Author::Voice(_) | Author::Recovery(_) => Err(VoidReason::Author),
    }
}
