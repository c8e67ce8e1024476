//! Every derivation and its label, as one table.
//!
//! | function | salt | input | label | length |
//! | --- | --- | --- | --- | --- |
//! | [`class_key`] | space id | epoch key | `class`, class, epoch | 32 |
//! | [`mailbox_key`] | rendezvous id | channel key | `pch`, index, direction | 32 |
//! | [`okm`] | random 24 | class, vault or wrap key | `env`, head, home · `row` / `file`, vault, number, format | 76 |
//! | [`ladder`] | random 24 | newer epoch key | `ladder`, space, epochs | 44 |
//! | [`phrase`] | `phrase` | entropy | `sign`, `kem`, `access`, `locator`, bare | 32, 16 |
//! | [`access_seed`] | sid | private epoch key | `acc` or `adm` | 32 |
//! | [`numbers`] | transcript | both nonces, psk | `sas` | 16 |

use crate::model::id::SpaceId;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use wire::hash::{self, Label};
use wire::id::{RendezvousId, SpaceHandle};
use zeroize::Zeroizing;

/// Key 32, nonce 12, commitment 32: what one salt gives.
pub(super) type Okm = Zeroizing<[u8; 76]>;

pub(super) fn class_key(
    key: &[u8; 32],
    space: SpaceId,
    class: u8,
    epoch: u32,
) -> Zeroizing<[u8; 32]> {
    hkdf(space.as_bytes(), &[key], &[hash::CLASS.as_bytes(), &[class], &epoch.to_be_bytes()])
}

pub(super) fn mailbox_key(
    channel: &[u8; 32],
    rid: RendezvousId,
    idx: u8,
    direction: u8,
) -> Zeroizing<[u8; 32]> {
    hkdf(rid.as_bytes(), &[channel], &[hash::PCH.as_bytes(), &[idx, direction]])
}

pub(super) fn okm(salt: &[u8; 24], key: &[u8; 32], info: &[&[u8]]) -> Okm {
    hkdf(salt, &[key], info)
}

/// Key and nonce of one rung.
pub(super) fn ladder(
    salt: &[u8; 24],
    after: &[u8; 32],
    space: SpaceId,
    epochs: (u32, u32),
) -> Zeroizing<[u8; 44]> {
    let (epoch_after, epoch_before) = (epochs.0.to_be_bytes(), epochs.1.to_be_bytes());
    let info = [hash::LADDER.as_bytes().as_slice(), space.as_bytes(), &epoch_after, &epoch_before];
    hkdf(salt, &[after], &info)
}

pub(super) fn phrase<const N: usize>(entropy: &[u8; 16], name: &str) -> Zeroizing<[u8; N]> {
    hkdf(hash::PHRASE.as_bytes(), &[entropy], &[name.as_bytes()])
}

pub(super) fn access_seed(key: &[u8; 32], sid: SpaceHandle, label: Label) -> Zeroizing<[u8; 32]> {
    hkdf(sid.as_bytes(), &[key], &[label.as_bytes()])
}

pub(super) fn numbers(th: &[u8; 32], secrets: &[&[u8]]) -> Zeroizing<[u8; 16]> {
    hkdf(th, secrets, &[hash::SAS.as_bytes()])
}

/// HKDF-SHA256 (RFC 5869) of the joined inputs.
fn hkdf<const N: usize>(salt: &[u8], ikm: &[&[u8]], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let ikm = Zeroizing::new(ikm.concat());
    let mut out = Zeroizing::new([0; N]);
    let prk = Salt::new(HKDF_SHA256, salt).extract(&ikm);
    #[expect(clippy::expect_used, reason = "ring refuses only more than 255 blocks")]
    prk.expand(info, Length(N))
        .and_then(|okm| okm.fill(out.as_mut_slice()))
        .expect("a key is shorter than 8,160 bytes");
    out
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
