//! What a commit does with each append.

use super::shelf::*;
use crate::job::{Answer, Append, Batch, Bounds, Outcome, Read, What};
use crate::storage::Storage;
use proptest::prelude::*;
use wire::hash::{envelope_id, running_hash};
use wire::id::{RunningHash, SpaceHandle};
use wire::time::Timestamp;

fn read_all(storage: &Storage) -> (Vec<(u64, Vec<u8>)>, u64, RunningHash) {
    match storage.read(Read::Data { sid: SID, after: 0, bytes_max: u64::MAX }) {
        Answer::Data { envelopes, n, running } => (envelopes, n, running),
        Answer::Space(_) | Answer::Control { .. } | Answer::Failed(_) => panic!("not data"),
    }
}

fn made(name: &str) -> Storage {
    let mut storage = Storage::memory(name, STORE).unwrap();
    assert_eq!(n(&commit(&mut storage, vec![create(SID, b"genesis")])[0]), Some(0));
    storage
}

#[test]
fn a_refused_append_leaves_out_its_lane_and_no_other() {
    let mut storage = made("lanes");
    let appends = vec![data(1, 0, b"a"), data(2, 9, b"b"), data(2, 0, b"c"), data(1, 0, b"d")];
    let outcomes = commit(&mut storage, appends);
    assert_eq!(outcomes.iter().map(n).collect::<Vec<_>>(), [Some(1), None, None, Some(2)]);
    assert_eq!(outcomes[1..3], [Outcome::StaleEpoch { epoch: 0 }, Outcome::Behind]);
    assert_eq!(
        commit(&mut storage, vec![data(2, 0, b"c")]).iter().map(n).collect::<Vec<_>>(),
        [Some(3)]
    );
}

#[test]
fn an_envelope_that_is_there_keeps_its_place_and_time_even_under_a_later_epoch() {
    let mut storage = made("again");
    let first = commit(&mut storage, vec![data(1, 0, b"a"), data(1, 0, b"a")]);
    commit(&mut storage, vec![control(1, b"genesis", b"rekey")]);
    let at = Timestamp::from_millis(AT.as_millis() + 5_000);
    let later = Batch { at, ..batch(vec![data(3, 0, b"a")]) };
    let later = storage.commit(later).unwrap().outcomes;
    let (Outcome::Stored(one), Outcome::Stored(two), Outcome::Stored(three)) =
        (first[0], first[1], later[0])
    else {
        panic!("stored");
    };
    assert!(one.fresh && !two.fresh && !three.fresh);
    assert_eq!((one.n, one.at, one.running), (three.n, three.at, three.running));
    assert_eq!(commit(&mut storage, vec![data(4, 0, b"b")]), [Outcome::StaleEpoch { epoch: 1 }]);
}

#[test]
fn the_epoch_changes_for_what_stands_behind_the_item_in_the_same_batch() {
    let mut storage = made("epoch");
    let appends = vec![
        data(1, 0, b"a"),
        control(1, b"genesis", b"rekey"),
        data(1, 0, b"b"),
        data(2, 1, b"c"),
    ];
    let outcomes = commit(&mut storage, appends);
    assert_eq!(outcomes.iter().map(n).collect::<Vec<_>>(), [Some(1), Some(1), None, Some(2)]);
}

#[test]
fn of_two_items_for_one_place_the_first_wins() {
    let mut storage = made("race");
    let appends =
        vec![control(1, b"genesis", b"one"), Append { lane: 9, ..control(1, b"genesis", b"two") }];
    let outcomes = commit(&mut storage, appends);
    assert_eq!(n(&outcomes[0]), Some(1));
    assert_eq!(outcomes[1], Outcome::Conflict { control: 2 });
}

#[test]
fn quotas_count_each_person_alone_and_hold_inside_a_batch() {
    let mut storage = made("quota");
    let room = Bounds { data_bytes_per_principal: 3, ..bounds() };
    let other = Append { slot: 1, ..data(3, 0, b"zz") };
    let appends = vec![data(1, 0, b"aa"), data(2, 0, b"bb"), other];
    let outcomes = storage.commit(Batch { bounds: room, ..batch(appends) }).unwrap().outcomes;
    assert_eq!(outcomes.iter().map(n).collect::<Vec<_>>(), [Some(1), None, Some(2)]);
    assert_eq!(outcomes[1], Outcome::Quota { limit: 3 });
    let few = Bounds { envelopes_per_space: 2, ..bounds() };
    let full = Batch { bounds: few, ..batch(vec![data(1, 0, b"c")]) };
    assert_eq!(n(&storage.commit(full).unwrap().outcomes[0]), None);
}

#[test]
fn what_belongs_to_no_space_or_no_principal_is_unknown() {
    let mut storage = made("unknown");
    let nowhere = Append { sid: SpaceHandle::ZERO, ..data(1, 0, b"a") };
    let nobody = Append { slot: 2, ..data(2, 0, b"a") };
    let outcomes = commit(&mut storage, vec![nowhere, nobody, create(SID, b"another")]);
    assert_eq!(outcomes, [Outcome::Unknown; 3]);
    assert_eq!(storage.read(Read::Space { sid: SpaceHandle::ZERO }), Answer::Space(None));
}

#[test]
fn facts_tell_who_may_sign_in_and_where_the_logs_end() {
    let mut storage = made("facts");
    commit(&mut storage, vec![data(1, 0, b"a"), control(1, b"genesis", b"rekey")]);
    let Answer::Space(Some(facts)) = storage.read(Read::Space { sid: SID }) else {
        panic!("a space");
    };
    let running = running_hash(SID, RunningHash::ZERO, 1, envelope_id(b"a"));
    assert_eq!((facts.n, facts.running, facts.control, facts.epoch), (1, running, 2, 1));
    assert_eq!(facts.principals, [principal(10), principal(20)]);
    assert_eq!(facts.retired, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any batches of any repeats: positions have no gap, nothing is stored twice, the running hash fits.
    #[test]
    fn the_log_has_no_gap_and_no_repeat(batches in proptest::collection::vec(proptest::collection::vec((0_u64..4, 0_u32..2, 0_u8..20), 0..12), 0..8)) {
        static COUNT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        let mut storage = made(&format!("property{count}"));
        let mut receipted = std::collections::BTreeMap::new();
        for appends in batches {
            let appends: Vec<_> = appends.into_iter().map(|(lane, epoch, tag)| data(lane, epoch, &[tag])).collect();
            let outcomes = commit(&mut storage, appends.clone());
            for (append, outcome) in appends.iter().zip(&outcomes) {
                let What::Data { id, .. } = append.what else { continue };
                if let Some(n) = n(outcome) {
                    prop_assert_eq!(*receipted.entry(id).or_insert(n), n);
                }
            }
        }
        let (envelopes, n, running) = read_all(&storage);
        let mut expected = RunningHash::ZERO;
        for (place, (at, envelope)) in (1_u64..).zip(&envelopes) {
            prop_assert_eq!(place, *at);
            let id = envelope_id(envelope);
            prop_assert_eq!(receipted.get(&id), Some(at));
            expected = running_hash(SID, expected, *at, id);
        }
        prop_assert_eq!((n, running), (receipted.len() as u64, expected));
    }
}
