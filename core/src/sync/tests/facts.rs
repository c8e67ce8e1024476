//! Single facts about the engine, frame by frame.

use core::time::Duration;

use wire::frame::{Channel, Frame};
use wire::hash::item_hash;
use wire::id::{EnvelopeId, PrincipalKey, RunningHash, StoreId};
use wire::receipt::{Receipt, ReceiptBody, ReceiptKind};
use wire::refusal::{Reason, Refusal};
use wire::time::{Moment, Timestamp};

use super::owner::{SIDS, control_item, pending, seal};
use super::world::World;
use crate::sync::{Amnesia, Cursor, Engine, Output, Profile, SpaceStart};

pub(super) const STORE: StoreId = StoreId::from_bytes([1; 16]);
const NOW: Moment = Moment::ORIGIN;

pub(super) fn outputs(engine: &mut Engine) -> Vec<Output> {
    core::iter::from_fn(|| engine.poll_output()).collect()
}

fn at(millis: u64) -> Moment {
    Moment::after_origin(Duration::from_millis(millis))
}

pub(super) fn start(cursor: Cursor, created: bool) -> SpaceStart {
    let control_head = item_hash(&control_item(SIDS[0], 0));
    SpaceStart {
        sid: SIDS[0],
        cursor,
        control: 1,
        control_head,
        epoch: 0,
        created,
        agreed: cursor.store,
        reseeding: false,
    }
}

/// An engine that has met the relay before, holds control item 0, and is connected and greeted.
pub(super) fn greeted(cursor: Cursor, created: bool) -> Engine {
    let mut engine = Engine::new(7, Profile { live: true });
    engine.add_space(start(cursor, created));
    engine.want_online(NOW);
    assert_eq!(outputs(&mut engine), vec![Output::Dial]);
    engine.handle_connected(NOW);
    engine.handle_frame(Channel::Control, Frame::Welcome { version: 1, store: STORE }, NOW);
    engine.handle_signature(SIDS[0], PrincipalKey::ZERO, [0; 64]);
    drop(outputs(&mut engine));
    engine
}

pub(super) fn signed_in(n: u64) -> Frame {
    let running = RunningHash::from_bytes([u8::from(n > 0); 32]);
    Frame::SignedIn { sid: SIDS[0], n, running, control: 1, epoch: 0 }
}

/// Signed in at a relay whose head is `n`; if that is above zero, a page is asked for on the request returned.
pub(super) fn in_at(n: u64) -> (Engine, u64) {
    let mut engine = greeted(Cursor::start(STORE), true);
    engine.handle_frame(Channel::Control, signed_in(n), NOW);
    let request = outputs(&mut engine).iter().find_map(|output| match output {
        Output::Send { channel: Channel::Request(request), .. } => Some(*request),
        _ => None,
    });
    (engine, request.unwrap_or(u64::MAX))
}

/// Signed in, level, and one envelope in flight.
pub(super) fn pushing() -> (Engine, EnvelopeId) {
    let (mut engine, _) = in_at(0);
    let row = pending(1, 0);
    engine.enqueue(SIDS[0], row);
    engine.give_envelope(SIDS[0], row.key, seal(1, 0));
    assert!(is_pushing(&outputs(&mut engine)));
    (engine, row.id)
}

fn is_pushing(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Send { frame: Frame::Push { .. }, .. }))
}

fn refuse(engine: &mut Engine, channel: Channel, reason: Reason, argument: u64, now: Moment) {
    let refusal = Refusal { reason, argument };
    engine.handle_frame(channel, Frame::Refused { refusal }, now);
}

#[test]
fn a_busy_relay_is_left_alone_for_as_long_as_it_asks() {
    let (mut engine, _) = pushing();
    refuse(&mut engine, Channel::Push(SIDS[0]), Reason::Busy, 20_000, NOW);
    drop(outputs(&mut engine));
    // The tail was answered meanwhile, so that only the push waits.
    engine.handle_frame(Channel::Tail(SIDS[0]), Frame::TailStart { sid: SIDS[0] }, NOW);
    engine.handle_timeout(at(19_999));
    assert!(outputs(&mut engine).is_empty());
    let until = engine.poll_timeout().unwrap();
    assert!(until >= at(20_000) && until <= at(21_000));
    engine.handle_timeout(until);
    assert_eq!(outputs(&mut engine), vec![Output::FetchEnvelope { sid: SIDS[0], key: 1 }]);
}

