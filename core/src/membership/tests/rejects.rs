//! A key that did not arrive is replaced by whoever it did not reach, and nothing else is undone.

use super::branches::Couple;
use super::fixture::{Forgery, Human, Space, is_void, recipient};
use super::keys::{garbage_wraps, newcomer};
use crate::crypto::{DeviceKeys, SeededRandom};
use crate::membership::{
    Action, Author, Folded, Intent, IntentError, KeyArrival, Outcome, Recipient, Standing,
    VoidReason, Want,
};

/// What the client does with items that it holds: folds them as far as keys go, over what a `Reject` left behind.
pub(super) fn take(space: &mut Space, items: &[Vec<u8>], me: &Recipient<'_>) -> Vec<Folded> {
    space.items.extend_from_slice(items);
    let from = usize::try_from(space.log.next_idx()).unwrap();
    let mut rest = &space.items[from..];
    let mut folded = Vec::new();
    while let [item, later @ ..] = rest {
        if let Ok(step) = space.log.receive(item, &mut space.keyring, Some(me)) {
            (rest, folded) = (later, [folded, vec![step]].concat());
        } else if let Some(over) = space.log.step_to_reject(rest, &space.keyring) {
            rest = &rest[over..];
        } else {
            break;
        }
    }
    folded
}

/// Composes a `Reject` of the key that is missing, behind all that is held.
pub(super) fn reject(space: &Space, keys: &DeviceKeys, random: &mut SeededRandom) -> Vec<u8> {
    let idx = space.log.lacks_key_of(&space.keyring).unwrap();
    let from = usize::try_from(space.log.next_idx()).unwrap();
    let ahead = space.log.stepped_over(&space.items[from..]);
    let mut composer = space.composer(keys);
    composer.log = &ahead;
    Intent::new(Want::Reject { idx }).compose(&composer, random).unwrap()
}

/// Brings in all that a `Reject` left behind.
fn bring_in(space: &mut Space, human: &Human, random: &mut SeededRandom) -> Vec<Vec<u8>> {
    let before = space.items.len();
    for want in space.log.wants_left(&space.keyring) {
        let mut intent = Intent::new(want);
        assert_eq!(Intent::decode(&intent.encode()), Ok(intent.clone()));
        let item = intent.compose(&space.composer(&human.keys), random).unwrap();
        assert_eq!(space.receive(item, &human.me()).outcome, Outcome::Applied);
        assert!(intent.is_satisfied(&space.log));
    }
    assert!(space.log.wants_left(&space.keyring).is_empty());
    space.items[before..].to_vec()
}

/// Nora and Ben; Ben has made a key of which Nora's wrap is junk.
fn bad_wrap(random: &mut SeededRandom) -> (Couple, Space, Space) {
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let item = garbage_wraps(&his, &couple.ben, random);
    assert_eq!(his.receive(item.clone(), &couple.ben.me()).key, KeyArrival::Bad);
    assert_eq!(hers.receive(item, &couple.nora.me()).key, KeyArrival::Bad);
    (couple, hers, his)
}

#[test]
fn b39_who_got_no_key_makes_another_and_both_go_on() {
    let random = &mut SeededRandom::new(110);
    let (couple, mut hers, mut his) = bad_wrap(random);
    let (head, table) = hers.log.standing().unwrap();
    assert_eq!((head.idx, table.epoch()), (0, 0), "until then she writes under the op before");
    let item = reject(&hers, &couple.nora.keys, random);
    let folded = hers.receive(item.clone(), &couple.nora.me());
    assert_eq!((folded.outcome, folded.key), (Outcome::Applied, KeyArrival::Held));
    assert_eq!(his.receive(item, &couple.ben.me()).key, KeyArrival::Held);
    assert_eq!((hers.log.epoch(), hers.log.table()), (2, his.log.table()));
    assert_eq!(hers.log.standing().unwrap().0.idx, 2);
    assert_eq!(hers.key(2).as_bytes(), his.key(2).as_bytes());
    assert!(hers.log.apart().is_none() && his.log.apart().is_none());
    let next = his.want(Want::Rekey { after: 2 }, &couple.ben, random);
    assert_eq!(next.outcome, Outcome::Applied);
    let item = his.items.last().unwrap().clone();
    assert_eq!(hers.receive(item, &couple.nora.me()).key, KeyArrival::Held);
    assert_eq!(hers.log.epoch(), 3);
}

