//! The fold is a function of the chain, and no bytes make anything panic.

use super::fixture::{Forgery, Human, Space, private, some_space};
use crate::crypto::{DeviceKeys, SeededRandom};
use crate::membership::{
    Action, Author, ControlLog, Intent, Keyring, Op, Outcome, Want, decode_op,
};
use proptest::prelude::*;
use std::sync::LazyLock;
use wire::control::ControlItem;

/// The body of a good op.
static ADD_DEVICE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let random = &mut SeededRandom::new(70);
    let (human, space) = private(random);
    let (_, action) = human.another(random);
    Forgery::of(&space, &human, &action, random).op.encode()
});

/// What happens next to a log.
#[derive(Debug, Clone, Copy)]
enum Act {
    Rekey,
    AddDevice,
    JoinSpace,
    /// An op that an honest device would write, with one byte of its body changed before sealing.
    Twist {
        at: prop::sample::Index,
        bit: u8,
    },
    /// Bytes that only look like an item.
    Junk,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Rekey),
        3 => Just(Act::AddDevice),
        2 => Just(Act::JoinSpace),
        3 => (any::<prop::sample::Index>(), 0_u8..8).prop_map(|(at, bit)| Act::Twist { at, bit }),
        1 => Just(Act::Junk),
    ]
}

fn next(space: &Space, human: &Human, act: Act, random: &mut SeededRandom) -> Option<Vec<u8>> {
    let composer = space.composer(&human.keys);
    let want = match act {
        Act::Rekey => Want::Rekey { after: space.log.epoch() },
        Act::AddDevice => Want::AddDevice(human.admits(&DeviceKeys::generate(random))),
        Act::JoinSpace => Want::JoinSpace(some_space(random)),
        Act::Twist { at, bit } => return Some(twisted(space, human, (at, bit), random)),
        Act::Junk => {
            let forgery = Forgery::of(space, human, &Action::Rekey, random);
            let mut item = forgery.seal(space, &human.keys.seat, random);
            item[300] ^= 1;
            return Some(item);
        }
    };
    Intent::new(want).compose(&composer, random).ok()
}

/// Changes any bit that is signed, or the signature.
fn twisted(
    space: &Space,
    human: &Human,
    (at, bit): (prop::sample::Index, u8),
    random: &mut SeededRandom,
) -> Vec<u8> {
    let mut forgery = Forgery::of(space, human, &Action::Rekey, random);
    forgery.op.author = Author::Voice(human.keys.id());
    let mut forgery = forgery.foretold(space);
    let by = forgery.op.author;
    let signature = forgery.op.sign(space.log.home().space, &human.keys.voice);
    forgery.op.signatures = vec![crate::membership::OpSignature { by, signature }];
    let mut body = forgery.op.encode();
    let at = at.index(body.len());
    body[at] ^= 1 << bit;
    forgery.body = Some(body);
    forgery.seal_as_is(space, random)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The same items give the same tables, epochs, ids and outcomes: to who folded as they came, to a newcomer who
    /// climbed, and to who only has the keys.
    #[test]
    fn c3_the_fold_is_a_function_of_the_chain(seed: u64, acts in prop::collection::vec(act(), 1..12)) {
        let random = &mut SeededRandom::new(seed);
        let (human, mut space) = private(random);
        for act in acts {
            let Some(item) = next(&space, &human, act, random) else { continue };
            let before = space.log.table().clone();
            let folded = space.receive(item, &human.me());
            match (act, folded.outcome) {
                (Act::Twist { .. } | Act::Junk, outcome) => {
                    prop_assert!(matches!(outcome, Outcome::Void(_)));
                    prop_assert_eq!(&before, space.log.table());
                }
                (Act::Rekey | Act::AddDevice | Act::JoinSpace, outcome) => {
                    prop_assert_eq!(outcome, Outcome::Applied);
                }
            }
        }
        let home = space.log.home();
        let parsed: Vec<_> =
            space.items.iter().map(|item| ControlItem::decode(item).unwrap()).collect();
        let mut climbed = Keyring::new(home.space);
        climbed.climb(&parsed, home, &human.me()).unwrap();
        let mut handed = Keyring::new(home.space);
        for epoch in space.keyring.epochs() {
            handed.insert(epoch, space.key(epoch));
        }
        for (mut keyring, me) in [(climbed, Some(human.me())), (handed, None)] {
            let mut log = ControlLog::new(home);
            for (idx, item) in (0..).zip(&space.items) {
                let folded = log.receive(item, &mut keyring, me.as_ref()).unwrap();
                prop_assert_eq!(Some(folded.outcome), space.log.outcome_at(idx));
                prop_assert_eq!(log.op_id_at(idx), space.log.op_id_at(idx));
                prop_assert_eq!(log.table_at(idx), space.log.table_at(idx));
            }
            prop_assert_eq!(log.head(), space.log.head());
            prop_assert_eq!(log.table().encode(), space.log.table().encode());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_decode_op_panic(bytes: Vec<u8>) {
        drop(decode_op(&bytes));
    }

    #[test]
    fn no_changed_body_makes_decode_op_panic(at: prop::sample::Index, value: u8, cut: prop::sample::Index) {
        let mut bytes = ADD_DEVICE.clone();
        let at = at.index(bytes.len());
        bytes[at] = value;
        drop(decode_op(&bytes));
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(decode_op(&bytes).is_err());
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(at: prop::sample::Index, value: u8) {
        let mut bytes = ADD_DEVICE.clone();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(op) = Op::decode(&bytes) {
            prop_assert_eq!(op.peek().encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_a_stored_intent_panic(bytes: Vec<u8>) {
        drop(Intent::decode(&bytes));
    }
}

#[test]
fn tables_of_neighbouring_ops_share_what_did_not_change() {
    let random = &mut SeededRandom::new(72);
    let (human, mut space) = private(random);
    space.want(Want::Rekey { after: 0 }, &human, random);
    let persons = |idx| space.log.table_at(idx).unwrap().persons().next().unwrap();
    assert!(core::ptr::eq(persons(0), persons(1)));
}
