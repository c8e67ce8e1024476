//! A disk that goes on after it failed: an error, no room, a sync that lies, a bit that flips.

use crate::cut::Mode;
use crate::disk::{Event, Kind, Plan, Slow, with};
use crate::machine::Machine;
use crate::random::Random;
use crate::rows::{Commit, Rows, read_all};
use reknit_core::store::{Store, StoreError, create_folder};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

/// Commits of the work that is tried against each fault.
const COMMITS: usize = 24;
/// Commits before it, so that there is something to read.
const COMMITS_BEFORE: usize = 12;

/// What was tried, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Runs.
    pub runs: u64,
    /// Errors that the store reported.
    pub reported: u64,
    /// Damage, or an older state than the last acknowledged, that was seen as such.
    pub noticed: u64,
    /// Wrong without a word.
    pub silent: u64,
}

/// A store on a disk, and the work that will be done with it.
#[derive(Debug)]
struct Case {
    machine: Machine,
    commits: Vec<Commit>,
    random: Random,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (mut rows, mut commits) = (Rows::new(), Vec::new());
        for _ in 0..COMMITS_BEFORE + COMMITS {
            let commit = Commit::draw(&rows, &mut random);
            commit.apply(&mut rows);
            commits.push(commit);
        }
        let mut machine = Machine::new();
        let folder = machine.boot(Plan::default());
        create_folder(&folder.join("vault"), |new| Store::create(new).map(drop)).expect("a store");
        let mut store = open(&folder).expect("a store");
        for commit in &commits[..COMMITS_BEFORE] {
            store.commit(commit.batch()).expect("a commit");
        }
        drop(store);
        machine.kill();
        machine.cut(Mode::Kept, &mut random);
        Self { machine, commits, random }
    }

    /// What there is after so many commits.
    fn after(&self, commits: usize) -> Rows {
        let mut rows = Rows::new();
        self.commits[..commits].iter().for_each(|commit| commit.apply(&mut rows));
        rows
    }
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(&folder.join("vault"))
}

fn state(store: &Store) -> Result<(usize, Rows), StoreError> {
    let generation = usize::try_from(store.generation()?).expect("a small number");
    Ok((generation, read_all(store)?))
}

/// Every call, or every so many, fails once, one in each run. What is acknowledged after that is there, also when the power goes then.
///
/// # Panics
/// When it is not, or when an opening takes an error for damage.
pub fn each_call_fails(step: usize) -> Found {
    let mut found = Found::default();
    let mut case = Case::new(7);
    let tree = case.machine.tree().clone();
    for number in (0..).step_by(step) {
        *case.machine.tree_mut() = tree.clone();
        let folder = case.machine.boot(Plan { fail: Some(number), ..Plan::default() });
        let done = work_on(&case, &folder, &mut found);
        let failed = with(|disk| disk.failed()).flatten();
        case.machine.kill();
        let mode = if failed == Some(Kind::Sync) { Mode::Dropped } else { Mode::Torn };
        case.machine.cut(mode, &mut case.random);
        let folder = case.machine.boot(Plan::default());
        let store = open(&folder).expect("it opens after an error and a power cut");
        assert_eq!(state(&store), Ok((done, case.after(done))), "call {number}");
        drop(store);
        case.machine.kill();
        case.machine.cut(Mode::Kept, &mut case.random);
        found.runs += 1;
        if failed.is_none() {
            break;
        }
    }
    found
}

/// Does all the work, opening again after each error. Returns how many commits are done.
fn work_on(case: &Case, folder: &Path, found: &mut Found) -> usize {
    let mut done = COMMITS_BEFORE;
    let mut store = open_despite(folder, found);
    while done < case.commits.len() {
        match store.commit(case.commits[done].batch()) {
            Ok(_) => done += 1,
            Err(error) => {
                found.reported += 1;
                if matches!(error, StoreError::Busy | StoreError::Full) {
                    assert_eq!(state(&store), Ok((done, case.after(done))));
                    continue;
                }
                assert_eq!(store.generation(), Err(StoreError::Poisoned));
                drop(store);
                store = open_despite(folder, found);
                // It may be there in spite of the error: whole, then, and counted.
                let there = state(&store).expect("the disk works again");
                assert!(there.0 == done || there.0 == done + 1);
                done = there.0;
                assert_eq!(there.1, case.after(done));
            }
        }
    }
    done
}

fn open_despite(folder: &Path, found: &mut Found) -> Store {
    open(folder).unwrap_or_else(|error| {
        let honest = matches!(error, StoreError::Disk | StoreError::Engine | StoreError::Full);
        assert!(honest, "an error is not damage: {error:?}");
        found.reported += 1;
        open(folder).expect("it opens when the disk works again")
    })
}

/// The disk is full after so many bytes more, in each run others. Then there is room again.
///
/// # Panics
/// When something acknowledged is lost, or the store stays stuck.
pub fn full_at_each(step: u64) -> Found {
    let mut found = Found::default();
    let mut case = Case::new(11);
    let tree = case.machine.tree().clone();
    for number in 0.. {
        *case.machine.tree_mut() = tree.clone();
        let folder = case.machine.boot(Plan::default());
        let mut store = open(&folder).expect("a store");
        let room = with(|disk| disk.live().size()).expect("a disk") + number * step;
        with(|disk| disk.plan(Plan { room: Some(room), ..Plan::default() }));
        let (mut done, mut refused) = (COMMITS_BEFORE, false);
        while done < case.commits.len() {
            match store.commit(case.commits[done].batch()) {
                Ok(_) => done += 1,
                Err(error) => {
                    assert_eq!(error, StoreError::Full, "it is named");
                    assert_eq!(state(&store), Ok((done, case.after(done))), "reads go on");
                    (refused, found.reported) = (true, found.reported + 1);
                    with(|disk| disk.plan(Plan::default()));
                }
            }
        }
        drop(store);
        case.machine.kill();
        case.machine.cut(Mode::Dropped, &mut case.random);
        let folder = case.machine.boot(Plan::default());
        let store = open(&folder).expect("it opens");
        assert_eq!(state(&store), Ok((done, case.after(done))));
        drop(store);
        case.machine.kill();
        case.machine.cut(Mode::Kept, &mut case.random);
        found.runs += 1;
        if !refused {
            break;
        }
    }
    found
}

