//! Two clients against one relay: honest steps and any frames, in any order, from the first hello or from a signed-in
//! member on. The relay never panics, comes to rest after each step, and sends only what decodes.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use reknit_e2e::desk::{Desk, Keys, SID, envelope};
use reknit_relay::protocol::{ConnectionId, StreamId};
use std::time::Duration;
use wire::frame::Frame;
use wire::id::RendezvousId;

#[derive(Arbitrary, Debug)]
enum Step {
    Connect,
    Hello { lowest: u8, highest: u8 },
    Create,
    SignIn { space: bool },
    Tail { after: u8 },
    Push { stream: u8, fill: u8 },
    Pull { stream: u8, after: u8, max_bytes: u64 },
    ControlPull { stream: u8, from: u8 },
    MailPut { stream: u8, idx: u8, bytes: Vec<u8> },
    MailGet { stream: u8, from: u8, wait_ms: u16 },
    Disconnect,
    CloseStream { stream: u8 },
    FinishStream { stream: u8 },
    Pass { quarter_seconds: u8 },
    Skip { frames: u16 },
    Any { stream: u8, kind: u8, body: Vec<u8> },
}

#[derive(Arbitrary, Debug)]
struct Session {
    signed_in: bool,
    steps: Vec<(bool, Step)>,
}

fn frame(desk: &Desk, connection: ConnectionId, keys: &Keys, step: &Step) -> Option<(u8, Frame)> {
    let rid = RendezvousId::from_bytes([5; 16]);
    let other = wire::id::SpaceHandle::from_bytes([9; 16]);
    Some(match *step {
        Step::Hello { lowest, highest } => {
            let (lowest, highest) = (lowest.into(), highest.into());
            (0, Frame::Hello { versions: wire::version::VersionRange { lowest, highest } })
        }
        Step::Create => (1, desk.creation(connection, keys)),
        Step::SignIn { space } => {
            (0, desk.auth(connection, &keys.acc, if space { SID } else { other }))
        }
        Step::Tail { after } => (0, Frame::Tail { sid: SID, after: after.into() }),
        Step::Push { stream, fill } => {
            (stream, Frame::Push { sid: SID, envelope: envelope(fill, 512) })
        }
        Step::Pull { stream, after, max_bytes } => {
            (stream, Frame::Pull { sid: SID, after: after.into(), max_bytes })
        }
        Step::ControlPull { stream, from } => {
            (stream, Frame::ControlPull { sid: SID, from: from.into() })
        }
        Step::MailPut { stream, idx, ref bytes } => {
            (stream, Frame::MailPut { rid, idx, bytes: bytes.clone() })
        }
        Step::MailGet { stream, from, wait_ms } => {
            (stream, Frame::MailGet { rid, from, wait_ms: wait_ms.into() })
        }
        _ => return None,
    })
}

fn stream(number: u8) -> StreamId {
    if number == 0 { StreamId::CONTROL } else { StreamId(u64::from(number)) }
}

fn take(desk: &mut Desk, connection: ConnectionId, keys: &Keys, step: Step) {
    if let Some((number, frame)) = frame(desk, connection, keys, &step) {
        desk.say(connection, stream(number), frame);
        return;
    }
    let now = desk.now;
    match step {
        Step::Connect => drop(desk.connect(connection.0)),
        Step::Disconnect => desk.relay.handle_disconnected(connection, now),
        Step::CloseStream { stream: at } => {
            desk.relay.handle_stream_closed(connection, stream(at), now);
        }
        Step::FinishStream { stream: at } => {
            desk.relay.handle_stream_finished(connection, stream(at), now);
        }
        Step::Pass { quarter_seconds } => {
            desk.pass(Duration::from_millis(250) * u32::from(quarter_seconds));
        }
        Step::Skip { frames } => desk.relay.handle_skipped(connection, frames.into(), now),
        Step::Any { stream: at, kind, body } => match Frame::decode(kind, &body) {
            Ok(Some(frame)) => desk.say(connection, stream(at), frame),
            Ok(None) => desk.relay.handle_skipped(connection, 1, now),
            Err(error) => desk.relay.handle_bad_frame(connection, error, now),
        },
        _ => {}
    }
    desk.settle();
}

fuzz_target!(|session: Session| {
    let (mut desk, keys) = (Desk::new("fuzz"), Keys::new(1));
    if session.signed_in {
        desk.member(1, &keys);
    }
    for (second, step) in session.steps {
        take(&mut desk, ConnectionId(u64::from(second) + 1), &keys, step);
        assert!(desk.relay.is_settled());
        for (_, _, frame) in desk.sent.drain(..) {
            let encoded = frame.encode();
            let (head, body) = encoded.split_first_chunk::<5>().expect("a frame has a head");
            let (kind, len) = Frame::decode_header(*head).expect("our own head");
            assert_eq!(len, body.len());
            assert_eq!(Frame::decode(kind, body), Ok(Some(frame)));
        }
    }
});
