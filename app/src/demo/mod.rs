//! The main job, told while it happens: two people, three devices, a blind relay, on this machine, over real QUIC.
//!
//! `story` is what the people do, `cast` the devices and how they meet, `proof` what must hold afterwards. Anything
//! that does not hold ends the demo with an error.

mod cast;
mod proof;
mod scan;
mod story;

pub(crate) use story::run;
