//! What the accepted changes of a document hold, as the op check needs it: objects, places, what overwrote what.
//!
//! Answers depend on a change and its causal past only: each change keeps its clock, and a look-up that leads
//! outside the asker's clock finds nothing.

use super::change::{ActorId, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// An operation by the place of its change in the index, and its own place in that change. Packed, as there are many:
/// a refusal must stay small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpRef {
    /// From 1.
    change: NonZeroU32,
    offset: u32,
}

impl OpRef {
    pub(super) const fn new(change: u32, offset: u32) -> Self {
        Self { change: NonZeroU32::MIN.saturating_add(change), offset }
    }

    pub(super) const fn change(self) -> u32 {
        self.change.get() - 1
    }

    pub(super) const fn offset(self) -> u32 {
        self.offset
    }
}

/// The number of a map key in the index, from 1.
pub(super) type KeyNumber = NonZeroU32;

/// For each actor (by number), how many of its changes are in the past.
pub(super) type Clock = Vec<u64>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpKind {
    Map,
    Text,
    Put,
    /// A character of a text.
    Insert,
    Delete,
}

/// What later operations may need to know of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpFacts {
    /// None is the root map.
    pub(super) object: Option<OpRef>,
    /// The number of the map key; none in a text.
    pub(super) key: Option<KeyNumber>,
    pub(super) kind: OpKind,
    /// How deep the object stands that this operation made.
    pub(super) depth: u8,
}

/// One actor's newest value at one map key.
pub(super) type Latest = (Option<OpRef>, KeyNumber, u16);

/// The facts of a change's operations: as a rule long runs of the same, the characters of one text.
#[derive(Debug, Default)]
pub(super) struct OpList {
    len: u32,
    /// From which place on.
    runs: Vec<(u32, OpFacts)>,
}

impl OpList {
    pub(super) fn push(&mut self, facts: OpFacts) {
        if self.runs.last().is_none_or(|(_, last)| *last != facts) {
            self.runs.push((self.len, facts));
        }
        self.len += 1;
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn get(&self, offset: u32) -> Option<OpFacts> {
        let after = self.runs.partition_point(|(from, _)| *from <= offset);
        let (_, facts) = self.runs.get(after.checked_sub(1)?)?;
        (offset < self.len).then_some(*facts)
    }
}

/// A change that passed every rule, with what it adds.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) hash: [u8; 32],
    pub(super) len: u64,
    pub(super) place: Place,
    pub(super) start_op: u64,
    pub(super) clock: Clock,
    pub(super) ops: OpList,
    pub(super) overwritten: Vec<OpRef>,
    pub(super) latest: BTreeMap<Latest, OpRef>,
    pub(super) new_keys: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) hash: [u8; 32],
    pub(super) place: Place,
    actor: u16,
    start_op: u64,
    /// Includes the change itself.
    pub(super) clock: Clock,
    ops: OpList,
    len: u64,
}

/// What an author has written so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) changes: u64,
    pub(super) ops: u64,
    pub(super) bytes: u64,
}

impl Known {
    /// The counter after the last operation.
    pub(super) fn next_op(&self) -> u64 {
        self.start_op + u64::from(self.ops.len())
    }
}

/// What takes the last change out again.
#[derive(Debug)]
pub(super) struct Undo {
    actors: usize,
    keys: usize,
    overwritten: Vec<OpRef>,
    latest: Vec<(Latest, Option<OpRef>)>,
}

#[derive(Debug, Default)]
pub(super) struct Index {
    actors: Vec<ActorId>,
    actor_numbers: BTreeMap<ActorId, u16>,
    /// For each actor its changes, in order of `seq`.
    by_actor: Vec<Vec<u32>>,
    /// For each actor, how much those hold.
    written: Vec<Written>,
    changes: Vec<Known>,
    by_hash: BTreeMap<[u8; 32], u32>,
    keys: Vec<String>,
    key_numbers: BTreeMap<String, KeyNumber>,
    /// Change and offset of an operation, and a change that overwrote it: at most one of each actor.
    overwritten: BTreeSet<(u32, u32, u32)>,
    latest: BTreeMap<Latest, OpRef>,
}

impl Index {
    /// Takes a checked change in.
    pub(super) fn add(&mut self, checked: Checked) -> Undo {
        let change = self.next_change();
        let mut undo = Undo {
            actors: self.actors.len(),
            keys: self.keys.len(),
            overwritten: checked.overwritten,
            latest: Vec::with_capacity(checked.latest.len()),
        };
        let actor = self.add_actor(checked.place.actor);
        for key in checked.new_keys {
            self.key_numbers.insert(key.clone(), self.next_key());
            self.keys.push(key);
        }
        for target in &undo.overwritten {
            self.overwritten.insert((target.change(), target.offset(), change));
        }
        for (place, op) in checked.latest {
            undo.latest.push((place, self.latest.insert(place, op)));
        }
        self.by_hash.insert(checked.hash, change);
        if let Some(chain) = self.by_actor.get_mut(usize::from(actor)) {
            chain.push(change);
        }
        if let Some(written) = self.written.get_mut(usize::from(actor)) {
            written.changes += 1;
            written.ops += u64::from(checked.ops.len());
            written.bytes += checked.len;
        }
        self.changes.push(Known {
            hash: checked.hash,
            place: checked.place,
            actor,
            start_op: checked.start_op,
            clock: checked.clock,
            ops: checked.ops,
            len: checked.len,
        });
        undo
    }

