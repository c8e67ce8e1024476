//! Two people with real vaults: made, opened, paired.

use reknit_core::client::{Answer, Command, Driver, Invited, Notice, Place, Session, Whom};
use reknit_core::crypto::Unlock;
use reknit_core::environment::SystemRandom;
use reknit_core::membership::SpaceKind;
use reknit_core::model::person::Name;
use std::path::Path;
use wire::address::AddressLine;

const KEY: [u8; 32] = [7; 32];

/// Makes the vault of somebody with a name and a relay.
pub(crate) fn begin(home: &Path, line: &AddressLine) {
    let place = Place::Folder(home.to_owned());
    let session = Session::create(place, &[Unlock::Key(&KEY)], &mut SystemRandom);
    let mut driver = Driver::new(session.expect("a vault"), "UTC", false).expect("a driver");
    let name = home.file_name().unwrap_or_default().display().to_string();
    let name = Name::new(&name).expect("a name");
    driver.execute(Command::SetName(name)).expect("a name is set");
    driver.execute(Command::UseRelay(SpaceKind::Private, line.clone())).expect("a relay is set");
}

/// Opens it.
pub(crate) fn open(home: &Path, live: bool) -> Driver {
    let place = Place::Folder(home.to_owned());
    let session = Session::open(place, Unlock::Key(&KEY), &mut SystemRandom);
    Driver::new(session.expect("the vault opens"), "UTC", live).expect("a driver")
}

/// Connects, and steps until everything is exchanged.
pub(crate) async fn settle(driver: &mut Driver) {
    driver.want_online().expect("the vault is free");
    loop {
        while driver.poll_notice().is_some() {}
        if driver.node().is_idle() {
            return;
        }
        driver.step().await.expect("the vault is free");
    }
}

/// Two homes pair.
pub(crate) async fn pair(nora: &Path, ben: &Path) {
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
                    | Notice::Bulk(_)
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
