//! The control log of one space: items in, tables out. Items themselves are kept by the store.

use super::action::{Action, Genesis};
use super::fold::{Judged, State};
use super::keyring::{Keyring, Recipient};
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
    state: State,
    steps: Vec<Step>,
    genesis: Option<Genesis>,
    commitments: BTreeMap<u32, [u8; 32]>,
    transcripts: BTreeMap<DeviceId, [u8; 32]>,
    ends: BTreeMap<ChainId, (u64, u32)>,
}

#[derive(Debug, Clone)]
struct Step {
    op_id: OpId,
    item_hash: ItemHash,
    outcome: Outcome,
    table: Arc<Table>,
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
            Some(applied) => self.arrive(&applied.op, &decoded, keyring, me),
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
        self.steps.last().map_or(ItemHash::ZERO, |step| step.item_hash)
    }

    /// The newest op, void or not. [`None`] before any.
    pub fn head(&self) -> Option<Head> {
        let idx = self.next_idx().checked_sub(1)?;
        Some(Head { idx, op: self.state.head() })
    }

    /// Whether the op at `idx` has an id that begins like this.
    pub fn head_is_known(&self, idx: u32, id: &[u8; 16]) -> bool {
        self.op_id_at(idx).is_some_and(|op| op.as_bytes().starts_with(id))
    }

    /// The id of an op.
    pub fn op_id_at(&self, idx: u32) -> Option<OpId> {
        self.step(idx).map(|step| step.op_id)
    }

    /// The hash of an item.
    pub fn item_hash_at(&self, idx: u32) -> Option<ItemHash> {
        self.step(idx).map(|step| step.item_hash)
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

    /// The commitments to all keys that ops which hold have made, by epoch.
    pub fn commitments(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        self.commitments.iter().map(|(epoch, kc)| (*epoch, kc))
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

    fn step(&self, idx: u32) -> Option<&Step> {
        self.steps.get(usize::try_from(idx).ok()?)
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
    fn follows(&self, item: &[u8]) -> bool {
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
    fn arrive(
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
            keyring.remove(epoch);
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
            (keyring.get(op.epoch_after), self.commitments.get(&op.epoch_before))
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
            self.commitments.insert(state.table().epoch(), *state.table().kc());
            for member in state.table().members() {
                let Some(cut) = member.cut else { continue };
                let chain = ChainId { device: member.device.id(), inc: cut.inc };
                self.ends.entry(chain).or_insert((cut.seq, idx));
            }
            match applied.action {
                Action::Genesis(genesis) => self.genesis = Some(genesis),
                Action::AddDevice(add) => {
                    self.transcripts.insert(add.device.id(), add.th);
                }
                Action::Rekey
                | Action::NewIncarnation(_)
                | Action::JoinSpace(_)
                | Action::Unbuilt { .. } => {}
            }
        }
        self.steps.push(Step {
            op_id: judged.op_id,
            item_hash: hash::item_hash(item),
            outcome: judged.outcome,
            table: Arc::clone(state.table()),
        });
        self.state = state;
        let incident = match judged.outcome {
            Outcome::Void(reason) if reason.is_incident() => Some(reason),
            Outcome::Void(_) | Outcome::Applied => None,
        };
        Folded { idx, op: judged.op_id, outcome: judged.outcome, incident, key }
    }
}
