//! Whatever clients send, in whatever order: the relay answers or closes, never panics, keeps its bounds, and serves the
//! next honest client.

use super::desk::*;
use crate::protocol::limits::{HELD_REQUESTS_MAX, QUEUE_BYTES_MAX};
use crate::protocol::{ConnectionId, Limits, StreamId};
use core::time::Duration;
use proptest::prelude::*;
use wire::frame::{Frame, FrameError};
use wire::hash::item_hash;
use wire::id::{ItemHash, RendezvousId};
use wire::refusal::Refusal;
use wire::version::VERSIONS;

/// One of everything that a client can send, and some of what it cannot.
fn frame(kind: u8, from: u64, number: u32) -> Frame {
    let (sid, rid) = (SID, RendezvousId::from_bytes([4; 16]));
    let (anna, idx) = (Person::new(2), u8::try_from(number % 12).unwrap());
    match kind {
        0 => Frame::Hello { versions: VERSIONS },
        1 => auth(from, &anna.acc, sid),
        2 => auth(from + 1, &anna.acc, sid),
        3 => auth(from, &anna.recovery, sid),
        4 => creation(from, &[&anna, &anna.partner()], sid),
        5 => Frame::Tail { sid, after: u64::from(number % 5) },
        6 => Frame::Pull { sid, after: u64::from(number % 5), max_bytes: u64::from(number) },
        7 => Frame::ControlPull { sid, from: number % 3 },
        8 => {
            let item = item(1, item_hash(&item(0, ItemHash::ZERO, 0)), number % 2);
            Frame::ControlAppend { sid, idx: 1, item, creation: None }
        }
        9 => push(sized(0, number, 65_536)),
        10 => push(vec![1; 77]),
        11 => Frame::Principals { sid },
        12 => Frame::MailPut { rid, idx, bytes: vec![9; 100] },
        13 => Frame::MailGet { rid, from: idx, wait_ms: number },
        14 => Frame::MailEnd,
        15 => Frame::Refused { refusal: Refusal::from(FrameError::Form) },
        _ => push(envelope(number % 2, number % 7)),
    }
}

fn event(desk: &mut Desk, step: (u8, u64, u64, u32)) {
    let (kind, from, stream, number) = step;
    let (connection, stream) = (ConnectionId(from), StreamId(stream));
    match kind {
        0..30 => desk.say(connection, stream, frame(kind, from, number)),
        30 => desk.connect(from),
        31 => desk.relay.handle_stream_finished(connection, stream, desk.now),
        32 => desk.relay.handle_stream_closed(connection, stream, desk.now),
        33 => desk.relay.handle_disconnected(connection, desk.now),
        34 => desk.pass(Duration::from_millis(u64::from(number))),
        35 => desk.stuck = !desk.stuck,
        36 => desk.commits_held = true,
        _ => desk.release_commits(),
    }
    desk.run();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_that_clients_do_breaks_the_relay(
        steps in proptest::collection::vec((0_u8..38, 1_u64..4, 0_u64..6, 0_u32..20_000), 1..150),
    ) {
        let mut desk = Desk::with(&Limits::unbounded_for_tests());
        for number in 1..4 {
            desk.client(number);
            desk.say(ConnectionId(number), StreamId(9), frame(4, number, 0));
            desk.say(ConnectionId(number), StreamId::CONTROL, frame(1, number, 0));
        }
        for step in steps {
            event(&mut desk, step);
            for session in desk.relay.sessions.values() {
                prop_assert!(session.held.len() <= HELD_REQUESTS_MAX);
                prop_assert!(session.queued <= 4 * QUEUE_BYTES_MAX);
                let queued: usize = session.streams.values().map(|stream| stream.queued).sum();
                prop_assert_eq!(queued, session.queued);
            }
        }
        desk.stuck = false;
        desk.release_commits();
        for number in 1..4 {
            desk.relay.handle_disconnected(ConnectionId(number), desk.now);
        }
        desk.run();
        prop_assert!(desk.relay.is_settled());
        prop_assert!(desk.relay.spaces.is_empty());
        prop_assert_eq!(desk.relay.append_bytes, 0);
        let honest = desk.member(9, &Person::new(2));
        let answers = desk.ask(honest, 2, push(envelope(0, 999)));
        let known = matches!(answers.as_slice(), [Frame::Pushed { .. }])
            || answers == refused(wire::refusal::Reason::StaleEpoch, 1);
        prop_assert!(known, "{:?}", answers);
    }
}
