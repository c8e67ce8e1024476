//! What is meant to happen: both modes, both ways, and a bad connection.

use super::phones::{Phones, SIGNATURE, human, invite, shown};
use crate::crypto::SeededRandom;
use crate::pairing::{Join, Joiner, Mode, Output, PairError, TypedError};
use core::time::Duration;
use wire::limit::{MAIL_BYTES_MAX, MAILBOX_BYTES_MAX};
use wire::time::Moment;

fn pair_device(by_digits: bool) -> Phones {
    let mut phones = Phones::new(Mode::Device, by_digits);
    phones.read_and_type();
    let Output::Meet { inviter, home, th } = phones.j.take("Meet") else { panic!() };
    assert_eq!(*inviter, phones.inviter.card);
    assert_eq!(home, None);
    phones.join.enter(&phones.joiner.keys, &mut phones.random).unwrap();
    phones.pump();
    let Output::Admit { device, th: same } = phones.i.take("Admit") else { panic!() };
    assert_eq!(*device, phones.joiner.keys.device(phones.inviter.card.person));
    assert_eq!(th, same);
    let way_in = phones.way_in();
    phones.invite.admitted(&way_in, &mut phones.random).unwrap();
    phones.pump();
    let Output::Welcomed { welcome, th: same } = phones.j.take("Welcomed") else { panic!() };
    assert_eq!((welcome.home, welcome.head), (way_in.home, way_in.head));
    assert_eq!((&welcome.line, welcome.acc.seed()), (&way_in.line, way_in.acc.seed()));
    assert_eq!(th, same);
    assert!(phones.i.done() && phones.j.done());
    phones
}

#[test]
fn an_own_device_joins_by_code_and_by_digits() {
    for by_digits in [false, true] {
        let phones = pair_device(by_digits);
        assert_eq!(phones.mailbox.len(), 7);
    }
}

fn found_together(by_digits: bool) -> Phones {
    let mut phones = Phones::new(Mode::Partner, by_digits);
    phones.agree();
    let Output::Draft { partner, home, .. } = phones.i.take("Draft") else { panic!() };
    assert_eq!(partner.card, phones.joiner.card);
    assert_ne!(home.sid.as_bytes(), home.space.as_bytes());
    let wraps = vec![[5; 1_168]; 12];
    phones.invite.drafted(&[4; 6_000], &wraps, &mut phones.random).unwrap();
    phones.pump();
    let Output::CheckGenesis { body, wraps: got, .. } = phones.j.take("CheckGenesis") else {
        panic!()
    };
    assert_eq!((body, got), (vec![4; 6_000], wraps));
    phones.join.signed(&SIGNATURE, &mut phones.random).unwrap();
    phones.pump();
    let Output::Assemble { signature } = phones.i.take("Assemble") else { panic!() };
    assert_eq!(signature, SIGNATURE);
    phones
}

#[test]
fn a_partner_joins_by_code_and_by_digits() {
    for by_digits in [false, true] {
        let mut phones = found_together(by_digits);
        phones.invite.founded(b"receipt", &mut phones.random).unwrap();
        phones.pump();
        let Output::Founded { receipt } = phones.j.take("Founded") else { panic!() };
        assert_eq!(receipt, b"receipt");
        assert!(phones.i.done() && phones.j.done());
        assert_eq!(phones.mailbox.len(), 9);
    }
}

#[test]
fn a_whole_pairing_fits_into_the_box_with_room_to_spare() {
    let mut phones = found_together(false);
    phones.invite.founded(&[0; 500], &mut phones.random).unwrap();
    phones.pump();
    assert!(phones.mailbox.values().all(|mail| mail.len() <= MAIL_BYTES_MAX));
    let total: usize = phones.mailbox.values().map(Vec::len).sum();
    assert!(total <= MAILBOX_BYTES_MAX, "{total}");
}

#[test]
fn by_code_only_the_joiner_shows_a_number_and_only_the_inviter_types() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    assert!(matches!(phones.i.asked.as_slice(), [Output::AskNumber]));
    assert!(matches!(phones.j.asked.as_slice(), [Output::ShowNumber(number)] if number.len() == 6));
    assert_eq!(phones.join.handle_typed("123456"), Err(TypedError::NotAsked));
}

