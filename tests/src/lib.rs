//! What the suites share: the check of where code may live, hostile bytes made by hand, and the simulator.

pub mod architecture;
pub mod bomb;
pub mod canary;
pub mod couple;
pub mod meter;
pub mod random;
pub mod raw_change;
pub mod stranger;
mod traffic;
pub mod villain;
pub mod villain_control;
pub mod weather;
pub mod world;
