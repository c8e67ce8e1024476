//! What a disk holds after the power went: everything that was synced, and of the rest what the mode leaves.

use crate::random::Random;
use crate::tree::{Change, Ino, Tree};
use std::collections::BTreeMap;

/// The smallest part of a disk that is written whole.
const SECTOR: usize = 512;
/// The part that newer disks write whole.
const LARGE_SECTOR: usize = 4_096;

/// What happens to changes that no sync made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// None of them is there.
    Dropped,
    /// All are there: only the process died.
    Kept,
    /// The first ones are there, the last of these torn at a sector.
    Torn,
    /// Of each written sector an old or a new state is there.
    Sectors,
    /// The same, of 4 KiB.
    LargeSectors,
    /// Some writes are there, made in another order.
    Reordered,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 6] =
        [Self::Dropped, Self::Kept, Self::Torn, Self::Sectors, Self::LargeSectors, Self::Reordered];

    /// What a table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Kept => "kept",
            Self::Torn => "torn",
            Self::Sectors => "sectors of 512",
            Self::LargeSectors => "sectors of 4096",
            Self::Reordered => "reordered",
        }
    }
}

/// What is left of `durable` and the `pending` changes after it.
pub fn left(durable: &Tree, pending: &[Change], mode: Mode, random: &mut Random) -> Tree {
    let mut tree = durable.clone();
    match mode {
        Mode::Dropped => {}
        Mode::Kept => pending.iter().for_each(|change| tree.apply(change)),
        Mode::Torn => torn(&mut tree, pending, random),
        Mode::Sectors => sectors(&mut tree, pending, SECTOR, random),
        Mode::LargeSectors => sectors(&mut tree, pending, LARGE_SECTOR, random),
        Mode::Reordered => reordered(&mut tree, pending, random),
    }
    tree
}

fn torn(tree: &mut Tree, pending: &[Change], random: &mut Random) {
    let whole = random.index(pending.len() + 1);
    pending[..whole].iter().for_each(|change| tree.apply(change));
    if let Some(last) = pending.get(whole) {
        tear(tree, last, random);
    }
}

/// Writes a part of a write, up to a border of sectors; any other change happens or does not.
fn tear(tree: &mut Tree, change: &Change, random: &mut Random) {
    match change {
        Change::Write { ino, at, bytes } => {
            let end = at + random.index(bytes.len() + 1);
            let end = end / SECTOR * SECTOR;
            if end > *at {
                let bytes = bytes[..end - at].to_vec();
                tree.apply(&Change::Write { ino: *ino, at: *at, bytes });
            }
        }
        Change::Resize { .. }
        | Change::Link { .. }
        | Change::Unlink { .. }
        | Change::Rename { .. } => {
            if random.one_in(2) {
                tree.apply(change);
            }
        }
    }
}

fn sectors(tree: &mut Tree, pending: &[Change], size: usize, random: &mut Random) {
    let mut names = Names::draw(pending, random);
    // Sometimes nearly all of it got there, sometimes nearly nothing.
    let of = *random.pick(&[2, 10, 50]);
    let rather_kept = random.one_in(2);
    for change in pending {
        if names.keeps(change) == Some(true) {
            tree.apply(change);
        }
        let mut here = || random.one_in(of) != rather_kept;
        match change {
            Change::Write { ino, at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = ((at + from) / size * size + size - at).min(bytes.len());
                    if here() {
                        let bytes = bytes[from..to].to_vec();
                        tree.apply(&Change::Write { ino: *ino, at: at + from, bytes });
                    }
                    from = to;
                }
            }
            Change::Resize { .. } => {
                if here() {
                    tree.apply(change);
                }
            }
            Change::Link { .. } | Change::Unlink { .. } | Change::Rename { .. } => {}
        }
    }
}

fn reordered(tree: &mut Tree, pending: &[Change], random: &mut Random) {
    let mut names = Names::draw(pending, random);
    let mut data = Vec::new();
    for change in pending {
        match names.keeps(change) {
            Some(true) => tree.apply(change),
            Some(false) => {}
            None => data.push(change),
        }
    }
    for at in (1..data.len()).rev() {
        data.swap(at, random.index(at + 1));
    }
    let whole = random.index(data.len() + 1);
    data[..whole].iter().for_each(|change| tree.apply(change));
    if let Some(last) = data.get(whole) {
        tear(tree, last, random);
    }
}

/// Of the changes of each folder's names the first so many are there: file systems keep these in a journal.
struct Names(BTreeMap<Ino, usize>);

impl Names {
    fn draw(pending: &[Change], random: &mut Random) -> Self {
        let mut counts = BTreeMap::new();
        for folder in pending.iter().filter_map(Change::folder) {
            *counts.entry(folder).or_insert(0) += 1;
        }
        counts.values_mut().for_each(|count| *count = random.index(*count + 1));
        Self(counts)
    }

    /// Whether a change of names is there; none if it changes bytes.
    fn keeps(&mut self, change: &Change) -> Option<bool> {
        let left = self.0.get_mut(&change.folder()?)?;
        let keeps = *left > 0;
        *left = left.saturating_sub(1);
        Some(keeps)
    }
}
