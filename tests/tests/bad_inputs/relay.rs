//! What a client may not do at a relay: B8, B11, B15 to B20.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said};
use reknit_e2e::desk::{Desk, Keys, SID, envelope, item};
use reknit_relay::job::{Answer, Read, SpaceFacts};
use reknit_relay::protocol::{ConnectionId, Output, StreamId};
use std::time::Duration;
use wire::frame::Frame;
use wire::hash::item_hash;
use wire::id::{ItemHash, PrincipalKey, RunningHash, SpaceHandle};
use wire::refusal::Refusal;
use wire::version::VersionRange;

const OTHER: SpaceHandle = SpaceHandle::from_bytes([99; 16]);

const AT: Refuser = Refuser { who: "relay", bar: MEBIBYTE };

pub(crate) const ROWS: &[Row] = &[
    AT.row(8, &["auth.required"], "a push before its sign-in; the third closes", b8),
    AT.row(11, &["rate"], "10,000 empty frames a second", b11),
    AT.row(15, &["wire.version"], "versions 9 to 1, 0, 255", b15),
    AT.row(16, &["auth.bad"], "a sign-in for another connection, key or space", b16),
    AT.row(17, &["auth.old_key"], "an access key that was retired", b17),
    AT.row(18, &["range"], "a pull after the newest, and after 2^64 - 1", b18),
    Row { bar: 4 * MEBIBYTE, ..AT.row(19, &["-"], "a pull of 0 and of 2^63 bytes", b19) },
    AT.row(20, &["conflict"], "an item with the right number and a wrong predecessor", b20),
];

fn answer(refusal: Refusal) -> Said {
    Said::new(refusal.reason.code(), refusal.sentence())
}

fn refusal(frames: &[Frame]) -> Option<Said> {
    let [Frame::Refused { refusal }] = frames else { return None };
    Some(answer(*refusal))
}

fn closed(desk: &mut Desk) -> Option<Said> {
    desk.closed.pop().map(|(_, refusal)| answer(refusal))
}

fn pull(after: u64, max_bytes: u64) -> Frame {
    Frame::Pull { sid: SID, after, max_bytes }
}

fn push(fill: u8, len: usize) -> Frame {
    Frame::Push { sid: SID, envelope: envelope(fill, len) }
}

/// Whoever is signed in is served as before.
fn next_works(bench: &mut Bench, desk: &mut Desk, member: ConnectionId) {
    let pushed = desk.ask(member, 900, push(77, 512));
    bench.good("a push", matches!(pushed.as_slice(), [Frame::Pushed { .. }]));
    let pulled = desk.ask(member, 901, pull(0, 1 << 20));
    bench.good("a pull", matches!(pulled.last(), Some(Frame::PullEnd { .. })));
}

fn b8(bench: &mut Bench) {
    let mut desk = Desk::new("b8");
    let keys = Keys::new(1);
    let (member, hasty) = (desk.member(1, &keys), desk.member(2, &keys));
    for stream in 11..14 {
        bench.bad("a push", || {
            let pushed = Frame::Push { sid: OTHER, envelope: envelope(1, 512) };
            assert_eq!(desk.ask(hasty, stream, pushed), []);
            desk.pass(Duration::from_secs(5));
            refusal(&desk.answers(hasty, StreamId(stream)))
        });
    }
    bench.good("the third closes", desk.closed.iter().any(|(closed, _)| *closed == hasty));
    next_works(bench, &mut desk, member);
}

fn b11(bench: &mut Bench) {
    let mut desk = Desk::new("b11");
    let member = desk.member(1, &Keys::new(1));
    let flooder = desk.client(2);
    bench.bad("of types that are skipped", || {
        desk.relay.handle_skipped(flooder, 10_000, desk.now);
        desk.settle();
        closed(&mut desk)
    });
    let flooder = desk.client(3);
    bench.bad("of a type that asks for nothing", || {
        for stream in 1..10_000 {
            desk.say(flooder, StreamId(stream), Frame::MailEnd);
            desk.sent.clear();
        }
        closed(&mut desk)
    });
    next_works(bench, &mut desk, member);
}

fn b15(bench: &mut Bench) {
    let mut desk = Desk::new("b15");
    let member = desk.member(1, &Keys::new(1));
    for (number, (lowest, highest)) in (2..).zip([(9, 1), (0, 0), (255, 255)]) {
        let client = desk.connect(number);
        bench.bad("no common version", || {
            let versions = VersionRange { lowest, highest };
            desk.say(client, StreamId::CONTROL, Frame::Hello { versions });
            closed(&mut desk)
        });
        desk.sent.clear();
    }
    next_works(bench, &mut desk, member);
}

