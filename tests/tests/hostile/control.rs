//! Control items of the partner that are void, and what comes after them.

use crate::siege::Siege;
use reknit_core::client::Whom;
use reknit_core::entry::{EntryError, Incident, Payload};
use reknit_core::membership::{Outcome, VoidReason, Want};
use reknit_core::store::{Batch, Store, Table};
use std::time::Duration;

pub(crate) use reknit_e2e::villain_control::{IDENTITY, MIXED};

#[test]
fn b31_a_weak_key_in_add_device_voids_the_op_with_an_incident() {
    for (name, voice) in [("identity", IDENTITY), ("mixed", MIXED)] {
        let mut siege = Siege::new(name);
        let (_, want) = siege.villain.second_device();
        let mut forgery = siege.villain.compose(want);
        forgery.with_voice(voice);
        let item = siege.villain.seal_op(forgery);
        siege.villain.append(&mut siege.world, item);
        let idx = siege.villain.log.next_idx() - 1;
        assert_eq!(siege.villain.log.outcome_at(idx), Some(Outcome::Void(VoidReason::Keys)));
        siege.settle();
        siege.both_noticed(|incident| {
            matches!(incident, Incident::VoidOp { idx: at, reason }
            if *at == idx && *reason == VoidReason::Keys as u16)
        });
        siege.life_goes_on();
    }
}

#[test]
fn a_wrong_state_after_voids_the_op_and_its_device_is_no_author() {
    let mut siege = Siege::new("state");
    let (keys, want) = siege.villain.second_device();
    let mut forgery = siege.villain.compose(want);
    forgery.op.state_after = [9; 32];
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    let idx = siege.villain.log.next_idx() - 1;
    assert_eq!(siege.villain.log.outcome_at(idx), Some(Outcome::Void(VoidReason::State)));
    siege.settle();
    siege.both_noticed(|it| matches!(it, Incident::StateMismatch { idx: at } if *at == idx));
    let payload = Payload::Event(siege.moment("a third device").encode());
    let payload = payload.encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    (header.chain.device, header.seq) = (keys.id(), 1);
    header.prev = reknit_core::model::id::EntryId::ZERO;
    let entry = reknit_core::entry::sign(header, payload, siege.villain.home.space, &keys);
    siege.villain.send_inner(&mut siege.world, &entry.encode());
    siege.settle();
    siege.both_noticed(|incident| {
        matches!(incident, Incident::RefusedEntry { error: EntryError::Author, .. })
    });
    siege.life_goes_on();
}

#[test]
fn e1_a_device_that_comes_later_reports_the_void_items_from_before_it() {
    for spread in (0..40).map(|n| n * 50) {
        e1_later(spread);
    }
}

fn e1_later(spread: u64) {
    let mut siege = Siege::new("later");
    siege.world.weather.delay_ms_spread = spread;
    let first = siege.villain.log.next_idx();
    for _ in 0..3 {
        let want = siege.villain.second_device().1;
        let forgery = siege.villain.compose(want);
        let mut item = siege.villain.seal_op(forgery);
        let body = item.len() / 2;
        item[body] ^= 1;
        siege.villain.append(&mut siege.world, item);
        siege.settle();
    }
    let laptop = siege.world.add_device(true);
    assert!(siege.world.pair(siege.phone, laptop, Whom::Device));
    siege.settle();
    for idx in first..first + 3 {
        let is_it = |it: &Incident| matches!(it, Incident::VoidOp { idx: at, .. } if *at == idx);
        siege.both_noticed(is_it);
        let said = siege.incidents(laptop);
        assert!(said.iter().any(is_it), "{idx} is not in {said:?}");
    }
    siege.life_goes_on();
}

#[test]
fn b38_a_void_rekey_leaves_everybody_able_to_write() {
    let mut siege = Siege::new("void-rekey");
    siege.tell(siege.tablet, "before");
    siege.settle();
    let mut forgery = siege.villain.compose(Want::Rekey { after: 0 });
    forgery.op.state_after = [9; 32];
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::StateMismatch { .. }));
    siege.life_goes_on();
    // Once more, while a phone is offline and has something to send.
    siege.world.set_online(siege.phone, false);
    siege.tell(siege.phone, "offline");
    let epoch = siege.villain.log.epoch();
    let mut forgery = siege.villain.compose(Want::Rekey { after: epoch });
    (forgery.op.epoch_after, forgery.item.epoch_after) = (4_000_000_000, 4_000_000_000);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    siege.settle();
    siege.world.set_online(siege.phone, true);
    siege.settle();
    siege.life_goes_on();
}

