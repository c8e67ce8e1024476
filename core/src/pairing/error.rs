//! Why a pairing cannot begin, why it ended. Every end burns the invitation: a new one needs a new tap.

use super::invitation::Mode;

/// Why a text is not an invitation that can be taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not eight digits.
    #[error("The code has 8 digits.")]
    Digits,
    /// A code of something else, or one that was cut off or mistyped.
    #[error("This is not a Reknit invitation, or a part of it is missing.")]
    Foreign,
    /// Made by a version that this one does not know.
    #[error("This code was made by another version. Please update on both phones.")]
    Version,
    /// For a partner, and used to add an own device.
    #[error("This is a code for pairing a partner, not for adding your own phone.")]
    ForPartner,
    /// For an own device, and used to pair with a partner.
    #[error("This is a code for adding your own phone, not for pairing a partner.")]
    ForDevice,
}

impl InvitationError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Digits => "pair.form",
            Self::Foreign | Self::Version | Self::ForPartner | Self::ForDevice => "pair.qr",
        }
    }

    /// An invitation of this mode came where the other one was wanted.
    pub(super) const fn other_mode(found: Mode) -> Self {
        match found {
            Mode::Device => Self::ForDevice,
            Mode::Partner => Self::ForPartner,
        }
    }
}

/// Why a typed number was not taken. The person may type again, except after the third wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// Not six digits; does not count as a try.
    #[error("The number has 6 digits.")]
    Form,
    /// Another number than the other phone shows.
    #[error(
        "The numbers do not match. Someone may be in between, or a digit is wrong. Start again."
    )]
    Wrong {
        /// How many tries are left; at none the invitation is burned.
        left: u8,
    },
    /// No number is asked for.
    #[error("no number is asked for now")]
    NotAsked,
}

impl TypedError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "pair.number",
            Self::Wrong { .. } => "pair.sas",
            Self::NotAsked => "pair.step",
        }
    }
}

/// An answer to something that was not asked: a bug of the caller, nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pairing does not wait for this")]
pub struct NotAsked;

/// Why a pairing ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// Three wrong numbers.
    #[error("Too many wrong tries. Start again on the other phone.")]
    Tries,
    /// Ten minutes are over, or the relay knows no such invitation.
    #[error("This invitation is no longer there. Start again on the other phone.")]
    Expired,
    /// Somebody else answered, or wrote where only one of the two writes.
    #[error("This invitation was answered twice. Start again on the other phone.")]
    Used,
    /// The box is for the other use.
    #[error("This invitation is for another kind of pairing. Start again on the other phone.")]
    Mode,
    /// No common version.
    #[error("The two phones have no version in common. Please update on both phones.")]
    Version,
    /// Not our layout.
    #[error("A damaged message came. Start again on the other phone.")]
    Form,
    /// What came is not what was committed to, or not made with the secret of the invitation.
    #[error("Someone may be in between. Start again on the other phone.")]
    Mismatch,
    /// A key that proves nothing, or a proof of possession that does not fit.
    #[error("The other phone sent a key that is not valid. Start again.")]
    Key,
    /// Both sides have a key or a name in common.
    #[error("This invitation comes from this person's own phone.")]
    Mirror,
    /// A person here, or the program, gave it up.
    #[error("The pairing was stopped. Start again on the other phone.")]
    Stopped,
    /// The other phone said that it is over.
    #[error("The other phone ended the pairing. Start again on both phones.")]
    Left,
}

impl PairError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tries => "pair.burned",
            Self::Expired => "pair.expired",
            Self::Used => "pair.used",
            Self::Mode => "pair.qr",
            Self::Version => "pair.version",
            Self::Form | Self::Mismatch => "pair.mismatch",
            Self::Key => "pair.key",
            Self::Mirror => "pair.mirror",
            Self::Stopped => "pair.stopped",
            Self::Left => "pair.left",
        }
    }

    /// Whether the other side is told: unless it knows, or the box is gone or another's.
    pub(super) const fn is_told(self) -> bool {
        match self {
            Self::Tries
            | Self::Mode
            | Self::Version
            | Self::Form
            | Self::Mismatch
            | Self::Key
            | Self::Mirror
            | Self::Stopped => true,
            Self::Expired | Self::Used | Self::Left => false,
        }
    }
}