#[test]
fn a_user_ends_every_wait() {
    let (mut engine, _) = pushing();
    refuse(&mut engine, Channel::Push(SIDS[0]), Reason::Quota, 1, NOW);
    drop(outputs(&mut engine));
    engine.sync_now(NOW);
    assert_eq!(outputs(&mut engine), vec![Output::FetchEnvelope { sid: SIDS[0], key: 1 }]);
}

#[test]
fn dials_wait_longer_and_longer_and_a_network_change_dials_at_once() {
    let mut engine = Engine::new(1, Profile { live: true });
    let (mut now, mut longest) = (NOW, Duration::ZERO);
    engine.want_online(now);
    for failure in 0..40_u32 {
        assert_eq!(outputs(&mut engine), vec![Output::Dial]);
        engine.handle_disconnected(now);
        engine.handle_disconnected(now);
        let until = engine.poll_timeout().unwrap();
        let most = Duration::from_secs(1 << failure.min(9)).min(Duration::from_mins(5));
        assert!(until.since(now) <= most);
        longest = longest.max(until.since(now));
        now = until;
        engine.handle_timeout(now);
    }
    assert!(longest > Duration::from_mins(2));
    engine.handle_disconnected(now);
    drop(outputs(&mut engine));
    engine.want_online(now);
    assert_eq!(outputs(&mut engine), vec![Output::Dial]);
}

#[test]
fn f30_a_relay_that_goes_away_is_dialed_when_it_says() {
    let (mut engine, _) = in_at(0);
    let refusal = Refusal { reason: Reason::Away, argument: 45_000 };
    engine.handle_frame(Channel::Control, Frame::GoAway { refusal }, NOW);
    assert!(outputs(&mut engine).contains(&Output::Hangup));
    let until = engine.poll_timeout().unwrap();
    assert!(until >= at(45_000) && until <= at(46_000));
}

#[test]
fn a_space_that_the_relay_does_not_know_is_created_by_who_may() {
    let mut engine = greeted(Cursor::NONE, true);
    refuse(&mut engine, Channel::Control, Reason::AuthBad, 0, NOW);
    assert_eq!(outputs(&mut engine), vec![Output::Create { sid: SIDS[0] }]);
    let mut engine = greeted(Cursor::NONE, false);
    refuse(&mut engine, Channel::Control, Reason::AuthBad, 0, NOW);
    let refusal = Refusal::plain(Reason::AuthBad);
    assert_eq!(outputs(&mut engine), vec![Output::Refused { sid: Some(SIDS[0]), refusal }]);
    assert!(engine.poll_timeout().unwrap() <= at(1_000));
}

#[test]
fn a_space_that_somebody_else_has_yet_to_make_holds_nothing_up_once_the_relay_was_asked() {
    let mut engine = greeted(Cursor::NONE, false);
    assert!(!engine.is_idle_but(Some(SIDS[0])), "it was not asked yet");
    refuse(&mut engine, Channel::Control, Reason::AuthBad, 0, NOW);
    drop(outputs(&mut engine));
    assert!(engine.is_idle_but(Some(SIDS[0])) && !engine.is_idle());
    assert!(!engine.is_idle_but(Some(SIDS[1])));
    engine.handle_disconnected(NOW);
    assert!(!engine.is_idle_but(Some(SIDS[0])), "on another connection it has to be asked again");
}

