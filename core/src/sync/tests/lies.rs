//! A relay that talks nonsense: hung up on with a typed lie, never a panic.

use core::time::Duration;

use proptest::prelude::*;
use wire::frame::{Channel, Frame};
use wire::id::{ItemHash, RunningHash, StoreId};
use wire::limit::ENVELOPE_BYTES_MAX;
use wire::receipt::{Receipt, ReceiptBody, ReceiptKind};
use wire::refusal::{Reason, Refusal};
use wire::time::{Moment, Timestamp};

use super::facts::{STORE, in_at, outputs, pushing};
use super::owner::{SIDS, control_item, seal};
use crate::sync::{Engine, Lie, Output};

fn lie(engine: &mut Engine) -> Option<Lie> {
    let outputs = outputs(engine);
    let lied = outputs.iter().find_map(|output| match output {
        Output::Lied { lie, .. } => Some(*lie),
        _ => None,
    });
    let hung_up = outputs.iter().any(|output| matches!(output, Output::Hangup));
    assert_eq!(lied.is_some(), hung_up);
    lied
}

fn page(engine: &mut Engine, request: u64, ns: &[u64], len: usize) {
    for n in ns {
        let frame = Frame::Data { n: *n, envelope: vec![0; len] };
        engine.handle_frame(Channel::Request(request), frame, Moment::ORIGIN);
    }
}

#[test]
fn a_position_left_out_or_repeated_is_a_lie() {
    for (ns, expected, got) in [(&[2][..], 1, 2), (&[1, 1], 2, 1), (&[1, 3], 2, 3)] {
        let (mut engine, request) = in_at(5);
        page(&mut engine, request, ns, 16);
        assert_eq!(lie(&mut engine), Some(Lie::Order { expected, got }));
    }
}

#[test]
fn a_page_that_is_larger_than_asked_is_a_lie() {
    let (mut engine, request) = in_at(5);
    page(&mut engine, request, &[1, 2, 3], ENVELOPE_BYTES_MAX);
    assert_eq!(lie(&mut engine), Some(Lie::TooMuch));
}

#[test]
fn a_page_without_progress_is_a_lie() {
    let (mut engine, request) = in_at(5);
    let end = Frame::PullEnd { n: 5, running: RunningHash::ZERO };
    engine.handle_frame(Channel::Request(request), end, Moment::ORIGIN);
    assert_eq!(lie(&mut engine), Some(Lie::Stalled));
}

#[test]
fn a_receipt_for_something_else_is_a_lie() {
    let good = |id| ReceiptBody {
        kind: ReceiptKind::Data,
        sid: SIDS[0],
        store: STORE,
        n: 1,
        running: RunningHash::ZERO,
        id,
        relay_ms: Timestamp::from_millis(0),
    };
    let bad: [fn(&mut ReceiptBody); 4] = [
        |body| body.id = [9; 32],
        |body| body.sid = SIDS[1],
        |body| body.kind = ReceiptKind::Control,
        |body| body.n = 0,
    ];
    for spoil in bad {
        let (mut engine, id) = pushing();
        let mut body = good(id.to_bytes());
        spoil(&mut body);
        let receipt = Receipt { body, index: 0, count: 1, siblings: vec![], signature: [0; 64] };
        let frame = Frame::Pushed { receipt };
        engine.handle_frame(Channel::Push(SIDS[0]), frame, Moment::ORIGIN);
        assert_eq!(lie(&mut engine), Some(Lie::Receipt));
    }
}

#[test]
fn another_control_log_stands_still_and_leaves_the_connection() {
    let (mut engine, _) = in_at(0);
    let head = Frame::Head { sid: SIDS[0], n: 0, control: 2 };
    engine.handle_frame(Channel::Control, head, Moment::ORIGIN);
    let asked = outputs(&mut engine);
    let Some(Output::Send { channel, frame: Frame::ControlPull { from: 1, .. }, .. }) =
        asked.last()
    else {
        panic!("{asked:?}")
    };
    let mut item = control_item(SIDS[0], 1);
    item[16] ^= 1;
    engine.handle_frame(*channel, Frame::ControlItem { idx: 1, item }, Moment::ORIGIN);
    let said = outputs(&mut engine);
    let lie = Lie::ControlFork { idx: 1 };
    assert!(said.contains(&Output::Lied { sid: Some(SIDS[0]), lie }));
    assert!(!said.contains(&Output::Hangup) && engine.is_connected());
    assert!(lie.is_evidence());
}

#[test]
fn e2_a_silent_relay_is_given_up_after_thirty_seconds_and_not_accused() {
    let (mut engine, _) = in_at(5);
    let limit = Moment::after_origin(Duration::from_secs(30));
    assert_eq!(engine.poll_timeout(), Some(limit));
    engine.handle_timeout(limit);
    assert_eq!(lie_free(&mut engine), vec![Output::Hangup]);
}

