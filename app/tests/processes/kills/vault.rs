//! A vault on disk, as the roles and the checks open it.

use reknit_core::client::{Answer, Command, Driver, Error, Invited, Notice, Place, Session, Whom};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::environment::SystemRandom;
use reknit_core::membership::SpaceKind;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::person::Name;
use reknit_core::model::{Event, Text};

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;
use wire::address::AddressLine;

/// What opens every vault here; `KEY_DIGITS` is the same as a file.
const KEY: [u8; 32] = [7; 32];

/// Longer than an exchange or a pairing takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// The content of a key file.
pub(crate) fn key_digits() -> String {
    "07".repeat(32)
}

/// Opens the vault of a home.
pub(crate) fn open(home: &Path) -> Session {
    let place = Place::Folder(home.to_owned());
    Session::open(place, Unlock::Key(&KEY), &mut SystemRandom).expect("the vault opens")
}

/// Opens it, with a clock and a network.
pub(crate) fn drive(home: &Path, live: bool) -> Driver {
    Driver::new(open(home), "UTC", live).expect("the vault can be read")
}

/// Makes a vault.
pub(crate) fn create(home: &Path) -> Session {
    let place = Place::Folder(home.to_owned());
    Session::create(place, &[Unlock::Key(&KEY)], &mut SystemRandom).expect("a vault is made")
}

/// Makes the vault of somebody with a name and a relay.
pub(crate) fn begin(home: &Path, line: &AddressLine) {
    let mut driver = Driver::new(create(home), "UTC", false).unwrap();
    let name = home.file_name().unwrap().to_str().unwrap();
    driver.execute(Command::SetName(Name::new(name).unwrap())).unwrap();
    driver.execute(Command::UseRelay(SpaceKind::Private, line.clone())).unwrap();
}

/// Says a moment: the record, and the entry that opened it.
pub(crate) fn moment(driver: &mut Driver, text: &str) -> (String, String) {
    let event = Event::Moment(Moment {
        at: driver.now().at().unwrap(),
        kind: MomentKind::Comfort,
        happened: None,
        who_did: WhoDid::Both,
        text: Some(Text::new(text).unwrap()),
        felt: None,
    });
    let answer = driver.execute(Command::Tell(event.clone())).unwrap();
    let Answer::Told(entry) = answer else { panic!("{answer:?}") };
    let record = event.record(entry, driver.node().session().person());
    (record.hex(), entry.hex())
}

/// Writes a page.
pub(crate) fn page(driver: &mut Driver, text: &str) -> String {
    let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
    let answer = driver.execute(Command::NewDocument(DocumentKind::Journal, edit)).unwrap();
    let Answer::Document(id) = answer else { panic!("{answer:?}") };
    id.hex()
}

/// Every record and page that lists show.
pub(crate) fn shown(session: &Session) -> BTreeSet<String> {
    let pages = session.documents(DocumentKind::Journal).unwrap();
    let lines = match session.timeline() {
        Err(Error::NotPaired) => Vec::new(),
        lines => lines.unwrap(),
    };
    let records = lines.iter().map(|line| line.record.clone());
    records.chain(pages.iter().map(|page| page.id.hex())).collect()
}

/// Everything stored is proved once more.
pub(crate) fn prove(session: &Session) {
    for space in session.verify().unwrap() {
        assert_eq!(space.broken, 0, "entries that cannot be proved");
    }
    assert_eq!(session.incidents().unwrap().len(), 0, "incidents");
}

/// Exchanges everything there is.
pub(crate) async fn exchange(home: &Path) {
    let mut driver = drive(home, false);
    let settled = timeout(LONG, settle(&mut driver)).await;
    assert!(settled.is_ok(), "{} is not done", home.display());
    driver.close().await;
}

/// Connects, and steps until everything is exchanged.
pub(crate) async fn settle(driver: &mut Driver) {
    driver.want_online().unwrap();
    while !driver.node().is_idle_or_awaits() {
        while driver.poll_notice().is_some() {}
        driver.step().await.unwrap();
    }
}

/// Two homes pair.
pub(crate) async fn pair(nora: &Path, ben: &Path) {
    assert!(timeout(LONG, pair_them(nora, ben)).await.is_ok(), "{} is not paired", nora.display());
}

async fn pair_them(nora: &Path, ben: &Path) {
    let mut drivers = [drive(nora, true), drive(ben, true)];
    // Connected before the code is handed over, as a phone is by the time somebody has read it.
    settle(&mut drivers[0]).await;
    let invited = drivers[0].execute(Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    drivers[1].execute(Command::Join(Invited::Code(code))).unwrap();
    let (mut shown, mut asked, mut paired) = ([None, None], [false; 2], [false; 2]);
    while paired != [true; 2] {
        for side in 0..2 {
            while let Some(notice) = drivers[side].poll_notice() {
                match notice {
                    Notice::ShowNumber(number) => shown[side] = Some(number),
                    Notice::AskNumber => asked[side] = true,
                    Notice::Paired => paired[side] = true,
                    Notice::PairingEnded(code) => panic!("{code} on side {side}"),
                    Notice::Changed(_)
                    | Notice::Sent(_)
                    | Notice::Refused(_)
                    | Notice::RelayForgot
                    | Notice::Bulk(_)
                    | Notice::Incident(_) => {}
                }
            }
            if asked[side]
                && let Some(number) = shown[1 - side].clone()
            {
                asked[side] = false;
                drivers[side].execute(Command::TypeNumber(number)).unwrap();
            }
        }
        let [one, other] = &mut drivers;
        tokio::select! {
            stepped = one.step() => stepped.unwrap(),
            stepped = other.step() => stepped.unwrap(),
        }
    }
    for mut driver in drivers {
        driver.close().await;
    }
}

/// Copies a closed vault, or any folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
