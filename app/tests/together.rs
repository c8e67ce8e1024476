//! A relay and three homes in processes of their own, over real QUIC: pair, write while the relay is gone, meet again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod stage;

use serde_json::Value;
use stage::{Stage, Talk, bytes_below, holds, short};

const HOMES: [&str; 3] = ["nora", "ben", "tablet"];

#[test]
fn two_people_on_three_devices_write_apart_and_read_the_same() {
    let stage = Stage::with_a_key();
    let relay = stage.serve(0);
    let port = relay.port();
    for (home, name) in [("nora", "Nora"), ("ben", "Ben")] {
        stage.run(home, &["init", "--name", name, "--relay", &relay.line]).good();
    }
    let (inviter, joiner) = stage.pair(("nora", "--partner"), "ben");
    assert!(inviter.iter().any(|line| line == "{\"type\":\"number\"}"), "{inviter:?}");
    stage.run("nora", &["invite", "--partner"]).refused("pair.already");
    stage.run("ben", &["join"]).refused("pair.already");
    assert_eq!(joiner.last().unwrap(), "{\"paired\":true}");
    stage.pair(("ben", "--device"), "tablet");
    sync(&stage);
    let agreement = ["agreement", "new", "We talk at nine. We stop at ten.", "--title", "Evenings"];
    let agreement = stage.run("nora", &agreement).good().field("document");
    sync(&stage);

    relay.kill();
    stage.run("nora", &["sync", "--wait", "1"]).refused("relay.offline");
    apart(&stage, short(&agreement));
    let relay = stage.serve(port);
    sync(&stage);
    sync(&stage);

    let reach = row(&stage, "reach");
    let reach = short(&reach);
    stage.run("nora", &["reply", reach, "--here"]).refused("rule.author");
    let back = ["--zone", "UTC", "reply", reach, "--back", "tomorrow 00:00", "I come to you."];
    stage.run("tablet", &back).good();
    sync(&stage);
    sync(&stage);
    stage.run("ben", &["return", reach, "I'm at the door."]).good();
    sync(&stage);
    stage.run("nora", &["outcome", reach, "partly", "You came. I was still angry."]).good();
    stage.run("ben", &["answer", short(&row(&stage, "question")), "At the station."]).good();
    sync(&stage);
    sync(&stage);

    let timeline = equal(&stage, &["timeline"]);
    assert_eq!(timeline.lines().count(), 4, "{timeline}");
    paged(&stage, &timeline);
    assert!(timeline.contains("I was still angry.") && timeline.contains("At the station."));
    assert_eq!(equal(&stage, &["open"]), "", "nothing is open");
    let text = "\"We talk at eight. We stop at ten, always.\"";
    assert!(equal(&stage, &["agreement", "show"]).contains(text));
    let mine = stage.run("tablet", &["timeline", "--mine"]).good();
    assert!(mine.out.contains("only for Ben"), "one's own pages are on one's own devices");
    assert!(!stage.run("nora", &["timeline", "--mine"]).good().out.contains("only for Ben"));
    let histories = HOMES.map(|home| {
        let rows = stage.run(home, &["verify"]).good().rows();
        rows.iter().find(|row| row.get("space").unwrap() == "shared").unwrap().clone()
    });
    for found in &histories {
        assert_eq!(found.get("history"), histories[0].get("history"));
        assert_eq!(found.get("view"), histories[0].get("view"));
    }
    relay.kill();
    let held = bytes_below(&stage.path("relay"));
    assert!(holds(&held, "SQLite"), "the scanner sees what is there");
    for word in ["station", "angry", "Evenings", "only for Ben", "Nora"] {
        assert!(!holds(&held, word), "{word}");
    }
}

