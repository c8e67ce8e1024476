//! A vault on disk, as the roles and the checks open it.

use reknit_core::client::{Answer, Command, Driver, Error, Session};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::{Event, Text};
use reknit_e2e::people;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) use reknit_e2e::people::{begin, create, drive, open, settle};

/// Longer than an exchange or a pairing takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// The content of a key file with the key that opens these vaults.
pub(crate) fn key_digits() -> String {
    let [byte, ..] = people::KEY;
    format!("{byte:02x}").repeat(people::KEY.len())
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

/// Two homes pair.
pub(crate) async fn pair(nora: &Path, ben: &Path) {
    let paired = timeout(LONG, people::pair(nora, ben)).await;
    assert!(paired.is_ok(), "{} is not paired", nora.display());
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
