//! The control log of one space: items in, tables out. Items themselves are kept by the store.

use super::action::{Action, Genesis};
use super::branch::Branch;
use super::fold::{Judged, State};
use super::keyring::{Keyring, Recipient};
use super::lineage::Step;
use super::op::{Op, undecodable_id};
use super::outcome::{Folded, KeyArrival, Outcome, VoidReason};
use super::rules::ItemFacts;
use super::table::Table;
use crate::crypto::{EpochKey, Home, WrapContext, ladder_open, open_control, unwrap};
use crate::model::id::{ChainId, DeviceId, OpId};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::codec::{DecodeError, Reader};
use wire::control::ControlItem;
use wire::hash;
use wire::id::ItemHash;

/// Why an item is not folded. The log is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// It is sealed under an epoch whose key is missing: a climb or a mirrored key may bring it.
    #[error("no key for epoch {epoch}")]
    NeedKey {
        /// The epoch.
        epoch: u32,
    },
    /// It does not follow the newest item.
    #[error("not the next item of this log")]
    Chain,
    /// The first item does not open under `K_0`: not the space that this keyring is for.
    #[error("not the first item of this space")]
    Foreign,
}

/// The newest op: what entries name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub idx: u32,
    /// Its id.
    pub op: OpId,
}

/// All folded ops of one space, and the table after each.
#[derive(Debug, Clone)]
pub struct ControlLog {
    pub(super) state: State,
    /// By place; what a `Reject` left behind has none.
    pub(super) steps: Vec<(ItemHash, Option<Arc<Step>>)>,
    genesis: Option<Genesis>,
    pub(super) commitments: BTreeMap<u32, [u8; 32]>,
    transcripts: BTreeMap<DeviceId, [u8; 32]>,
    pub(super) ends: BTreeMap<ChainId, (u64, u32)>,
    /// Ops beside the trunk that this device knows and the trunk does not carry yet.
    pub(super) local: BTreeMap<OpId, Arc<Step>>,
    /// The op beside the trunk under which this device writes until it is merged.
    pub(super) apart: Option<OpId>,
    /// Keys that were rejected, and whether all have been given them since.
    pub(super) rejected: BTreeMap<(u32, [u8; 32]), bool>,
    /// The newest op of each row that a `Reject` left behind.
    pub(super) left: Vec<OpId>,
    /// The step before the key that did not arrive here: this device writes under that.
    keyless: Option<Arc<Step>>,
}

impl ControlLog {
    /// No item yet.
    pub fn new(home: Home) -> Self {
        Self {
            state: State::new(home),
            steps: Vec::new(),
            genesis: None,
            commitments: BTreeMap::new(),
            transcripts: BTreeMap::new(),
            ends: BTreeMap::new(),
            local: BTreeMap::new(),
            apart: None,
            rejected: BTreeMap::new(),
            left: Vec::new(),
            keyless: None,
        }
    }

    /// Folds the next item. Its body opens with the key of the epoch before it; if a new key is wrapped for `me`, it
    /// goes into the keyring once it fits its commitment.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing is changed but keys that were found in the item.
    pub fn receive(
        &mut self,
        item: &[u8],
        keyring: &mut Keyring,
        me: Option<&Recipient<'_>>,
    ) -> Result<Folded, ReceiveError> {
        if !self.follows(item) {
            return Err(ReceiveError::Chain);
        }
        let undecodable = undecodable_id(self.home().space, item);
        let Ok(decoded) = ControlItem::decode(item) else {
            let (state, judged) = self.state.skip(undecodable, VoidReason::Undecodable);
            return Ok(self.take(item, state, judged, KeyArrival::None));
        };
        let Some(key) = self.opening_key(&decoded, keyring, me)? else {
            let (state, judged) = self.state.skip(undecodable, VoidReason::Unopened);
            return Ok(self.take(item, state, judged, KeyArrival::None));
        };
        let body = open_control(key, &self.home(), &decoded).ok();
        if decoded.idx == 0 && body.is_none() {
            return Err(ReceiveError::Foreign);
        }
        let opened_with = key.commitment(self.home().space, decoded.epoch_before);
        let facts = ItemFacts::of(&decoded, opened_with);
        let body = body.as_ref().map(|body| body.as_slice());
        let (state, judged) = self.state.fold(&facts, body, undecodable);
        let arrival = match &judged.applied {
            Some(applied) => {
                if let Action::Branch(branch) = &applied.action {
                    self.take_keys(&state, branch, keyring);
                }
                self.arrive(&applied.op, &decoded, keyring, me)
            }
            None if judged.outcome == Outcome::Void(VoidReason::KeyTaken) => {
                self.keep_late_key((body, &decoded), keyring, me);
                KeyArrival::None
            }
            None => KeyArrival::None,
        };
        Ok(self.take(item, state, judged, arrival))
    }

