//! Adding devices and pinning spaces: who may, how many, with which keys.

use super::fixture::{Forgery, Human, Space, is_void, private, recipient, some_space};
use crate::crypto::{Device, DeviceKeys, EpochKey, SeededRandom, SigningKey};
use crate::membership::compose::{Parcel, Place};
use crate::membership::{
    Action, ActionBytes, Author, ComposeError, Folded, Intent, IntentError, KeyArrival, Outcome,
    VoidReason, Want,
};
use wire::codec::Writer;

/// The neutral element: ring accepts any signature under it.
const IDENTITY: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

/// Seals `action` by `author` and folds it.
fn forged(
    space: &mut Space,
    human: &Human,
    action: &Action,
    by: (Author, &SigningKey),
    random: &mut SeededRandom,
) -> Folded {
    let mut forgery = Forgery::of(space, human, action, random);
    forgery.op.author = by.0;
    let item = forgery.seal(space, by.1, random);
    space.receive(item, &human.me())
}

/// `AddDevice` with any device bytes, wrapped to a good stand-in.
fn with_device_bytes(
    space: &mut Space,
    human: &Human,
    device: &[u8],
    random: &mut SeededRandom,
) -> Folded {
    let mut writer = Writer::new();
    writer.bytes(human.person.as_bytes()).bytes(device).bytes(&[7; 32]);
    let action = ActionBytes { kind: 2, payload: writer.into_bytes() };
    let place = Place { space: space.log.home().space, idx: space.log.next_idx() };
    let stand_in = DeviceKeys::generate(random);
    let to = [(stand_in.id().to_bytes(), stand_in.kem.public())];
    let key = space.key(space.log.epoch());
    let parcel = Parcel::pack(place, (&key, space.log.epoch()), &to, random).unwrap();
    let mut forgery = Forgery::with(space, action, parcel);
    forgery.op.author = Author::Seat(human.keys.id());
    let item = forgery.seal(space, &human.keys.seat, random);
    space.receive(item, &human.me())
}

fn seat(human: &Human) -> (Author, &SigningKey) {
    (Author::Seat(human.keys.id()), &human.keys.seat)
}

#[test]
fn a_seat_admits_a_device_without_a_new_epoch() {
    let random = &mut SeededRandom::new(20);
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    let folded = space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    let table = space.log.table();
    assert_eq!((table.epoch(), table.slot_of(tablet.id())), (0, Some(1)));
    assert_eq!(table.device_at(1).unwrap().person, human.person);
    assert_eq!(table.slots(), [human.keys.id(), tablet.id()]);
    assert_eq!(space.log.table_at(0).unwrap().device(tablet.id()), None);
    assert_eq!(space.log.table_at(1), Some(table));
    assert_eq!(space.log.table_at(2), None);
}

#[test]
fn a_phrase_admits_a_device_and_a_voice_does_not() {
    let random = &mut SeededRandom::new(21);
    let (human, mut space) = private(random);
    let (_, action) = human.another(random);
    let voice = (Author::Voice(human.keys.id()), &human.keys.voice);
    is_void(&forged(&mut space, &human, &action, voice, random), VoidReason::Author);
    let phrase = (Author::Recovery(human.recovery.public().id()), &human.recovery.sign);
    let folded = forged(&mut space, &human, &action, phrase, random);
    assert_eq!(folded.outcome, Outcome::Applied);
}

#[test]
fn b38_a_sixth_device_is_void() {
    let random = &mut SeededRandom::new(22);
    let (human, mut space) = private(random);
    for _ in 0..4 {
        let (keys, _) = human.another(random);
        let folded = space.want(Want::AddDevice(human.admits(&keys)), &human, random);
        assert_eq!(folded.outcome, Outcome::Applied);
    }
    let (keys, action) = human.another(random);
    let mut intent = Intent::new(Want::AddDevice(human.admits(&keys)));
    let refused = intent.compose(&space.composer(&human.keys), random).unwrap_err();
    let full = ComposeError::Void(VoidReason::DeviceCount);
    assert_eq!(refused, IntentError::Compose(full));
    let folded = forged(&mut space, &human, &action, seat(&human), random);
    is_void(&folded, VoidReason::DeviceCount);
    assert_eq!((folded.code(), folded.incident), (Some("void"), None));
    assert_eq!(folded.sentence(), Some("A change to devices was not valid and had no effect."));
    assert_eq!(space.log.table().members().count(), 5);
}

