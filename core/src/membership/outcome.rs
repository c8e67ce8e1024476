//! What became of an op: it holds, or it is void and why.

use crate::model::id::OpId;
use wire::codec::DecodeError;

/// Whether an op holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The table is as the op says.
    Applied,
    /// The op stays in the chain and does nothing.
    Void(VoidReason),
}

/// Why an op does nothing. The order of the checks is fixed, but only void or not matters to the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoidReason {
    /// The body does not open under the key of its epoch.
    #[error("the body does not open")]
    Unopened,
    /// The item or its body is not our layout.
    #[error("the body does not decode")]
    Undecodable,
    /// It wants rules that the space's Genesis does not know.
    #[error("made for other rules")]
    Rules,
    /// Its place or the op before it is not where it stands.
    #[error("wrong place in the log")]
    Chain,
    /// Its epochs do not follow from the table, or differ from the item's.
    #[error("wrong epoch")]
    Epoch,
    /// Not exactly one action.
    #[error("not exactly one action")]
    Actions,
    /// The action is one that is not built.
    #[error("an unknown action")]
    Unbuilt,
    /// The action's payload is not its kind's layout.
    #[error("the action does not decode")]
    Layout,
    /// A key that proves nothing: not canonical, of mixed order, or the identity.
    #[error("an unsound key")]
    Keys,
    /// A device does not prove that it holds its keys.
    #[error("a device without proof of its keys")]
    Proof,
    /// A signing key that the space has seen before.
    #[error("a key twice")]
    KeyTwice,
    /// The author is not in, or may not do this.
    #[error("the author may not do this")]
    Author,
    /// A signature is missing, one too many, or wrong.
    #[error("wrong signatures")]
    Signature,
    /// The Genesis does not found this space: persons, relay, name or place are not as they must be.
    #[error("not a founding of this space")]
    Genesis,
    /// A person would have more devices than fit.
    #[error("too many devices")]
    DeviceCount,
    /// The space is pinned already, or there is no room for more.
    #[error("already joined")]
    Joined,
    /// The wraps, their slots, the key's commitment or the ladder are not what the action needs.
    #[error("wrong wraps")]
    Wraps,
    /// Folding gives another table than the author's.
    #[error("another table than the author's")]
    State,
    /// It ends another incarnation than the present one, or the space would have too many chains.
    #[error("not the present incarnation")]
    Incarnation,
    /// It names an op that this log does not carry.
    #[error("an op that is not known here")]
    Branch,
    /// It had no effect on the branch that it was carried from.
    #[error("void on its own branch")]
    Aside,
    /// It rejects a key that its person has used, or has made, or that was rejected before.
    #[error("a key that may not be rejected")]
    KeyTaken,
    /// One person made 64 epochs in a row.
    #[error("too many new keys in a row")]
    TooMany,
}

impl VoidReason {
    /// Whether it is kept and shown as evidence: no honest program of any version writes such an op.
    pub const fn is_incident(self) -> bool {
        matches!(self, Self::Keys | Self::Proof | Self::State)
    }

    /// A short stable name, for logs and tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unopened => "unopened",
            Self::Undecodable => "undecodable",
            Self::Rules => "rules",
            Self::Chain => "chain",
            Self::Epoch => "epoch",
            Self::Actions => "actions",
            Self::Unbuilt => "unbuilt",
            Self::Layout => "layout",
            Self::Keys => "keys",
            Self::Proof => "proof",
            Self::KeyTwice => "key_twice",
            Self::Author => "author",
            Self::Signature => "signature",
            Self::Genesis => "genesis",
            Self::DeviceCount => "device_count",
            Self::Joined => "joined",
            Self::Wraps => "wraps",
            Self::State => "state",
            Self::Incarnation => "incarnation",
            Self::Branch => "branch",
            Self::Aside => "aside",
            Self::KeyTaken => "key_taken",
            Self::TooMany => "too_many",
        }
    }
}

impl From<DecodeError> for VoidReason {
    fn from(_: DecodeError) -> Self {
        Self::Layout
    }
}

/// What became of the epoch key that an item carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyArrival {
    /// The item brings this device no key: none was wrapped, not for it, or the op is void.
    None,
    /// The key is in the keyring and fits its commitment.
    Held,
    /// The own wrap does not open, or to another key than the op commits to. The log goes on; the key is missing.
    Bad,
    /// The key is held, but the ladder in the item does not lead back to the key before: newcomers could not read
    /// what is older. Whoever holds both keys sees it.
    NoLadder,
}

/// One step of the log, folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// Its place.
    pub idx: u32,
    /// Its id.
    pub op: OpId,
    /// Whether it holds.
    pub outcome: Outcome,
    /// Why it is kept and shown as evidence, if it is.
    pub incident: Option<VoidReason>,
    /// What became of the key in it.
    pub key: KeyArrival,
}

impl Folded {
    /// The stable code of what a person is told, if anything.
    pub const fn code(&self) -> Option<&'static str> {
        match (self.outcome, self.key, self.idx) {
            (Outcome::Void(_), _, 0) => Some("genesis"),
            (Outcome::Void(_), _, _) => Some("void"),
            (Outcome::Applied, KeyArrival::Bad, _) => Some("wrap.bad"),
            (Outcome::Applied, KeyArrival::None | KeyArrival::Held | KeyArrival::NoLadder, _) => {
                None
            }
        }
    }

    /// What a person is told, if anything.
    pub fn sentence(&self) -> Option<&'static str> {
        match self.code()? {
            "genesis" => Some("This shared space was not set up by both of you."),
            "wrap.bad" => Some("Your key for new messages did not arrive. Asking again."),
            _ => Some("A change to devices was not valid and had no effect."),
        }
    }
}
