//! What a damaged store still held is told again, as if it had just come: at once as far as it follows on what is here,
//! and the rest when all that the relay holds is here.

use crate::client::error::Error;
use crate::client::session::unlocked::{Session, Slot};
use crate::client::space::card::{Held, kind_in};
use crate::client::space::damage::{Lost, META_REBUILD, NAMED, OF_ENTRIES, OF_OUTBOX};
use crate::client::space::incarnation::{Anew, META_INCARNATION};
use crate::client::space::state::{FEW, Space};
use crate::client::turn::gather::{Arrival, Changed, Turn, origin_of};
use crate::client::turn::staged::{self, Staged};
use crate::client::vault::folder::{Place as Folder, Unlocked};
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, Unverified, open};
use crate::document::{Document, Edit, Incoming};
use crate::entry::{Entry, Incident, Payload};
use crate::membership::{Outcome, SpaceKind};
use crate::model::id::{DocumentId, EntryId};
use crate::store::{Batch, Direction, Row, Table, last_set_aside};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use wire::envelope::Envelope;

/// A store that was damaged and is being made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilding {
    /// That of the private space, or of the shared one.
    pub kind: SpaceKind,
    /// Where the damaged one is, as it was.
    pub aside: Option<PathBuf>,
    /// Entries that stood in it by their names, and are not here yet.
    pub entries: u64,
    /// Unfinished texts of it that could not be read.
    pub drafts: u64,
    /// Settings and plans of this device that could not be read.
    pub facts: u64,
}

/// What is said again under a new incarnation, and what can not be.
#[derive(Default)]
struct Rest {
    said: Vec<Staged>,
    edits: BTreeMap<DocumentId, Vec<Incoming>>,
    lost: u32,
}

impl Session {
    /// Stores that were damaged and are being made anew: nothing can be written there until all is fetched.
    ///
    /// # Errors
    /// A store cannot be read.
    pub fn rebuilding(&self) -> Result<Vec<Rebuilding>, Error> {
        let mut found = Vec::new();
        for (kind, slot) in [(SpaceKind::Private, &self.private), (SpaceKind::Shared, &self.shared)]
        {
            let shelf = match slot {
                Slot::Empty(shelf) => shelf,
                Slot::Open(space) => &space.shelf,
                Slot::Moving => continue,
            };
            let Some(row) = shelf.store().get(Table::Meta, META_REBUILD)? else { continue };
            let Lost { drafts, facts, .. } = Lost::decode(&row.body)?;
            let aside = match &self.place {
                Folder::Folder(home) => {
                    last_set_aside(&home.join(Unlocked::folder_of(kind == SpaceKind::Shared)))?
                }
                Folder::Memory(_) => None,
            };
            let entries = shelf.store().count_state(Table::Salvaged, NAMED)?;
            let (drafts, facts) = (u64::from(drafts), u64::from(facts));
            found.push(Rebuilding { kind, aside, entries, drafts, facts });
        }
        Ok(found)
    }

    /// Items of a control log that do not fold, or without effect, in a store that is made anew, are fetched again: the newest may be
    /// damaged, and nothing proves it.
    ///
    /// # Errors
    /// A commit failed.
    pub(crate) fn fetch_control_again(&mut self) -> Result<(), Error> {
        let mut cut = false;
        for slot in [&mut self.private, &mut self.shared] {
            if let Some(space) = slot.space_mut().filter(|space| space.rebuilding) {
                cut |= space.cut_control()?;
            }
        }
        if cut { self.load_spaces() } else { Ok(()) }
    }

    /// Tells again what can be told now.
    ///
    /// # Errors
    /// A commit failed.
    pub(crate) fn regain(&mut self, random: &mut dyn Random) -> Result<Changed, Error> {
        let mut changed = Changed::default();
        for slot in [&mut self.private, &mut self.shared] {
            let Some(space) = slot.space_mut().filter(|space| space.rebuilding) else { continue };
            if space.relay.is_none() && !space.lost()?.relay {
                changed.join(finish(space, random)?);
            } else if !core::mem::replace(&mut space.told_again, true) {
                changed.join(tell_what_follows(space, random)?);
            }
        }
        self.forget_nothing()?;
        Ok(changed)
    }

