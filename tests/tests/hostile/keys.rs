//! New epochs by the partner, with good wraps and without, and entries that come before their key.

use crate::siege::Siege;
use reknit_core::entry::Incident;
use reknit_core::membership::Want;
use reknit_core::store::{Batch, Store, Table};

#[test]
fn a_rekey_of_the_partner_reaches_everybody() {
    let mut siege = Siege::new("rekey");
    siege.world.set_online(siege.phone, false);
    siege.tell(siege.phone, "written before it, sent after it");
    let forgery = siege.villain.compose(Want::Rekey { after: 0 });
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    assert_eq!(siege.villain.log.epoch(), 1);
    siege.settle();
    siege.world.set_online(siege.phone, true);
    siege.settle();
    assert!(siege.incidents(siege.phone).is_empty());
    assert_eq!(siege.world.node(siege.tablet).session().timeline().unwrap().len(), 1);
    siege.life_goes_on();
}

#[test]
fn b27_an_epoch_that_nobody_has_made_is_not_taken_by_the_relay_and_costs_nothing() {
    let mut siege = Siege::new("epochs");
    let key = reknit_core::crypto::EpochKey::from_bytes(&[3; 32]);
    siege.villain.keyring.insert(u32::MAX, key);
    let envelope = siege.villain.seal(u32::MAX, b"no entry");
    siege.villain.push_refused(&mut siege.world, envelope);
    siege.life_goes_on();
}

#[test]
fn b27_a_thousand_envelopes_wait_for_their_key_and_the_next_is_pulled_again_when_it_comes() {
    let mut siege = Siege::new("parked");
    let mut forgery = siege.villain.compose(Want::Rekey { after: 0 });
    siege.villain.garble_wraps(&mut forgery);
    let item = siege.villain.seal_op(forgery);
    for device in [siege.phone, siege.tablet] {
        siege.world.set_online(device, false);
    }
    siege.villain.append(&mut siege.world, item);
    let last = reknit_core::entry::Payload::Event(siege.moment("the last").encode());
    let newer = vec![0; 20];
    for _ in 0..1_000 {
        let header = siege.villain.draft(&siege.world, 99, &newer);
        let entry = siege.villain.sign(header, newer.clone());
        siege.villain.send(&mut siege.world, &entry);
        siege.world.run_for(std::time::Duration::from_millis(100));
    }
    siege.villain.say(&mut siege.world, &last);
    for device in [siege.phone, siege.tablet] {
        siege.world.set_online(device, true);
    }
    siege.settle();
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (1_000, 1_000));
    siege.both_noticed(|incident| matches!(incident, Incident::WaitingRoomFull { count: 1, .. }));
    siege.villain.hand_on(&mut siege.world);
    siege.settle();
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (0, 0));
    assert_eq!(siege.report(siege.phone).entries, siege.report(siege.tablet).entries);
    siege.life_goes_on();
}

#[test]
fn what_waited_for_a_key_that_came_before_a_crash_goes_on_at_the_next_start() {
    let mut siege = Siege::new("woken");
    let mut forgery = siege.villain.compose(Want::Rekey { after: 0 });
    siege.villain.garble_wraps(&mut forgery);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    let hidden = reknit_core::entry::Payload::Event(siege.moment("hidden").encode());
    siege.villain.say(&mut siege.world, &hidden);
    siege.settle();
    let disk = siege.world.devices[siege.tablet].files.store_name(true);
    let mut store = Store::memory(&disk).unwrap();
    let parked = store.prefix(Table::Quarantine, &[]).unwrap();
    assert_eq!(parked.len(), 1);
    siege.villain.hand_on(&mut siege.world);
    siege.settle();
    // As if the crash had come right behind the control item.
    siege.world.crash(siege.tablet);
    let mut batch = Batch::new();
    batch.put(Table::Quarantine, parked[0].clone());
    store.commit(batch).unwrap();
    siege.world.restart(siege.tablet);
    siege.settle();
    assert_eq!(siege.aside(siege.tablet), 0);
    siege.life_goes_on();
}
