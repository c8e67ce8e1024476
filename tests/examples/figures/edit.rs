//! What one small edit and a look for news cost in UDP payload, handshake and close included.

use crate::relay::{Program, Relay};
use reknit_core::client::{
    Answer, Command, Driver, Invited, Notice, Place, Session, SpaceReport, Whom,
};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::environment::SystemRandom;
use reknit_core::model::id::DocumentId;
use reknit_core::model::person::Name;
use reknit_core::transport::Traffic;
use std::path::Path;
use wire::address::AddressLine;

const KEY: [u8; 32] = [7; 32];
/// Syncs in turn until both have everything.
const ROUNDS: usize = 3;

/// Measures and prints.
pub(crate) async fn figures(program: &Program) {
    let relay = Relay::start(program, &[]);
    let world = tempfile::tempdir().expect("a folder can be made");
    let [nora, ben] = ["nora", "ben"].map(|name| world.path().join(name));
    for home in [&nora, &ben] {
        begin(home, &relay.line);
    }
    pair(&nora, &ben).await;
    let text = "Nora says what she needs.\nBen asks before he explains.";
    let mut driver = open(&nora, false);
    let edit =
        Edit { title: Some("Evenings".to_owned()), text: Some(text.to_owned()), ..Edit::default() };
    let made = driver.execute(Command::NewDocument(DocumentKind::Agreement, edit));
    let Ok(Answer::Document(id)) = made else { panic!("{made:?}") };
    exchange(driver).await;
    for _ in 0..ROUNDS {
        for home in [&ben, &nora] {
            exchange(open(home, false)).await;
        }
    }
    one_edit(&nora, id, text).await;
    let (idle, _) = exchange(open(&nora, false)).await;
    say("an idle reconnect with nothing new, two spaces looked after", idle);
}

async fn one_edit(home: &Path, id: DocumentId, text: &str) {
    let mut driver = open(home, false);
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

fn begin(home: &Path, line: &AddressLine) {
    let place = Place::Folder(home.to_owned());
    let session = Session::create(place, &[Unlock::Key(&KEY)], &mut SystemRandom);
    let mut driver = Driver::new(session.expect("a vault"), "UTC", false).expect("a driver");
    let name = home.file_name().unwrap_or_default().display().to_string();
    let name = Name::new(&name).expect("a name");
    driver.execute(Command::SetName(name)).expect("a name is set");
    driver.execute(Command::UseRelay(line.clone())).expect("a relay is set");
}

fn open(home: &Path, live: bool) -> Driver {
    let place = Place::Folder(home.to_owned());
    let session = Session::open(place, Unlock::Key(&KEY), &mut SystemRandom);
    Driver::new(session.expect("the vault opens"), "UTC", live).expect("a driver")
}

/// Connects, exchanges everything, closes: what it cost, and where the spaces stand.
async fn exchange(mut driver: Driver) -> (Traffic, Vec<SpaceReport>) {
    settle(&mut driver).await;
    driver.close().await;
    let report = driver.node().session().report().expect("the vault can be read");
    (driver.traffic(), report)
}

async fn settle(driver: &mut Driver) {
    driver.want_online().expect("the vault is free");
    loop {
        while driver.poll_notice().is_some() {}
        if driver.node().is_idle() {
            return;
        }
        driver.step().await.expect("the vault is free");
    }
}

async fn pair(nora: &Path, ben: &Path) {
    let mut drivers = [open(nora, true), open(ben, true)];
    // Connected before the code is handed over, as a phone is by the time somebody has read it.
    settle(&mut drivers[0]).await;
    let invited = drivers[0].execute(Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    drivers[1].execute(Command::Join(Invited::Code(code))).expect("the code is good");
    let (mut shown, mut asked, mut paired) = ([None, None], [false; 2], [false; 2]);
    while paired != [true; 2] {
        for side in 0..2 {
            while let Some(notice) = drivers[side].poll_notice() {
                match notice {
                    Notice::ShowNumber(number) => shown[side] = Some(number),
                    Notice::AskNumber => asked[side] = true,
                    Notice::Paired => paired[side] = true,
                    Notice::PairingEnded(code) => panic!("{code}"),
                    Notice::Changed(_)
                    | Notice::Sent(_)
                    | Notice::Refused(_)
                    | Notice::RelayForgot
                    | Notice::Incident(_) => {}
                }
            }
        }
        for side in 0..2 {
            if asked[side]
                && let Some(number) = shown[1 - side].clone()
            {
                asked[side] = false;
                drivers[side].execute(Command::TypeNumber(number)).expect("the number is right");
            }
        }
        let [one, other] = &mut drivers;
        tokio::select! {
            stepped = one.step() => stepped.expect("the vault is free"),
            stepped = other.step() => stepped.expect("the vault is free"),
        }
    }
    for mut driver in drivers {
        driver.close().await;
    }
}
