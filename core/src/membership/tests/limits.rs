//! Rules that need a table with a past: devices that are out, and all that ever were.

use super::branches::Couple;
use super::fixture::{Forgery, Human, Space, private};
use crate::crypto::{DeviceKeys, SeededRandom};
use crate::membership::rules::{Ground, signers, table_after};
use crate::membership::{
    Action, Author, Cut, ItemFacts, Outcome, RENEWALS_MAX, RemoveDevice, Standing, Table,
    VoidReason, Want,
};
use crate::model::id::{DeviceId, EntryId};

/// Judges what an honest device would write against another table.
fn judge(
    space: &Space,
    human: &Human,
    table: &Table,
    action: &Action,
    random: &mut SeededRandom,
) -> Result<Table, VoidReason> {
    let forgery = Forgery::of(space, human, action, random);
    let item: ItemFacts = forgery.parcel.facts(forgery.op.idx, 0, [0; 32]);
    let ground = Ground { home: space.log.home(), table, epoch_top: 0, item: &item };
    signers(table, &forgery.op, Some(action))?;
    table_after(&ground, &forgery.op, action)
}

fn gone(device: DeviceId) -> RemoveDevice {
    RemoveDevice { device, cut: Cut { inc: 0, seq: 0, entry: EntryId::ZERO } }
}

#[test]
fn a_65th_device_over_all_time_is_void() {
    let random = &mut SeededRandom::new(80);
    let (human, space) = private(random);
    let mut table = space.log.table().clone();
    for count in 1..=64_u16 {
        let (keys, action) = human.another(random);
        let after = judge(&space, &human, &table, &action, random);
        if count == 64 {
            assert_eq!(after, Err(VoidReason::DeviceCount));
        } else {
            table = after.unwrap();
            assert_eq!(table.slot_of(keys.id()), Some(count));
            table.remove(&gone(keys.id()));
        }
    }
    assert_eq!(table.person(human.person).unwrap().devices_in(), 1);
}

#[test]
fn a_device_that_is_out_signs_nothing_gets_no_key_and_never_returns() {
    let random = &mut SeededRandom::new(81);
    let (human, space) = private(random);
    let tablet = DeviceKeys::generate(random);
    let add = Action::AddDevice(human.admits(&tablet));
    let mut table = judge(&space, &human, space.log.table(), &add, random).unwrap();
    assert!(table.recipients().contains(tablet.id().as_bytes()));
    table.remove(&gone(tablet.id()));
    assert_eq!(table.device(tablet.id()).unwrap().state, Standing::Out);
    assert!(!table.recipients().contains(tablet.id().as_bytes()));
    assert_eq!(judge(&space, &human, &table, &add, random), Err(VoidReason::KeyTwice));
    let mut forgery = Forgery::of(&space, &human, &Action::Rekey, random);
    forgery.op.author = Author::Voice(tablet.id());
    let signed = signers(&table, &forgery.op, Some(&Action::Rekey));
    assert_eq!(signed.err(), Some(VoidReason::Author));
    assert_eq!(table.slots(), [human.keys.id(), tablet.id()]);
}

/// A new epoch by this person, whether it holds or not.
fn rekeyed(space: &mut Space, human: &Human, random: &mut SeededRandom) -> Outcome {
    let mut forgery = Forgery::of(space, human, &Action::Rekey, random);
    forgery.op.author = Author::Voice(human.keys.id());
    let item = forgery.seal(space, &human.keys.voice, random);
    space.receive(item, &human.me()).outcome
}

#[test]
fn m10_a_person_makes_64_epochs_in_a_row_until_the_other_asks_for_something() {
    let random = &mut SeededRandom::new(82);
    let couple = Couple::new(random);
    let mut space = couple.log();
    for _ in 0..2 {
        for count in 0..RENEWALS_MAX + 2 {
            let expected = if count == RENEWALS_MAX {
                Outcome::Void(VoidReason::TooMany)
            } else {
                // Behind an item without effect it is an answer, which is owed.
                Outcome::Applied
            };
            assert_eq!(rekeyed(&mut space, &couple.ben, random), expected, "{count}");
        }
        assert_eq!(rekeyed(&mut space, &couple.ben, random), Outcome::Void(VoidReason::TooMany));
        let tablet = DeviceKeys::generate(random);
        space.want(Want::AddDevice(couple.nora.admits(&tablet)), &couple.nora, random);
    }
    assert_eq!(rekeyed(&mut space, &couple.ben, random), Outcome::Applied);
    let (human, mut own) = private(random);
    for _ in 0..RENEWALS_MAX + 3 {
        assert_eq!(rekeyed(&mut own, &human, random), Outcome::Applied, "alone nobody is counted");
    }
}
