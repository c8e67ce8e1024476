//! What admission knows of entries while a turn gathers: what the store holds, and what the turn adds to it.

use crate::client::space::state::Space;
use crate::entry::{Frontier, Known};
use crate::model::id::{ChainId, EntryId, OrderKey};
use std::collections::BTreeMap;

/// An accepted entry, as admission asks for it: its order key, and what its author had seen.
pub(crate) type Placed = (EntryId, OrderKey, Frontier);

/// Entries that this turn adds to the store.
#[derive(Debug, Default)]
pub(crate) struct Added(pub(crate) BTreeMap<(ChainId, u64), Vec<Placed>>);

/// What is known of entries: the store, and what this turn adds to it.
pub(crate) struct Overlay<'a> {
    pub(crate) space: &'a Space,
    pub(crate) added: &'a Added,
}

impl Overlay<'_> {
    fn added_at(&self, chain: ChainId, seq: u64) -> &[Placed] {
        self.added.0.get(&(chain, seq)).map_or(&[], Vec::as_slice)
    }
}

impl Known for Overlay<'_> {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let mut found = self.space.stored_at(chain, seq);
        found.extend(self.added_at(chain, seq).iter().map(|(id, k, _)| (*id, *k)));
        found
    }

    fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        let added = self.added_at(chain, seq).iter().find(|(of, ..)| *of == id);
        match added {
            Some((_, _, seen)) => seen.clone(),
            None => self.space.seen_by(chain, seq, id),
        }
    }
}
