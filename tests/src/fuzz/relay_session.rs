//! Two clients against one relay: honest steps and any frames, in any order, from the first hello or from a signed-in
//! member on. The relay never panics, comes to rest after each step, and sends only what decodes.

use crate::desk::{Desk, Keys, SID, envelope};
use arbitrary::{Arbitrary, Unstructured};
use reknit_relay::protocol::{ConnectionId, StreamId};
use std::time::Duration;
use wire::frame::Frame;
use wire::id::{RendezvousId, SpaceHandle};
use wire::version::VersionRange;

/// A space that nobody made.
const OTHER: SpaceHandle = SpaceHandle::from_bytes([9; 16]);
const MAILBOX: RendezvousId = RendezvousId::from_bytes([5; 16]);

/// What one client does. A stream of 0 is the first one.
#[derive(Arbitrary, Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the frames they say")]
pub enum Step {
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

/// Steps of the first client or, where it is said so, of the second.
#[derive(Arbitrary, Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whether the first client has made the space already, and is signed in.
    pub signed_in: bool,
    /// What is done, and whether it is the second client who does it.
    pub steps: Vec<(bool, Step)>,
}

impl Session {
    /// The session that bytes stand for; none if they are too short for one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes)).ok()
    }

    /// Bytes that stand for this session.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![self.signed_in.into()];
        for (second, step) in &self.steps {
            bytes.extend([1, u8::from(*second)]);
            step.write(&mut bytes);
        }
        bytes
    }
}

impl Step {
    /// As `arbitrary` reads it back: four bytes of which the first four bits of the last choose one of sixteen, then the
    /// fields; each byte of a list is announced by another.
    fn write(&self, out: &mut Vec<u8>) {
        let mut put = |number: u8, fields: &[u8]| {
            out.extend([0, 0, 0, number << 4]);
            out.extend(fields);
        };
        let list =
            |bytes: &[u8]| [bytes.iter().flat_map(|it| [1, *it]).collect(), vec![0]].concat();
        match self {
            Self::Connect => put(0, &[]),
            Self::Hello { lowest, highest } => put(1, &[*lowest, *highest]),
            Self::Create => put(2, &[]),
            Self::SignIn { space } => put(3, &[u8::from(*space)]),
            Self::Tail { after } => put(4, &[*after]),
            Self::Push { stream, fill } => put(5, &[*stream, *fill]),
            Self::Pull { stream, after, max_bytes } => {
                put(6, &[&[*stream, *after][..], &max_bytes.to_le_bytes()].concat());
            }
            Self::ControlPull { stream, from } => put(7, &[*stream, *from]),
            Self::MailPut { stream, idx, bytes } => {
                put(8, &[&[*stream, *idx][..], &list(bytes)].concat());
            }
            Self::MailGet { stream, from, wait_ms } => {
                put(9, &[&[*stream, *from][..], &wait_ms.to_le_bytes()].concat());
            }
            Self::Disconnect => put(10, &[]),
            Self::CloseStream { stream } => put(11, &[*stream]),
            Self::FinishStream { stream } => put(12, &[*stream]),
            Self::Pass { quarter_seconds } => put(13, &[*quarter_seconds]),
            Self::Skip { frames } => put(14, &frames.to_le_bytes()),
            Self::Any { stream, kind, body } => {
                put(15, &[&[*stream, *kind][..], &list(body)].concat());
            }
        }
    }
}

/// Plays the session that the bytes stand for.
pub fn relay_session(bytes: &[u8]) {
    let Some(session) = Session::read(bytes) else { return };
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
}

const fn stream(number: u8) -> StreamId {
    if number == 0 { StreamId::CONTROL } else { StreamId(number as u64) }
}

fn take(desk: &mut Desk, connection: ConnectionId, keys: &Keys, step: Step) {
    let now = desk.now;
    let (at, frame) = match step {
        Step::Connect => {
            desk.connect(connection.0);
            return;
        }
        Step::Disconnect => return lifted(desk, |it| it.handle_disconnected(connection, now)),
        Step::CloseStream { stream: at } => {
            return lifted(desk, |it| it.handle_stream_closed(connection, stream(at), now));
        }
        Step::FinishStream { stream: at } => {
            return lifted(desk, |it| it.handle_stream_finished(connection, stream(at), now));
        }
        Step::Pass { quarter_seconds } => {
            return desk.pass(Duration::from_millis(250) * u32::from(quarter_seconds));
        }
        Step::Skip { frames } => {
            return lifted(desk, |it| it.handle_skipped(connection, frames.into(), now));
        }
        Step::Any { stream: at, kind, body } => match Frame::decode(kind, &body) {
            Ok(Some(frame)) => (at, frame),
            Ok(None) => return lifted(desk, |it| it.handle_skipped(connection, 1, now)),
            Err(error) => return lifted(desk, |it| it.handle_bad_frame(connection, error, now)),
        },
        Step::Hello { lowest, highest } => {
            (0, Frame::Hello { versions: VersionRange { lowest, highest } })
        }
        Step::Create => (1, desk.creation(connection, keys)),
        Step::SignIn { space } => {
            (0, desk.auth(connection, &keys.acc, if space { SID } else { OTHER }))
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
        Step::MailPut { stream, idx, bytes } => {
            (stream, Frame::MailPut { rid: MAILBOX, idx, bytes })
        }
        Step::MailGet { stream, from, wait_ms } => {
            (stream, Frame::MailGet { rid: MAILBOX, from, wait_ms: wait_ms.into() })
        }
    };
    desk.say(connection, stream(at), frame);
}

/// Does something to the relay itself, and carries out what follows.
fn lifted(desk: &mut Desk, act: impl FnOnce(&mut reknit_relay::protocol::Relay)) {
    act(&mut desk.relay);
    desk.settle();
}
