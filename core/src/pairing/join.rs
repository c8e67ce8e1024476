//! The joiner's side.

use super::card::{Card, Partner, device_card};
use super::digits::parse_number;
use super::error::{NotAsked, PairError, TypedError};
use super::invitation::{Invitation, Mode, Way};
use super::mailbox::{Mailbox, Side};
use super::output::{DeviceWelcome, Output};
use super::transcript::{
    Answer, Place, Reveal, check_opening, commitment, invitation_check, mac, numbers, transcript,
};
use super::welcome::{Expected, Welcome, decode_genesis};
use super::{NUMBER_TRIES, PAIRING_TIME};
use crate::crypto::{DeviceKeys, KemKey, PairingSecret, Psk, Random, Signature, draw};
use crate::model::id::PersonId;
use wire::hash::sha256;
use wire::id::PrincipalKey;
use wire::time::Moment;

/// Who joins.
#[derive(Debug)]
pub enum Joiner<'a> {
    /// A new device of a person whom it does not know yet.
    Device(&'a DeviceKeys),
    /// A person, with the device in their hand.
    Partner(Box<Card>),
}

/// One answer to an invitation, to its end.
#[derive(Debug)]
pub struct Join {
    invitation: Invitation,
    card: OwnCard,
    ephemeral: KemKey,
    reveal: Reveal,
    mailbox: Mailbox,
    deadline: Moment,
    phase: Phase,
}

#[derive(Debug)]
enum OwnCard {
    Device(Vec<u8>),
    Partner(Box<Card>),
}

#[derive(Debug)]
enum Phase {
    /// Waits for the box.
    Knocking,
    /// Waits for the inviter's answer.
    Committed,
    /// Waits for the person to type the inviter's number.
    Number { th: [u8; 32], card_hash: [u8; 32], number: String, tries: u8 },
    /// Waits for the welcome.
    Revealed { th: [u8; 32], card_hash: [u8; 32] },
    /// Waits for the caller to agree.
    Met { th: [u8; 32], channel: PairingSecret, person: PersonId },
    /// Waits for the way into the space.
    Entering { th: [u8; 32], channel: PairingSecret },
    /// Waits for the caller to sign the Genesis.
    Checking { channel: PairingSecret },
    /// Waits for the receipt.
    Signed { channel: PairingSecret },
    /// Over.
    Ended,
}

impl Join {
    /// Answers an invitation.
    ///
    /// # Errors
    /// [`PairError::Mode`] if the invitation is for the other use.
    pub fn new(
        invitation: Invitation,
        joiner: Joiner<'_>,
        random: &mut dyn Random,
        now: Moment,
    ) -> Result<Self, PairError> {
        let (card, bytes) = match (joiner, invitation.mode) {
            (Joiner::Device(keys), Mode::Device) => {
                (OwnCard::Device(device_card(keys)), device_card(keys))
            }
            (Joiner::Partner(card), Mode::Partner) => {
                let bytes = card.encode();
                (OwnCard::Partner(card), bytes)
            }
            (Joiner::Device(_), Mode::Partner) | (Joiner::Partner(_), Mode::Device) => {
                return Err(PairError::Mode);
            }
        };
        let ephemeral = KemKey::generate(random);
        let key = ephemeral.public().clone();
        let reveal = Reveal { key, nonce: draw(random), card_hash: sha256(&[&bytes]) };
        let mut mailbox = Mailbox::new(invitation.rid, Side::Joiner);
        mailbox.get(0);
        let deadline = now + PAIRING_TIME;
        let phase = Phase::Knocking;
        Ok(Self { invitation, card, ephemeral, reveal, mailbox, deadline, phase })
    }

    /// A message of the box, own ones included.
    pub fn handle_mail(&mut self, idx: u8, bytes: &[u8], now: Moment) {
        self.handle_timeout(now);
        let result = self.mailbox.accept(idx, bytes).and_then(|()| self.advance());
        self.burn_on_error(result);
    }

    /// The relay stored a message.
    pub fn handle_stored(&mut self, idx: u8) {
        self.mailbox.stored(idx);
    }

    /// The relay refused a message because another one stands at its place.
    pub fn handle_conflict(&mut self) {
        self.burn_on_error(Err(PairError::Used));
    }

    /// The relay has no such box any more, or never had.
    pub fn handle_gone(&mut self) {
        match self.phase {
            Phase::Signed { .. } => {
                self.phase = Phase::Ended;
                self.mailbox.end(Output::AwaitSpace);
            }
            Phase::Ended => {}
            Phase::Knocking
            | Phase::Committed
            | Phase::Number { .. }
            | Phase::Revealed { .. }
            | Phase::Met { .. }
            | Phase::Entering { .. }
            | Phase::Checking { .. } => self.burn_on_error(Err(PairError::Expired)),
        }
    }

