//! What is still being written: one Automerge document per draft or joint text, and the gate before it.
//!
//! ```text
//! raw change -> scan (bytes) -> gate (header) -> op check (each operation) -> disposable copy -> swap
//! ```
//!
//! Invariants: Automerge sees no foreign byte that has not passed the scan, the gate and the op check; what is
//! refused depends only on a change and its own causal past, so every device refuses the same; a document that
//! Automerge panicked on is dropped, never used again; no Automerge type leaves this folder.

mod change;
mod column;
mod diff;
#[expect(clippy::module_inception, reason = "the type gives the folder its name")]
mod document;
mod edit;
mod error;
mod gate;
mod guard;
mod index;
mod leb;
mod limit;
mod merge;
mod op_check;
mod saved;
mod scan;
mod scan_ops;
mod schema;

pub use change::{ActorId, Incoming, Place, change_hash};
pub use diff::rebased;
pub use document::{Document, Merged};
pub use edit::Edit;
pub use error::{EditError, LoadError, Refused, Starved};
pub use gate::{check_bytes, count_ops};
pub use limit::{
    BYTES_PER_AUTHOR_MAX, CHANGE_BYTES_MAX, CHANGES_PER_AUTHOR_MAX, CHANGES_PER_ENTRY_MAX,
    OPS_PER_AUTHOR_MAX, OPS_PER_CHANGE_MAX, OPS_PER_EDIT_MAX, OPS_PER_ENTRY_MAX, TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
};
pub use schema::{DocumentKind, Fields};
