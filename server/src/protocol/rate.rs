//! Rates over time that is handed in: a bucket is one moment, the one at which it would be full again (GCRA).

use core::time::Duration;
use std::collections::BTreeMap;
use wire::time::Moment;

/// How often something may happen: `burst` at once, then `count` in each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u64,
    /// Over time.
    pub count: u64,
    /// In this time.
    pub every: Duration,
}

impl Rate {
    /// A rate.
    pub const fn new(burst: u64, count: u64, every: Duration) -> Self {
        Self { burst, count, every }
    }

    fn time_for(self, cost: u64) -> Duration {
        let nanos = self.every.as_nanos().saturating_mul(u128::from(cost));
        let nanos = nanos / u128::from(self.count.max(1));
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    }
}

/// What is left of one rate for one of its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    full_at: Moment,
}

impl Bucket {
    /// A full bucket.
    pub(super) const FULL: Self = Self { full_at: Moment::ORIGIN };

    /// Takes `cost`, at most a whole burst, or nothing.
    ///
    /// # Errors
    /// The time until it would be there.
    pub(super) fn take(&mut self, rate: Rate, cost: u64, now: Moment) -> Result<(), Duration> {
        let base = self.full_at.max(now);
        let full_at = base + rate.time_for(cost.min(rate.burst));
        let debt = full_at.since(now);
        let allowed = rate.time_for(rate.burst);
        if debt > allowed {
            return Err(debt.saturating_sub(allowed));
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Whether `cost` could be taken now.
    pub(super) fn has(mut self, rate: Rate, cost: u64, now: Moment) -> bool {
        self.take(rate, cost, now).is_ok()
    }

    /// Whether nothing is owed: a full bucket need not be kept.
    pub(super) fn is_full(self, now: Moment) -> bool {
        self.full_at <= now
    }
}

/// Buckets by user, bounded: full ones are forgotten.
#[derive(Debug)]
pub(super) struct Buckets<Key, const N: usize> {
    by_key: BTreeMap<Key, [Bucket; N]>,
    keys_max: usize,
}

impl<Key: Ord, const N: usize> Buckets<Key, N> {
    /// None yet; at most so many users at a time.
    pub(super) const fn new(keys_max: usize) -> Self {
        Self { by_key: BTreeMap::new(), keys_max }
    }

    /// Takes from bucket `which` of a user.
    ///
    /// # Errors
    /// The time until it would be there; a second when there are too many users to remember one more.
    pub(super) fn take(
        &mut self,
        key: Key,
        which: usize,
        rate: Rate,
        charge: (u64, Moment),
    ) -> Result<(), Duration> {
        let (cost, now) = charge;
        if self.by_key.len() >= self.keys_max && !self.by_key.contains_key(&key) {
            self.by_key.retain(|_, buckets| !buckets.iter().all(|bucket| bucket.is_full(now)));
            if self.by_key.len() >= self.keys_max {
                return Err(Duration::from_secs(1));
            }
        }
        let buckets = self.by_key.entry(key).or_insert([Bucket::FULL; N]);
        buckets.get_mut(which).map_or(Ok(()), |bucket| bucket.take(rate, cost, now))
    }

    /// Whether bucket `which` of a user holds one more.
    pub(super) fn has(&self, key: &Key, which: usize, rate: Rate, now: Moment) -> bool {
        let bucket = self.by_key.get(key).and_then(|buckets| buckets.get(which));
        bucket.is_none_or(|bucket| bucket.has(rate, 1, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate::new(10, 2, Duration::from_secs(1));

    fn at(millis: u64) -> Moment {
        Moment::after_origin(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate_holds() {
        let mut bucket = Bucket::FULL;
        for _ in 0..10 {
            assert_eq!(bucket.take(RATE, 1, at(0)), Ok(()));
        }
        assert_eq!(bucket.take(RATE, 1, at(0)), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(RATE, 1, at(499)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(RATE, 1, at(500)), Ok(()));
        assert!(!bucket.is_full(at(5_499)) && bucket.is_full(at(5_500)));
    }

    #[test]
    fn what_costs_more_than_a_burst_passes_from_a_full_bucket() {
        let mut bucket = Bucket::FULL;
        assert_eq!(bucket.take(RATE, 1_000, at(0)), Ok(()));
        assert!(bucket.take(RATE, 1, at(0)).is_err());
    }

    #[test]
    fn full_buckets_are_forgotten_when_there_are_too_many() {
        let mut buckets = Buckets::<u32, 1>::new(2);
        assert_eq!(buckets.take(1, 0, RATE, (1, at(0))), Ok(()));
        assert_eq!(buckets.take(2, 0, RATE, (1, at(0))), Ok(()));
        assert!(buckets.take(3, 0, RATE, (1, at(0))).is_err());
        assert_eq!(buckets.take(3, 0, RATE, (1, at(600))), Ok(()));
        assert_eq!(buckets.by_key.len(), 1);
    }

    proptest! {
        #[test]
        fn no_more_than_the_burst_and_the_rate_ever_passes(gaps in proptest::collection::vec(0_u64..400, 1..200)) {
            let (mut bucket, mut now, mut passed) = (Bucket::FULL, 0, 0_u64);
            for gap in gaps {
                now += gap;
                passed += u64::from(bucket.take(RATE, 1, at(now)).is_ok());
                prop_assert!(passed <= 10 + now * 2 / 1_000);
            }
        }
    }
}