    /// The connection was lost and is back: what was not stored, and what is waited for, comes out again.
    pub fn handle_reconnected(&mut self) {
        self.mailbox.repeat();
    }

    /// The person typed the number that the inviter's phone shows.
    ///
    /// # Errors
    /// [`TypedError`]; the third wrong number burns the invitation.
    pub fn handle_typed(&mut self, typed: &str) -> Result<(), TypedError> {
        let Phase::Number { th, card_hash, number, tries } = &mut self.phase else {
            return Err(TypedError::NotAsked);
        };
        let typed = parse_number(typed).ok_or(TypedError::Form)?;
        if typed != *number {
            *tries -= 1;
            let left = *tries;
            if left == 0 {
                self.burn_on_error(Err(PairError::Tries));
            }
            return Err(TypedError::Wrong { left });
        }
        self.phase = Phase::Revealed { th: *th, card_hash: *card_hash };
        let result = self.advance();
        self.burn_on_error(result);
        Ok(())
    }

    /// Mode device: enters as a device of the person that [`Output::Meet`] named. The keys are those of the card.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::Meet`] came before, or with other keys.
    pub fn enter(&mut self, keys: &DeviceKeys, random: &mut dyn Random) -> Result<(), NotAsked> {
        let (Phase::Met { person, .. }, OwnCard::Device(card)) = (&self.phase, &self.card) else {
            return Err(NotAsked);
        };
        if *card != device_card(keys) {
            return Err(NotAsked);
        }
        let mut writer = wire::codec::Writer::new();
        keys.device(*person).encode(&mut writer);
        self.introduce(writer.as_slice(), random)
    }

    /// Mode partner: agrees to found the space that [`Output::Meet`] named, with the own access keys for it.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::Meet`] came before.
    pub fn agree(
        &mut self,
        acc: PrincipalKey,
        adm: PrincipalKey,
        random: &mut dyn Random,
    ) -> Result<(), NotAsked> {
        let (Phase::Met { .. }, OwnCard::Partner(card)) = (&self.phase, &self.card) else {
            return Err(NotAsked);
        };
        let bytes = Partner { card: card.as_ref().clone(), acc, adm }.encode();
        self.introduce(&bytes, random)
    }

    /// Mode partner: the Genesis was checked; this is the own seat's signature.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::CheckGenesis`] came before.
    pub fn signed(
        &mut self,
        signature: &Signature,
        random: &mut dyn Random,
    ) -> Result<(), NotAsked> {
        let Phase::Checking { channel } = &self.phase else { return Err(NotAsked) };
        let channel = PairingSecret::from_bytes(channel.as_bytes());
        let sealed = self.mailbox.seal(&channel, 7, signature.as_bytes(), random);
        let result = sealed.and_then(|m7| {
            self.mailbox.put(7, m7);
            self.mailbox.get(8);
            self.phase = Phase::Signed { channel };
            self.advance()
        });
        self.burn_on_error(result);
        Ok(())
    }

    /// The person, or the program, gives it up.
    pub fn stop(&mut self) {
        self.burn_on_error(Err(PairError::Stopped));
    }

    /// The ten minutes may be over.
    pub fn handle_timeout(&mut self, now: Moment) {
        if now >= self.deadline {
            self.handle_gone();
        }
    }

    /// When to call [`Join::handle_timeout`].
    pub const fn poll_timeout(&self) -> Option<Moment> {
        if matches!(self.phase, Phase::Ended) { None } else { Some(self.deadline) }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.mailbox.poll()
    }

    /// What was taken.
    pub const fn invitation(&self) -> &Invitation {
        &self.invitation
    }

    /// Goes as far as what came allows.
    fn advance(&mut self) -> Result<(), PairError> {
        match &self.phase {
            Phase::Knocking => self.on_opening(),
            Phase::Committed => self.on_answer(),
            Phase::Revealed { .. } => self.on_welcome(),
            Phase::Entering { .. } => self.on_way_in(),
            Phase::Signed { .. } => self.on_receipt(),
            Phase::Number { .. } | Phase::Met { .. } | Phase::Checking { .. } | Phase::Ended => {
                Ok(())
            }
        }
    }

    fn on_opening(&mut self) -> Result<(), PairError> {
        let Some(m0) = self.mailbox.received(0) else { return Ok(()) };
        check_opening(m0, self.invitation.mode)?;
        self.mailbox.put(1, commitment(&self.reveal.encode()).to_vec());
        self.mailbox.get(2);
        self.phase = Phase::Committed;
        self.advance()
    }