#[test]
fn nothing_sealed_leaves_before_the_number_was_typed() {
    for by_digits in [false, true] {
        let mut phones = Phones::new(Mode::Partner, by_digits);
        phones.pump();
        assert_eq!(phones.mailbox.keys().copied().collect::<Vec<u8>>(), [0, 1, 2, 3]);
    }
}

#[test]
fn a_welcome_that_comes_before_the_joiner_typed_waits() {
    let mut phones = Phones::new(Mode::Partner, true);
    phones.pump();
    let (of_inviter, of_joiner) = (phones.i.number(), phones.j.number());
    phones.inviter_types(&of_joiner).unwrap();
    assert!(phones.mailbox.contains_key(&4));
    assert!(matches!(phones.j.asked.as_slice(), [Output::AskNumber]));
    let (first, second) = of_inviter.split_at(3);
    let spaced = format!("{first} {second}");
    phones.join.handle_typed(&spaced).unwrap();
    phones.pump();
    phones.j.take("Meet");
}

#[test]
fn after_a_lost_connection_what_was_not_stored_is_said_again() {
    let (_, mut invite) = invite(Mode::Device, true);
    let first: Vec<String> =
        core::iter::from_fn(|| invite.poll_output()).map(|output| format!("{output:?}")).collect();
    assert_eq!(first.len(), 2);
    invite.handle_reconnected();
    let again: Vec<String> =
        core::iter::from_fn(|| invite.poll_output()).map(|output| format!("{output:?}")).collect();
    assert_eq!(first, again);
    invite.handle_stored(0);
    invite.handle_reconnected();
    assert!(matches!(invite.poll_output(), Some(Output::Get { from: 1 })));
    assert!(invite.poll_output().is_none());
}

#[test]
fn the_same_message_twice_changes_nothing() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    for (idx, bytes) in phones.mailbox.clone() {
        phones.invite.handle_mail(idx, &bytes, Moment::ORIGIN);
        phones.join.handle_mail(idx, &bytes, Moment::ORIGIN);
    }
    assert!(phones.invite.poll_output().is_none() && phones.join.poll_output().is_none());
}

#[test]
fn b62_after_ten_minutes_an_invitation_is_gone() {
    let late = Moment::ORIGIN + Duration::from_mins(10);
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    assert_eq!(phones.invite.poll_timeout(), Some(late));
    phones.invite.handle_timeout(Moment::ORIGIN + Duration::from_secs(599));
    phones.join.handle_timeout(late);
    phones.pump();
    assert_eq!(phones.i.burned(), None);
    assert_eq!(phones.j.burned(), Some(PairError::Expired));
    phones.now = late;
    phones.invite.handle_timeout(late);
    phones.pump();
    assert_eq!(phones.i.burned().map(PairError::code), Some("pair.expired"));
    let number = phones.j.number();
    assert_eq!(phones.inviter_types(&number), Err(TypedError::NotAsked));
}

#[test]
fn a_joiner_that_signed_goes_on_looking_for_the_space_when_the_box_is_gone() {
    let mut phones = found_together(false);
    phones.join.handle_gone();
    phones.invite.handle_gone();
    phones.pump();
    assert!(matches!(phones.j.asked.last(), Some(Output::AwaitSpace)));
    assert_eq!((phones.i.burned(), phones.j.burned()), (None, None));
    phones.invite.founded(b"receipt", &mut phones.random).unwrap();
    phones.invite.handle_gone();
    phones.pump();
    assert!(phones.i.done());
}

#[test]
fn an_answer_that_was_not_asked_changes_nothing() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    let way_in = phones.way_in();
    assert!(phones.invite.admitted(&way_in, &mut phones.random).is_err());
    assert!(phones.invite.drafted(&[], &[], &mut phones.random).is_err());
    assert!(phones.invite.founded(&[], &mut phones.random).is_err());
    assert!(phones.join.enter(&phones.joiner.keys, &mut phones.random).is_err());
    assert!(phones.join.signed(&SIGNATURE, &mut phones.random).is_err());
    assert!(phones.invite.poll_output().is_none());
}

#[test]
fn b63_an_invitation_for_the_other_use_is_refused_before_anything_is_sent() {
    let (_, invite) = invite(Mode::Partner, false);
    let random = &mut SeededRandom::new(1);
    let keys = human(2).keys;
    let join = Join::new(shown(&invite), Joiner::Device(&keys), random, Moment::ORIGIN);
    assert_eq!(join.unwrap_err(), PairError::Mode);
}
