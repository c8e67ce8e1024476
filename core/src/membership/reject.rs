//! A key that did not arrive is replaced: `Reject`.
//!
//! ```text
//!                 /-- c --- d      sealed under the key that did not arrive: who has no key can read neither
//!   ... --- a --- b
//!                 \-- Reject(b)    sealed under the key before b, a new key for all who are in after b
//! ```
//!
//! What `b` did stands; only its key goes. What was appended after it stands beside the trunk from then on, for
//! everybody, since not everybody can read it. Whoever can carries it in again (`Branch`, `Merge`), and hands on the
//! key that was rejected, so that nobody's words are lost with it.

use super::action::{Action, SpaceKind};
use super::branch::Branch;
use super::fold::State;
use super::intent::Want;
use super::keyring::{Keyring, Recipient};
use super::lineage::Step;
use super::log::ControlLog;
use super::merge::is_effective;
use super::op::{Author, Op};
use super::outcome::{Outcome, VoidReason};
use super::rules::{ItemFacts, author_person};
use crate::crypto::{EpochKey, open_control};
use crate::model::id::{OpId, PersonId};
use std::sync::Arc;
use wire::control::ControlItem;
use wire::hash;

/// Epochs that a person makes in a row.
pub const RENEWALS_MAX: usize = 64;

/// Where an op stands: the state that it follows, its place, and the epoch under which it is sealed.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) base: State,
    pub(super) idx: u32,
    pub(super) epoch: u32,
}

impl State {
    /// Where an op wants to stand.
    pub(super) fn line_of(&self, op: &Op) -> Result<Line, VoidReason> {
        match op.actions.as_slice() {
            [bytes] if bytes.kind == Action::REJECT => self.line_under(&Action::decode(bytes)?),
            _ => Ok(self.line()),
        }
    }

    /// Where an op with this action stands: at the head; a `Reject` right behind the op whose key it replaces.
    pub(super) fn line_under(&self, action: &Action) -> Result<Line, VoidReason> {
        let Action::Reject { idx } = action else { return Ok(self.line()) };
        let step = self.on_line(*idx).ok_or(VoidReason::Chain)?;
        let op = step.applied.as_ref().map(|applied| &applied.op).ok_or(VoidReason::Chain)?;
        if op.epoch_after <= op.epoch_before {
            return Err(VoidReason::Wraps);
        }
        let base = Self {
            home: self.home,
            tip: Some(Arc::clone(step)),
            table: Arc::clone(&step.table),
            aside: Arc::clone(&step.aside),
            merged: Arc::clone(&step.merged),
        };
        Ok(Line { base, idx: self.next_idx(), epoch: op.epoch_before })
    }

    fn line(&self) -> Line {
        Line { base: self.clone(), idx: self.next_idx(), epoch: self.table().epoch() }
    }

    fn on_line(&self, idx: u32) -> Option<&Arc<Step>> {
        self.tip.as_ref()?.back().find(|step| step.idx == idx)
    }

    /// A person replaces a key that the other one made, once, and only before using it: else one could undo the
    /// other's ops at will.
    pub(super) fn may_reject(&self, idx: u32, author: Author) -> Result<(), VoidReason> {
        let step = self.on_line(idx).ok_or(VoidReason::Chain)?;
        let person = author_person(&step.table, author).ok_or(VoidReason::Author)?;
        let signed = |step: &Arc<Step>| {
            let applied = step.applied.as_ref();
            applied.is_some_and(|it| author_person(&step.table, it.op.author) == Some(person))
        };
        let rejects = |step: &Arc<Step>| {
            let action = step.applied.as_ref().map(|applied| &applied.action);
            matches!(action, Some(Action::Reject { idx: at }) if *at == idx)
        };
        let later = self.tip.iter().flat_map(Step::back).take_while(|step| step.idx > idx);
        let own = self.table().kind() == SpaceKind::Shared && signed(step);
        let taken = own || later.into_iter().any(|step| signed(step) || rejects(step));
        if taken { Err(VoidReason::KeyTaken) } else { Ok(()) }
    }
}

