//! What the suites share: hostile bytes made by hand, and the simulator.

pub mod bomb;
pub mod couple;
pub mod random;
pub mod raw_change;
pub mod weather;
pub mod world;
