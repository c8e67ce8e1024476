//! When to try again: full jitter, so that many clients of one relay do not come back at once.

use core::time::Duration;

use wire::time::Moment;

/// The first wait is drawn from zero to this. Doubles with each failure.
pub(super) const WAIT_FIRST: Duration = Duration::from_secs(1);
/// No wait is longer: with full jitter, 100,000 clients then make about 700 dials/s at a relay that is down.
pub(super) const WAIT_MAX: Duration = Duration::from_mins(5);
/// After a good connection with nothing to do ended without a word, the first wait has up to this more: a relay
/// that died is noticed by all its clients within one keep-alive of theirs.
pub(super) const LOST_SPREAD: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a good one: the next wait starts small again.
pub(super) const GOOD_AFTER: Duration = Duration::from_mins(1);

/// `SplitMix64`: waits need spread, not secrecy.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform from zero to `most`, in milliseconds, both ends included.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        let span = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        Duration::from_millis(self.next() % span)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// One thing that can fail and is tried again.
#[derive(Clone, Debug, Default)]
pub(super) struct Retry {
    attempt: u32,
    until: Option<Moment>,
}

impl Retry {
    /// Nothing failed yet.
    pub(super) const NEW: Self = Self { attempt: 0, until: None };

    /// It failed: wait `at_least`, and a random time that grows with each failure in a row.
    pub(super) fn failed(
        &mut self,
        now: Moment,
        at_least: Duration,
        jitter: &mut Jitter,
    ) -> Moment {
        let most = WAIT_FIRST.saturating_mul(1_u32 << self.attempt.min(16)).min(WAIT_MAX);
        self.attempt = self.attempt.saturating_add(1);
        let until = now + at_least.min(WAIT_MAX) + jitter.up_to(most);
        self.until = Some(until);
        until
    }

    /// It worked, or someone asked: the next wait is short again, and this one is over.
    pub(super) const fn reset(&mut self) {
        *self = Self::NEW;
    }

    /// Whether it may be tried.
    pub(super) fn is_ready(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    /// When it may be tried again, if that is still to come.
    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_its_cap(seed: u64, failures in 1_usize..64) {
            let (mut jitter, mut retry, now) = (Jitter::new(seed), Retry::default(), Moment::ORIGIN);
            for failure in 0..failures {
                let cap = WAIT_FIRST.saturating_mul(1 << failure.min(16)).min(WAIT_MAX);
                prop_assert!(retry.failed(now, Duration::ZERO, &mut jitter).since(now) <= cap);
            }
            retry.reset();
            prop_assert!(retry.is_ready(now));
            prop_assert!(retry.failed(now, Duration::ZERO, &mut jitter).since(now) <= WAIT_FIRST);
        }

        #[test]
        fn a_relay_cannot_ask_for_more_than_twice_the_longest_wait(seed: u64, seconds: u64) {
            let mut retry = Retry::default();
            let until = retry.failed(Moment::ORIGIN, Duration::from_secs(seconds), &mut Jitter::new(seed));
            prop_assert!(until.since(Moment::ORIGIN) <= WAIT_MAX + WAIT_FIRST);
        }
    }

    #[test]
    fn waits_of_a_thousand_clients_are_spread() {
        let mut buckets = [0_u32; 60];
        for seed in 0..1_000 {
            let wait = Jitter::new(seed).up_to(Duration::from_millis(59_999));
            buckets[usize::try_from(wait.as_secs()).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|bucket| *bucket <= 50), "no second holds more than 5 %");
    }
}
