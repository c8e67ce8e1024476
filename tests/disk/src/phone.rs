//! The phone's store while the power goes, again and again.

use crate::disk::{Plan, is_alive};
use crate::random::Random;
use crate::rows::{Commit, Rows, answers_fit, read_all};
use crate::schedule::Schedule;
use crate::tally::Tally;
use reknit_core::store::{Store, StoreError, create_folder, write_file};
use std::path::Path;

/// Power cuts in one schedule.
pub const CUTS: u64 = 6;
/// Acts between two cuts, at most.
const ACTS: u64 = 24;
/// Changes after which the power goes, at most; some happen at rest.
const CHANGES: u64 = 260;
/// Changes of an opening after a cut.
const CHANGES_OF_OPENING: u64 = 6;

/// What was acknowledged, and what was asked for and not answered.
#[derive(Debug, Default)]
struct Kept {
    rows: Rows,
    generation: u64,
    /// The store was made.
    made: bool,
    /// The commit that failed when the power went: it is there whole, or not at all.
    doubt: Option<Commit>,
    /// The small file, and what it may also hold.
    file: (Option<Vec<u8>>, Option<Vec<u8>>),
}

/// Runs a schedule: six power cuts, each in a mode, and a look at everything after each.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run(seed: u64) -> Tally {
    run_on(seed, &Plan::default())
}

/// Runs a schedule on a disk that has a fault besides.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run_on(seed: u64, fault: &Plan) -> Tally {
    let schedule = Schedule {
        seed,
        cuts: CUTS,
        changes: CHANGES,
        changes_of_opening: CHANGES_OF_OPENING,
        fault: fault,
    };
    let mut kept = Kept::default();
    schedule.run(|folder, tally, random| work(folder, &mut kept, tally, random))
}

/// Opens, looks, works until the power goes. False: it went before the store was open.
fn work(folder: &Path, kept: &mut Kept, tally: &mut Tally, random: &mut Random) -> bool {
    let Some(mut store) = open(folder, kept) else { return false };
    if look(&store, kept, tally).is_none() {
        return false;
    }
    for _ in 0..=random.below(ACTS) {
        match random.below(20) {
            0 => {
                drop(store);
                match open(folder, kept) {
                    Some(again) => store = again,
                    None => return true,
                }
            }
            1 => small_file(folder, kept, random),
            2 => {
                let fits = answers_fit(&store, &kept.rows, random);
                assert!(fits.is_ok() || !is_alive(), "a sound disk is read: {fits:?}");
            }
            _ => commit(&mut store, kept, random),
        }
        if !is_alive() {
            return true;
        }
    }
    true
}

/// The vault's folder, made if it is not there yet: whole or not at all.
fn open(folder: &Path, kept: &mut Kept) -> Option<Store> {
    let vault = folder.join("vault");
    if !vault.exists() {
        assert!(!kept.made, "an acknowledged store is gone");
        let made = create_folder(&vault, |new| {
            write_file(&new.join("device"), b"first")?;
            Store::create(&new.join("shared")).map(drop)
        });
        if made.is_err() {
            assert!(!is_alive(), "a sound disk takes a store: {made:?}");
            return None;
        }
        kept.file.0 = Some(b"first".to_vec());
    }
    if !kept.made {
        (kept.made, kept.file.0) = (true, Some(b"first".to_vec()));
    }
    match Store::open(&vault.join("shared")) {
        Ok(store) => Some(store),
        Err(error) => {
            assert!(!is_alive(), "what was acknowledged opens: {error:?}");
            None
        }
    }
}

/// Everything that was acknowledged is there with its bytes; what was in doubt is there whole or not at all.
fn look(store: &Store, kept: &mut Kept, tally: &mut Tally) -> Option<()> {
    let found = read_all(store).and_then(|rows| Ok((rows, store.generation()?)));
    let (rows, generation) = match found {
        Ok(found) => found,
        Err(error) => {
            assert!(!is_alive(), "what was acknowledged can be read: {error:?}");
            return None;
        }
    };
    if let Some(doubt) = kept.doubt.take() {
        tally.in_doubt += 1;
        if generation == kept.generation + 1 {
            doubt.apply(&mut kept.rows);
            kept.generation = generation;
        }
    }
    let lost = kept.rows.iter().filter(|(key, row)| rows.get(*key) != Some(*row)).count();
    tally.checked += kept.rows.len() as u64;
    tally.lost += lost as u64;
    assert_eq!(lost, 0, "acknowledged records are lost");
    assert_eq!(rows.len(), kept.rows.len(), "nothing is there that nobody wrote whole");
    assert_eq!(generation, kept.generation, "the count of commits");
    Some(())
}

fn commit(store: &mut Store, kept: &mut Kept, random: &mut Random) {
    let commit = Commit::draw(&kept.rows, random);
    match store.commit(commit.batch()) {
        Ok(generation) => {
            commit.apply(&mut kept.rows);
            kept.generation += 1;
            assert_eq!(generation, kept.generation, "each commit counts one");
        }
        Err(error) => {
            assert!(!is_alive(), "a sound disk takes a commit: {error:?}");
            assert_ne!(error, StoreError::Full);
            kept.doubt = Some(commit);
        }
    }
}

/// A file that is replaced whole, as `device` is.
fn small_file(folder: &Path, kept: &mut Kept, random: &mut Random) {
    let path = folder.join("vault/device");
    let found = std::fs::read(&path);
    if !is_alive() {
        return;
    }
    let found = found.expect("the small file is there");
    let old = kept.file.0.clone().expect("it was written");
    let fits = found == old || kept.file.1.as_ref() == Some(&found);
    assert!(fits, "the small file is the old one or the new one");
    kept.file = (Some(found), None);
    let len = 1 + random.index(3_000);
    let new = random.bytes(len);
    match write_file(&path, &new) {
        Ok(()) => kept.file = (Some(new), None),
        Err(error) => {
            assert!(!is_alive(), "a sound disk takes a small file: {error:?}");
            kept.file.1 = Some(new);
        }
    }
}
