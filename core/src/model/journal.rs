//! A journal entry: private, edited and deleted at will. It is a document; here are its fields and their bounds.

use super::permission::Rule;
use super::text::{Text, TextError};
use super::when::Zoned;

/// Characters in an entry.
pub const TEXT_MAX: usize = 20_000;
/// Characters in a title.
pub const TITLE_MAX: usize = 200;
/// Characters in a tag.
pub const TAG_MAX: usize = 40;
/// Tags on one entry.
pub const TAGS_MAX: usize = 16;

/// What a journal entry says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The time that it is about.
    pub at: Zoned,
    /// May be empty.
    pub title: Text<TITLE_MAX>,
    /// May be empty.
    pub text: Text<TEXT_MAX>,
    /// Without blanks around, none twice.
    pub tags: Vec<Text<TAG_MAX>>,
}

impl JournalEntry {
    /// Starts an entry with nothing but its time.
    pub fn new(at: Zoned) -> Self {
        Self { at, title: Text::default(), text: Text::default(), tags: Vec::new() }
    }

    /// Adds a tag; one that is there already stays once.
    ///
    /// # Errors
    /// [`TagError`] if it is too long, blank, or one too many.
    pub fn add_tag(&mut self, typed: &str) -> Result<(), TagError> {
        let tag = Text::new(typed.trim())?;
        if tag.is_blank() {
            return Err(TagError::Rule(Rule::WordsMissing));
        }
        if self.tags.contains(&tag) {
            return Ok(());
        }
        if self.tags.len() >= TAGS_MAX {
            return Err(TagError::Rule(Rule::TooMany));
        }
        self.tags.push(tag);
        Ok(())
    }
}

/// Why a tag is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Its text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Blank, or one too many.
    #[error(transparent)]
    Rule(#[from] Rule),
}

#[cfg(test)]
mod tests {
    use wire::time::Timestamp;

    use super::super::when::Zone;
    use super::*;

    #[test]
    fn a_tag_stands_once_and_sixteen_are_enough() {
        let at = Zoned::new(Timestamp::from_millis(0), Zone::utc()).unwrap();
        let mut entry = JournalEntry::new(at);
        for tag in 0..TAGS_MAX {
            entry.add_tag(&format!(" tag {tag} ")).unwrap();
        }
        assert_eq!(entry.add_tag("tag 3"), Ok(()));
        assert_eq!(entry.add_tag("one more"), Err(TagError::Rule(Rule::TooMany)));
        assert_eq!(entry.add_tag(" "), Err(TagError::Rule(Rule::WordsMissing)));
        assert_eq!(entry.tags.len(), TAGS_MAX);
    }
}
