//! A relay that forgets is given different control logs by different devices: they become one again, nothing written
//! is lost, and whoever was let in meanwhile is in.

use reknit_core::client::{Answer, Command, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_e2e::act::word;
use reknit_e2e::random::Seeded;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(15);

/// Nora and Ben, paired, each with a phone.
struct Story {
    world: World,
    nora: DeviceIndex,
    ben: DeviceIndex,
    said: usize,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut world = World::new("branches", seed, Weather::FAIR);
        let mut dice = Seeded::new(seed);
        let (nora, ben) = (world.person(&word(&mut dice)), world.person(&word(&mut dice)));
        assert!(world.pair(nora, ben, Whom::Partner));
        assert!(world.run_until_idle(A_WHILE));
        Self { world, nora, ben, said: 0 }
    }

    fn say(&mut self, device: DeviceIndex) {
        let told = Event::Moment(Moment {
            at: self.world.now(device).at().unwrap(),
            kind: MomentKind::Repair,
            happened: None,
            who_did: WhoDid::Both,
            text: None,
            felt: None,
        });
        let done = self.world.execute(device, Command::Tell(told));
        assert!(matches!(done, Ok(Answer::Told(_))), "{done:?}");
        self.said += 1;
    }

    fn write_journal(&mut self, device: DeviceIndex) {
        let mut dice = Seeded::new(device as u64);
        let edit = Edit { text: Some(word(&mut dice)), ..Edit::default() };
        let done = self.world.execute(device, Command::NewDocument(DocumentKind::Journal, edit));
        assert!(matches!(done, Ok(Answer::Document(_))), "{done:?}");
    }

    /// Only these are on the network.
    fn only(&mut self, online: &[DeviceIndex]) {
        for device in 0..self.world.devices.len() {
            self.world.set_online(device, online.contains(&device));
        }
        assert!(self.world.run_until_idle(A_WHILE), "{online:?} come to rest");
    }

    /// The relay's folder is emptied, but for its key, while only these are on the network.
    fn forget(&mut self, online: &[DeviceIndex]) {
        for device in 0..self.world.devices.len() {
            self.world.set_online(device, false);
        }
        self.world.wipe_relay();
        self.only(online);
    }

    /// A fresh device of whoever owns this one joins.
    fn join(&mut self, inviter: DeviceIndex) -> DeviceIndex {
        let joiner = self.world.add_device(true);
        assert!(self.world.pair(inviter, joiner, Whom::Device));
        assert!(self.world.run_until_idle(A_WHILE), "{joiner} is in");
        joiner
    }

    /// Everybody comes back, in this order.
    fn gather(&mut self, order: &[DeviceIndex]) {
        for device in order {
            self.world.set_online(*device, true);
            self.world.run_for(Duration::from_secs(20));
        }
        let all: Vec<DeviceIndex> = (0..self.world.devices.len()).collect();
        self.only(&all);
    }

    /// All is as promised, also after each was started again; and life goes on.
    fn ends_well(&mut self) {
        let mut dice = Seeded::new(1);
        self.world.check_all(&mut dice);
        let all: Vec<DeviceIndex> = (0..self.world.devices.len()).collect();
        for device in &all {
            let lines = self.world.node(*device).session().timeline().unwrap();
            assert_eq!(lines.len(), self.said, "device {device} sees all");
        }
        for device in &all {
            self.world.crash(*device);
            self.world.restart_checked(*device);
            self.say(*device);
        }
        assert!(self.world.run_until_idle(A_WHILE));
        self.world.check_all(&mut dice);
        for device in &all {
            let lines = self.world.node(*device).session().timeline().unwrap();
            assert_eq!(lines.len(), self.said, "device {device} sees what came after");
        }
    }
}

#[test]
fn each_phone_alone_gives_the_relay_what_it_holds_and_lets_a_device_in() {
    let mut story = Story::new(1);
    let (nora, ben) = (story.nora, story.ben);
    story.say(nora);
    story.only(&[nora, ben]);
    story.forget(&[nora]);
    let tablet = story.join(nora);
    for device in [nora, tablet] {
        story.say(device);
    }
    story.only(&[nora, tablet]);
    story.forget(&[ben]);
    let laptop = story.join(ben);
    for device in [ben, laptop] {
        story.say(device);
    }
    story.only(&[ben, laptop]);
    story.gather(&[nora, tablet]);
    story.ends_well();
}

