//! Two branches of one log: what one device carries into the log of the other, and what comes out.

use super::fixture::{ADDRESS, Human, Space, home, recipient, relay};
use crate::crypto::{DeviceKeys, EpochKey, SeededRandom};
use crate::membership::branch::{Branch, Carried};
use crate::membership::{
    AddDevice, ControlLog, Intent, IntentError, Keyring, Merge, Named, Op, Outcome, SharedGenesis,
    Standing, Want,
};
use wire::codec::Writer;

/// Two persons, the first of whom invited, and a log with nothing but their founding on each phone.
pub(super) struct Couple {
    pub(super) nora: Human,
    pub(super) ben: Human,
    founded: Vec<u8>,
    first_key: EpochKey,
    home: crate::crypto::Home,
}

impl Couple {
    pub(super) fn new(random: &mut SeededRandom) -> Self {
        let (nora, ben) = (Human::new(random), Human::new(random));
        let genesis = SharedGenesis {
            home: home(random),
            relay: relay(random),
            address: ADDRESS,
            th: [9; 32],
            inviter: nora.as_founder(random),
            joiner: ben.as_founder(random),
        };
        let home = genesis.home;
        let mut draft = genesis.draft(random).unwrap();
        draft.sign(&nora.keys);
        let signature = Op::decode(&draft.body()).unwrap().peek().sign(home.space, &ben.keys.seat);
        let founded = draft.assemble(signature, random).unwrap();
        Self { nora, ben, founded: founded.item, first_key: founded.key, home }
    }

    /// A log with the founding alone.
    pub(super) fn log(&self) -> Space {
        let mut keyring = Keyring::new(self.home.space);
        keyring.insert(0, EpochKey::from_bytes(self.first_key.as_bytes()));
        let mut space = Space { log: ControlLog::new(self.home), keyring, items: Vec::new() };
        space.receive(self.founded.clone(), &self.nora.me());
        space
    }
}

fn device(human: &Human, random: &mut SeededRandom) -> (DeviceKeys, AddDevice) {
    let keys = DeviceKeys::generate(random);
    let add = human.admits(&keys);
    (keys, add)
}

/// Carries what `own` holds into `trunk`, as the device with these keys; both end with the trunk's items.
pub(super) fn rejoin(own: &mut Space, trunk: &Space, keys: &DeviceKeys, random: &mut SeededRandom) {
    let me = recipient(keys);
    let mut log = ControlLog::new(own.log.home());
    let shared = own.items.iter().zip(&trunk.items).take_while(|(a, b)| a == b).count();
    for item in &own.items[..shared] {
        log.receive(item, &mut own.keyring, Some(&me)).unwrap();
    }
    let wants = log.wants_of(&own.log, &own.keyring);
    own.items.truncate(shared);
    own.log = log;
    for item in &trunk.items[shared..] {
        own.receive(item.clone(), &me);
    }
    for want in wants {
        let mut intent = Intent::new(want);
        match intent.compose(&own.composer(keys), random) {
            Ok(item) => assert_eq!(own.receive(item, &me).outcome, Outcome::Applied),
            Err(error) => assert_eq!(error, IntentError::Satisfied),
        }
        assert!(intent.is_satisfied(&own.log));
    }
}

fn ids(space: &Space) -> Vec<crate::model::id::DeviceId> {
    space.log.table().slots()
}

#[test]
fn both_branches_count_and_the_inviter_goes_first_whoever_carries() {
    for noras_is_trunk in [true, false] {
        let random = &mut SeededRandom::new(90);
        let couple = Couple::new(random);
        let (mut hers, mut his) = (couple.log(), couple.log());
        let (tablet, add_tablet) = device(&couple.nora, random);
        let (laptop, add_laptop) = device(&couple.ben, random);
        hers.want(Want::AddDevice(add_tablet), &couple.nora, random);
        his.want(Want::AddDevice(add_laptop), &couple.ben, random);
        let (her_head, his_head) = (hers.log.head().unwrap(), his.log.head().unwrap());
        let joint = if noras_is_trunk {
            rejoin(&mut his, &hers, &couple.ben.keys, random);
            his
        } else {
            rejoin(&mut hers, &his, &couple.nora.keys, random);
            hers
        };
        let founders = [couple.nora.keys.id(), couple.ben.keys.id()];
        assert_eq!(ids(&joint), [founders[0], founders[1], tablet.id(), laptop.id()]);
        assert_eq!(joint.log.epoch(), 1, "under a new key");
        for (head, of) in [(her_head, &tablet), (his_head, &laptop)] {
            let id = head.op.as_bytes().first_chunk().unwrap();
            let table = joint.log.table_named(head.idx, id).unwrap();
            assert_eq!(table.slot_of(of.id()), Some(2), "each branch keeps its own slots");
        }
        // Whoever only follows gets the same.
        let mut follower = couple.log();
        for item in &joint.items[1..] {
            let folded = follower.receive(item.clone(), &couple.ben.me());
            assert_eq!(folded.outcome, Outcome::Applied);
        }
        assert_eq!(follower.log.table(), joint.log.table());
        assert_eq!(follower.log.transcript_of(tablet.id()), Some(&[7; 32]));
    }
}

