//! One run: people and faults drawn from a seed, then healing, then quiet, then every invariant.

use crate::act::{text, word};
use crate::check::view;
use crate::couple::Meeting;
use crate::disk::STORES;
use crate::random::Seeded;
use crate::tally::Tally;
use crate::weather::Weather;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Answer, Command, Error, Whom};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::store::Table;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::hash::sha256;

/// One seed in so many pairs from nothing, in the weather.
const FROM_NOTHING_ONE_IN: u64 = 10;
/// Tries of a pairing before it must succeed; the last of them in fair weather.
const MEETINGS_MAX: u32 = 8;
/// Quiet must come within this time: a polite wait, and the longest backoff.
const QUIET: Duration = Duration::from_mins(15);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Couples that paired in peace, by how many devices each of them has.
static COUPLES: Mutex<BTreeMap<[usize; 2], Run>> = Mutex::new(BTreeMap::new());

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// What happened.
    pub tally: Tally,
    /// SHA-256 over all that the relay heard and all that devices show: equal for equal seeds.
    pub trace: [u8; 32],
}

/// Faults of one run: how often each comes, out of all that happens.
#[derive(Debug, Clone, Copy)]
struct Faults {
    crash: u64,
    inside: u64,
    relay: u64,
    wipe: u64,
    offline: u64,
    clock: u64,
    rekey: u64,
    grow: u64,
}

/// A run that is under way.
#[derive(Debug)]
struct Run {
    world: World,
    dice: Seeded,
    /// Each person's devices.
    people: [Vec<DeviceIndex>; 2],
}

/// Runs a seed to its end. Panics with the invariant that does not hold.
pub fn run(seed: u64) -> Ended {
    let mut dice = Seeded::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let devices = [0, 1].map(|_| *dice.pick(&[1, 1, 1, 2, 2, 3]));
    let mut run = if seed.is_multiple_of(FROM_NOTHING_ONE_IN) {
        let mut run = Run::strangers(seed, dice);
        run.world.heard = Some(Vec::new());
        run.set_clocks();
        run.world.weather = Weather::drawn(&mut run.dice);
        run.gather(devices, true);
        run
    } else {
        Run::couple(seed, dice, devices)
    };
    run.live();
    run.heal();
    run.world.check_all(&mut run.dice);
    run.go_on();
    run.end()
}

impl Faults {
    fn drawn(dice: &mut Seeded) -> Self {
        Self {
            crash: *dice.pick(&[0, 2, 6]),
            inside: *dice.pick(&[0, 3, 8]),
            relay: *dice.pick(&[0, 2, 5]),
            wipe: *dice.pick(&[0, 0, 0, 1]),
            offline: *dice.pick(&[0, 3, 10]),
            clock: *dice.pick(&[0, 0, 2]),
            rekey: *dice.pick(&[0, 0, 1, 3]),
            grow: *dice.pick(&[0, 0, 0, 1]),
        }
    }
}

impl Run {
    /// Two people who do not know each other, with one device each.
    fn strangers(seed: u64, mut dice: Seeded) -> Self {
        let mut world = World::new("sim", seed, Weather::FAIR);
        let people = [0, 1].map(|_| vec![world.person(&word(&mut dice))]);
        Self { world, dice, people }
    }

    /// A couple with so many devices each. They paired once, in peace; a run starts from a copy of their disks.
    fn couple(seed: u64, dice: Seeded, devices: [usize; 2]) -> Self {
        let mut couples = COUPLES.lock().unwrap_or_else(PoisonError::into_inner);
        let paired = couples.entry(devices).or_insert_with(|| {
            let mut run = Self::strangers(0, Seeded::new(0));
            run.gather(devices, false);
            assert!(run.world.run_until_idle(QUIET), "a couple at rest");
            run
        });
        let world = paired.world.fork(seed);
        let mut run = Self { world, dice, people: paired.people.clone() };
        drop(couples);
        run.world.heard = Some(Vec::new());
        run.set_clocks();
        run
    }

    fn set_clocks(&mut self) {
        let ahead = [0, 0, 60_000, -600_000, 3 * DAY_MS, -2 * DAY_MS, 500 * DAY_MS];
        for device in &mut self.world.devices {
            device.clock_ahead_ms = *self.dice.pick(&ahead);
        }
    }

    /// The two pair, and their further devices join.
    fn gather(&mut self, devices: [usize; 2], in_weather: bool) {
        let (inviter, joiner) = (self.people[0][0], self.people[1][0]);
        self.bring_together(Meeting { inviter, joiner, whom: Whom::Partner }, in_weather);
        for (person, devices) in devices.into_iter().enumerate() {
            for _ in 1..devices {
                self.grow(person, in_weather);
            }
        }
    }