/// Ben's key reaches himself only.
pub(super) fn reaches_only(space: &Space, human: &Human, random: &mut SeededRandom) -> Vec<u8> {
    let mut forgery = Forgery::of(space, human, &Action::Rekey, random);
    let own = human.keys.id().to_bytes();
    for slot in forgery.op.wrap_slots.iter().filter(|slot| slot.recipient != own) {
        forgery.parcel.wraps[usize::from(slot.slot)] = crate::crypto::spare_wrap(random);
    }
    forgery.op.wraps_hash = forgery.parcel.facts(0, 0, [0; 32]).wraps_hash;
    forgery.op.author = Author::Voice(human.keys.id());
    forgery.seal(space, &human.keys.voice, random)
}

#[test]
fn what_was_appended_under_a_rejected_key_stands_and_the_key_is_handed_on() {
    let random = &mut SeededRandom::new(111);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let item = reaches_only(&his, &couple.ben, random);
    assert_eq!(his.receive(item.clone(), &couple.ben.me()).key, KeyArrival::Held);
    assert_eq!(hers.receive(item, &couple.nora.me()).key, KeyArrival::Bad);
    let laptop = DeviceKeys::generate(random);
    his.want(Want::AddDevice(couple.ben.admits(&laptop)), &couple.ben, random);
    his.want(Want::Rekey { after: 1 }, &couple.ben, random);
    let his_head = his.log.head().unwrap();
    let unread = his.items[2..].to_vec();
    assert!(take(&mut hers, &unread, &couple.nora.me()).is_empty(), "she can open neither");
    let item = reject(&hers, &couple.nora.keys, random);
    assert_eq!(take(&mut hers, std::slice::from_ref(&item), &couple.nora.me()).len(), 1);
    assert_eq!(his.receive(item, &couple.ben.me()).outcome, Outcome::Applied);
    assert_eq!(his.log.table(), hers.log.table(), "one table, whatever one could read");
    assert_eq!(his.log.table().device(laptop.id()), None);
    assert_eq!(his.log.standing().unwrap().0, his_head, "he goes on under what he knows");
    let brought = bring_in(&mut his, &couple.ben, random);
    assert_eq!(take(&mut hers, &brought, &couple.nora.me()).len(), brought.len());
    for space in [&hers, &his] {
        let member = space.log.table().device(laptop.id()).unwrap();
        assert_eq!(member.state, Standing::In, "what the ops did stands");
        assert!(space.log.apart().is_none());
        let id = his_head.op.as_bytes().first_chunk().unwrap();
        assert!(space.log.table_named(his_head.idx, id).is_some());
        for (epoch, kc) in space.log.commitments() {
            assert!(space.keyring.get_committed(epoch, kc).is_some(), "epoch {epoch}");
        }
    }
    assert_eq!(hers.log.table(), his.log.table());
    // Whoever comes later reads all of it.
    let tablet = DeviceKeys::generate(random);
    hers.want(Want::AddDevice(couple.nora.admits(&tablet)), &couple.nora, random);
    let later = newcomer_over(&hers, &tablet);
    assert_eq!(later.log.table(), hers.log.table());
}

fn newcomer_over(space: &Space, keys: &DeviceKeys) -> Space {
    newcomer(space, &recipient(keys)).ok().unwrap()
}

