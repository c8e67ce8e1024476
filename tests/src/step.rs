//! One thing that happens in a run: what somebody does, or a fault. Each has dice of its own, so that leaving one out
//! changes nothing in what the others draw.

use crate::random::Seeded;
use crate::run::Run;
use crate::swarm::Swarm;
use crate::world::{DeviceIndex, World};
use reknit_core::client::Error;
use reknit_core::membership::SpaceKind;
use reknit_core::store::Table;
use std::collections::BTreeSet;
use std::time::Duration;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub what: What,
    /// From which its details are drawn.
    pub seed: u64,
    /// How long nothing is done after it.
    pub pause_ms: u64,
}

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A person does something on a device; now and then the other one at the same time.
    Write,
    /// A device's process dies.
    Crash,
    /// A device's process dies inside its next transaction.
    CrashInside,
    /// The relay's process dies and starts again.
    RestartRelay,
    /// A device loses the network, or finds it.
    Connect,
    /// A clock jumps.
    Clock,
    /// Somebody wants a new epoch key.
    Rekey,
    /// A further device joins.
    Grow,
    /// The relay loses its store.
    Forget,
    /// The relay begins to show some devices another log, or ends it.
    Split,
    /// The relay shows some devices nothing new, or ends it.
    Freeze,
    /// A copy of the relay's disk is put aside, or comes back.
    RollBack,
    /// The partner does something hostile.
    Lie,
    /// A copy of a device's disk is put aside, or comes back in place of the newest.
    Restore,
    /// A copy of a device begins to run beside it.
    Clone,
}

impl Run {
    /// Carries a step out, then waits.
    pub(crate) fn step(&mut self, step: Step) {
        let mut dice = Seeded::new(step.seed);
        let mut person = usize::try_from(dice.below(2)).expect("one of two");
        if self.people[person].is_empty() {
            // There the partner is hostile, and has steps of their own.
            person = 1 - person;
        }
        let device = *dice.pick(&self.people[person]);
        self.world.tally.steps += 1;
        match step.what {
            What::Write => self.talk(person, device, &mut dice),
            What::Grow => self.grow(person, true, &mut dice),
            What::Lie => {
                if let Some(partner) = &mut self.partner {
                    partner.act(&mut self.world, &mut dice);
                }
            }
            What::Clone => {
                let copy = self.world.clone_device(device);
                self.people[person].push(copy);
            }
            What::Crash
            | What::CrashInside
            | What::RestartRelay
            | What::Connect
            | What::Clock
            | What::Rekey
            | What::Forget
            | What::Split
            | What::Freeze
            | What::RollBack
            | What::Restore => {
                Self::fault(&mut self.world, step.what, device, &mut dice);
            }
        }
        self.world.run_for(Duration::from_millis(step.pause_ms));
        let mut dice = Seeded::new(step.seed ^ 1);
        for device in self.world.honest() {
            if self.world.is_down(device) && dice.one_in(3) {
                self.world.restart_checked(device);
            }
        }
    }

    fn fault(world: &mut World, what: What, device: DeviceIndex, dice: &mut Seeded) {
        match what {
            What::Crash if world.devices[device].node.is_some() => world.crash(device),
            What::CrashInside => plant(world, device, dice),
            What::RestartRelay => {
                let awaited = dice.one_in(2);
                world.run_until(Duration::from_secs(2), |world| {
                    !awaited || world.relay_awaits_commit()
                });
                world.restart_relay();
            }
            What::Connect => {
                let online = !world.devices[device].online;
                world.set_online(device, online);
            }
            What::Clock => {
                world.tally.clock_jumps += 1;
                world.devices[device].clock.ahead_ms += Swarm::jump(dice);
            }
            What::Rekey => {
                let kinds = [SpaceKind::Private, SpaceKind::Shared, SpaceKind::Shared];
                let kind = *dice.pick(&kinds);
                if world.devices[device].node.is_some() {
                    let done = world.renew_key(device, kind);
                    must_be_closed(done.err());
                }
            }
            What::Forget => world.forget(),
            What::Split | What::Freeze if world.shadow.is_some() => world.join_relay(),
            What::Split | What::Freeze => {
                let some = |_: &DeviceIndex| dice.one_in(2);
                let devices: BTreeSet<_> = world.honest().into_iter().filter(some).collect();
                world.split_relay(devices, what == What::Freeze);
            }
            What::RollBack if world.backup.is_some() => {
                world.roll_relay_back(dice.one_in(3));
            }
            What::RollBack => world.back_up_relay(),
            What::Restore => world.restore(device),
            What::Write | What::Grow | What::Lie | What::Clone | What::Crash => {}
        }
    }

    /// A person does something on a device; now and then the other one does too, before either hears of it.
    fn talk(&mut self, person: usize, device: DeviceIndex, dice: &mut Seeded) {
        self.write(person, device, dice);
        if dice.one_in(3) && !self.people[1 - person].is_empty() {
            let other = *dice.pick(&self.people[1 - person]);
            self.write(1 - person, other, dice);
        }
    }

    fn write(&mut self, person: usize, device: DeviceIndex, dice: &mut Seeded) {
        let world = &mut self.world;
        if world.devices[device].node.is_none() {
            return;
        }
        let Some(command) = world.next_command(device, dice) else { return };
        match world.execute(device, command) {
            Ok(_) if person == 0 => world.tally.edits_first += 1,
            Ok(_) => world.tally.edits_second += 1,
            Err(error) => {
                world.tally.refused += u64::from(error != Error::Storage);
                must_be_closed(Some(error));
            }
        }
    }
}

/// L2: what a person asks for succeeds, or is refused for one of the reasons that can be here.
pub(crate) fn must_be_closed(error: Option<Error>) {
    let known =
        matches!(error, None | Some(Error::NotAllowed { .. } | Error::Storage | Error::NotFound));
    assert!(known, "L2: {error:?}");
}

/// The next transaction of a device dies, somewhere.
fn plant(world: &mut World, device: DeviceIndex, dice: &mut Seeded) {
    let tables = [
        None,
        Some(Table::Meta),
        Some(Table::Control),
        Some(Table::Entries),
        Some(Table::Outbox),
        Some(Table::Places),
        Some(Table::Receipts),
        Some(Table::Intents),
    ];
    let table = *dice.pick(&tables);
    world.devices[device].disk.plant_crash(dice.one_in(2), table);
}
