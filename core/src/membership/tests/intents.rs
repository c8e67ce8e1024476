//! Intents: conflicts, lost answers, restarts.

use super::fixture::{Human, Space, is_void, private, recipient, some_space};
use crate::crypto::{DeviceKeys, SeededRandom};
use crate::membership::{
    ComposeError, ControlLog, Intent, IntentError, Keyring, Op, Outcome, VoidReason, Want,
};
use wire::control::ControlItem;

fn op_of(space: &Space, item: &[u8]) -> Op {
    let decoded = ControlItem::decode(item).unwrap();
    let key = space.key(decoded.epoch_before);
    let body = crate::crypto::open_control(&key, &space.log.home(), &decoded).unwrap();
    Op::decode(&body).unwrap().peek().clone()
}

fn satisfied(intent: &mut Intent, space: &Space, human: &Human, random: &mut SeededRandom) {
    assert!(intent.is_satisfied(&space.log));
    let done = intent.compose(&space.composer(&human.keys), random);
    assert_eq!(done, Err(IntentError::Satisfied));
}

#[test]
fn a_lost_answer_sends_the_same_bytes_again() {
    let random = &mut SeededRandom::new(60);
    let (human, mut space) = private(random);
    let mut intent = Intent::new(Want::Rekey { after: 0 });
    let first = intent.compose(&space.composer(&human.keys), random).unwrap();
    let second = intent.compose(&space.composer(&human.keys), random).unwrap();
    assert_eq!(first, second);
    assert_eq!(space.receive(first, &human.me()).outcome, Outcome::Applied);
    satisfied(&mut intent, &space, &human, random);
    assert!(intent.given_up().is_empty());
}

#[test]
fn a_restart_sends_the_same_bytes_again() {
    let random = &mut SeededRandom::new(61);
    let (human, space) = private(random);
    let tablet = DeviceKeys::generate(random);
    for want in [
        Want::Rekey { after: 0 },
        Want::AddDevice(human.admits(&tablet)),
        Want::JoinSpace(some_space(random)),
    ] {
        let mut intent = Intent::new(want.clone());
        assert_eq!(Intent::decode(&intent.encode()), Ok(intent.clone()));
        let item = intent.compose(&space.composer(&human.keys), random).unwrap();
        let mut restarted = Intent::decode(&intent.encode()).unwrap();
        assert_eq!((&restarted, restarted.want()), (&intent, &want));
        assert_eq!(restarted.compose(&space.composer(&human.keys), random), Ok(item));
    }
}

#[test]
fn a_conflict_composes_anew_and_names_what_was_given_up() {
    let random = &mut SeededRandom::new(62);
    let (human, mut space) = private(random);
    let (tablet, watch) = (DeviceKeys::generate(random), DeviceKeys::generate(random));
    let mut intent = Intent::new(Want::AddDevice(human.admits(&tablet)));
    let mut lost = Vec::new();
    for _ in 0..2 {
        let item = intent.compose(&space.composer(&human.keys), random).unwrap();
        lost.push(op_of(&space, &item).id(space.log.home().space));
        let epoch = space.log.epoch();
        space.want(Want::Rekey { after: epoch }, &human, random);
        intent = Intent::decode(&intent.encode()).unwrap();
    }
    space.want(Want::AddDevice(human.admits(&watch)), &human, random);
    assert!(!intent.is_satisfied(&space.log));
    let item = intent.compose(&space.composer(&human.keys), random).unwrap();
    assert_eq!(op_of(&space, &item).abandons, lost);
    assert_eq!(intent.given_up(), lost);
    assert_eq!(space.receive(item, &human.me()).outcome, Outcome::Applied);
    assert_eq!(space.log.table().slot_of(tablet.id()), Some(2));
    satisfied(&mut intent, &space, &human, random);
}

#[test]
fn what_another_device_did_already_is_not_done_again() {
    let random = &mut SeededRandom::new(63);
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    let join = some_space(random);
    for want in [
        Want::AddDevice(human.admits(&tablet)),
        Want::JoinSpace(join.clone()),
        Want::Rekey { after: 0 },
    ] {
        let mut intent = Intent::new(want.clone());
        intent.compose(&space.composer(&human.keys), random).unwrap();
        space.want(want, &human, random);
        satisfied(&mut intent, &space, &human, random);
    }
    let mut rival = join;
    rival.genesis = some_space(random).genesis;
    let mut intent = Intent::new(Want::JoinSpace(rival));
    let refused = intent.compose(&space.composer(&human.keys), random);
    let joined = ComposeError::Void(VoidReason::Joined);
    assert_eq!(refused, Err(IntentError::Compose(joined)));
}

#[test]
fn a_log_that_is_behind_waits_and_a_missing_key_is_named() {
    let random = &mut SeededRandom::new(64);
    let (human, mut space) = private(random);
    space.want(Want::Rekey { after: 0 }, &human, random);
    let mut intent = Intent::new(Want::Rekey { after: 1 });
    intent.compose(&space.composer(&human.keys), random).unwrap();
    let home = space.log.home();
    let mut keyring = Keyring::new(home.space);
    keyring.insert(0, space.key(0));
    let mut old = Space { log: ControlLog::new(home), keyring, items: Vec::new() };
    old.receive(space.items[0].clone(), &human.me());
    let behind = intent.compose(&old.composer(&human.keys), random);
    assert_eq!(behind, Err(IntentError::Behind));
    space.keyring.remove(1);
    let keyless =
        Intent::new(Want::Rekey { after: 1 }).compose(&space.composer(&human.keys), random);
    let missing = ComposeError::NeedKey { epoch: 1 };
    assert_eq!(keyless, Err(IntentError::Compose(missing)));
}

#[test]
fn an_own_op_overtaken_on_the_way_is_refused_by_nobody_twice() {
    // The relay took our item, another was told to us first: the item that stands is not ours.
    let random = &mut SeededRandom::new(65);
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    let mut mine = Intent::new(Want::Rekey { after: 0 });
    let mut theirs = Intent::new(Want::Rekey { after: 0 });
    let lost = mine.compose(&space.composer(&human.keys), random).unwrap();
    let stands = theirs.compose(&space.composer(&tablet), random).unwrap();
    assert_ne!(lost, stands);
    assert_eq!(space.receive(stands, &human.me()).outcome, Outcome::Applied);
    satisfied(&mut mine, &space, &human, random);
    assert!(recipient(&tablet).id != human.me().id);
}

#[test]
fn a_device_that_is_not_in_composes_nothing() {
    let random = &mut SeededRandom::new(66);
    let (human, mut space) = private(random);
    let stranger = DeviceKeys::generate(random);
    let refused = Intent::new(Want::Rekey { after: 0 }).compose(&space.composer(&stranger), random);
    let author = ComposeError::Void(VoidReason::Author);
    assert_eq!(refused, Err(IntentError::Compose(author)));
    let forgery =
        super::fixture::Forgery::of(&space, &human, &crate::membership::Action::Rekey, random);
    let item = forgery.seal(&space, &stranger.seat, random);
    is_void(&space.receive(item, &human.me()), VoidReason::Signature);
}

#[test]
fn a_stored_intent_that_is_cut_or_changed_is_refused() {
    let random = &mut SeededRandom::new(67);
    let (human, space) = private(random);
    let mut intent = Intent::new(Want::JoinSpace(some_space(random)));
    intent.compose(&space.composer(&human.keys), random).unwrap();
    let bytes = intent.encode();
    for len in 0..bytes.len().min(400) {
        assert!(Intent::decode(&bytes[..len]).is_err());
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Intent::decode(&longer).is_err());
}
