//! The relay's storage while the power goes, again and again.

use crate::disk::{Plan, is_alive};
use crate::random::Random;
use crate::schedule::Schedule;
use crate::tally::Tally;
use reknit_relay::DataFolder;
use reknit_relay::job::{Answer, Append, Batch, Outcome, Read, What};
use reknit_relay::protocol::Limits;
use reknit_relay::storage::Storage;
use std::collections::BTreeMap;
use std::path::Path;
use wire::frame::Principal;
use wire::hash::{envelope_id, item_hash, running_hash};
use wire::id::{ItemHash, PrincipalKey, RunningHash, SpaceHandle, StoreId};
use wire::time::Timestamp;

/// Power cuts in one schedule.
pub const CUTS: u64 = 5;
/// Group commits between two cuts, at most.
const COMMITS: u64 = 14;
/// Changes after which the power goes, at most; some happen at rest.
const CHANGES: u64 = 160;
/// Changes of an opening after a cut.
const CHANGES_OF_OPENING: u64 = 6;
const SPACES: u64 = 4;

/// What a relay confirmed of one space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Log {
    items: Vec<Vec<u8>>,
    envelopes: Vec<Vec<u8>>,
    /// What each receipt was signed over.
    running: Vec<RunningHash>,
}

/// All that was confirmed, and what was asked for and not answered.
#[derive(Debug, Default)]
struct Kept {
    store: Option<StoreId>,
    logs: BTreeMap<SpaceHandle, Log>,
    doubt: Option<Vec<Append>>,
}

/// Runs a schedule: five power cuts, each in a mode, and a look at everything after each.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run(seed: u64) -> Tally {
    let schedule = Schedule {
        seed,
        cuts: CUTS,
        changes: CHANGES,
        changes_of_opening: CHANGES_OF_OPENING,
        fault: &Plan::default(),
    };
    let mut kept = Kept::default();
    schedule.run(|folder, tally, random| work(folder, &mut kept, tally, random))
}

/// Opens, looks, works until the power goes. False: it went before the storage was open.
fn work(folder: &Path, kept: &mut Kept, tally: &mut Tally, random: &mut Random) -> bool {
    let mut own = random.clone();
    let mut bytes: reknit_relay::Random = Box::new(move |out| own.fill(out));
    let opened = DataFolder::open(&folder.join("data"), &mut bytes);
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            assert!(!is_alive(), "what was confirmed opens: {error}");
            return false;
        }
    };
    assert_eq!(opened.set_aside, None, "a power cut damages nothing");
    if look(&opened.storage, kept, tally).is_none() {
        return false;
    }
    for _ in 0..=random.below(COMMITS) {
        commit(&mut opened.storage, kept, random);
        if !is_alive() {
            return true;
        }
    }
    true
}

/// All envelopes and items that were confirmed are there, in their places, under the hashes that were signed.
fn look(storage: &Storage, kept: &mut Kept, tally: &mut Tally) -> Option<()> {
    let store = *kept.store.get_or_insert(storage.store_id());
    let nothing_yet = kept.logs.is_empty() && kept.doubt.is_none();
    if nothing_yet {
        kept.store = Some(storage.store_id());
    } else {
        assert_eq!(storage.store_id(), store, "it is the same store");
    }
    if let Some(doubt) = kept.doubt.clone() {
        let mut after = kept.logs.clone();
        apply(&mut after, &doubt);
        let is_there = after.keys().all(|sid| read(storage, *sid).as_ref() == after.get(sid));
        if !is_alive() {
            return None;
        }
        kept.doubt = None;
        tally.in_doubt += 1;
        if is_there {
            kept.logs = after;
        }
    }
    for number in 0..SPACES {
        let sid = handle(number);
        let found = read(storage, sid);
        if !is_alive() {
            return None;
        }
        let expected = kept.logs.get(&sid);
        let confirmed = expected.map_or(0, |log| log.items.len() + log.envelopes.len()) as u64;
        tally.checked += confirmed;
        if found.as_ref() != expected {
            tally.lost += confirmed;
        }
        assert!(found.as_ref() == expected, "what was confirmed is there, and nothing else");
    }
    Some(())
}

