//! A vault and a relay's folder, made while the power goes at every single change: nothing is there afterwards and the
//! making can be repeated, or all of it is there.

use crate::cut::Mode;
use crate::disk::{Plan, is_alive};
use crate::machine::Machine;
use crate::random::Random;
use crate::tally::Tally;
use reknit_core::client::{Command, Error, Node, Now, Place, Session, Vault};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_relay::{DataFolder, StartError};
use std::path::Path;
use wire::time::{Moment, Timestamp};

/// What opens the vaults here.
pub const KEY: [u8; 32] = [7; 32];
/// Draws of each mode at each change, when all is tried.
const DRAWS: u64 = 3;

/// What the machine makes; whether that succeeded.
type Make = fn(&Path, &mut Random) -> bool;
/// What must hold after the cut: told whether the making had succeeded.
type Check = fn(&Path, bool, &mut Random);

/// A vault.
///
/// # Panics
/// When a half one is left.
pub fn vaults(all: bool) -> Tally {
    everywhere(all, make_vault, check_vault)
}

/// The folder of a relay.
///
/// # Panics
/// When a half one is left.
pub fn relays(all: bool) -> Tally {
    everywhere(all, make_relay, check_relay)
}

/// Always at every change; in every mode, and often, only if `all` is asked for.
fn everywhere(all: bool, make: Make, check: Check) -> Tally {
    let mut tally = Tally::default();
    for at in 0.. {
        let mut reached_the_end = false;
        let mut modes = vec![Mode::Dropped, Mode::Kept, Mode::ALL[2 + at as usize % 4]];
        if all {
            modes = Mode::ALL.repeat(DRAWS as usize);
        }
        for (draw, mode) in (0..).zip(modes) {
            let mut random = Random::new(at * 100 + draw);
            let mut machine = Machine::new();
            let folder = machine.boot(Plan { cut: Some(at), ..Plan::default() });
            let made = make(&folder, &mut random);
            reached_the_end = is_alive();
            assert!(made || !reached_the_end, "on a sound disk it is made");
            machine.kill();
            machine.cut(mode, &mut random);
            tally.cut(mode);
            let folder = machine.boot(Plan::default());
            check(&folder, made, &mut random);
            tally.checked += u64::from(made);
            machine.kill();
            machine.cut(Mode::Kept, &mut random);
        }
        if reached_the_end {
            break;
        }
    }
    tally
}

fn place(folder: &Path) -> Place {
    Place::Folder(folder.join("people/ada"))
}

/// A Sunday in January.
pub(crate) fn now() -> Now {
    Now {
        moment: Moment::ORIGIN,
        timestamp: Timestamp::from_millis(1_768_764_600_000),
        zone: "Europe/London".to_owned(),
    }
}

fn make_vault(folder: &Path, random: &mut Random) -> bool {
    Session::create(place(folder), &[Unlock::Key(&KEY)], random).is_ok()
}

fn check_vault(folder: &Path, made: bool, random: &mut Random) {
    let place = place(folder);
    let session = if Vault::exists(&place) {
        let again = Session::create(place.clone(), &[Unlock::Key(&KEY)], random);
        assert_eq!(again.err(), Some(Error::Exists));
        Session::open(place.clone(), Unlock::Key(&KEY), random)
    } else {
        assert!(!made, "a vault that was made is gone");
        Session::create(place.clone(), &[Unlock::Key(&KEY)], random)
    };
    let session = session.expect("a whole vault");
    let mut node = Node::new(session, 1, false).expect("a device");
    let edit = Edit { text: Some("The first thing written here.".to_owned()), ..Edit::default() };
    let written = node.execute(Command::NewDocument(DocumentKind::Journal, edit), &now(), random);
    assert!(written.is_ok(), "one can write in it: {written:?}");
    drop(node);
    let session = Session::open(place, Unlock::Key(&KEY), random).expect("it opens again");
    assert_eq!(session.documents(DocumentKind::Journal).map(|all| all.len()), Ok(1));
}

fn relay(folder: &Path, random: &Random) -> Result<DataFolder, StartError> {
    let mut random = random.clone();
    let mut bytes: reknit_relay::Random = Box::new(move |out| random.fill(out));
    DataFolder::open(&folder.join("data"), &mut bytes)
}

fn make_relay(folder: &Path, random: &mut Random) -> bool {
    relay(folder, random).is_ok()
}

/// Whoever opened it once finds the same one: its store and its key.
fn check_relay(folder: &Path, made: bool, random: &mut Random) {
    let had_key = folder.join("data/relay.key").exists();
    assert!(had_key || !made, "a key that was told to others is gone");
    let mut later = Random::new(random.next());
    let opened = relay(folder, &later).expect("a whole folder");
    assert_eq!(opened.set_aside, None);
    let store = opened.storage.store_id();
    drop(opened);
    later.next();
    let opened = relay(folder, &later).expect("it opens again");
    assert_eq!(opened.storage.store_id(), store);
}