#[test]
fn f31_a_relay_that_lost_everything_is_pulled_after_a_polite_wait_and_nothing_is_pushed_before() {
    for eager in [false, true] {
        let seen = Cursor { n: 3, ..Cursor::start(StoreId::from_bytes([9; 16])) };
        let mut engine = greeted(seen, true);
        engine.enqueue(SIDS[0], pending(1, 0));
        if eager {
            engine.sync_now(NOW);
        }
        engine.handle_frame(Channel::Control, signed_in(0), NOW);
        // Another store: is our control head its head?
        let asked = outputs(&mut engine);
        let Some(Output::Send { channel, frame: Frame::ControlPull { from: 0, .. }, .. }) =
            asked.last()
        else {
            panic!("{asked:?}")
        };
        let item = control_item(SIDS[0], 0);
        engine.handle_frame(*channel, Frame::ControlItem { idx: 0, item }, NOW);
        engine.handle_frame(*channel, Frame::ControlEnd { next: 1 }, NOW);
        let said = outputs(&mut engine);
        let (amnesia, cursor) = (Amnesia::OtherStore, Cursor::start(STORE));
        assert!(said.contains(&Output::Forgot { sid: SIDS[0], amnesia, cursor }));
        let until = if eager { NOW } else { engine.poll_timeout().unwrap() };
        assert!(until <= at(60_000));
        engine.handle_timeout(until);
        let asked = [said, outputs(&mut engine)].concat();
        let page = asked.iter().find_map(|output| match output {
            Output::Send { channel, frame: Frame::Pull { after: 0, .. }, .. } => Some(*channel),
            _ => None,
        });
        let end = Frame::PullEnd { n: 0, running: RunningHash::ZERO };
        engine.handle_frame(page.unwrap(), end, until);
        let said = outputs(&mut engine);
        assert!(said.contains(&Output::CaughtUp { sid: SIDS[0] }));
        let fetch = Output::FetchEnvelope { sid: SIDS[0], key: 1 };
        assert!(!said.contains(&fetch), "the owner says first what the relay lacks");
        engine.set_outbox(SIDS[0], vec![pending(1, 0)]);
        assert!(outputs(&mut engine).contains(&fetch));
    }
}

#[test]
fn at_most_32_envelopes_or_1_mib_are_fetched_at_once() {
    for (bytes, expected) in [(600, 32), (300_000, 3), (2_000_000, 1)] {
        let (mut engine, _) = in_at(0);
        let rows = (0..100).map(|key| crate::sync::Pending { bytes, ..pending(key, 0) });
        engine.set_outbox(SIDS[0], rows.collect());
        let fetches = outputs(&mut engine);
        let fetches = fetches.iter().filter(|o| matches!(o, Output::FetchEnvelope { .. }));
        assert_eq!(fetches.count(), expected);
    }
}

#[test]
fn a_request_of_the_owner_is_answered_ended_and_ended_by_a_cut() {
    let (mut engine, _) = in_at(0);
    let asks: Vec<u64> = (0..6).map(|_| engine.ask(Frame::Principals { sid: SIDS[0] })).collect();
    let open = outputs(&mut engine);
    assert_eq!(open.len(), 4, "the others wait for room");
    let frame = Frame::PrincipalKeys { list: vec![] };
    engine.handle_frame(Channel::Request(asks[0]), frame.clone(), NOW);
    engine.handle_channel_closed(Channel::Request(asks[0]), NOW);
    let said = outputs(&mut engine);
    assert_eq!(said[0], Output::Answer { request: asks[0], frame });
    assert_eq!(said[1], Output::AnswerEnd { request: asks[0] });
    engine.handle_disconnected(NOW);
    let ended: Vec<_> = asks[1..5].iter().map(|ask| Output::AnswerEnd { request: *ask }).collect();
    assert_eq!(outputs(&mut engine), ended, "the sixth waits for the next connection");
}

#[test]
fn f23_ten_thousand_envelopes_come_in_bounded_batches_page_by_page() {
    let mut world = World::new(1, 1, true);
    world.quiesce(1_000);
    let data = (0..10_000).map(|entry| seal(entry, 0));
    world.cut_all();
    world.relay.page_max = 700;
    world.relay.fill(SIDS[0], data);
    world.quiesce(40_000);
    assert_eq!(world.owners[0].disks[&SIDS[0]].entries.len(), 10_000);
    assert!(world.owners[0].engine.is_idle());
}

#[test]
fn a_tail_that_runs_ahead_of_the_disk_is_given_up_and_pages_take_over() {
    let mut world = World::new(1, 1, true);
    world.quiesce(1_000);
    let owner = &mut world.owners[0].engine;
    for n in 1..=2_500_u64 {
        let frame = Frame::Data { n, envelope: seal(n, 0) };
        owner.handle_frame(Channel::Tail(SIDS[0]), frame, NOW);
    }
    let said = outputs(owner);
    assert!(said.contains(&Output::Cancel { channel: Channel::Tail(SIDS[0]) }));
    assert_eq!(owner.status(SIDS[0]).unwrap().behind, 2_050);
}

