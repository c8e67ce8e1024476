//! What the fuzz targets do with bytes: each a function, so that the stable compiler runs it too, over the seeds.

mod decode_entry;
mod decode_frame;
mod fold_op;
mod gate_change;
mod open_envelope;
mod relay_session;
mod target;

pub use decode_entry::decode_entry;
pub use decode_frame::decode_frame;
pub use fold_op::fold_op;
pub use gate_change::gate_change;
pub use open_envelope::open_envelope;
pub use relay_session::{Session, Step, relay_session};
pub use target::{TARGETS, Target, seeds};
