//! Documents through their public door: honest histories, and mutants of honest changes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may panic")]

mod device;
mod honest;
mod mutants;
