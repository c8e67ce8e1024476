//! Composing an op at the present head of a log: keys wrapped, table foretold, signed, sealed.

use super::action::Action;
use super::fold::State;
use super::keyring::Keyring;
use super::log::ControlLog;
use super::op::{ActionBytes, Author, Op, OpSignature, RULES, WrapSlot};
use super::outcome::{Outcome, VoidReason};
use super::rules::{ItemFacts, wraps_hash};
use super::table::{Standing, Table};
use crate::crypto::{
    ControlHead, ControlParts, DeviceKeys, EpochKey, Home, KemPublic, Random, SealError,
    WrapContext, draw, ladder_seal, seal_control, spare_wrap, wrap,
};
use crate::model::id::{DeviceId, OpId, SpaceId};
use wire::hash;
use wire::id::ItemHash;
use wire::limit::{LADDER_BYTES, WRAP_BYTES, WRAPS};

/// Why an op cannot be composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The key of the present epoch is missing.
    #[error("no key for epoch {epoch}")]
    NeedKey {
        /// The epoch.
        epoch: u32,
    },
    /// It would be void.
    #[error("it would have no effect: {0}")]
    Void(VoidReason),
    /// It does not seal: too long, or a recipient's key does not take a wrap.
    #[error("it cannot be sealed")]
    Seal,
}

impl From<VoidReason> for ComposeError {
    fn from(reason: VoidReason) -> Self {
        Self::Void(reason)
    }
}

impl From<SealError> for ComposeError {
    fn from(_: SealError) -> Self {
        Self::Seal
    }
}

/// What a device composes with.
#[derive(Debug, Clone, Copy)]
pub struct Composer<'a> {
    /// The log, as far as it is known.
    pub log: &'a ControlLog,
    /// Its keys.
    pub keyring: &'a Keyring,
    /// The device's own keys.
    pub keys: &'a DeviceKeys,
    /// What the device has read of the data log.
    pub frontier_root: [u8; 32],
}

/// A finished item and the id of the op in it.
#[derive(Debug, Clone)]
pub(super) struct Composed {
    pub(super) op: OpId,
    pub(super) item: Vec<u8>,
}

impl Composer<'_> {
    /// Composes one action at the head of the log.
    pub(super) fn compose(
        &self,
        action: &Action,
        abandons: Vec<OpId>,
        random: &mut dyn Random,
    ) -> Result<Composed, ComposeError> {
        let state = self.log.state();
        let line = state.line_under(action)?;
        let (home, epoch) = (state.home(), line.epoch);
        let held = self.log.commitment(epoch).and_then(|kc| self.keyring.get_committed(epoch, kc));
        let before = held.ok_or(ComposeError::NeedKey { epoch })?;
        let parcel = self.pack(action, before, random)?;
        let author = match action {
            Action::Rekey | Action::Reject { .. } => Author::Voice(self.keys.id()),
            Action::Genesis(_)
            | Action::AddDevice(_)
            | Action::RemoveDevices(_)
            | Action::NewIncarnation(_)
            | Action::JoinSpace(_)
            | Action::Branch(_)
            | Action::Merge(_)
            | Action::Unbuilt { .. } => Author::Seat(self.keys.id()),
        };
        let facts = parcel.facts(state.next_idx(), epoch, before.commitment(home.space, epoch));
        let mut op = draft(state, &parcel, &facts, action.encode());
        op.author = author;
        op.prev = line.base.head();
        op.frontier_root = self.frontier_root;
        op.abandons = abandons;
        op.state_after = state.preview(&facts, &op, action)?.hash(home.space);
        let key = match author {
            Author::Voice(_) => &self.keys.voice,
            Author::Seat(_) | Author::Recovery(_) => &self.keys.seat,
        };
        op.signatures = vec![OpSignature { by: author, signature: op.sign(home.space, key) }];
        let link = Link { state, prev: self.log.last_item_hash() };
        finish(&link, &op, parcel, before, random)
    }

    /// The keys that an action hands out.
    pub(super) fn pack(
        &self,
        action: &Action,
        before: &EpochKey,
        random: &mut dyn Random,
    ) -> Result<Parcel, ComposeError> {
        let state = self.log.state();
        let line = state.line_under(action)?;
        let (space, epoch) = (state.home().space, line.epoch);
        let place = Place { space, idx: line.idx };
        match action {
            Action::AddDevice(add) => {
                let to = vec![(add.device.id().to_bytes(), &add.device.kem)];
                Parcel::pack(place, (before, epoch), &to, random)
            }
            Action::RemoveDevices(removals) => {
                let mut table = Table::clone(state.table());
                for removal in removals {
                    table.remove(removal);
                }
                Parcel::renew(place, (before, epoch), (&table, state.epoch_top()), random)
            }
            Action::Rekey | Action::Reject { .. } => {
                let to = (&**line.base.table(), line.base.epoch_top());
                Parcel::renew(place, (before, epoch), to, random)
            }
            Action::Merge(merge) => {
                let joint = state.joint(merge)?;
                let to = (&joint.table, joint.epoch_top);
                Parcel::renew(place, (before, epoch), to, random)
            }
            Action::NewIncarnation(_)
            | Action::JoinSpace(_)
            | Action::Branch(_)
            | Action::Genesis(_)
            | Action::Unbuilt { .. } => Parcel::pack(place, (before, epoch), &[], random),
        }
    }
}

/// Everybody who gets the key of a new epoch.
pub(super) fn recipients(table: &Table) -> Vec<([u8; 16], &KemPublic)> {
    let members = table.members().filter(|member| member.state == Standing::In);
    let devices = members.map(|member| (member.device.id().to_bytes(), &member.device.kem));
    let phrases =
        table.persons().map(|person| (person.recovery.id().to_bytes(), &person.recovery.kem));
    devices.chain(phrases).collect()
}

