//! Two phones and a box: outputs are carried out, what is asked of people and callers is kept.

use crate::crypto::{
    DeviceKeys, Home, RecoveryEntropy, RecoveryKeys, SeededRandom, Signature, SigningKey,
};
use crate::model::id::{OpId, PersonId, SpaceId};
use crate::pairing::{
    Card, DeviceWelcome, Invitation, Invite, Inviter, Join, Joiner, Mode, Output, PairError,
};
use std::collections::BTreeMap;
use wire::address::AddressLine;
use wire::id::{PrincipalKey, SpaceHandle};
use wire::time::Moment;

/// A person with their phone.
pub(super) struct Human {
    pub(super) keys: DeviceKeys,
    pub(super) card: Card,
}

pub(super) fn human(seed: u64) -> Human {
    let random = &mut SeededRandom::new(seed);
    let keys = DeviceKeys::generate(random);
    let person = PersonId::from_bytes(crate::crypto::draw(random));
    let recovery = RecoveryKeys::from_entropy(&RecoveryEntropy::generate(random)).public();
    let card = Card { person, device: keys.device(person), recovery };
    Human { keys, card }
}

pub(super) fn line() -> AddressLine {
    let relay = SigningKey::generate(&mut SeededRandom::new(99)).public().into();
    AddressLine { address: "relay.example:4433".parse().unwrap(), relay }
}

/// One side: its machine is driven from outside, this is what came out and was not carried out.
#[derive(Default)]
pub(super) struct Side {
    pub(super) asked: Vec<Output>,
    from: Option<u8>,
    seen: BTreeMap<u8, Vec<u8>>,
}

impl Side {
    /// The first thing asked that fits, taken out.
    pub(super) fn take(&mut self, name: &str) -> Output {
        let at = self.asked.iter().position(|output| format!("{output:?}").starts_with(name));
        self.asked.remove(at.unwrap_or_else(|| panic!("{name} in {:?}", self.asked)))
    }

    pub(super) fn number(&mut self) -> String {
        let Output::ShowNumber(number) = self.take("ShowNumber") else { panic!("a number") };
        number
    }

    pub(super) fn burned(&self) -> Option<PairError> {
        self.asked.iter().find_map(|output| {
            let Output::Burned(error) = output else { return None };
            Some(*error)
        })
    }

    pub(super) fn done(&self) -> bool {
        matches!(self.asked.last(), Some(Output::Done))
    }
}

pub(super) struct Phones {
    pub(super) inviter: Human,
    pub(super) joiner: Human,
    pub(super) invite: Invite,
    pub(super) join: Join,
    pub(super) mailbox: BTreeMap<u8, Vec<u8>>,
    pub(super) i: Side,
    pub(super) j: Side,
    pub(super) random: SeededRandom,
    pub(super) now: Moment,
}

pub(super) fn invite(mode: Mode, by_digits: bool) -> (Human, Invite) {
    let inviter = human(1);
    let card = inviter.card.clone();
    let setup = Inviter { mode, card, line: line(), by_digits };
    let invite = Invite::new(setup, &mut SeededRandom::new(3), Moment::ORIGIN);
    (inviter, invite)
}

/// The invitation as the joiner reads it from the other screen.
pub(super) fn shown(invite: &Invite) -> Invitation {
    let (mode, text) = (invite.invitation().mode, invite.invitation().text());
    match crate::pairing::Digits::parse(&text) {
        Ok(digits) => Invitation::by_digits(mode, digits, line()),
        Err(_) => Invitation::parse(&text).unwrap(),
    }
}

impl Phones {
    pub(super) fn new(mode: Mode, by_digits: bool) -> Self {
        let (inviter, invite) = invite(mode, by_digits);
        let invitation = shown(&invite);
        Self::with(inviter, invite, invitation)
    }

