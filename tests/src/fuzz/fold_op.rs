//! The body of a control item from someone with the key: as it is, laid over an honest one, an honest one altered; and
//! ops of any fields in a row, each signed with keys that the space knows.

use crate::random::Seeded;
use arbitrary::{Arbitrary, Unstructured};
use reknit_core::crypto::{
    DeviceKeys, Home, RecoveryEntropy, RecoveryKeys, Signature, SigningKey, open_control,
};
use reknit_core::membership::{
    ActionBytes, Author, ItemFacts, Op, OpSignature, Outcome, PrivateGenesis, State, WrapSlot,
    decode_op, private_genesis,
};
use reknit_core::model::id::{DeviceId, OpId, PersonId, SpaceId};
use std::sync::LazyLock;
use wire::control::ControlItem;
use wire::id::{RelayId, SpaceHandle};

/// Ops in a row at most.
const OPS_MAX: usize = 6;

/// A private space with its first op.
struct Ground {
    home: Home,
    keys: DeviceKeys,
    recovery: RecoveryKeys,
    before: State,
    after: State,
    facts: ItemFacts,
    body: Vec<u8>,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let mut random = Seeded::new(0);
    let home = Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };
    let keys = DeviceKeys::generate(&mut random);
    let recovery = RecoveryKeys::from_entropy(&RecoveryEntropy::generate(&mut random));
    let draft = PrivateGenesis {
        home,
        person: PersonId::from_bytes([3; 16]),
        relay: RelayId::ZERO,
        address: "",
        keys: &keys,
        recovery: &recovery,
    };
    let founded = private_genesis(&draft, &mut random).expect("an honest genesis");
    let item = ControlItem::decode(&founded.item).expect("our own item");
    let body = open_control(&founded.key, &home, &item).expect("our own item").to_vec();
    let facts = ItemFacts::of(&item, founded.key.commitment(home.space, 0));
    let before = State::new(home);
    let (after, judged) = before.fold(&facts, Some(&body), OpId::ZERO);
    assert_eq!(judged.outcome, Outcome::Applied);
    Ground { home, keys, recovery, before, after, facts, body }
});

/// Whose key signs.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Hand {
    Voice,
    Seat,
    Recovery,
    Nobody([u8; 16]),
}

impl Hand {
    fn author(self, ground: &Ground) -> Author {
        match self {
            Self::Voice => Author::Voice(ground.keys.id()),
            Self::Seat => Author::Seat(ground.keys.id()),
            Self::Recovery => Author::Recovery(ground.recovery.public().id()),
            Self::Nobody(id) => Author::Seat(DeviceId::from_bytes(id)),
        }
    }

    const fn key(self, ground: &Ground) -> &SigningKey {
        match self {
            Self::Voice => &ground.keys.voice,
            Self::Seat | Self::Nobody(_) => &ground.keys.seat,
            Self::Recovery => &ground.recovery.sign,
        }
    }
}

/// An op of any fields; what is not said is as it should be.
#[derive(Arbitrary, Debug)]
struct Fields {
    rules: Option<u16>,
    idx: Option<u32>,
    prev: Option<[u8; 32]>,
    epochs: Option<(u32, u32)>,
    hands: (Hand, Option<Hand>),
    state_after: Option<[u8; 32]>,
    kc: Option<[u8; 32]>,
    hashes: Option<([u8; 32], [u8; 32])>,
    wrap_slots: Vec<(Option<[u8; 16]>, u8)>,
    abandons: Vec<Option<[u8; 32]>>,
    actions: Vec<(u8, Vec<u8>)>,
}

impl Fields {
    fn op(self, ground: &Ground, idx: u32, prev: OpId) -> Op {
        let (epoch_before, epoch_after) = self.epochs.unwrap_or((0, 0));
        let (ladder_hash, wraps_hash) = self.hashes.unwrap_or_default();
        let own = ground.keys.id().to_bytes();
        let slots = self.wrap_slots.into_iter();
        let abandons = self.abandons.into_iter();
        let actions = self.actions.into_iter();
        let mut op = Op {
            rules: self.rules.unwrap_or(reknit_core::membership::RULES),
            idx: self.idx.unwrap_or(idx),
            prev: self.prev.map_or(prev, OpId::from_bytes),
            epoch_before,
            epoch_after,
            author: self.hands.0.author(ground),
            frontier_root: [0; 32],
            state_after: self.state_after.unwrap_or_default(),
            kc: self.kc.unwrap_or_default(),
            ladder_hash,
            wraps_hash,
            wrap_slots: slots
                .map(|(who, slot)| WrapSlot { recipient: who.unwrap_or(own), slot })
                .collect(),
            abandons: abandons.map(|id| id.map_or(prev, OpId::from_bytes)).collect(),
            actions: actions
                .map(|(kind, payload)| ActionBytes { kind: kind.into(), payload })
                .collect(),
            signatures: vec![],
        };
        let hands = [Some(self.hands.0), self.hands.1].into_iter().flatten();
        let signatures = hands.map(|hand| OpSignature {
            by: hand.author(ground),
            signature: op.sign(ground.home.space, hand.key(ground)),
        });
        op.signatures = signatures.collect();
        op
    }
}

