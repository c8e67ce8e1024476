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
use crate::client::vault::folder::Place;
use crate::model::id::EntryId;
use wire::codec::{DecodeError, Reader, Writer};

const FORMAT: u8 = 1;
/// Entries of one mark: those of a delivery, or all of a document that is made again.
const ENTRIES_MAX: usize = 65_536;

/// The mark of one store.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    place: Place,
    name: &'static str,
}

/// What a mark says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) generation: u64,
    pub(crate) entries: Vec<EntryId>,
}

impl Mark {
    pub(crate) const fn new(place: Place, name: &'static str) -> Self {
        Self { place, name }
    }

    pub(crate) fn set(&self, left: &Left) -> Result<(), Error> {
        let mut writer = Writer::new();
        writer.u8(FORMAT).u64(left.generation);
        writer.u32(u32::try_from(left.entries.len()).unwrap_or(u32::MAX));
        for entry in &left.entries {
            writer.bytes(entry.as_bytes());
        }
        self.place.put_unsynced(self.name, writer.into_bytes())
    }

    pub(crate) fn clear(&self) -> Result<(), Error> {
        self.place.remove(self.name)
    }

    /// What is left of a process that died. A file that a power cut tore says nothing.
    pub(crate) fn left(&self) -> Result<Option<Left>, Error> {
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