#[test]
fn a_newcomer_needs_no_key_that_was_rejected() {
    let random = &mut SeededRandom::new(112);
    let (couple, mut hers, _) = bad_wrap(random);
    let item = reject(&hers, &couple.nora.keys, random);
    hers.receive(item, &couple.nora.me());
    let tablet = DeviceKeys::generate(random);
    hers.want(Want::AddDevice(couple.nora.admits(&tablet)), &couple.nora, random);
    let later = newcomer_over(&hers, &tablet);
    assert_eq!(later.log.table(), hers.log.table());
    assert_eq!(later.keyring.epochs().collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn what_comes_under_a_rejected_key_later_is_void_for_all_under_one_id() {
    let random = &mut SeededRandom::new(113);
    let couple = Couple::new(random);
    let (mut hers, mut his) = (couple.log(), couple.log());
    let item = reaches_only(&his, &couple.ben, random);
    his.receive(item.clone(), &couple.ben.me());
    hers.receive(item, &couple.nora.me());
    let stale = Forgery::of(&his, &couple.ben, &Action::Rekey, random);
    let item = reject(&hers, &couple.nora.keys, random);
    for (space, human) in [(&mut hers, &couple.nora), (&mut his, &couple.ben)] {
        space.receive(item.clone(), &human.me());
    }
    let item = stale.seal_before(&his, 1, random);
    let ids = [(&mut hers, &couple.nora), (&mut his, &couple.ben)].map(|(space, human)| {
        let folded = space.receive(item.clone(), &human.me());
        is_void(&folded, VoidReason::Unopened);
        folded.op
    });
    assert_eq!(ids[0], ids[1]);
}

/// Composes a `Reject` without asking whether it holds.
fn forged(space: &Space, human: &Human, idx: u32, random: &mut SeededRandom) -> Vec<u8> {
    let action = Action::Reject { idx };
    let line = space.log.state().line_under(&action).unwrap();
    let mut forgery = Forgery::of(space, human, &action, random);
    forgery.op.author = Author::Voice(human.keys.id());
    forgery.op.prev = line.base.head();
    forgery.op.epoch_before = line.epoch;
    forgery.seal_under(space, (line.epoch, space.key(line.epoch)), &human.keys.voice, random)
}

#[test]
fn nobody_rejects_an_own_key_or_one_already_used_or_rejected() {
    let random = &mut SeededRandom::new(114);
    let couple = Couple::new(random);
    let mut space = couple.log();
    space.want(Want::Rekey { after: 0 }, &couple.nora, random);
    let own = forged(&space, &couple.nora, 1, random);
    is_void(&space.receive(own, &couple.nora.me()), VoidReason::KeyTaken);
    let tablet = DeviceKeys::generate(random);
    space.want(Want::AddDevice(couple.ben.admits(&tablet)), &couple.ben, random);
    let used = forged(&space, &couple.ben, 1, random);
    let folded = space.receive(used, &couple.nora.me());
    is_void(&folded, VoidReason::KeyTaken);
    let held: Vec<_> = space.keyring.epochs().collect();
    assert_eq!(held, [0, 1, 2, 2], "both may have sealed under what they made in vain");
    assert_eq!(space.log.epoch(), 1);
    space.want(Want::Rekey { after: 1 }, &couple.nora, random);
    let idx = space.log.head().unwrap().idx;
    let first = forged(&space, &couple.ben, idx, random);
    assert_eq!(space.receive(first, &couple.nora.me()).outcome, Outcome::Applied);
    let again = forged(&space, &couple.ben, idx, random);
    is_void(&space.receive(again, &couple.nora.me()), VoidReason::KeyTaken);
}

#[test]
fn only_an_op_that_made_an_epoch_and_stands_in_the_log_has_a_key_to_reject() {
    let random = &mut SeededRandom::new(115);
    let (couple, hers, _) = bad_wrap(random);
    for (idx, reason) in [(0, VoidReason::Wraps), (2, VoidReason::Chain), (99, VoidReason::Chain)] {
        let composed =
            Intent::new(Want::Reject { idx }).compose(&hers.composer(&couple.nora.keys), random);
        match composed {
            Err(IntentError::Compose(error)) => assert_eq!(error, reason.into()),
            Err(IntentError::Satisfied) => assert_ne!(idx, 1),
            other => panic!("{other:?}"),
        }
    }
}
