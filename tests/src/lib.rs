//! What the suites share: the check of where code may live, hostile bytes made by hand, and the simulator.

pub mod act;
pub mod architecture;
pub mod bomb;
pub mod canary;
pub mod check;
pub mod couple;
pub mod disk;
pub mod host;
pub mod meter;
pub mod network;
pub mod random;
pub mod raw_change;
pub mod run;
pub mod stranger;
pub mod tally;
pub mod villain;
pub mod villain_control;
pub mod weather;
pub mod world;
