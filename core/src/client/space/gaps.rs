//! Gaps that nobody closes: an entry that is named, and that no device can produce, holds up what names it for 30 days.
//! Then it counts as a name without an entry behind it, an incident says who named it, and what waited goes on.

use crate::client::error::Error;
use crate::client::node::machine::{Node, Now};
use crate::client::space::state::Space;
use crate::client::turn::aside::go_on;
use crate::client::turn::gather::{Changed, Turn};
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Entry, Incident, Missing, Ticket};
use crate::membership::SpaceKind;
use crate::model::id::{ChainId, DeviceId};
use crate::store::{Batch, Table};
use core::time::Duration;
use std::collections::BTreeSet;
use wire::codec::{Reader, Writer};
use wire::time::Timestamp;

/// Begins the rows of gaps: since when each is known, and whether it is closed.
const META_GAP: &[u8] = b"gap";
/// How long what names a missing entry waits for it.
const WAITS: Duration = Duration::from_hours(30 * 24);

impl Space {
    pub(crate) fn load_gaps(&mut self) -> Result<(), Error> {
        for (on, _, closed) in self.gaps()? {
            if closed {
                self.closed.insert(on);
            }
        }
        Ok(())
    }

    fn gaps(&self) -> Result<Vec<(Missing, u64, bool)>, Error> {
        let mut gaps = Vec::new();
        for row in self.shelf.prefix(Table::Meta, META_GAP)? {
            let mut id = Reader::new(row.id.get(META_GAP.len()..).unwrap_or_default());
            let chain = ChainId { device: DeviceId::from_bytes(id.array()?), inc: id.u16()? };
            let on = Missing::Entry { chain, seq: id.u64()?, id: id.array()? };
            let mut body = Reader::new(&row.body);
            gaps.push((on, body.u64()?, body.u8()? == 1));
        }
        Ok(gaps)
    }

    /// Who named a missing entry as something they had seen, of those that wait for it. Whoever misses the entry
    /// before in their own chain names nothing of others: that gap stays.
    fn named_by(&self, on: Missing) -> Result<Option<ChainId>, Error> {
        let Missing::Entry { chain, .. } = on else { return Ok(None) };
        for envelope in self.room.waiting_for(on) {
            let Some(row) = self.shelf.get(Table::Waiting, envelope.as_bytes())? else { continue };
            let Ok(entry) = Entry::decode(self.home.space, &row.body) else { continue };
            let by = entry.peek().header.chain;
            if by != chain {
                return Ok(Some(by));
            }
        }
        Ok(None)
    }

    fn put_gap(
        &self,
        batch: &mut Batch,
        (on, since, closed): (Missing, u64, bool),
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(row) = gap_row(on) else { return Ok(()) };
        let mut body = Writer::new();
        body.u64(since).u8(u8::from(closed));
        self.shelf.put(batch, Place::new(Table::Meta, &row), body.as_slice(), random)
    }
}

fn gap_row(on: Missing) -> Option<Vec<u8>> {
    let Missing::Entry { chain, seq, id } = on else { return None };
    let mut row = Writer::new();
    row.bytes(META_GAP).bytes(chain.device.as_bytes()).u16(chain.inc).u64(seq).bytes(&id);
    Some(row.into_bytes())
}

/// Notes gaps that are new, forgets those that closed by themselves, and closes those that are too old.
fn close_gaps(
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

impl Node {
    /// Looks after the gaps of both spaces.
    pub(crate) fn settle_gaps(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        for kind in [SpaceKind::Private, SpaceKind::Shared] {
            let slot = match kind {
                SpaceKind::Private => &mut self.session.private,
                SpaceKind::Shared => &mut self.session.shared,
            };
            let Some(space) = slot.space_mut() else { continue };
            let changed = close_gaps(space, now.timestamp, random)?;
            self.notice_changed(changed);
        }
        Ok(())
    }
}