#[test]
fn a_gap_is_pulled_again_and_the_cursor_stays() {
    let mut world = World::new(1, 1, true);
    world.quiesce(1_000);
    world.cut_all();
    world.relay.fill(SIDS[0], (0..20).map(|entry| seal(entry, 0)));
    world.quiesce(1_000);
    let owner = &mut world.owners[0];
    let disk = owner.disks.get_mut(&SIDS[0]).unwrap();
    let cursor = disk.cursor;
    disk.entries.retain(|entry| *entry < 3);
    owner.engine.pull_again(SIDS[0], 4);
    assert!(!owner.engine.is_idle());
    owner.drain();
    world.quiesce(1_000);
    let disk = &world.owners[0].disks[&SIDS[0]];
    assert_eq!((disk.entries.len(), disk.cursor), (20, cursor));
}

#[test]
fn an_append_whose_answer_was_lost_gets_its_receipt_and_an_overtaken_one_a_conflict() {
    for overtaken in [false, true] {
        let mut world = World::new(1, 1, true);
        world.quiesce(1_000);
        world.owners[0].append(SIDS[0]);
        let mut item = control_item(SIDS[0], 1);
        if overtaken {
            item.push(0);
        }
        world.relay.logs.get_mut(&SIDS[0]).unwrap().items.push(item.clone());
        world.cut_all();
        world.quiesce(1_000);
        let owner = &world.owners[0];
        assert_eq!(owner.disks[&SIDS[0]].items, vec![control_item(SIDS[0], 0), item]);
        assert_eq!((owner.conflicts, owner.lies), (u32::from(overtaken), 0));
        assert!(owner.engine.is_idle());
    }
}

#[test]
fn a_removed_space_leaves_the_others_alone() {
    let mut world = World::new(1, 2, true);
    world.quiesce(1_000);
    world.owners[0].engine.remove_space(SIDS[0]);
    world.owners[0].disks.remove(&SIDS[0]);
    world.owners[0].write(SIDS[1], 5);
    world.owners[0].drain();
    world.quiesce(1_000);
    assert_eq!(world.relay.logs[&SIDS[1]].data.len(), 1);
    assert_eq!(world.owners[0].engine.status(SIDS[0]), None);
    assert!(world.owners[0].engine.is_idle());
}

#[test]
fn who_is_offline_dials_no_more() {
    let (mut engine, _) = in_at(0);
    engine.go_offline();
    assert_eq!(outputs(&mut engine), vec![Output::Hangup]);
    assert_eq!((engine.poll_timeout(), engine.is_connected()), (None, false));
    engine.handle_timeout(at(1_000_000));
    engine.handle_connected(at(1_000_000));
    assert_eq!(outputs(&mut engine), vec![Output::Hangup]);
}

fn receipt(n: u64, running: u8, id: EnvelopeId) -> Frame {
    let body = ReceiptBody {
        kind: ReceiptKind::Data,
        sid: SIDS[0],
        store: STORE,
        n,
        running: RunningHash::from_bytes([running; 32]),
        id: id.to_bytes(),
        relay_ms: Timestamp::from_millis(0),
    };
    let receipt = Receipt { body, index: 0, count: 1, siblings: vec![], signature: [0; 64] };
    Frame::Pushed { receipt }
}

#[test]
fn d7_after_a_refusal_nothing_is_sent_before_all_in_flight_is_answered() {
    let (mut engine, _) = pushing();
    engine.enqueue(SIDS[0], pending(2, 0));
    engine.give_envelope(SIDS[0], 2, seal(2, 0));
    assert!(is_pushing(&outputs(&mut engine)));
    refuse(&mut engine, Channel::Push(SIDS[0]), Reason::Quota, 1, NOW);
    drop(outputs(&mut engine));
    engine.sync_now(at(10_000));
    engine.enqueue(SIDS[0], pending(3, 0));
    assert!(outputs(&mut engine).is_empty(), "the second is not answered");
    refuse(&mut engine, Channel::Push(SIDS[0]), Reason::Quota, 1, at(10_001));
    let fetches: Vec<_> = (1..=3).map(|key| Output::FetchEnvelope { sid: SIDS[0], key }).collect();
    assert_eq!(outputs(&mut engine), fetches, "from the first without a receipt on, in order");
}

