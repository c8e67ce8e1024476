//! What may happen between the devices and the relay, drawn anew for each run.

use crate::random::Seeded;
use std::time::Duration;

/// How likely what is.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// The shortest way between a device and the relay, in milliseconds.
    pub delay_ms_min: u64,
    /// How much longer it may take.
    pub delay_ms_spread: u64,
    /// One dial in so many fails; never with 0.
    pub dial_fails_one_in: u64,
    /// One connection in so many is cut while it is used; never with 0.
    pub cut_one_in: u64,
    /// How long the relay's disk may take for a commit, and again until the relay knows of it.
    pub commit_ms: u64,
    /// How long the relay may believe in a connection whose device is gone.
    pub ghost_ms: u64,
    /// After one frame in so many nothing more of its stream arrives, although the connection stands; never with 0.
    pub deaf_one_in: u64,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self = Self {
        delay_ms_min: 5,
        delay_ms_spread: 0,
        dial_fails_one_in: 0,
        cut_one_in: 0,
        commit_ms: 0,
        ghost_ms: 0,
        deaf_one_in: 0,
    };

    /// Weights of their own for each run: that finds more than fixed ones.
    pub fn drawn(random: &mut Seeded) -> Self {
        Self {
            delay_ms_min: 1 + random.below(60),
            delay_ms_spread: random.below(400),
            dial_fails_one_in: *random.pick(&[0, 2, 5, 20]),
            cut_one_in: *random.pick(&[0, 1, 2, 4]),
            commit_ms: *random.pick(&[0, 5, 50, 500]),
            ghost_ms: *random.pick(&[0, 0, 2_000, 20_000]),
            deaf_one_in: 0,
        }
    }

    /// How long something takes now.
    pub fn delay(&self, random: &mut Seeded) -> Duration {
        Duration::from_millis(self.delay_ms_min + random.below(self.delay_ms_spread + 1))
    }

    /// Whether a dial fails.
    pub fn dial_fails(&self, random: &mut Seeded) -> bool {
        random.one_in(self.dial_fails_one_in)
    }

    /// After how long a new connection is cut, if it is.
    pub fn cut_after(&self, random: &mut Seeded) -> Option<Duration> {
        random.one_in(self.cut_one_in).then(|| Duration::from_millis(random.below(4_000)))
    }

    /// How long the relay's disk takes; none if it takes no time at all.
    pub fn commit(&self, random: &mut Seeded) -> Option<Duration> {
        (self.commit_ms > 0).then(|| Duration::from_millis(random.below(self.commit_ms)))
    }

    /// How long the relay does not notice that a device is gone.
    pub fn ghost(&self, random: &mut Seeded) -> Duration {
        Duration::from_millis(random.below(self.ghost_ms))
    }
}