    /// Which space, and its name at the relay.
    pub fn home(&self) -> Home {
        self.state.home()
    }

    /// The place of the next item: how many are folded.
    pub fn next_idx(&self) -> u32 {
        self.state.next_idx()
    }

    /// The hash of the newest item; zero before any.
    pub fn last_item_hash(&self) -> ItemHash {
        self.steps.last().map_or(ItemHash::ZERO, |(hash, _)| *hash)
    }

    /// The newest op, void or not. [`None`] before any.
    pub fn head(&self) -> Option<Head> {
        let idx = self.next_idx().checked_sub(1)?;
        Some(Head { idx, op: self.state.head() })
    }

    /// Who is in after the op at `idx` whose id begins like this, on the trunk or beside it: what an entry names.
    pub fn table_named(&self, idx: u32, id: &[u8; 16]) -> Option<&Table> {
        let is_it = |step: &&Arc<Step>| step.idx == idx && step.op.as_bytes().starts_with(id);
        let beside = || self.state.aside.values().chain(self.local.values()).find(is_it);
        self.step(idx).filter(is_it).or_else(beside).map(|step| &*step.table)
    }

    /// The id of an op.
    pub fn op_id_at(&self, idx: u32) -> Option<OpId> {
        self.step(idx).map(|step| step.op)
    }

    /// Whether an op stands on the trunk, or is carried by it.
    pub fn is_known(&self, op: OpId) -> bool {
        self.state.find(op).is_some()
    }

    /// Whether an op stands on the trunk, or on a branch that counts.
    pub fn is_merged(&self, op: OpId) -> bool {
        let is_it = |step: &&Arc<Step>| step.op == op;
        let mut trunk = self.steps.iter().filter_map(|(_, step)| step.as_ref());
        self.state.merged.contains(&op) || trunk.any(|step| is_it(&step))
    }

    /// Takes note of a branch that this device knows and is about to carry into the log.
    pub fn remember(&mut self, branch: &Branch) {
        let mut state = self.state.clone();
        Arc::make_mut(&mut state.aside).extend(self.local.clone());
        let steps = state.follow(branch).unwrap_or_default();
        self.local.extend(steps.into_iter().map(|step| (step.op, step)));
    }

    /// This device goes on writing under an op that stands beside the trunk, until that is merged.
    pub fn stand_on(&mut self, tip: OpId) {
        self.apart = Some(tip);
    }

    /// The op beside the trunk under which this device writes, if there is one.
    pub fn apart(&self) -> Option<OpId> {
        self.apart_step().map(|step| step.op)
    }

    /// The op under which this device writes: the head; or the newest that it knew before the log was cut back, or
    /// that stands before a key which did not arrive.
    /// [`None`] before any.
    pub fn standing(&self) -> Option<(Head, &Table)> {
        let step = self.apart_step().or(self.keyless.as_ref()).or(self.state.tip.as_ref())?;
        Some((Head { idx: step.idx, op: step.op }, &*step.table))
    }

    fn apart_step(&self) -> Option<&Arc<Step>> {
        let tip = self.apart.filter(|tip| !self.is_merged(*tip))?;
        self.local.get(&tip).or_else(|| self.state.aside.get(&tip))
    }

    pub(super) const fn local(&self) -> &BTreeMap<OpId, Arc<Step>> {
        &self.local
    }

    /// Whether an op holds.
    pub fn outcome_at(&self, idx: u32) -> Option<Outcome> {
        self.step(idx).map(|step| step.outcome)
    }

    /// Who is in after an op.
    pub fn table_at(&self, idx: u32) -> Option<&Table> {
        self.step(idx).map(|step| &*step.table)
    }

    /// Who is in now.
    pub fn table(&self) -> &Table {
        self.state.table()
    }

