//! What the joiner checks of a shared Genesis before it signs: everything that it will be held to.

use super::action::{Action, Genesis, GenesisPerson, SpaceKind};
use super::fold::State;
use super::genesis::no_frontier;
use super::keyring::Recipient;
use super::op::{Author, Op, RULES};
use super::outcome::VoidReason;
use super::rules::{ItemFacts, wraps_hash};
use crate::crypto::Device;
use crate::crypto::{
    DeviceKeys, EpochKey, Home, Recovery, Signature, Verified, WrapContext, unwrap,
};
use crate::model::id::{OpId, PersonId};
use wire::codec::DecodeError;
use wire::hash;
use wire::id::RelayId;
use wire::limit::{WRAP_BYTES, WRAPS};

/// What the joiner knows from the handshake.
#[derive(Debug)]
pub struct JoinerView<'a> {
    /// The space, as the welcome named it.
    pub home: Home,
    /// Spaces that this person has already: none of their names may come again.
    pub known: &'a [Home],
    /// The pairing transcript.
    pub th: [u8; 32],
    /// The relay of the invitation.
    pub relay: RelayId,
    /// Its address in the invitation.
    pub address: &'a str,
    /// The inviter, from its card.
    pub inviter: Card<'a>,
    /// Oneself, as sent.
    pub joiner: &'a GenesisPerson,
    /// To whom the own wrap is.
    pub me: Recipient<'a>,
}

/// A person as their card shows them.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// Who.
    pub person: PersonId,
    /// The one device.
    pub device: &'a Device,
    /// The phrase.
    pub recovery: &'a Recovery,
}

/// Why the joiner does not sign. The invitation is burned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The body is not our layout, or does not found a shared space.
    #[error("not a founding of a shared space: {0}")]
    Void(VoidReason),
    /// Not exactly twelve wraps.
    #[error("not twelve wraps")]
    Wraps,
    /// One of the space's names is taken.
    #[error("a space of this name is known already")]
    Known,
    /// Another space, transcript, relay or address than the handshake's.
    #[error("not what the handshake was about")]
    Handshake,
    /// A person is not as their card shows, or not in their place.
    #[error("not the two persons of the handshake")]
    Persons,
    /// The own wrap does not open, or not to the key that the op commits to.
    #[error("the wrapped key is wrong")]
    Key,
    /// The inviter's signature is missing, not alone, or wrong.
    #[error("not signed by the inviter")]
    Signature,
}

impl GenesisError {
    /// The stable code of what a person is told.
    pub const fn code(self) -> &'static str {
        "genesis"
    }
}

impl From<VoidReason> for GenesisError {
    fn from(reason: VoidReason) -> Self {
        Self::Void(reason)
    }
}

impl From<DecodeError> for GenesisError {
    fn from(_: DecodeError) -> Self {
        Self::Void(VoidReason::Undecodable)
    }
}

/// A Genesis that the joiner may sign.
#[derive(Debug)]
pub struct CheckedGenesis {
    op: Verified<Op>,
    home: Home,
    key: EpochKey,
}

impl CheckedGenesis {
    /// The joiner's signature.
    pub fn sign(&self, keys: &DeviceKeys) -> Signature {
        self.op.sign(self.home.space, &keys.seat)
    }

    /// The id that the op has at the relay: only this one is the own space.
    pub fn op_id(&self) -> OpId {
        self.op.id(self.home.space)
    }

    /// `K_0`.
    pub fn into_key(self) -> EpochKey {
        self.key
    }
}

impl JoinerView<'_> {
    /// Checks a Genesis with the inviter's signature, and its wraps.
    ///
    /// # Errors
    /// [`GenesisError`]: nothing may be signed.
    pub fn check(
        &self,
        body: &[u8],
        wraps: &[[u8; WRAP_BYTES]],
    ) -> Result<CheckedGenesis, GenesisError> {
        let taken = |it: &Home| it.sid == self.home.sid || it.space == self.home.space;
        if self.known.iter().any(taken) {
            return Err(GenesisError::Known);
        }
        if wraps.len() != WRAPS {
            return Err(GenesisError::Wraps);
        }
        let op = Op::decode(body)?;
        let unproved = op.peek();
        let [bytes] = unproved.actions.as_slice() else { return Err(VoidReason::Actions.into()) };
        let action = Action::decode(bytes)?;
        let Action::Genesis(genesis) = &action else { return Err(VoidReason::Genesis.into()) };
        self.check_founding(genesis)?;
        if unproved.rules != RULES || unproved.frontier_root != no_frontier(self.home.space) {
            return Err(VoidReason::Rules.into());
        }
        if !unproved.abandons.is_empty() {
            return Err(VoidReason::Genesis.into());
        }
        let key = self.open_wrap(unproved, wraps)?;
        let facts = ItemFacts {
            idx: 0,
            epoch_before: 0,
            epoch_after: 0,
            wraps_hash: wraps_hash(wraps),
            ladder_hash: [0; 32],
            opened_with: key.commitment(self.home.space, 0),
        };
        let table = State::new(self.home).preview(&facts, unproved, &action)?;
        if table.hash(self.home.space) != unproved.state_after {
            return Err(VoidReason::State.into());
        }
        let op = op.verify_with(|op| self.check_signature(op))?;
        Ok(CheckedGenesis { op, home: self.home, key })
    }

    fn check_founding(&self, genesis: &Genesis) -> Result<(), GenesisError> {
        let is_ours = genesis.kind == SpaceKind::Shared
            && genesis.sid == self.home.sid
            && genesis.th == self.th
            && genesis.relay == self.relay
            && genesis.address == self.address;
        if !is_ours {
            return Err(GenesisError::Handshake);
        }
        let [inviter, joiner] = genesis.persons.as_slice() else {
            return Err(GenesisError::Persons);
        };
        let is_inviter = inviter.person == self.inviter.person
            && inviter.recovery == *self.inviter.recovery
            && inviter.devices.as_slice() == core::slice::from_ref(self.inviter.device);
        if !is_inviter || joiner != self.joiner {
            return Err(GenesisError::Persons);
        }
        Ok(())
    }

    fn open_wrap(&self, op: &Op, wraps: &[[u8; WRAP_BYTES]]) -> Result<EpochKey, GenesisError> {
        let space = self.home.space;
        let mine = op.wrap_slots.iter().find(|slot| slot.recipient == self.me.id);
        let wrap = mine.and_then(|mine| wraps.get(usize::from(mine.slot)));
        let context = WrapContext { space, idx: 0, epoch: 0, recipient: self.me.id };
        let key = wrap.and_then(|wrap| unwrap(wrap, self.me.kem, &context).ok());
        key.filter(|key| key.commitment(space, 0) == op.kc).ok_or(GenesisError::Key)
    }

    fn check_signature(&self, op: &Op) -> Result<(), GenesisError> {
        let inviter = Author::Seat(self.inviter.device.id());
        let [given] = op.signatures.as_slice() else { return Err(GenesisError::Signature) };
        if op.author != inviter || given.by != inviter {
            return Err(GenesisError::Signature);
        }
        let signed = op.signed_bytes();
        let parts: &[&[u8]] = &[self.home.space.as_bytes(), &signed];
        let key = self.inviter.device.seat;
        key.verify(hash::CSIG, parts, &given.signature).map_err(|_| GenesisError::Signature)
    }
}