/// Where wraps stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) space: SpaceId,
    pub(super) idx: u32,
}

/// The twelve wraps and the ladder of an item.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) epoch_after: u32,
    pub(super) kc: [u8; 32],
    pub(super) slots: Vec<WrapSlot>,
    pub(super) wraps: Vec<[u8; WRAP_BYTES]>,
    pub(super) ladder: [u8; LADDER_BYTES],
    pub(super) makes_epoch: bool,
}

impl Parcel {
    /// A fresh key for everybody in a table, with a ladder down to the key before it. The table comes with the
    /// largest epoch that any op has made.
    fn renew(
        place: Place,
        (before, epoch): (&EpochKey, u32),
        (table, top): (&Table, u32),
        random: &mut dyn Random,
    ) -> Result<Self, ComposeError> {
        let after = EpochKey::generate(random);
        let next = top.checked_add(1).ok_or(VoidReason::Epoch)?;
        let mut parcel = Self::pack(place, (&after, next), &recipients(table), random)?;
        parcel.ladder = ladder_seal(place.space, (&after, next), (before, epoch), random);
        parcel.makes_epoch = true;
        Ok(parcel)
    }

    /// Wraps a key to each recipient, in random order; the other places get spare wraps, the ladder random bytes.
    pub(super) fn pack(
        place: Place,
        (key, epoch): (&EpochKey, u32),
        to: &[([u8; 16], &KemPublic)],
        random: &mut dyn Random,
    ) -> Result<Self, ComposeError> {
        let order = shuffled(random);
        let mut wraps = vec![None; WRAPS];
        let mut slots = Vec::with_capacity(to.len());
        if to.len() > WRAPS {
            return Err(ComposeError::Seal);
        }
        for (&(recipient, kem), &slot) in to.iter().zip(&order) {
            let context = WrapContext { space: place.space, idx: place.idx, epoch, recipient };
            let wrapped = wrap(key, kem, &context, random).map_err(|_| ComposeError::Seal)?;
            if let Some(free) = wraps.get_mut(usize::from(slot)) {
                *free = Some(wrapped);
            }
            slots.push(WrapSlot { recipient, slot });
        }
        slots.sort_unstable_by_key(|slot| slot.recipient);
        let kc = if to.is_empty() { [0; 32] } else { key.commitment(place.space, epoch) };
        let wraps = wraps.into_iter().map(|it| it.unwrap_or_else(|| spare_wrap(random))).collect();
        let ladder = draw(random);
        Ok(Self { epoch_after: epoch, kc, slots, wraps, ladder, makes_epoch: false })
    }

    pub(super) fn facts(&self, idx: u32, epoch_before: u32, opened_with: [u8; 32]) -> ItemFacts {
        ItemFacts {
            idx,
            epoch_before,
            epoch_after: self.epoch_after,
            wraps_hash: wraps_hash(&self.wraps),
            ladder_hash: hash::sha256(&[&self.ladder]),
            opened_with,
        }
    }
}

/// An op at the head, without author, `state_after` and signatures.
pub(super) fn draft(state: &State, parcel: &Parcel, facts: &ItemFacts, action: ActionBytes) -> Op {
    let is_empty = parcel.slots.is_empty();
    Op {
        rules: RULES,
        idx: state.next_idx(),
        prev: state.head(),
        epoch_before: facts.epoch_before,
        epoch_after: facts.epoch_after,
        author: Author::Seat(DeviceId::ZERO),
        frontier_root: [0; 32],
        state_after: [0; 32],
        kc: parcel.kc,
        ladder_hash: if parcel.makes_epoch { facts.ladder_hash } else { [0; 32] },
        wraps_hash: if is_empty { [0; 32] } else { facts.wraps_hash },
        wrap_slots: parcel.slots.clone(),
        abandons: Vec::new(),
        actions: vec![action],
        signatures: Vec::new(),
    }
}

/// After what an item stands.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) state: &'a State,
    pub(super) prev: ItemHash,
}

/// Judges a signed op as every reader will, then seals it.
pub(super) fn finish(
    link: &Link<'_>,
    op: &Op,
    parcel: Parcel,
    before: &EpochKey,
    random: &mut dyn Random,
) -> Result<Composed, ComposeError> {
    let home: Home = link.state.home();
    let body = op.encode();
    let opened_with = before.commitment(home.space, op.epoch_before);
    let facts = parcel.facts(op.idx, op.epoch_before, opened_with);
    let (_, judged) = link.state.fold(&facts, Some(&body), OpId::ZERO);
    match judged.outcome {
        Outcome::Applied => {}
        Outcome::Void(reason) => return Err(ComposeError::Void(reason)),
    }
    let head = ControlHead {
        idx: op.idx,
        epoch_before: op.epoch_before,
        epoch_after: op.epoch_after,
        prev: link.prev,
    };
    let parts = ControlParts { head, body: &body, ladder: parcel.ladder, wraps: parcel.wraps };
    let item = seal_control(before, &home, parts, random)?;
    Ok(Composed { op: judged.op_id, item: item.encode() })
}

/// The twelve places in random order.
fn shuffled(random: &mut dyn Random) -> Vec<u8> {
    let mut drawn: Vec<(u64, u8)> =
        (0..12).map(|slot| (u64::from_be_bytes(draw(random)), slot)).collect();
    drawn.sort_unstable();
    drawn.into_iter().map(|(_, slot)| slot).collect()
}
