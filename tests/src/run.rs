//! One run: people and faults drawn from a seed, then healing, then quiet, then every invariant.

use crate::act::{text, word};
use crate::check::view;
use crate::couple::Meeting;
use crate::disk::STORES;
use crate::hostile::Partner;
use crate::plan::Plan;
use crate::random::Seeded;
use crate::shrink::{Failure, caught};
use crate::swarm::Swarm;
use crate::tally::Tally;
use crate::trace::Kind;
use crate::weather::Weather;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Answer, Command, Error, Whom};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Tries of a pairing before it must succeed; the last of them in fair weather.
const MEETINGS_MAX: u32 = 8;
/// Quiet must come within this time: a polite wait, and the longest backoff.
const QUIET: Duration = Duration::from_mins(15);
/// A hostile partner's last word comes after everybody could hear the others.
const LAST_WORD_AFTER: Duration = Duration::from_mins(3);
/// A scene is drawn for itself: whatever it draws, the rest stays as it is.
const SCENES: u64 = 0x5ce7e;
/// For longer than what names a missing entry waits for it.
const MONTH_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

thread_local! {
    /// Couples that paired in peace, by how many devices each of them has.
    static COUPLES: RefCell<BTreeMap<[usize; 2], Run>> = const { RefCell::new(BTreeMap::new()) };
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What happened.
    pub tally: Tally,
    /// A hash over every frame that arrived, every commit, every notice and all that devices show at the end, and how
    /// much it covers: equal for equal seeds.
    pub trace: ([u8; 32], u64),
}

/// A run that is under way.
#[derive(Debug)]
pub struct Run {
    pub(crate) world: World,
    /// Each person's devices, as far as their apps are ours.
    pub(crate) people: [Vec<DeviceIndex>; 2],
    /// The second person, if hostile.
    pub(crate) partner: Option<Partner>,
}

/// Runs a seed to its end.
///
/// # Errors
/// The invariant that does not hold.
pub fn run_seed(seed: u64, plan: &Plan) -> Result<Ended, Failure> {
    caught(seed, || run(seed, plan))
}

/// As [`run_seed`], but panics with the invariant that does not hold.
pub fn run(seed: u64, plan: &Plan) -> Ended {
    let swarm = Swarm::drawn(seed, plan);
    let mut dice = Seeded::new(!seed);
    let mut run = if swarm.from_nothing {
        let mut run = Run::strangers(seed, &mut dice);
        run.set_clocks(&mut dice);
        run.world.weather = swarm.weather;
        run.gather(swarm.devices, true, &mut dice);
        run
    } else {
        let mut run = Run::couple(seed, swarm.devices);
        run.set_clocks(&mut dice);
        run.world.weather = swarm.weather;
        if swarm.hostile {
            let phone = run.people[1].pop().expect("one phone");
            run.partner = Some(Partner::take_over(&mut run.world, phone));
        }
        run
    };
    for (number, step) in swarm.steps.iter().enumerate() {
        if plan.keeps(number) {
            run.world.tell(|| format!("step {number}: {step:?}"));
            run.step(*step);
        }
    }
    if let Some(scene) = swarm.scene {
        run.play(scene, &mut Seeded::new(seed ^ SCENES));
    }
    run.heal(swarm.new_relay, &mut dice);
    run.check(&mut dice);
    run.go_on(&mut dice);
    run.end(plan)
}

impl Run {
    /// Two people who do not know each other, with one device each.
    fn strangers(seed: u64, dice: &mut Seeded) -> Self {
        let mut world = World::new("sim", seed, Weather::FAIR);
        let people = [0, 1].map(|_| vec![world.person(&word(dice))]);
        world.heard = Some(Vec::new());
        Self { world, people, partner: None }
    }

    /// A couple with so many devices each. They paired once, in peace; a run starts from a copy of their disks.
    fn couple(seed: u64, devices: [usize; 2]) -> Self {
        COUPLES.with_borrow_mut(|couples| {
            let mut with = [1, 1];
            loop {
                if !couples.contains_key(&with) {
                    let made = Self::paired(with, couples);
                    couples.insert(with, made);
                }
                let Some(person) = (0..2).find(|person| with[*person] < devices[*person]) else {
                    return couples[&devices].fork(seed);
                };
                with[person] += 1;
            }
        })
    }