    /// The epoch under which to seal.
    pub fn epoch(&self) -> u32 {
        self.table().epoch()
    }

    /// The commitment to the key of an epoch that an op which holds has made.
    pub fn commitment(&self, epoch: u32) -> Option<&[u8; 32]> {
        self.commitments.get(&epoch)
    }

    /// The commitments to all keys that ops which hold have made, by epoch; those of ops beside the trunk as well.
    pub fn commitments(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        let trunk = self.commitments.iter().map(|(epoch, kc)| (*epoch, kc));
        let beside = self.state.aside.values().chain(self.local.values());
        let rejected = self.rejected.keys().map(|(epoch, kc)| (*epoch, kc));
        trunk.chain(rejected).chain(beside.filter_map(|step| made_by(step)))
    }

    /// The Genesis, if it holds.
    pub fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// The id of the op at 0; zero before any.
    pub fn genesis_op(&self) -> OpId {
        self.op_id_at(0).unwrap_or(OpId::ZERO)
    }

    /// What the next op is judged against.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn step(&self, idx: u32) -> Option<&Arc<Step>> {
        self.steps.get(usize::try_from(idx).ok()?)?.1.as_ref()
    }

    /// The pairing transcript under which a device was added after the Genesis.
    pub fn transcript_of(&self, device: DeviceId) -> Option<&[u8; 32]> {
        self.transcripts.get(&device)
    }

    /// Where a chain ends by the word of its owner's people: the last place that counts in any case, and the index of
    /// the op that said so first.
    pub fn end_of(&self, chain: ChainId) -> Option<(u64, u32)> {
        self.ends.get(&chain).copied()
    }

    /// Place and link stand at fixed offsets, so that an item which does not decode is linked too.
    pub(super) fn follows(&self, item: &[u8]) -> bool {
        let link = || -> Result<_, DecodeError> {
            let mut reader = Reader::new(item);
            reader.array::<4>()?;
            let idx = reader.u32()?;
            reader.array::<8>()?;
            Ok((idx, ItemHash::from_bytes(reader.array()?)))
        };
        link() == Ok((self.next_idx(), self.last_item_hash()))
    }

    /// The key that opens an item. [`None`] if no op has made its epoch: then it opens for nobody.
    fn opening_key<'k>(
        &self,
        item: &ControlItem,
        keyring: &'k mut Keyring,
        me: Option<&Recipient<'_>>,
    ) -> Result<Option<&'k EpochKey>, ReceiveError> {
        let epoch = item.epoch_before;
        let missing = ReceiveError::NeedKey { epoch };
        if item.idx == 0 && epoch == 0 {
            return keyring.get(0).map(Some).ok_or(missing);
        }
        let Some(kc) = self.commitments.get(&epoch) else { return Ok(None) };
        if keyring.get_committed(epoch, kc).is_none() {
            let found = me.is_some_and(|me| keyring.climb_item(item, kc, me));
            if !found {
                return Err(missing);
            }
        }
        keyring.get_committed(epoch, kc).map(Some).ok_or(missing)
    }

    /// Takes the key that an op which holds commits to.
    pub(super) fn arrive(
        &self,
        op: &Op,
        item: &ControlItem,
        keyring: &mut Keyring,
        me: Option<&Recipient<'_>>,
    ) -> KeyArrival {
        let (space, epoch) = (self.home().space, op.epoch_after);
        if op.wrap_slots.is_empty() {
            return KeyArrival::None;
        }
        if keyring.get_committed(epoch, &op.kc).is_none() {
            let Some(me) = me else { return KeyArrival::None };
            let mine = op.wrap_slots.iter().find(|slot| slot.recipient == me.id);
            let Some(mine) = mine else { return KeyArrival::None };
            let context = WrapContext { space, idx: op.idx, epoch, recipient: me.id };
            let wrap = item.wraps.get(usize::from(mine.slot));
            let key = wrap.and_then(|wrap| unwrap(wrap, me.kem, &context).ok());
            match key.filter(|key| key.commitment(space, epoch) == op.kc) {
                Some(key) => keyring.insert(epoch, key),
                None => return KeyArrival::Bad,
            }
        }
        if self.ladder_is_sound(op, item, keyring) {
            KeyArrival::Held
        } else {
            KeyArrival::NoLadder
        }
    }

    fn ladder_is_sound(&self, op: &Op, item: &ControlItem, keyring: &Keyring) -> bool {
        if op.epoch_before == op.epoch_after {
            return true;
        }
        let (Some(after), Some(kc)) =
            (keyring.get_committed(op.epoch_after, &op.kc), self.commitments.get(&op.epoch_before))
        else {
            return true;
        };
        let space = self.home().space;
        let before = ladder_open(space, (after, op.epoch_after), op.epoch_before, &item.ladder);
        before.is_ok_and(|before| before.commitment(space, op.epoch_before) == *kc)
    }

    fn take(&mut self, item: &[u8], state: State, judged: Judged, key: KeyArrival) -> Folded {
        let idx = self.next_idx();
        if let Some(applied) = judged.applied {
            if let Action::Reject { idx } = applied.action {
                self.leave_behind(&state, idx);
            }
            self.note_key(&state, key);
            self.commitments.insert(state.table().epoch(), *state.table().kc());
            for member in state.table().members() {
                let Some(cut) = member.cut else { continue };
                let chain = ChainId { device: member.device.id(), inc: cut.inc };
                self.ends.entry(chain).or_insert((cut.seq, idx));
            }
            match &applied.action {
                Action::Genesis(genesis) => self.genesis = Some(genesis.clone()),
                Action::AddDevice(add) => {
                    self.transcripts.insert(add.device.id(), add.th);
                }
                Action::Branch(branch) => self.take_branch(&state, branch),
                Action::RemoveDevices(_)
                | Action::Rekey
                | Action::Reject { .. }
                | Action::NewIncarnation(_)
                | Action::JoinSpace(_)
                | Action::Merge(_)
                | Action::Unbuilt { .. } => {}
            }
        }
        self.steps.extend(state.tip.clone().map(|step| (hash::item_hash(item), Some(step))));
        self.state = state;
        let incident = match judged.outcome {
            Outcome::Void(reason) if reason.is_incident() => Some(reason),
            Outcome::Void(_) | Outcome::Applied => None,
        };
        Folded { idx, op: judged.op_id, outcome: judged.outcome, incident, key }
    }
}