fn read(storage: &Storage, sid: SpaceHandle) -> Option<Log> {
    let Answer::Space(Some(facts)) = storage.read(Read::Space { sid }) else { return None };
    let all = u64::MAX;
    let Answer::Control { items, held } =
        storage.read(Read::Control { sid, from: 0, bytes_max: all })
    else {
        return None;
    };
    let Answer::Data { envelopes, n, running } =
        storage.read(Read::Data { sid, after: 0, bytes_max: all })
    else {
        return None;
    };
    assert_eq!((held, n, running), (facts.control, facts.n, facts.running));
    assert_eq!((items.len(), envelopes.len() as u64), (held as usize, n), "no gaps");
    let mut log = Log::default();
    log.items = items.into_iter().map(|(_, item)| item).collect();
    for (at, (n, envelope)) in (1..).zip(envelopes) {
        assert_eq!(at, n, "positions have no gaps");
        let before = log.running.last().copied().unwrap_or(RunningHash::ZERO);
        log.running.push(running_hash(sid, before, n, envelope_id(&envelope)));
        log.envelopes.push(envelope);
    }
    assert_eq!(running, log.running.last().copied().unwrap_or(RunningHash::ZERO));
    Some(log)
}

fn handle(number: u64) -> SpaceHandle {
    SpaceHandle::from_bytes([u8::try_from(number).expect("a small number") + 1; 16])
}

fn commit(storage: &mut Storage, kept: &mut Kept, random: &mut Random) {
    let appends = draw(&kept.logs, random);
    let bounds = Limits::default().storage;
    let at = Timestamp::from_millis(1_750_000_000_000 + random.below(1_000_000));
    match storage.commit(Batch { appends: appends.clone(), bounds, at }) {
        Ok(done) => {
            assert!(done.outcomes.iter().all(|one| matches!(one, Outcome::Stored(_))));
            apply(&mut kept.logs, &appends);
        }
        Err(failure) => {
            assert!(!is_alive(), "a sound disk takes a commit: {failure:?}");
            kept.doubt = Some(appends);
        }
    }
}

/// A group commit as a busy relay makes it: some spaces, some envelopes each, now and then an item.
fn draw(logs: &BTreeMap<SpaceHandle, Log>, random: &mut Random) -> Vec<Append> {
    let mut after = logs.clone();
    let mut appends = Vec::new();
    for lane in 0..=random.below(9) {
        let sid = handle(random.below(SPACES));
        let append = |what| Append { lane, sid, slot: 0, what };
        let most = if random.one_in(12) { 60_000 } else { 2_000 };
        let len = random.index(most) + 40;
        let bytes = random.bytes(len);
        let one = match after.get(&sid) {
            None => append(What::Create {
                hash: item_hash(&bytes),
                epoch: 0,
                item: bytes,
                principals: vec![principal(random), principal(random)],
            }),
            Some(log) if random.one_in(7) => append(What::Control {
                hash: item_hash(&bytes),
                idx: u32::try_from(log.items.len()).expect("few items"),
                prev: log.items.last().map_or(ItemHash::ZERO, |item| item_hash(item)),
                epoch: 0,
                item: bytes,
            }),
            Some(_) => {
                append(What::Data { id: envelope_id(&bytes), epoch: Some(0), envelope: bytes })
            }
        };
        apply(&mut after, std::slice::from_ref(&one));
        appends.push(one);
    }
    appends
}

fn principal(random: &mut Random) -> Principal {
    let mut key = || {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        PrincipalKey::from_bytes(bytes)
    };
    Principal { acc: key(), adm: key(), recovery: key() }
}

fn apply(logs: &mut BTreeMap<SpaceHandle, Log>, appends: &[Append]) {
    for append in appends {
        let log = logs.entry(append.sid).or_default();
        match &append.what {
            What::Create { item, .. } | What::Control { item, .. } => log.items.push(item.clone()),
            What::Data { id, envelope, .. } => {
                let before = log.running.last().copied().unwrap_or(RunningHash::ZERO);
                let n = log.envelopes.len() as u64 + 1;
                log.running.push(running_hash(append.sid, before, n, *id));
                log.envelopes.push(envelope.clone());
            }
        }
    }
}
