//! A store that a disk spoiled: it is set aside as it is, what can be read of it is taken over, the rest comes back from
//! the relay, and the device goes on, without a fork.

use crate::cast::Cast;
use crate::home::Home;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const PAGE: usize = 4_096;

/// Spoils the file of a store of a home that is not running, as it is found after a restart of the machine. What the
/// file holds now.
fn spoil(home: &Home, store: &str, spoil: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let folder = home.folder.join(store);
    let mut bytes = fs::read(folder.join("rows.db")).unwrap();
    spoil(&mut bytes);
    fs::write(folder.join("rows.db"), &bytes).unwrap();
    drop(fs::remove_file(folder.join("boot")));
    // Where the system does not tell when it was started, as after a process that was killed.
    fs::write(folder.join("rows.db-wal"), b"").unwrap();
    bytes
}

fn status(home: &Home) -> Value {
    home.rows(&["status"]).pop().unwrap()
}

/// The spaces that are made anew, by name.
fn rebuilding(home: &Home) -> Vec<String> {
    let status = status(home);
    let of = status["rebuilding"].as_array().unwrap().iter();
    of.map(|of| of["space"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn f10_d9_a_spoiled_store_is_set_aside_and_comes_back_with_what_was_not_sent() {
    let mut cast = Cast::new();
    for number in 0..30 {
        cast.nora.saved(&["moment", &format!("evening {number}"), "--kind", "comfort"]);
    }
    cast.settle();
    let before = cast.nora.records();
    cast.relay.kill();
    let unsent = cast.nora.saved(&["moment", "written without a relay", "--kind", "comfort"]);
    let bytes = spoil(&cast.nora, "shared", |bytes| {
        let pages = bytes.len() / PAGE;
        for page in [pages / 3, pages / 2] {
            bytes[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        }
    });
    assert_eq!(rebuilding(&cast.nora), ["shared"]);
    let aside = cast.nora.folder.join("shared.aside-1");
    assert!(fs::read(aside.join("rows.db")).unwrap() == bytes, "it stays as it was");
    let refused = cast.nora.run(&["moment", "too early", "--kind", "comfort"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("store.rebuilding"));

    cast.relay.restart();
    cast.settle();
    cast.settle();
    let after = cast.nora.records();
    assert!(before.iter().all(|record| after.contains(record)), "all comes back");
    assert_eq!(after.len(), before.len() + 1, "and what was not sent, once: {unsent}");
    assert_eq!(rebuilding(&cast.nora), [] as [&str; 0]);
    cast.nora.saved(&["moment", "after that", "--kind", "comfort"]);
    cast.settle();
    assert!(cast.agree_but("store.damaged").contains("after that"));
    assert!(fs::read(aside.join("rows.db")).unwrap() == bytes, "and stays so");
}

#[test]
fn f9_d9_stores_of_which_nothing_is_left_are_fetched_whole_and_the_person_is_the_same() {
    let cast = Cast::new();
    cast.ben.saved(&["moment", "he cooked", "--kind", "comfort"]);
    cast.ben.saved(&["journal", "new", "for myself alone"]);
    cast.settle();
    let (shared, journal) = (cast.agree(), cast.ben.text(&["journal", "list"]));
    for store in ["private", "shared"] {
        spoil(&cast.ben, store, |bytes| bytes.fill(0));
    }
    assert_eq!(rebuilding(&cast.ben), ["private", "shared"]);
    cast.settle();
    cast.settle();
    assert_eq!(rebuilding(&cast.ben), [] as [&str; 0]);
    assert_eq!(cast.ben.text(&["journal", "list"]), journal);
    assert_eq!(cast.agree_but("store.damaged"), shared);
    cast.ben.saved(&["moment", "and again", "--kind", "comfort"]);
    cast.settle();
    assert!(cast.agree_but("store.damaged").contains("and again"));
}

#[test]
fn f11_d9_a_store_that_is_cut_off_gone_or_a_folder_is_made_anew_and_the_old_one_kept() {
    let cast = Cast::new();
    let shared = cast.agree();
    let file = cast.nora.folder.join("shared/rows.db");
    spoil(&cast.nora, "shared", |bytes| bytes.truncate(bytes.len() / 2 + 100));
    cast.settle();
    fs::remove_file(&file).unwrap();
    cast.settle();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    cast.settle();
    cast.settle();
    assert_eq!(cast.agree_but("store.damaged"), shared);
    let aside: Vec<PathBuf> =
        (1..=3).map(|number| cast.nora.folder.join(format!("shared.aside-{number}"))).collect();
    assert!(aside.iter().all(|aside| aside.is_dir()), "each is kept: {aside:?}");
    cast.nora.saved(&["moment", "and on", "--kind", "comfort"]);
    cast.settle();
    cast.agree_but("store.damaged");
}

#[test]
fn d9_where_the_keys_are_gone_it_is_said_what_to_do_and_nothing_is_touched() {
    let cast = Cast::new();
    for (file, code) in [("device", "vault.device"), ("keys", "vault.keys")] {
        let path = cast.ben.folder.join(file);
        let whole = fs::read(&path).unwrap();
        for bytes in [whole[..whole.len() / 2].to_vec(), Vec::new()] {
            fs::write(&path, &bytes).unwrap();
            let output = cast.ben.run(&["status"]);
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && complaint.contains(code), "{complaint}");
            assert!(complaint.contains("join"), "what to do next: {complaint}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::remove_file(&path).unwrap();
        let output = cast.ben.run(&["init", "--name", "ben"]);
        assert!(!output.status.success(), "nothing is made over what is there");
        let output = cast.ben.run(&["status"]);
        assert!(String::from_utf8_lossy(&output.stderr).contains(code));
        fs::write(&path, &whole).unwrap();
    }
    cast.settle();
    cast.agree();
}
