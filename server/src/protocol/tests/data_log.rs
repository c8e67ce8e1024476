//! The data log: pushes in order, receipts after the commit, pulls.

use super::desk::*;
use crate::job::Failure;
use crate::protocol::{ConnectionId, Limits, Rate, StreamId};
use core::time::Duration;
use ring::signature::{ED25519, UnparsedPublicKey};
use wire::frame::Frame;
use wire::hash::{envelope_id, running_hash};
use wire::id::RunningHash;
use wire::receipt::Receipt;
use wire::refusal::Reason;

fn receipts(frames: &[Frame]) -> Vec<Receipt> {
    let receipt = |frame: &Frame| {
        if let Frame::Pushed { receipt } = frame { Some(receipt.clone()) } else { None }
    };
    frames.iter().filter_map(receipt).collect()
}

fn pull(after: u64, max_bytes: u64) -> Frame {
    Frame::Pull { sid: SID, after, max_bytes }
}

/// A member with `count` envelopes pushed.
fn filled(count: u32) -> (Desk, ConnectionId) {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    for number in 0..count {
        desk.say(client, StreamId(2), push(envelope(0, number)));
    }
    desk.sent.clear();
    (desk, client)
}

#[test]
fn receipts_come_in_order_and_prove_the_running_hash() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    for number in 0..5 {
        desk.relay.handle_frame(client, StreamId(2), push(envelope(0, number)), desk.now);
    }
    desk.run();
    let all = receipts(&desk.answers(client, StreamId(2)));
    assert_eq!(desk.batches, 2, "one for the space, one for all five");
    let mut running = RunningHash::ZERO;
    for (number, receipt) in (0_u32..).zip(&all) {
        let (id, n) = (envelope_id(&envelope(0, number)), u64::from(number) + 1);
        running = running_hash(SID, running, n, id);
        assert_eq!((receipt.body.n, receipt.body.running), (n, running));
        assert_eq!((receipt.body.id, receipt.body.store), (id.to_bytes(), STORE));
        let key = UnparsedPublicKey::new(&ED25519, relay_id().to_bytes());
        key.verify(&receipt.signed_bytes(relay_id()), &receipt.signature).unwrap();
    }
    assert_eq!(all.len(), 5);
}

#[test]
fn d3_no_receipt_leaves_before_its_row_is_durable() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    desk.commits_held = true;
    assert_eq!(desk.ask(client, 2, push(envelope(0, 1))), []);
    assert_eq!(desk.ask(client, 3, push(envelope(0, 2))), []);
    assert_eq!(desk.held.len(), 1, "the next batch waits for the one under way");
    desk.release_commits();
    assert_eq!(receipts(&desk.answers(client, StreamId(2))).len(), 1);
    assert_eq!(receipts(&desk.answers(client, StreamId(3))).len(), 1);
}

#[test]
fn a_commit_that_fails_receipts_nothing_and_what_comes_later_works() {
    let mut desk = Desk::new();
    let client = desk.member(1, &Person::new(2));
    desk.commits_held = true;
    desk.say(client, StreamId(2), push(envelope(0, 1)));
    desk.say(client, StreamId(2), push(envelope(0, 2)));
    desk.fail_commits(Failure::NoSpace);
    assert_eq!(desk.answers(client, StreamId(2)), refused(Reason::NoSpace, 0));
    let later = receipts(&desk.ask(client, 3, push(envelope(0, 1))));
    assert_eq!(later[0].body.n, 1);
}

#[test]
fn the_same_envelope_is_stored_once_and_receipted_alike() {
    let (mut desk, client) = filled(3);
    let again = receipts(&desk.ask(client, 7, push(envelope(0, 1))));
    assert_eq!(again[0].body.n, 2);
    desk.now.timestamp = wire::time::Timestamp::from_millis(1_800_000_000_000);
    let once_more = receipts(&desk.ask(client, 8, push(envelope(0, 1))));
    assert_eq!(once_more[0].body, again[0].body);
    assert_eq!(positions(&desk.ask(client, 9, pull(0, 1_000_000))), [1, 2, 3]);
}

#[test]
fn after_a_refusal_nothing_more_of_that_stream_is_stored() {
    let (mut desk, client) = filled(1);
    for frame in [push(envelope(0, 10)), push(envelope(4, 11)), push(envelope(0, 12))] {
        desk.relay.handle_frame(client, StreamId(5), frame, desk.now);
    }
    desk.run();
    desk.say(client, StreamId(5), push(envelope(0, 13)));
    let answers = desk.answers(client, StreamId(5));
    assert_eq!(receipts(&answers).len(), 1);
    assert_eq!(answers[1..], refused(Reason::StaleEpoch, 0));
    assert_eq!(positions(&desk.ask(client, 6, pull(0, 1_000_000))), [1, 2]);
}

#[test]
fn a_refusal_waits_for_the_receipts_before_it() {
    let (mut desk, client) = filled(0);
    desk.commits_held = true;
    desk.say(client, StreamId(5), push(envelope(0, 1)));
    desk.say(client, StreamId(5), push(vec![1; 100]));
    desk.say(client, StreamId(5), push(envelope(0, 2)));
    assert_eq!(desk.answers(client, StreamId(5)), []);
    desk.release_commits();
    let answers = desk.answers(client, StreamId(5));
    assert_eq!(receipts(&answers).len(), 1);
    assert_eq!(answers[1..], refused(Reason::EnvelopeSize, 0));
}

