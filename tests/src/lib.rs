//! What the suites share: hostile bytes made by hand, and the simulator.

pub mod bomb;
pub mod raw_change;
