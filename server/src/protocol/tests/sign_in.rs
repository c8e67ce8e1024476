//! Hello, sign-in, making a space, and what a stranger may not do.

use super::desk::*;
use crate::job::{Answer, Read, SpaceFacts};
use crate::protocol::relay::spread;
use crate::protocol::{ConnectionId, Limits, Output, Rate, StreamId};
use core::time::Duration;
use wire::frame::{Frame, FrameError};
use wire::id::{RunningHash, SpaceHandle};
use wire::refusal::Reason;
use wire::version::VersionRange;

const CONTROL: StreamId = StreamId::CONTROL;
const SECOND: Duration = Duration::from_secs(1);

fn pull() -> Frame {
    Frame::Pull { sid: SID, after: 0, max_bytes: 1_000 }
}

fn reasons(desk: &Desk) -> Vec<Reason> {
    desk.closed.iter().map(|(_, refusal)| refusal.reason).collect()
}

#[test]
fn a_person_makes_a_space_and_signs_in() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let client = desk.client(1);
    let welcome = Frame::Welcome { version: 1, store: STORE };
    assert_eq!(desk.answers(client, CONTROL), [welcome]);
    let made = desk.ask(client, 1, creation(1, &[&anna], SID));
    assert!(matches!(made.as_slice(), [Frame::Appended { .. }]));
    desk.sign_in(client, &anna);
    assert_eq!(desk.answers(client, CONTROL), signed_in(0, RunningHash::ZERO, 1, 0));
    let mine = desk.ask(client, 2, Frame::Principals { sid: SID });
    assert_eq!(mine, [Frame::PrincipalKeys { list: vec![anna.principal()] }]);
}

#[test]
fn each_person_is_told_their_own_registered_keys() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let ben = anna.partner();
    desk.member(1, &anna);
    let client = desk.member(2, &ben);
    let mine = desk.ask(client, 9, Frame::Principals { sid: SID });
    assert_eq!(mine, [Frame::PrincipalKeys { list: vec![ben.principal()] }]);
}

#[test]
fn the_recovery_key_signs_in_and_the_adm_key_does_not() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    desk.member(1, &anna);
    let client = desk.client(2);
    desk.answers(client, CONTROL);
    desk.say(client, CONTROL, auth(2, &anna.adm, SID));
    assert_eq!(desk.answers(client, CONTROL), refused(Reason::AuthBad, 0));
    desk.say(client, CONTROL, auth(2, &anna.recovery, SID));
    assert_eq!(desk.answers(client, CONTROL), signed_in(0, RunningHash::ZERO, 1, 0));
}

#[test]
fn b16_a_wrong_sign_in_sounds_the_same_whatever_is_wrong_with_it() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    desk.member(1, &anna);
    let client = desk.client(2);
    desk.answers(client, CONTROL);
    let unknown = SpaceHandle::from_bytes([99; 16]);
    let good = auth(2, &anna.acc, SID);
    let Frame::Auth { key, signature, .. } = good.clone() else { return };
    let wrong = [
        auth(3, &anna.acc, SID),
        auth(2, &Person::new(8).acc, SID),
        auth(2, &anna.acc, unknown),
        Frame::Auth { sid: unknown, key, signature },
    ];
    for frame in wrong {
        desk.say(client, CONTROL, frame);
        let answer = desk.answers(client, CONTROL);
        assert_eq!(answer, refused(Reason::AuthBad, 0));
        let Frame::Refused { refusal } = &answer[0] else { return };
        assert_eq!(refusal.sentence(), "Sign-in refused.");
    }
    desk.say(client, CONTROL, good);
    assert_eq!(desk.answers(client, CONTROL), signed_in(0, RunningHash::ZERO, 1, 0));
}

#[test]
fn sign_ins_are_answered_in_the_order_in_which_they_came() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    desk.member(1, &anna);
    let client = desk.client(2);
    desk.answers(client, CONTROL);
    let frames = [auth(2, &anna.acc, SID), auth(3, &anna.acc, SID), auth(2, &anna.acc, SID)];
    for frame in frames {
        desk.relay.handle_frame(client, CONTROL, frame, desk.now);
    }
    desk.run();
    let answers = desk.answers(client, CONTROL);
    let names: Vec<_> = answers.iter().map(Frame::name).collect();
    assert_eq!(names, ["SignedIn", "Refused", "SignedIn"]);
}

