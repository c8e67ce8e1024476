//! What one commit writes.

use super::row::{Row, Table};

/// Writes that become durable together or not at all, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) acts: Vec<Act>,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Put(Table, Row),
    Delete(Table, Vec<u8>),
    SetState(Table, Vec<u8>, u8),
    Clear(Table),
}

impl Batch {
    /// Starts empty.
    pub const fn new() -> Self {
        Self { acts: Vec::new() }
    }

    /// Writes a row; one of the same id is replaced.
    pub fn put(&mut self, table: Table, row: Row) -> &mut Self {
        self.acts.push(Act::Put(table, row));
        self
    }

    /// Removes a row, if it is there. Its bytes on the disk are overwritten.
    pub fn delete(&mut self, table: Table, id: &[u8]) -> &mut Self {
        self.acts.push(Act::Delete(table, id.to_vec()));
        self
    }

    /// Changes the state of a row, if it is there, and nothing else of it.
    pub fn set_state(&mut self, table: Table, id: &[u8], state: u8) -> &mut Self {
        self.acts.push(Act::SetState(table, id.to_vec(), state));
        self
    }

    /// Removes all rows of a table.
    pub fn clear(&mut self, table: Table) -> &mut Self {
        self.acts.push(Act::Clear(table));
        self
    }

    /// Appends all that `other` holds.
    pub fn append(&mut self, mut other: Self) -> &mut Self {
        self.acts.append(&mut other.acts);
        self
    }

    /// True if there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }
}