/// Syncs lie, and the power goes. What is lost is seen: the store is refused, or it is an older state, whole, with the
/// count of that state, which receipts and whoever remembers the count contradict.
pub fn lies(seeds: u64) -> Found {
    let mut found = Found::default();
    for seed in 0..seeds {
        let mut case = Case::new(1_000 + seed);
        let folder = case.machine.boot(Plan::default());
        let mut store = open(&folder).expect("a store");
        let mut done = COMMITS_BEFORE;
        let honest = done + case.random.index(COMMITS);
        let last = honest + case.random.index(case.commits.len() - honest + 1);
        while done < last {
            if done == honest {
                with(|disk| disk.plan(Plan { lies: true, ..Plan::default() }));
            }
            if case.random.one_in(5) {
                drop(store);
                store = open(&folder).expect("it opens while there is power");
            }
            store.commit(case.commits[done].batch()).expect("a commit");
            done += 1;
        }
        if case.random.one_in(3) {
            drop(store);
            case.machine.kill();
        } else {
            case.machine.kill();
            drop(store);
        }
        let mode = *case.random.pick(&Mode::ALL);
        case.machine.cut(mode, &mut case.random);
        found.runs += 1;
        let folder = case.machine.boot(Plan::default());
        judge(&case, done, open(&folder), &mut found);
        case.machine.kill();
        case.machine.cut(Mode::Kept, &mut case.random);
    }
    found
}

/// One read gets one bit wrong, and work goes on. Afterwards all is there, or the store says that it is damaged.
pub fn flips(seeds: u64) -> Found {
    let mut found = Found::default();
    for seed in 0..seeds {
        let mut case = Case::new(5_000 + seed);
        let flip = Some((case.random.below(60), case.random.next()));
        let folder = case.machine.boot(Plan { flip, ..Plan::default() });
        let mut done = COMMITS_BEFORE;
        if let Ok(mut store) = open(&folder) {
            while done < case.commits.len() {
                match store.commit(case.commits[done].batch()) {
                    Ok(_) => done += 1,
                    Err(_) => break,
                }
            }
        }
        let rest = done < case.commits.len();
        found.reported += u64::from(rest);
        found.runs += 1;
        with(|disk| disk.plan(Plan::default()));
        let opened = open(&folder).and_then(|store| {
            store.walk()?;
            Ok(store)
        });
        match opened {
            // What failed may be there all the same, whole.
            Ok(store) if rest && state(&store) == Ok((done + 1, case.after(done + 1))) => {}
            other => judge(&case, done, other, &mut found),
        }
        case.machine.kill();
        case.machine.cut(Mode::Kept, &mut case.random);
    }
    found
}

/// Each sync takes as long as it likes: no commit is acknowledged while one is under way, nor without one. Returns how
/// many commits there were, and how many syncs they waited for.
///
/// # Panics
/// When one is.
pub fn slow() -> (usize, usize) {
    let ((began, events), (go_on, goes_on)) = (channel(), channel());
    let said = began.clone();
    let slow = Slow { began, goes_on: Arc::new(Mutex::new(goes_on)) };
    let work = thread::spawn(move || {
        let mut case = Case::new(11);
        let folder = case.machine.boot(Plan::default());
        let mut store = open(&folder).expect("it opens");
        with(|disk| disk.plan(Plan { slow: Some(slow), ..Plan::default() }));
        for commit in &case.commits[COMMITS_BEFORE..] {
            store.commit(commit.batch()).expect("a commit");
            said.send(Event::Acknowledged).expect("somebody listens");
        }
        with(|disk| disk.plan(Plan::default()));
        drop(said);
        // The power goes: what was acknowledged needs nothing that was not synced.
        case.machine.kill();
        drop(store);
        case.machine.cut(Mode::Dropped, &mut case.random);
        let store = open(&case.machine.boot(Plan::default())).expect("it opens");
        let all = COMMITS_BEFORE + COMMITS;
        assert_eq!(state(&store), Ok((all, case.after(all))));
        drop(store);
        case.machine.kill();
        case.machine.cut(Mode::Kept, &mut case.random);
    });
    let (mut commits, mut syncs, mut waited) = (0, 0, 0);
    for event in &events {
        match event {
            Event::SyncBegan => {
                assert!(events.try_recv().is_err(), "nothing while a sync is under way");
                waited += 1;
                go_on.send(()).expect("it waits");
            }
            Event::Acknowledged => {
                assert!(waited > 0, "a commit without a sync");
                commits += 1;
                syncs += std::mem::take(&mut waited);
            }
        }
    }
    work.join().expect("all of it is there");
    (commits, syncs)
}

fn judge(case: &Case, done: usize, opened: Result<Store, StoreError>, found: &mut Found) {
    match opened.as_ref().map(state) {
        Err(_) | Ok(Err(_)) => found.noticed += 1,
        Ok(Ok((generation, rows))) => {
            let whole = generation <= done && rows == case.after(generation);
            found.noticed += u64::from(whole && generation < done);
            found.silent += u64::from(!whole);
        }
    }
}