    fn on_answer(&mut self) -> Result<(), PairError> {
        let Some(m2) = self.mailbox.received(2) else { return Ok(()) };
        let Invitation { mode, rid, line, way } = &self.invitation;
        match way {
            Way::Code { check, .. } if *check != invitation_check(m2) => {
                return Err(PairError::Mismatch);
            }
            Way::Code { .. } | Way::Digits(_) => {}
        }
        let inviter = Answer::decode(m2, line.relay)?;
        let reveal = self.reveal.encode();
        let place = Place { mode: *mode, rid: *rid, relay: line.relay };
        let th = transcript(&place, self.mailbox.sent(1), m2, &reveal);
        let psk = self.invitation.psk();
        let m3 = [reveal.as_slice(), &mac(psk, &th)].concat();
        let (number, own) = numbers(&th, (&inviter.nonce, &self.reveal.nonce), psk);
        let card_hash = inviter.card_hash;
        self.phase = if psk.is_some() {
            Phase::Revealed { th, card_hash }
        } else {
            Phase::Number { th, card_hash, number, tries: NUMBER_TRIES }
        };
        self.mailbox.put(3, m3);
        self.mailbox.get(4);
        self.mailbox.say(Output::ShowNumber(own));
        if matches!(self.phase, Phase::Number { .. }) {
            self.mailbox.say(Output::AskNumber);
        }
        self.advance()
    }

    fn on_welcome(&mut self) -> Result<(), PairError> {
        let Phase::Revealed { th, card_hash } = &self.phase else { return Ok(()) };
        let Some(m4) = self.mailbox.received(4) else { return Ok(()) };
        let th = *th;
        let expected =
            Expected { card_hash: *card_hash, names: self.invitation.mode == Mode::Partner };
        let psk = self.invitation.psk().map(|key| Psk { key, rid: self.invitation.rid });
        let Welcome { channel, inviter, home } =
            Welcome::open(m4, (&self.ephemeral, psk), &th, &expected)?;
        match &self.card {
            OwnCard::Partner(own) if own.shares_with(&inviter) => return Err(PairError::Mirror),
            OwnCard::Partner(_) | OwnCard::Device(_) => {}
        }
        let person = inviter.person;
        self.mailbox.say(Output::Meet { inviter: Box::new(inviter), home, th });
        self.phase = Phase::Met { th, channel, person };
        Ok(())
    }

    fn introduce(&mut self, inner: &[u8], random: &mut dyn Random) -> Result<(), NotAsked> {
        let Phase::Met { th, channel, .. } = &self.phase else { return Err(NotAsked) };
        let (th, channel) = (*th, PairingSecret::from_bytes(channel.as_bytes()));
        let result = self.mailbox.seal(&channel, 5, inner, random).and_then(|m5| {
            self.mailbox.put(5, m5);
            self.mailbox.get(6);
            self.phase = Phase::Entering { th, channel };
            self.advance()
        });
        self.burn_on_error(result);
        Ok(())
    }

    fn on_way_in(&mut self) -> Result<(), PairError> {
        let Phase::Entering { th, channel } = &self.phase else { return Ok(()) };
        let Some(inner) = self.mailbox.open(channel, 6)? else { return Ok(()) };
        let th = *th;
        let channel = PairingSecret::from_bytes(channel.as_bytes());
        match self.invitation.mode {
            Mode::Device => {
                let welcome = Box::new(DeviceWelcome::decode(&inner)?);
                self.phase = Phase::Ended;
                self.mailbox.end(Output::Welcomed { welcome, th });
                self.mailbox.say(Output::Done);
            }
            Mode::Partner => {
                let (body, wraps) = decode_genesis(&inner)?;
                self.mailbox.say(Output::CheckGenesis { body, wraps, th });
                self.phase = Phase::Checking { channel };
            }
        }
        Ok(())
    }

    fn on_receipt(&mut self) -> Result<(), PairError> {
        let Phase::Signed { channel } = &self.phase else { return Ok(()) };
        let Some(receipt) = self.mailbox.open(channel, 8)? else { return Ok(()) };
        self.phase = Phase::Ended;
        self.mailbox.end(Output::Founded { receipt: receipt.to_vec() });
        self.mailbox.say(Output::Done);
        Ok(())
    }

    fn burn_on_error(&mut self, result: Result<(), PairError>) {
        let Err(error) = result else { return };
        match self.phase {
            Phase::Ended => {}
            // Signed: the space may come to be, whatever comes out of the box now.
            Phase::Signed { .. } => self.handle_gone(),
            Phase::Knocking
            | Phase::Committed
            | Phase::Number { .. }
            | Phase::Revealed { .. }
            | Phase::Met { .. }
            | Phase::Entering { .. }
            | Phase::Checking { .. } => {
                self.phase = Phase::Ended;
                self.mailbox.burn(error);
            }
        }
    }
}