impl State {
    /// One person makes 64 epochs in a row, as long as the other asks for nothing. What calls the relay back after a
    /// void item is not counted: that item is the other's doing, or the relay's.
    pub(super) fn may_rekey(&self, author: Author) -> Result<(), VoidReason> {
        let person = author_person(&self.table, author);
        let after_void = self.tip.as_ref().is_some_and(|tip| tip.applied.is_none());
        if self.table.kind() == SpaceKind::Private || after_void {
            return Ok(());
        }
        if self.renewals(person) < RENEWALS_MAX { Ok(()) } else { Err(VoidReason::TooMany) }
    }

    /// How many epochs a person made since somebody else's newest op.
    fn renewals(&self, person: Option<PersonId>) -> usize {
        let ops = self.tip.iter().flat_map(Step::back).filter_map(|step| {
            let applied = step.applied.as_ref()?;
            Some((author_person(&step.table, applied.op.author), &applied.action))
        });
        let own = ops.take_while(|(author, _)| *author == person);
        own.filter(|(_, action)| matches!(action, Action::Rekey)).take(RENEWALS_MAX).count()
    }
}

impl ControlLog {
    /// How many epochs a person made for the other's sake: after a void item, or for a key that did not arrive. Counted
    /// from the newest op on that is about something else than keys, up to [`RENEWALS_MAX`].
    pub fn answers(&self, person: PersonId) -> usize {
        let ops = self.state().tip.iter().flat_map(Step::back).filter_map(|step| {
            let applied = step.applied.as_ref()?;
            Some((author_person(&step.table, applied.op.author), &applied.action))
        });
        let keys = ops.take_while(|(_, action)| match action {
            Action::Rekey | Action::Reject { .. } => true,
            Action::Genesis(_)
            | Action::AddDevice(_)
            | Action::RemoveDevices(_)
            | Action::NewIncarnation(_)
            | Action::JoinSpace(_)
            | Action::Branch(_)
            | Action::Merge(_)
            | Action::Unbuilt { .. } => false,
        });
        keys.filter(|(author, _)| *author == Some(person)).take(RENEWALS_MAX).count()
    }

    /// Whether the key that the op at `idx` brought is not the newest any more.
    pub(super) fn is_replaced(&self, idx: u32) -> bool {
        self.table_at(idx).is_none_or(|table| table.epoch() != self.epoch())
    }

    /// The op whose key this device has no use for without the key itself: where it stands.
    pub fn lacks_key_of(&self, keyring: &Keyring) -> Option<u32> {
        let table = self.table();
        if !table.is_founded() || keyring.get_committed(table.epoch(), table.kc()).is_some() {
            return None;
        }
        let maker = |step: &&Arc<Step>| {
            let op = step.applied.as_ref().map(|applied| &applied.op);
            op.is_some_and(|op| op.epoch_after > op.epoch_before)
        };
        self.state().tip.as_ref()?.back().find(maker).map(|step| step.idx)
    }

    /// This log with what cannot be opened counted as held: at its end a `Reject` can be composed.
    #[must_use]
    pub fn stepped_over(&self, items: &[Vec<u8>]) -> Self {
        let mut log = self.clone();
        for item in items {
            log.step_over(item);
        }
        log
    }

    /// If a `Reject` that holds stands among the next items, goes on to it over those that do not open. Gives how
    /// many these are.
    pub fn step_to_reject(&mut self, items: &[Vec<u8>], keyring: &Keyring) -> Option<usize> {
        let mut log = self.clone();
        for (at, item) in items.iter().enumerate() {
            if !log.follows(item) {
                return None;
            }
            if log.is_reject(item, keyring) {
                *self = log;
                return Some(at);
            }
            log.step_over(item);
        }
        None
    }

    fn is_reject(&self, item: &[u8], keyring: &Keyring) -> bool {
        let Ok(item) = ControlItem::decode(item) else { return false };
        let kc = self.commitment(item.epoch_before);
        let key = kc.and_then(|kc| keyring.get_committed(item.epoch_before, kc));
        let Some(key) = key else { return false };
        let Ok(body) = open_control(key, &self.home(), &item) else { return false };
        let facts = ItemFacts::of(&item, key.commitment(self.home().space, item.epoch_before));
        let (_, judged) = self.state().fold(&facts, Some(body.as_slice()), OpId::ZERO);
        let action = judged.applied.as_ref().map(|applied| &applied.action);
        matches!(action, Some(Action::Reject { .. })) && judged.outcome == Outcome::Applied
    }

