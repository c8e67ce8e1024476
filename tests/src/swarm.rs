//! What a seed decides before anything happens: who, with what, in which weather, with which faults how often.
//!
//! The weights are drawn anew for each run: that finds more than fixed ones.

use crate::device::Clock;
use crate::plan::{Length, Plan};
use crate::random::Seeded;
use crate::scene::Scene;
use crate::step::{Step, What};
use crate::weather::Weather;

/// One seed in so many pairs from nothing, in the weather.
const FROM_NOTHING_ONE_IN: u64 = 10;
/// One mixed run in so many is long.
const LONG_ONE_IN: u64 = 20;
const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Devices a person may have in a run.
pub const DEVICES_MAX: usize = 5;

/// How a relay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayKind {
    /// It does what it should, and restarts now and then.
    Honest,
    /// It does not answer, or is not heard, again and again.
    Lossy,
    /// It forgets everything now and then.
    Amnesiac,
    /// It shows two logs.
    Forking,
    /// It shows some nothing new, and does not hear them.
    Freezing,
    /// It goes back to an old copy of its disk.
    RollingBack,
}

/// One run of so many ends with a scene, where all are honest.
const SCENE_ONE_IN: u64 = 8;
/// In one run of so many phones come back with an old disk, or run twice.
const COPIES_ONE_IN: u64 = 8;

/// What a seed decides.
#[derive(Debug, Clone)]
pub struct Swarm {
    /// Devices of each person at the start.
    pub devices: [usize; 2],
    /// They pair in the run, in its weather; otherwise they paired in peace.
    pub from_nothing: bool,
    /// The second person's phone says what no honest app says.
    pub hostile: bool,
    /// The relay.
    pub relay: RelayKind,
    /// Between the devices and the relay.
    pub weather: Weather,
    /// What happens, in this order.
    pub steps: Vec<Step>,
    /// What is played after that.
    pub scene: Option<Scene>,
    /// The relay has lost everything when healing begins.
    pub new_relay: bool,
}

impl Swarm {
    /// Draws it.
    pub fn drawn(seed: u64, plan: &Plan) -> Self {
        let mut dice = Seeded::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let from_nothing = seed.is_multiple_of(FROM_NOTHING_ONE_IN);
        let counts = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, DEVICES_MAX];
        let counts = if from_nothing { &counts[..8] } else { &counts };
        let mut devices = [0, 1].map(|_| *dice.pick(counts));
        let relay = match dice.below(100) {
            0..70 => RelayKind::Honest,
            70..80 => RelayKind::Lossy,
            80..88 => RelayKind::Amnesiac,
            88..92 => RelayKind::Forking,
            92..96 => RelayKind::Freezing,
            _ => RelayKind::RollingBack,
        };
        let mut weather = Weather::drawn(&mut dice);
        if relay == RelayKind::Lossy {
            weather.deaf_one_in = *dice.pick(&[30, 100, 400]);
        }
        // What a relay and a partner do together against somebody cannot always be seen.
        let alone = matches!(relay, RelayKind::Honest | RelayKind::Lossy);
        let hostile = dice.one_in(4) && !from_nothing && alone;
        if hostile {
            (devices[1], weather.commit_ms) = (1, 0);
        }
        let weights = Weights::drawn((relay, hostile), &mut dice);
        let long = match plan.length {
            Length::Mixed => dice.one_in(LONG_ONE_IN),
            Length::Short => false,
            Length::Long => true,
        };
        let count = if long { 80 + dice.below(320) } else { 40 + dice.below(20) };
        let steps = (0..count).map(|_| weights.step(&mut dice)).collect();
        let new_relay = relay == RelayKind::Amnesiac && dice.one_in(2);
        let here = dice.one_in(SCENE_ONE_IN) && !hostile;
        let apart = matches!(relay, RelayKind::Amnesiac) || (alone && dice.one_in(2));
        let scene = if apart { Scene::Apart } else { Scene::Race };
        let scene = here.then_some(scene);
        Self { devices, from_nothing, hostile, relay, weather, steps, scene, new_relay }
    }

    /// A clock at the start: right, a little off, or years away, and fast or slow.
    pub fn clock(dice: &mut Seeded) -> Clock {
        let off = [0, 0, 0, MINUTE_MS, -10 * MINUTE_MS, 3 * DAY_MS, -2 * DAY_MS, 500 * DAY_MS];
        let years = [-9 * 365 * DAY_MS, 40 * 365 * DAY_MS];
        let off = if dice.one_in(12) { dice.pick(&years) } else { dice.pick(&off) };
        let drift = [0, 0, 0, 200, -200, 20_000];
        Clock { ahead_ms: *off, drift_ppm: *dice.pick(&drift) }
    }

    /// By how much a clock jumps.
    pub fn jump(dice: &mut Seeded) -> i64 {
        let near = [-DAY_MS, -60 * MINUTE_MS, -1_000, 1_000, 60 * MINUTE_MS, 9 * DAY_MS];
        let years = [-3 * 365 * DAY_MS, 365 * DAY_MS, 5 * 365 * DAY_MS];
        *if dice.one_in(4) { dice.pick(&years) } else { dice.pick(&near) }
    }
}

/// How often each thing happens, out of the sum of all.
struct Weights(Vec<(What, u64)>);

impl Weights {
    fn drawn((relay, hostile): (RelayKind, bool), dice: &mut Seeded) -> Self {
        let copies = u64::from(dice.one_in(COPIES_ONE_IN) && !hostile);
        let mut drawn = |of: &[u64]| *dice.pick(of);
        let mut weights = vec![
            (What::Write, 40),
            (What::Crash, drawn(&[0, 2, 6])),
            (What::CrashInside, drawn(&[0, 3, 8])),
            (What::RestartRelay, drawn(&[0, 2, 5])),
            (What::Connect, drawn(&[0, 3, 10])),
            (What::Clock, drawn(&[0, 0, 2])),
            (What::Rekey, drawn(&[0, 0, 1, 3])),
            (What::Grow, drawn(&[0, 0, 0, 1])),
            (What::Lie, if hostile { drawn(&[5, 15]) } else { 0 }),
            (What::Restore, copies * drawn(&[0, 2, 4])),
            (What::Clone, copies * drawn(&[0, 1])),
        ];
        match relay {
            RelayKind::Honest | RelayKind::Lossy => {}
            RelayKind::Amnesiac => weights.push((What::Forget, drawn(&[1, 3]))),
            RelayKind::Forking => weights.push((What::Split, drawn(&[2, 4]))),
            RelayKind::Freezing => weights.push((What::Freeze, drawn(&[2, 4]))),
            RelayKind::RollingBack => weights.push((What::RollBack, drawn(&[2, 6]))),
        }
        Self(weights)
    }

    fn step(&self, dice: &mut Seeded) -> Step {
        let all = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = dice.below(all);
        let hit = |(_, weight): &&(What, u64)| {
            let hit = left < *weight;
            left = left.saturating_sub(*weight);
            hit
        };
        let what = self.0.iter().find(hit).map_or(What::Write, |(what, _)| *what);
        let pause_ms = match dice.below(20) {
            0 => 60_000 + dice.below(3_600_000),
            1..5 => dice.below(20_000),
            5..15 => dice.below(1_500),
            _ => 0,
        };
        Step { what, seed: u64::from_be_bytes(dice.array()), pause_ms }
    }
}