fn lie_free(engine: &mut Engine) -> Vec<Output> {
    let outputs = outputs(engine);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Lied { .. })));
    outputs
}

fn frame() -> impl Strategy<Value = Frame> {
    let sid = prop::sample::select(SIDS.to_vec());
    let n = prop_oneof![0..6_u64, Just(u64::MAX)];
    let idx = prop_oneof![0..4_u32, Just(u32::MAX)];
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let running = any::<bool>().prop_map(|b| RunningHash::from_bytes([u8::from(b); 32]));
    let kind = any::<bool>().prop_map(|b| if b { ReceiptKind::Data } else { ReceiptKind::Control });
    let receipt = (kind, sid.clone(), n.clone(), running.clone()).prop_map(|(kind, sid, n, r)| {
        let relay_ms = Timestamp::from_millis(0);
        let body = ReceiptBody { kind, sid, store: STORE, n, running: r, id: [3; 32], relay_ms };
        Receipt { body, index: 0, count: 1, siblings: vec![], signature: [0; 64] }
    });
    let refusal = (prop::sample::select(Reason::ALL.to_vec()), n.clone())
        .prop_map(|(reason, argument)| Refusal { reason, argument });
    prop_oneof![
        Just(Frame::Welcome { version: 1, store: STORE }),
        (sid.clone(), n.clone(), running.clone(), idx.clone()).prop_map(
            |(sid, n, running, control)| Frame::SignedIn { sid, n, running, control, epoch: 0 }
        ),
        sid.clone().prop_map(|sid| Frame::TailStart { sid }),
        (sid, n.clone(), idx.clone()).prop_map(|(sid, n, control)| Frame::Head { sid, n, control }),
        refusal.clone().prop_map(|refusal| Frame::GoAway { refusal }),
        refusal.prop_map(|refusal| Frame::Refused { refusal }),
        (idx.clone(), bytes.clone()).prop_map(|(idx, item)| Frame::ControlItem { idx, item }),
        idx.clone()
            .prop_map(|idx| Frame::ControlItem { idx, item: control_item(SIDS[0], idx % 4) }),
        idx.prop_map(|next| Frame::ControlEnd { next }),
        (n.clone(), bytes).prop_map(|(n, envelope)| Frame::Data { n, envelope }),
        n.clone().prop_map(|n| Frame::Data { n, envelope: seal(n, 0) }),
        (n, running).prop_map(|(n, running)| Frame::PullEnd { n, running }),
        receipt.clone().prop_map(|receipt| Frame::Appended { receipt }),
        receipt.prop_map(|receipt| Frame::Pushed { receipt }),
        Just(Frame::MailEnd),
    ]
}

proptest! {
    /// Whatever a relay says on whatever stream, the engine neither panics nor floods its owner.
    #[test]
    fn no_frames_make_the_engine_panic_or_flood(
        frames in prop::collection::vec((0..8_u64, frame(), any::<bool>(), 0..40_000_u64), 0..120),
    ) {
        let (mut engine, _) = in_at(2);
        let mut now = Moment::ORIGIN;
        for (place, frame, answer, pass) in frames {
            now = now + Duration::from_millis(pass / 10);
            let channel = match place {
                0 | 1 => Channel::Control,
                2 => Channel::Push(SIDS[0]),
                3 => Channel::Tail(SIDS[0]),
                request => Channel::Request(request - 4),
            };
            if pass % 17 == 0 {
                engine.handle_channel_closed(channel, now);
            }
            engine.handle_frame(channel, frame, now);
            engine.handle_timeout(now);
            let outputs = outputs(&mut engine);
            prop_assert!(outputs.len() < 200);
            for output in outputs.into_iter().filter(|_| answer) {
                match output {
                    Output::Dial => engine.handle_connected(now),
                    Output::SignIn { sid } => {
                        let key = wire::id::PrincipalKey::ZERO;
                        engine.handle_signature(sid, key, [0; 64]);
                    }
                    Output::Deliver { sid, cursor, .. } => engine.handle_delivered(sid, cursor),
                    Output::ControlReceived { sid, idx, .. } => {
                        let head = ItemHash::from_bytes([2; 32]);
                        engine.handle_control_stored(sid, idx.saturating_add(1), head, idx);
                    }
                    Output::FetchEnvelope { sid, key } => engine.give_envelope(sid, key, seal(key, 0)),
                    Output::NeedControl { sid, idx } => engine.give_control(sid, idx, vec![0; 99]),
                    _ => {}
                }
            }
        }
        let _ = (engine.poll_timeout(), engine.is_idle(), StoreId::ZERO);
    }
}