    /// A couple made from one that has a device less.
    fn paired(with: [usize; 2], couples: &BTreeMap<[usize; 2], Self>) -> Self {
        let mut dice = Seeded::new(0);
        let mut run = if with == [1, 1] {
            let mut run = Self::strangers(0, &mut dice);
            run.gather(with, false, &mut dice);
            run
        } else {
            let grown = usize::from(with[1] > 1);
            let mut before = with;
            before[grown] -= 1;
            let number = 10 * with[0] + with[1];
            let mut run = couples[&before].fork(number as u64);
            run.grow(grown, false, &mut dice);
            run
        };
        assert!(run.world.run_until_idle(QUIET), "a couple at rest");
        run
    }

    fn fork(&self, seed: u64) -> Self {
        let mut world = self.world.fork(seed);
        world.heard = Some(Vec::new());
        Self { world, people: self.people.clone(), partner: None }
    }

    fn set_clocks(&mut self, dice: &mut Seeded) {
        for device in &mut self.world.devices {
            device.clock = Swarm::clock(dice);
        }
    }

    /// The two pair, and their further devices join.
    fn gather(&mut self, devices: [usize; 2], in_weather: bool, dice: &mut Seeded) {
        let (inviter, joiner) = (self.people[0][0], self.people[1][0]);
        let meeting = Meeting { inviter, joiner, whom: Whom::Partner };
        self.bring_together(meeting, in_weather, dice);
        for (person, devices) in devices.into_iter().enumerate() {
            for _ in 1..devices {
                self.grow(person, in_weather, dice);
            }
        }
    }

    /// A further device of a person joins.
    pub(crate) fn grow(&mut self, person: usize, in_weather: bool, dice: &mut Seeded) {
        let inviter = *dice.pick(&self.people[person]);
        let full = self.people[person].len() >= crate::swarm::DEVICES_MAX;
        let keyless = self.partner.as_ref().is_some_and(Partner::withholds_the_key);
        if self.world.is_down(inviter) || full || keyless || self.world.shadow.is_some() {
            return;
        }
        let joiner = self.world.add_device(true);
        self.people[person].push(joiner);
        self.bring_together(Meeting { inviter, joiner, whom: Whom::Device }, in_weather, dice);
    }

