//! Epoch keys: rekeys, wraps that do not open, and the climb of a newcomer.

use super::fixture::{Forgery, Human, Space, is_void, private, recipient};
use crate::crypto::{DeviceKeys, EpochKey, SeededRandom, draw, ladder_seal, spare_wrap};
use crate::membership::compose::{Parcel, Place, recipients};
use crate::membership::{
    Action, Author, ClimbError, ControlLog, Intent, KeyArrival, Keyring, Outcome, ReceiveError,
    Recipient, VoidReason, Want,
};
use wire::control::ControlItem;

/// A private space with a phone and a tablet; the tablet follows with a log of its own.
fn two(random: &mut SeededRandom) -> (Human, Space, DeviceKeys, Space) {
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    let follower = newcomer(&space, &recipient(&tablet)).ok().unwrap();
    (human, space, tablet, follower)
}

fn parsed(items: &[Vec<u8>]) -> Vec<ControlItem> {
    items.iter().map(|item| ControlItem::decode(item).unwrap()).collect()
}

/// Climbs, then verifies forward from the Genesis.
pub(super) fn newcomer(space: &Space, me: &Recipient<'_>) -> Result<Space, ClimbError> {
    let home = space.log.home();
    let mut keyring = Keyring::new(home.space);
    keyring.climb(&parsed(&space.items), home, me)?;
    let mut mine = Space { log: ControlLog::new(home), keyring, items: Vec::new() };
    super::rejects::take(&mut mine, &space.items, me);
    Ok(mine)
}

fn rekey(space: &mut Space, human: &Human, random: &mut SeededRandom) -> Vec<u8> {
    let after = space.log.epoch();
    let folded = space.want(Want::Rekey { after }, human, random);
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    space.items.last().unwrap().clone()
}

#[test]
fn a_rekey_reaches_every_device_and_phrase() {
    let random = &mut SeededRandom::new(40);
    let (human, mut space, tablet, mut follower) = two(random);
    let item = rekey(&mut space, &human, random);
    let folded = follower.receive(item, &recipient(&tablet));
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    assert_eq!((follower.log.epoch(), follower.log.table()), (1, space.log.table()));
    assert_eq!(follower.key(1).as_bytes(), space.key(1).as_bytes());
    let id = human.recovery.public().id().to_bytes();
    let phrase = newcomer(&space, &Recipient { id, kem: &human.recovery.kem }).unwrap();
    assert_eq!(phrase.key(0).as_bytes(), space.key(0).as_bytes());
}

#[test]
fn b38_a_rekey_that_skips_an_epoch_is_void() {
    let random = &mut SeededRandom::new(41);
    let (human, mut space) = private(random);
    for epoch in [0, 2, u32::MAX] {
        let key = EpochKey::generate(random);
        let place = Place { space: space.log.home().space, idx: space.log.next_idx() };
        let to = recipients(space.log.table());
        let mut parcel = Parcel::pack(place, (&key, epoch), &to, random).unwrap();
        parcel.makes_epoch = true;
        let mut forgery = Forgery::with(&space, Action::Rekey.encode(), parcel);
        forgery.op.author = Author::Seat(human.keys.id());
        let item = forgery.seal(&space, &human.keys.seat, random);
        is_void(&space.receive(item, &human.me()), VoidReason::Epoch);
    }
    assert_eq!((space.log.epoch(), space.keyring.epochs().count()), (0, 1));
}

#[test]
fn b38_a_rekey_whose_wraps_do_not_cover_the_members_is_void() {
    let random = &mut SeededRandom::new(42);
    let (human, mut space, _, _) = two(random);
    let stranger = DeviceKeys::generate(random);
    for missing in 0..=3 {
        let key = EpochKey::generate(random);
        let place = Place { space: space.log.home().space, idx: space.log.next_idx() };
        let mut to = recipients(space.log.table());
        if missing < to.len() {
            to.remove(missing);
        } else {
            to.push((stranger.id().to_bytes(), stranger.kem.public()));
        }
        let mut parcel = Parcel::pack(place, (&key, 1), &to, random).unwrap();
        parcel.makes_epoch = true;
        let mut forgery = Forgery::with(&space, Action::Rekey.encode(), parcel);
        forgery.op.author = Author::Voice(human.keys.id());
        let item = forgery.seal(&space, &human.keys.voice, random);
        is_void(&space.receive(item, &human.me()), VoidReason::Wraps);
    }
}

#[test]
fn a_phrase_alone_does_not_rekey_and_a_seat_may() {
    let random = &mut SeededRandom::new(43);
    let (human, mut space) = private(random);
    let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    forgery.op.author = Author::Recovery(human.recovery.public().id());
    let item = forgery.seal(&space, &human.recovery.sign, random);
    is_void(&space.receive(item, &human.me()), VoidReason::Author);
    let forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    let item = forgery.seal(&space, &human.keys.seat, random);
    assert_eq!(space.receive(item, &human.me()).outcome, Outcome::Applied);
}

