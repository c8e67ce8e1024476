//! Bounds of the gate: the same on every device, so that all refuse alike.

/// A change alone: what one entry can carry.
pub const CHANGE_BYTES_MAX: usize = wire::limit::ENTRY_BYTES_MAX;
/// Values in any one column of a change, counted from the run lengths before anything is expanded.
pub const OPS_PER_CHANGE_MAX: u64 = 65_536;
/// Operations of all changes that one entry brings for one document. An edit always fits into one entry.
pub const OPS_PER_ENTRY_MAX: u64 = 131_072;
/// Changes that one entry brings for one document.
pub const CHANGES_PER_ENTRY_MAX: usize = 1_024;
/// Changes that one device may write into one document, over all time: a change a minute for twenty days and nights.
pub const CHANGES_PER_AUTHOR_MAX: u64 = 32_768;
/// Operations that one device may write into one document, over all time: a full share is taken in with less than
/// 128 MiB, and honest texts, of some thousand characters, are written anew many times within it.
pub const OPS_PER_AUTHOR_MAX: u64 = 262_144;
/// The bytes of those changes: what a phone can open at once.
pub const BYTES_PER_AUTHOR_MAX: u64 = 16 * 1_024 * 1_024;
/// Operations that our own edits put into one change: below what the gate takes, with room for the other fields.
pub const OPS_PER_EDIT_MAX: usize = 60_000;
/// Operations on map keys in one change. Our documents have a handful of fields and at most 256 tags.
pub(super) const MAP_OPS_PER_CHANGE_MAX: usize = 4_096;
/// Columns a change may name; fourteen are known.
pub(super) const COLUMNS_MAX: u64 = 32;
/// Changes that a change names as seen.
pub(super) const DEPS_MAX: u64 = 64;
/// Other actors that the operations of a change name.
pub(super) const ACTORS_MAX: u64 = 64;
/// Bytes of a map key.
pub(super) const KEY_BYTES_MAX: usize = 256;
/// The highest operation counter: Automerge counts in 32 bits and panics at the end of them.
pub(super) const OP_COUNTER_MAX: u64 = 1 << 31;
/// How deep maps may stand in each other; our documents need two levels.
pub(super) const DEPTH_MAX: u8 = 16;
/// Tags on one record.
pub(super) const TAGS_MAX: usize = 256;
/// Characters of a text: above every limit of the product; all of them replaced at once still fit into one entry.
pub const TEXT_CHARS_MAX: usize = 64_000;
/// Characters of a title.
pub const TITLE_CHARS_MAX: usize = 500;
/// The stack under Automerge: some of its code is recursive.
pub(super) const STACK_BYTES: usize = 8 * 1024 * 1024;
