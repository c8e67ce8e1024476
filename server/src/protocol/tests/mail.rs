//! Pairing mailboxes over connections that are signed in to nothing.

use super::desk::*;
use crate::protocol::{Limits, Rate, StreamId};
use core::time::Duration;
use wire::frame::Frame;
use wire::id::RendezvousId;
use wire::refusal::Reason;

const RID: RendezvousId = RendezvousId::from_bytes([4; 16]);

fn put(idx: u8, bytes: Vec<u8>) -> Frame {
    Frame::MailPut { rid: RID, idx, bytes }
}

fn get(from: u8, wait_ms: u32) -> Frame {
    Frame::MailGet { rid: RID, from, wait_ms }
}

fn mail(idx: u8, bytes: &[u8]) -> Frame {
    Frame::Mail { idx, bytes: bytes.to_vec() }
}

#[test]
fn two_strangers_exchange_messages() {
    let mut desk = Desk::new();
    let (anna, ben) = (desk.client(1), desk.client(2));
    assert_eq!(desk.ask(anna, 1, put(0, vec![1])), [Frame::MailStored { idx: 0 }]);
    assert_eq!(desk.ask(ben, 1, get(0, 0)), [mail(0, &[1]), Frame::MailEnd]);
    assert_eq!(desk.ask(anna, 2, get(1, 30_000)), []);
    assert_eq!(desk.ask(ben, 2, put(1, vec![2])), [Frame::MailStored { idx: 1 }]);
    assert_eq!(desk.answers(anna, StreamId(2)), [mail(1, &[2]), Frame::MailEnd]);
}

#[test]
fn a_wait_ends_without_mail_when_its_time_is_over() {
    let mut desk = Desk::new();
    let anna = desk.client(1);
    desk.ask(anna, 1, put(0, vec![1]));
    assert_eq!(desk.ask(anna, 2, get(1, 20_000)), []);
    desk.pass(Duration::from_secs(19));
    assert_eq!(desk.answers(anna, StreamId(2)), []);
    desk.pass(Duration::from_secs(1));
    assert_eq!(desk.answers(anna, StreamId(2)), [Frame::MailEnd]);
    desk.say(anna, StreamId(3), get(1, u32::MAX));
    desk.pass(Duration::from_mins(1));
    assert_eq!(desk.answers(anna, StreamId(3)), [Frame::MailEnd]);
}

#[test]
fn whoever_pairs_may_stay_for_ten_minutes_without_a_sign_in() {
    let mut desk = Desk::new();
    let anna = desk.client(1);
    desk.ask(anna, 1, put(0, vec![1]));
    desk.pass(Duration::from_secs(599));
    assert_eq!(desk.closed, []);
    desk.pass(Duration::from_secs(1));
    assert_eq!(desk.closed.len(), 1);
}

#[test]
fn a_mailbox_that_is_not_there_is_gone() {
    let mut desk = Desk::new();
    let anna = desk.client(1);
    assert_eq!(desk.ask(anna, 1, get(0, 1_000)), refused(Reason::MailGone, 0));
    assert_eq!(desk.ask(anna, 2, put(1, vec![1])), refused(Reason::MailGone, 0));
}

#[test]
fn ten_mailboxes_an_hour_come_from_one_place() {
    let mut desk = Desk::new();
    let anna = desk.client(1);
    for count in 0..10_u8 {
        let rid = RendezvousId::from_bytes([count; 16]);
        let frame = Frame::MailPut { rid, idx: 0, bytes: vec![1] };
        let stored = desk.ask(anna, u64::from(count) + 1, frame);
        assert_eq!(stored, [Frame::MailStored { idx: 0 }]);
    }
    let rid = RendezvousId::from_bytes([77; 16]);
    let frame = Frame::MailPut { rid, idx: 0, bytes: vec![1] };
    assert_eq!(desk.ask(anna, 40, frame), refused(Reason::Rate, 360_000));
}

#[test]
fn whoever_looks_for_mailboxes_is_slowed() {
    let mail_requests = Rate::new(3, 1, Duration::from_secs(10));
    let mut desk = Desk::with(&Limits { mail_requests, ..Limits::default() });
    let anna = desk.client(1);
    for stream in 1..4 {
        assert_eq!(desk.ask(anna, stream, get(0, 0)), refused(Reason::MailGone, 0));
    }
    assert_eq!(desk.ask(anna, 4, get(0, 0)), refused(Reason::Rate, 10_000));
}

#[test]
fn a_stranger_stores_no_more_than_64_kib() {
    let mut desk = Desk::new();
    let anna = desk.client(1);
    for (stream, count) in [(1, 1_u8), (2, 2)] {
        let rid = RendezvousId::from_bytes([count; 16]);
        let frame = Frame::MailPut { rid, idx: 0, bytes: vec![1; 32_768] };
        assert_eq!(desk.ask(anna, stream, frame), [Frame::MailStored { idx: 0 }]);
    }
    assert_eq!(desk.ask(anna, 3, put(0, vec![1])), refused(Reason::AuthRequired, 0));
}
