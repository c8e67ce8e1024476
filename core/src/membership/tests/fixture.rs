//! A person, a log, and a forger who signs and seals whatever it likes.

use crate::crypto::{
    ControlHead, ControlParts, DeviceKeys, EpochKey, Home, RecoveryEntropy, RecoveryKeys,
    SeededRandom, SigningKey, draw, seal_control,
};
use crate::membership::compose::{Parcel, draft};
use crate::membership::rules::ItemFacts;
use crate::membership::{
    Action, ActionBytes, AddDevice, Author, Composer, ControlLog, Folded, Founded, GenesisPerson,
    Intent, JoinSpace, Keyring, Op, OpSignature, Outcome, PrivateGenesis, Recipient, VoidReason,
    Want, private_genesis,
};
use crate::model::id::{OpId, PersonId, SpaceId};
use wire::id::{PrincipalKey, RelayId, SpaceHandle};

pub(super) const ADDRESS: &str = "relay.example:4433";

pub(super) struct Human {
    pub(super) person: PersonId,
    pub(super) keys: DeviceKeys,
    pub(super) recovery: RecoveryKeys,
}

impl Human {
    pub(super) fn new(random: &mut SeededRandom) -> Self {
        let entropy = RecoveryEntropy::generate(random);
        let recovery = RecoveryKeys::from_entropy(&entropy);
        let person = PersonId::from_bytes(draw(random));
        Self { person, keys: DeviceKeys::generate(random), recovery }
    }

    pub(super) fn me(&self) -> Recipient<'_> {
        recipient(&self.keys)
    }

    pub(super) fn as_founder(&self, random: &mut SeededRandom) -> GenesisPerson {
        GenesisPerson {
            person: self.person,
            recovery: self.recovery.public(),
            acc: PrincipalKey::from(SigningKey::generate(random).public()),
            adm: PrincipalKey::from(SigningKey::generate(random).public()),
            devices: vec![self.keys.device(self.person)],
        }
    }

    /// A further device of this person.
    pub(super) fn another(&self, random: &mut SeededRandom) -> (DeviceKeys, Action) {
        let keys = DeviceKeys::generate(random);
        let action = Action::AddDevice(self.admits(&keys));
        (keys, action)
    }

    pub(super) fn admits(&self, keys: &DeviceKeys) -> AddDevice {
        AddDevice { person: self.person, device: keys.device(self.person), th: [7; 32] }
    }
}

pub(super) fn recipient(keys: &DeviceKeys) -> Recipient<'_> {
    Recipient { id: keys.id().to_bytes(), kem: &keys.kem }
}

pub(super) fn relay(random: &mut SeededRandom) -> RelayId {
    SigningKey::generate(random).public().into()
}

pub(super) fn home(random: &mut SeededRandom) -> Home {
    Home { sid: SpaceHandle::from_bytes(draw(random)), space: SpaceId::from_bytes(draw(random)) }
}

pub(super) fn some_space(random: &mut SeededRandom) -> JoinSpace {
    JoinSpace {
        space: SpaceId::from_bytes(draw(random)),
        sid: SpaceHandle::from_bytes(draw(random)),
        genesis: OpId::from_bytes(draw(random)),
        relay: relay(random),
        address: ADDRESS.to_owned(),
    }
}

/// One device's view of a space.
pub(super) struct Space {
    pub(super) log: ControlLog,
    pub(super) keyring: Keyring,
    pub(super) items: Vec<Vec<u8>>,
}

impl Space {
    pub(super) fn founded(home: Home, founded: Founded, me: &Recipient<'_>) -> Self {
        let mut keyring = Keyring::new(home.space);
        keyring.insert(0, founded.key);
        let mut space = Self { log: ControlLog::new(home), keyring, items: Vec::new() };
        assert_eq!(space.receive(founded.item, me).outcome, Outcome::Applied);
        space
    }

    pub(super) fn receive(&mut self, item: Vec<u8>, me: &Recipient<'_>) -> Folded {
        let folded = self.log.receive(&item, &mut self.keyring, Some(me)).unwrap();
        self.items.push(item);
        folded
    }

    pub(super) fn composer<'a>(&'a self, keys: &'a DeviceKeys) -> Composer<'a> {
        Composer { log: &self.log, keyring: &self.keyring, keys, frontier_root: [3; 32] }
    }

    pub(super) fn want(&mut self, want: Want, human: &Human, random: &mut SeededRandom) -> Folded {
        let item = Intent::new(want).compose(&self.composer(&human.keys), random).unwrap();
        self.receive(item, &human.me())
    }

