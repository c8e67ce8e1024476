//! Tails: everything once and in order, through bounded queues.

use super::desk::*;
use crate::protocol::{ConnectionId, Limits, StreamId};
use core::time::Duration;
use proptest::prelude::*;
use wire::frame::Frame;
use wire::refusal::Reason;

const CONTROL: StreamId = StreamId::CONTROL;

fn tail(after: u64) -> Frame {
    Frame::Tail { sid: SID, after }
}

/// Anna and Ben, both signed in.
fn two() -> (Desk, ConnectionId, ConnectionId) {
    let mut desk = Desk::with(&Limits::unbounded_for_tests());
    let anna = Person::new(2);
    let (mine, yours) = (desk.member(1, &anna), desk.member(2, &anna.partner()));
    (desk, mine, yours)
}

#[test]
fn a_tail_begins_with_what_is_missing_and_goes_on_with_what_comes() {
    let (mut desk, mine, yours) = two();
    for number in 0..4 {
        desk.say(mine, StreamId(2), push(envelope(0, number)));
    }
    desk.say(yours, CONTROL, tail(1));
    let frames = desk.tailed(yours);
    assert_eq!(frames[0], Frame::TailStart { sid: SID });
    assert_eq!(positions(&frames), [2, 3, 4]);
    desk.say(mine, StreamId(2), push(envelope(0, 4)));
    assert_eq!(positions(&desk.tailed(yours)), [5]);
}

#[test]
fn own_envelopes_come_too_so_that_the_running_hash_has_no_gap() {
    let (mut desk, mine, _) = two();
    desk.say(mine, CONTROL, tail(0));
    desk.say(mine, StreamId(2), push(envelope(0, 1)));
    assert_eq!(positions(&desk.tailed(mine)), [1]);
}

#[test]
fn an_envelope_that_was_there_already_does_not_come_again() {
    let (mut desk, mine, yours) = two();
    desk.say(yours, CONTROL, tail(0));
    desk.say(mine, StreamId(2), push(envelope(0, 1)));
    desk.say(mine, StreamId(3), push(envelope(0, 1)));
    assert_eq!(positions(&desk.tailed(yours)), [1]);
}

#[test]
fn a_tail_that_cannot_be_opened_says_so_on_its_own_stream() {
    let (mut desk, mine, _) = two();
    desk.say(mine, CONTROL, tail(9));
    assert_eq!(desk.tailed(mine)[1..], refused(Reason::Range, 0));
    let stranger = desk.client(3);
    desk.say(stranger, CONTROL, tail(0));
    assert_eq!(desk.tailed(stranger)[1..], refused(Reason::AuthRequired, 0));
}

#[test]
fn a_second_tail_of_a_space_takes_the_place_of_the_first() {
    let (mut desk, mine, yours) = two();
    desk.say(yours, CONTROL, tail(0));
    desk.say(yours, CONTROL, tail(0));
    assert_eq!(desk.cut.len(), 1);
    desk.sent.clear();
    desk.say(mine, StreamId(2), push(envelope(0, 1)));
    assert_eq!(positions(&desk.tailed(yours)), [1]);
}

#[test]
fn a_client_that_does_not_read_holds_a_bounded_queue_and_is_cut_after_half_a_minute() {
    let (mut desk, mine, yours) = two();
    desk.say(yours, CONTROL, tail(0));
    desk.stuck = true;
    for number in 0..40 {
        desk.say(mine, StreamId(u64::from(number) + 2), push(sized(0, number, 65_536)));
    }
    let queued: usize = desk.tailed(yours).iter().map(|frame| frame.encode().len()).sum();
    assert!(queued < 400_000, "{queued}");
    assert_eq!(desk.cut, []);
    desk.pass(Duration::from_secs(31));
    assert_eq!(desk.cut.len(), 1);
    let told = desk.answers(yours, CONTROL);
    assert_eq!(told, [Frame::Head { sid: SID, n: 40, control: 1 }]);
}

#[test]
fn a_tail_that_drains_slowly_gets_everything_from_the_disk() {
    let (mut desk, mine, yours) = two();
    desk.say(yours, CONTROL, tail(0));
    desk.stuck = true;
    for number in 0..40 {
        desk.say(mine, StreamId(u64::from(number) + 2), push(sized(0, number, 65_536)));
    }
    let mut got = Vec::new();
    while got.len() < 40 {
        let before = got.len();
        let all = core::mem::take(&mut desk.sent);
        for (connection, stream, frame, _) in all {
            if connection == yours && stream.is_tail() {
                got.extend(positions(core::slice::from_ref(&frame)));
            }
            let weight = frame.encode().len() + 128;
            desk.relay.handle_written(connection, stream, weight, desk.now);
        }
        desk.pass(Duration::from_secs(20));
        desk.run();
        assert!(got.len() > before || !desk.sent.is_empty(), "stuck at {}", got.len());
    }
    assert_eq!(got, (1..=40).collect::<Vec<_>>());
    assert_eq!(desk.cut, []);
}

#[test]
fn a_tail_that_its_client_closed_gets_nothing_more() {
    let (mut desk, mine, yours) = two();
    desk.say(yours, CONTROL, tail(0));
    let stream = desk.sent.iter().find(|(_, s, ..)| s.is_tail()).map(|(_, s, ..)| *s).unwrap();
    desk.relay.handle_stream_closed(yours, stream, desk.now);
    desk.sent.clear();
    desk.say(mine, StreamId(2), push(envelope(0, 1)));
    assert_eq!(desk.tailed(yours), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is written when, a tail gets every position once and in order.
    #[test]
    fn a_tail_never_skips_or_repeats(steps in proptest::collection::vec((0_u8..4, 9_u32..17), 1..60)) {
        let (mut desk, mine, yours) = two();
        desk.say(yours, CONTROL, tail(0));
        let (mut got, mut pushed, mut unwritten) = (Vec::new(), 0_u32, Vec::new());
        for (step, size) in steps.into_iter().chain(core::iter::repeat_n((3, 9), 60)) {
            desk.stuck = true;
            if step < 3 {
                pushed += 1;
                let envelope = sized(0, pushed, 1 << size);
                desk.say(mine, StreamId(u64::from(pushed) + 1), push(envelope));
            }
            for (connection, stream, frame, _) in core::mem::take(&mut desk.sent) {
                if connection == yours && stream.is_tail() {
                    got.extend(positions(core::slice::from_ref(&frame)));
                }
                unwritten.push((connection, stream, frame.encode().len() + 512));
            }
            if step != 1 {
                for (connection, stream, weight) in unwritten.drain(..) {
                    desk.relay.handle_written(connection, stream, weight, desk.now);
                }
            }
            desk.run();
        }
        prop_assert_eq!(got, (1..=u64::from(pushed)).collect::<Vec<_>>());
    }
}