    /// What a `Reject` of the op at `idx` leaves behind stands beside the trunk from now on.
    pub(super) fn leave_behind(&mut self, state: &State, idx: u32) {
        let from = usize::try_from(idx).unwrap_or(usize::MAX).saturating_add(1);
        let left: Vec<_> =
            self.steps.iter_mut().skip(from).filter_map(|(_, step)| step.take()).collect();
        let writes_here = self.apart().is_none();
        let before = self.state();
        let carried = before.aside.values().filter(|step| !state.aside.contains_key(&step.op));
        let beside: Vec<_> = carried.chain(&left).cloned().collect();
        self.local.extend(beside.into_iter().map(|step| (step.op, step)));
        if let Some(tip) = left.last() {
            self.left.push(tip.op);
            if writes_here && left.iter().any(is_effective) {
                self.apart = Some(tip.op);
            }
        }
        let rejected = state.on_line(idx).map(|step| (step.table.epoch(), *step.table.kc()));
        if let Some((epoch, kc)) = rejected {
            self.commitments.retain(|of, _| *of < epoch);
            self.rejected.entry((epoch, kc)).or_insert(false);
        }
        self.ends.retain(|_, (_, at)| *at <= idx);
    }

    /// The rejected keys that a branch brings are known to all from now on.
    pub(super) fn note_handed_on(&mut self, branch: &Branch) {
        let space = self.home().space;
        for (epoch, key) in branch.keys() {
            if let Some(known) = self.rejected.get_mut(&(epoch, key.commitment(space, epoch))) {
                *known = true;
            }
        }
    }

    pub(super) fn has_handed_on(&self, branch: &Branch) -> bool {
        let space = self.home().space;
        let known = |(epoch, key): (u32, EpochKey)| {
            self.rejected.get(&(epoch, key.commitment(space, epoch))) == Some(&true)
        };
        branch.keys().all(known)
    }

    /// Whether a key was rejected here: what comes then may have been judged without being read.
    pub fn has_rejected(&self) -> bool {
        !self.rejected.is_empty()
    }

    /// Wants that bring in what `Reject` left behind, and hand on the keys that were rejected, as far as this device
    /// knows them.
    pub fn wants_left(&self, keyring: &Keyring) -> Vec<Want> {
        let mut wants = Vec::new();
        for tip in self.left.iter().filter(|tip| !self.is_merged(**tip)) {
            let step = self.local().get(tip).or_else(|| self.state().aside.get(tip));
            let Some(step) = step else { continue };
            let mut other = self.clone();
            other.state.tip = Some(Arc::clone(step));
            wants.extend(self.wants_of(&other, keyring));
        }
        let owed = self.rejected.iter().filter(|(_, known)| !**known);
        for ((epoch, kc), _) in owed {
            let Some(key) = keyring.get_committed(*epoch, kc) else { continue };
            let keys = vec![(*epoch, *key.as_bytes())];
            wants.push(Want::Branch(Branch { base: self.genesis_op(), ops: Vec::new(), keys }));
        }
        wants
    }

    /// A `Reject` came too late: it changes nothing, but its author has sealed under its key, so that is kept.
    pub(super) fn keep_late_key(
        &mut self,
        (body, item): (Option<&[u8]>, &ControlItem),
        keyring: &mut Keyring,
        me: Option<&Recipient<'_>>,
    ) {
        let Some(op) = body.and_then(|body| Op::decode(body).ok()) else { return };
        let op = op.peek();
        let _arrival = self.arrive(op, item, keyring, me);
        self.rejected.insert((op.epoch_after, op.kc), true);
    }
}

impl ControlLog {
    fn step_over(&mut self, item: &[u8]) {
        let (state, _) = self.state().skip(OpId::ZERO, VoidReason::Unopened);
        self.steps.push((hash::item_hash(item), None));
        self.state = state;
    }
}
