//! What can go wrong, by cause. No error holds what a person wrote.

/// Why a public key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not the one way to write a point of the curve.
    #[error("the signing key is not in standard form")]
    Form,
    /// The neutral element or a point with a torsion part: signatures under it prove nothing.
    #[error("the signing key is weak")]
    Weak,
    /// The X-Wing key is not one.
    #[error("the encryption key is not valid")]
    Kem,
}

/// A signature or a MAC does not fit. Why is not told apart, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct Forged;

/// Why a device is not one of this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// One of its three keys is not acceptable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A proof of possession does not fit.
    #[error("a proof of possession does not fit")]
    Proof,
}

impl From<Forged> for DeviceError {
    fn from(_: Forged) -> Self {
        Self::Proof
    }
}

/// Why bytes cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Longer than the largest envelope can hold.
    #[error("too long to be sealed into one envelope")]
    Long,
}

/// Why sealed bytes cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Commitment or tag does not fit: another key, another place, or damage. Not told apart, on purpose.
    #[error("a message could not be opened and was set aside")]
    Forged,
    /// It opened, but its padding is not 0x80 and zeros.
    #[error("damaged message")]
    Padding,
}

impl OpenError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forged => "env.open",
            Self::Padding => "env.pad",
        }
    }
}

/// Why words are not a recovery phrase. Never repeats what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not twelve words.
    #[error("a recovery phrase has 12 words; these are {found}")]
    Count {
        /// How many were found; at most 255 are counted.
        found: u8,
    },
    /// A word is not in the list.
    #[error("word {number} is not in the list{}", suggest(*.suggestion))]
    Word {
        /// Which, from 1.
        number: u8,
        /// The word of the list that is nearest, if one is near.
        suggestion: Option<&'static str>,
    },
    /// All words are in the list, but their check bits do not fit.
    #[error("the words do not fit together; check their order")]
    Check,
}

impl PhraseError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Count { .. } => "phrase.count",
            Self::Word { .. } => "phrase.word",
            Self::Check => "phrase.check",
        }
    }
}

fn suggest(word: Option<&'static str>) -> String {
    word.map(|word| format!("; did you mean '{word}'?")).unwrap_or_default()
}

/// Why a text cannot be the secret of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Fewer than six characters, or nothing but space.
    #[error("at least 6 characters")]
    Short,
    /// More than 1,024 bytes.
    #[error("at most 1,024 bytes")]
    Long,
}

impl SecretError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Short => "secret.short",
            Self::Long => "secret.long",
        }
    }
}

/// Why a vault does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// The secret or key opens none of the wraps: it is another one, or they are damaged.
    #[error("this secret does not open the vault")]
    WrongSecret,
    /// The file is not a keys file.
    #[error("the keys of the vault are damaged")]
    Damaged,
    /// Written by a newer version.
    #[error("the keys of the vault were written by a newer version")]
    Version,
    /// Hashing parameters outside 19-256 MiB, 1-10 passes, 1-4 lanes: refused before hashing.
    #[error("this file asks for unusual settings")]
    Parameters,
    /// The text cannot be a secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The machine has not enough memory for the hash.
    #[error("not enough memory to check the secret")]
    Memory,
    /// What was opened does not hold all three keys.
    #[error("this opens only a part of the vault")]
    Partial,
}

impl UnlockError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongSecret => "secret.wrong",
            Self::Damaged => "vault.damaged",
            Self::Version => "vault.version",
            Self::Parameters => "vault.parameters",
            Self::Secret(error) => error.code(),
            Self::Memory => "vault.memory",
            Self::Partial => "vault.partial",
        }
    }
}