#[test]
fn a_device_known_only_on_its_branch_carries_itself() {
    let random = &mut SeededRandom::new(91);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let (tablet, add) = device(&couple.nora, random);
    hers.want(Want::AddDevice(add), &couple.nora, random);
    let (_, add) = device(&couple.ben, random);
    his.want(Want::AddDevice(add), &couple.ben, random);
    rejoin(&mut hers, &his, &tablet, random);
    assert_eq!(hers.log.table().device(tablet.id()).map(|it| it.state), Some(Standing::In));
    assert_eq!(hers.log.table().members().count(), 4);
}

#[test]
fn keys_of_both_branches_are_kept_and_the_merge_has_one_above_both() {
    let random = &mut SeededRandom::new(92);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    hers.want(Want::Rekey { after: 0 }, &couple.nora, random);
    his.want(Want::Rekey { after: 0 }, &couple.ben, random);
    his.want(Want::Rekey { after: 1 }, &couple.ben, random);
    rejoin(&mut hers, &his, &couple.nora.keys, random);
    assert_eq!(hers.log.epoch(), 3);
    for item in &hers.items[his.items.len()..] {
        his.receive(item.clone(), &couple.ben.me());
    }
    for space in [&hers, &his] {
        let held: Vec<u32> = space.keyring.epochs().collect();
        assert_eq!(held, [0, 1, 1, 2, 3], "also the key that only her branch had");
        for (epoch, kc) in space.log.commitments() {
            assert!(space.keyring.get_committed(epoch, kc).is_some());
        }
    }
}

#[test]
fn a_merged_log_is_carried_into_another_one_whole() {
    let random = &mut SeededRandom::new(93);
    let couple = Couple::new(random);
    let (mut hers, mut his, mut third) = (couple.log(), couple.log(), couple.log());
    let (_, add) = device(&couple.nora, random);
    hers.want(Want::AddDevice(add), &couple.nora, random);
    let (_, add) = device(&couple.ben, random);
    his.want(Want::AddDevice(add), &couple.ben, random);
    rejoin(&mut hers, &his, &couple.nora.keys, random);
    let merged_head = hers.log.head().unwrap();
    let (watch, add) = device(&couple.ben, random);
    third.want(Want::AddDevice(add), &couple.ben, random);
    third.want(Want::Rekey { after: 0 }, &couple.ben, random);
    rejoin(&mut hers, &third, &couple.nora.keys, random);
    assert_eq!(hers.log.table().members().count(), 5);
    let id = merged_head.op.as_bytes().first_chunk().unwrap();
    let then = hers.log.table_named(merged_head.idx, id).unwrap();
    assert_eq!((then.members().count(), then.device(watch.id())), (4, None));
}

#[test]
fn a_log_that_lost_its_relay_twice_goes_back_to_the_branch_it_merged() {
    // The relay shows his branch again, on which the merge does not stand.
    let random = &mut SeededRandom::new(94);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    hers.want(Want::Rekey { after: 0 }, &couple.nora, random);
    let (_, add) = device(&couple.ben, random);
    his.want(Want::AddDevice(add), &couple.ben, random);
    rejoin(&mut hers, &his, &couple.nora.keys, random);
    let merged = hers.log.head().unwrap();
    his.want(Want::Rekey { after: 0 }, &couple.ben, random);
    rejoin(&mut hers, &his, &couple.nora.keys, random);
    let id = merged.op.as_bytes().first_chunk().unwrap();
    assert!(hers.log.table_named(merged.idx, id).is_some());
    assert!(hers.log.is_merged(merged.op));
}

#[test]
fn for_whom_there_is_no_room_is_out_and_can_be_named() {
    let random = &mut SeededRandom::new(95);
    let couple = Couple::new(random);
    let (mut hers, mut other) = (couple.log(), couple.log());
    for space in [&mut hers, &mut other] {
        for _ in 0..3 {
            let (_, add) = device(&couple.nora, random);
            space.want(Want::AddDevice(add), &couple.nora, random);
        }
    }
    let fifth = other.log.table().slots();
    rejoin(&mut hers, &other, &couple.nora.keys, random);
    let nora = hers.log.table().person(couple.nora.person).unwrap();
    assert_eq!((nora.devices_in(), nora.devices.len()), (5, 7));
    assert!(fifth.iter().all(|id| hers.log.table().slot_of(*id).is_some()));
}

