//! What a machine asks its caller to do. The caller answers with the method named at each case.

use super::card::{Card, Partner};
use super::error::PairError;
use crate::crypto::{Device, Home, Signature, SigningKey};
use crate::model::id::OpId;
use wire::address::AddressLine;
use wire::limit::WRAP_BYTES;

/// What the other phone is told of the private space that it may enter.
#[derive(Debug)]
pub struct DeviceWelcome {
    /// The private space.
    pub home: Home,
    /// Its relay.
    pub line: AddressLine,
    /// The control item that holds the new device: its place and its op id.
    pub head: (u32, OpId),
    /// The key that signs in to it; never `adm`.
    pub acc: SigningKey,
}

/// What is to be done. `Put` to `AskNumber` come on both sides, the others as they say.
#[derive(Debug)]
pub enum Output {
    /// Write this message into the box, then say `handle_stored`.
    Put {
        /// Its place.
        idx: u8,
        /// The message.
        bytes: Vec<u8>,
    },
    /// From now on wait for messages from this place on, and hand each to `handle_mail`; replaces the last `Get`.
    Get {
        /// The first place that is of interest.
        from: u8,
    },
    /// Show this number: the other person types it.
    ShowNumber(String),
    /// Ask for the number that the other phone shows, then call `handle_typed`.
    AskNumber,
    /// Inviter, own device: append `AddDevice` with these to the private space, then call `Invite::admitted`.
    Admit {
        /// The device, its keys and proofs checked.
        device: Box<Device>,
        /// The transcript.
        th: [u8; 32],
    },
    /// Inviter, partner: draft and sign the Genesis of the shared space, then call `Invite::drafted`.
    Draft {
        /// The partner, all keys checked.
        partner: Box<Partner>,
        /// The names of the new space.
        home: Home,
        /// The transcript.
        th: [u8; 32],
    },
    /// Inviter, partner: assemble the item with the partner's signature, create the space at the relay, then call
    /// `Invite::founded`.
    Assemble {
        /// The partner's seat signature over the Genesis.
        signature: Signature,
    },
    /// Joiner: this is who invites. Call `Join::enter` (own device) or `Join::agree` (partner, if both names of the
    /// space are new here).
    Meet {
        /// The inviter, all keys checked.
        inviter: Box<Card>,
        /// The names of the shared space; none for an own device.
        home: Option<Home>,
        /// The transcript.
        th: [u8; 32],
    },
    /// Joiner, own device: pull the private space's log and refuse unless it folds to this head and holds exactly the
    /// own device with this transcript.
    Welcomed {
        /// Where it is.
        welcome: Box<DeviceWelcome>,
        /// The transcript.
        th: [u8; 32],
    },
    /// Joiner, partner: check all of the Genesis, then call `Join::signed`, or `Join::stop`.
    CheckGenesis {
        /// The body with the inviter's signature.
        body: Vec<u8>,
        /// The twelve wraps.
        wraps: Vec<[u8; WRAP_BYTES]>,
        /// The transcript.
        th: [u8; 32],
    },
    /// Joiner, partner: the space exists; this is the relay's receipt for its first item.
    Founded {
        /// The bytes of the receipt.
        receipt: Vec<u8>,
    },
    /// Joiner, partner: it was signed, but no receipt came. Try to sign in to the space once a minute for a day.
    AwaitSpace,
    /// All was said and stored. The machine can be dropped.
    Done,
    /// It is over, without success: nothing of it may be used.
    Burned(PairError),
}
