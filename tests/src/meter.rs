//! What a turn of a device costs in memory, as whoever owns the allocator counts it.

use crate::world::DeviceIndex;
use std::collections::BTreeMap;

/// Measures each turn.
#[derive(Debug)]
pub struct Meter {
    /// Called before a turn.
    pub start: fn(),
    /// Called after it: the most bytes that were held above what was held before.
    pub stop: fn() -> usize,
    /// The dearest turn of each device.
    pub worst: BTreeMap<DeviceIndex, usize>,
}

impl Meter {
    /// Nothing measured yet.
    pub const fn new(start: fn(), stop: fn() -> usize) -> Self {
        Self { start, stop, worst: BTreeMap::new() }
    }

    pub(crate) fn measure<T>(&mut self, device: DeviceIndex, act: impl FnOnce() -> T) -> T {
        (self.start)();
        let done = act();
        let spent = (self.stop)();
        let worst = self.worst.entry(device).or_default();
        *worst = spent.max(*worst);
        done
    }
}