/// A rekey by the phone whose wraps are all junk, though the op commits to them.
pub(super) fn garbage_wraps(space: &Space, human: &Human, random: &mut SeededRandom) -> Vec<u8> {
    let mut forgery = Forgery::of(space, human, &Action::Rekey, random);
    forgery.parcel.wraps = (0..12).map(|_| draw(random)).collect();
    let facts = forgery.parcel.facts(0, 0, [0; 32]);
    forgery.op.wraps_hash = facts.wraps_hash;
    forgery.op.author = Author::Voice(human.keys.id());
    forgery.seal(space, &human.keys.voice, random)
}

#[test]
fn b39_twelve_garbage_wraps_cost_the_key_and_not_the_log() {
    let random = &mut SeededRandom::new(44);
    let (human, mut space, tablet, mut follower) = two(random);
    let item = garbage_wraps(&space, &human, random);
    let folded = follower.receive(item.clone(), &recipient(&tablet));
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Bad));
    assert_eq!((folded.code(), folded.incident), (Some("wrap.bad"), None));
    assert_eq!(folded.sentence(), Some("Your key for new messages did not arrive. Asking again."));
    assert_eq!((follower.log.epoch(), follower.keyring.get(1).is_none()), (1, true));
    space.receive(item, &human.me());
    assert_eq!(space.log.table(), follower.log.table());
    let composed =
        Intent::new(Want::Rekey { after: 1 }).compose(&follower.composer(&tablet), random);
    assert!(composed.is_err());
}

#[test]
fn b39_the_next_good_rekey_brings_back_the_key_that_did_not_arrive() {
    let random = &mut SeededRandom::new(45);
    let (human, mut space, tablet, mut follower) = two(random);
    // Only the tablet's wrap is junk; the phone got its own.
    let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    let at = |id: [u8; 16]| move |slot: &&crate::membership::WrapSlot| slot.recipient == id;
    let slot = forgery.op.wrap_slots.iter().find(at(tablet.id().to_bytes())).unwrap().slot;
    forgery.parcel.wraps[usize::from(slot)] = spare_wrap(random);
    forgery.op.wraps_hash = forgery.parcel.facts(0, 0, [0; 32]).wraps_hash;
    forgery.op.author = Author::Voice(human.keys.id());
    let bad = forgery.seal(&space, &human.keys.voice, random);
    assert_eq!(space.receive(bad.clone(), &human.me()).key, KeyArrival::Held);
    assert_eq!(follower.receive(bad, &recipient(&tablet)).key, KeyArrival::Bad);

    // An op without wraps for the tablet cannot be read yet, and says so.
    let joined = space.want(Want::JoinSpace(super::fixture::some_space(random)), &human, random);
    assert_eq!(joined.outcome, Outcome::Applied);
    let join = space.items.last().unwrap().clone();
    let me = recipient(&tablet);
    let waits = follower.log.receive(&join, &mut follower.keyring, Some(&me));
    assert_eq!(waits, Err(ReceiveError::NeedKey { epoch: 1 }));
    assert_eq!(follower.log.next_idx(), 3);

    rekey(&mut space, &human, random);
    follower.keyring.climb(&parsed(&space.items), space.log.home(), &me).unwrap();
    for item in &space.items[3..] {
        assert_eq!(follower.receive(item.clone(), &me).outcome, Outcome::Applied);
    }
    assert_eq!(follower.log.table(), space.log.table());
    assert_eq!(follower.key(1).as_bytes(), space.key(1).as_bytes());
}

#[test]
fn a_rekey_right_after_a_bad_wrap_opens_by_its_own_ladder() {
    let random = &mut SeededRandom::new(46);
    let (human, mut space, tablet, mut follower) = two(random);
    let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    let id = tablet.id().to_bytes();
    let slot = forgery.op.wrap_slots.iter().find(|it| it.recipient == id).unwrap().slot;
    forgery.parcel.wraps[usize::from(slot)] = spare_wrap(random);
    forgery.op.wraps_hash = forgery.parcel.facts(0, 0, [0; 32]).wraps_hash;
    forgery.op.author = Author::Voice(human.keys.id());
    let bad = forgery.seal(&space, &human.keys.voice, random);
    space.receive(bad.clone(), &human.me());
    follower.receive(bad, &recipient(&tablet));
    let good = rekey(&mut space, &human, random);
    assert_eq!(follower.receive(good, &recipient(&tablet)).key, KeyArrival::Held);
    assert_eq!(follower.keyring.epochs().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_ladder_that_leads_nowhere_is_noticed_by_who_holds_both_keys() {
    let random = &mut SeededRandom::new(47);
    let (human, mut space) = private(random);
    let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    forgery.parcel.ladder = draw(random);
    forgery.op.ladder_hash = forgery.parcel.facts(0, 0, [0; 32]).ladder_hash;
    let item = forgery.seal(&space, &human.keys.seat, random);
    let folded = space.receive(item, &human.me());
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::NoLadder));
    let phone = newcomer(&space, &human.me()).ok().unwrap();
    assert_eq!(phone.keyring.epochs().collect::<Vec<_>>(), [0, 1]);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    assert_eq!(newcomer(&space, &recipient(&tablet)).err(), Some(ClimbError::NoWay));
}