    /// A further device of a person joins.
    fn grow(&mut self, person: usize, in_weather: bool) {
        let inviter = *self.dice.pick(&self.people[person]);
        if self.world.devices[inviter].node.is_none() || self.people[person].len() >= 3 {
            return;
        }
        let joiner = self.world.add_device(true);
        self.people[person].push(joiner);
        self.bring_together(Meeting { inviter, joiner, whom: Whom::Device }, in_weather);
    }

    /// Pairs two devices, however often it is cut off. With faults at first, without at last.
    fn bring_together(&mut self, meeting: Meeting, faulty: bool) {
        let weather = self.world.weather;
        for attempt in 0..MEETINGS_MAX {
            if attempt >= MEETINGS_MAX / 2 {
                self.world.weather = Weather::FAIR;
            }
            let fault = faulty && attempt < MEETINGS_MAX / 2 && self.dice.one_in(2);
            let at = if fault { self.dice.below(150) } else { u64::MAX };
            let which = self.dice.below(7);
            let from = self.world.events;
            let mut pending = true;
            let met = self.world.meet(meeting, |world| {
                if pending && world.events - from >= at {
                    pending = false;
                    disturb(world, meeting, which);
                }
            });
            match met {
                Ok(_) | Err(Error::Storage) => {}
                // One of the two is in already, and the other is to hear of it.
                Err(error) => assert!(self.is_half_done(meeting), "L2: cannot pair: {error:?}"),
            }
            for device in [meeting.inviter, meeting.joiner] {
                self.world.devices[device].disk.mend();
                if self.world.devices[device].node.is_none() {
                    self.world.restart_checked(device);
                }
                self.world.set_online(device, true);
            }
            let joined =
                self.world.run_until(Duration::from_secs(90), |world| joined(world, meeting));
            if joined {
                self.world.weather = weather;
                return;
            }
        }
        panic!("L2: {meeting:?} does not succeed in fair weather");
    }

    /// Whether all of a pairing is on the disks that will lead to its end.
    fn is_half_done(&self, meeting: Meeting) -> bool {
        let of = |device: DeviceIndex| self.world.node(device).session();
        match meeting.whom {
            Whom::Device => of(meeting.joiner).has_private(),
            Whom::Partner => of(meeting.inviter).is_paired() || of(meeting.joiner).is_paired(),
        }
    }

    /// The active phase.
    fn live(&mut self) {
        self.world.weather = Weather::drawn(&mut self.dice);
        let faults = Faults::drawn(&mut self.dice);
        let steps = 25 + self.dice.below(50);
        for _ in 0..steps {
            self.step(&faults);
            let pause = match self.dice.below(20) {
                0 => 60_000 + self.dice.below(3_600_000),
                1..5 => self.dice.below(20_000),
                5..15 => self.dice.below(1_500),
                _ => 0,
            };
            self.world.run_for(Duration::from_millis(pause));
            for device in 0..self.world.devices.len() {
                if self.world.devices[device].node.is_none() && self.dice.one_in(3) {
                    self.world.restart_checked(device);
                }
            }
        }
    }

    fn step(&mut self, faults: &Faults) {
        let person = usize::try_from(self.dice.below(2)).expect("one of two");
        let device = *self.dice.pick(&self.people[person]);
        let mut left = self.dice.below(60);
        let mut falls = |weight: u64| {
            let hit = left < weight;
            left = left.saturating_sub(weight);
            hit
        };
        let [crash, inside, relay, wipe] =
            [faults.crash, faults.inside, faults.relay, faults.wipe].map(&mut falls);
        let [offline, clock, rekey, grow] =
            [faults.offline, faults.clock, faults.rekey, faults.grow].map(&mut falls);
        if crash {
            if self.world.devices[device].node.is_some() {
                self.world.crash(device);
            }
        } else if inside {
            plant(&mut self.world, device, &mut self.dice);
        } else if relay {
            let awaited = self.dice.one_in(2);
            self.world
                .run_until(Duration::from_secs(2), |world| !awaited || world.relay_awaits_commit());
            self.world.restart_relay();
        } else if wipe {
            self.world.wipe_level_relay();
        } else if offline {
            let online = !self.world.devices[device].online;
            self.world.set_online(device, online);
        } else if clock {
            self.world.tally.clock_jumps += 1;
            let by = *self.dice.pick(&[-DAY_MS, -3_600_000, -1_000, 1_000, 3_600_000, 9 * DAY_MS]);
            self.world.devices[device].clock_ahead_ms += by;
        } else if rekey {
            let kind = *self.dice.pick(&[SpaceKind::Private, SpaceKind::Shared, SpaceKind::Shared]);
            if self.world.devices[device].node.is_some() {
                let done = self.world.renew_key(device, kind);
                must_be_closed(done.err());
            }
        } else if grow {
            self.grow(person, true);
        } else {
            self.write(person, device);
            if self.dice.one_in(3) {
                let other = *self.dice.pick(&self.people[1 - person]);
                self.write(1 - person, other);
            }
        }
    }