impl ControlLog {
    /// Takes the keys that a branch brings and its ops commit to, or an op whose key was rejected.
    fn take_keys(&self, state: &State, branch: &Branch, keyring: &mut Keyring) {
        let made: Vec<_> = state.aside.values().filter_map(|step| made_by(step)).collect();
        for (epoch, key) in branch.keys() {
            let kc = key.commitment(state.home().space, epoch);
            if made.contains(&(epoch, &kc)) || self.rejected.contains_key(&(epoch, kc)) {
                keyring.insert(epoch, key);
            }
        }
    }

    /// Until a key comes, this device goes on under the op before the one that should have brought it.
    fn note_key(&mut self, state: &State, key: KeyArrival) {
        match key {
            KeyArrival::Bad => {
                let before = state.tip.as_ref().and_then(|tip| tip.before.clone());
                self.keyless = self.keyless.take().or(before);
            }
            KeyArrival::Held | KeyArrival::NoLadder => self.keyless = None,
            KeyArrival::None => {}
        }
    }

    /// A key came by another way than the log.
    pub fn regain(&mut self, keyring: &Keyring) {
        if self.lacks_key_of(keyring).is_none() {
            self.keyless = None;
        }
    }

    /// What the trunk carries need not be remembered besides.
    fn take_branch(&mut self, state: &State, branch: &Branch) {
        self.note_handed_on(branch);
        for id in branch.ops.iter().filter_map(|carried| carried.id(state.home().space)) {
            self.local.remove(&id);
            let step = state.aside.get(&id);
            if let Some(Action::AddDevice(add)) =
                step.and_then(|step| step.applied.as_ref()).map(|applied| &applied.action)
            {
                self.transcripts.entry(add.device.id()).or_insert(add.th);
            }
        }
    }
}

/// The epoch that an op makes, with the commitment to its key.
fn made_by(step: &Arc<Step>) -> Option<(u32, &[u8; 32])> {
    let op = &step.applied.as_ref()?.op;
    (op.epoch_after > op.epoch_before).then_some((op.epoch_after, &op.kc))
}
