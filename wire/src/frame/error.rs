//! Why bytes are not a frame.

use crate::codec::DecodeError;
use crate::refusal::{Reason, Refusal};

/// Why bytes are not a frame. After any of these the stream is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is above the bound of the type.
    #[error("Message larger than 1 MiB. Connection closed.")]
    TooBig,
    /// The frame, or the stream in the middle of one, ended early.
    #[error("Message ended early.")]
    Short,
    /// Bytes are left over in the body.
    #[error("Unexpected extra bytes.")]
    Trailing,
    /// An unknown type that must not be skipped, or a value that only a newer version knows.
    #[error("This needs a newer version of the app.")]
    Version,
    /// A value that could be written in another way, or is not one of a closed list.
    #[error("Message not in standard form.")]
    Form,
    /// A list is longer than allowed.
    #[error("List longer than allowed.")]
    Count,
}

impl FrameError {
    /// The reason that the relay gives for it.
    pub const fn reason(self) -> Reason {
        match self {
            Self::TooBig => Reason::WireTooBig,
            Self::Short => Reason::WireShort,
            Self::Trailing => Reason::WireTrailing,
            Self::Version => Reason::WireVersion,
            Self::Form => Reason::WireForm,
            Self::Count => Reason::WireCount,
        }
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        self.reason().code()
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        Self::plain(error.reason())
    }
}

impl From<DecodeError> for FrameError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Short => Self::Short,
            DecodeError::Trailing => Self::Trailing,
            DecodeError::Count { max: _ } => Self::Count,
            DecodeError::Form => Self::Form,
            DecodeError::Version => Self::Version,
        }
    }
}