    /// A shared store that held nothing is as good as new.
    fn forget_nothing(&mut self) -> Result<(), Error> {
        let alone = self
            .private
            .space()
            .is_some_and(|private| !private.rebuilding && private.log.table().spaces().is_empty());
        let Slot::Empty(shelf) = &mut self.shared else { return Ok(()) };
        let marked = shelf.store().get(Table::Meta, META_REBUILD)?.is_some();
        if !alone || !marked || shelf.store().count(Table::Salvaged)? > 0 {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.delete(Table::Meta, META_REBUILD);
        shelf.commit(batch)
    }
}

impl Space {
    /// What could not be read, as the mark says.
    fn lost(&self) -> Result<Lost, Error> {
        let mark = self.shelf.store().get(Table::Meta, META_REBUILD)?;
        Ok(mark.map(|row| Lost::decode(&row.body)).transpose()?.unwrap_or_default())
    }

    fn cut_control(&mut self) -> Result<bool, Error> {
        let folded = self.log.next_idx();
        let newest = folded.saturating_sub(1);
        let is_void = matches!(self.log.outcome_at(newest), Some(Outcome::Void(_)));
        let sound = if is_void { newest } else { folded };
        if self.relay.is_none() || sound == self.control_held {
            return Ok(false);
        }
        let mut batch = Batch::new();
        for idx in sound..self.control_held {
            batch.delete(Table::Control, &idx.to_be_bytes());
        }
        self.shelf.commit(batch)?;
        Ok(true)
    }

    /// A row of the old store as the entry that it holds, if it still does.
    fn salvaged(&self, row: &Row) -> Option<(Unverified<Entry>, Vec<u8>)> {
        let id = row.id.get(1..)?;
        let bytes = match row.state {
            OF_ENTRIES => {
                let row = Row { id: id.to_vec(), ..row.clone() };
                self.shelf.open(Table::Entries, row).ok()?.body.to_vec()
            }
            OF_OUTBOX => {
                let envelope = Envelope::decode(row.body.get(36..)?).ok()?;
                let keys = self.entry_keys(envelope.epoch);
                keys.iter().find_map(|key| open(key, &self.home, &envelope).ok())?.to_vec()
            }
            _ => return None,
        };
        let entry = Entry::decode(self.home.space, &bytes).ok()?;
        (entry.peek().id.as_bytes() == id).then_some((entry, bytes))
    }

    /// Shows what is kept of the old store, in its order.
    fn each_salvaged<'a>(
        &'a self,
        mut see: impl FnMut(&'a Self, EntryId, Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let store = self.shelf.store();
            let rows = store.page(Table::Salvaged, after.take(), FEW, Direction::Ascending)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some((last.order, last.id.clone()));
            for row in rows {
                let Some(id) = row.id.get(1..).and_then(EntryId::from_slice) else { continue };
                if !self.has_entry(id)? {
                    see(self, id, row)?;
                }
            }
        }
    }

    /// The entries that wait here: they are known, and part of nothing yet.
    fn waiting_ids(&self) -> Result<BTreeSet<EntryId>, Error> {
        let mut ids = BTreeSet::new();
        let mut after = None;
        loop {
            let store = self.shelf.store();
            let rows = store.page(Table::Waiting, after.take(), FEW, Direction::Ascending)?;
            let Some(last) = rows.last() else { return Ok(ids) };
            after = Some((last.order, last.id.clone()));
            for row in rows {
                let row = self.shelf.open(Table::Waiting, row)?;
                let entry = Entry::decode(self.home.space, &row.body).ok();
                ids.extend(entry.map(|entry| entry.peek().id));
            }
        }
    }
}

/// Everything that follows on what is here, in runs of their own; the rest stays for later.
fn tell_what_follows(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let mut changed = Changed::default();
    let mut after = None;
    loop {
        let store = space.shelf.store();
        let rows = store.page(Table::Salvaged, after.take(), FEW, Direction::Ascending)?;
        let Some(last) = rows.last() else { return Ok(changed) };
        after = Some((last.order, last.id.clone()));
        let mut turn = Turn::new(space);
        turn.telling = true;
        for row in rows {
            let id = row.id.get(1..).and_then(EntryId::from_slice);
            if id.map_or(Ok(true), |id| turn.space.has_entry(id))? {
                continue;
            }
            if let Some((entry, bytes)) = turn.space.salvaged(&row) {
                // One that is refused, or has to wait, is looked at again in the end.
                let _arrival = turn.arrive(entry, origin_of(&bytes, 0), random)?;
            }
        }
        changed.join(turn.close(random)?);
    }
}