#[test]
fn two_processes_on_one_vault_exchange_without_a_word_against_the_relay() {
    const EACH: usize = 5;
    let stage = Stage::with_a_key();
    let relay = stage.serve(0);
    for (home, name) in [("nora", "Nora"), ("ben", "Ben")] {
        stage.run(home, &["init", "--name", name, "--relay", &relay.line]).good();
    }
    stage.pair(("nora", "--partner"), "ben");
    let mut watching = ["nora", "ben"].map(|home| Talk::start(stage.at(home, &["watch"])));
    for turn in 0..EACH {
        for home in ["nora", "ben"] {
            stage.run(home, &["moment", &format!("{home} {turn}")]).good();
        }
    }
    for watch in &mut watching {
        let (mut sent, mut came) = (0, 0);
        while sent < EACH || came < EACH {
            let line = watch.hear("");
            assert!(!line.contains("incident") && !line.contains("refused"), "{line}");
            let row: Value = serde_json::from_str(&line).unwrap();
            sent += usize::from(row.get("sent").is_some());
            let entries = row.get("changed").and_then(|changed| changed.get("entries"));
            came +=
                entries.and_then(Value::as_u64).map_or(0, |count| usize::try_from(count).unwrap());
        }
    }
    watching.into_iter().for_each(Talk::kill);
    for home in ["nora", "ben", "nora"] {
        stage.run(home, &["sync"]).good();
    }
    let [nora, ben] = ["nora", "ben"].map(|home| stage.run(home, &["timeline"]).good());
    assert_eq!(nora.out, ben.out);
    assert_eq!(nora.rows().len(), 2 * EACH);
}

/// Pages put together are the whole.
fn paged(stage: &Stage, whole: &str) {
    let newest = stage.run("ben", &["timeline", "--limit", "3"]).good();
    let third = newest
        .rows()
        .first()
        .and_then(|row| row.get("record"))
        .and_then(Value::as_str)
        .unwrap()
        .to_owned();
    let older = stage.run("ben", &["timeline", "--before", short(&third)]).good();
    assert_eq!(older.out + &newest.out, whole);
    stage.run("ben", &["timeline", "--before", "0000"]).refused("id.unknown");
}

/// Each writes while nothing can be sent.
fn apart(stage: &Stage, agreement: &str) {
    let run = |home: &str, args: &[&str]| drop(stage.run(home, args).good());
    run("nora", &["moment", "We laughed.", "--kind", "laughter", "--who", "partner"]);
    run("nora", &["reach", "I need you.", "--distress", "9", "--want", "hold"]);
    run("nora", &["agreement", "edit", agreement, "We talk at nine. We stop at ten, always."]);
    run("ben", &["moment", "She waited for me."]);
    run("ben", &["agreement", "edit", agreement, "We talk at eight. We stop at ten."]);
    run("ben", &["journal", "new", "This is only for Ben."]);
    run("nora", &["ask", "Where were you?"]);
    let mine = stage.run("nora", &["timeline", "--mine"]).good().rows();
    let waits = |row: &Value| row.get("on_this_phone").is_some_and(Value::is_array);
    assert!(mine.iter().all(waits), "what was not sent is shown as on this phone: {mine:?}");
}

fn sync(stage: &Stage) {
    for home in HOMES {
        let row = stage.run(home, &["sync"]).good().rows();
        assert_eq!(row.last().unwrap().get("unsent").unwrap(), 0, "{home}");
    }
}

/// The id of the record of a kind.
fn row(stage: &Stage, kind: &str) -> String {
    let rows = stage.run("nora", &["timeline"]).good().rows();
    let row = rows.iter().find(|row| row.get("kind").unwrap() == kind).unwrap();
    row.get("record").and_then(Value::as_str).unwrap().to_owned()
}

/// What a command prints, the same bytes on every device.
fn equal(stage: &Stage, args: &[&str]) -> String {
    let [nora, ben, tablet] = HOMES.map(|home| stage.run(home, args).good().out);
    assert_eq!(nora, ben);
    assert_eq!(nora, tablet);
    nora
}
