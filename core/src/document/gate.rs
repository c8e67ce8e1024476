//! The header rules: who wrote a change, after what, and with which numbers.
//!
//! The rules ask only about the change, its entry and its causal past, never about what else is here.

use super::change::{ActorId, Incoming, Place};
use super::error::Refused;
use super::index::{Checked, Clock, Index, Undo, past};
use super::limit::{
    BYTES_PER_AUTHOR_MAX, CHANGES_PER_AUTHOR_MAX, CHANGES_PER_ENTRY_MAX, OP_COUNTER_MAX,
    OPS_PER_AUTHOR_MAX, OPS_PER_ENTRY_MAX,
};
use super::op_check::check_ops;
use super::scan::{Scanned, scan};
use super::schema::DocumentKind;
use std::collections::BTreeMap;

/// Checks a raw change as far as its bytes go: what an entry's reader may do before the document is at hand.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_bytes(raw: &[u8]) -> Result<(), Refused> {
    let scanned = scan(raw)?;
    let mut ops = scanned.ops();
    while ops.next()?.is_some() {
        while ops.next_pred()?.is_some() {}
    }
    Ok(())
}

/// How many operations a change holds, as its columns say: what it costs, before anything else of it is looked at.
/// None for bytes that are no change.
pub fn count_ops(raw: &[u8]) -> Option<u64> {
    scan(raw).ok().map(|scanned| scanned.op_count)
}

/// Whether the author's share of the document has room. It asks only about the author's own earlier changes, which are
/// always in a change's past: so all devices judge alike.
fn has_share(index: &Index, author: Option<u16>, scanned: &Scanned<'_>) -> bool {
    let written = author.map(|author| index.written(author)).unwrap_or_default();
    written.changes < CHANGES_PER_AUTHOR_MAX
        && written.ops.saturating_add(scanned.op_count) <= OPS_PER_AUTHOR_MAX
        && written.bytes.saturating_add(scanned.len as u64) <= BYTES_PER_AUTHOR_MAX
}

/// Lets all changes of one entry into the index, or none.
///
/// # Errors
/// Why the first bad one is refused.
pub(super) fn admit(
    index: &mut Index,
    kind: DocumentKind,
    incoming: &Incoming,
) -> Result<Vec<Undo>, Refused> {
    if incoming.changes.len() > CHANGES_PER_ENTRY_MAX {
        return Err(Refused::Size);
    }
    let mut ops_left = OPS_PER_ENTRY_MAX;
    let mut undo = Vec::with_capacity(incoming.changes.len());
    for raw in &incoming.changes {
        let checked = scan(raw).and_then(|scanned| {
            ops_left = ops_left.checked_sub(scanned.op_count).ok_or(Refused::Items)?;
            check(index, kind, &scanned, incoming)
        });
        match checked {
            Ok(checked) => undo.push(index.add(checked)),
            Err(refused) => {
                take_back(index, undo);
                return Err(refused);
            }
        }
    }
    Ok(undo)
}

/// Takes the last admitted changes out again.
pub(super) fn take_back(index: &mut Index, undo: Vec<Undo>) {
    for step in undo.into_iter().rev() {
        index.undo(step);
    }
}

/// Lets in a change that is our own or was accepted before.
///
/// # Errors
/// As [`admit`]: our own changes obey the same rules.
pub(super) fn admit_own(
    index: &mut Index,
    kind: DocumentKind,
    place: Place,
    raw: &[u8],
) -> Result<Undo, Refused> {
    let scanned = scan(raw)?;
    let header = Header { place, seen: None };
    let checked = check_header(index, &scanned, &header)
        .and_then(|clock| check_ops(index, kind, &scanned, (place, clock)))?;
    Ok(index.add(checked))
}

fn check(
    index: &Index,
    kind: DocumentKind,
    scanned: &Scanned<'_>,
    incoming: &Incoming,
) -> Result<Checked, Refused> {
    let header = Header { place: incoming.place, seen: Some(&incoming.seen) };
    let clock = check_header(index, scanned, &header)?;
    check_ops(index, kind, scanned, (incoming.place, clock))
}

struct Header<'a> {
    place: Place,
    /// None where the past was judged before.
    seen: Option<&'a BTreeMap<ActorId, u64>>,
}

impl Header<'_> {
    fn covers(&self, dep: Place) -> bool {
        self.seen.is_none_or(|seen| {
            if dep.actor == self.place.actor {
                dep.entry <= self.place.entry
            } else {
                seen.get(&dep.actor).is_some_and(|newest| dep.entry <= *newest)
            }
        })
    }
}

/// The change's clock, itself included.
fn check_header(
    index: &Index,
    scanned: &Scanned<'_>,
    header: &Header<'_>,
) -> Result<Clock, Refused> {
    if scanned.actor != header.place.actor {
        return Err(Refused::Actor);
    }
    let own = index.actor(scanned.actor);
    if scanned.seq != 1 + own.map_or(0, |own| index.changes_of(own)) {
        return Err(Refused::Sequence);
    }
    if !has_share(index, own, scanned) {
        return Err(Refused::Full);
    }
    let mut clock = Clock::new();
    let mut next_op = 1;
    for hash in scanned.deps {
        let dep =
            index.change(hash).filter(|dep| header.covers(dep.place)).ok_or(Refused::UnknownDep)?;
        next_op = next_op.max(dep.next_op());
        if clock.len() < dep.clock.len() {
            clock.resize(dep.clock.len(), 0);
        }
        for (mine, theirs) in clock.iter_mut().zip(&dep.clock) {
            *mine = (*mine).max(*theirs);
        }
    }
    let own = own.unwrap_or_else(|| index.next_actor());
    if past(&clock, own) != scanned.seq - 1 {
        return Err(Refused::OwnPast);
    }
    let last_op = scanned.start_op.saturating_add(scanned.op_count);
    if scanned.start_op != next_op || last_op > OP_COUNTER_MAX {
        return Err(Refused::StartOp);
    }
    let own = usize::from(own);
    if clock.len() <= own {
        clock.resize(own + 1, 0);
    }
    if let Some(mine) = clock.get_mut(own) {
        *mine = scanned.seq;
    }
    Ok(clock)
}
