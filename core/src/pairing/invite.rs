//! The inviter's side.

use super::card::{Card, Partner, decode_device};
use super::digits::{Digits, parse_number};
use super::error::{NotAsked, PairError, TypedError};
use super::invitation::{Invitation, Mode, Way};
use super::mailbox::{Mailbox, Side};
use super::output::{DeviceWelcome, Output};
use super::transcript::{
    Answer, Place, Reveal, check_mac, invitation_check, numbers, opening, split_reveal, transcript,
};
use super::welcome::{Welcome, encode_genesis};
use super::{NUMBER_TRIES, PAIRING_TIME};
use crate::crypto::{DeviceKeys, Home, KemPublic, PairingSecret, Psk, Random, Signature, draw};
use crate::model::id::SpaceId;
use wire::address::AddressLine;
use wire::id::{RendezvousId, SpaceHandle};
use wire::limit::WRAP_BYTES;
use wire::time::Moment;

/// Who invites, and for what.
#[derive(Debug)]
pub struct Inviter {
    /// An own device or the partner.
    pub mode: Mode,
    /// Oneself, with the device in the hand.
    pub card: Card,
    /// The relay that will hold the box.
    pub line: AddressLine,
    /// By digits instead of a long code: for a joiner without a camera.
    pub by_digits: bool,
}

/// One invitation, from showing it to its end.
#[derive(Debug)]
pub struct Invite {
    card: Card,
    invitation: Invitation,
    answer: Answer,
    mailbox: Mailbox,
    deadline: Moment,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Waits for the commitment.
    Shown,
    /// Waits for what was committed to.
    Answered,
    /// Waits for the person to type the joiner's number.
    Number { joiner: Reveal, th: [u8; 32], number: String, tries: u8 },
    /// Waits for the joiner's card.
    Welcomed { th: [u8; 32], channel: PairingSecret, card_hash: [u8; 32], home: Home },
    /// Waits for the caller to admit the device.
    Admitting { channel: PairingSecret },
    /// Waits for the caller to draft the Genesis.
    Drafting { channel: PairingSecret },
    /// Waits for the partner's signature.
    Drafted { channel: PairingSecret },
    /// Waits for the caller to create the space.
    Founding { channel: PairingSecret },
    /// Waits until the last message is stored.
    Closing,
    /// Over.
    Ended,
}

impl Invite {
    /// Opens a box. Show [`Invite::invitation`].
    pub fn new(inviter: Inviter, random: &mut dyn Random, now: Moment) -> Self {
        let Inviter { mode, card, line, by_digits } = inviter;
        let card_hash = wire::hash::sha256(&[&card.encode()]);
        let answer = Answer { nonce: draw(random), card_hash, relay: line.relay };
        let invitation = if by_digits {
            Invitation::by_digits(mode, Digits::generate(random), line)
        } else {
            let check = invitation_check(&answer.encode());
            let way = Way::Code { psk: PairingSecret::generate(random), check };
            Invitation { mode, rid: RendezvousId::from_bytes(draw(random)), line, way }
        };
        let mut mailbox = Mailbox::new(invitation.rid, Side::Inviter);
        mailbox.put(0, opening(mode).to_vec());
        mailbox.get(1);
        let deadline = now + PAIRING_TIME;
        Self { card, invitation, answer, mailbox, deadline, phase: Phase::Shown }
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
        self.close_if_stored();
    }

    /// The relay refused a message because another one stands at its place.
    pub fn handle_conflict(&mut self) {
        self.burn_on_error(Err(PairError::Used));
    }

    /// The relay has no such box any more.
    pub fn handle_gone(&mut self) {
        self.burn_on_error(Err(PairError::Expired));
    }

    /// The connection was lost and is back: what was not stored, and what is waited for, comes out again.
    pub fn handle_reconnected(&mut self) {
        self.mailbox.repeat();
    }