#[test]
fn what_is_no_envelope_for_the_data_log_is_refused() {
    let (mut desk, client) = filled(0);
    let class = |class: u8| {
        let mut bytes = envelope(0, 1);
        bytes[2] = class;
        bytes
    };
    assert_eq!(desk.ask(client, 2, push(vec![1; 513])), refused(Reason::EnvelopeSize, 0));
    for (stream, number) in [(3, 0), (4, 2), (5, 5), (6, 6), (7, 8)] {
        let refusal = refused(Reason::EnvelopeSuite, 0);
        assert_eq!(desk.ask(client, stream, push(class(number))), refusal, "class {number}");
    }
    for (stream, number) in [(13, 1), (14, 3), (15, 4), (16, 7)] {
        assert_eq!(receipts(&desk.ask(client, stream, push(class(number)))).len(), 1);
    }
}

#[test]
fn a_notice_is_taken_under_any_epoch() {
    let (mut desk, client) = filled(0);
    let mut notice = envelope(9, 1);
    notice[2] = 7;
    assert_eq!(receipts(&desk.ask(client, 2, push(notice))).len(), 1);
    assert_eq!(desk.ask(client, 3, push(envelope(9, 1))), refused(Reason::StaleEpoch, 0));
}

#[test]
fn b18_a_pull_after_the_newest_is_told_the_newest() {
    let (mut desk, client) = filled(3);
    for (stream, after) in [(5, 4), (6, u64::MAX)] {
        assert_eq!(desk.ask(client, stream, pull(after, 1_000)), refused(Reason::Range, 3));
    }
    let end = desk.ask(client, 7, pull(3, 1_000));
    assert!(matches!(end.as_slice(), [Frame::PullEnd { n: 3, .. }]));
}

#[test]
fn b19_a_pull_gives_at_least_one_envelope_and_at_most_a_mebibyte() {
    let (mut desk, client) = filled(3);
    assert_eq!(positions(&desk.ask(client, 5, pull(1, 0))), [2]);
    assert_eq!(positions(&desk.ask(client, 6, pull(0, 1_024))), [1, 2]);
    for number in 0..3 {
        desk.say(client, StreamId(8), push(sized(0, number, 524_288)));
    }
    assert_eq!(positions(&desk.ask(client, 9, pull(3, 1 << 63))), [4, 5]);
    let end = desk.ask(client, 10, pull(3, 1 << 63)).pop();
    assert!(matches!(end, Some(Frame::PullEnd { n: 6, .. })));
}

#[test]
fn pushes_above_the_rate_are_told_how_long_to_wait() {
    let pushes = Rate::new(2, 1, Duration::from_secs(1));
    let mut desk = Desk::with(&Limits { pushes, ..Limits::default() });
    let client = desk.member(1, &Person::new(2));
    for number in 0..2 {
        assert_eq!(receipts(&desk.ask(client, 2, push(envelope(0, number)))).len(), 1);
    }
    assert_eq!(desk.ask(client, 2, push(envelope(0, 2))), refused(Reason::Rate, 1_000));
    desk.pass(Duration::from_secs(1));
    assert_eq!(receipts(&desk.ask(client, 3, push(envelope(0, 2)))).len(), 1);
}

#[test]
fn one_person_cannot_use_up_the_rate_of_the_other() {
    let pushes = Rate::new(1, 1, Duration::from_mins(1));
    let mut desk = Desk::with(&Limits { pushes, ..Limits::default() });
    let anna = Person::new(2);
    let (mine, yours) = (desk.member(1, &anna), desk.member(2, &anna.partner()));
    assert_eq!(receipts(&desk.ask(mine, 2, push(envelope(0, 1)))).len(), 1);
    assert_eq!(desk.ask(mine, 3, push(envelope(0, 2))), refused(Reason::Rate, 60_000));
    assert_eq!(receipts(&desk.ask(yours, 2, push(envelope(0, 3)))).len(), 1);
}

#[test]
fn a_push_stream_that_the_client_finished_ends_after_its_last_receipt() {
    let (mut desk, client) = filled(0);
    desk.commits_held = true;
    desk.say(client, StreamId(5), push(envelope(0, 1)));
    desk.relay.handle_stream_finished(client, StreamId(5), desk.now);
    desk.run();
    assert_eq!(desk.finished, []);
    desk.release_commits();
    assert_eq!(receipts(&desk.answers(client, StreamId(5))).len(), 1);
    assert_eq!(desk.finished, [(client, StreamId(5))]);
}

#[test]
fn a_client_that_is_gone_leaves_nothing_behind() {
    let (mut desk, client) = filled(2);
    desk.commits_held = true;
    desk.say(client, StreamId(5), push(envelope(0, 10)));
    desk.say(client, StreamId(5), push(envelope(0, 11)));
    desk.relay.handle_disconnected(client, desk.now);
    desk.release_commits();
    assert_eq!(desk.relay.connections(), 0);
    assert!(desk.relay.is_settled());
    let client = desk.member(2, &Person::new(2));
    assert_eq!(positions(&desk.ask(client, 2, pull(0, 100_000))), [1, 2, 3]);
}

#[test]
fn two_requests_on_one_stream_close_the_connection() {
    let (mut desk, client) = filled(0);
    desk.stuck = true;
    desk.say(client, StreamId(5), pull(0, 1));
    desk.say(client, StreamId(5), pull(0, 1));
    assert_eq!(desk.closed[0].1.reason, Reason::Form);
}
