//! Founding a space: the private one alone, the shared one together.
//!
//! ```text
//! inviter                                   joiner
//! SharedGenesis::draft, GenesisDraft::sign
//!    body with own signature, 12 wraps  -->  JoinerView::check  (everything, before it signs)
//!    GenesisDraft::assemble             <--  CheckedGenesis::sign
//! ```

use super::action::{Action, Genesis, GenesisPerson, SpaceKind};
use super::compose::{ComposeError, Link, Parcel, Place, draft, finish, recipients};
use super::fold::State;
use super::op::{Author, Op, OpSignature};
use super::outcome::VoidReason;
use super::table::Table;
use crate::crypto::{AccessKeys, DeviceKeys, EpochKey, Home, Random, RecoveryKeys, Signature};
use crate::model::id::{OpId, PersonId, SpaceId};
use wire::hash;
use wire::id::{ItemHash, RelayId};
use wire::limit::WRAP_BYTES;

/// What a private space is founded with.
#[derive(Debug)]
pub struct PrivateGenesis<'a> {
    /// Its two names, drawn by the caller.
    pub home: Home,
    /// Whose it is.
    pub person: PersonId,
    /// The relay; zero without one.
    pub relay: RelayId,
    /// Where that listens; empty without one.
    pub address: &'a str,
    /// The first device.
    pub keys: &'a DeviceKeys,
    /// The phrase.
    pub recovery: &'a RecoveryKeys,
}

/// A space just founded.
#[derive(Debug)]
pub struct Founded {
    /// The first item.
    pub item: Vec<u8>,
    /// The id of the op in it.
    pub op: OpId,
    /// `K_0`.
    pub key: EpochKey,
}

/// Founds a private space: one device, signed by its seat and by the phrase.
///
/// # Errors
/// [`ComposeError`] if address and relay do not fit together, or a key is unsound.
pub fn private_genesis(
    space: &PrivateGenesis<'_>,
    random: &mut dyn Random,
) -> Result<Founded, ComposeError> {
    let key = EpochKey::generate(random);
    let access = AccessKeys::derive(&key, space.home.sid);
    let genesis = Genesis {
        kind: SpaceKind::Private,
        sid: space.home.sid,
        relay: space.relay,
        address: space.address.to_owned(),
        th: [0; 32],
        persons: vec![GenesisPerson {
            person: space.person,
            recovery: space.recovery.public(),
            acc: access.acc.public().into(),
            adm: access.adm.public().into(),
            devices: vec![space.keys.device(space.person)],
        }],
    };
    let mut draft = GenesisDraft::new(space.home, genesis, key, random)?;
    draft.sign_by(Author::Seat(space.keys.id()), |op, id| op.sign(id, &space.keys.seat));
    let phrase = Author::Recovery(space.recovery.public().id());
    draft.sign_by(phrase, |op, id| op.sign(id, &space.recovery.sign));
    draft.finish(random)
}

/// What a shared space is founded with.
#[derive(Debug)]
pub struct SharedGenesis<'a> {
    /// Its two names, drawn by the inviter.
    pub home: Home,
    /// The relay.
    pub relay: RelayId,
    /// Where that listens.
    pub address: &'a str,
    /// The pairing transcript.
    pub th: [u8; 32],
    /// The inviter, with one device.
    pub inviter: GenesisPerson,
    /// The joiner, with one device.
    pub joiner: GenesisPerson,
}

impl SharedGenesis<'_> {
    /// Drafts the Genesis: key drawn and wrapped to two devices and two phrases, nothing signed.
    ///
    /// # Errors
    /// [`ComposeError`] if it would be void.
    pub fn draft(self, random: &mut dyn Random) -> Result<GenesisDraft, ComposeError> {
        let genesis = Genesis {
            kind: SpaceKind::Shared,
            sid: self.home.sid,
            relay: self.relay,
            address: self.address.to_owned(),
            th: self.th,
            persons: vec![self.inviter, self.joiner],
        };
        GenesisDraft::new(self.home, genesis, EpochKey::generate(random), random)
    }
}

/// A Genesis that is not signed by everybody yet.
#[derive(Debug)]
pub struct GenesisDraft {
    state: State,
    op: Op,
    parcel: Parcel,
    key: EpochKey,
}

impl GenesisDraft {
    fn new(
        home: Home,
        genesis: Genesis,
        key: EpochKey,
        random: &mut dyn Random,
    ) -> Result<Self, ComposeError> {
        let state = State::new(home);
        let kc = key.commitment(home.space, 0);
        let table = Table::founded(&genesis, kc);
        let place = Place { space: home.space, idx: 0 };
        let parcel = Parcel::pack(place, (&key, 0), &recipients(&table), random)?;
        let facts = parcel.facts(0, 0, kc);
        let first = genesis.persons.first().and_then(|person| person.devices.first());
        let author = first.map(|device| Author::Seat(device.id()));
        let action = Action::Genesis(genesis);
        let mut op = draft(&state, &parcel, &facts, action.encode());
        op.author = author.unwrap_or(op.author);
        op.frontier_root = no_frontier(home.space);
        op.state_after = state.preview(&facts, &op, &action)?.hash(home.space);
        Ok(Self { state, op, parcel, key })
    }

    /// Signs as the inviter.
    pub fn sign(&mut self, keys: &DeviceKeys) {
        self.sign_by(Author::Seat(keys.id()), |op, space| op.sign(space, &keys.seat));
    }

    /// What the joiner is sent: the body with the signatures so far.
    pub fn body(&self) -> Vec<u8> {
        self.op.encode()
    }

    /// The twelve wraps that the joiner is sent beside it.
    pub fn wraps(&self) -> &[[u8; WRAP_BYTES]] {
        &self.parcel.wraps
    }

    /// The id that the op will have.
    pub fn op_id(&self) -> OpId {
        self.op.id(self.state.home().space)
    }

    /// Takes the joiner's signature and seals the item.
    ///
    /// # Errors
    /// [`ComposeError::Void`] if the signature is not the joiner's, or the inviter has not signed.
    pub fn assemble(
        mut self,
        joiner: Signature,
        random: &mut dyn Random,
    ) -> Result<Founded, ComposeError> {
        let Ok(Action::Genesis(genesis)) = self.action() else {
            return Err(ComposeError::Void(VoidReason::Genesis));
        };
        let device = genesis.persons.last().and_then(|person| person.devices.first());
        if let Some(device) = device {
            let by = Author::Seat(device.id());
            self.op.signatures.push(OpSignature { by, signature: joiner });
        }
        self.finish(random)
    }

    fn action(&self) -> Result<Action, VoidReason> {
        let bytes = self.op.actions.first().ok_or(VoidReason::Actions)?;
        Action::decode(bytes)
    }

    fn sign_by(&mut self, by: Author, sign: impl FnOnce(&Op, SpaceId) -> Signature) {
        let signature = sign(&self.op, self.state.home().space);
        self.op.signatures.push(OpSignature { by, signature });
    }

    fn finish(self, random: &mut dyn Random) -> Result<Founded, ComposeError> {
        let link = Link { state: &self.state, prev: ItemHash::ZERO };
        let composed = finish(&link, &self.op, self.parcel, &self.key, random)?;
        Ok(Founded { item: composed.item, op: composed.op, key: self.key })
    }
}

/// The frontier of no chains.
pub(super) fn no_frontier(space: SpaceId) -> [u8; 32] {
    hash::hash(hash::FRONT, &[space.as_bytes(), &0_u32.to_be_bytes()])
}
