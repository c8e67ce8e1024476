//! The poison mark: a small file that says which entries of others are in Automerge's hands right now.
//!
//! A panic is caught. A stack that overflows or memory that runs out ends the process, and the same entries would end
//! it again at the next delivery, for ever. So they are written down before and the mark is taken away after; who opens
//! a vault and finds one knows what the last process died over:
//!
//! ```text
//! died over several     each is suspected: from now on tried alone
//! died over one         suspected; if it was tried alone already, it is set aside
//! ```
//!
//! The file is not synced: it must survive the end of a process, not a power cut. It names the generation of the store
//! it was written at; one of an earlier generation is left over and says nothing.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::folder::Place;
use crate::client::vault::shelf::{Place as RowPlace, Shelf};
use crate::model::id::EntryId;
use crate::store::{Batch, Direction, Table};
use std::collections::BTreeMap;
use wire::codec::{DecodeError, Reader, Writer};

/// Rows of [`Table::Quarantine`] named by an entry over which a process died: it is tried alone.
pub(crate) const ASIDE_SUSPECT: u8 = 3;
/// It died over this one again, alone: its changes have no effect here.
pub(crate) const ASIDE_POISON: u8 = 4;

const FORMAT: u8 = 1;
/// Entries of one mark: those of a delivery, or all of a document that is made again.
const ENTRIES_MAX: usize = 65_536;

/// How far an entry is trusted with Automerge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is tried alone.
    Alone,
    /// It is not tried.
    Never,
}

/// The mark of one store.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    place: Place,
    name: &'static str,
}

/// What a mark says.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    generation: u64,
    entries: Vec<EntryId>,
}

impl Mark {
    pub(crate) const fn new(place: Place, name: &'static str) -> Self {
        Self { place, name }
    }

    fn set(&self, left: &Left) -> Result<(), Error> {
        let mut writer = Writer::new();
        writer.u8(FORMAT).u64(left.generation);
        writer.u32(u32::try_from(left.entries.len()).unwrap_or(u32::MAX));
        for entry in &left.entries {
            writer.bytes(entry.as_bytes());
        }
        self.place.put_unsynced(self.name, writer.into_bytes())
    }

    fn clear(&self) -> Result<(), Error> {
        self.place.remove(self.name)
    }

    /// What is left of a process that died. A file that a power cut tore says nothing.
    fn left(&self) -> Result<Option<Left>, Error> {
        Ok(self.place.read(self.name)?.and_then(|bytes| Left::decode(&bytes).ok()))
    }
}

impl Left {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::Version);
        }
        let generation = reader.u64()?;
        let count = usize::try_from(reader.u32()?).map_err(|_| DecodeError::Form)?;
        if count > ENTRIES_MAX {
            return Err(DecodeError::Form);
        }
        let entries = (0..count).map(|_| Ok(EntryId::from_bytes(reader.array()?)));
        let entries = entries.collect::<Result<_, DecodeError>>()?;
        reader.end()?;
        Ok(Self { generation, entries })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::vault::folder::MemoryDisk;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_torn_one_says_nothing() {
        let disk = MemoryDisk::new("mark");
        let mark = Mark::new(Place::Memory(disk.clone()), "shared.mark");
        assert_eq!(mark.left().unwrap(), None);
        let entries = vec![EntryId::from_bytes([1; 32]), EntryId::from_bytes([2; 32])];
        let left = Left { generation: 7, entries };
        mark.set(&left).unwrap();
        let whole = Place::Memory(disk.clone()).read("shared.mark").unwrap().unwrap();
        assert_eq!(mark.left().unwrap(), Some(left));
        for len in 0..whole.len() {
            Place::Memory(disk.clone()).put_unsynced("shared.mark", whole[..len].to_vec()).unwrap();
            assert_eq!(mark.left().unwrap(), None, "{len}");
        }
        mark.clear().unwrap();
        mark.clear().unwrap();
        assert_eq!(mark.left().unwrap(), None);
    }
}
