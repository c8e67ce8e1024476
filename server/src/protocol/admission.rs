//! Which key may do what in which space.
//!
//! `ring` takes keys of small order, whose signatures say nothing: the 14 encodings are refused by table. That a key is
//! canonical and torsion free is checked by clients; here it only decides who may store ciphertext.

use crate::job::SpaceFacts;
use ring::signature::{ED25519, UnparsedPublicKey};
use wire::frame::{Creation, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, RelayId, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};

/// What a signed-in key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// The current access key: everything.
    Current,
    /// The recovery access key: everything.
    Recovery,
    /// A replaced access key: reads control items, so that a device that slept can catch up.
    Retired,
}

/// A key that signed in to one space over one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    /// Which principal.
    pub(super) slot: u8,
    /// With which right.
    pub(super) right: Right,
}

/// What a connection is, for signatures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel<'a> {
    pub(super) relay: RelayId,
    pub(super) exporter: &'a [u8; 32],
}

/// Whether the sign-in was signed by this key, for this relay, space and connection.
pub(super) fn is_signed_in(
    channel: Channel<'_>,
    sid: SpaceHandle,
    key: PrincipalKey,
    signature: &[u8; 64],
) -> bool {
    verify(key, &auth_bytes(channel.relay, sid, channel.exporter), signature)
}

/// Whether a space may be made: keys that can sign, all different, and the first one's `adm` signed it all.
pub(super) fn is_creation(
    channel: Channel<'_>,
    sid: SpaceHandle,
    item: ItemHash,
    creation: &Creation,
) -> bool {
    let keys = creation.principals.iter().flat_map(keys_of).collect::<Vec<_>>();
    let distinct = keys.iter().enumerate().all(|(i, key)| !keys.iter().take(i).any(|k| k == key));
    let Some(first) = creation.principals.first() else { return false };
    let principals = encode_principals(&creation.principals);
    let new = NewSpace {
        relay: channel.relay,
        sid,
        item,
        principals: &principals,
        exporter: channel.exporter,
    };
    distinct
        && !keys.iter().any(|key| is_small_order(key.as_bytes()))
        && verify(first.adm, &creation_bytes(&new), &creation.signature)
}

fn keys_of(principal: &Principal) -> [PrincipalKey; 3] {
    [principal.acc, principal.adm, principal.recovery]
}

/// The seat of a key in a space, if it has one.
pub(super) fn seat(facts: &SpaceFacts, key: PrincipalKey) -> Option<Seat> {
    let slots = (0_u8..).zip(&facts.principals);
    let current = slots.clone().find(|(_, principal)| principal.acc == key);
    let recovery = slots.clone().find(|(_, principal)| principal.recovery == key);
    let retired = facts.retired.iter().find(|(_, old)| *old == key);
    current
        .map(|(slot, _)| Seat { slot, right: Right::Current })
        .or_else(|| recovery.map(|(slot, _)| Seat { slot, right: Right::Recovery }))
        .or_else(|| retired.map(|(slot, _)| Seat { slot: *slot, right: Right::Retired }))
}

fn verify(key: PrincipalKey, message: &[u8], signature: &[u8; 64]) -> bool {
    !is_small_order(key.as_bytes())
        && UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(message, signature).is_ok()
}

/// Whether a key is one of the 14 encodings of points of small order: seven, with either sign bit.
pub(super) fn is_small_order(key: &[u8; 32]) -> bool {
    let mut unsigned = *key;
    let [.., last] = &mut unsigned;
    *last &= 0x7f;
    SMALL_ORDER.contains(&unsigned)
}

const fn filled(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut key = [middle; 32];
    let [head, .., tail] = &mut key;
    *head = first;
    *tail = last;
    key
}

