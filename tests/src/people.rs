//! People with real vaults and real connections: made, opened, paired.

use reknit_core::client::{Answer, Command, Driver, Invited, Notice, Place, Session, Whom};
use reknit_core::crypto::Unlock;
use reknit_core::environment::SystemRandom;
use reknit_core::membership::SpaceKind;
use reknit_core::model::person::Name;
use std::path::Path;
use wire::address::AddressLine;

/// What opens every vault here: a key, which is not stretched.
pub const KEY: [u8; 32] = [7; 32];

/// Makes a vault.
pub fn create(home: &Path) -> Session {
    let place = Place::Folder(home.to_owned());
    Session::create(place, &[Unlock::Key(&KEY)], &mut SystemRandom).expect("a vault is made")
}

/// Makes the vault of somebody with a name, which is that of the folder, and a relay.
pub fn begin(home: &Path, line: &AddressLine) {
    let mut driver = Driver::new(create(home), "UTC", false).expect("a driver");
    let name = home.file_name().unwrap_or_default().display().to_string();
    driver.execute(Command::SetName(Name::new(&name).expect("a name"))).expect("a name is set");
    driver.execute(Command::UseRelay(SpaceKind::Private, line.clone())).expect("a relay is set");
}

/// Opens the vault of a home.
pub fn open(home: &Path) -> Session {
    let place = Place::Folder(home.to_owned());
    Session::open(place, Unlock::Key(&KEY), &mut SystemRandom).expect("the vault opens")
}

/// Opens it, with a clock and a network.
pub fn drive(home: &Path, live: bool) -> Driver {
    Driver::new(open(home), "UTC", live).expect("the vault can be read")
}

/// Connects, and steps until everything is exchanged.
pub async fn settle(driver: &mut Driver) {
    driver.want_online().expect("the vault is free");
    while !driver.node().is_idle_or_awaits() {
        while driver.poll_notice().is_some() {}
        driver.step().await.expect("the vault is free");
    }
}

/// Two homes pair: each person types what the other's device shows.
pub async fn pair(nora: &Path, ben: &Path) {
    let mut drivers = [drive(nora, true), drive(ben, true)];
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
                    Notice::PairingEnded(code) => panic!("{code} on side {side}"),
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
