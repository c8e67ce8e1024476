//! A relay that lost everything but its key: whichever phone comes first brings it all back.

use crate::cast::{Cast, each, pair};
use crate::home::Home;
use crate::relay::Relay;

/// Both write while the relay is away: a moment, a reach or its reply, a question, and both edit one text.
fn evening(cast: &Cast) {
    let reach = cast.nora.saved(&["reach", "I'm hurting", "--want", "listen"]);
    cast.settle();
    let agreement = cast.agreement.as_str();
    each([&cast.nora, &cast.ben], |home| {
        let name = home.folder.file_name().unwrap().to_str().unwrap();
        home.saved(&["moment", &format!("{name} made soup"), "--kind", "comfort"]);
        if name == "ben" {
            home.saved(&["reply", &reach, "--back", "tomorrow 00:00", "on my way"]);
        } else {
            home.saved(&["reach", "some good news", "--kind", "good-news"]);
        }
        home.saved(&["ask", &format!("what does {name} miss?"), "--kind", "feeling"]);
        let rows = home.rows(&["agreement", "show", agreement]);
        let text = rows[0]["text"].as_str().unwrap();
        let text = if name == "ben" {
            format!("{text}\nBen puts the phone away.")
        } else {
            format!("Nora comes home at six.\n{text}")
        };
        home.saved(&["agreement", "edit", agreement, &text]);
    });
}

#[test]
fn a_relay_that_forgot_all_is_filled_again_by_either_phone_alone() {
    let mut cast = Cast::new();
    cast.relay.kill();
    cast.relay.restart();
    evening(&cast);
    cast.relay.kill();
    cast.relay.restart();
    cast.settle();
    let shared = cast.agree();
    assert!(shared.lines().count() >= 6, "{shared}");
    assert!(shared.contains("Nora comes home at six.") && shared.contains("away."), "{shared}");

    for whose in ["nora", "ben"] {
        cast.relay.kill();
        cast.relay.forget();
        cast.relay.restart();
        let phone = if whose == "nora" { &cast.nora } else { &cast.ben };
        phone.sync();
        let fresh = Home::new(cast.path(), &format!("{whose}-fresh"));
        pair(phone, &fresh, "--device");
        assert_eq!(fresh.shared(), shared, "{whose}'s fresh device");
        fresh.proved("");
        // Everybody hears of the new device before the relay forgets once more.
        cast.settle();
        assert_eq!(cast.agree_but("relay.forgot"), shared);
    }
}

#[test]
fn a_couple_whose_relay_is_gone_for_good_moves_to_another_one_with_all_there_is() {
    let mut cast = Cast::new();
    evening(&cast);
    cast.settle();
    cast.relay.kill();
    // Nobody has this but Ben's phone when the relay goes.
    cast.ben.saved(&["moment", "Nora left a note", "--kind", "comfort"]);

    let next = Relay::start_at(cast.path().join("next-relay"));
    for home in cast.homes() {
        home.rows(&["use-relay", &next.line]);
        home.rows(&["use-relay", &next.line, "--shared"]);
    }
    cast.nora.sync();
    let fresh = Home::new(cast.path(), "nora-fresh");
    pair(&cast.nora, &fresh, "--device");
    cast.settle();
    let shared = cast.agree();
    assert!(shared.contains("Nora left a note") && shared.contains("Nora comes home at six."));

    // A device that comes later is told once, too: what it learned from the others is where the space began.
    fresh.rows(&["use-relay", &next.line, "--shared"]);
    fresh.sync();
    assert_eq!(fresh.shared(), shared);
    fresh.proved("");
}
