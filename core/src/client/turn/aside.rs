//! What is of no use, or not yet: kept with its bytes and its place in the order, within bounds, and looked at again
//! by a newer program.

use crate::client::error::Error;
use crate::client::space::quarantine::{
    ASIDE_ENTRY, ASIDE_NO_KEY, ASIDE_REFUSED, META_DROPPED, put_rules,
};
use crate::client::space::state::Space;
use crate::client::space::suspects::{ASIDE_SUSPECT, Trust};
use crate::client::turn::gather::{Changed, Origin, Turn};
use crate::client::turn::withdraw::make_way;
use crate::client::vault::shelf::{Place, Shelf};
use crate::crypto::Random;
use crate::entry::{EntryError, Incident, Overflow};
use crate::model::id::{EntryId, PersonId};
use crate::store::{Batch, Direction, Table};

/// How many envelopes of one space may wait for a key.
const NO_KEY_MAX: u64 = 1_000;
/// How many incidents of the common kinds are written down.
const INCIDENTS_MAX: u64 = 4_096;
/// How many rows are looked at again at a time.
const RETRY_ROWS: usize = 4;

impl Turn<'_> {
    /// Keeps an envelope whose epoch key is not here yet. Past the bound it is pulled again later, if its epoch is one
    /// that there is.
    pub(crate) fn park(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        epoch: u32,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let parked = self.space.shelf.store().count_state(Table::Quarantine, ASIDE_NO_KEY)?;
        if parked.saturating_add(self.parked) < NO_KEY_MAX {
            self.parked = self.parked.saturating_add(1);
            self.keep(origin, bytes, ASIDE_NO_KEY);
            return Ok(());
        }
        if epoch > self.space.log.epoch() {
            return self.unreadable(origin, bytes, random);
        }
        let overflow = self.space.room.overflow(PersonId::ZERO, origin.position);
        self.ticket(overflow, random)
    }

    /// A ticket for what found no place: pulled again later.
    pub(crate) fn ticket(
        &mut self,
        overflow: Overflow,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let place = Place::new(Table::Tickets, overflow.person.as_bytes());
        self.space.shelf.put(&mut self.batch, place, &overflow.encode(), random)?;
        let Overflow { person, position, count } = overflow;
        self.report(&Incident::WaitingRoomFull { person, position, count }, random)
    }

    pub(crate) fn unreadable(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Origin { envelope, position } = origin;
        if self.has_place(origin, bytes.len(), random)? {
            self.keep(origin, bytes, ASIDE_REFUSED);
            self.report(&Incident::UnreadableEnvelope { position, envelope }, random)?;
        }
        Ok(())
    }

    pub(crate) fn refused(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        error: EntryError,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Origin { envelope, position } = origin;
        if self.has_place(origin, bytes.len(), random)? {
            self.keep(origin, bytes, ASIDE_REFUSED);
            self.report(&Incident::RefusedEntry { position, envelope, error }, random)?;
        }
        Ok(())
    }

    /// As [`Turn::refused`], of an entry that had waited: its envelope is not here any more.
    pub(crate) fn refused_entry(
        &mut self,
        origin: Origin,
        bytes: &[u8],
        error: EntryError,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Origin { envelope, position } = origin;
        if self.has_place(origin, bytes.len(), random)? {
            let place = Place::new(Table::Quarantine, envelope.as_bytes())
                .order(u128::from(position).to_be_bytes())
                .state(ASIDE_ENTRY);
            self.space.shelf.put(&mut self.batch, place, bytes, random)?;
            self.report(&Incident::RefusedEntry { position, envelope, error }, random)?;
        }
        Ok(())
    }

    /// Whether one more is kept. If not, it is counted, and its position remembered.
    fn has_place(
        &mut self,
        origin: Origin,
        bytes: usize,
        random: &mut dyn Random,
    ) -> Result<bool, Error> {
        let there = self.space.shelf.store().get(Table::Quarantine, origin.envelope.as_bytes())?;
        if there.is_some() {
            return Ok(true);
        }
        if self.space.has_place_aside(bytes) {
            let (count, all) = &mut self.space.refused;
            *count = count.saturating_add(1);
            *all = all.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            return Ok(true);
        }
        let position = origin.position;
        let none = Overflow { person: PersonId::ZERO, position, count: 0 };
        let dropped = self.space.dropped.get_or_insert(none);
        dropped.position = dropped.position.min(position);
        dropped.count = dropped.count.saturating_add(1);
        let Overflow { position, count, .. } = *dropped;
        let row = dropped.encode();
        let place = Place::new(Table::Meta, META_DROPPED);
        self.space.shelf.put(&mut self.batch, place, &row, random)?;
        self.report(&Incident::AsideFull { position, count }, random)?;
        Ok(false)
    }

    fn keep(&mut self, origin: Origin, bytes: Vec<u8>, state: u8) {
        self.weigh(bytes.len());
        let place = Place::new(Table::Quarantine, origin.envelope.as_bytes())
            .order(u128::from(origin.position).to_be_bytes())
            .state(state);
        Shelf::put_sealed(&mut self.batch, place, bytes);
    }

    /// Writes an incident down, once; of the common kinds so many, and the rest is counted.
    pub(crate) fn report(
        &mut self,
        incident: &Incident,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let key = incident.key();
        let store = self.space.shelf.store();
        if store.get(Table::Incidents, &key)?.is_none() {
            if incident.is_common() && store.count(Table::Incidents)? >= INCIDENTS_MAX {
                self.unlisted = self.unlisted.saturating_add(1);
                return Ok(());
            }
            self.changed.incidents = self.changed.incidents.saturating_add(1);
        }
        let place = Place::new(Table::Incidents, &key);
        self.space.shelf.put(&mut self.batch, place, &incident.encode(), random)
    }

    /// Counts the incidents of this turn that are not written down.
    pub(crate) fn keep_unlisted(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let count = core::mem::take(&mut self.unlisted);
        if count == 0 {
            return Ok(());
        }
        let key = Incident::Unlisted { count }.key();
        let before = match self.space.shelf.get(Table::Incidents, &key)? {
            Some(row) => Incident::decode(&row.body)?,
            None => Incident::Unlisted { count: 0 },
        };
        let before = if let Incident::Unlisted { count } = before { count } else { 0 };
        self.report(&Incident::Unlisted { count: before.saturating_add(count) }, random)
    }
}

