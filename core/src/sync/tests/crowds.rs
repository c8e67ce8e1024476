//! Many clients of one relay: they come back one after the other, though nobody tells them to.

use core::time::Duration;

use wire::frame::{Channel, Frame};
use wire::id::RendezvousId;
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

use super::facts::{STORE, greeted};
use crate::sync::{Cursor, Engine, Profile};

const NOW: Moment = Moment::ORIGIN;

fn at(millis: u64) -> Moment {
    Moment::after_origin(Duration::from_millis(millis))
}

/// A client that is connected and has nothing to do.
fn quiet(seed: u64) -> Engine {
    let mut engine = Engine::new(seed, Profile { live: true });
    engine.want_online(NOW);
    engine.handle_connected(NOW);
    engine.handle_frame(Channel::Control, Frame::Welcome { version: 1, store: STORE }, NOW);
    while engine.poll_output().is_some() {}
    engine
}

/// No second may hold more than a twentieth of these moments.
fn are_spread(mut moments: Vec<Moment>) {
    moments.sort_unstable();
    for (number, first) in moments.iter().enumerate() {
        let end = *first + Duration::from_secs(1);
        let within = moments.iter().skip(number).take_while(|moment| **moment < end);
        assert!(within.count() * 20 <= moments.len(), "from {first:?} on");
    }
}

/// When each of a thousand clients dials again, connected for long, when something has happened to it.
fn returns(happened: impl Fn(&mut Engine, u64)) -> Vec<Moment> {
    let dials = (0..1_000).map(|client| {
        let mut engine = quiet(client * 0x9e37_79b9);
        happened(&mut engine, client);
        engine.poll_timeout().unwrap()
    });
    dials.collect()
}

#[test]
fn l5_a_thousand_clients_of_a_relay_that_restarts_come_back_spread() {
    // It said when, to each something else; or not when.
    for said in [false, true] {
        are_spread(returns(|engine, client| {
            let argument = if said { 1_000 + client * 7_919 % 59_000 } else { 0 };
            let refusal = Refusal { reason: Reason::Away, argument };
            engine.handle_frame(Channel::Control, Frame::GoAway { refusal }, at(600_000));
        }));
    }
    // It was killed: each notices 45 s after it last heard of it, and each had heard of it within its last 20 s.
    are_spread(returns(|engine, client| {
        engine.handle_disconnected(at(645_000 - client * 20));
    }));
}

#[test]
fn a_lost_connection_is_dialed_within_a_second_unless_it_was_good_and_had_nothing_to_do() {
    let after = |engine: &mut Engine, lasted: u64| {
        engine.handle_disconnected(at(lasted));
        engine.poll_timeout().unwrap().since(at(lasted))
    };
    for lasted in [2_000, 600_000] {
        // Not let in yet: there is something to do.
        let mut engine = greeted(Cursor::NONE, true);
        assert!(after(&mut engine, lasted) <= Duration::from_secs(1));
        // Somebody pairs.
        let mut engine = quiet(3);
        engine.ask(Frame::MailGet { rid: RendezvousId::ZERO, from: 0, wait_ms: 20_000 });
        assert!(after(&mut engine, lasted) <= Duration::from_secs(1));
    }
    assert!(after(&mut quiet(3), 2_000) <= Duration::from_secs(1));
    let waits: Vec<_> = (0..100).map(|seed| after(&mut quiet(seed), 600_000)).collect();
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(31)));
    assert!(waits.iter().any(|wait| *wait > Duration::from_secs(20)));
}
