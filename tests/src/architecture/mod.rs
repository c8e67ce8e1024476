//! Where code may live and whom it may import, read from the sources themselves.
//!
//! ```text
//! tree (folders, cargo metadata) -> token (no comments, no strings) -> import (joined `use` trees, resolved) -> check
//! ```
//!
//! `tests/tests/architecture.rs` holds the table and runs it; a self-test there plants one breach of each rule.

mod check;
mod import;
#[cfg(test)]
mod planted;
mod rule;
mod token;
mod tree;

pub use check::check;
pub use rule::{Breach, Calm, PackageRule, Row, Rule};
pub use tree::{Package, Source, Tree};