/// y of the points whose order divides 8, and what is not reduced below 2^255 - 19.
const SMALL_ORDER: [[u8; 32]; 7] = [
    filled(0, 0, 0),
    filled(1, 0, 0),
    filled(0xec, 0xff, 0x7f),
    filled(0xed, 0xff, 0x7f),
    filled(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use wire::id::RunningHash;

    fn pair(seed: u8) -> (Ed25519KeyPair, PrincipalKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let key = PrincipalKey::from_slice(pair.public_key().as_ref()).unwrap();
        (pair, key)
    }

    fn sign(pair: &Ed25519KeyPair, bytes: &[u8]) -> [u8; 64] {
        pair.sign(bytes).as_ref().try_into().unwrap()
    }

    const RELAY: RelayId = RelayId::from_bytes([1; 32]);
    const SID: SpaceHandle = SpaceHandle::from_bytes([2; 16]);

    #[test]
    fn b16_a_signature_for_another_exporter_relay_space_or_key_is_refused() {
        let (pair, key) = pair(5);
        let good = Channel { relay: RELAY, exporter: &[3; 32] };
        let signature = sign(&pair, &auth_bytes(RELAY, SID, &[3; 32]));
        assert!(is_signed_in(good, SID, key, &signature));
        let other = Channel { exporter: &[4; 32], ..good };
        assert!(!is_signed_in(other, SID, key, &signature));
        let other = Channel { relay: RelayId::ZERO, ..good };
        assert!(!is_signed_in(other, SID, key, &signature));
        assert!(!is_signed_in(good, SpaceHandle::ZERO, key, &signature));
        assert!(!is_signed_in(good, SID, self::pair(6).1, &signature));
    }

    #[test]
    fn the_identity_key_signs_everything_for_ring_and_nothing_for_us() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let key = PrincipalKey::from_bytes(identity);
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(UnparsedPublicKey::new(&ED25519, identity).verify(b"anything", &signature).is_ok());
        assert!(!verify(key, b"anything", &signature));
    }

    #[test]
    fn all_fourteen_encodings_of_small_order_are_refused() {
        let mut refused = 0;
        for unsigned in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = unsigned;
                key[31] |= sign;
                refused += u32::from(is_small_order(&key));
            }
        }
        assert_eq!(refused, 14);
        assert!(!is_small_order(pair(1).1.as_bytes()));
    }

    #[test]
    fn a_space_is_made_only_by_its_first_adm_key_and_with_distinct_sound_keys() {
        let (adm_pair, adm) = pair(1);
        let key = |seed| pair(seed).1;
        let mine = Principal { acc: key(2), adm, recovery: key(3) };
        let yours = Principal { acc: key(4), adm: key(5), recovery: key(6) };
        let channel = Channel { relay: RELAY, exporter: &[3; 32] };
        let item = ItemHash::from_bytes([9; 32]);
        let make = |principals: Vec<Principal>| {
            let listed = encode_principals(&principals);
            let new =
                NewSpace { relay: RELAY, sid: SID, item, principals: &listed, exporter: &[3; 32] };
            Creation { signature: sign(&adm_pair, &creation_bytes(&new)), principals }
        };
        assert!(is_creation(channel, SID, item, &make(vec![mine])));
        assert!(is_creation(channel, SID, item, &make(vec![mine, yours])));
        assert!(!is_creation(channel, SID, ItemHash::ZERO, &make(vec![mine])));
        assert!(!is_creation(channel, SID, item, &make(vec![yours, mine])));
        assert!(!is_creation(channel, SID, item, &make(vec![mine, mine])));
        assert!(!is_creation(channel, SID, item, &make(Vec::new())));
        let weak = Principal { acc: PrincipalKey::ZERO, ..yours };
        assert!(!is_creation(channel, SID, item, &make(vec![mine, weak])));
        let swapped = Creation { principals: vec![mine, yours], ..make(vec![mine]) };
        assert!(!is_creation(channel, SID, item, &swapped));
    }

    #[test]
    fn the_adm_key_alone_does_not_sign_in() {
        let principal = Principal { acc: pair(1).1, adm: pair(2).1, recovery: pair(3).1 };
        let (retired, principals) = (vec![(0, pair(4).1)], vec![principal]);
        let facts = SpaceFacts {
            n: 0,
            running: RunningHash::ZERO,
            control: 1,
            epoch: 0,
            principals,
            retired,
        };
        let right = |seed| seat(&facts, pair(seed).1).map(|seat| seat.right);
        assert_eq!(right(1), Some(Right::Current));
        assert_eq!(right(2), None);
        assert_eq!(right(3), Some(Right::Recovery));
        assert_eq!(right(4), Some(Right::Retired));
    }
}
