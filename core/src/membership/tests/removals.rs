//! Devices that are cut off: who may, what follows, and what stands beside it on another branch.

use super::branches::{Couple, rejoin};
use super::fixture::{Forgery, Human, Space, is_void, private, recipient};
use crate::crypto::{DeviceKeys, SeededRandom, SigningKey};
use crate::membership::{
    Action, Author, ComposeError, Cut, Folded, Intent, IntentError, KeyArrival, Outcome,
    RemoveDevice, Standing, VoidReason, Want,
};
use crate::model::id::{ChainId, DeviceId, EntryId};

const LAST: Cut = Cut { inc: 0, seq: 7, entry: EntryId::from_bytes([4; 32]) };

pub(super) fn removal(device: DeviceId) -> Vec<RemoveDevice> {
    vec![RemoveDevice { device, cut: LAST }]
}

/// A private space with a phone and a tablet.
fn two(random: &mut SeededRandom) -> (Human, Space, DeviceKeys) {
    let (human, mut space) = private(random);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(human.admits(&tablet)), &human, random);
    (human, space, tablet)
}

#[test]
fn a_device_that_is_cut_off_gets_no_later_key_and_its_words_have_an_end() {
    let random = &mut SeededRandom::new(120);
    let (human, mut space, tablet) = two(random);
    let intent = Intent::new(Want::RemoveDevices(removal(tablet.id())));
    assert_eq!(Intent::decode(&intent.encode()), Ok(intent.clone()));
    let folded = space.want(intent.want().clone(), &human, random);
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    assert!(intent.is_satisfied(&space.log));
    let member = space.log.table().device(tablet.id()).unwrap();
    assert_eq!((member.state, member.cut, space.log.epoch()), (Standing::Out, Some(LAST), 1));
    let chain = ChainId { device: tablet.id(), inc: 0 };
    assert_eq!(space.log.end_of(chain), Some((7, 2)));
    let item = wire::control::ControlItem::decode(space.items.last().unwrap()).unwrap();
    let me = recipient(&tablet);
    let home = space.log.home().space;
    assert_eq!(crate::membership::keyring::try_wraps(&item, home, &me).count(), 0);
    // It is out for good.
    let again = Forgery::of(&space, &human, &Action::AddDevice(human.admits(&tablet)), random);
    let item = again.seal(&space, &human.keys.seat, random);
    is_void(&space.receive(item, &human.me()), VoidReason::KeyTwice);
}

fn forged(
    space: &mut Space,
    human: &Human,
    removals: Vec<RemoveDevice>,
    (author, key): (Author, &SigningKey),
    random: &mut SeededRandom,
) -> Folded {
    let mut forgery = Forgery::of(space, human, &Action::RemoveDevices(removals), random);
    forgery.op.author = author;
    let item = forgery.seal(space, key, random);
    space.receive(item, &human.me())
}

#[test]
fn nobody_cuts_off_itself_the_others_device_the_last_one_or_with_a_voice_alone() {
    let random = &mut SeededRandom::new(121);
    let couple = Couple::new(random);
    let mut space = couple.log();
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(couple.nora.admits(&tablet)), &couple.nora, random);
    let (nora, ben) = (&couple.nora, &couple.ben);
    let seat = (Author::Seat(nora.keys.id()), &nora.keys.seat);
    let voice = (Author::Voice(nora.keys.id()), &nora.keys.voice);
    let phrase = (Author::Recovery(nora.recovery.public().id()), &nora.recovery.sign);
    let other_end = RemoveDevice { device: tablet.id(), cut: Cut { inc: 1, ..LAST } };
    let both = [removal(nora.keys.id()), removal(tablet.id())].concat();
    for (removals, by, reason) in [
        (removal(nora.keys.id()), seat, VoidReason::Author),
        (removal(ben.keys.id()), seat, VoidReason::Author),
        (removal(tablet.id()), voice, VoidReason::Author),
        (vec![other_end], seat, VoidReason::Incarnation),
        (both, phrase, VoidReason::DeviceCount),
        (vec![], seat, VoidReason::Layout),
    ] {
        is_void(&forged(&mut space, nora, removals, by, random), reason);
    }
    let folded = forged(&mut space, nora, removal(nora.keys.id()), phrase, random);
    assert_eq!(folded.outcome, Outcome::Applied, "a phrase cuts off a device that was lost");
    let refused =
        Intent::new(Want::Rekey { after: 1 }).compose(&space.composer(&nora.keys), random);
    let no_key = ComposeError::NeedKey { epoch: 1 };
    assert_eq!(refused, Err(IntentError::Compose(no_key)), "who is out has no key");
}

#[test]
fn a_removal_stands_on_either_branch_and_whom_the_removed_device_let_in_is_out() {
    for removal_is_trunk in [true, false] {
        let random = &mut SeededRandom::new(122);
        let couple = Couple::new(random);
        let mut base = couple.log();
        let tablet = DeviceKeys::generate(random);
        base.want(Want::AddDevice(couple.nora.admits(&tablet)), &couple.nora, random);
        let add = base.items[1].clone();
        let (mut hers, mut its) = (couple.log(), couple.log());
        for space in [&mut hers, &mut its] {
            space.receive(add.clone(), &couple.nora.me());
        }
        hers.want(Want::RemoveDevices(removal(tablet.id())), &couple.nora, random);
        // Whoever holds the tablet lets in a device of their own, and that one another.
        let mut foothold = Vec::new();
        let mut by = tablet;
        for _ in 0..2 {
            let next = DeviceKeys::generate(random);
            let want = Want::AddDevice(couple.nora.admits(&next));
            let item = Intent::new(want).compose(&its.composer(&by), random).unwrap();
            assert_eq!(its.receive(item, &couple.nora.me()).outcome, Outcome::Applied);
            foothold.push(by.id());
            by = next;
        }
        foothold.push(by.id());
        let joint = if removal_is_trunk {
            rejoin(&mut its, &hers, &couple.nora.keys, random);
            its
        } else {
            rejoin(&mut hers, &its, &couple.nora.keys, random);
            hers
        };
        for id in foothold {
            let member = joint.log.table().device(id).unwrap();
            assert_eq!(member.state, Standing::Out);
            assert!(!joint.log.table().recipients().contains(id.as_bytes()));
        }
        let own = joint.log.table().device(couple.nora.keys.id()).unwrap();
        assert_eq!(own.state, Standing::In);
    }
}