    /// Takes the last change out again. Undone in reverse order, the index is as before.
    pub(super) fn undo(&mut self, undo: Undo) {
        let Some(last) = self.changes.pop() else { return };
        let change = self.next_change();
        self.by_hash.remove(&last.hash);
        if let Some(chain) = self.by_actor.get_mut(usize::from(last.actor)) {
            chain.pop();
        }
        if let Some(written) = self.written.get_mut(usize::from(last.actor)) {
            written.changes -= 1;
            written.ops -= u64::from(last.ops.len());
            written.bytes -= last.len;
        }
        for target in undo.overwritten {
            self.overwritten.remove(&(target.change(), target.offset(), change));
        }
        for (place, before) in undo.latest {
            match before {
                Some(op) => self.latest.insert(place, op),
                None => self.latest.remove(&place),
            };
        }
        for key in self.keys.drain(undo.keys..) {
            self.key_numbers.remove(&key);
        }
        for actor in self.actors.drain(undo.actors..) {
            self.actor_numbers.remove(&actor);
        }
        self.by_actor.truncate(undo.actors);
        self.written.truncate(undo.actors);
    }

    fn add_actor(&mut self, actor: ActorId) -> u16 {
        if let Some(number) = self.actor_numbers.get(&actor) {
            return *number;
        }
        let number = self.next_actor();
        self.actors.push(actor);
        self.by_actor.push(Vec::new());
        self.written.push(Written::default());
        self.actor_numbers.insert(actor, number);
        number
    }

    /// The number that the next change gets.
    pub(super) fn next_change(&self) -> u32 {
        u32::try_from(self.changes.len()).unwrap_or(u32::MAX)
    }

    /// The number that the next new actor gets: a space has at most 255 chains.
    pub(super) fn next_actor(&self) -> u16 {
        u16::try_from(self.actors.len()).unwrap_or(u16::MAX)
    }

    /// The number that the next new key gets.
    pub(super) fn next_key(&self) -> KeyNumber {
        KeyNumber::MIN.saturating_add(u32::try_from(self.keys.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn actor(&self, actor: ActorId) -> Option<u16> {
        self.actor_numbers.get(&actor).copied()
    }

    pub(super) fn key(&self, key: &str) -> Option<KeyNumber> {
        self.key_numbers.get(key).copied()
    }

    /// How many changes of this actor are accepted.
    pub(super) fn changes_of(&self, actor: u16) -> u64 {
        self.by_actor.get(usize::from(actor)).map_or(0, |chain| chain.len() as u64)
    }

    /// How much this actor has written.
    pub(super) fn written(&self, actor: u16) -> Written {
        self.written.get(usize::from(actor)).copied().unwrap_or_default()
    }

    pub(super) fn change(&self, hash: &[u8; 32]) -> Option<&Known> {
        self.by_hash.get(hash).and_then(|number| self.known(*number))
    }

    /// All changes in the order they were accepted.
    pub(super) fn changes(&self) -> &[Known] {
        &self.changes
    }

    /// The operation of that actor and counter, if it is in the past that `clock` describes.
    pub(super) fn find(&self, actor: u16, counter: u64, clock: &Clock) -> Option<OpRef> {
        let chain = self.by_actor.get(usize::from(actor))?;
        let starts_before = chain.partition_point(|change| {
            self.known(*change).is_some_and(|known| known.start_op <= counter)
        });
        let at = starts_before.checked_sub(1)?;
        if at as u64 >= past(clock, actor) {
            return None;
        }
        let change = *chain.get(at)?;
        let known = self.known(change)?;
        let offset = u32::try_from(counter - known.start_op).ok()?;
        (offset < known.ops.len()).then(|| OpRef::new(change, offset))
    }

    pub(super) fn facts(&self, op: OpRef) -> Option<OpFacts> {
        self.known(op.change())?.ops.get(op.offset())
    }

    /// Whether something in the past that `clock` describes overwrote the operation.
    pub(super) fn is_overwritten(&self, op: OpRef, clock: &Clock) -> bool {
        let (change, offset) = (op.change(), op.offset());
        self.overwritten.range((change, offset, 0)..=(change, offset, u32::MAX)).any(
            |(_, _, by)| {
                self.known(*by).is_some_and(|known| {
                    past(clock, known.actor) >= past(&known.clock, known.actor)
                })
            },
        )
    }

    pub(super) fn latest(&self, place: &Latest) -> Option<OpRef> {
        self.latest.get(place).copied()
    }

    fn known(&self, change: u32) -> Option<&Known> {
        self.changes.get(usize::try_from(change).ok()?)
    }
}

/// How many changes of the actor are in the past that `clock` describes.
pub(super) fn past(clock: &Clock, actor: u16) -> u64 {
    clock.get(usize::from(actor)).copied().unwrap_or(0)
}
