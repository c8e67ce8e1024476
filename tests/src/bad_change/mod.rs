//! Changes that no honest app writes, row by row of the catalogue of bad inputs: data for the table, for mutants of
//! them, and for the fuzz targets.

mod bytes;
mod cases;
mod ops;
pub mod target;

pub use cases::{Case, Cases, ROWS, cases};
