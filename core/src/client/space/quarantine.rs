//! What is set aside, by the rows that keep it: how much there is, and under which rules it was judged.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::shelf::{Place, Shelf};
use crate::entry::Overflow;
use crate::store::{Batch, Table};

/// Rows of [`Table::Quarantine`]: an envelope that is of no use, kept.
pub(crate) const ASIDE_REFUSED: u8 = 0;
/// An envelope that waits for the key of its epoch.
pub(crate) const ASIDE_NO_KEY: u8 = 1;
/// An entry instead of its envelope: it was refused after it had waited.
pub(crate) const ASIDE_ENTRY: u8 = 2;

/// How many refused envelopes of one space are kept: enough to see what somebody is doing.
const REFUSED_MAX: u64 = 1_000;
/// Their bytes.
const REFUSED_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// What was refused and not kept.
pub(crate) const META_DROPPED: &[u8] = b"dropped";
/// Under which rules all that is set aside was judged.
pub(crate) const META_JUDGED: &[u8] = b"judged";
/// Raised whenever a newer program may take what an older one refused.
const RULES: u8 = 1;

impl Space {
    pub(crate) fn load_aside(&mut self) -> Result<(), Error> {
        if let Some(row) = self.shelf.get(Table::Meta, META_DROPPED)? {
            self.dropped = Some(Overflow::decode(&row.body)?);
        }
        let store = self.shelf.store();
        self.refused = (0, 0);
        for state in [ASIDE_REFUSED, ASIDE_ENTRY] {
            let (count, bytes) = store.measure(Table::Quarantine, state)?;
            self.refused.0 = self.refused.0.saturating_add(count);
            self.refused.1 = self.refused.1.saturating_add(bytes);
        }
        Ok(())
    }

    /// Whether what is set aside was judged by an older program.
    pub(crate) fn is_judged_anew(&self) -> Result<bool, Error> {
        let row = self.shelf.store().get(Table::Meta, META_JUDGED)?;
        Ok(row.is_some_and(|row| row.state != RULES))
    }

    pub(crate) fn has_place_aside(&self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.refused.0 < REFUSED_MAX && self.refused.1.saturating_add(bytes) <= REFUSED_BYTES_MAX
    }
}

/// Writes down under which rules this program judges.
pub(crate) fn put_rules(batch: &mut Batch) {
    Shelf::put_sealed(batch, Place::new(Table::Meta, META_JUDGED).state(RULES), Vec::new());
}
