//! What the accepted changes of a document hold, as the op check needs it: objects, places, what overwrote what.
//!
//! Answers depend on a change and its causal past only: each change keeps its clock, and a look-up that leads
//! outside the asker's clock finds nothing.

use super::change::{ActorId, Place};
use std::collections::BTreeMap;

/// An operation by the place of its change in the index, and its own place in that change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpRef {
    pub(super) change: u32,
    pub(super) offset: u32,
}

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
#[derive(Debug, Clone, Copy)]
pub(super) struct OpFacts {
    /// None is the root map.
    pub(super) object: Option<OpRef>,
    /// The number of the map key; none in a text.
    pub(super) key: Option<u32>,
    pub(super) kind: OpKind,
    /// How deep the object stands that this operation made.
    pub(super) depth: u8,
}

/// One actor's newest value at one map key.
pub(super) type Latest = (Option<OpRef>, u32, u16);

/// A change that passed every rule, with what it adds.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) hash: [u8; 32],
    pub(super) place: Place,
    pub(super) start_op: u64,
    pub(super) clock: Clock,
    pub(super) ops: Vec<OpFacts>,
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
    ops: Vec<OpFacts>,
}

impl Known {
    /// The counter after the last operation.
    pub(super) fn next_op(&self) -> u64 {
        self.start_op + self.ops.len() as u64
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
    changes: Vec<Known>,
    by_hash: BTreeMap<[u8; 32], u32>,
    keys: Vec<String>,
    key_numbers: BTreeMap<String, u32>,
    /// The changes that overwrote an operation: at most one of each actor.
    overwritten: BTreeMap<OpRef, Vec<u32>>,
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
            self.key_numbers
                .insert(key.clone(), u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
            self.keys.push(key);
        }
        for target in &undo.overwritten {
            self.overwritten.entry(*target).or_default().push(change);
        }
        for (place, op) in checked.latest {
            undo.latest.push((place, self.latest.insert(place, op)));
        }
        self.by_hash.insert(checked.hash, change);
        if let Some(chain) = self.by_actor.get_mut(usize::from(actor)) {
            chain.push(change);
        }
        self.changes.push(Known {
            hash: checked.hash,
            place: checked.place,
            actor,
            start_op: checked.start_op,
            clock: checked.clock,
            ops: checked.ops,
        });
        undo
    }

    /// Takes the last change out again. Undone in reverse order, the index is as before.
    pub(super) fn undo(&mut self, undo: Undo) {
        let Some(last) = self.changes.pop() else { return };
        self.by_hash.remove(&last.hash);
        if let Some(chain) = self.by_actor.get_mut(usize::from(last.actor)) {
            chain.pop();
        }
        for target in undo.overwritten {
            if let Some(by) = self.overwritten.get_mut(&target) {
                by.pop();
                if by.is_empty() {
                    self.overwritten.remove(&target);
                }
            }
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
    }

    fn add_actor(&mut self, actor: ActorId) -> u16 {
        if let Some(number) = self.actor_numbers.get(&actor) {
            return *number;
        }
        let number = self.next_actor();
        self.actors.push(actor);
        self.by_actor.push(Vec::new());
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
    pub(super) fn next_key(&self) -> u32 {
        u32::try_from(self.keys.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn actor(&self, actor: ActorId) -> Option<u16> {
        self.actor_numbers.get(&actor).copied()
    }

    pub(super) fn key(&self, key: &str) -> Option<u32> {
        self.key_numbers.get(key).copied()
    }

    /// How many changes of this actor are accepted.
    pub(super) fn changes_of(&self, actor: u16) -> u64 {
        self.by_actor.get(usize::from(actor)).map_or(0, |chain| chain.len() as u64)
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
        let offset = counter - known.start_op;
        let offset = u32::try_from(offset).ok().filter(|_| offset < known.ops.len() as u64)?;
        Some(OpRef { change, offset })
    }

    pub(super) fn facts(&self, op: OpRef) -> Option<OpFacts> {
        self.known(op.change)?.ops.get(usize::try_from(op.offset).ok()?).copied()
    }

    /// Whether something in the past that `clock` describes overwrote the operation.
    pub(super) fn is_overwritten(&self, op: OpRef, clock: &Clock) -> bool {
        self.overwritten.get(&op).is_some_and(|changes| {
            changes.iter().any(|change| {
                self.known(*change).is_some_and(|known| {
                    past(clock, known.actor) >= past(&known.clock, known.actor)
                })
            })
        })
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
