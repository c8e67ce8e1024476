//! Hostile changes against the gate, row by row of the catalogue (B41 to B58), and random ones by the thousand.
//!
//! Each row is refused for its reason, alone, with less than 4 MiB allocated, and the next good change works.

mod bytes;
mod ops;
mod random;
mod target;
