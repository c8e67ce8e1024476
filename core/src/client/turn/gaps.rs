//! Gaps that nobody closes: an entry that is named, and that no device can produce, holds up what names it for 30 days.
//! Then it counts as a name without an entry behind it, an incident says who named it, and what waited goes on.

use crate::client::error::Error;
use crate::client::space::gaps::gap_row;
use crate::client::space::state::Space;
use crate::client::turn::aside::go_on;
use crate::client::turn::gather::{Changed, Turn};
use crate::crypto::Random;
use crate::entry::{Incident, Missing, Ticket};
use crate::store::Table;
use core::time::Duration;
use std::collections::BTreeSet;
use wire::time::Timestamp;

/// How long what names a missing entry waits for it.
const WAITS: Duration = Duration::from_hours(30 * 24);

/// Notes gaps that are new, forgets those that closed by themselves, and closes those that are too old.
pub(crate) fn close_gaps(
    space: &mut Space,
    now: Timestamp,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let gap = |ticket: &Ticket| match ticket {
        Ticket::Gap { on, .. } => Some(*on),
        Ticket::Overflow(_) | Ticket::Bulk(_) | Ticket::Dropped(_) => None,
    };
    let open: BTreeSet<Missing> = space.room.tickets().iter().filter_map(gap).collect();
    let known = space.gaps()?;
    let now_ms = now.as_millis();
    let waits = u64::try_from(WAITS.as_millis()).unwrap_or(u64::MAX);
    let mut due = Vec::new();
    let mut turn = Turn::new(space);
    for on in open.iter().filter(|on| !known.iter().any(|(of, ..)| of == *on)) {
        turn.space.put_gap(&mut turn.batch, (*on, now_ms, false), random)?;
    }
    for (on, since, closed) in known {
        if closed {
            continue;
        }
        if !open.contains(&on) {
            if let Some(row) = gap_row(on) {
                turn.batch.delete(Table::Meta, &row);
            }
        } else if since.saturating_add(waits) <= now_ms {
            due.push((on, since));
        }
    }
    for (on, since) in due {
        let (Some(by), Missing::Entry { chain, seq, id }) = (turn.space.named_by(on)?, on) else {
            continue;
        };
        turn.space.put_gap(&mut turn.batch, (on, since, true), random)?;
        turn.space.closed.insert(on);
        turn.report(&Incident::MissingEntry { chain, seq, id, by }, random)?;
        let freed = turn.space.room.release(on);
        turn.ready.extend(freed);
    }
    let mut changed = turn.close(random)?;
    changed.join(go_on(space, random)?);
    Ok(changed)
}
