//! Entries over which a process died: tried alone, or not at all.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::mark::Left;
use crate::client::vault::shelf::{Place as RowPlace, Shelf};
use crate::model::id::EntryId;
use crate::store::{Batch, Direction, Table};
use std::collections::BTreeMap;

/// Rows of [`Table::Quarantine`] named by an entry over which a process died: it is tried alone.
pub(crate) const ASIDE_SUSPECT: u8 = 3;
/// It died over this one again, alone: its changes have no effect here.
pub(crate) const ASIDE_POISON: u8 = 4;

/// How far an entry is trusted with Automerge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is tried alone.
    Alone,
    /// It is not tried.
    Never,
}

impl Space {
    /// Reads who is suspected, and takes down whom the last process died over. Called under the vault's lock.
    pub(crate) fn load_suspects(&mut self) -> Result<(), Error> {
        self.suspects = suspects(&self.shelf)?;
        let Some(left) = self.shelf.mark().left()? else { return Ok(()) };
        if left.generation == self.shelf.store().generation()? {
            let mut batch = Batch::new();
            let alone = left.entries.len() == 1;
            for entry in left.entries {
                let again = alone && self.suspects.contains_key(&entry);
                let state = if again { ASIDE_POISON } else { ASIDE_SUSPECT };
                let place = RowPlace::new(Table::Quarantine, entry.as_bytes()).state(state);
                Shelf::put_sealed(&mut batch, place, Vec::new());
            }
            self.shelf.commit(batch)?;
            self.suspects = suspects(&self.shelf)?;
        }
        self.shelf.mark().clear()
    }

    /// Says that these entries are in Automerge's hands from now on.
    pub(crate) fn mark(&self, entries: Vec<EntryId>) -> Result<(), Error> {
        let generation = self.shelf.store().generation()?;
        self.shelf.mark().set(&Left { generation, entries })
    }

    /// Says that none are.
    pub(crate) fn unmark(&self) -> Result<(), Error> {
        self.shelf.mark().clear()
    }
}

fn suspects(shelf: &Shelf) -> Result<BTreeMap<EntryId, Trust>, Error> {
    let mut suspects = BTreeMap::new();
    for (state, trust) in [(ASIDE_SUSPECT, Trust::Alone), (ASIDE_POISON, Trust::Never)] {
        let (rows, way) = ((Table::Quarantine, state), Direction::Ascending);
        for row in shelf.store().page_in_state(rows, None, usize::MAX, way)? {
            suspects.extend(EntryId::from_slice(&row.id).map(|entry| (entry, trust)));
        }
    }
    Ok(suspects)
}
