//! Somebody in between, or on the other side: each attempt ends with a burned invitation and nothing handed out.

use super::hostile::{HostileInviter, HostileJoiner, NOBODY, encoded, weak_keys, with_voice};
use super::phones::{Phones, human, invite, line, shown};
use crate::crypto::{PairingSecret, SeededRandom};
use crate::pairing::card::device_card;
use crate::pairing::{
    Card, Digits, Invitation, Invite, Join, Joiner, Mode, Output, PairError, Partner, TypedError,
    Way,
};
use std::collections::BTreeMap;
use wire::id::PrincipalKey;
use wire::time::Moment;

fn burned(poll: impl FnMut() -> Option<Output>) -> Option<PairError> {
    core::iter::from_fn(poll).find_map(|output| {
        let Output::Burned(error) = output else { return None };
        Some(error)
    })
}

fn puts(poll: impl FnMut() -> Option<Output>) -> BTreeMap<u8, Vec<u8>> {
    let all = core::iter::from_fn(poll).filter_map(|output| {
        let Output::Put { idx, bytes } = output else { return None };
        Some((idx, bytes))
    });
    all.collect()
}

#[test]
fn b62_three_wrong_numbers_burn_the_invitation_on_the_inviters_phone() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    let right = phones.j.number();
    assert_eq!(phones.inviter_types("12345"), Err(TypedError::Form));
    for left in [2, 1, 0] {
        let wrong = if right == "000000" { "000001" } else { "000000" };
        let error = phones.inviter_types(wrong).unwrap_err();
        assert_eq!((error, error.code()), (TypedError::Wrong { left }, "pair.sas"));
    }
    assert_eq!(phones.i.burned().map(PairError::code), Some("pair.burned"));
    assert_eq!(phones.inviter_types(&right), Err(TypedError::NotAsked));
    assert_eq!(phones.mailbox.get(&4), Some(&Vec::new()), "nothing but a farewell");
    assert_eq!(
        phones.j.burned(),
        Some(PairError::Left),
        "the joiner does not wait for ten minutes"
    );
}

#[test]
fn b62_three_wrong_numbers_burn_the_invitation_on_the_joiners_phone() {
    let mut phones = Phones::new(Mode::Device, true);
    phones.pump();
    let right = phones.i.number();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for left in [2, 1, 0] {
        assert_eq!(phones.join.handle_typed(wrong), Err(TypedError::Wrong { left }));
    }
    phones.pump();
    assert_eq!(phones.j.burned(), Some(PairError::Tries));
    assert_eq!(phones.i.burned().map(PairError::code), Some("pair.left"));
}

#[test]
fn b64_the_own_number_or_one_digit_off_does_not_match() {
    let mut phones = Phones::new(Mode::Partner, true);
    phones.pump();
    let (of_inviter, of_joiner) = (phones.i.number(), phones.j.number());
    assert_eq!(phones.inviter_types(&of_inviter), Err(TypedError::Wrong { left: 2 }));
    let last = if of_joiner.ends_with('0') { "1" } else { "0" };
    let off = format!("{}{last}", of_joiner.get(..5).unwrap());
    assert_eq!(phones.inviter_types(&off), Err(TypedError::Wrong { left: 1 }));
    assert_eq!(phones.inviter_types(&of_joiner), Ok(()));
}

