//! An agreement both edit: a document in the shared space; here are its fields and their bounds. Signing comes later.

use super::text::Text;

/// Characters in a title.
pub const TITLE_MAX: usize = 120;
/// Characters in the text.
pub const TEXT_MAX: usize = 20_000;

/// What an agreement says at the moment, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// May be empty.
    pub title: Text<TITLE_MAX>,
    /// May be empty.
    pub text: Text<TEXT_MAX>,
}
