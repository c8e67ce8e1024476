//! What the engine is told about a space, and what it asks its owner to do.

use wire::frame::{Channel, Frame};
use wire::hash::{envelope_id, running_hash};
use wire::id::{EnvelopeId, ItemHash, RunningHash, SpaceHandle, StoreId};
use wire::receipt::Receipt;
use wire::refusal::Refusal;

use super::amnesia::Amnesia;
use super::lie::Lie;

/// How far a device has stored a space's log at a relay. Written in the same transaction as what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which database of the relay counted; zero before the first sign-in.
    pub store: StoreId,
    /// The last position stored, or set aside with its bytes kept.
    pub n: u64,
    /// `R_n` as recomputed here.
    pub running: RunningHash,
}

impl Cursor {
    /// Nothing stored, no relay met.
    pub const NONE: Self = Self::start(StoreId::ZERO);

    /// The beginning of a relay's log.
    pub const fn start(store: StoreId) -> Self {
        Self { store, n: 0, running: RunningHash::ZERO }
    }

    /// The cursor after one more envelope.
    #[must_use]
    pub fn after(self, sid: SpaceHandle, id: EnvelopeId) -> Self {
        let n = self.n.saturating_add(1);
        Self { n, running: running_hash(sid, self.running, n, id), ..self }
    }
}

/// What is known of a space when the engine meets it.
#[derive(Clone, Copy, Debug)]
pub struct SpaceStart {
    /// The space's name at the relay.
    pub sid: SpaceHandle,
    /// The stored cursor.
    pub cursor: Cursor,
    /// How many control items are folded and stored here.
    pub control: u32,
    /// The hash of the last of them; zero if there is none.
    pub control_head: ItemHash,
    /// The epoch after the last of them.
    pub epoch: u32,
    /// Whether this device holds item 0 and may create the space at a relay that does not know it.
    pub created: bool,
    /// The relay's database that held the same control log; zero if none did yet.
    pub agreed: StoreId,
    /// The relay forgot, or holds another control log: the owner says what it lacks before anything is pushed.
    pub reseeding: bool,
}

/// One sealed envelope that waits for its receipt. Its bytes stay in the store until they are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Names the row of the outbox; unique within the space.
    pub key: u64,
    /// The id of the envelope as sealed now.
    pub id: EnvelopeId,
    /// The epoch it is sealed under.
    pub epoch: u32,
    /// The length of the envelope.
    pub bytes: usize,
}

/// One envelope of a relay's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its position.
    pub n: u64,
    /// Its id, already computed.
    pub id: EnvelopeId,
    /// The envelope.
    pub envelope: Vec<u8>,
}

impl Delivery {
    /// Names an envelope by its hash.
    pub fn new(n: u64, envelope: Vec<u8>) -> Self {
        Self { n, id: envelope_id(&envelope), envelope }
    }
}

/// How a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Stay connected and tail every space. Otherwise: push, pull once, and be idle.
    pub live: bool,
}

/// Where a space stands, for the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpaceStatus {
    /// The relay let us in.
    pub signed_in: bool,
    /// Envelopes without a receipt.
    pub outbox: usize,
    /// All that the relay is known to hold is stored here, and the running hashes agree.
    pub caught_up: bool,
    /// Envelopes that the relay is known to hold and this device has not stored.
    pub behind: u64,
}