fn b16(bench: &mut Bench) {
    let mut desk = Desk::new("b16");
    let keys = Keys::new(1);
    let member = desk.member(1, &keys);
    let client = desk.client(2);
    let good = desk.auth(client, &keys.acc, SID);
    let Frame::Auth { key, signature, .. } = good.clone() else { panic!("a sign-in") };
    let wrong = [
        ("another connection's", desk.auth(ConnectionId(3), &keys.acc, SID)),
        ("a stranger's", desk.auth(client, &Keys::new(8).acc, SID)),
        ("of an unknown space", desk.auth(client, &keys.acc, OTHER)),
        ("of another space", Frame::Auth { sid: OTHER, key, signature }),
    ];
    let mut sentences = vec![];
    for (what, frame) in wrong {
        bench.bad(what, || {
            desk.say(client, StreamId::CONTROL, frame);
            let said = refusal(&desk.answers(client, StreamId::CONTROL));
            sentences.extend(said.as_ref().map(|said| said.sentence.clone()));
            said
        });
    }
    bench.good("one sentence", sentences == ["Sign-in refused."; 4]);
    desk.say(client, StreamId::CONTROL, good);
    let answers = desk.answers(client, StreamId::CONTROL);
    bench.good("the right one", matches!(answers.as_slice(), [Frame::SignedIn { .. }]));
    next_works(bench, &mut desk, member);
}

fn b17(bench: &mut Bench) {
    let mut desk = Desk::new("b17");
    let (keys, old) = (Keys::new(1), Keys::new(8));
    let member = desk.member(1, &keys);
    let client = desk.client(2);
    let auth = desk.auth(client, &old.acc, SID);
    desk.relay.handle_frame(client, StreamId::CONTROL, auth, desk.now);
    let read = desk.relay.poll_output();
    let Some(Output::Read { ticket, read: Read::Space { .. } }) = read else { panic!("a read") };
    let facts = SpaceFacts {
        n: 0,
        running: RunningHash::ZERO,
        control: 1,
        epoch: 0,
        principals: vec![],
        retired: vec![(0, PrincipalKey::from(old.acc.public()))],
    };
    desk.relay.handle_answer(ticket, Answer::Space(Some(facts)), desk.now);
    desk.settle();
    bench.bad("pulls", || refusal(&desk.ask(client, 1, pull(0, 1_000))));
    bench.bad("pushes", || refusal(&desk.ask(client, 2, push(1, 512))));
    let items = desk.ask(client, 3, Frame::ControlPull { sid: SID, from: 0 });
    bench.good("it may catch up", matches!(items.last(), Some(Frame::ControlEnd { .. })));
    next_works(bench, &mut desk, member);
}

fn b18(bench: &mut Bench) {
    let mut desk = Desk::new("b18");
    let member = desk.member(1, &Keys::new(1));
    desk.ask(member, 2, push(1, 512));
    for (stream, after) in [(5, 2), (6, u64::MAX)] {
        bench.bad("after", || refusal(&desk.ask(member, stream, pull(after, 1_000))));
    }
    next_works(bench, &mut desk, member);
}

fn b19(bench: &mut Bench) {
    let mut desk = Desk::new("b19");
    let member = desk.member(1, &Keys::new(1));
    for fill in 0..3 {
        desk.ask(member, 2, push(fill, 524_288));
    }
    let count = |frames: &[Frame]| {
        frames.iter().filter(|frame| matches!(frame, Frame::Data { .. })).count()
    };
    for (stream, max_bytes, expected) in [(5, 0, 1), (6, 1 << 63, 2), (7, u64::MAX, 2)] {
        bench.bad("bytes", || {
            let answered = desk.ask(member, stream, pull(0, max_bytes));
            assert_eq!(count(&answered), expected, "{max_bytes}");
            refusal(&answered)
        });
    }
    next_works(bench, &mut desk, member);
}

fn b20(bench: &mut Bench) {
    let mut desk = Desk::new("b20");
    let member = desk.member(1, &Keys::new(1));
    let genesis = item_hash(&item(0, ItemHash::ZERO));
    let append =
        |idx, prev| Frame::ControlAppend { sid: SID, idx, item: item(idx, prev), creation: None };
    bench.bad("no predecessor", || refusal(&desk.ask(member, 2, append(1, ItemHash::ZERO))));
    bench.bad("one skipped", || refusal(&desk.ask(member, 3, append(2, genesis))));
    let appended = desk.ask(member, 4, append(1, genesis));
    bench.good("the right one", matches!(appended.as_slice(), [Frame::Appended { .. }]));
    next_works(bench, &mut desk, member);
}