#[test]
fn a_newcomer_climbs_past_void_rekeys_and_reads_everything() {
    let random = &mut SeededRandom::new(48);
    let (human, mut space) = private(random);
    for round in 0..4 {
        rekey(&mut space, &human, random);
        // A void rekey to the same newcomer-to-be leaves a wrap and a ladder lying about.
        let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
        forgery.op.author = Author::Voice(human.keys.id());
        forgery.op.rules = 9;
        let item = forgery.seal(&space, &human.keys.voice, random);
        is_void(&space.receive(item, &human.me()), VoidReason::Rules);
        assert_eq!(space.log.epoch(), round + 1);
    }
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    let follower = newcomer(&space, &recipient(&tablet)).ok().unwrap();
    assert_eq!(follower.log.table(), space.log.table());
    for epoch in 0..=4 {
        assert_eq!(follower.key(epoch).as_bytes(), space.key(epoch).as_bytes());
    }
    let phone = newcomer(&space, &human.me()).unwrap();
    assert_eq!(phone.log.table(), space.log.table());
}

/// A void item whose wrap and ladder lead the newcomer around the epochs that were made.
fn detour(
    space: &Space,
    human: &Human,
    (epoch, key): (u32, &EpochKey),
    (below, to): (u32, &EpochKey),
    random: &mut SeededRandom,
) -> Vec<u8> {
    let home = space.log.home();
    let place = Place { space: home.space, idx: space.log.next_idx() };
    let mut parcel =
        Parcel::pack(place, (key, epoch), &recipients(space.log.table()), random).unwrap();
    parcel.ladder = ladder_seal(home.space, (key, epoch), (to, below), random);
    parcel.makes_epoch = true;
    let mut forgery = Forgery::with(space, Action::Rekey.encode(), parcel);
    forgery.op.author = Author::Voice(human.keys.id());
    forgery.seal_before(space, below, random)
}

#[test]
fn a_newcomer_is_not_led_around_an_epoch_by_void_items() {
    let random = &mut SeededRandom::new(52);
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    for _ in 0..3 {
        rekey(&mut space, &human, random);
    }
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    let (junk, first) = (EpochKey::generate(random), space.key(0));
    let top = space.key(3);
    for (from, to) in
        [((3, &top), (2, &junk)), ((2, &junk), (0, &first)), ((9, &junk), (0, &first))]
    {
        let item = detour(&space, &human, from, to, random);
        assert!(matches!(space.receive(item, &human.me()).outcome, Outcome::Void(_)));
    }
    let follower = newcomer(&space, &recipient(&tablet)).ok().unwrap();
    assert_eq!(follower.log.table(), space.log.table());
    for epoch in 0..=3 {
        assert_eq!(follower.key(epoch).as_bytes(), space.key(epoch).as_bytes());
    }
}

#[test]
fn a_stranger_finds_no_wrap() {
    let random = &mut SeededRandom::new(49);
    let (_, space) = private(random);
    let stranger = DeviceKeys::generate(random);
    assert_eq!(newcomer(&space, &recipient(&stranger)).err(), Some(ClimbError::NoWrap));
}

#[test]
fn junk_at_the_relay_is_void_under_the_id_of_its_bytes() {
    let random = &mut SeededRandom::new(50);
    let (human, mut space) = private(random);
    rekey(&mut space, &human, random);
    for (at, reason) in [
        (200, VoidReason::Unopened),  // the sealed body
        (9, VoidReason::Unopened),    // an epoch that nobody made
        (1, VoidReason::Undecodable), // a suite that nobody knows
    ] {
        let forgery = Forgery::of(&space, &human, &Action::Rekey, random);
        let mut item = forgery.seal(&space, &human.keys.seat, random);
        item[at] ^= 1;
        let expected = wire::hash::hash(
            wire::hash::OP,
            &[space.log.home().space.as_bytes(), wire::hash::item_hash(&item).as_bytes()],
        );
        let folded = space.receive(item, &human.me());
        is_void(&folded, reason);
        assert_eq!(folded.op.as_bytes(), &expected);
        assert_eq!(space.log.op_id_at(folded.idx), Some(folded.op));
    }
    rekey(&mut space, &human, random);
    assert_eq!(space.log.epoch(), 2);
}

#[test]
fn an_item_that_does_not_follow_is_not_folded() {
    let random = &mut SeededRandom::new(51);
    let (human, mut space) = private(random);
    let first = space.items[0].clone();
    let again = space.log.receive(&first, &mut space.keyring, Some(&human.me()));
    assert_eq!(again, Err(ReceiveError::Chain));
    let forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    let mut item = forgery.seal(&space, &human.keys.seat, random);
    item[20] ^= 1;
    let unlinked = space.log.receive(&item, &mut space.keyring, Some(&human.me()));
    assert_eq!(unlinked, Err(ReceiveError::Chain));
    assert_eq!(space.log.receive(&[], &mut space.keyring, None), Err(ReceiveError::Chain));
    assert_eq!(space.log.next_idx(), 1);
}
