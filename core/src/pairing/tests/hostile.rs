//! Somebody who speaks the protocol by hand: as joiner with any card, as inviter with any card.

use super::phones::line;
use crate::crypto::{Device, KemKey, PairingSecret, Psk, SeededRandom, SigningKey, draw};
use crate::model::id::PersonId;
use crate::pairing::card::Card;
use crate::pairing::invitation::{Invitation, Mode};
use crate::pairing::mailbox::{Mailbox, Side};
use crate::pairing::transcript::{
    Answer, Place, Reveal, commitment, mac, numbers, opening, split_reveal, transcript,
};
use crate::pairing::welcome::{Expected, Welcome};
use wire::codec::{Reader, Writer};
use wire::hash::sha256;

/// A joiner who commits to `card` and later shows `m5`, whatever they are.
pub(super) struct HostileJoiner {
    ephemeral: KemKey,
    reveal: Reveal,
    pub(super) th: [u8; 32],
    expected: Option<Expected>,
    pub(super) number: String,
}

impl HostileJoiner {
    pub(super) fn new(seed: u64, card: &[u8]) -> Self {
        let random = &mut SeededRandom::new(seed);
        let ephemeral = KemKey::generate(random);
        let key = ephemeral.public().clone();
        let reveal = Reveal { key, nonce: draw(random), card_hash: sha256(&[card]) };
        Self { ephemeral, reveal, th: [0; 32], expected: None, number: String::new() }
    }

    pub(super) fn m1(&self) -> Vec<u8> {
        commitment(&self.reveal.encode()).to_vec()
    }

    pub(super) fn m3(&mut self, invitation: &Invitation, m2: &[u8]) -> Vec<u8> {
        let answer = Answer::decode(m2, invitation.line.relay).unwrap();
        let place =
            Place { mode: invitation.mode, rid: invitation.rid, relay: invitation.line.relay };
        let reveal = self.reveal.encode();
        self.th = transcript(&place, &self.m1(), m2, &reveal);
        let names = invitation.mode == Mode::Partner;
        self.expected = Some(Expected { card_hash: answer.card_hash, names });
        let nonces = (&answer.nonce, &self.reveal.nonce);
        self.number = numbers(&self.th, nonces, invitation.psk()).1;
        [reveal.as_slice(), &mac(invitation.psk(), &self.th)].concat()
    }

    pub(super) fn m5(&self, invitation: &Invitation, m4: &[u8], inner: &[u8]) -> Vec<u8> {
        let psk = invitation.psk().map(|key| Psk { key, rid: invitation.rid });
        let expected = self.expected.as_ref().unwrap();
        let welcome = Welcome::open(m4, (&self.ephemeral, psk), &self.th, expected).unwrap();
        let mailbox = Mailbox::new(invitation.rid, Side::Joiner);
        mailbox.seal(&welcome.channel, 5, inner, &mut SeededRandom::new(9)).unwrap()
    }
}

/// An inviter who shows `card`, whatever it is.
pub(super) struct HostileInviter {
    pub(super) card: Card,
    pub(super) voice: SigningKey,
    pub(super) answer: Answer,
}

impl HostileInviter {
    pub(super) fn new(card: Card, voice: SigningKey) -> Self {
        let card_hash = sha256(&[&card.encode()]);
        let answer = Answer { nonce: [3; 32], card_hash, relay: line().relay };
        Self { card, voice, answer }
    }

    pub(super) fn m0(mode: Mode) -> Vec<u8> {
        opening(mode).to_vec()
    }

    /// The welcome, and the number that the inviter's phone would show.
    pub(super) fn m4(&self, invitation: &Invitation, m1: &[u8], m3: &[u8]) -> (Vec<u8>, String) {
        let (reveal, _) = split_reveal(m3).unwrap();
        let joiner = Reveal::decode(reveal, m1).unwrap();
        let place =
            Place { mode: invitation.mode, rid: invitation.rid, relay: invitation.line.relay };
        let th = transcript(&place, m1, &self.answer.encode(), reveal);
        let random = &mut SeededRandom::new(8);
        let welcome = Welcome {
            channel: PairingSecret::generate(random),
            inviter: self.card.clone(),
            home: None,
        };
        let psk = invitation.psk().map(|key| Psk { key, rid: invitation.rid });
        let m4 = welcome.seal((&joiner.key, psk), &th, &self.voice, random).unwrap();
        let nonces = (&self.answer.nonce, &joiner.nonce);
        (m4, numbers(&th, nonces, invitation.psk()).0)
    }
}

/// A device whose voice key is replaced by other bytes.
pub(super) fn with_voice(device: &Device, voice: [u8; 32]) -> Device {
    let mut writer = Writer::new();
    device.encode(&mut writer);
    let mut bytes = writer.into_bytes();
    bytes[..32].copy_from_slice(&voice);
    Device::decode(&mut Reader::new(&bytes)).unwrap().peek().clone()
}

pub(super) fn encoded(device: &Device) -> Vec<u8> {
    let mut writer = Writer::new();
    device.encode(&mut writer);
    writer.into_bytes()
}

/// The neutral element, and a good key with a torsion part added.
pub(super) fn weak_keys(good: [u8; 32]) -> [[u8; 32]; 2] {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    let mut identity = [0; 32];
    identity[0] = 1;
    let mixed = CompressedEdwardsY(good).decompress().unwrap() + EIGHT_TORSION[1];
    [identity, mixed.compress().to_bytes()]
}

pub(super) const NOBODY: PersonId = PersonId::from_bytes([77; 16]);