#[test]
fn somebody_in_between_makes_the_numbers_differ() {
    let (_, mut left) = invite(Mode::Partner, true);
    let invitation = shown(&left);
    let joiner = human(2);
    let random = &mut SeededRandom::new(4);
    let partner = Joiner::Partner(Box::new(joiner.card));
    let mut right = Join::new(shown(&left), partner, random, Moment::ORIGIN).unwrap();
    // Towards the inviter a joiner of their own, towards the joiner an inviter of their own.
    let mut towards_inviter = HostileJoiner::new(5, &human(6).card.encode());
    let person = human(7);
    let towards_joiner = HostileInviter::new(person.card, person.keys.voice);
    left.handle_mail(1, &towards_inviter.m1(), Moment::ORIGIN);
    let m2 = puts(|| left.poll_output()).remove(&2).unwrap();
    left.handle_mail(3, &towards_inviter.m3(&invitation, &m2), Moment::ORIGIN);
    right.handle_mail(0, &HostileInviter::m0(Mode::Partner), Moment::ORIGIN);
    right.handle_mail(2, &towards_joiner.answer.encode(), Moment::ORIGIN);
    let shown_by_joiner = core::iter::from_fn(|| right.poll_output()).find_map(|it| {
        let Output::ShowNumber(number) = it else { return None };
        Some(number)
    });
    let typed = left.handle_typed(&shown_by_joiner.unwrap(), &human(1).keys, random);
    assert_eq!(typed, Err(TypedError::Wrong { left: 2 }));
    assert!(puts(|| left.poll_output()).is_empty());
}

#[test]
fn a_joiner_without_the_secret_of_the_code_is_refused_before_any_number() {
    let (_, mut invite) = invite(Mode::Partner, false);
    let mut guess = shown(&invite);
    if let Way::Code { psk, .. } = &mut guess.way {
        *psk = PairingSecret::from_bytes(&[0; 32]);
    }
    let mut joiner = HostileJoiner::new(5, b"card");
    invite.handle_mail(1, &joiner.m1(), Moment::ORIGIN);
    let m2 = puts(|| invite.poll_output()).remove(&2).unwrap();
    invite.handle_mail(3, &joiner.m3(&guess, &m2), Moment::ORIGIN);
    assert_eq!(burned(|| invite.poll_output()), Some(PairError::Mismatch));
}

#[test]
fn an_inviter_who_is_not_the_one_of_the_code_is_refused_by_its_check() {
    let (_, invite) = invite(Mode::Device, false);
    let keys = human(2).keys;
    let random = &mut SeededRandom::new(4);
    let mut join =
        Join::new(shown(&invite), Joiner::Device(&keys), random, Moment::ORIGIN).unwrap();
    let stranger = human(7);
    let hostile = HostileInviter::new(stranger.card, stranger.keys.voice);
    join.handle_mail(0, &HostileInviter::m0(Mode::Device), Moment::ORIGIN);
    join.handle_mail(2, &hostile.answer.encode(), Moment::ORIGIN);
    assert_eq!(burned(|| join.poll_output()), Some(PairError::Mismatch));
}

/// The inviter's end when a joiner shows this card, in a device or partner pairing.
fn show_card(mode: Mode, card: &[u8], m5: &[u8]) -> (Invite, Option<PairError>) {
    let (inviter, mut invite) = invite(mode, false);
    let invitation = shown(&invite);
    let mut joiner = HostileJoiner::new(5, card);
    invite.handle_mail(1, &joiner.m1(), Moment::ORIGIN);
    let m2 = puts(|| invite.poll_output()).remove(&2).unwrap();
    invite.handle_mail(3, &joiner.m3(&invitation, &m2), Moment::ORIGIN);
    let random = &mut SeededRandom::new(6);
    invite.handle_typed(&joiner.number, &inviter.keys, random).unwrap();
    let m4 = puts(|| invite.poll_output()).remove(&4).unwrap();
    invite.handle_mail(5, &joiner.m5(&invitation, &m4, m5), Moment::ORIGIN);
    let end = burned(|| invite.poll_output());
    (invite, end)
}