    /// A person does something on a device, if it runs.
    fn write(&mut self, person: usize, device: DeviceIndex) {
        if self.world.devices[device].node.is_none() {
            return;
        }
        let Some(command) = self.world.next_command(device, &mut self.dice) else { return };
        match self.world.execute(device, command) {
            Ok(_) => self.world.tally.edits[person] += 1,
            Err(error) => {
                self.world.tally.refused += u64::from(error != Error::Storage);
                must_be_closed(Some(error));
            }
        }
    }

    /// Faults end, everybody comes back, and all comes to rest.
    fn heal(&mut self) {
        self.world.weather = Weather::FAIR;
        for device in 0..self.world.devices.len() {
            self.world.devices[device].disk.mend();
            if self.world.devices[device].node.is_none() {
                self.world.restart_checked(device);
            }
            self.world.set_online(device, true);
        }
        self.be_quiet();
    }

    /// L1: all comes to rest, within a bound of events that grows with what is missing.
    fn be_quiet(&mut self) {
        let (missing, from) = (self.missing(), self.world.events);
        let quiet = self.world.run_until_idle(QUIET);
        let used = self.world.events - from;
        assert!(quiet, "L1: not at rest after {used} events with {missing} missing");
        assert!(used <= 10 * (missing + 100), "L1: {used} events for {missing} missing entries");
    }

    /// Entries that some device lacks, and those that wait for the relay.
    fn missing(&self) -> u64 {
        let mut missing = 0;
        for shared in STORES {
            let groups = if shared { vec![self.people.concat()] } else { self.people.to_vec() };
            for group in groups {
                let of = |device: &DeviceIndex| self.world.devices[*device].disk.entries(shared);
                let held: Vec<_> = group.iter().map(of).collect();
                let all: std::collections::BTreeSet<_> = held.iter().flatten().collect();
                missing += held.iter().map(|one| all.len() - one.len()).sum::<usize>();
                let queued = |device: &DeviceIndex| self.world.devices[*device].disk.outbox(shared);
                missing += group.iter().map(|device| queued(device).len()).sum::<usize>();
                if self.world.host.wiped {
                    missing += all.len() * group.len();
                }
            }
        }
        missing as u64
    }

    /// L2: whatever happened, the next thing said on each device reaches all.
    fn go_on(&mut self) {
        for device in 0..self.world.devices.len() {
            let told = Event::Moment(Moment {
                at: self.world.now(device).at().expect("a time"),
                kind: MomentKind::Other,
                happened: None,
                who_did: WhoDid::Both,
                text: Some(text(&mut self.dice)),
                felt: None,
            });
            let done = self.world.execute(device, Command::Tell(told));
            assert!(matches!(done, Ok(Answer::Told(_))), "L2: the next edit works: {done:?}");
        }
        self.be_quiet();
        self.world.check_quiet();
    }

    fn end(mut self) -> Ended {
        let world = &mut self.world;
        for (person, devices) in self.people.iter().enumerate() {
            for report in world.node(devices[0]).session().report().expect("a report") {
                if person == 0 || report.kind == SpaceKind::Private {
                    world.tally.rekeys += u64::from(report.epoch);
                }
            }
        }
        world.tally.runs = 1;
        let views: Vec<String> = (0..world.devices.len())
            .map(|device| view(world.node(device).session(), true))
            .collect();
        let heard = world.heard.iter().flatten().map(Vec::as_slice);
        let parts: Vec<&[u8]> = heard.chain(views.iter().map(String::as_bytes)).collect();
        Ended { tally: world.tally, trace: sha256(&parts) }
    }
}

/// L2: what a person asks for succeeds, or is refused for one of the reasons that can be here.
fn must_be_closed(error: Option<Error>) {
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

/// A fault in the middle of a pairing.
fn disturb(world: &mut World, meeting: Meeting, which: u64) {
    let device = if which.is_multiple_of(2) { meeting.inviter } else { meeting.joiner };
    match which {
        0 | 1 => world.crash(device),
        2 | 3 => world.devices[device].disk.plant_crash(which == 2, None),
        4 => world.restart_relay(),
        5 => world.devices[device].disk.plant_file_crash(),
        _ => world.wipe_level_relay(),
    }
}

/// Whether a pairing came to what it was for.
fn joined(world: &World, meeting: Meeting) -> bool {
    let session = |device: DeviceIndex| {
        world.devices[device].node.as_ref().map(reknit_core::client::Node::session)
    };
    let (Some(inviter), Some(joiner)) = (session(meeting.inviter), session(meeting.joiner)) else {
        return false;
    };
    let both = inviter.is_paired() && joiner.is_paired();
    match meeting.whom {
        Whom::Partner => both,
        Whom::Device => {
            let reports = joiner.report().expect("a report");
            let kinds = 1 + usize::from(inviter.is_paired());
            reports.len() == kinds && reports.iter().all(|report| report.member)
        }
    }
}