/// Tries again what waited for keys or control items, after the control log moved on from `before`.
///
/// Each run of envelopes is a turn of its own: together they may be larger than memory.
pub(crate) fn retry(
    space: &mut Space,
    before: u32,
    random: &mut dyn Random,
) -> Result<Changed, Error> {
    let mut changed = again(space, &[ASIDE_NO_KEY], random)?;
    let mut turn = Turn::new(space);
    turn.release_control(before);
    changed.join(turn.close(random)?);
    changed.join(go_on(space, random)?);
    Ok(changed)
}

/// Tries again what did not open: a second key of an epoch came, as when a control log that came apart comes together.
pub(crate) fn reopen(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let mut changed = again(space, &[ASIDE_REFUSED], random)?;
    changed.join(go_on(space, random)?);
    Ok(changed)
}

/// Judges all that is set aside again, in its order, if a program with other rules did so last: also what a process
/// died over, alone. What was refused and not kept is pulled again.
pub(crate) fn judge_again(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    if !space.is_judged_anew()? {
        return Ok(Changed::default());
    }
    // Written down first: if the process dies over it, it is not tried at every start.
    let mut batch = Batch::new();
    put_rules(&mut batch);
    batch.delete(Table::Meta, META_DROPPED);
    let poison = space.suspects.iter().filter(|(_, trust)| **trust == Trust::Never);
    let poison: Vec<EntryId> = poison.map(|(entry, _)| *entry).collect();
    for entry in &poison {
        batch.set_state(Table::Quarantine, entry.as_bytes(), ASIDE_SUSPECT);
    }
    space.shelf.commit(batch)?;
    if let Some(dropped) = space.dropped.take() {
        space.room.restore(dropped);
    }
    for entry in &poison {
        space.suspects.insert(*entry, Trust::Alone);
    }
    let mut changed = again(space, &[ASIDE_REFUSED, ASIDE_ENTRY], random)?;
    for entry in poison {
        let mut turn = Turn::new(space);
        turn.make_again(entry)?;
        changed.join(turn.close(random)?);
    }
    changed.join(go_on(space, random)?);
    space.load_aside()?;
    Ok(changed)
}

/// Takes rows of these states again, in the order of their positions.
fn again(space: &mut Space, states: &[u8], random: &mut dyn Random) -> Result<Changed, Error> {
    let mut changed = Changed::default();
    let mut after = None;
    loop {
        let store = space.shelf.store();
        let rows = store.page(Table::Quarantine, after.take(), RETRY_ROWS, Direction::Ascending)?;
        let Some(last) = rows.last() else { return Ok(changed) };
        after = Some((last.order, last.id.clone()));
        if !space.rebuilding {
            make_way(space, rows.iter().map(|row| row.body.as_slice()), random)?;
        }
        let mut turn = Turn::new(space);
        for row in rows.into_iter().filter(|row| states.contains(&row.state)) {
            turn.take_again(row, random)?;
        }
        changed.join(turn.close(random)?);
    }
}

/// Lets all that waited and can go on do so, turn by turn.
pub(crate) fn go_on(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let mut changed = Changed::default();
    while !space.ready.is_empty() {
        let mut turn = Turn::new(space);
        turn.settle(random)?;
        changed.join(turn.close(random)?);
    }
    Ok(changed)
}
