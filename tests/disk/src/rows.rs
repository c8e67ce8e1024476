//! What a phone writes into its store: the tables and sizes of real commits; and the plain rows that must be there
//! after it, kept outside.

use crate::random::Random;
use reknit_core::store::{Batch, Direction, Row, Store, StoreError, Table};
use std::collections::BTreeMap;

/// All rows of a store, by table and id.
pub type Rows = BTreeMap<(u8, Vec<u8>), Row>;

/// One thing that a commit does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Writes a row.
    Put(Table, Row),
    /// Removes one.
    Delete(Table, Vec<u8>),
    /// Changes its state.
    State(Table, Vec<u8>, u8),
    /// Removes all of a table.
    Clear(Table),
}

/// A commit.
#[derive(Clone, Debug, Default)]
pub struct Commit(Vec<Act>);

impl Commit {
    /// As the store takes it.
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for act in &self.0 {
            match act.clone() {
                Act::Put(table, row) => batch.put(table, row),
                Act::Delete(table, id) => batch.delete(table, &id),
                Act::State(table, id, state) => batch.set_state(table, &id, state),
                Act::Clear(table) => batch.clear(table),
            };
        }
        batch
    }

    /// As it must look afterwards.
    pub fn apply(&self, rows: &mut Rows) {
        for act in &self.0 {
            match act.clone() {
                Act::Put(table, row) => drop(rows.insert((table.number(), row.id.clone()), row)),
                Act::Delete(table, id) => drop(rows.remove(&(table.number(), id))),
                Act::State(table, id, state) => {
                    if let Some(row) = rows.get_mut(&(table.number(), id)) {
                        row.state = state;
                    }
                }
                Act::Clear(table) => rows.retain(|(of, _), _| *of != table.number()),
            }
        }
    }

    /// A commit of the kinds that a client makes, in about their proportions.
    pub fn draw(rows: &Rows, random: &mut Random) -> Self {
        let mut commit = Self::default();
        match random.below(20) {
            0..=7 => commit.write(rows, random),
            8..=12 => commit.receipt(rows, random),
            13..=15 => commit.delivery(random),
            16 => commit.put(Table::Meta, b"name".to_vec(), 0, (20, 120), random),
            17 => commit.wait(rows, random),
            18 => commit.housekeeping(rows, random),
            _ => commit.attachment(random),
        }
        commit
    }

    fn put(&mut self, table: Table, id: Vec<u8>, k: u64, bytes: (u64, u64), random: &mut Random) {
        let len = bytes.0 + random.below(bytes.1 - bytes.0);
        let body = random.bytes(usize::try_from(len).expect("a length"));
        let state = u8::try_from(random.below(3)).expect("a state");
        self.0.push(Act::Put(table, Row { id, order: u128::from(k).to_be_bytes(), state, body }));
    }

    /// What one own act writes: an entry with its place, chain, event, card and envelope.
    fn write(&mut self, rows: &Rows, random: &mut Random) {
        let (k, id) = (random.next() >> 24, random.bytes(32));
        self.put(Table::Entries, id.clone(), k, (300, 1_500), random);
        self.put(Table::Places, [random.bytes(26), id.clone()].concat(), k, (80, 200), random);
        self.put(Table::Chains, vec![7; 18], 0, (150, 300), random);
        let outbox = ids(rows, Table::Outbox);
        let key = outbox.last().map_or(0, |id| u64::from_be_bytes(id[..8].try_into().expect("8")));
        self.put(Table::Outbox, (key + 1).to_be_bytes().to_vec(), 0, (400, 1_700), random);
        if random.one_in(3) {
            let document = random.below(6).to_be_bytes().repeat(2);
            self.put(Table::Documents, document.clone(), 0, (800, 40_000), random);
            self.put(Table::Cards, document, k, (100, 400), random);
        } else {
            let record = random.below(30).to_be_bytes().repeat(4);
            self.put(Table::Records, [record.clone(), id].concat(), k, (200, 900), random);
            self.put(Table::Cards, record, k, (100, 400), random);
        }
    }

    /// What a receipt writes.
    fn receipt(&mut self, rows: &Rows, random: &mut Random) {
        if let Some(first) = ids(rows, Table::Outbox).into_iter().next() {
            self.0.push(Act::Delete(Table::Outbox, first));
        }
        let id = random.bytes(32);
        self.put(Table::Positions, id.clone(), 0, (8, 9), random);
        self.put(Table::Receipts, id, 0, (260, 300), random);
        self.put(Table::Meta, b"receipt".to_vec(), 0, (260, 300), random);
    }

    /// What a run of envelopes from the relay writes.
    fn delivery(&mut self, random: &mut Random) {
        for _ in 0..=random.below(12) {
            let (k, id) = (random.next() >> 24, random.bytes(32));
            self.put(Table::Entries, id.clone(), k, (300, 1_500), random);
            self.put(Table::Places, [random.bytes(26), id.clone()].concat(), k, (80, 200), random);
            self.put(Table::Positions, id.clone(), 0, (8, 9), random);
            let record = random.below(30).to_be_bytes().repeat(4);
            self.put(Table::Records, [record.clone(), id].concat(), k, (200, 900), random);
            self.put(Table::Cards, record, k, (100, 400), random);
        }
        self.put(Table::Chains, vec![8; 18], 0, (150, 300), random);
        self.put(Table::Meta, b"cursor".to_vec(), 0, (56, 57), random);
    }

    fn wait(&mut self, rows: &Rows, random: &mut Random) {
        for id in ids(rows, Table::Waiting).into_iter().take(2) {
            self.0.push(Act::Delete(Table::Waiting, id));
        }
        self.put(Table::Waiting, random.bytes(32), random.next() >> 40, (300, 9_000), random);
        self.put(Table::Incidents, random.bytes(32), 0, (60, 120), random);
    }

    fn housekeeping(&mut self, rows: &Rows, random: &mut Random) {
        let table = *random.pick(&[Table::Positions, Table::Tickets, Table::Waiting]);
        self.0.push(Act::Clear(table));
        for id in ids(rows, Table::Cards).into_iter().take(3) {
            let state = u8::try_from(random.below(9)).expect("a state");
            self.0.push(Act::State(Table::Cards, id, state));
        }
        self.put(Table::Control, random.next().to_be_bytes().to_vec(), 0, (500, 2_500), random);
    }

    /// Something large, so that the log is folded into the file while people write.
    fn attachment(&mut self, random: &mut Random) {
        let id = random.below(4).to_be_bytes().to_vec();
        let most = if random.one_in(6) { 1_500_000 } else { 60_000 };
        self.put(Table::Quarantine, id, 1, (20_000, most), random);
    }
}

