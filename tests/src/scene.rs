//! What hardly ever comes about by itself, played on purpose: two who want the same place in a control log, and a control
//! log that comes apart while each side changes who is in.

use crate::couple::Meeting;
use crate::random::Seeded;
use crate::run::{Run, joined};
use crate::step::must_be_closed;
use crate::swarm::DEVICES_MAX;
use crate::world::DeviceIndex;
use reknit_core::client::{Error, Whom};
use reknit_core::membership::SpaceKind;
use std::time::Duration;

/// Events of the longest pairing in fair weather, about.
const PAIRING_EVENTS: u64 = 150;
/// Until all that can be sent is sent.
const SOON: Duration = Duration::from_mins(3);

/// A scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A device comes in while another one wants a new key.
    Race,
    /// The relay forgets, and each person changes the log that they know before they hear of the other's.
    Apart,
}

impl Run {
    /// Plays a scene in fair weather, with everybody there who is to be.
    pub(crate) fn play(&mut self, scene: Scene, dice: &mut Seeded) {
        let full = self.people.iter().any(|of| of.is_empty() || of.len() >= DEVICES_MAX);
        if full || self.world.shadow.is_some() {
            return;
        }
        let weather = self.world.weather;
        self.world.clear_up();
        for device in self.people.concat() {
            self.wake(device);
        }
        self.world.run_for(SOON);
        match scene {
            Scene::Race => self.race(dice),
            Scene::Apart => self.part(dice),
        }
        self.world.weather = weather;
    }

    fn race(&mut self, dice: &mut Seeded) {
        let person = usize::from(dice.one_in(2));
        let inviter = *dice.pick(&self.people[person]);
        let others = self.people.concat().into_iter().filter(|device| *device != inviter);
        let other = *dice.pick(&others.collect::<Vec<_>>());
        let own = self.people[person].contains(&other) && dice.one_in(2);
        let kind = if own { SpaceKind::Private } else { SpaceKind::Shared };
        let meeting = self.newcomer(person, inviter);
        let (from, at) = (self.world.events, dice.below(PAIRING_EVENTS));
        let mut pending = true;
        let met = self.world.meet(meeting, |world| {
            if pending && world.events - from >= at {
                pending = false;
                must_be_closed(world.renew_key(other, kind).err());
            }
        });
        self.settle(meeting, &met, dice);
    }

    fn part(&mut self, dice: &mut Seeded) {
        let first = usize::from(dice.one_in(2));
        self.alone(first);
        self.change(first, dice);
        self.world.run_for(SOON);
        self.world.forget();
        self.alone(1 - first);
        self.change(1 - first, dice);
        self.world.run_for(SOON);
    }

    /// One person lets a device in, or makes a new key.
    fn change(&mut self, person: usize, dice: &mut Seeded) {
        let device = *dice.pick(&self.people[person]);
        if dice.one_in(3) {
            must_be_closed(self.world.renew_key(device, SpaceKind::Shared).err());
            return;
        }
        let meeting = self.newcomer(person, device);
        let met = self.world.meet(meeting, |_| ());
        self.settle(meeting, &met, dice);
    }

    fn newcomer(&mut self, person: usize, inviter: DeviceIndex) -> Meeting {
        let joiner = self.world.add_device(true);
        self.people[person].push(joiner);
        self.world.set_online(joiner, true);
        Meeting { inviter, joiner, whom: Whom::Device }
    }

    /// What a meeting came to comes about by itself; one that came to nothing is held again.
    fn settle(&mut self, meeting: Meeting, met: &Result<bool, Error>, dice: &mut Seeded) {
        let came = self.world.run_until(SOON, |world| joined(world, meeting));
        assert!(came || *met != Ok(true), "L2: {meeting:?} met, and nothing came of it");
        if !came {
            self.bring_together(meeting, false, dice);
        }
    }

    /// Only one person's devices are there.
    fn alone(&mut self, person: usize) {
        for device in self.people[1 - person].clone() {
            self.world.set_online(device, false);
        }
        for device in self.people[person].clone() {
            self.wake(device);
        }
        self.world.run_for(SOON);
    }

    fn wake(&mut self, device: DeviceIndex) {
        self.world.devices[device].disk.mend();
        if self.world.is_down(device) {
            self.world.restart_checked(device);
        }
        self.world.set_online(device, true);
    }
}
