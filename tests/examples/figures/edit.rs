//! What one small edit and a look for news cost in UDP payload, handshake and close included.

use crate::relay::{Program, Relay};
use reknit_core::client::{Answer, Command, Driver, SpaceReport};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::DocumentId;
use reknit_core::transport::Traffic;
use reknit_e2e::people::{begin, drive, pair, settle};
use std::path::Path;

/// Syncs in turn until both have everything.
const ROUNDS: usize = 3;

/// Measures and prints.
pub(crate) async fn figures(program: &Program) {
    let relay = Relay::start(program, &[]);
    let world = tempfile::tempdir().expect("a folder can be made");
    let [nora, ben] = ["nora", "ben"].map(|name| world.path().join(name));
    for home in [&nora, &ben] {
        begin(home, relay.line());
    }
    pair(&nora, &ben).await;
    let text = "Nora says what she needs.\nBen asks before he explains.";
    let mut driver = drive(&nora, false);
    let edit =
        Edit { title: Some("Evenings".to_owned()), text: Some(text.to_owned()), ..Edit::default() };
    let made = driver.execute(Command::NewDocument(DocumentKind::Agreement, edit));
    let Ok(Answer::Document(id)) = made else { panic!("{made:?}") };
    exchange(driver).await;
    for _ in 0..ROUNDS {
        for home in [&ben, &nora] {
            exchange(drive(home, false)).await;
        }
    }
    one_edit(&nora, id, text).await;
    let (idle, _) = exchange(drive(&nora, false)).await;
    say("an idle reconnect with nothing new, two spaces looked after", idle);
}

async fn one_edit(home: &Path, id: DocumentId, text: &str) {
    let mut driver = drive(home, false);
    let text = Some(format!("{text}\nTea first."));
    let edit = Edit { text, ..Edit::default() };
    driver.execute(Command::EditDocument(id, edit)).expect("it can be edited");
    let (cost, report) = exchange(driver).await;
    assert!(report.iter().all(|space| space.unsent == 0), "it was sent");
    say("one small edit of a text of both (11 letters), two spaces looked after", cost);
}

fn say(what: &str, cost: Traffic) {
    let Traffic { sent, received } = cost;
    println!(
        "UDP payload, first datagram to close, background profile, {what}: {} bytes ({sent} up, {received} down)",
        sent + received
    );
}

/// Connects, exchanges everything, closes: what it cost, and where the spaces stand.
async fn exchange(mut driver: Driver) -> (Traffic, Vec<SpaceReport>) {
    settle(&mut driver).await;
    driver.close().await;
    let report = driver.node().session().report().expect("the vault can be read");
    (driver.traffic(), report)
}
