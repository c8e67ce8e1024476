//! Somebody who can write into the box: what stands at a wrong place, twice, or damaged burns the invitation.

use super::phones::{Phones, SIGNATURE, invite, shown};
use crate::pairing::{Mode, Output, PairError};
use core::time::Duration;
use proptest::prelude::*;
use wire::time::Moment;

#[test]
fn b62_a_second_commitment_burns_the_invitation() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.pump();
    phones.invite.handle_mail(1, &[7; 32], Moment::ORIGIN);
    phones.pump();
    assert_eq!(phones.i.burned().map(PairError::code), Some("pair.used"));
    phones.join.handle_conflict();
    phones.pump();
    assert_eq!(phones.j.burned(), Some(PairError::Used));
}

#[test]
fn whoever_answers_first_shuts_the_other_one_out() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.mailbox.insert(1, vec![7; 32]);
    phones.pump();
    assert_eq!(phones.j.burned(), Some(PairError::Used));
}

#[test]
fn a_swapped_reveal_does_not_fit_its_commitment() {
    let mut other = Phones::new(Mode::Partner, true);
    other.pump();
    let mut m3 = other.mailbox[&3].clone();
    m3[1_216] ^= 1;
    let mut phones = Phones::new(Mode::Partner, true);
    phones.invite.handle_mail(1, &other.mailbox[&1], Moment::ORIGIN);
    phones.invite.handle_mail(3, &m3, Moment::ORIGIN);
    phones.pump();
    assert_eq!(phones.i.burned(), Some(PairError::Mismatch));
    assert!(phones.i.asked.iter().all(|output| !matches!(output, Output::AskNumber)));
}

#[test]
fn a_box_for_the_other_use_is_refused() {
    let (inviter, invite) = invite(Mode::Partner, true);
    let mut invitation = shown(&invite);
    invitation.mode = Mode::Device;
    let mut phones = Phones::with(inviter, invite, invitation);
    phones.pump();
    assert_eq!(phones.j.burned().map(PairError::code), Some("pair.qr"));
}

#[test]
fn an_answer_from_another_relay_is_refused() {
    let (inviter, invite) = invite(Mode::Partner, true);
    let mut invitation = shown(&invite);
    invitation.line.relay = wire::id::RelayId::from_bytes([1; 32]);
    let mut phones = Phones::with(inviter, invite, invitation);
    phones.pump();
    assert_eq!(phones.j.burned(), Some(PairError::Mismatch));
}

#[test]
fn versions_without_a_common_one_end_the_pairing() {
    let mut phones = Phones::new(Mode::Partner, true);
    phones.pump();
    let mut m2 = phones.mailbox[&2].clone();
    let at = m2.len() - 2;
    m2[at..].copy_from_slice(&[7, 9]);
    let mut fresh = Phones::new(Mode::Partner, true);
    fresh.mailbox.insert(0, phones.mailbox[&0].clone());
    fresh.join.handle_mail(0, &phones.mailbox[&0], Moment::ORIGIN);
    fresh.join.handle_mail(2, &m2, Moment::ORIGIN);
    while let Some(output) = fresh.join.poll_output() {
        fresh.j.asked.push(output);
    }
    assert_eq!(fresh.j.burned(), Some(PairError::Version));
}

#[test]
fn a_damaged_sealed_message_burns_the_invitation() {
    for at in [10, 40, 70, 1_000] {
        let mut phones = Phones::new(Mode::Partner, false);
        phones.agree();
        let mut m5 = phones.mailbox[&5].clone();
        m5[at] ^= 1;
        let mut fresh = Phones::new(Mode::Partner, false);
        fresh.pump();
        let number = fresh.j.number();
        fresh.inviter_types(&number).unwrap();
        fresh.invite.handle_mail(5, &m5, Moment::ORIGIN);
        fresh.pump();
        assert_eq!(fresh.i.burned(), Some(PairError::Mismatch), "byte {at}");
    }
}

#[test]
fn a_space_that_both_signed_is_founded_whatever_is_written_into_the_box() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.agree();
    phones.invite.drafted(b"body", &[[0; 1_168]; 12], &mut phones.random).unwrap();
    phones.pump();
    phones.join.signed(&SIGNATURE, &mut phones.random).unwrap();
    phones.pump();
    phones.i.take("Assemble");
    phones.invite.handle_mail(8, b"not ours", Moment::ORIGIN);
    phones.invite.handle_timeout(Moment::ORIGIN + Duration::from_mins(10));
    phones.mailbox.insert(8, b"not ours".to_vec());
    phones.pump();
    assert_eq!((phones.i.burned(), phones.j.burned()), (None, None));
    assert!(matches!(phones.j.asked.last(), Some(Output::AwaitSpace)));
    phones.invite.founded(b"receipt", &mut phones.random).unwrap();
    phones.pump();
    assert!(phones.i.done());
}

#[test]
fn an_admitted_device_that_cannot_be_told_is_not_reported_as_paired() {
    let mut phones = Phones::new(Mode::Device, false);
    phones.read_and_type();
    phones.join.enter(&phones.joiner.keys, &mut phones.random).unwrap();
    phones.pump();
    let way_in = phones.way_in();
    phones.invite.admitted(&way_in, &mut phones.random).unwrap();
    phones.invite.handle_gone();
    while let Some(output) = phones.invite.poll_output() {
        phones.i.asked.push(output);
    }
    assert_eq!(phones.i.burned(), Some(PairError::Expired));
}

#[test]
fn a_stopped_pairing_hands_out_nothing_more() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.invite.stop();
    phones.join.stop();
    phones.pump();
    assert_eq!(phones.i.burned(), Some(PairError::Stopped));
    assert_eq!(phones.j.burned(), Some(PairError::Stopped));
    assert!(phones.mailbox.is_empty());
    assert_eq!((phones.invite.poll_timeout(), phones.join.poll_timeout()), (None, None));
}

#[test]
fn a_message_longer_than_the_box_allows_burns_the_invitation() {
    let mut phones = Phones::new(Mode::Partner, false);
    phones.invite.handle_mail(1, &vec![0; 32_769], Moment::ORIGIN);
    phones.pump();
    assert_eq!(phones.i.burned(), Some(PairError::Form));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_mail_makes_either_machine_panic(mails in proptest::collection::vec((0_u8..12, proptest::collection::vec(any::<u8>(), 0..200)), 0..12), by_digits: bool, typed: String) {
        let mut phones = Phones::new(Mode::Partner, by_digits);
        for (idx, bytes) in mails {
            phones.invite.handle_mail(idx, &bytes, Moment::ORIGIN);
            phones.join.handle_mail(idx, &bytes, Moment::ORIGIN);
        }
        let _ = (phones.inviter_types(&typed), phones.join.handle_typed(&typed));
        phones.pump();
    }
}