fn ids(rows: &Rows, table: Table) -> Vec<Vec<u8>> {
    let table = table.number();
    let from = (table, Vec::new());
    rows.range(from..)
        .take_while(|((of, _), _)| *of == table)
        .map(|((_, id), _)| id.clone())
        .collect()
}

/// Everything that a store holds.
///
/// # Errors
/// As the store's.
pub fn read_all(store: &Store) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    for table in Table::ALL {
        for row in store.prefix(table, &[])? {
            rows.insert((table.number(), row.id.clone()), row);
        }
    }
    Ok(rows)
}

/// Lists, counts and single rows say the same as all rows together.
///
/// # Errors
/// What the store said instead.
pub fn answers_fit(store: &Store, rows: &Rows, random: &mut Random) -> Result<(), StoreError> {
    let table = *random.pick(&Table::ALL);
    let mut expected: Vec<&Row> =
        rows.iter().filter(|((of, _), _)| *of == table.number()).map(|(_, row)| row).collect();
    expected.sort_by_key(|row| (row.order, &row.id));
    let page = store.page(table, None, usize::MAX, Direction::Ascending)?;
    assert!(page.iter().eq(expected.iter().copied()), "a list shows what is there, in its order");
    assert_eq!(store.count(table)?, expected.len() as u64);
    let state = store.page_in_state((table, 1), None, usize::MAX, Direction::Ascending)?;
    assert!(state.iter().eq(expected.iter().copied().filter(|row| row.state == 1)));
    if let Some(row) = expected.first() {
        assert_eq!(store.get(table, &row.id)?.as_ref(), Some(*row));
    }
    Ok(())
}
