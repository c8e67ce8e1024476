//! A partner who wraps garbage keys silences nobody: who got no key makes another, and everybody writes on.

use crate::siege::Siege;
use reknit_core::client::Command;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::entry::{Incident, Payload};
use reknit_core::membership::{Standing, Want};
use reknit_core::model::id::DeviceId;
use reknit_e2e::world::DeviceIndex;
use std::time::Duration;

impl Siege {
    /// The partner makes a key that reaches himself, and of the others nobody but `spared`.
    fn bad_rekey(&mut self, spared: &[DeviceId]) {
        let after = self.villain.log.epoch();
        let mut forgery = self.villain.compose(Want::Rekey { after });
        self.villain.garble_wraps_but(&mut forgery, spared);
        let item = self.villain.seal_op(forgery);
        self.villain.append(&mut self.world, item);
    }

    fn device_id(&self, device: DeviceIndex) -> DeviceId {
        self.world.node(device).session().device()
    }
}

#[test]
fn b39_a_partner_who_wraps_garbage_for_all_of_the_others_devices_silences_nobody() {
    let mut siege = Siege::new("wraps");
    siege.tell(siege.tablet, "before");
    siege.world.set_online(siege.phone, false);
    siege.tell(siege.phone, "written offline");
    siege.bad_rekey(&[]);
    // What the partner says under the key that did not arrive waits, and is not lost.
    let hidden = Payload::Event(siege.moment("under a new key").encode());
    siege.villain.say(&mut siege.world, &hidden);
    siege.settle();
    siege.world.set_online(siege.phone, true);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::BadWrap { .. }));
    assert_eq!(siege.villain.log.epoch(), 2, "one new key, whichever device made it");
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (1, 1));
    // An honest app hands the key on; then his words are read too.
    siege.villain.hand_on(&mut siege.world);
    siege.settle();
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (0, 0));
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.lines(device), 3, "device {device}");
    }
    siege.life_goes_on();
}

#[test]
fn b39_garbage_for_one_of_the_others_devices_costs_nothing() {
    for spared in [0, 1] {
        let mut siege = Siege::new(&format!("one-{spared}"));
        let lucky = [siege.phone, siege.tablet][spared];
        siege.bad_rekey(&[siege.device_id(lucky)]);
        let hidden = Payload::Event(siege.moment("under a new key").encode());
        siege.villain.say(&mut siege.world, &hidden);
        siege.settle();
        for device in [siege.phone, siege.tablet] {
            assert_eq!((siege.lines(device), siege.aside(device)), (1, 0), "spared {spared}");
        }
        siege.life_goes_on();
    }
}

#[test]
fn b39_who_got_no_key_writes_at_once_and_offline() {
    let mut siege = Siege::new("at-once");
    siege.world.set_online(siege.tablet, false);
    // The relay is gone right behind the item: the phone has it, and nobody to ask.
    siege.bad_rekey(&[]);
    siege.world.run_for(Duration::from_secs(2));
    siege.world.set_online(siege.phone, false);
    siege.tell(siege.phone, "it can be written");
    let edit = Edit { text: Some("so can this".to_owned()), ..Edit::default() };
    let journal = Command::NewDocument(DocumentKind::Journal, edit);
    assert!(siege.world.execute(siege.phone, journal).is_ok());
    siege.world.set_online(siege.phone, true);
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    assert_eq!((siege.lines(siege.phone), siege.lines(siege.tablet)), (1, 1));
    siege.life_goes_on();
}

#[test]
fn b39_what_the_bad_op_did_and_what_was_appended_under_it_stands() {
    let mut siege = Siege::new("stands");
    // A device with a bad wrap of the old key, then a bad new key, then one more device under that.
    let mut added = Vec::new();
    let (keys, want) = siege.villain.second_device();
    let mut forgery = siege.villain.compose(want);
    siege.villain.garble_wraps_but(&mut forgery, &[]);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    added.push(keys.id());
    siege.bad_rekey(&[]);
    let (keys, want) = siege.villain.second_device();
    let forgery = siege.villain.compose(want);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    added.push(keys.id());
    siege.settle();
    siege.tell(siege.tablet, "written on");
    siege.settle();
    siege.villain.hand_on(&mut siege.world);
    siege.settle();
    for id in added {
        let member = siege.villain.log.table().device(id).expect("it is there");
        assert_eq!(member.state, Standing::In);
    }
    siege.life_goes_on();
}

#[test]
fn b39_garbage_after_garbage_is_answered_each_time_and_every_word_arrives() {
    let mut siege = Siege::new("again");
    for round in 0..12 {
        siege.bad_rekey(&[]);
        if round % 3 == 2 {
            siege.bad_rekey(&[]);
        }
        siege.tell(siege.phone, "one");
        siege.tell(siege.tablet, "two");
        siege.settle();
        for device in [siege.phone, siege.tablet] {
            assert_eq!(siege.lines(device), 2 * (round + 1), "round {round}");
        }
    }
    siege.life_goes_on();
}