    /// The person typed the number that the joiner's phone shows. `keys` are at hand only after the app secret was
    /// given: nothing leaves this phone before.
    ///
    /// # Errors
    /// [`TypedError`]; the third wrong number burns the invitation.
    pub fn handle_typed(
        &mut self,
        typed: &str,
        keys: &DeviceKeys,
        random: &mut dyn Random,
    ) -> Result<(), TypedError> {
        let Phase::Number { joiner, th, number, tries } = &mut self.phase else {
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
        let (th, card_hash, to) = (*th, joiner.card_hash, joiner.key.clone());
        let result = self.welcome((&to, &th), card_hash, keys, random);
        self.burn_on_error(result);
        Ok(())
    }

    /// The device is in the private space: the joiner may be told where that is.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::Admit`] came before.
    pub fn admitted(
        &mut self,
        welcome: &DeviceWelcome,
        random: &mut dyn Random,
    ) -> Result<(), NotAsked> {
        let Phase::Admitting { channel } = &self.phase else { return Err(NotAsked) };
        let result = self.mailbox.seal(channel, 6, &welcome.encode(), random);
        self.put_last(6, result);
        Ok(())
    }

    /// The Genesis is drafted: its body with the own signature, and its twelve wraps.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::Draft`] came before.
    pub fn drafted(
        &mut self,
        body: &[u8],
        wraps: &[[u8; WRAP_BYTES]],
        random: &mut dyn Random,
    ) -> Result<(), NotAsked> {
        let Phase::Drafting { channel } = &mut self.phase else { return Err(NotAsked) };
        let sealed = self.mailbox.seal(channel, 6, &encode_genesis(body, wraps), random);
        let channel = PairingSecret::from_bytes(channel.as_bytes());
        let result = sealed.and_then(|m6| {
            self.mailbox.put(6, m6);
            self.mailbox.get(7);
            self.phase = Phase::Drafted { channel };
            self.advance()
        });
        self.burn_on_error(result);
        Ok(())
    }

    /// The space exists; this is the relay's receipt for its first item.
    ///
    /// # Errors
    /// [`NotAsked`] unless [`Output::Assemble`] came before.
    pub fn founded(&mut self, receipt: &[u8], random: &mut dyn Random) -> Result<(), NotAsked> {
        let Phase::Founding { channel } = &self.phase else { return Err(NotAsked) };
        let result = self.mailbox.seal(channel, 8, receipt, random);
        self.put_last(8, result);
        Ok(())
    }

    /// The person, or the program, gives it up.
    pub fn stop(&mut self) {
        if !matches!(self.phase, Phase::Ended) {
            self.burn(PairError::Stopped);
        }
    }

    /// The ten minutes may be over. A space that is being founded is founded all the same.
    pub fn handle_timeout(&mut self, now: Moment) {
        if now >= self.deadline {
            self.handle_gone();
        }
    }

    /// When to call [`Invite::handle_timeout`].
    pub const fn poll_timeout(&self) -> Option<Moment> {
        match self.phase {
            Phase::Founding { .. } | Phase::Ended => None,
            Phase::Shown
            | Phase::Answered
            | Phase::Number { .. }
            | Phase::Welcomed { .. }
            | Phase::Admitting { .. }
            | Phase::Drafting { .. }
            | Phase::Drafted { .. }
            | Phase::Closing => Some(self.deadline),
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.mailbox.poll()
    }

    /// What to show.
    pub const fn invitation(&self) -> &Invitation {
        &self.invitation
    }

    /// Goes as far as what came allows.
    fn advance(&mut self) -> Result<(), PairError> {
        match &self.phase {
            Phase::Shown => self.on_commitment(),
            Phase::Answered => self.on_reveal(),
            Phase::Welcomed { .. } => self.on_card(),
            Phase::Drafted { .. } => self.on_signature(),
            Phase::Number { .. }
            | Phase::Admitting { .. }
            | Phase::Drafting { .. }
            | Phase::Founding { .. }
            | Phase::Closing
            | Phase::Ended => Ok(()),
        }
    }

    fn on_commitment(&mut self) -> Result<(), PairError> {
        let Some(m1) = self.mailbox.received(1) else { return Ok(()) };
        if m1.len() != 32 {
            return Err(PairError::Form);
        }
        self.mailbox.put(2, self.answer.encode());
        self.mailbox.get(3);
        self.phase = Phase::Answered;
        self.advance()
    }

    fn on_reveal(&mut self) -> Result<(), PairError> {
        let Some(m3) = self.mailbox.received(3) else { return Ok(()) };
        let m1 = self.mailbox.received(1).unwrap_or_default();
        let (reveal, mac) = split_reveal(m3)?;
        let joiner = Reveal::decode(reveal, m1)?;
        let Invitation { mode, rid, line, .. } = &self.invitation;
        let place = Place { mode: *mode, rid: *rid, relay: line.relay };
        let th = transcript(&place, m1, self.mailbox.sent(2), reveal);
        let psk = self.invitation.psk();
        check_mac(psk, &th, mac)?;
        let (own, number) = numbers(&th, (&self.answer.nonce, &joiner.nonce), psk);
        if psk.is_none() {
            self.mailbox.say(Output::ShowNumber(own));
        }
        self.mailbox.say(Output::AskNumber);
        self.phase = Phase::Number { joiner, th, number, tries: NUMBER_TRIES };
        Ok(())
    }

    fn welcome(
        &mut self,
        to: (&KemPublic, &[u8; 32]),
        card_hash: [u8; 32],
        keys: &DeviceKeys,
        random: &mut dyn Random,
    ) -> Result<(), PairError> {
        let (to, th) = to;
        let home = Home {
            sid: SpaceHandle::from_bytes(draw(random)),
            space: SpaceId::from_bytes(draw(random)),
        };
        let welcome = Welcome {
            channel: PairingSecret::generate(random),
            inviter: self.card.clone(),
            home: (self.invitation.mode == Mode::Partner).then_some(home),
        };
        let psk = self.invitation.psk().map(|key| Psk { key, rid: self.invitation.rid });
        let m4 = welcome.seal((to, psk), th, &keys.voice, random)?;
        self.mailbox.put(4, m4);
        self.mailbox.get(5);
        self.phase = Phase::Welcomed { th: *th, channel: welcome.channel, card_hash, home };
        self.advance()
    }

    fn on_card(&mut self) -> Result<(), PairError> {
        let Phase::Welcomed { th, channel, card_hash, home } = &self.phase else { return Ok(()) };
        let Some(inner) = self.mailbox.open(channel, 5)? else { return Ok(()) };
        let (th, home, mode) = (*th, *home, self.invitation.mode);
        let channel = PairingSecret::from_bytes(channel.as_bytes());
        match mode {
            Mode::Device => {
                let device = decode_device(&inner, card_hash, self.card.person)?;
                self.mailbox.say(Output::Admit { device: Box::new(device), th });
                self.phase = Phase::Admitting { channel };
            }
            Mode::Partner => {
                let partner = Partner::decode(&inner, card_hash)?;
                if partner.card.shares_with(&self.card) {
                    return Err(PairError::Mirror);
                }
                self.mailbox.say(Output::Draft { partner: Box::new(partner), home, th });
                self.phase = Phase::Drafting { channel };
            }
        }
        Ok(())
    }

    fn on_signature(&mut self) -> Result<(), PairError> {
        let Phase::Drafted { channel } = &self.phase else { return Ok(()) };
        let Some(inner) = self.mailbox.open(channel, 7)? else { return Ok(()) };
        let signature = inner.as_slice().try_into().map_err(|_| PairError::Form)?;
        let channel = PairingSecret::from_bytes(channel.as_bytes());
        self.mailbox.say(Output::Assemble { signature: Signature(signature) });
        self.phase = Phase::Founding { channel };
        Ok(())
    }

    fn put_last(&mut self, idx: u8, sealed: Result<Vec<u8>, PairError>) {
        let result = sealed.map(|bytes| {
            self.mailbox.put(idx, bytes);
            self.phase = Phase::Closing;
        });
        self.burn_on_error(result);
    }

    fn close_if_stored(&mut self) {
        if matches!(self.phase, Phase::Closing) && self.mailbox.all_stored() {
            self.end(Output::Done);
        }
    }

    fn burn(&mut self, error: PairError) {
        self.phase = Phase::Ended;
        self.mailbox.burn(error);
    }

    fn end(&mut self, end: Output) {
        self.phase = Phase::Ended;
        self.mailbox.end(end);
    }

    /// Whatever comes out of the box, a space that both signed is founded; the receipt only helps the partner.
    fn burn_on_error(&mut self, result: Result<(), PairError>) {
        let Err(error) = result else { return };
        match (&self.phase, self.invitation.mode) {
            (Phase::Founding { .. } | Phase::Ended, _) => {}
            (Phase::Closing, Mode::Partner) => self.end(Output::Done),
            (Phase::Closing, Mode::Device)
            | (
                Phase::Shown
                | Phase::Answered
                | Phase::Number { .. }
                | Phase::Welcomed { .. }
                | Phase::Admitting { .. }
                | Phase::Drafting { .. }
                | Phase::Drafted { .. },
                _,
            ) => self.burn(error),
        }
    }
}