#[test]
fn f33_a_receipt_convicts_a_relay_that_forgot_what_the_cursor_had_not_reached() {
    let (mut engine, id) = pushing();
    engine.handle_frame(Channel::Push(SIDS[0]), receipt(1, 5, id), NOW);
    engine.handle_disconnected(NOW);
    engine.sync_now(NOW);
    engine.handle_connected(NOW);
    engine.handle_frame(Channel::Control, Frame::Welcome { version: 1, store: STORE }, NOW);
    engine.handle_signature(SIDS[0], PrincipalKey::ZERO, [0; 64]);
    engine.handle_frame(Channel::Control, signed_in(0), NOW);
    let (amnesia, cursor) = (Amnesia::Shorter, Cursor::start(STORE));
    assert!(outputs(&mut engine).contains(&Output::Forgot { sid: SIDS[0], amnesia, cursor }));
}

#[test]
fn d5_a_cursor_that_was_not_handed_out_last_moves_nothing() {
    let (mut engine, request) = in_at(9);
    engine.handle_frame(Channel::Request(request), Frame::Data { n: 1, envelope: seal(1, 0) }, NOW);
    let end = Frame::PullEnd { n: 9, running: RunningHash::from_bytes([9; 32]) };
    engine.handle_frame(Channel::Request(request), end, NOW);
    let said = outputs(&mut engine);
    let cursor = said.iter().find_map(|output| match output {
        Output::Deliver { cursor, .. } => Some(*cursor),
        _ => None,
    });
    let cursor = cursor.unwrap();
    for n in [0, 2, 9] {
        engine.handle_delivered(SIDS[0], Cursor { n, ..cursor });
        assert_eq!(engine.status(SIDS[0]).unwrap().behind, 9);
    }
    engine.handle_delivered(SIDS[0], cursor);
    assert_eq!(engine.status(SIDS[0]).unwrap().behind, 8);
}

#[test]
fn a_page_is_stored_in_whole_batches_not_envelope_by_envelope() {
    let (mut engine, request) = in_at(600);
    let mut batches = Vec::new();
    let mut told = Cursor::start(STORE);
    for n in 1..=600 {
        let envelope = seal(n, 0);
        told = told.after(SIDS[0], wire::hash::envelope_id(&envelope));
        let frame = Frame::Data { n, envelope };
        engine.handle_frame(Channel::Request(request), frame, NOW);
        hand_over_at_once(&mut engine, &mut batches);
    }
    let end = Frame::PullEnd { n: 600, running: told.running };
    engine.handle_frame(Channel::Request(request), end, NOW);
    hand_over_at_once(&mut engine, &mut batches);
    assert_eq!(batches, [256, 256, 88]);
}

/// The owner stores each batch as soon as it gets it.
fn hand_over_at_once(engine: &mut Engine, batches: &mut Vec<usize>) {
    for output in outputs(engine) {
        if let Output::Deliver { batch, cursor, .. } = output {
            batches.push(batch.len());
            engine.handle_delivered(SIDS[0], cursor);
        }
    }
}

#[test]
fn f20_nothing_is_pushed_before_all_that_the_relay_holds_was_stored_once() {
    let (mut engine, request) = in_at(1);
    engine.enqueue(SIDS[0], pending(1, 0));
    let (channel, envelope) = (Channel::Request(request), seal(7, 0));
    let told = Cursor::start(STORE).after(SIDS[0], wire::hash::envelope_id(&envelope));
    engine.handle_frame(channel, Frame::Data { n: 1, envelope }, NOW);
    engine.handle_frame(channel, Frame::PullEnd { n: 1, running: told.running }, NOW);
    let fetch = Output::FetchEnvelope { sid: SIDS[0], key: 1 };
    assert!(!outputs(&mut engine).contains(&fetch), "a restored device must see its own tip first");
    engine.handle_delivered(SIDS[0], told);
    assert!(outputs(&mut engine).contains(&fetch));
}
