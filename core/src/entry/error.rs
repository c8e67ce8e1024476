//! Why an entry is refused.

use wire::codec::DecodeError;

/// Why bytes are not an entry that may stand in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The layout does not hold.
    #[error("Damaged message.")]
    Form,
    /// Made under a version or with flags that this program does not know. Kept, not dropped.
    #[error("Made by a newer app. Please update.")]
    Version,
    /// The signature is wrong, or its device is not in at the control head that the entry names.
    #[error("A message with a wrong sender was set aside.")]
    Author,
    /// The number in the chain is impossible, or skips one.
    #[error("Part of the history is missing.")]
    Gap,
    /// The link to the entry before is impossible.
    #[error("Damaged history link.")]
    Chain,
    /// The list of what the author had seen is impossible.
    #[error("Damaged message.")]
    Frontier,
    /// The payload is not the one that was signed.
    #[error("Damaged message.")]
    Hash,
}

impl EntryError {
    pub(super) const ALL: [Self; 7] = [
        Self::Form,
        Self::Version,
        Self::Author,
        Self::Gap,
        Self::Chain,
        Self::Frontier,
        Self::Hash,
    ];

    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "entry.form",
            Self::Version => "entry.version",
            Self::Author => "entry.author",
            Self::Gap => "entry.gap",
            Self::Chain => "entry.chain",
            Self::Frontier => "entry.frontier",
            Self::Hash => "entry.hash",
        }
    }

    /// What a person reads.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Form | Self::Frontier | Self::Hash => "Damaged message.",
            Self::Version => "Made by a newer app. Please update.",
            Self::Author => "A message with a wrong sender was set aside.",
            Self::Gap => "Part of the history is missing.",
            Self::Chain => "Damaged history link.",
        }
    }

    /// The number that a stored incident holds.
    pub(super) const fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn from_number(number: u8) -> Result<Self, DecodeError> {
        Self::ALL.get(usize::from(number)).copied().ok_or(DecodeError::Form)
    }
}

impl From<DecodeError> for EntryError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Version => Self::Version,
            DecodeError::Short
            | DecodeError::Trailing
            | DecodeError::Count { max: _ }
            | DecodeError::Form => Self::Form,
        }
    }
}