#[test]
fn a_branch_or_merge_that_names_what_is_not_known_is_void_and_an_intent_waits() {
    let random = &mut SeededRandom::new(96);
    let couple = Couple::new(random);
    let space = couple.log();
    let nowhere = crate::model::id::OpId::from_bytes([5; 32]);
    for want in [
        Want::Merge(Merge { tip: nowhere, named: Vec::new() }),
        Want::Branch(Branch { base: nowhere, ops: vec![Carried::Void(nowhere)], keys: Vec::new() }),
    ] {
        let mut intent = Intent::new(want);
        assert_eq!(Intent::decode(&intent.encode()), Ok(intent.clone()));
        let composed = intent.compose(&space.composer(&couple.nora.keys), random);
        assert_eq!(composed, Err(IntentError::Behind));
    }
}

#[test]
fn a_stranger_carries_nothing_and_a_forged_op_on_a_branch_has_no_effect() {
    let random = &mut SeededRandom::new(97);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let (tablet, add) = device(&couple.nora, random);
    hers.want(Want::AddDevice(add), &couple.nora, random);
    his.want(Want::Rekey { after: 0 }, &couple.ben, random);
    let mut wants = his.log.wants_of(&hers.log, &hers.keyring);
    let stranger = DeviceKeys::generate(random);
    let refused = Intent::new(wants[0].clone()).compose(&his.composer(&stranger), random);
    assert!(matches!(refused, Err(IntentError::Compose(_))), "{refused:?}");
    // Ben carries her op with another signature under it.
    let Want::Branch(branch) = &mut wants[0] else { panic!() };
    let Carried::Op(body) = &mut branch.ops[0] else { panic!() };
    let last = body.len() - 1;
    body[last] ^= 1;
    for want in wants {
        let item = Intent::new(want).compose(&his.composer(&couple.ben.keys), random).unwrap();
        assert_eq!(his.receive(item, &couple.ben.me()).outcome, Outcome::Applied);
    }
    assert_eq!(his.log.table().device(tablet.id()), None);
}

/// The header of an entry that names an op, as far as a merge reads it, signed.
fn word(keys: &DeviceKeys, space: &Space) -> Named {
    let head = space.log.head().unwrap();
    let mut header = Writer::new();
    header.bytes(&[1, 1, 0, 0]).bytes(keys.id().as_bytes()).bytes(&[0; 42]);
    header.u32(head.idx).bytes(&head.op.as_bytes()[..16]).bytes(&[0; 79]);
    let header = header.into_bytes();
    let of = space.log.home().space;
    let parts: [&[u8]; 2] = [of.as_bytes(), &header];
    let voice = keys.voice.sign(wire::hash::ESIG, &parts).0;
    Named { header, voice }
}

#[test]
fn the_branch_under_which_both_have_written_goes_first() {
    let random = &mut SeededRandom::new(98);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let (tablet, add) = device(&couple.nora, random);
    hers.want(Want::AddDevice(add), &couple.nora, random);
    let (laptop, add) = device(&couple.ben, random);
    his.want(Want::AddDevice(add), &couple.ben, random);
    let (by_her, by_him) = (word(&couple.nora.keys, &his), word(&couple.ben.keys, &his));
    let on_hers = word(&couple.ben.keys, &hers);
    let mut forged = by_her.clone();
    forged.voice[0] ^= 1;
    let cases = [
        (vec![by_him.clone()], true, "her word is missing"),
        (vec![forged, by_him.clone()], true, "her word is forged"),
        (vec![by_her.clone(), by_him.clone()], false, "both wrote under his"),
        (vec![by_her, by_him, on_hers], true, "and under hers as well: she was there earlier"),
    ];
    for (named, hers_first, why) in cases {
        let tip = hers.log.head().unwrap().op;
        let mut trunk = couple.log();
        trunk.receive(his.items[1].clone(), &couple.ben.me());
        let mut wants = trunk.log.wants_of(&hers.log, &hers.keyring);
        wants[1] = Want::Merge(Merge { tip, named });
        for want in wants {
            let mut intent = Intent::new(want);
            assert_eq!(Intent::decode(&intent.encode()), Ok(intent.clone()));
            let item = intent.compose(&trunk.composer(&couple.ben.keys), random).unwrap();
            assert_eq!(trunk.receive(item, &couple.ben.me()).outcome, Outcome::Applied);
        }
        let second = if hers_first { tablet.id() } else { laptop.id() };
        assert_eq!(ids(&trunk)[2], second, "{why}");
    }
}
