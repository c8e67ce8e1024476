//! Genesis: alone, together, and everything that is not one.

use super::fixture::{ADDRESS, Human, Space, home, private, relay};
use crate::crypto::{DeviceKeys, EpochKey, Home, SeededRandom, SigningKey, draw};
use crate::membership::compose::{Parcel, Place, recipients};
use crate::membership::{
    Action, Author, Card, ControlLog, Genesis, GenesisDraft, GenesisError, GenesisPerson,
    JoinerView, KeyArrival, Keyring, Outcome, PrivateGenesis, ReceiveError, SharedGenesis,
    SpaceKind, VoidReason, private_genesis,
};
use wire::id::RelayId;

struct Pair {
    home: Home,
    relay: RelayId,
    a: Human,
    b: Human,
    founders: [GenesisPerson; 2],
}

fn pair(random: &mut SeededRandom) -> Pair {
    let (a, b) = (Human::new(random), Human::new(random));
    let founders = [a.as_founder(random), b.as_founder(random)];
    Pair { home: home(random), relay: relay(random), a, b, founders }
}

impl Pair {
    fn shared(&self) -> SharedGenesis<'_> {
        let [inviter, joiner] = self.founders.clone();
        let Self { home, relay, .. } = *self;
        SharedGenesis { home, relay, address: ADDRESS, th: [9; 32], inviter, joiner }
    }

    fn draft(&self, random: &mut SeededRandom) -> GenesisDraft {
        let mut draft = self.shared().draft(random).unwrap();
        draft.sign(&self.a.keys);
        draft
    }

    fn view<'a>(
        &'a self,
        device: &'a crate::crypto::Device,
        recovery: &'a crate::crypto::Recovery,
    ) -> JoinerView<'a> {
        JoinerView {
            home: self.home,
            known: &[],
            th: [9; 32],
            relay: self.relay,
            address: ADDRESS,
            inviter: Card { person: self.a.person, device, recovery },
            joiner: &self.founders[1],
            me: self.b.me(),
        }
    }
}

#[test]
fn a_private_space_is_founded_by_a_seat_and_a_phrase() {
    let random = &mut SeededRandom::new(1);
    let (human, space) = private(random);
    let table = space.log.table();
    assert_eq!((table.kind(), table.epoch(), table.members().count()), (SpaceKind::Private, 0, 1));
    assert_eq!(table.person_of(human.keys.id()), Some(human.person));
    assert_eq!((table.slot_of(human.keys.id()), table.address()), (Some(0), ADDRESS));
    assert_eq!(space.log.genesis().unwrap().th, [0; 32]);
    let head = space.log.head().unwrap();
    assert_eq!((head.idx, head.op), (0, space.log.genesis_op()));
    assert!(space.log.table_named(0, head.op.as_bytes().first_chunk().unwrap()).is_some());
    assert!(space.log.table_named(1, head.op.as_bytes().first_chunk().unwrap()).is_none());
}

#[test]
fn a_private_space_may_be_founded_without_a_relay() {
    let random = &mut SeededRandom::new(2);
    let human = Human::new(random);
    let mut genesis = PrivateGenesis {
        home: home(random),
        person: human.person,
        relay: RelayId::ZERO,
        address: "",
        keys: &human.keys,
        recovery: &human.recovery,
    };
    private_genesis(&genesis, random).unwrap();
    genesis.address = ADDRESS;
    private_genesis(&genesis, random).unwrap_err();
}

