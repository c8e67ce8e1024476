//! What a relay may say that no honest relay says.

/// Why the engine hung up on a relay, or stopped syncing one space with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// A frame that answers nothing we asked, or stands on the wrong stream.
    #[error("the relay sent a frame that nobody asked for")]
    Unasked,
    /// Positions of a space's log have no gaps and no repeats.
    #[error("the relay sent position {got} where {expected} comes next")]
    Order {
        /// The position that comes next.
        expected: u64,
        /// The position sent.
        got: u64,
    },
    /// The relay's running hash at `n` is not that of the envelopes it handed out.
    #[error("the relay's log does not match its own running hash at {n}")]
    RunningHash {
        /// The position of the mismatch.
        n: u64,
    },
    /// A head behind what the same connection already handed out.
    #[error("the relay's log became shorter within one connection")]
    Shrunk,
    /// An answer that ends early although the relay says that there is more.
    #[error("the relay says there is more and does not send it")]
    Stalled,
    /// More bytes, items or frames than the answer may hold.
    #[error("the relay sent more than was asked for")]
    TooMuch,
    /// Control items that do not follow each other.
    #[error("control item {idx} does not follow the one before it")]
    ControlOrder {
        /// The index that comes next.
        idx: u32,
    },
    /// The relay holds another control item than this device at an index both have, although the two once agreed. The
    /// connection stays, and the two logs are compared.
    #[error("the relay holds another control log from item {idx} on")]
    ControlFork {
        /// The first index known to differ.
        idx: u32,
    },
    /// A receipt for something other than what was sent.
    #[error("the relay's receipt is for something else")]
    Receipt,
}

impl Lie {
    /// Whether it is worth an incident: it says something about the log, not only about the program behind it.
    pub const fn is_evidence(self) -> bool {
        match self {
            Self::RunningHash { .. }
            | Self::Shrunk
            | Self::ControlOrder { .. }
            | Self::ControlFork { .. }
            | Self::Receipt => true,
            Self::Unasked | Self::Order { .. } | Self::Stalled | Self::TooMuch => false,
        }
    }
}