#[test]
fn a_joining_device_with_a_weak_key_is_refused_and_the_box_burned() {
    let keys = human(2).keys;
    let device = keys.device(human(1).card.person);
    for voice in weak_keys(device.voice.to_bytes()) {
        let bytes = encoded(&with_voice(&device, voice));
        let (mut invite, end) = show_card(Mode::Device, &bytes[..1_280], &bytes);
        assert_eq!(end, Some(PairError::Key));
        assert!(invite.admitted(&way_in(), &mut SeededRandom::new(1)).is_err());
    }
    let good = encoded(&device);
    assert_eq!(show_card(Mode::Device, &device_card(&keys), &good).1, None);
    let of_nobody = encoded(&keys.device(NOBODY));
    assert_eq!(show_card(Mode::Device, &good[..1_280], &of_nobody).1, Some(PairError::Key));
    let other = encoded(&human(9).keys.device(human(1).card.person));
    assert_eq!(show_card(Mode::Device, &good[..1_280], &other).1, Some(PairError::Mismatch));
    assert_eq!(show_card(Mode::Device, &good[..1_280], &good[..1_300]).1, Some(PairError::Form));
}

fn way_in() -> crate::pairing::DeviceWelcome {
    Phones::new(Mode::Device, false).way_in()
}

#[test]
fn a_partner_with_a_weak_key_is_refused_and_the_box_burned() {
    let card = human(2).card;
    let [acc, adm] = [3, 4].map(|seed| PrincipalKey::from(human(seed).keys.voice.public()));
    let good = Partner { card: card.clone(), acc, adm };
    assert_eq!(show_card(Mode::Partner, &card.encode(), &good.encode()).1, None);
    for weak in weak_keys(card.device.voice.to_bytes()) {
        let device = with_voice(&card.device, weak);
        let weak_card = Card { device, ..card.clone() };
        let shown = Partner { card: weak_card.clone(), acc, adm };
        let end = show_card(Mode::Partner, &weak_card.encode(), &shown.encode()).1;
        assert_eq!(end, Some(PairError::Key));
        let acc = PrincipalKey::from_bytes(weak);
        let shown = Partner { acc, ..good.clone() };
        assert_eq!(
            show_card(Mode::Partner, &card.encode(), &shown.encode()).1,
            Some(PairError::Key)
        );
    }
    let shown = Partner { adm: acc, ..good };
    assert_eq!(show_card(Mode::Partner, &card.encode(), &shown.encode()).1, Some(PairError::Key));
}

#[test]
fn an_inviter_with_a_weak_key_is_refused_and_the_box_burned() {
    let person = human(7);
    for weak in weak_keys(person.card.device.voice.to_bytes()) {
        let device = with_voice(&person.card.device, weak);
        let card = Card { device, ..person.card.clone() };
        assert_eq!(welcomed_by(card), Some(PairError::Key));
    }
    assert_eq!(welcomed_by(person.card), None);
    // A card of somebody else: the signature is not theirs.
    assert_eq!(welcomed_by(human(8).card), Some(PairError::Mismatch));
}

/// The joiner's end when an inviter who holds the voice of person 7 shows this card.
fn welcomed_by(card: Card) -> Option<PairError> {
    let keys = human(2).keys;
    let invitation =
        || Invitation::by_digits(Mode::Device, Digits::parse("12345678").unwrap(), line());
    let random = &mut SeededRandom::new(4);
    let mut join = Join::new(invitation(), Joiner::Device(&keys), random, Moment::ORIGIN).unwrap();
    let hostile = HostileInviter::new(card, human(7).keys.voice);
    join.handle_mail(0, &HostileInviter::m0(Mode::Device), Moment::ORIGIN);
    join.handle_mail(2, &hostile.answer.encode(), Moment::ORIGIN);
    let sent = puts(|| join.poll_output());
    let (m4, number) = hostile.m4(&invitation(), &sent[&1], &sent[&3]);
    join.handle_mail(4, &m4, Moment::ORIGIN);
    join.handle_typed(&number).unwrap();
    burned(|| join.poll_output())
}

#[test]
fn nobody_pairs_with_themselves() {
    let card = human(1).card;
    let [acc, adm] = [3, 4].map(|seed| PrincipalKey::from(human(seed).keys.voice.public()));
    let shown = Partner { card: card.clone(), acc, adm };
    let end = show_card(Mode::Partner, &card.encode(), &shown.encode()).1;
    assert_eq!(end, Some(PairError::Mirror));
}
