//! What a store holds: rows in numbered tables.

/// Which table a row stands in. The numbers are part of the sealed rows' keys and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// Facts of the vault: ids, cursors, settings.
    Meta = 1,
    /// Control items, as received.
    Control = 2,
    /// Entries, as received.
    Entries = 3,
    /// The head of each chain.
    Chains = 4,
    /// One line per record: what lists show.
    Cards = 5,
    /// The events of a record.
    Records = 6,
    /// Saved documents.
    Documents = 7,
    /// What is being typed.
    Drafts = 8,
    /// Sealed envelopes on their way to the relay.
    Outbox = 9,
    /// Entries that wait for others.
    Waiting = 10,
    /// Evidence.
    Incidents = 11,
    /// Acts that were begun and must be finished.
    Intents = 12,
    /// Gaps that are known and not yet closed.
    Tickets = 13,
    /// The relay's signed words.
    Receipts = 14,
    /// Bytes that could not be read, kept.
    Quarantine = 15,
    /// The relay position of each entry.
    Positions = 16,
    /// Which entries stand at each place of a chain, and what their authors had seen.
    Places = 17,
    /// Entries of a store that was set aside, as they were sealed there, until they are told again.
    Salvaged = 18,
}

impl Table {
    /// Every table, by number.
    pub const ALL: [Self; 18] = [
        Self::Meta,
        Self::Control,
        Self::Entries,
        Self::Chains,
        Self::Cards,
        Self::Records,
        Self::Documents,
        Self::Drafts,
        Self::Outbox,
        Self::Waiting,
        Self::Incidents,
        Self::Intents,
        Self::Tickets,
        Self::Receipts,
        Self::Quarantine,
        Self::Positions,
        Self::Places,
        Self::Salvaged,
    ];

    /// The number of the table.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// One row. `body` is sealed by the caller; the rest is in the clear on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in its table.
    pub id: Vec<u8>,
    /// Where it stands in lists; big-endian bytes sort like the number.
    pub order: [u8; 16],
    /// A small number that [`Store::page_in_state`](super::Store::page_in_state) finds it by.
    pub state: u8,
    /// Sealed bytes.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tables_are_listed_by_number() {
        assert!(Table::ALL.iter().map(|table| table.number()).eq(1..=18));
    }
}