#[test]
fn an_item_that_is_no_item_is_void_and_the_log_goes_on() {
    let mut siege = Siege::new("junk");
    let (_, want) = siege.villain.second_device();
    let forgery = siege.villain.compose(want);
    let mut item = siege.villain.seal_op(forgery);
    let at = 112 + 50;
    item[at] ^= 1;
    siege.villain.append(&mut siege.world, item);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::VoidOp { .. }));
    siege.life_goes_on();
}

#[test]
fn what_waited_for_a_control_item_goes_on_at_the_next_start_after_a_crash_right_behind_the_item() {
    let mut siege = Siege::new("behind");
    let (_, want) = siege.villain.second_device();
    let mut forgery = siege.villain.compose(want);
    forgery.op.state_after = [9; 32];
    let item = siege.villain.seal_op(forgery);
    let idx = siege.villain.log.next_idx();
    siege.villain.fold(&item);
    let said = Payload::Event(siege.moment("names an item that nobody has").encode());
    siege.villain.say(&mut siege.world, &said);
    siege.world.run_for(Duration::from_mins(1));
    assert_eq!((siege.waiting(siege.phone), siege.waiting(siege.tablet)), (1, 1));
    // The item is stored; what waited for it dies on its way into the history.
    siege.world.devices[siege.tablet].disk.plant_crash(true, Some(Table::Entries));
    assert!(siege.villain.offer(&mut siege.world, idx, item));
    siege.world.run_for(Duration::from_mins(1));
    assert!(siege.world.is_down(siege.tablet));
    siege.world.restart(siege.tablet);
    siege.settle();
    assert_eq!((siege.waiting(siege.phone), siege.waiting(siege.tablet)), (0, 0));
    siege.both_hold_the_same();
    siege.life_goes_on();
}

#[test]
fn a_damaged_control_item_is_fetched_again_and_nothing_is_appended_without_end() {
    let mut siege = Siege::new("flipped");
    siege.villain.listen(&mut siege.world);
    let held = siege.villain.log.next_idx();
    // The item that let the tablet in: so the phone goes on wanting that it is in.
    siege.world.crash(siege.phone);
    let disk = siege.world.devices[siege.phone].files.store_name(true);
    let mut store = Store::memory(&disk).unwrap();
    let mut row = store.prefix(Table::Control, &[]).unwrap().pop().unwrap();
    row.body[200] ^= 1;
    let mut batch = Batch::new();
    batch.put(Table::Control, row.clone());
    store.commit(batch).unwrap();
    siege.world.restart(siege.phone);
    siege.settle();
    let mended = store.prefix(Table::Control, &[]).unwrap();
    assert!(mended.iter().all(|it| it.body != row.body), "the relay's own is here instead");
    assert!(siege.villain.log.next_idx() - held <= 1, "at most the note of what stood there");
    siege.life_goes_on();
}

#[test]
fn m10_a_partner_has_the_other_answer_64_new_keys_in_a_row_and_then_only_for_own_words() {
    let mut siege = Siege::new("driven");
    for round in 0..70 {
        let after = siege.villain.log.epoch();
        let mut forgery = siege.villain.compose(Want::Rekey { after });
        siege.villain.garble_wraps(&mut forgery);
        let item = siege.villain.seal_op(forgery);
        siege.villain.append(&mut siege.world, item);
        siege.settle();
        let answered = siege.villain.log.epoch() == after + 2;
        assert_eq!(answered, round < 64, "round {round}");
    }
    let items = siege.villain.log.next_idx();
    // Whoever has something to say is not silenced: one new key, and it is said.
    siege.life_goes_on();
    assert_eq!(siege.villain.log.next_idx(), items + 1);
}

#[test]
fn m10_void_items_that_lead_the_relay_astray_are_answered_64_times_and_then_only_for_own_words() {
    let mut siege = Siege::new("astray");
    for _ in 0..70 {
        let epoch = siege.villain.log.epoch();
        let mut forgery = siege.villain.compose(Want::Rekey { after: epoch });
        (forgery.op.epoch_after, forgery.item.epoch_after) = (4_000_000_000, 4_000_000_000);
        let item = siege.villain.seal_op(forgery);
        siege.villain.append(&mut siege.world, item);
        siege.settle();
    }
    assert_eq!(siege.villain.log.epoch(), 64);
    siege.life_goes_on();
    assert_eq!(siege.villain.log.epoch(), 65);
}
