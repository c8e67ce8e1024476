//! What an app can do about a failure. No free text: it could carry a diary.

use crate::crypto::UnlockError;
use crate::document::{EditError, Starved};
use crate::entry::DraftError;
use crate::store::{LockError, StoreError};
use wire::codec::DecodeError;
use wire::refusal::Refusal;

/// Why a command did not happen. Nothing of it is half-done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No vault is at this place.
    #[error("there is nothing here yet: run `init` or `join` first")]
    NoVault,
    /// A vault, or something else, is at this place already.
    #[error("something is here already; it was not touched")]
    Exists,
    /// The secret does not open the vault.
    #[error("this secret does not open it")]
    WrongSecret,
    /// Another process keeps the vault.
    #[error("another program is using this vault; try again in a moment")]
    Busy,
    /// A field is outside its bounds; `rule` is the stable code of the bound.
    #[error("{field} is not accepted ({rule})")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The stable code.
        rule: &'static str,
    },
    /// The command is not for this person, or not in this state; `rule` names the rule.
    #[error("that is not possible here ({rule})")]
    NotAllowed {
        /// The stable code.
        rule: &'static str,
    },
    /// No record or document of this name.
    #[error("nothing of that name is here")]
    NotFound,
    /// More than one record or document begins with these letters.
    #[error("more than one thing begins with these letters; use more of them")]
    Ambiguous,
    /// There is no shared space: the partner has not joined.
    #[error("your partner is not here yet: run `invite --partner`")]
    NotPaired,
    /// A relay is needed, and none is set.
    #[error("no relay is set: run `use-relay`")]
    NoRelay,
    /// The relay said no.
    #[error("the relay refused: {}", .0.sentence())]
    Refused(Refusal),
    /// Pairing ended without effect; `code` says why.
    #[error("pairing ended ({code})")]
    Pairing {
        /// The stable code.
        code: &'static str,
    },
    /// Written by a newer version.
    #[error("made by a newer version of this program; please update")]
    NeedsUpgrade,
    /// The disk is full or failed; nothing was changed.
    #[error("this device's storage refused the change; nothing was changed")]
    Storage,
    /// The system has too little memory at the moment; nothing was changed, and it is tried again.
    #[error(
        "this device has too little memory at the moment; nothing was changed, please try again"
    )]
    Memory,
    /// What is on disk is not what was written; `code` says which part.
    #[error("what is stored here is damaged ({code}); it was not touched")]
    Damaged {
        /// The stable code.
        code: &'static str,
    },
}

impl Error {
    /// The stable code, for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoVault => "vault.none",
            Self::Exists => "vault.exists",
            Self::WrongSecret => "vault.secret",
            Self::Busy => "vault.busy",
            Self::Invalid { rule, .. } | Self::NotAllowed { rule } => rule,
            Self::NotFound => "id.unknown",
            Self::Ambiguous => "id.ambiguous",
            Self::NotPaired => "pair.none",
            Self::NoRelay => "relay.none",
            Self::Refused(refusal) => refusal.reason.code(),
            Self::Pairing { code } | Self::Damaged { code } => code,
            Self::NeedsUpgrade => "version",
            Self::Storage => "store.failed",
            Self::Memory => "device.memory",
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer { .. } => Self::NeedsUpgrade,
            StoreError::Busy => Self::Busy,
            StoreError::Exists => Self::Exists,
            StoreError::Damaged | StoreError::Foreign => Self::Damaged { code: "store.damaged" },
            StoreError::Crowded => Self::Damaged { code: "store.crowded" },
            StoreError::Absent => Self::Damaged { code: "store.missing" },
            StoreError::Full | StoreError::Disk | StoreError::Poisoned | StoreError::Engine => {
                Self::Storage
            }
        }
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Busy => Self::Busy,
            LockError::Absent => Self::NoVault,
            LockError::Disk => Self::Storage,
        }
    }
}

impl From<UnlockError> for Error {
    fn from(error: UnlockError) -> Self {
        match error {
            UnlockError::Secret(secret) => Self::Invalid { field: "secret", rule: secret.code() },
            UnlockError::WrongSecret => Self::WrongSecret,
            UnlockError::Version => Self::NeedsUpgrade,
            UnlockError::Parameters => Self::Damaged { code: "import.parameters" },
            UnlockError::Memory => Self::Memory,
            UnlockError::Partial | UnlockError::Damaged => Self::Damaged { code: "vault.keys" },
        }
    }
}

impl From<Starved> for Error {
    fn from(_: Starved) -> Self {
        Self::Memory
    }
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Field => Self::Invalid { field: "field", rule: "doc.field" },
            EditError::TooLong => Self::Invalid { field: "text", rule: "text.long" },
            EditError::Full => Self::Invalid { field: "text", rule: "doc.full" },
            EditError::Tag => Self::Invalid { field: "tag", rule: "tag.form" },
            EditError::Starved => Self::Memory,
            EditError::Gate(_) | EditError::Library => Self::Damaged { code: "doc.own" },
        }
    }
}

impl From<DraftError> for Error {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::TooLarge => Self::Invalid { field: "text", rule: "text.long" },
            DraftError::Slot | DraftError::ChainFull | DraftError::Payload(_) => {
                Self::Damaged { code: "entry.own" }
            }
        }
    }
}

/// Bytes of our own that are not of our form: only for what this device wrote itself.
impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Version => Self::NeedsUpgrade,
            DecodeError::Short
            | DecodeError::Trailing
            | DecodeError::Count { .. }
            | DecodeError::Form => Self::Damaged { code: "store.form" },
        }
    }
}