#[test]
fn b38_touching_the_other_persons_devices_is_void() {
    let random = &mut SeededRandom::new(23);
    let (human, mut space) = private(random);
    let stranger = Human::new(random);
    let (keys, _) = stranger.another(random);
    let adds_other = Action::AddDevice(stranger.admits(&keys));
    is_void(&forged(&mut space, &human, &adds_other, seat(&human), random), VoidReason::Author);
    for kind in [5, 7, 8, 9, 10, 11, 12, 13, 14, 17, 0, 99, u16::MAX] {
        let unbuilt = Action::Unbuilt { kind };
        let folded = forged(&mut space, &human, &unbuilt, seat(&human), random);
        is_void(&folded, VoidReason::Unbuilt);
    }
    assert_eq!(space.log.table(), space.log.table_at(0).unwrap());
}

#[test]
fn an_identity_or_mixed_order_key_is_void_and_an_incident() {
    let random = &mut SeededRandom::new(24);
    let (human, mut space) = private(random);
    let good = DeviceKeys::generate(random).device(human.person);
    let mut writer = Writer::new();
    good.encode(&mut writer);
    let good = writer.into_bytes();
    // A sound key plus the point of order two: y of -P with the sign flipped is of mixed order.
    let mixed = mixed_order();
    for (at, key) in [(0, IDENTITY), (32, IDENTITY), (0, mixed), (32, mixed)] {
        let mut device = good.clone();
        device[at..at + 32].copy_from_slice(&key);
        let folded = with_device_bytes(&mut space, &human, &device, random);
        is_void(&folded, VoidReason::Keys);
        assert_eq!(folded.incident, Some(VoidReason::Keys));
    }
    let mut unproved = good;
    let last = unproved.len() - 1;
    unproved[last] ^= 1;
    let folded = with_device_bytes(&mut space, &human, &unproved, random);
    is_void(&folded, VoidReason::Proof);
    assert_eq!(folded.incident, Some(VoidReason::Proof));
    let short = with_device_bytes(&mut space, &human, &unproved[1..], random);
    is_void(&short, VoidReason::Layout);
    let next = space.want(Want::Rekey { after: 0 }, &human, random);
    assert_eq!(next.outcome, Outcome::Applied);
}

/// A point with a part of order eight: canonical, not the identity, not of small order alone.
fn mixed_order() -> [u8; 32] {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    (ED25519_BASEPOINT_POINT + EIGHT_TORSION[1]).compress().to_bytes()
}

#[test]
fn a_signing_key_that_comes_twice_is_void() {
    let random = &mut SeededRandom::new(25);
    let (human, mut space) = private(random);
    let fresh = || SigningKey::from_seed(&[42; 32]);
    let old = |key: &SigningKey| SigningKey::from_seed(key.seed());
    for (voice, seat_key) in [
        (old(&human.keys.voice), fresh()),
        (fresh(), old(&human.keys.seat)),
        (old(&human.keys.seat), fresh()),
        (old(&human.recovery.sign), fresh()),
        (fresh(), fresh()),
    ] {
        let kem = crate::crypto::KemKey::generate(random);
        let keys = DeviceKeys { voice, seat: seat_key, kem };
        let action = Action::AddDevice(human.admits(&keys));
        let folded = forged(&mut space, &human, &action, seat(&human), random);
        is_void(&folded, VoidReason::KeyTwice);
    }
}

#[test]
fn the_same_device_is_admitted_once() {
    let random = &mut SeededRandom::new(26);
    let (human, mut space) = private(random);
    let (_, action) = human.another(random);
    let first = forged(&mut space, &human, &action, seat(&human), random);
    assert_eq!(first.outcome, Outcome::Applied);
    let second = forged(&mut space, &human, &action, seat(&human), random);
    is_void(&second, VoidReason::KeyTwice);
}

#[test]
fn a_new_device_needs_its_wrap_and_the_present_key() {
    let random = &mut SeededRandom::new(27);
    let (human, mut space) = private(random);
    let place = |space: &Space| Place { space: space.log.home().space, idx: space.log.next_idx() };
    let (keys, action) = human.another(random);
    let stranger = DeviceKeys::generate(random);
    let new_one: (_, &Device) = (keys.id().to_bytes(), &keys.device(human.person));
    let other_key = EpochKey::generate(random);
    let held = space.key(0);
    let cases = [
        (&held, vec![]),
        (&held, vec![(human.keys.id().to_bytes(), human.keys.kem.public())]),
        (&other_key, vec![(new_one.0, &new_one.1.kem)]),
        (
            &held,
            vec![(new_one.0, &new_one.1.kem), (stranger.id().to_bytes(), stranger.kem.public())],
        ),
    ];
    for (key, to) in cases {
        let parcel = Parcel::pack(place(&space), (key, 0), &to, random).unwrap();
        let mut forgery = Forgery::with(&space, action.encode(), parcel);
        forgery.op.author = Author::Seat(human.keys.id());
        let item = forgery.seal(&space, &human.keys.seat, random);
        is_void(&space.receive(item, &human.me()), VoidReason::Wraps);
    }
    let mut elsewhere = Forgery::of(&space, &human, &action, random);
    elsewhere.parcel.wraps.reverse();
    let item = elsewhere.seal(&space, &human.keys.seat, random);
    is_void(&space.receive(item, &human.me()), VoidReason::Wraps);
    let mut moves_on = Forgery::of(&space, &human, &action, random);
    moves_on.op.epoch_after = 1;
    moves_on.parcel.epoch_after = 1;
    let item = moves_on.seal(&space, &human.keys.seat, random);
    is_void(&space.receive(item, &human.me()), VoidReason::Epoch);
}

