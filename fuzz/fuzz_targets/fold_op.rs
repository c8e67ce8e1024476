//! Bytes from someone with the key as the body of a control item: after a genesis, and instead of one.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use reknit_core::crypto::{DeviceKeys, Home, Random, RecoveryEntropy, RecoveryKeys, open_control};
use reknit_core::membership::{
    ItemFacts, Outcome, PrivateGenesis, State, decode_op, private_genesis,
};
use reknit_core::model::id::{OpId, PersonId, SpaceId};
use std::sync::LazyLock;
use wire::control::ControlItem;
use wire::hash::sha256;
use wire::id::{RelayId, SpaceHandle};

struct Counted(u64);

impl Random for Counted {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&sha256(&[&self.0.to_be_bytes()])[..chunk.len()]);
        }
    }
}

struct Ground {
    before: State,
    after: State,
    facts: ItemFacts,
    body: Vec<u8>,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let mut random = Counted(0);
    let home = Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };
    let founded = private_genesis(
        &PrivateGenesis {
            home,
            person: PersonId::from_bytes([3; 16]),
            relay: RelayId::ZERO,
            address: "",
            keys: &DeviceKeys::generate(&mut random),
            recovery: &RecoveryKeys::from_entropy(&RecoveryEntropy::generate(&mut random)),
        },
        &mut random,
    )
    .expect("an honest genesis");
    let item = ControlItem::decode(&founded.item).expect("our own item");
    let body = open_control(&founded.key, &home, &item).expect("our own item").to_vec();
    let facts = ItemFacts::of(&item, founded.key.commitment(home.space, 0));
    let before = State::new(home);
    let (after, judged) = before.fold(&facts, Some(&body), OpId::ZERO);
    assert_eq!(judged.outcome, Outcome::Applied);
    Ground { before, after, facts, body }
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(op) = decode_op(bytes) {
        assert_eq!(op.peek().encode(), bytes);
    }
    let Ground { before, after, facts, body } = &*GROUND;
    let next = ItemFacts { idx: 1, ..*facts };
    // As it is, over the start of an honest body, and with bytes of it altered.
    let laid_over: Vec<u8> = bytes.iter().chain(body.iter().skip(bytes.len())).copied().collect();
    let mut altered = body.clone();
    if let Ok(alterations) = Vec::<(u16, u8)>::arbitrary_take_rest(Unstructured::new(bytes)) {
        for (at, with) in alterations {
            let at = usize::from(at) % altered.len();
            altered[at] ^= with;
        }
    }
    for body in [bytes, &laid_over, &altered].into_iter().filter(|it| *it != body.as_slice()) {
        let (_, judged) = after.fold(&next, Some(body), OpId::ZERO);
        assert_ne!(judged.outcome, Outcome::Applied, "nobody guesses a signature");
        drop(before.fold(facts, Some(body), OpId::ZERO));
    }
});
