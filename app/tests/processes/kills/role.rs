//! The victims that link the library. Each says a line after the library returned: that is its acknowledgement.

use super::vault;
use reknit_core::client::{Answer, Command, Driver, Invited, Notice, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::person::Name;
use std::io::Write;
use std::path::{Path, PathBuf};

/// In one write, so that a line is whole or not there.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn type_in() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
#[ignore = "a role, played when the other tests start it"]
fn play() {
    let (Ok(role), Some(home)) = (std::env::var("REKNIT_ROLE"), std::env::var_os("REKNIT_HOME"))
    else {
        return;
    };
    let home = PathBuf::from(home);
    say("");
    say("ready");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match role.as_str() {
        "begin" => begin(&home),
        "write" => write(&home),
        "exchange" => runtime.block_on(exchange(&home)),
        "invite" => runtime.block_on(invite(&home)),
        "join" => runtime.block_on(join(&home)),
        other => panic!("no role is called {other}"),
    }
}

fn begin(home: &Path) {
    let session = vault::create(home);
    say(&format!("made {}", session.person().hex()));
    let mut driver = Driver::new(session, "UTC", false).unwrap();
    driver.execute(Command::SetName(Name::new("Nora").unwrap())).unwrap();
    say(&format!("saved {}", vault::page(&mut driver, "the first page")));
}

/// Writes for ever: pages, moments, and longer and longer versions of one page.
fn write(home: &Path) {
    let mut driver = vault::drive(home, false);
    let mut text = String::from("what grows");
    let edit = Edit { text: Some(text.clone()), ..Edit::default() };
    let made = driver.execute(Command::NewDocument(DocumentKind::Journal, edit)).unwrap();
    let Answer::Document(grows) = made else { panic!("{made:?}") };
    say(&format!("saved {}", grows.hex()));
    for number in 0_u32.. {
        say(&format!("saved {}", vault::page(&mut driver, &format!("page {number}"))));
        let (record, _) = vault::moment(&mut driver, &format!("moment {number}"));
        say(&format!("saved {record}"));
        text = format!("{text} and {number}");
        let edit = Edit { text: Some(text.clone()), ..Edit::default() };
        driver.execute(Command::EditDocument(grows, edit)).unwrap();
        say(&format!("grown {} {}", grows.hex(), text.len()));
    }
}

/// Stays connected for ever, says a moment now and then, and what became of it.
async fn exchange(home: &Path) {
    let mut driver = vault::drive(home, true);
    driver.want_online().unwrap();
    let mut turns = 0_u32;
    loop {
        while let Some(notice) = driver.poll_notice() {
            if let Notice::Sent(entry) = notice {
                say(&format!("sent {}", entry.hex()));
            }
        }
        if turns.is_multiple_of(4) {
            let (record, entry) = vault::moment(&mut driver, &format!("turn {turns}"));
            say(&format!("saved {record} {entry}"));
        }
        turns += 1;
        driver.step().await.unwrap();
    }
}

async fn invite(home: &Path) {
    let mut driver = vault::drive(home, true);
    let page = vault::page(&mut driver, "before we met");
    say(&format!("saved {page}"));
    vault::settle(&mut driver).await;
    let invited = driver.execute(Command::Invite { whom: Whom::Partner, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    say(&format!("code {code}"));
    meet(&mut driver).await;
}

async fn join(home: &Path) {
    let mut driver = vault::drive(home, true);
    let page = vault::page(&mut driver, "before we met");
    say(&format!("saved {page}"));
    driver.execute(Command::Join(Invited::Code(type_in()))).unwrap();
    meet(&mut driver).await;
}

/// To the end of the pairing, and then for ever.
async fn meet(driver: &mut Driver) {
    loop {
        while let Some(notice) = driver.poll_notice() {
            match notice {
                Notice::ShowNumber(number) => say(&format!("show {number}")),
                Notice::AskNumber => {
                    say("ask");
                    driver.execute(Command::TypeNumber(type_in())).unwrap();
                }
                Notice::Paired => say("paired"),
                Notice::PairingEnded(code) => say(&format!("ended {code}")),
                Notice::Changed(_)
                | Notice::Sent(_)
                | Notice::Refused(_)
                | Notice::RelayForgot
                | Notice::Bulk(_)
                | Notice::Incident(_) => {}
            }
        }
        driver.step().await.unwrap();
    }
}