#[test]
fn two_people_found_a_shared_space_together() {
    let random = &mut SeededRandom::new(3);
    let pair = pair(random);
    let draft = pair.draft(random);
    let (device, recovery) = (pair.a.keys.device(pair.a.person), pair.a.recovery.public());
    let checked = pair.view(&device, &recovery).check(&draft.body(), draft.wraps()).unwrap();
    let signature = checked.sign(&pair.b.keys);
    assert_eq!(checked.op_id(), draft.op_id());
    let genesis_op = draft.op_id();
    let founded = draft.assemble(signature, random).unwrap();
    let item = founded.item.clone();
    let a = Space::founded(pair.home, founded, &pair.a.me());

    let mut keyring = Keyring::new(pair.home.space);
    keyring.insert(0, checked.into_key());
    let mut b = ControlLog::new(pair.home);
    let folded = b.receive(&item, &mut keyring, Some(&pair.b.me())).unwrap();
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    assert_eq!((folded.op, b.table()), (genesis_op, a.log.table()));
    assert_eq!(b.table().slots(), [pair.a.keys.id(), pair.b.keys.id()]);
}

#[test]
fn a_stranger_cannot_sign_for_the_joiner() {
    let random = &mut SeededRandom::new(4);
    let pair = pair(random);
    let draft = pair.draft(random);
    let forged = SigningKey::generate(random).sign_bytes(b"no");
    let refused = draft.assemble(forged, random).unwrap_err();
    assert_eq!(refused, crate::membership::ComposeError::Void(VoidReason::Signature));
}

#[test]
fn the_joiner_signs_only_what_the_handshake_was_about() {
    let random = &mut SeededRandom::new(5);
    let pair = pair(random);
    let draft = pair.draft(random);
    let (body, wraps) = (draft.body(), draft.wraps().to_vec());
    let (device, recovery) = (pair.a.keys.device(pair.a.person), pair.a.recovery.public());
    let stranger = Human::new(random);
    let (other, other_phrase) = (stranger.keys.device(stranger.person), stranger.recovery.public());
    let view = || pair.view(&device, &recovery);
    let refused = |view: JoinerView<'_>| view.check(&body, &wraps).unwrap_err();

    let known = [Home { sid: pair.home.sid, space: home(random).space }];
    assert_eq!(refused(JoinerView { known: &known, ..view() }), GenesisError::Known);
    assert_eq!(refused(JoinerView { th: [8; 32], ..view() }), GenesisError::Handshake);
    assert_eq!(refused(JoinerView { relay: relay(random), ..view() }), GenesisError::Handshake);
    assert_eq!(refused(JoinerView { address: "evil:1", ..view() }), GenesisError::Handshake);
    assert_eq!(refused(JoinerView { home: home(random), ..view() }), GenesisError::Handshake);
    let space = home(random).space;
    let elsewhere = Home { sid: pair.home.sid, space };
    assert_eq!(
        refused(JoinerView { home: elsewhere, ..view() }),
        GenesisError::Void(VoidReason::Rules)
    );
    assert_eq!(refused(pair.view(&other, &recovery)), GenesisError::Persons);
    assert_eq!(refused(pair.view(&device, &other_phrase)), GenesisError::Persons);
    let swapped = JoinerView { joiner: &pair.founders[0], ..view() };
    assert_eq!(refused(swapped), GenesisError::Persons);
    assert_eq!(refused(JoinerView { me: stranger.me(), ..view() }), GenesisError::Key);
    assert_eq!(view().check(&body, &wraps[1..]).unwrap_err(), GenesisError::Wraps);
    assert_eq!(view().check(&body, &[wraps[0]; 12]).unwrap_err().code(), "genesis");
    assert!(view().check(&body[1..], &wraps).is_err());
}

#[test]
fn the_joiner_refuses_a_body_changed_or_unsigned_by_the_inviter() {
    let random = &mut SeededRandom::new(6);
    let pair = pair(random);
    let (device, recovery) = (pair.a.keys.device(pair.a.person), pair.a.recovery.public());
    let view = pair.view(&device, &recovery);
    let unsigned = pair.shared().draft(random).unwrap();
    let refused = view.check(&unsigned.body(), unsigned.wraps()).unwrap_err();
    assert_eq!(refused, GenesisError::Signature);
    let mut by_other = pair.shared().draft(random).unwrap();
    by_other.sign(&pair.b.keys);
    let refused = view.check(&by_other.body(), by_other.wraps()).unwrap_err();
    assert_eq!(refused, GenesisError::Signature);

    let draft = pair.draft(random);
    let (good, wraps) = (draft.body(), draft.wraps());
    for at in (0..good.len()).step_by(7) {
        let mut body = good.clone();
        body[at] ^= 1;
        assert!(view.check(&body, wraps).is_err(), "byte {at}");
    }
    view.check(&good, wraps).unwrap();
}

