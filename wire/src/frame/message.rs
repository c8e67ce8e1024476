//! The closed list of frames.

use super::principal::{Creation, Principal};
use crate::id::{PrincipalKey, RendezvousId, RunningHash, SpaceHandle, StoreId};
use crate::receipt::Receipt;
use crate::refusal::Refusal;
use crate::version::VersionRange;

/// One message. The first line of each says who sends it and where.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// Client, control stream, first of all.
    Hello {
        /// What the client speaks.
        versions: VersionRange,
    },
    /// Relay, answer to `Hello`.
    Welcome {
        /// The version of this connection.
        version: u8,
        /// Which database answers: another one means that the relay forgot or moved.
        store: StoreId,
    },
    /// Client, control stream: signs in to one space.
    Auth {
        /// Which space.
        sid: SpaceHandle,
        /// The `acc` or recovery key.
        key: PrincipalKey,
        /// Over [`crate::sign::auth_bytes`].
        signature: [u8; 64],
    },
    /// Relay, answer to `Auth`.
    SignedIn {
        /// Which space.
        sid: SpaceHandle,
        /// The newest position of the data log.
        n: u64,
        /// `R_n` there.
        running: RunningHash,
        /// How many control items are held.
        control: u32,
        /// The latest epoch of the control log.
        epoch: u32,
    },
    /// Client, control stream: asks for envelopes as they come. They arrive on a stream that the relay opens, and so
    /// does a refusal.
    Tail {
        /// Which space.
        sid: SpaceHandle,
        /// The newest position that the client holds.
        after: u64,
    },
    /// Relay, first on a tail stream; `Data` follows.
    TailStart {
        /// Which space.
        sid: SpaceHandle,
    },
    /// Relay, control stream, not critical: somebody appended a control item, or a tail of the space was cut.
    Head {
        /// Which space.
        sid: SpaceHandle,
        /// The newest position of the data log.
        n: u64,
        /// How many control items are held.
        control: u32,
    },
    /// Relay, control stream, not critical: the connection is about to be closed.
    GoAway {
        /// Why, and for how long.
        refusal: Refusal,
    },
    /// Client, request: control items from `from` on.
    ControlPull {
        /// Which space.
        sid: SpaceHandle,
        /// The first idx wanted.
        from: u32,
    },
    /// Relay, answer to `ControlPull`.
    ControlItem {
        /// Its place.
        idx: u32,
        /// The item as stored.
        item: Vec<u8>,
    },
    /// Relay, last answer to `ControlPull`.
    ControlEnd {
        /// How many items are held: the first idx that was not sent.
        next: u32,
    },
    /// Client, request: appends a control item if `idx` is the next and it names the last one.
    ControlAppend {
        /// Which space.
        sid: SpaceHandle,
        /// The place it must get.
        idx: u32,
        /// The item.
        item: Vec<u8>,
        /// With it the space is made; only at idx 0, no sign-in needed. A frame type of its own.
        creation: Option<Creation>,
    },
    /// Relay, answer to `ControlAppend`.
    Appended {
        /// The item is durable.
        receipt: Receipt,
    },
    /// Client, request: envelopes after a position.
    Pull {
        /// Which space.
        sid: SpaceHandle,
        /// The newest position that the client holds.
        after: u64,
        /// Stop after this much; clamped to 1 MiB, but one envelope always comes.
        max_bytes: u64,
    },
    /// Relay, answer to `Pull` and on tails.
    Data {
        /// Its position.
        n: u64,
        /// The envelope.
        envelope: Vec<u8>,
    },
    /// Relay, last answer to `Pull`.
    PullEnd {
        /// The newest position of the data log now.
        n: u64,
        /// `R_n` there.
        running: RunningHash,
    },
    /// Client, push stream of one space. Answers come in the same order. The first refusal ends the stream: what
    /// stands behind it there is not stored.
    Push {
        /// Which space.
        sid: SpaceHandle,
        /// The envelope.
        envelope: Vec<u8>,
    },
    /// Relay, answer to `Push`.
    Pushed {
        /// The envelope is durable.
        receipt: Receipt,
    },
    /// Client, request: which keys are registered for me?
    Principals {
        /// Which space.
        sid: SpaceHandle,
    },
    /// Relay, answer to `Principals`: the one whose key signed in.
    PrincipalKeys {
        /// The keys.
        list: Vec<Principal>,
    },
    /// Client, request, no sign-in: puts a message into a pairing mailbox.
    MailPut {
        /// Which mailbox.
        rid: RendezvousId,
        /// Its place, from 0 without gaps.
        idx: u8,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Relay, answer to `MailPut`.
    MailStored {
        /// Its place.
        idx: u8,
    },
    /// Client, request, no sign-in: messages from `from` on, waiting if there are none yet.
    MailGet {
        /// Which mailbox.
        rid: RendezvousId,
        /// The first idx wanted.
        from: u8,
        /// How long to wait.
        wait_ms: u32,
    },
    /// Relay, answer to `MailGet`.
    Mail {
        /// Its place.
        idx: u8,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Relay, last answer to `MailGet`.
    MailEnd,
    /// Relay, any stream: the request was refused. On a push stream it answers one `Push`.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

impl Frame {
    /// The word for logs: the type's name and nothing of its content.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "Hello",
            Self::Welcome { .. } => "Welcome",
            Self::Auth { .. } => "Auth",
            Self::SignedIn { .. } => "SignedIn",
            Self::Tail { .. } => "Tail",
            Self::TailStart { .. } => "TailStart",
            Self::Head { .. } => "Head",
            Self::GoAway { .. } => "GoAway",
            Self::ControlPull { .. } => "ControlPull",
            Self::ControlItem { .. } => "ControlItem",
            Self::ControlEnd { .. } => "ControlEnd",
            Self::ControlAppend { creation: None, .. } => "ControlAppend",
            Self::ControlAppend { creation: Some(_), .. } => "ControlCreate",
            Self::Appended { .. } => "Appended",
            Self::Pull { .. } => "Pull",
            Self::Data { .. } => "Data",
            Self::PullEnd { .. } => "PullEnd",
            Self::Push { .. } => "Push",
            Self::Pushed { .. } => "Pushed",
            Self::Principals { .. } => "Principals",
            Self::PrincipalKeys { .. } => "PrincipalKeys",
            Self::MailPut { .. } => "MailPut",
            Self::MailStored { .. } => "MailStored",
            Self::MailGet { .. } => "MailGet",
            Self::Mail { .. } => "Mail",
            Self::MailEnd => "MailEnd",
            Self::Refused { .. } => "Refused",
        }
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Refused { refusal } | Self::GoAway { refusal } => {
                write!(f, "{}({})", self.name(), refusal.reason.code())
            }
            Self::Hello { .. }
            | Self::Welcome { .. }
            | Self::Auth { .. }
            | Self::SignedIn { .. }
            | Self::Tail { .. }
            | Self::TailStart { .. }
            | Self::Head { .. }
            | Self::ControlPull { .. }
            | Self::ControlItem { .. }
            | Self::ControlEnd { .. }
            | Self::ControlAppend { .. }
            | Self::Appended { .. }
            | Self::Pull { .. }
            | Self::Data { .. }
            | Self::PullEnd { .. }
            | Self::Push { .. }
            | Self::Pushed { .. }
            | Self::Principals { .. }
            | Self::PrincipalKeys { .. }
            | Self::MailPut { .. }
            | Self::MailStored { .. }
            | Self::MailGet { .. }
            | Self::Mail { .. }
            | Self::MailEnd => f.write_str(self.name()),
        }
    }
}
