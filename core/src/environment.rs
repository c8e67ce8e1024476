//! The only place that reads the clock and draws randomness.

use crate::crypto::Random;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wire::time::{Moment, Timestamp};

/// The operating system's random source.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// If the operating system has no randomness: nothing safe can be done then.
    fn fill(&mut self, out: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "without randomness no key may be made")]
        getrandom::fill(out).expect("the operating system gives randomness");
    }
}

/// The two clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Starts the clock of timers at its origin.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// For timers.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn moment(&self) -> Moment {
        Moment::after_origin(Instant::now().saturating_duration_since(self.origin))
    }

    /// For data. Before 1970 it is 1970.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn timestamp(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}
