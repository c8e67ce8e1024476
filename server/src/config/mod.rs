//! What an operator chooses: defaults, then a file, then the environment, then flags, to one valid `Config`.
//!
//! Every setting stands once, in `settings.rs`; the three sources, `--help` and the example file come from there.
//! A value that cannot be right stops the start with a sentence that names the line and the range.

mod error;
mod load;
mod settings;
mod value;

pub use error::{ConfigError, Place, Problem, Shown};
pub use load::{Sources, command, load, matched};
pub use settings::{Config, Kind, LogFormat, LogLevel, SETTINGS, Setting};
pub use value::Quantity;