/// What the owner of the engine is to do, in this order, each to its end before the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect; answered by `handle_connected` or `handle_disconnected`.
    Dial,
    /// Drop the connection. No event of it may be handed in afterwards.
    Hangup,
    /// Send a frame. A `Push` or `Request` channel that is not open is opened by its first frame.
    Send {
        /// Where to.
        channel: Channel,
        /// The frame.
        frame: Frame,
        /// Whether this device sends nothing more there.
        last: bool,
    },
    /// Give the channel up in both directions. A later `Send` on a `Push` channel opens a new stream.
    Cancel {
        /// Which.
        channel: Channel,
    },
    /// Sign in: answered by `handle_signature`.
    SignIn {
        /// The space.
        sid: SpaceHandle,
    },
    /// The relay does not know the space: answered by `handle_creation`.
    Create {
        /// The space.
        sid: SpaceHandle,
    },
    /// An item of the relay's control log, which is not the one stored here; from the first on, in order. Where it
    /// differs the owner cuts its own log back, and meets the space anew.
    ControlOther {
        /// The space.
        sid: SpaceHandle,
        /// Its index.
        idx: u32,
        /// The item.
        item: Vec<u8>,
    },
    /// Answered by `give_envelope`, or by `withdraw` if the row is gone (a `Sent` may lie between).
    FetchEnvelope {
        /// The space.
        sid: SpaceHandle,
        /// The key of the [`Pending`].
        key: u64,
    },
    /// A control item, in order, chained to the last. Store and fold it; then `handle_control_stored`.
    ControlReceived {
        /// The space.
        sid: SpaceHandle,
        /// Its index.
        idx: u32,
        /// The item.
        item: Vec<u8>,
    },
    /// The relay lacks an item that this device holds: answered by `give_control`.
    NeedControl {
        /// The space.
        sid: SpaceHandle,
        /// Its index.
        idx: u32,
    },
    /// The item handed to `append`, or item 0 handed to `handle_creation`, is durable. Store the receipt, fold the
    /// item if it is not folded, then `handle_control_stored`.
    ControlAppended {
        /// The space.
        sid: SpaceHandle,
        /// The receipt.
        receipt: Receipt,
    },
    /// Another item took the index of the one handed to `append`, which is dropped. It comes by `ControlReceived`;
    /// compose anew afterwards.
    ControlConflict {
        /// The space.
        sid: SpaceHandle,
    },
    /// Store these (or set them aside with their bytes) and `cursor` in one transaction, then `handle_delivered` with
    /// that cursor. May be empty, to store a cursor; may repeat old positions after `pull_again`.
    Deliver {
        /// The space.
        sid: SpaceHandle,
        /// In order.
        batch: Vec<Delivery>,
        /// The cursor to store.
        cursor: Cursor,
    },
    /// An envelope of the outbox is durable at the relay: store the receipt, drop the row.
    Sent {
        /// The space.
        sid: SpaceHandle,
        /// The key of the [`Pending`].
        key: u64,
        /// The receipt.
        receipt: Receipt,
    },
    /// The outbox is sealed under an old epoch: seal it again, then `set_outbox`. Nothing is pushed before that.
    Reseal {
        /// The space.
        sid: SpaceHandle,
    },
    /// The relay lost something or moved. Store `cursor`, forget every position. All that it holds now is delivered
    /// from the start; after the next `CaughtUp` call `set_outbox` with all that it lacks. Nothing is pushed before.
    Forgot {
        /// The space.
        sid: SpaceHandle,
        /// How it shows.
        amnesia: Amnesia,
        /// The beginning of the relay's log.
        cursor: Cursor,
    },
    /// The relay's head is stored here and the running hashes agree. Once per sign-in, and once after `Forgot`.
    CaughtUp {
        /// The space.
        sid: SpaceHandle,
    },
    /// The relay said what no honest relay says.
    Lied {
        /// The space, if it was about one.
        sid: Option<SpaceHandle>,
        /// What.
        lie: Lie,
    },
    /// A frame that answers `ask`.
    Answer {
        /// What `ask` returned.
        request: u64,
        /// The answer.
        frame: Frame,
    },
    /// Nothing more answers `ask`: the relay is done, or the connection is gone.
    AnswerEnd {
        /// What `ask` returned.
        request: u64,
    },
    /// The relay refused something. The engine tries again by itself; this is for the status line.
    Refused {
        /// The space, if it was about one.
        sid: Option<SpaceHandle>,
        /// Why.
        refusal: Refusal,
    },
}