#[test]
fn too_many_failed_sign_ins_from_one_place_must_wait() {
    let auth_failures = Rate::new(3, 1, Duration::from_mins(1));
    let mut desk = Desk::with(&Limits { auth_failures, ..Limits::default() });
    let anna = Person::new(2);
    desk.member(1, &anna);
    let client = desk.client(2);
    desk.answers(client, CONTROL);
    for _ in 0..3 {
        desk.say(client, CONTROL, auth(3, &anna.acc, SID));
        assert_eq!(desk.answers(client, CONTROL), refused(Reason::AuthBad, 0));
    }
    desk.sign_in(client, &anna);
    assert_eq!(desk.answers(client, CONTROL), refused(Reason::Rate, 60_000));
}

#[test]
fn b8_a_push_before_its_sign_in_waits_and_the_third_without_one_closes() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    let client = desk.member(1, &anna);
    let other = SpaceHandle::from_bytes([99; 16]);
    for stream in 11..14 {
        let frame = Frame::Push { sid: other, envelope: envelope(0, 1) };
        assert_eq!(desk.ask(client, stream, frame), []);
        assert_eq!(desk.closed, []);
        desk.pass(5 * SECOND);
        assert_eq!(desk.answers(client, StreamId(stream)), refused(Reason::AuthRequired, 0));
    }
    assert_eq!(reasons(&desk), [Reason::AuthRequired]);
}

#[test]
fn requests_that_overtake_their_sign_in_are_answered_after_it() {
    let mut desk = Desk::new();
    let anna = Person::new(2);
    desk.member(1, &anna);
    desk.connect(2);
    let client = ConnectionId(2);
    assert_eq!(desk.ask(client, 4, pull()), []);
    desk.say(client, CONTROL, Frame::Hello { versions: VersionRange { lowest: 1, highest: 1 } });
    assert_eq!(desk.answers(client, StreamId(4)), []);
    desk.sign_in(client, &anna);
    assert!(matches!(desk.answers(client, StreamId(4)).as_slice(), [Frame::PullEnd { .. }]));
}

#[test]
fn a_failed_sign_in_refuses_what_waited_for_it() {
    let mut desk = Desk::new();
    let client = desk.client(1);
    assert_eq!(desk.ask(client, 4, pull()), []);
    desk.sign_in(client, &Person::new(2));
    assert_eq!(desk.answers(client, StreamId(4)), refused(Reason::AuthRequired, 0));
}

#[test]
fn no_more_than_sixteen_requests_and_64_kib_wait_for_a_sign_in() {
    let mut desk = Desk::new();
    let client = desk.client(1);
    for stream in 1..17 {
        assert_eq!(desk.ask(client, stream, pull()), []);
    }
    assert_eq!(desk.ask(client, 17, pull()), refused(Reason::AuthRequired, 0));
    let client = desk.client(2);
    let big = Frame::Push { sid: SID, envelope: vec![1; 65_536] };
    assert_eq!(desk.ask(client, 1, big), refused(Reason::AuthRequired, 0));
}

