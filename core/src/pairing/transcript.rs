//! The first messages in the clear, and what both sides compute from them.
//!
//! ```text
//! m0  I  ver u8 | mode u8
//! m1  J  commitment: SHA-256(com | m3 without its MAC)
//! m2  I  n_I 32 | SHA-256(card_I) | relay_id 32 | lowest version u8 | highest u8
//! m3  J  ek_J 1,216 | n_J 32 | SHA-256(card_J) | lowest u8 | highest u8 | MAC 32
//! ```
//! J commits before it knows `n_I`, I shows `n_I` before it knows `n_J`: a man in the middle cannot search for numbers
//! that agree, and guesses one of a million, three times.

use super::error::PairError;
use super::invitation::{Mode, PAIRING_VERSION};
use crate::crypto::{KemPublic, pairing_mac, pairing_mac_fits, sas_numbers};
use wire::codec::{Reader, Writer};
use wire::hash;
use wire::id::{RelayId, RendezvousId};
use wire::version::{VERSIONS, VersionRange};

/// `m3` without its MAC.
const REVEAL_BYTES: usize = 1_216 + 32 + 32 + 2;

/// `m0`.
pub(super) const fn opening(mode: Mode) -> [u8; 2] {
    [PAIRING_VERSION, mode.number()]
}

/// Checks `m0`.
pub(super) fn check_opening(m0: &[u8], mode: Mode) -> Result<(), PairError> {
    match m0 {
        [PAIRING_VERSION, found] if *found == mode.number() => Ok(()),
        [PAIRING_VERSION, _] => Err(PairError::Mode),
        [2..=9, ..] => Err(PairError::Version),
        _ => Err(PairError::Form),
    }
}

/// `m2`.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) nonce: [u8; 32],
    pub(super) card_hash: [u8; 32],
    pub(super) relay: RelayId,
}

impl Answer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(&self.nonce).bytes(&self.card_hash).bytes(self.relay.as_bytes());
        VERSIONS.encode(&mut writer);
        writer.into_bytes()
    }

    pub(super) fn decode(m2: &[u8], relay: RelayId) -> Result<Self, PairError> {
        let mut reader = Reader::new(m2);
        let answer = Self {
            nonce: reader.array()?,
            card_hash: reader.array()?,
            relay: RelayId::from_bytes(reader.array()?),
        };
        check_versions(&mut reader)?;
        reader.end()?;
        if answer.relay == relay { Ok(answer) } else { Err(PairError::Mismatch) }
    }
}

/// `m3` without its MAC.
#[derive(Debug)]
pub(super) struct Reveal {
    pub(super) key: KemPublic,
    pub(super) nonce: [u8; 32],
    pub(super) card_hash: [u8; 32],
}

impl Reveal {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(REVEAL_BYTES);
        writer.bytes(self.key.as_bytes()).bytes(&self.nonce).bytes(&self.card_hash);
        VERSIONS.encode(&mut writer);
        writer.into_bytes()
    }

    /// Reads it if it is what was committed to.
    pub(super) fn decode(reveal: &[u8], m1: &[u8]) -> Result<Self, PairError> {
        if commitment(reveal).as_slice() != m1 {
            return Err(PairError::Mismatch);
        }
        let mut reader = Reader::new(reveal);
        let key = KemPublic::from_bytes(&reader.array()?).map_err(|_| PairError::Key)?;
        let (nonce, card_hash) = (reader.array()?, reader.array()?);
        check_versions(&mut reader)?;
        reader.end()?;
        Ok(Self { key, nonce, card_hash })
    }
}

fn check_versions(reader: &mut Reader<'_>) -> Result<(), PairError> {
    let theirs = VersionRange::decode(reader)?;
    VERSIONS.choose(theirs).map(drop).map_err(|_| PairError::Version)
}

/// `m1`: what J will say is fixed before it hears I.
pub(super) fn commitment(reveal: &[u8]) -> [u8; 32] {
    hash::hash(hash::COM, &[reveal])
}

/// The check value of a long code: I's `m2` is fixed before it is shown.
pub(super) fn invitation_check(m2: &[u8]) -> [u8; 16] {
    hash::id16(hash::INV, &[m2])
}

/// Splits `m3` into what was committed to, and its MAC.
pub(super) fn split_reveal(m3: &[u8]) -> Result<(&[u8], &[u8; 32]), PairError> {
    let (reveal, mac) = m3.split_at_checked(REVEAL_BYTES).ok_or(PairError::Form)?;
    Ok((reveal, mac.try_into().map_err(|_| PairError::Form)?))
}

/// What the handshake was about, as both sides saw it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) mode: Mode,
    pub(super) rid: RendezvousId,
    pub(super) relay: RelayId,
}

/// `th`: hash over all that was said in the clear. All four messages have fixed lengths.
pub(super) fn transcript(place: &Place, m1: &[u8], m2: &[u8], reveal: &[u8]) -> [u8; 32] {
    let mode = [place.mode.number()];
    let m0 = opening(place.mode);
    let (rid, relay) = (place.rid.as_bytes(), place.relay.as_bytes());
    hash::hash(hash::TH, &[&mode, rid, relay, &m0, m1, m2, reveal])
}

/// The MAC of `m3`: zero without a secret.
pub(super) fn mac(psk: Option<&[u8; 32]>, th: &[u8; 32]) -> [u8; 32] {
    psk.map_or([0; 32], |psk| pairing_mac(psk, th))
}

/// Checks the MAC of `m3`.
pub(super) fn check_mac(
    psk: Option<&[u8; 32]>,
    th: &[u8; 32],
    mac: &[u8; 32],
) -> Result<(), PairError> {
    match psk {
        Some(psk) => pairing_mac_fits(psk, th, mac).map_err(|_| PairError::Mismatch),
        None if *mac == [0; 32] => Ok(()),
        None => Err(PairError::Form),
    }
}

/// The numbers: what I shows, what J shows.
pub(super) fn numbers(
    th: &[u8; 32],
    nonces: (&[u8; 32], &[u8; 32]),
    psk: Option<&[u8; 32]>,
) -> (String, String) {
    sas_numbers(th, nonces.0, nonces.1, psk)
}