/// Seals any Genesis, signed by whom one likes.
fn sealed(
    home: Home,
    genesis: Genesis,
    by: &[(Author, &SigningKey)],
    random: &mut SeededRandom,
) -> (Vec<u8>, EpochKey) {
    use super::fixture::Forgery;
    let key = EpochKey::generate(random);
    let kc = key.commitment(home.space, 0);
    let table = crate::membership::Table::founded(&genesis, kc);
    let place = Place { space: home.space, idx: 0 };
    let mut to = recipients(&table);
    to.sort_by_key(|(id, _)| *id);
    to.dedup_by_key(|(id, _)| *id);
    let parcel = Parcel::pack(place, (&key, 0), &to, random).unwrap();
    let mut keyring = Keyring::new(home.space);
    keyring.insert(0, EpochKey::from_bytes(key.as_bytes()));
    let space = Space { log: ControlLog::new(home), keyring, items: Vec::new() };
    let mut forgery = Forgery::with(&space, Action::Genesis(genesis).encode(), parcel);
    forgery.op.author = by[0].0;
    forgery.op.state_after = table.hash(home.space);
    for (author, signer) in by {
        let signature = forgery.op.sign(home.space, signer);
        let item = crate::membership::OpSignature { by: *author, signature };
        forgery.op.signatures.push(item);
    }
    (forgery.seal_as_is(&space, random), key)
}

fn folded(home: Home, (item, key): (Vec<u8>, EpochKey)) -> crate::membership::Folded {
    let mut keyring = Keyring::new(home.space);
    keyring.insert(0, key);
    ControlLog::new(home).receive(&item, &mut keyring, None).unwrap()
}

#[test]
fn b40_a_shared_genesis_with_one_signature_founds_nothing() {
    let random = &mut SeededRandom::new(7);
    let pair = pair(random);
    let genesis = genesis_of(&pair, pair.founders.clone());
    let (a, b) = (Author::Seat(pair.a.keys.id()), Author::Seat(pair.b.keys.id()));
    let (a, b) = ((a, &pair.a.keys.seat), (b, &pair.b.keys.seat));
    let alone = folded(pair.home, sealed(pair.home, genesis.clone(), &[a], random));
    assert_eq!(alone.outcome, Outcome::Void(VoidReason::Signature));
    assert_eq!(alone.code(), Some("genesis"));
    assert_eq!(alone.sentence(), Some("This shared space was not set up by both of you."));
    for by in [&[a, a][..], &[b, a], &[a, b, b]] {
        let refused = folded(pair.home, sealed(pair.home, genesis.clone(), by, random));
        assert_eq!(refused.outcome, Outcome::Void(VoidReason::Signature));
    }
    let both = folded(pair.home, sealed(pair.home, genesis, &[a, b], random));
    assert_eq!((both.outcome, both.code()), (Outcome::Applied, None));
}

#[test]
fn b40_a_shared_genesis_with_the_same_person_twice_founds_nothing() {
    let random = &mut SeededRandom::new(8);
    let mut pair = pair(random);
    pair.b.person = pair.a.person;
    pair.founders[1] = pair.b.as_founder(random);
    let refused = both_sign(&pair, random);
    assert_eq!(refused.outcome, Outcome::Void(VoidReason::Genesis));
    assert_eq!(refused.code(), Some("genesis"));
}

