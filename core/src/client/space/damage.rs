//! Rows that stand in a store only while it is made anew in place of a damaged one.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::store::Table;
use wire::codec::{Reader, Writer};

/// The store is being rebuilt: what was only here and cannot be read, see [`Lost`]. In the clear.
pub(crate) const META_REBUILD: &[u8] = b"rebuild";
/// Rows of [`Table::Salvaged`]: an entry, as it was sealed among the entries of the old store.
pub(crate) const OF_ENTRIES: u8 = 0;
/// An envelope of its outbox: epoch, entry id, sealed entry.
pub(crate) const OF_OUTBOX: u8 = 1;
/// An entry that was there by its name, and cannot be read.
pub(crate) const NAMED: u8 = 2;

/// What was only here and cannot be read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Unfinished texts.
    pub(crate) drafts: u32,
    /// Settings and plans of this device.
    pub(crate) facts: u32,
    /// There was a relay, and which is not known any more: it is not as if there were none.
    pub(crate) relay: bool,
}

impl Lost {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut row = Writer::new();
        row.u32(self.drafts).u32(self.facts).u8(u8::from(self.relay));
        row.into_bytes()
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Self, Error> {
        let mut row = Reader::new(row);
        Ok(Self { drafts: row.u32()?, facts: row.u32()?, relay: row.u8()? == 1 })
    }
}

impl Space {
    pub(crate) fn load_damage(&mut self) -> Result<(), Error> {
        self.rebuilding = self.shelf.store().get(Table::Meta, META_REBUILD)?.is_some();
        Ok(())
    }
}
