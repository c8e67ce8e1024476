//! Processes that are stopped in the middle of their work, and go on later; and files that may not grow.

use crate::cast::{Cast, each};
use crate::home::Home;
use crate::process::Process;
use serde_json::Value;
use std::process::{Command, Output};

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

fn complaint(output: &Output) -> String {
    let row: Value = serde_json::from_slice(&output.stderr).unwrap();
    row["error"].as_str().unwrap().to_owned()
}

/// Waits until a watch has said that an entry is at the relay.
fn sent(watching: &mut Process, entry: &str) {
    while watching.wait_for("sent").as_str() != Some(entry) {}
}

/// Writes a moment: the record and its entry.
fn moment(home: &Home, text: &str) -> (String, String) {
    let row = home.rows(&["moment", text]).pop().unwrap();
    (row["record"].as_str().unwrap().to_owned(), row["entry"].as_str().unwrap().to_owned())
}

#[test]
fn f30_a_relay_that_is_stopped_in_the_middle_of_a_sync_goes_on_where_it_was() {
    let cast = Cast::new();
    let mut watching = cast.nora.start(&["watch"]);
    let (_, before) = moment(&cast.nora, "before");
    sent(&mut watching, &before);
    let written: Vec<_> =
        (0..4).map(|number| moment(&cast.nora, &format!("while it stops {number}"))).collect();
    sent(&mut watching, &written[0].1);
    signal("STOP", cast.relay.id());
    let (saved, entry) = moment(&cast.nora, "while it is stopped");
    let offline = cast.ben.run(&["sync", "--wait", "2"]);
    assert_eq!((complaint(&offline).as_str(), offline.status.code()), ("relay.offline", Some(1)));
    signal("CONT", cast.relay.id());
    sent(&mut watching, &entry);
    watching.stop();
    cast.ben.sync();
    let records = cast.ben.records();
    assert!(records.contains(&saved) && written.iter().all(|(record, _)| records.contains(record)));
    cast.settle();
    cast.agree();
}

#[test]
fn f15_a_client_that_is_stopped_in_the_middle_of_a_sync_harms_nobody_and_goes_on() {
    let cast = Cast::new();
    let mut watching = cast.nora.start(&["watch"]);
    let first: Vec<_> = (0..6).map(|number| moment(&cast.ben, &format!("many {number}"))).collect();
    let syncing = cast.ben.start(&["sync"]);
    watching.wait_for("changed");
    signal("STOP", watching.id());
    // It may have been stopped in its turn, or between two turns: another command says so, or is done.
    let other = cast.nora.run(&["moment", "beside a stopped watch"]);
    match other.status.code() {
        Some(0) => {}
        Some(1) => assert_eq!(complaint(&other), "vault.busy"),
        code => panic!("{code:?}"),
    }
    let records: Vec<String> = cast.ben.records();
    assert!(first.iter().all(|(record, _)| records.contains(record)));
    signal("CONT", watching.id());
    let (_, entry) = moment(&cast.nora, "after it went on");
    sent(&mut watching, &entry);
    watching.stop();
    drop(syncing);
    cast.settle();
    let shared = cast.agree();
    assert!(shared.contains("after it went on") && shared.contains("many 5"), "{shared}");
    assert_eq!(shared.contains("beside a stopped watch"), other.status.success());
}

/// The program on a home, where no file may grow beyond so many blocks of 512 bytes; a write beyond fails.
fn limited(home: &Home, blocks: u64, args: &[&str]) -> Output {
    let program = home.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks.to_string()]);
    shell.arg(program.get_program()).args(program.get_args()).output().unwrap()
}

#[test]
fn f12_a_disk_that_is_full_refuses_by_name_keeps_everything_and_takes_more_when_there_is_room() {
    let cast = Cast::new();
    let (mut saved, mut refused) = (Vec::new(), 0);
    let text = "what somebody wrote when the disk was full ".repeat(20);
    // From a disk on which not even the store's memory map fits to one with room for all of it.
    for blocks in (0..24).map(|step| 48 + step * 16) {
        let written = limited(&cast.nora, blocks, &["moment", &text]);
        match written.status.code() {
            Some(0) => {
                let row: Value = serde_json::from_slice(&written.stdout).unwrap();
                saved.push(row["record"].as_str().unwrap().to_owned());
            }
            Some(1) => {
                assert_eq!(complaint(&written), "store.failed");
                refused += 1;
            }
            code => panic!("{code:?}: {}", String::from_utf8_lossy(&written.stderr)),
        }
        let records = cast.nora.records();
        assert!(saved.iter().all(|record| records.contains(record)), "what was saved is there");
        assert_eq!(records.len(), saved.len(), "what was refused is not");
    }
    assert!(refused > 0 && !saved.is_empty(), "{refused} refused, {} saved", saved.len());
    saved.push(cast.nora.saved(&["moment", "there is room again"]));
    cast.settle();
    let records = each(cast.homes(), Home::records);
    for records in &records {
        assert!(saved.iter().all(|record| records.contains(record)));
    }
    cast.agree();
}
