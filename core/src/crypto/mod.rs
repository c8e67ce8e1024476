//! Keys; seal and open; sign and verify.

mod random;

pub use random::{Random, draw};
