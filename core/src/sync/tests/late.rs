//! Answers to what was given up meanwhile: another process wrote to the vault, and the space was put back as it is now.

use wire::frame::{Channel, Frame};
use wire::id::{PrincipalKey, RunningHash};
use wire::time::Moment;

use super::facts::{STORE, greeted, in_at, outputs, signed_in, start};
use super::owner::{SIDS, seal};
use crate::sync::{Cursor, Engine, Output};

const NOW: Moment = Moment::ORIGIN;
const TAIL: Channel = Channel::Tail(SIDS[0]);

/// The space as it is on the disk now, and all that the engine says to it.
fn put_back(engine: &mut Engine) -> Vec<Output> {
    engine.add_space(start(Cursor::start(STORE), true));
    engine.handle_signature(SIDS[0], PrincipalKey::ZERO, [0; 64]);
    outputs(engine)
}

fn asks_for_tail(said: &[Output]) -> bool {
    said.iter().any(|output| matches!(output, Output::Send { frame: Frame::Tail { .. }, .. }))
}

fn signs_in(said: &[Output]) -> bool {
    said.iter().any(|output| matches!(output, Output::Send { frame: Frame::Auth { .. }, .. }))
}

#[test]
fn the_answer_to_a_sign_in_of_before_is_not_taken_for_the_one_of_now() {
    let mut engine = greeted(Cursor::start(STORE), true);
    assert!(signs_in(&put_back(&mut engine)));
    engine.handle_frame(Channel::Control, signed_in(2), NOW);
    assert_eq!(outputs(&mut engine), vec![], "that one was for before");
    engine.handle_frame(Channel::Control, signed_in(2), NOW);
    let said = outputs(&mut engine);
    let Some(Output::Send { channel, frame: Frame::Pull { .. }, .. }) = said.first() else {
        panic!("{said:?}")
    };
    engine.handle_frame(*channel, Frame::Data { n: 1, envelope: seal(1, 0) }, NOW);
    let running = RunningHash::from_bytes([1; 32]);
    engine.handle_frame(*channel, Frame::PullEnd { n: 2, running }, NOW);
    let said = outputs(&mut engine);
    assert!(matches!(said.first(), Some(Output::Deliver { .. })), "{said:?}");
}

#[test]
fn a_tail_that_starts_after_it_was_given_up_is_stopped_and_another_one_asked_for() {
    let (mut engine, _) = in_at(0);
    assert!(!signs_in(&put_back(&mut engine)), "a tail is being asked for");
    engine.handle_frame(TAIL, Frame::TailStart { sid: SIDS[0] }, NOW);
    let said = outputs(&mut engine);
    assert!(said.contains(&Output::Cancel { channel: TAIL }) && signs_in(&said), "{said:?}");
    engine.handle_frame(Channel::Control, signed_in(0), NOW);
    assert!(asks_for_tail(&outputs(&mut engine)));
    engine.handle_frame(TAIL, Frame::TailStart { sid: SIDS[0] }, NOW);
    assert!(outputs(&mut engine).is_empty());
    assert!(engine.is_idle());
}
