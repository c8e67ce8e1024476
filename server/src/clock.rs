//! The only place of the relay that reads the clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wire::time::{Moment, Timestamp};

use crate::protocol::Now;

/// The two clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts the clock of timers at its origin.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// For timers.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub(crate) fn moment(self) -> Moment {
        Moment::after_origin(Instant::now().saturating_duration_since(self.origin))
    }

    /// Both clocks: the second for what is signed.
    pub(crate) fn now(self) -> Now {
        Now { moment: self.moment(), timestamp: wall() }
    }
}

/// Milliseconds since 1970; before it, 0.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn wall() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
