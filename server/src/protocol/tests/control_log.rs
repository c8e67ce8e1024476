//! The control log: made once, appended by compare-and-append, read whole.

use super::desk::*;
use crate::job::Bounds;
use crate::protocol::{ConnectionId, Limits, StreamId};
use wire::frame::{Creation, Frame};
use wire::hash::item_hash;
use wire::id::{ItemHash, SpaceHandle};
use wire::receipt::ReceiptKind;
use wire::refusal::Reason;

fn append(idx: u32, item: Vec<u8>) -> Frame {
    Frame::ControlAppend { sid: SID, idx, item, creation: None }
}

fn appended(frames: &[Frame]) -> Option<(u64, [u8; 32])> {
    match frames {
        [Frame::Appended { receipt }] if receipt.body.kind == ReceiptKind::Control => {
            Some((receipt.body.n, receipt.body.id))
        }
        _ => None,
    }
}

fn genesis() -> ItemHash {
    item_hash(&item(0, ItemHash::ZERO, 0))
}

fn names(frames: &[Frame]) -> Vec<&'static str> {
    frames.iter().map(Frame::name).collect()
}

#[test]
fn b20_an_item_with_the_right_idx_and_a_wrong_predecessor_is_a_conflict() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    let conflict = refused(Reason::Conflict, 1);
    assert_eq!(desk.ask(client, 2, append(1, item(1, ItemHash::ZERO, 0))), conflict);
    assert_eq!(desk.ask(client, 3, append(2, item(2, genesis(), 0))), conflict);
    assert!(appended(&desk.ask(client, 4, append(1, item(1, genesis(), 0)))).is_some());
    let other = item(1, genesis(), 3);
    assert_eq!(desk.ask(client, 5, append(1, other)), refused(Reason::Conflict, 2));
}

#[test]
fn an_item_that_is_there_already_is_answered_with_its_receipt() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    let (one, two) = (item(1, genesis(), 0), item(2, item_hash(&item(1, genesis(), 0)), 0));
    let first = appended(&desk.ask(client, 2, append(1, one.clone())));
    assert_eq!(first, Some((1, item_hash(&one).to_bytes())));
    assert!(appended(&desk.ask(client, 3, append(2, two))).is_some());
    assert_eq!(appended(&desk.ask(client, 4, append(1, one))), first);
    let zero = item(0, ItemHash::ZERO, 0);
    assert_eq!(appended(&desk.ask(client, 5, append(0, zero))), Some((0, genesis().to_bytes())));
}

#[test]
fn an_item_of_another_shape_is_refused() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    assert_eq!(desk.ask(client, 2, append(1, vec![1; 100])), refused(Reason::EnvelopeSuite, 0));
    assert_eq!(desk.ask(client, 3, append(1, vec![1, 1, 2, 0])), refused(Reason::EnvelopeSize, 0));
    assert_eq!(desk.ask(client, 4, append(1, item(2, genesis(), 0))), refused(Reason::WireForm, 0));
}

#[test]
fn a_known_space_is_made_again_only_with_the_same_first_item() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let client = desk.member(1, &anna);
    let again = desk.ask(client, 2, creation(1, &[&anna, &anna.partner()], SID));
    assert_eq!(appended(&again), Some((0, genesis().to_bytes())));
    let stranger = desk.client(2);
    let thief = Person::new(8);
    assert!(appended(&desk.ask(stranger, 1, creation(2, &[&thief], SID))).is_some());
    desk.answers(stranger, StreamId::CONTROL);
    desk.sign_in(stranger, &thief);
    assert_eq!(desk.answers(stranger, StreamId::CONTROL), refused(Reason::AuthBad, 0));
}

#[test]
fn a_creation_signed_by_somebody_else_or_for_another_channel_is_refused_like_a_sign_in() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let client = desk.client(1);
    let bad = refused(Reason::AuthBad, 0);
    assert_eq!(desk.ask(client, 1, creation(2, &[&anna], SID)), bad);
    let Frame::ControlAppend { item, creation: Some(made), .. } = creation(1, &[&anna], SID) else {
        return;
    };
    let principals = vec![Person::new(8).principal()];
    let creation = Some(Creation { principals, ..made });
    let frame = Frame::ControlAppend { sid: SID, idx: 0, item, creation };
    assert_eq!(desk.ask(client, 2, frame), bad);
}

