//! Where a kill strikes: drawn, and drawn again the same from the printed seed.

use std::thread::sleep;
use std::time::Duration;

/// `SplitMix64`.
pub(crate) struct Chance(u64);

impl Chance {
    /// From `REKNIT_SEED`, else from the system; told with the figures.
    pub(crate) fn new(phase: &str) -> Self {
        let chosen = std::env::var("REKNIT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = chosen.unwrap_or_else(|| u64::from(std::process::id()));
        Self(phase.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte)))
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// Lets a drawn time pass: where in the middle of its work the victim is when it is over.
    pub(crate) fn pause(&mut self, most: Duration) {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        sleep(Duration::from_micros(self.below(most)));
    }
}