/// Whether an op can be written down at all: counts have a byte each.
fn fits(op: &Op) -> bool {
    let counts = [op.wrap_slots.len(), op.abandons.len(), op.actions.len()];
    let short = |action: &ActionBytes| u16::try_from(action.payload.len()).is_ok();
    counts.iter().all(|count| u8::try_from(*count).is_ok()) && op.actions.iter().all(short)
}

/// Folds whatever the bytes may be taken for.
pub fn fold_op(bytes: &[u8]) {
    if let Ok(op) = decode_op(bytes) {
        assert_eq!(op.peek().encode(), bytes);
    }
    let ground = &*GROUND;
    fold_unsigned(ground, bytes);
    if let Ok(all) = Vec::<Fields>::arbitrary_take_rest(Unstructured::new(bytes)) {
        fold_signed(ground, all);
    }
    let alterations = Vec::<(u16, u8)>::arbitrary_take_rest(Unstructured::new(bytes));
    if let Ok(alterations) = alterations {
        sign_again(ground, &altered(&ground.body, &alterations));
    }
}

fn altered(body: &[u8], alterations: &[(u16, u8)]) -> Vec<u8> {
    let mut altered = body.to_vec();
    for (at, with) in alterations {
        let at = usize::from(*at) % altered.len();
        altered[at] ^= with;
    }
    altered
}

/// What nobody signed is void.
fn fold_unsigned(ground: &Ground, bytes: &[u8]) {
    let Ground { before, after, facts, body, .. } = ground;
    let next = ItemFacts { idx: 1, ..*facts };
    let laid_over: Vec<u8> = bytes.iter().chain(body.iter().skip(bytes.len())).copied().collect();
    let alterations = Vec::<(u16, u8)>::arbitrary_take_rest(Unstructured::new(bytes));
    let altered = altered(body, &alterations.unwrap_or_default());
    for body in [bytes, &laid_over, &altered].into_iter().filter(|it| *it != body.as_slice()) {
        let (_, judged) = after.fold(&next, Some(body), OpId::ZERO);
        assert_ne!(judged.outcome, Outcome::Applied, "nobody guesses a signature");
        drop(before.fold(facts, Some(body), OpId::ZERO));
    }
}

/// Ops in a row, whose signatures are good: what they do they do alike a second time, and each is the next one's past.
fn fold_signed(ground: &Ground, all: Vec<Fields>) {
    let mut state = ground.after.clone();
    for (idx, fields) in (1..).zip(all.into_iter().take(OPS_MAX)) {
        let op = fields.op(ground, idx, state.head());
        if !fits(&op) {
            return;
        }
        let facts = ItemFacts {
            idx,
            epoch_before: op.epoch_before,
            epoch_after: op.epoch_after,
            wraps_hash: op.wraps_hash,
            ladder_hash: op.ladder_hash,
            opened_with: ground.facts.opened_with,
        };
        let body = op.encode();
        let (next, judged) = state.fold(&facts, Some(&body), OpId::ZERO);
        let (again, same) = state.fold(&facts, Some(&body), OpId::ZERO);
        assert_eq!((judged.op_id, judged.outcome), (same.op_id, same.outcome));
        assert_eq!(next.table(), again.table());
        if judged.outcome != Outcome::Applied {
            assert_eq!(next.table(), state.table(), "a void op does nothing");
        }
        state = next;
    }
}

/// An honest first op that was altered, and then signed by whom it names.
fn sign_again(ground: &Ground, altered: &[u8]) {
    let Ok(op) = decode_op(altered) else { return };
    let mut op = op.peek().clone();
    op.signatures.truncate(2);
    for at in 0..op.signatures.len() {
        let key = match op.signatures[at].by {
            Author::Voice(_) => &ground.keys.voice,
            Author::Seat(_) => &ground.keys.seat,
            Author::Recovery(_) => &ground.recovery.sign,
        };
        let signature: Signature = op.sign(ground.home.space, key);
        op.signatures[at].signature = signature;
    }
    drop(ground.before.fold(&ground.facts, Some(&op.encode()), OpId::ZERO));
}
