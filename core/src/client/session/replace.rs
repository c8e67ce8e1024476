//! A new store in the place of a damaged one, made whole under another name: rows that are proved by their seals, or by
//! the item after them, are taken over.

use crate::client::error::Error;
use crate::client::space::damage::{Lost, META_REBUILD, NAMED, OF_ENTRIES, OF_OUTBOX};
use crate::client::space::quarantine::{META_DROPPED, META_JUDGED, put_rules};
use crate::client::space::relay::{META_AGREED, META_CURSOR, META_RELAY, META_RESEED};
use crate::client::space::state::META_SPACE;
use crate::client::space::suspects::{ASIDE_POISON, ASIDE_SUSPECT};
use crate::client::turn::deliver::META_NEWEST_RECEIPT;
use crate::client::vault::shelf::{Place, Shelf};
use crate::store::{
    Batch, Row, Salvage, Store, StoreError, Table, Unread, create_folder, last_set_aside, set_aside,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::control::ControlItem;
use wire::hash::item_hash;
use wire::id::ItemHash;

/// Rows of one commit.
const ROWS: usize = 256;
/// Facts that say how far the old store stood with its relay: the new one begins anew.
const STANDING: [&[u8]; 7] = [
    META_AGREED,
    META_CURSOR,
    META_DROPPED,
    META_JUDGED,
    META_NEWEST_RECEIPT,
    META_REBUILD,
    META_RESEED,
];

/// Opens the store in a folder of a vault. One that is damaged is set aside, and a new one takes its place.
///
/// # Errors
/// [`Error::Busy`] while another process has the damaged one open; [`Error::Damaged`] if many are set aside already;
/// [`Error::NeedsUpgrade`]; [`Error::Storage`]. Nothing is changed then, or it is done at the next opening.
pub(crate) fn open_or_replace(
    folder: &Path,
    shared: bool,
    shelf: &dyn Fn(Store) -> Shelf,
) -> Result<Shelf, Error> {
    let aside = match Store::open(folder) {
        Ok(store) => return Ok(shelf(store)),
        Err(StoreError::Damaged | StoreError::Foreign) => Some(set_aside(folder)?),
        Err(StoreError::Absent) if folder.exists() => Some(set_aside(folder)?),
        // The power went between the two steps, or somebody moved it away.
        Err(StoreError::Absent) => None,
        Err(error) => return Err(error.into()),
    };
    // What was set aside at another time may be older than what is gone now: then something is lost.
    let at_once = aside.is_some();
    let aside = if at_once { aside } else { last_set_aside(folder)? };
    create_folder(folder, |new| {
        let made = shelf(Store::create(new)?);
        let taking = Taking { made, batch: Batch::new(), rows: 0, lost: Lost::default(), shared };
        taking.fill(aside, at_once)
    })?;
    Ok(shelf(Store::open(folder)?))
}

/// A new store, being filled.
struct Taking {
    made: Shelf,
    batch: Batch,
    rows: usize,
    lost: Lost,
    shared: bool,
}

impl Taking {
    fn fill(mut self, aside: Option<PathBuf>, at_once: bool) -> Result<(), Error> {
        if let Some(aside) = aside {
            let salvage = Salvage::of(&aside)?;
            let unread = salvage.each(|_, _| Ok::<(), Error>(()))?;
            if unread.nothing && at_once {
                // Only what leads to the rows was damaged.
                salvage.each(|table, row| self.put(table, row))?;
                return self.made.commit(self.batch);
            }
            self.take(&salvage)?;
            self.name(unread)?;
        } else {
            self.lost.facts = 1;
        }
        put_rules(&mut self.batch);
        let place = Place::new(Table::Meta, META_REBUILD);
        Shelf::put_sealed(&mut self.batch, place, self.lost.encode());
        self.made.commit(self.batch)
    }

    fn put(&mut self, table: Table, row: Row) -> Result<(), Error> {
        self.batch.put(table, row);
        self.rows = self.rows.saturating_add(1);
        if self.rows.is_multiple_of(ROWS) {
            self.made.commit(core::mem::take(&mut self.batch))?;
        }
        Ok(())
    }

    fn take(&mut self, salvage: &Salvage) -> Result<(), Error> {
        let (mut facts, mut control) = (Vec::new(), BTreeMap::new());
        salvage.each(|table, row| {
            if table == Table::Meta {
                facts.push(row);
            } else if table == Table::Control {
                control.insert(row.id, row.body);
            } else {
                self.take_row(table, row)?;
            }
            Ok::<(), Error>(())
        })?;
        self.take_facts(facts)?;
        self.take_control(control)
    }

    fn take_row(&mut self, table: Table, row: Row) -> Result<(), Error> {
        let opens = |taking: &Self, row: &Row| taking.made.opens(table, row);
        match table {
            Table::Drafts | Table::Intents | Table::Incidents | Table::Receipts => {
                if opens(self, &row) {
                    return self.put(table, row);
                }
                self.miss(table);
                Ok(())
            }
            Table::Entries if opens(self, &row) => self.keep(OF_ENTRIES, row),
            Table::Entries => self.keep(NAMED, row),
            Table::Outbox => {
                let Some(entry) = row.body.get(4..36).map(<[u8]>::to_vec) else { return Ok(()) };
                // Behind all that has a place in the order, one after the other.
                let mut order = [u8::MAX; 16];
                if let (Some(last), Some(key)) =
                    (order.last_chunk_mut::<8>(), row.id.first_chunk::<8>())
                {
                    last.copy_from_slice(key);
                }
                self.keep(OF_OUTBOX, Row { id: entry, order, ..row })
            }
            Table::Salvaged => self.put(table, row),
            Table::Quarantine if [ASIDE_SUSPECT, ASIDE_POISON].contains(&row.state) => {
                self.put(table, row)
            }
            Table::Quarantine
            | Table::Meta
            | Table::Control
            | Table::Chains
            | Table::Cards
            | Table::Records
            | Table::Documents
            | Table::Waiting
            | Table::Tickets
            | Table::Positions
            | Table::Places => Ok(()),
        }
    }

    /// Keeps what is told again later. One entry may be there twice, and once more by its name alone.
    fn keep(&mut self, state: u8, row: Row) -> Result<(), Error> {
        let id = [[state].as_slice(), &row.id].concat();
        let body = if state == NAMED { Vec::new() } else { row.body };
        self.put(Table::Salvaged, Row { id, state, body, order: row.order })
    }

    /// Facts open, or are lost. A shared space without its relay is found again through the private one, whole.
    fn take_facts(&mut self, facts: Vec<Row>) -> Result<(), Error> {
        let (facts, lost): (Vec<_>, Vec<_>) = facts
            .into_iter()
            .filter(|row| !STANDING.contains(&row.id.as_slice()))
            .partition(|row| self.made.opens(Table::Meta, row));
        for row in &lost {
            self.miss_fact(&row.id);
        }
        let here = |name: &[u8]| facts.iter().any(|row| row.id == name);
        let placed = !self.shared || (here(META_SPACE) && here(META_RELAY));
        for row in facts {
            if placed || ![META_SPACE, META_RELAY].contains(&row.id.as_slice()) {
                self.put(Table::Meta, row)?;
            }
        }
        Ok(())
    }

    /// Items as far as each names the one before it. The newest is named by none: whether it folds is seen later.
    fn take_control(&mut self, control: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), Error> {
        let mut head = ItemHash::ZERO;
        for (idx, (id, body)) in (0_u32..).zip(control) {
            let item = ControlItem::decode(&body).ok();
            let follows = item.is_some_and(|item| item.idx == idx && item.prev == head);
            if !follows || id != idx.to_be_bytes() {
                break;
            }
            head = item_hash(&body);
            self.put(Table::Control, Row { id, order: [0; 16], state: 0, body })?;
        }
        Ok(())
    }

    fn name(&mut self, unread: Unread) -> Result<(), Error> {
        for (table, id) in unread.rows {
            if table == Table::Entries {
                self.keep(NAMED, Row { id, order: [0; 16], state: NAMED, body: Vec::new() })?;
            } else if table != Table::Meta {
                self.miss(table);
            } else if !STANDING.contains(&id.as_slice()) {
                self.miss_fact(&id);
            }
        }
        Ok(())
    }

    fn miss_fact(&mut self, id: &[u8]) {
        self.lost.relay |= id == META_RELAY;
        self.miss(Table::Meta);
    }

    /// Counts what nobody else has.
    const fn miss(&mut self, table: Table) {
        match table {
            Table::Drafts => self.lost.drafts = self.lost.drafts.saturating_add(1),
            Table::Meta | Table::Intents => self.lost.facts = self.lost.facts.saturating_add(1),
            Table::Control
            | Table::Entries
            | Table::Chains
            | Table::Cards
            | Table::Records
            | Table::Documents
            | Table::Outbox
            | Table::Waiting
            | Table::Incidents
            | Table::Tickets
            | Table::Receipts
            | Table::Quarantine
            | Table::Positions
            | Table::Places
            | Table::Salvaged => {}
        }
    }
}
