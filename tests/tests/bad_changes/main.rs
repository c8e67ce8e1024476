//! Hostile changes against the gate beyond the table of bad inputs: what came before, bounds, and random ones by the
//! thousand.

mod bounds;
mod past;
mod random;
mod target;