#[test]
fn twenty_spaces_an_hour_come_from_one_place_and_a_relay_holds_so_many() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    for count in 1..20_u8 {
        let sid = SpaceHandle::from_bytes([count + 100; 16]);
        let made = desk.ask(client, u64::from(count) + 1, creation(1, &[&Person::new(3)], sid));
        assert!(appended(&made).is_some());
    }
    let sid = SpaceHandle::from_bytes([99; 16]);
    let frame = creation(1, &[&Person::new(3)], sid);
    assert_eq!(desk.ask(client, 30, frame), refused(Reason::Rate, 180_000));
    let storage = Bounds { spaces: 0, ..Limits::default().storage };
    let mut desk = Desk::with(&Limits { storage, ..Limits::default() });
    let client = desk.client(1);
    let frame = creation(1, &[&Person::new(3)], sid);
    assert_eq!(desk.ask(client, 1, frame), refused(Reason::NoSpace, 0));
}

#[test]
fn control_items_have_a_reserve_that_data_cannot_use_up() {
    let room = Bounds { data_bytes_per_principal: 512, ..Limits::default().storage };
    let storage = Bounds { control_bytes_per_principal: 18_292, ..room };
    let mut desk = Desk::with(&Limits { storage, ..Limits::default() });
    let client = desk.member(1, &Person::new(2));
    assert!(matches!(desk.ask(client, 2, push(envelope(0, 1))).as_slice(), [Frame::Pushed { .. }]));
    assert_eq!(desk.ask(client, 3, push(envelope(0, 2))), refused(Reason::Quota, 512));
    let one = item(1, genesis(), 0);
    let two = item(2, item_hash(&one), 0);
    assert!(appended(&desk.ask(client, 4, append(1, one))).is_some());
    assert_eq!(desk.ask(client, 5, append(2, two)), refused(Reason::Quota, 18_292));
}

#[test]
fn all_items_come_in_order_even_when_they_fill_several_reads() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    let mut prev = genesis();
    for idx in 1..80_u32 {
        let next = item(idx, prev, 0);
        prev = item_hash(&next);
        assert!(appended(&desk.ask(client, u64::from(idx) + 1, append(idx, next))).is_some());
    }
    let items = desk.ask(client, 200, Frame::ControlPull { sid: SID, from: 0 });
    let (last, items) = items.split_last().unwrap();
    assert_eq!(*last, Frame::ControlEnd { next: 80 });
    let expected: Vec<_> = (0..80).collect();
    let found: Vec<_> = items
        .iter()
        .map(|frame| if let Frame::ControlItem { idx, .. } = frame { *idx } else { u32::MAX })
        .collect();
    assert_eq!(found, expected);
    let none = desk.ask(client, 201, Frame::ControlPull { sid: SID, from: 80 });
    assert_eq!(none, [Frame::ControlEnd { next: 80 }]);
}

#[test]
fn everybody_else_in_the_space_is_told_of_a_new_control_item() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let (client, other) = (desk.member(1, &anna), desk.member(2, &anna.partner()));
    desk.ask(client, 5, append(1, item(1, genesis(), 1)));
    assert_eq!(
        desk.answers(other, StreamId::CONTROL),
        [Frame::Head { sid: SID, n: 0, control: 2 }]
    );
    assert_eq!(names(&desk.answers(client, StreamId::CONTROL)), [""; 0]);
    let stale = desk.ask(other, 6, push(envelope(0, 1)));
    assert_eq!(stale, refused(Reason::StaleEpoch, 1));
    assert!(matches!(desk.ask(other, 7, push(envelope(1, 1))).as_slice(), [Frame::Pushed { .. }]));
    assert_eq!(desk.closed, [] as [(ConnectionId, wire::refusal::Refusal); 0]);
}
