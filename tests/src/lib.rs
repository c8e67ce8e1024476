//! What the suites share: the check of where code may live, hostile bytes made by hand, and the simulator.

pub mod act;
pub mod architecture;
pub mod bomb;
pub mod canary;
pub mod check;
pub mod couple;
pub mod device;
pub mod disk;
pub mod host;
pub mod liar;
pub mod meter;
pub mod network;
pub mod plan;
pub mod random;
pub mod raw_change;
pub mod run;
pub mod shrink;
pub mod step;
pub mod stranger;
pub mod swarm;
pub mod tally;
pub mod trace;
pub mod villain;
pub mod villain_control;
pub mod weather;
pub mod world;