#[test]
fn whoever_says_nothing_is_gone_after_three_seconds_and_whoever_does_not_sign_in_after_five() {
    let mut desk = Desk::new();
    desk.connect(1);
    desk.client(2);
    desk.pass(3 * SECOND);
    assert_eq!(desk.closed.iter().map(|(c, _)| c.0).collect::<Vec<_>>(), [1]);
    desk.pass(2 * SECOND);
    assert_eq!(desk.closed.iter().map(|(c, _)| c.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(desk.relay.connections(), 0);
}

#[test]
fn a_first_frame_that_is_no_hello_closes() {
    let mut desk = Desk::new();
    desk.connect(1);
    desk.sign_in(ConnectionId(1), &Person::new(2));
    assert_eq!(reasons(&desk), [Reason::AuthRequired]);
}

#[test]
fn b15_a_client_without_a_common_version_is_told_ours() {
    let mut desk = Desk::new();
    desk.connect(1);
    let versions = VersionRange { lowest: 9, highest: 1 };
    desk.say(ConnectionId(1), CONTROL, Frame::Hello { versions });
    assert_eq!(desk.closed[0].1.sentence(), "No common version. Relay speaks 1-1.");
}

#[test]
fn b11_ten_thousand_empty_frames_in_a_second_close_the_connection() {
    let mut desk = Desk::new();
    let client = desk.client(1);
    desk.relay.handle_skipped(client, 3_000, desk.now);
    desk.run();
    assert_eq!(desk.closed, []);
    desk.relay.handle_skipped(client, 7_000, desk.now);
    desk.run();
    assert_eq!(reasons(&desk), [Reason::Rate]);
    let client = desk.client(2);
    for stream in 1..10_000 {
        desk.say(client, StreamId(stream), Frame::MailEnd);
    }
    assert_eq!(reasons(&desk), [Reason::Rate, Reason::Rate]);
}

#[test]
fn a_bad_frame_closes_with_its_reason() {
    let mut desk = Desk::new();
    let client = desk.client(1);
    desk.relay.handle_bad_frame(client, FrameError::Trailing, desk.now);
    desk.run();
    assert_eq!(reasons(&desk), [Reason::WireTrailing]);
    desk.say(client, CONTROL, Frame::MailEnd);
    assert_eq!(desk.closed.len(), 1);
}

#[test]
fn b17_a_retired_access_key_reads_control_items_and_nothing_else() {
    let mut desk = Desk::new();
    let (anna, old) = (Person::new(2), Person::new(8));
    desk.member(1, &anna);
    let client = desk.client(2);
    desk.relay.handle_frame(client, CONTROL, auth(2, &old.acc, SID), desk.now);
    let Some(Output::Read { ticket, read: Read::Space { sid: SID } }) = desk.relay.poll_output()
    else {
        return;
    };
    let facts = SpaceFacts {
        n: 0,
        running: RunningHash::ZERO,
        control: 1,
        epoch: 0,
        principals: vec![anna.principal(), anna.partner().principal()],
        retired: vec![(0, key(&old.acc))],
    };
    desk.relay.handle_answer(ticket, Answer::Space(Some(facts)), desk.now);
    desk.run();
    let old_key = refused(Reason::AuthOldKey, 0);
    assert_eq!(desk.ask(client, 1, pull()), old_key);
    assert_eq!(desk.ask(client, 2, push(envelope(0, 1))), old_key);
    let append = Frame::ControlAppend { sid: SID, idx: 1, item: vec![1], creation: None };
    assert_eq!(desk.ask(client, 3, append), old_key);
    desk.say(client, CONTROL, Frame::Tail { sid: SID, after: 0 });
    assert_eq!(desk.tailed(client)[1..], old_key);
    let control = desk.ask(client, 4, Frame::ControlPull { sid: SID, from: 0 });
    assert!(matches!(
        control.as_slice(),
        [Frame::ControlItem { .. }, Frame::ControlEnd { next: 1 }]
    ));
}

#[test]
fn a_person_has_at_most_so_many_connections_and_a_closed_one_frees_its_place() {
    let mut desk = Desk::with(&Limits { connections_per_principal: 2, ..Limits::default() });
    let anna = Person::new(2);
    desk.member(1, &anna);
    desk.member(2, &anna);
    let third = desk.client(3);
    desk.answers(third, CONTROL);
    desk.sign_in(third, &anna);
    assert_eq!(desk.answers(third, CONTROL), refused(Reason::Busy, 10_000));
    desk.relay.handle_disconnected(ConnectionId(1), desk.now);
    desk.sign_in(third, &anna);
    assert_eq!(desk.answers(third, CONTROL), signed_in(0, RunningHash::ZERO, 1, 0));
}

#[test]
fn l5_no_second_holds_more_than_a_twentieth_of_those_who_are_refused_at_once() {
    for first in [0_u64, 1, 77_777] {
        for count in [1_000, 2_500] {
            let connections = (first..).take(count).map(ConnectionId);
            let mut waits: Vec<u64> =
                connections.map(|conn| spread(Reason::Busy, 2_000, conn).argument).collect();
            waits.sort_unstable();
            assert!(waits.iter().all(|wait| (2_000..61_000).contains(wait)));
            for (number, wait) in waits.iter().enumerate() {
                let within = waits.iter().skip(number).take_while(|other| **other < wait + 1_000);
                assert!(within.count() * 20 <= count, "from {wait} ms on");
            }
        }
    }
}

#[test]
fn a_relay_that_goes_away_spreads_the_return_over_a_minute() {
    let mut desk = Desk::new();
    for number in 0..200 {
        desk.client(number);
    }
    desk.sent.clear();
    desk.relay.stop(desk.now);
    desk.run();
    let wait = |frame: &Frame| {
        if let Frame::GoAway { refusal } = frame { Some(*refusal) } else { None }
    };
    let waits = desk.sent.iter().filter_map(|(.., frame, _)| wait(frame));
    let waits = waits.filter(|refusal| refusal.reason == Reason::Away);
    let waits: Vec<_> = waits.map(|refusal| refusal.argument).collect();
    assert_eq!(waits.len(), 200);
    for second in 0..60 {
        let same = waits.iter().filter(|ms| **ms / 1_000 == second).count();
        assert!(same <= 10, "second {second}: {same}");
    }
    assert!(waits.iter().all(|ms| (1_000..=60_000).contains(ms)));
}