#[test]
fn a_device_admitted_later_signs_from_then_on() {
    let random = &mut SeededRandom::new(28);
    let (human, mut space) = private(random);
    let (tablet, action) = human.another(random);
    let rekey = Action::Rekey;
    let by_tablet = (Author::Voice(tablet.id()), &tablet.voice);
    is_void(&forged(&mut space, &human, &rekey, by_tablet, random), VoidReason::Author);
    forged(&mut space, &human, &action, seat(&human), random);
    let folded = forged(&mut space, &human, &rekey, by_tablet, random);
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    let me = recipient(&tablet);
    assert!(space.log.table().recipients().contains(&me.id));
}

#[test]
fn a_private_log_pins_a_shared_space_once_and_by_seat_only() {
    let random = &mut SeededRandom::new(29);
    let (human, mut space) = private(random);
    let join = some_space(random);
    let action = Action::JoinSpace(join.clone());
    let voice = (Author::Voice(human.keys.id()), &human.keys.voice);
    is_void(&forged(&mut space, &human, &action, voice, random), VoidReason::Author);
    let phrase = (Author::Recovery(human.recovery.public().id()), &human.recovery.sign);
    is_void(&forged(&mut space, &human, &action, phrase, random), VoidReason::Author);
    let folded = space.want(Want::JoinSpace(join.clone()), &human, random);
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::None));
    assert_eq!(space.log.table().spaces(), std::slice::from_ref(&join));
    let mut rival = join;
    rival.genesis = some_space(random).genesis;
    let again = Action::JoinSpace(rival);
    is_void(&forged(&mut space, &human, &again, seat(&human), random), VoidReason::Joined);
}

#[test]
fn another_table_than_the_authors_is_void_and_an_incident() {
    let random = &mut SeededRandom::new(30);
    let (human, mut space) = private(random);
    let (_, action) = human.another(random);
    let mut forgery = Forgery::of(&space, &human, &action, random).foretold(&space);
    forgery.op.state_after[0] ^= 1;
    let signature = forgery.op.sign(space.log.home().space, &human.keys.seat);
    let by = forgery.op.author;
    forgery.op.signatures = vec![crate::membership::OpSignature { by, signature }];
    let item = forgery.seal_as_is(&space, random);
    let folded = space.receive(item, &human.me());
    is_void(&folded, VoidReason::State);
    assert_eq!(folded.incident, Some(VoidReason::State));
    assert_eq!(space.log.table().members().count(), 1);
    let (keys, _) = human.another(random);
    let next = space.want(Want::AddDevice(human.admits(&keys)), &human, random);
    assert_eq!(next.outcome, Outcome::Applied);
}

#[test]
fn an_op_of_other_rules_place_signer_or_action_count_is_void() {
    type Change = fn(&mut crate::membership::Op);
    let random = &mut SeededRandom::new(31);
    let (human, mut space) = private(random);
    let (_, action) = human.another(random);
    let cases: [(Change, VoidReason); 8] = [
        (|op| op.rules = 2, VoidReason::Rules),
        (|op| op.rules = 0, VoidReason::Rules),
        (|op| op.idx = 0, VoidReason::Chain),
        (|op| op.prev = crate::model::id::OpId::ZERO, VoidReason::Chain),
        (|op| op.epoch_before = 1, VoidReason::Epoch),
        (|op| op.actions.clear(), VoidReason::Actions),
        (|op| op.actions.push(Action::Rekey.encode()), VoidReason::Actions),
        (|op| op.actions[0].payload.push(0), VoidReason::Layout),
    ];
    for (change, reason) in cases {
        let mut forgery = Forgery::of(&space, &human, &action, random);
        change(&mut forgery.op);
        let item = forgery.seal(&space, &human.keys.seat, random);
        is_void(&space.receive(item, &human.me()), reason);
    }
    let stranger = SigningKey::generate(random);
    let by = Author::Seat(human.keys.id());
    is_void(&forged(&mut space, &human, &action, (by, &stranger), random), VoidReason::Signature);
    let mut unsigned = Forgery::of(&space, &human, &action, random).foretold(&space);
    unsigned.op.signatures.clear();
    let item = unsigned.seal_as_is(&space, random);
    is_void(&space.receive(item, &human.me()), VoidReason::Signature);
}