    pub(super) fn key(&self, epoch: u32) -> EpochKey {
        EpochKey::from_bytes(self.keyring.get(epoch).unwrap().as_bytes())
    }
}

/// A private space with one device.
pub(super) fn private(random: &mut SeededRandom) -> (Human, Space) {
    let human = Human::new(random);
    let (home, relay) = (home(random), relay(random));
    let genesis = PrivateGenesis {
        home,
        person: human.person,
        relay,
        address: ADDRESS,
        keys: &human.keys,
        recovery: &human.recovery,
    };
    let founded = private_genesis(&genesis, random).unwrap();
    let space = Space::founded(home, founded, &human.me());
    (human, space)
}

/// An op under construction that nobody judges before it is sealed.
pub(super) struct Forgery {
    pub(super) op: Op,
    pub(super) parcel: Parcel,
    /// Sealed in place of the op, if given.
    pub(super) body: Option<Vec<u8>>,
    action: Option<Action>,
    opened_with: EpochKey,
}

impl Forgery {
    /// What an honest device would write.
    pub(super) fn of(
        space: &Space,
        human: &Human,
        action: &Action,
        random: &mut SeededRandom,
    ) -> Self {
        let before = space.key(space.log.epoch());
        let parcel = space.composer(&human.keys).pack(action, &before, random).unwrap();
        let mut forgery = Self::with(space, action.encode(), parcel);
        forgery.action = Some(action.clone());
        forgery.op.author = Author::Seat(human.keys.id());
        forgery
    }

    /// Any action bytes, any wraps.
    pub(super) fn with(space: &Space, action: ActionBytes, parcel: Parcel) -> Self {
        let before = space.key(space.log.epoch());
        let facts = parcel.facts(space.log.next_idx(), space.log.epoch(), [0; 32]);
        let op = draft(space.log.state(), &parcel, &facts, action);
        Self { op, parcel, body: None, action: None, opened_with: before }
    }

    /// The table hash that the fold will find, if there is one.
    pub(super) fn foretold(mut self, space: &Space) -> Self {
        let facts = self.facts(space);
        if let Some(action) = &self.action
            && let Ok(table) = space.log.state().preview(&facts, &self.op, action)
        {
            self.op.state_after = table.hash(space.log.home().space);
        }
        self
    }

    fn facts(&self, space: &Space) -> ItemFacts {
        let kc = self.opened_with.commitment(space.log.home().space, self.op.epoch_before);
        self.parcel.facts(self.op.idx, self.op.epoch_before, kc)
    }

    /// Signs by the op's author with `key` and seals.
    pub(super) fn seal(
        self,
        space: &Space,
        key: &SigningKey,
        random: &mut SeededRandom,
    ) -> Vec<u8> {
        let by = self.op.author;
        let mut forgery = self.foretold(space);
        let signature = forgery.op.sign(space.log.home().space, key);
        forgery.op.signatures = vec![OpSignature { by, signature }];
        forgery.seal_as_is(space, random)
    }

    /// As [`Self::seal`], under the key of another epoch than the present.
    pub(super) fn seal_under(
        mut self,
        space: &Space,
        (epoch, key): (u32, EpochKey),
        signing: &SigningKey,
        random: &mut SeededRandom,
    ) -> Vec<u8> {
        self.opened_with = key;
        let by = self.op.author;
        let mut forgery = self.foretold(space);
        let signature = forgery.op.sign(space.log.home().space, signing);
        forgery.op.signatures = vec![OpSignature { by, signature }];
        forgery.seal_before(space, epoch, random)
    }

    pub(super) fn seal_as_is(self, space: &Space, random: &mut SeededRandom) -> Vec<u8> {
        self.seal_before(space, space.log.epoch(), random)
    }

    /// Claims another epoch in the item than it is sealed with.
    pub(super) fn seal_before(
        self,
        space: &Space,
        epoch_before: u32,
        random: &mut SeededRandom,
    ) -> Vec<u8> {
        let head = ControlHead {
            idx: space.log.next_idx(),
            epoch_before,
            epoch_after: self.op.epoch_after,
            prev: space.log.last_item_hash(),
        };
        let Parcel { ladder, wraps, .. } = self.parcel;
        let body = self.body.unwrap_or_else(|| self.op.encode());
        let parts = ControlParts { head, body: &body, ladder, wraps };
        seal_control(&self.opened_with, &space.log.home(), parts, random).unwrap().encode()
    }
}

pub(super) fn is_void(folded: &Folded, reason: VoidReason) {
    assert_eq!(folded.outcome, Outcome::Void(reason));
}
