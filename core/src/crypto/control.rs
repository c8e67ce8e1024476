//! Control items: the signed op inside, sealed under the key of the epoch before it.

use super::committed;
use super::derive::{self, Okm};
use super::epoch::{EpochKey, Home};
use super::error::{OpenError, SealError};
use super::padding::{pad, unpad};
use super::random::{Random, draw};
use super::seal::{aad, okm};
use wire::control::{ControlItem, control_body_len};
use wire::envelope::Class;
use wire::id::ItemHash;
use wire::limit::{LADDER_BYTES, WRAP_BYTES};
use zeroize::Zeroizing;

/// The tag behind the sealed op.
const TAG_BYTES: usize = 16;

/// Where an item stands in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlHead {
    /// Its place, from 0.
    pub idx: u32,
    /// The epoch whose key seals it.
    pub epoch_before: u32,
    /// The epoch after it.
    pub epoch_after: u32,
    /// The hash of the item before; zero for the first.
    pub prev: ItemHash,
}

/// What an item holds.
#[derive(Debug)]
pub struct ControlParts<'a> {
    /// Where it stands.
    pub head: ControlHead,
    /// The signed op.
    pub body: &'a [u8],
    /// The older key under the newer one; random if no epoch is made.
    pub ladder: [u8; LADDER_BYTES],
    /// Twelve wraps, spare ones included.
    pub wraps: Vec<[u8; WRAP_BYTES]>,
}

/// Seals an op under the key of `head.epoch_before`.
///
/// # Errors
/// [`SealError::Long`] if the op is longer than an item may hold.
pub fn seal_control(
    key: &EpochKey,
    home: &Home,
    parts: ControlParts<'_>,
    random: &mut dyn Random,
) -> Result<ControlItem, SealError> {
    let len = control_body_len(parts.body.len()).ok_or(SealError::Long)?;
    let ControlHead { idx, epoch_before, epoch_after, prev } = parts.head;
    let mut item = ControlItem {
        idx,
        epoch_before,
        epoch_after,
        prev,
        salt: draw(random),
        commitment: [0; 32],
        body: Vec::new(),
        ladder: parts.ladder,
        wraps: parts.wraps,
    };
    let okm = item_okm(key, home, &item);
    item.commitment = committed::commitment(&okm);
    let aad = aad(&item.aad_head(), home);
    item.body = committed::seal(&okm, &aad, pad(parts.body, len - TAG_BYTES));
    Ok(item)
}

/// Opens the op of an item with the key of its `epoch_before`.
///
/// # Errors
/// [`OpenError::Forged`] for another key, place or space, and for damage; [`OpenError::Padding`].
pub fn open_control(
    key: &EpochKey,
    home: &Home,
    item: &ControlItem,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let okm = item_okm(key, home, item);
    let aad = aad(&item.aad_head(), home);
    unpad(committed::open(&okm, &item.commitment, &aad, &item.body)?)
}

fn item_okm(key: &EpochKey, home: &Home, item: &ControlItem) -> Okm {
    let class = Class::Control.number();
    let class_key = derive::class_key(key.as_bytes(), home.space, class, item.epoch_before);
    okm(&class_key, &item.salt, &item.head16(), home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{SeededRandom, spare_wrap};
    use crate::model::id::SpaceId;
    use wire::id::SpaceHandle;

    const HOME: Home =
        Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };

    fn sealed(key: &EpochKey) -> ControlItem {
        let random = &mut SeededRandom::new(2);
        let head = ControlHead { idx: 1, epoch_before: 4, epoch_after: 5, prev: ItemHash::ZERO };
        let wraps = vec![spare_wrap(random); 12];
        let parts = ControlParts { head, body: b"op", ladder: draw(random), wraps };
        seal_control(key, &HOME, parts, random).unwrap()
    }

    #[test]
    fn an_item_opens_under_its_key_and_in_its_place_only() {
        let key = EpochKey::generate(&mut SeededRandom::new(1));
        let item = ControlItem::decode(&sealed(&key).encode()).unwrap();
        assert_eq!(open_control(&key, &HOME, &item).unwrap().as_slice(), b"op");
        let other = EpochKey::generate(&mut SeededRandom::new(3));
        assert!(open_control(&other, &HOME, &item).is_err());
        let elsewhere = Home { space: SpaceId::ZERO, ..HOME };
        assert!(open_control(&key, &elsewhere, &item).is_err());
        for moved in [
            ControlItem { idx: 2, ..item.clone() },
            ControlItem { epoch_before: 3, ..item.clone() },
            ControlItem { epoch_after: 6, ..item.clone() },
            ControlItem { prev: ItemHash::from_bytes([1; 32]), ..item.clone() },
        ] {
            assert_eq!(open_control(&key, &HOME, &moved), Err(OpenError::Forged));
        }
    }

    #[test]
    fn all_small_items_have_one_length() {
        let key = EpochKey::generate(&mut SeededRandom::new(1));
        assert_eq!(sealed(&key).encode().len(), 18_292);
        let body = vec![7; 65_536];
        let parts = ControlParts {
            head: ControlHead { idx: 0, epoch_before: 0, epoch_after: 0, prev: ItemHash::ZERO },
            body: &body,
            ladder: [0; LADDER_BYTES],
            wraps: Vec::new(),
        };
        let random = &mut SeededRandom::new(1);
        assert_eq!(seal_control(&key, &HOME, parts, random), Err(SealError::Long));
    }
}
