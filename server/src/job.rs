//! What the protocol asks of the storage, and what comes back. Plain data: neither side imports the other.

use wire::{
    frame::Principal,
    id::{EnvelopeId, ItemHash, PrincipalKey, RunningHash, SpaceHandle},
    time::Timestamp,
};

/// One group commit: all of it becomes durable at once, then all of it is receipted under one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What to append, in this order.
    pub appends: Vec<Append>,
    /// How much may be stored.
    pub bounds: Bounds,
    /// The relay's time of this commit.
    pub at: Timestamp,
}

/// One thing to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream it came on. When one append of a lane is refused, those behind it in the batch are left out
    /// ([`Outcome::Behind`]): a client's outbox keeps its order.
    pub lane: u64,
    /// The space.
    pub sid: SpaceHandle,
    /// Whose quota it counts against: the place among the principals.
    pub slot: u8,
    /// What it is.
    pub what: What,
}

/// What is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An envelope to the data log.
    Data {
        /// Its hash: one that is already there is answered with its old place.
        id: EnvelopeId,
        /// The epoch it must match; `None` for a notice, which is taken under any.
        epoch: Option<u32>,
        /// The envelope.
        envelope: Vec<u8>,
    },
    /// An item to the control log, if `idx` is next and `prev` is the newest item's hash.
    Control {
        /// Its hash: the same item at the same place is answered as if it were new.
        hash: ItemHash,
        /// The place it must get.
        idx: u32,
        /// The hash it names.
        prev: ItemHash,
        /// The epoch that envelopes must match from here on.
        epoch: u32,
        /// The item.
        item: Vec<u8>,
    },
    /// A new space with its first control item.
    Create {
        /// Hash of the item.
        hash: ItemHash,
        /// The epoch after it.
        epoch: u32,
        /// The item.
        item: Vec<u8>,
        /// Who may sign in.
        principals: Vec<Principal>,
    },
}

/// How much may be stored. Checked inside the commit, where the counts are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Spaces at this relay.
    pub spaces: u64,
    /// Envelopes in one space.
    pub envelopes_per_space: u64,
    /// Bytes of envelopes of one principal in one space.
    pub data_bytes_per_principal: u64,
    /// Bytes of control items of one principal in one space: a reserve that data cannot use up.
    pub control_bytes_per_principal: u64,
}

/// What became of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable.
    Stored(Place),
    /// The envelope's epoch is not the space's.
    StaleEpoch {
        /// The space's epoch.
        epoch: u32,
    },
    /// Another item stands there, or its predecessor is not the newest.
    Conflict {
        /// How many items are held.
        control: u32,
    },
    /// No room within the bounds.
    Quota {
        /// The bound.
        limit: u64,
    },
    /// This relay holds as many spaces as it may.
    Full,
    /// The space to be made exists with another first item, or the space does not exist.
    Unknown,
    /// An append before it in its lane was refused.
    Behind,
}

/// Where something stands, for its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Position, or idx.
    pub n: u64,
    /// `R_n`, or the hash of the item before.
    pub running: RunningHash,
    /// When it was first stored.
    pub at: Timestamp,
    /// Whether this commit stored it; otherwise it was there.
    pub fresh: bool,
}

/// A batch that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The batch, given back.
    pub batch: Batch,
    /// One outcome for each append.
    pub outcomes: Vec<Outcome>,
}

/// Why a batch or a read did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The disk is full. Reads go on.
    NoSpace,
    /// The storage can no longer be trusted: the relay stops, and a restart decides.
    Broken,
}

/// Something to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// What is known of a space.
    Space {
        /// The space.
        sid: SpaceHandle,
    },
    /// Control items from `from` on, at least one if there is one.
    Control {
        /// The space.
        sid: SpaceHandle,
        /// The first idx.
        from: u32,
        /// About how many bytes.
        bytes_max: u64,
    },
    /// Envelopes after `after`, at least one if there is one.
    Data {
        /// The space.
        sid: SpaceHandle,
        /// The position before the first.
        after: u64,
        /// About how many bytes.
        bytes_max: u64,
    },
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Read::Space`].
    Space(Option<SpaceFacts>),
    /// To [`Read::Control`].
    Control {
        /// The items with their places, without gaps.
        items: Vec<(u32, Vec<u8>)>,
        /// How many are held.
        held: u32,
    },
    /// To [`Read::Data`].
    Data {
        /// The envelopes with their positions, without gaps.
        envelopes: Vec<(u64, Vec<u8>)>,
        /// The newest position.
        n: u64,
        /// `R_n` there.
        running: RunningHash,
    },
    /// The read did not succeed.
    Failed(Failure),
}

/// What is known of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceFacts {
    /// The newest position of the data log.
    pub n: u64,
    /// `R_n` there.
    pub running: RunningHash,
    /// How many control items are held.
    pub control: u32,
    /// The epoch after the newest control item.
    pub epoch: u32,
    /// Who may sign in; the place is the slot.
    pub principals: Vec<Principal>,
    /// Access keys that were replaced, with their slot: they may read control items and nothing else.
    pub retired: Vec<(u8, PrincipalKey)>,
}