#[test]
fn b40_a_shared_genesis_with_a_device_in_both_persons_founds_nothing() {
    let random = &mut SeededRandom::new(9);
    let mut pair = pair(random);
    pair.b.keys = copy(&pair.a.keys);
    pair.founders[1] = pair.b.as_founder(random);
    let refused = both_sign(&pair, random);
    assert_eq!(refused.outcome, Outcome::Void(VoidReason::KeyTwice));
    assert_eq!(refused.code(), Some("genesis"));
}

#[test]
fn a_shared_genesis_needs_a_relay_its_own_name_and_one_device_each() {
    let random = &mut SeededRandom::new(10);
    let pair = pair(random);
    let good = genesis_of(&pair, pair.founders.clone());
    let mut two_devices = good.clone();
    two_devices.persons[1].devices.push(DeviceKeys::generate(random).device(pair.b.person));
    let mut three = good.clone();
    three.persons.push(Human::new(random).as_founder(random));
    let mut weak_relay = good.clone();
    let mut identity = [0; 32];
    identity[0] = 1;
    weak_relay.relay = RelayId::from_bytes(identity);
    let no_relay = Genesis { relay: RelayId::ZERO, address: String::new(), ..good.clone() };
    let other_name = Genesis { sid: home(random).sid, ..good.clone() };
    let alone = Genesis { kind: SpaceKind::Private, ..good.clone() };
    for (genesis, reason) in [
        (two_devices, VoidReason::Genesis),
        (no_relay, VoidReason::Genesis),
        (other_name, VoidReason::Genesis),
        (weak_relay, VoidReason::Keys),
        (three, VoidReason::Layout),
        (alone, VoidReason::Signature),
    ] {
        let refused = sign_both(&pair, genesis, random);
        assert_eq!(refused.outcome, Outcome::Void(reason));
    }
    assert_eq!(sign_both(&pair, good, random).outcome, Outcome::Applied);
}

#[test]
fn a_genesis_that_does_not_open_is_another_space() {
    let random = &mut SeededRandom::new(11);
    let (human, space) = private(random);
    let mut keyring = Keyring::new(space.log.home().space);
    let mut log = ControlLog::new(space.log.home());
    let missing = log.receive(&space.items[0], &mut keyring, Some(&human.me()));
    assert_eq!(missing, Err(ReceiveError::NeedKey { epoch: 0 }));
    keyring.insert(0, EpochKey::from_bytes(&draw(random)));
    let foreign = log.receive(&space.items[0], &mut keyring, Some(&human.me()));
    assert_eq!((foreign, log.next_idx()), (Err(ReceiveError::Foreign), 0));
}

fn genesis_of(pair: &Pair, persons: [GenesisPerson; 2]) -> Genesis {
    Genesis {
        kind: SpaceKind::Shared,
        sid: pair.home.sid,
        relay: pair.relay,
        address: ADDRESS.to_owned(),
        th: [9; 32],
        persons: persons.to_vec(),
    }
}

fn both_sign(pair: &Pair, random: &mut SeededRandom) -> crate::membership::Folded {
    sign_both(pair, genesis_of(pair, pair.founders.clone()), random)
}

fn sign_both(
    pair: &Pair,
    genesis: Genesis,
    random: &mut SeededRandom,
) -> crate::membership::Folded {
    let (a, b) = (Author::Seat(pair.a.keys.id()), Author::Seat(pair.b.keys.id()));
    let by = [(a, &pair.a.keys.seat), (b, &pair.b.keys.seat)];
    folded(pair.home, sealed(pair.home, genesis, &by, random))
}

fn copy(keys: &DeviceKeys) -> DeviceKeys {
    DeviceKeys {
        voice: SigningKey::from_seed(keys.voice.seed()),
        seat: SigningKey::from_seed(keys.seat.seed()),
        kem: crate::crypto::KemKey::from_seed(keys.kem.seed()),
    }
}