/// The end: all that others hold is here.
pub(crate) fn finish(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let mut changed = tell_what_follows(space, random)?;
    let waiting = space.waiting_ids()?;
    let mut others = Vec::new();
    let mut rest = Rest::default();
    let mut seen = BTreeSet::new();
    space.each_salvaged(|space, id, row| {
        if waiting.contains(&id) || seen.contains(&id) {
            return Ok(());
        }
        let Some((entry, bytes)) = space.salvaged(&row) else {
            return Ok(());
        };
        seen.insert(id);
        let sent = space.shelf.store().get(Table::Receipts, id.as_bytes())?.is_some();
        if entry.peek().header.chain.device == space.me.device && !sent {
            rest.say_again(space, entry.peek());
        } else {
            others.push(bytes);
        }
        Ok(())
    })?;
    space.each_salvaged(|_, id, _| {
        if !waiting.contains(&id) && seen.insert(id) {
            rest.lost = rest.lost.saturating_add(1);
        }
        Ok(())
    })?;
    for bytes in others {
        let Ok(entry) = Entry::decode(space.home.space, &bytes) else { continue };
        let mut turn = Turn::new(space);
        let arrival = turn.arrive(entry, origin_of(&bytes, 0), random)?;
        rest.lost = rest.lost.saturating_add(u32::from(matches!(arrival, Arrival::Refused(_))));
        changed.join(turn.close(random)?);
    }
    let edited = rest.edited(space)?;
    rest.said.extend(edited);
    changed.join(end(space, &rest, random)?);
    space.rebuilding = false;
    Ok(changed)
}

/// In one transaction: what is said again is kept, this device begins anew, and the mark goes.
fn end(space: &mut Space, rest: &Rest, random: &mut dyn Random) -> Result<Changed, Error> {
    let lost = space.lost()?;
    let inc = space.incarnation_in_log().filter(|inc| *inc > space.me.inc);
    let known = space.shelf.store().get(Table::Meta, META_INCARNATION)?.is_some();
    let mut turn = Turn::new(space);
    if let Some(inc) = inc.filter(|_| !known) {
        turn.space.me.inc = inc;
        let place = Place::new(Table::Meta, META_INCARNATION);
        turn.space.shelf.put(&mut turn.batch, place, &inc.to_be_bytes(), random)?;
    }
    staged::keep(&mut turn, &rest.said, random)?;
    turn.batch.delete(Table::Meta, META_REBUILD).clear(Table::Salvaged);
    let Lost { drafts, facts, .. } = lost;
    turn.report(&Incident::StoreDamaged { entries: rest.lost, drafts, facts }, random)?;
    let Turn { space, batch, .. } = &mut turn;
    // A number of its chain may have been signed for something that is lost.
    if space.anew == Anew::No {
        space.set_anew(batch, Anew::Noticed { told: true }, random)?;
    }
    space.outbox_moved = true;
    space.reseed(batch, random)?;
    turn.close(random)
}

impl Rest {
    /// What an entry of the own chain said, whose place in it is not known any more.
    fn say_again(&mut self, space: &Space, entry: &Entry) {
        match Payload::decode(entry.header.kind, &entry.payload) {
            Ok(Payload::Changes(documents)) => {
                let seen = space.chains.all();
                for changes in documents {
                    let incoming = self.edits.entry(changes.document).or_default();
                    incoming.push(space.incoming(entry, &seen, changes));
                }
            }
            Ok(Payload::Hello) => {}
            Ok(_) => self.said.push(Staged::said(entry)),
            Err(_) => self.lost = self.lost.saturating_add(1),
        }
    }

    /// What those entries changed in documents, as far as it fits on what is here.
    fn edited(&mut self, space: &Space) -> Result<Vec<Staged>, Error> {
        let mut staged = Vec::new();
        for (id, incoming) in core::mem::take(&mut self.edits) {
            let Some(base) = space.document_to_change(id)? else { continue };
            let before = base.fields();
            let (saved, kind) = (base.save(), kind_in(space.kind));
            let mut after = base;
            let merged = after.merge(&incoming)?;
            let refused = u32::try_from(merged.refused.len()).unwrap_or(u32::MAX);
            self.lost = self.lost.saturating_add(refused);
            let edit = Edit::between(&before, &after.fields());
            if merged.changed {
                staged.push(Staged::Edited { id, kind, base: saved, edit });
            }
        }
        Ok(staged)
    }
}

impl Space {
    /// A document as it is, empty if nothing is known of it; none if it was deleted.
    fn document_to_change(&self, id: DocumentId) -> Result<Option<Document>, Error> {
        Ok(match self.document(id)? {
            Held::Here(document) => Some(*document),
            Held::Nothing => Some(Document::new(kind_in(self.kind))),
            Held::Deleted => None,
        })
    }
}