    pub(super) fn with(inviter: Human, invite: Invite, invitation: Invitation) -> Self {
        let joiner = human(2);
        let mut random = SeededRandom::new(4);
        let who = match invitation.mode {
            Mode::Device => Joiner::Device(&joiner.keys),
            Mode::Partner => Joiner::Partner(Box::new(joiner.card.clone())),
        };
        let join = Join::new(invitation, who, &mut random, Moment::ORIGIN).unwrap();
        let (i, j, mailbox) = (Side::default(), Side::default(), BTreeMap::new());
        let now = Moment::ORIGIN;
        Self { inviter, joiner, invite, join, mailbox, i, j, random, now }
    }

    /// Carries out until nothing moves.
    pub(super) fn pump(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            while let Some(output) = self.invite.poll_output() {
                moved = true;
                if let Some((idx, stored)) = carry_out(&mut self.mailbox, &mut self.i, output) {
                    if stored {
                        self.invite.handle_stored(idx);
                    } else {
                        self.invite.handle_conflict();
                    }
                }
            }
            while let Some(output) = self.join.poll_output() {
                moved = true;
                if let Some((idx, stored)) = carry_out(&mut self.mailbox, &mut self.j, output) {
                    if stored {
                        self.join.handle_stored(idx);
                    } else {
                        self.join.handle_conflict();
                    }
                }
            }
            for (idx, bytes) in fetch(&self.mailbox, &mut self.i) {
                moved = true;
                self.invite.handle_mail(idx, &bytes, self.now);
            }
            for (idx, bytes) in fetch(&self.mailbox, &mut self.j) {
                moved = true;
                self.join.handle_mail(idx, &bytes, self.now);
            }
        }
    }

    /// The inviter types what the joiner's phone shows.
    pub(super) fn inviter_types(&mut self, typed: &str) -> Result<(), crate::pairing::TypedError> {
        let result = self.invite.handle_typed(typed, &self.inviter.keys, &mut self.random);
        self.pump();
        result
    }

    /// Both people read and type whatever is shown and asked.
    pub(super) fn read_and_type(&mut self) {
        self.pump();
        let of_joiner = self.j.number();
        if matches!(self.j.asked.first(), Some(Output::AskNumber)) {
            self.j.take("AskNumber");
            let of_inviter = self.i.number();
            self.join.handle_typed(&of_inviter).unwrap();
        }
        self.i.take("AskNumber");
        self.inviter_types(&of_joiner).unwrap();
    }

    pub(super) fn way_in(&mut self) -> DeviceWelcome {
        DeviceWelcome {
            home: Home {
                sid: SpaceHandle::from_bytes([7; 16]),
                space: SpaceId::from_bytes([8; 16]),
            },
            line: line(),
            head: (3, OpId::from_bytes([9; 32])),
            acc: SigningKey::generate(&mut self.random),
        }
    }

    /// Mode partner, up to the Genesis that the joiner is to check.
    pub(super) fn agree(&mut self) {
        self.read_and_type();
        self.j.take("Meet");
        let keys = [1, 2].map(|seed| {
            PrincipalKey::from(SigningKey::generate(&mut SeededRandom::new(50 + seed)).public())
        });
        self.join.agree(keys[0], keys[1], &mut self.random).unwrap();
        self.pump();
    }
}

/// The relay's part: stores, and refuses another text at a taken place.
fn carry_out(
    mailbox: &mut BTreeMap<u8, Vec<u8>>,
    side: &mut Side,
    output: Output,
) -> Option<(u8, bool)> {
    if let Output::Put { idx, bytes } = output {
        let there = mailbox.entry(idx).or_insert_with(|| bytes.clone());
        return Some((idx, *there == bytes));
    }
    if let Output::Get { from } = output {
        side.from = Some(from);
    } else {
        side.asked.push(output);
    }
    None
}

fn fetch(mailbox: &BTreeMap<u8, Vec<u8>>, side: &mut Side) -> Vec<(u8, Vec<u8>)> {
    let Some(from) = side.from else { return Vec::new() };
    let all = mailbox.range(from..).map(|(idx, bytes)| (*idx, bytes.clone()));
    let new: Vec<_> = all.filter(|(idx, bytes)| side.seen.get(idx) != Some(bytes)).collect();
    side.seen.extend(new.iter().cloned());
    new
}

pub(super) const SIGNATURE: Signature = Signature([6; 64]);
