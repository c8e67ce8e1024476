//! The operations of a change, read from its columns one by one, without expanding a run.

use super::column::{Bools, Deltas, Runs};
use super::error::Refused;
use super::leb::Cursor;
use super::limit::OP_COUNTER_MAX;
use super::scan::Columns;

/// An operation's name inside one change: its counter, and its actor's place in the change's table (0: the author).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpName {
    pub(super) counter: u64,
    pub(super) actor: usize,
}

/// Where in its object an operation works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Map(&'a str),
    /// Before the first character.
    Head,
    /// At, or for an insertion after, this character.
    Element(OpName),
}

/// What an operation does. Other actions of Automerge are not in our documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    MakeMap,
    MakeText,
    Put(Scalar),
    Delete,
}

/// The form of a value that is put. Which number or text it is, no rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Bool,
    Int,
    /// A string, and whether it is exactly one character.
    Text {
        single: bool,
    },
}

/// An operation as the change states it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScannedOp<'a> {
    /// None is the root map.
    pub(super) object: Option<OpName>,
    pub(super) key: Key<'a>,
    pub(super) insert: bool,
    pub(super) action: Action,
}

/// Reads operations in order.
pub(super) struct Ops<'a> {
    left: u64,
    actors: usize,
    /// Bit n: the other actor n + 1 was named.
    named: u64,
    object_actor: Runs<'a, u64>,
    object_counter: Runs<'a, u64>,
    key_actor: Runs<'a, u64>,
    key_counter: Deltas<'a>,
    key_text: Runs<'a, &'a str>,
    insert: Bools<'a>,
    action: Runs<'a, u64>,
    value_head: Runs<'a, u64>,
    value: Cursor<'a>,
    pred_count: Runs<'a, u64>,
    preds_left: u64,
    pred_actor: Runs<'a, u64>,
    pred_counter: Deltas<'a>,
}

impl<'a> Ops<'a> {
    pub(super) fn new(columns: &Columns<'a>, count: u64, other_actors: usize) -> Self {
        Self {
            left: count,
            actors: other_actors + 1,
            named: 0,
            object_actor: Runs::new(columns.object_actor),
            object_counter: Runs::new(columns.object_counter),
            key_actor: Runs::new(columns.key_actor),
            key_counter: Deltas::new(columns.key_counter),
            key_text: Runs::new(columns.key_text),
            insert: Bools::new(columns.insert),
            action: Runs::new(columns.action),
            value_head: Runs::new(columns.value_head),
            value: Cursor::new(columns.value),
            pred_count: Runs::new(columns.pred_count),
            preds_left: 0,
            pred_actor: Runs::new(columns.pred_actor),
            pred_counter: Deltas::new(columns.pred_counter),
        }
    }

    /// The next operation; then [`Self::next_pred`] gives what it overwrites, all of which must be read.
    pub(super) fn next(&mut self) -> Result<Option<ScannedOp<'a>>, Refused> {
        if self.left == 0 {
            return self.end().map(|()| None);
        }
        self.left -= 1;
        let object = match (self.object_actor.next()?, self.object_counter.next()?) {
            (None, None) => None,
            (Some(actor), Some(counter)) => Some(self.name(actor, counter)?),
            (Some(_), None) | (None, Some(_)) => return Err(Refused::UnknownObject),
        };
        let key = self.key()?;
        let insert = self.insert.next()?;
        let action = self.action()?;
        self.preds_left = self.pred_count.value()?;
        Ok(Some(ScannedOp { object, key, insert, action }))
    }

    /// The next operation that the current one overwrites.
    pub(super) fn next_pred(&mut self) -> Result<Option<OpName>, Refused> {
        if self.preds_left == 0 {
            return Ok(None);
        }
        self.preds_left -= 1;
        let actor = self.pred_actor.value()?;
        let counter = self.pred_counter.next()?.ok_or(Refused::Uneven)?;
        self.name(actor, counter).map(Some)
    }

    fn key(&mut self) -> Result<Key<'a>, Refused> {
        match (self.key_text.next()?, self.key_actor.next()?, self.key_counter.next()?) {
            (Some(text), None, None) => Ok(Key::Map(text)),
            (None, None, Some(0)) => Ok(Key::Head),
            (None, Some(actor), Some(counter)) => self.name(actor, counter).map(Key::Element),
            (Some(_), ..) | (None, None, _) | (None, Some(_), None) => Err(Refused::Element),
        }
    }

    fn name(&mut self, actor: u64, counter: u64) -> Result<OpName, Refused> {
        if counter == 0 || counter > OP_COUNTER_MAX {
            return Err(Refused::StartOp);
        }
        let actor = usize::try_from(actor).map_err(|_| Refused::ActorIndex)?;
        if actor >= self.actors {
            return Err(Refused::ActorIndex);
        }
        if let Some(other) = actor.checked_sub(1) {
            self.named |= 1 << other;
        }
        Ok(OpName { counter, actor })
    }

    fn action(&mut self) -> Result<Action, Refused> {
        let action = self.action.value()?;
        let head = self.value_head.value()?;
        let len = usize::try_from(head >> 4).map_err(|_| Refused::Value)?;
        let bytes = self.value.take(len).map_err(|_| Refused::Value)?;
        let kind = head & 15;
        match action {
            1 => scalar(kind, bytes).map(Action::Put),
            // Nothing but a put carries a value: it would be lost, and the change be another.
            0 | 3 | 4 if kind != 0 || len != 0 => Err(Refused::Value),
            0 => Ok(Action::MakeMap),
            3 => Ok(Action::Delete),
            4 => Ok(Action::MakeText),
            2 | 5..=u64::MAX => Err(Refused::Action),
        }
    }

    /// Nothing may be left over, and every actor of the table was named.
    fn end(&mut self) -> Result<(), Refused> {
        if !self.value.is_empty() {
            return Err(Refused::Value);
        }
        if self.preds_left != 0 || self.pred_actor.next()?.is_some() {
            return Err(Refused::Uneven);
        }
        let others = u32::try_from(self.actors - 1).map_err(|_| Refused::Actors)?;
        if self.named.count_ones() == others { Ok(()) } else { Err(Refused::Actors) }
    }
}

/// Bool, int and string only; nulls, floats, bytes, counters, times, and unknown types are not in our documents.
fn scalar(kind: u64, bytes: &[u8]) -> Result<Scalar, Refused> {
    match kind {
        1 | 2 if bytes.is_empty() => Ok(Scalar::Bool),
        4 => {
            let mut cursor = Cursor::new(bytes);
            cursor.signed().map_err(|_| Refused::Value)?;
            if cursor.is_empty() { Ok(Scalar::Int) } else { Err(Refused::Value) }
        }
        6 => {
            let text = std::str::from_utf8(bytes).map_err(|_| Refused::Utf8)?;
            let mut chars = text.chars();
            Ok(Scalar::Text { single: chars.next().is_some() && chars.next().is_none() })
        }
        0..=u64::MAX => Err(Refused::Value),
    }
}