    /// Pairs two devices, however often it is cut off. With faults at first, without at last.
    pub(crate) fn bring_together(&mut self, meeting: Meeting, faulty: bool, dice: &mut Seeded) {
        let weather = self.world.weather;
        for attempt in 0..MEETINGS_MAX {
            if attempt == MEETINGS_MAX / 2 {
                self.world.clear_up();
            }
            let fault = faulty && attempt < MEETINGS_MAX / 2 && dice.one_in(2);
            let at = if fault { dice.below(150) } else { u64::MAX };
            let which = dice.below(7);
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
                if self.world.is_down(device) {
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

    /// Faults end, everybody comes back, and all comes to rest.
    fn heal(&mut self, new_relay: bool, dice: &mut Seeded) {
        let world = &mut self.world;
        world.join_relay();
        world.clear_up();
        if new_relay {
            world.forget();
        }
        for device in world.honest() {
            world.devices[device].disk.mend();
            if world.is_down(device) {
                world.restart_checked(device);
            }
            world.set_online(device, true);
        }
        if let Some(partner) = &mut self.partner {
            // Everybody meets the lies before the last word.
            world.run_for(LAST_WORD_AFTER);
            partner.leave(world, dice);
        }
        self.be_quiet();
        if let Some(partner) = &mut self.partner {
            partner.listen(&mut self.world);
        }
        self.world.twisted = false;
    }

    /// Every promise.
    fn check(&mut self, dice: &mut Seeded) {
        self.world.check_all(dice);
        match &self.partner {
            Some(partner) => partner.check(&self.world),
            None => self.world.check_against_the_oracle(),
        }
    }

    /// L1: all comes to rest, within a bound of events that grows with what is missing.
    fn be_quiet(&mut self) {
        let (missing, from) = (self.missing(), self.world.events);
        let quiet = self.world.run_until_idle(QUIET);
        let used = self.world.events - from;
        assert!(quiet, "L1: not at rest after {used} events with {missing} missing");
        let bound = 10 * (missing + 100) + self.brought_back();
        assert!(used <= bound, "L1: {used} events for {missing} missing entries");
    }

    /// After a relay forgot, each device may bring all back under envelopes of its own before it hears of the others',
    /// and each of those goes to all.
    fn brought_back(&self) -> u64 {
        let mut events = 0;
        for shared in STORES.into_iter().filter(|_| self.world.host.wiped) {
            let groups = if shared { vec![self.people.concat()] } else { self.people.to_vec() };
            for group in groups {
                let of = |device: &DeviceIndex| self.world.devices[*device].disk.entries(shared);
                let all: BTreeSet<_> = group.iter().flat_map(of).collect();
                events += all.len() * group.len() * group.len();
            }
        }
        events as u64
    }

    /// Entries that some device lacks, and those that wait for the relay.
    fn missing(&self) -> u64 {
        let mut missing = 0;
        for shared in STORES {
            let groups = if shared { vec![self.people.concat()] } else { self.people.to_vec() };
            for group in groups {
                let of = |device: &DeviceIndex| self.world.devices[*device].disk.entries(shared);
                let held: Vec<_> = group.iter().map(of).collect();
                let all: BTreeSet<_> = held.iter().flatten().collect();
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
    fn go_on(&mut self, dice: &mut Seeded) {
        if self.partner.is_some() {
            self.world.devices.iter_mut().for_each(|it| it.clock.ahead_ms += MONTH_MS);
        }
        for device in self.world.honest() {
            let told = Event::Moment(Moment {
                at: self.world.now(device).at().expect("a time"),
                kind: MomentKind::Other,
                happened: None,
                who_did: WhoDid::Both,
                text: Some(text(dice)),
                felt: None,
            });
            let done = self.world.execute(device, Command::Tell(told));
            let refused = Err(Error::NotAllowed { rule: "device.copied" });
            let given_up = self.world.is_given_up(device) && done == refused;
            let works = matches!(done, Ok(Answer::Told(_))) || given_up;
            assert!(works, "L2: the next edit works: {done:?}");
        }
        self.be_quiet();
        self.world.check_quiet();
        match &self.partner {
            Some(partner) => partner.check_after_a_month(&self.world),
            None => self.world.check_against_the_oracle(),
        }
    }

    fn end(mut self, plan: &Plan) -> Ended {
        let world = &mut self.world;
        for (person, devices) in self.people.iter().enumerate().filter(|(_, of)| !of.is_empty()) {
            for report in world.node(devices[0]).session().report().expect("a report") {
                if person == 0 || report.kind == SpaceKind::Private {
                    world.tally.rekeys += u64::from(report.epoch);
                }
            }
        }
        world.tally.runs = 1;
        world.tally.lies = self.partner.as_ref().map_or(0, |partner| partner.lies.len() as u64);
        for device in world.honest() {
            let shown = view(world.node(device).session(), true);
            world.trace.note(Kind::View, &[shown.as_bytes()]);
        }
        let tally = world.tally.clone();
        // A run that ends early looks green. Much bad luck is no early end.
        let spoke = tally.edits() + tally.drafts > 0 || self.partner.is_some();
        let worked = spoke && tally.steps >= 40 && tally.delivered >= 2 && tally.frames >= 30;
        assert!(worked || plan.only.is_some(), "too little happened: {tally:?}");
        Ended { tally, trace: world.trace.sum() }
    }
}

/// A fault in the middle of a pairing.
fn disturb(world: &mut World, meeting: Meeting, which: u64) {
    let device = if which.is_multiple_of(2) { meeting.inviter } else { meeting.joiner };
    match which {
        0 | 1 => world.crash(device),
        2 | 3 => world.devices[device].disk.plant_crash(which == 2, None),
        4 => world.restart_relay(),
        5 => world.devices[device].disk.plant_file_crash(),
        _ => world.forget(),
    }
}

/// Whether a pairing came to what it was for.
pub(crate) fn joined(world: &World, meeting: Meeting) -> bool {
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