#[test]
fn the_device_that_came_in_meanwhile_comes_back_first() {
    let mut story = Story::new(2);
    let (nora, ben) = (story.nora, story.ben);
    story.forget(&[nora]);
    let tablet = story.join(nora);
    story.say(tablet);
    story.only(&[nora, tablet]);
    story.forget(&[ben]);
    let laptop = story.join(ben);
    story.say(laptop);
    story.only(&[ben, laptop]);
    // Nora's phone stays away: her tablet is known only by what it carries itself.
    story.only(&[tablet, laptop, ben]);
    story.say(tablet);
    story.only(&[tablet, laptop, ben]);
    story.gather(&[nora]);
    story.ends_well();
}

#[test]
fn the_one_who_joined_the_couple_gives_first_and_both_rekey_meanwhile() {
    let mut story = Story::new(3);
    let (nora, ben) = (story.nora, story.ben);
    story.say(ben);
    story.forget(&[ben]);
    let laptop = story.join(ben);
    story.world.renew_key(ben, SpaceKind::Shared).unwrap();
    story.only(&[ben, laptop]);
    story.say(laptop);
    story.only(&[ben, laptop]);
    story.forget(&[nora]);
    story.world.renew_key(nora, SpaceKind::Shared).unwrap();
    story.only(&[nora]);
    let tablet = story.join(nora);
    story.say(tablet);
    story.only(&[nora, tablet]);
    story.gather(&[laptop, ben]);
    story.ends_well();
}

#[test]
fn a_private_log_that_two_own_devices_continued_apart_becomes_one() {
    let mut story = Story::new(4);
    let (nora, ben) = (story.nora, story.ben);
    let tablet = story.join(nora);
    story.forget(&[nora]);
    let laptop = story.join(nora);
    for device in [nora, laptop] {
        story.write_journal(device);
    }
    story.only(&[nora, laptop]);
    story.forget(&[tablet]);
    let watch = story.join(tablet);
    for device in [tablet, watch] {
        story.write_journal(device);
    }
    story.world.renew_key(tablet, SpaceKind::Private).unwrap();
    story.only(&[tablet, watch]);
    story.gather(&[ben, laptop, nora]);
    story.ends_well();
    let journal = story.world.node(watch).session().documents(DocumentKind::Journal).unwrap();
    assert_eq!(journal.len(), 4);
}

#[test]
fn it_happens_again_and_again_and_each_time_one_log_comes_out() {
    let mut story = Story::new(5);
    let (nora, ben) = (story.nora, story.ben);
    for round in 0..3 {
        story.forget(&[nora]);
        story.world.renew_key(nora, SpaceKind::Shared).unwrap();
        story.say(nora);
        story.only(&[nora]);
        story.forget(&[ben]);
        if round < 2 {
            story.join(ben);
        }
        story.world.renew_key(ben, SpaceKind::Shared).unwrap();
        story.say(ben);
        story.only(&[ben]);
        // In one round the merge itself is lost again, in the next it is not.
        if round == 1 {
            story.only(&[ben, nora]);
            story.forget(&[ben]);
            story.say(ben);
        }
    }
    story.gather(&[nora, ben]);
    story.ends_well();
}

#[test]
fn a_crash_at_any_moment_of_coming_together_costs_nothing() {
    for at in (0..400).step_by(23) {
        let mut story = Story::new(6);
        let (nora, ben) = (story.nora, story.ben);
        story.forget(&[nora]);
        story.world.renew_key(nora, SpaceKind::Shared).unwrap();
        story.say(nora);
        story.only(&[nora]);
        story.forget(&[ben]);
        story.world.renew_key(ben, SpaceKind::Shared).unwrap();
        story.say(ben);
        story.only(&[ben]);
        story.world.set_online(nora, true);
        let from = story.world.events;
        let reached = story.world.run_until(A_WHILE, |world| {
            world.events - from == at || (world.events > from && world.is_idle())
        });
        let died = reached && story.world.events - from == at;
        story.world.crash(nora);
        story.world.restart_checked(nora);
        story.gather(&[nora, ben]);
        story.ends_well();
        if !died {
            assert!(at > 20, "coming together takes more than {at} events");
            return;
        }
    }
}
