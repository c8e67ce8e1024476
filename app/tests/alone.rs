//! The real binary on one home, without any network: the first steps, the journal, and what it refuses.

mod stage;

use serde_json::Value;
use stage::{Stage, Talk, bytes_below, holds, short};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[test]
fn r27_the_safety_text_comes_first_and_without_any_network() {
    let stage = Stage::new();
    let rows = stage.init("nora", "Nora").rows();
    let safety = rows.first().and_then(|row| row.get("safety")).and_then(Value::as_str).unwrap();
    assert!(safety.starts_with("Are you afraid of your partner"));
    assert!(rows.first().unwrap().get("help").unwrap().as_array().unwrap().len() > 2);
    assert_eq!(rows.last().unwrap().get("done").unwrap(), "init");
    let mode = fs::metadata(stage.path("nora")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "nobody else looks into the folder");
    stage.run("nora", &["init", "--name", "Nora"]).refused("vault.exists");
}

#[test]
fn a_private_page_is_written_read_changed_found_and_deleted_alone() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let new = ["journal", "new", "I am on my own side.", "--title", "Tonight", "--tag", "anger"];
    let id = stage.run("nora", &new).good().field("document");
    let about = stage.run("nora", &["journal", "edit", short(&id), "--at", "2026-03-28 21:00"]);
    assert_eq!(about.good().field("done"), "journal.edit");
    let shown = stage.run("nora", &["journal", "show", short(&id)]).good();
    let expected = format!(
        "{{\"document\":\"{id}\",\"title\":\"Tonight\",\"text\":\"I am on my own side.\",\
         \"at\":\"2026-03-28T21:00:00Z\",\"tags\":[\"anger\"]}}\n"
    );
    assert_eq!(shown.out, expected);
    let piped = stage.type_in("nora", &["journal", "new", "-"], b"two\r\nlines\n").good();
    let piped = stage.run("nora", &["journal", "show", &piped.field("document")]).good();
    assert_eq!(piped.field("text"), "two\nlines");
    let newest = stage.run("nora", &["journal", "list", "--limit", "1"]).good();
    assert_eq!(newest.rows().len(), 1);
    let before = ["journal", "list", "--before", &newest.field("document")];
    assert_eq!(stage.run("nora", &before).good().field("document"), id);
    let found = stage.run("nora", &["journal", "search", "OWN SIDE"]).good();
    assert_eq!(found.rows().len(), 1);
    stage.run("nora", &["journal", "delete", &id]).good();
    stage.run("nora", &["journal", "show", &id]).refused("id.unknown");
    let listed = stage.run("nora", &["journal", "list"]).good().rows();
    assert_eq!(listed.len(), 1);
    let status = stage.run("nora", &["status"]).good().rows();
    assert_eq!(status.first().unwrap().get("paired"), Some(&Value::Bool(false)));
    for row in stage.run("nora", &["verify"]).good().rows() {
        assert_eq!(row.get("broken").unwrap(), 0);
    }
    let sealed = bytes_below(&stage.path("nora"));
    assert!(holds(&sealed, "SQLite"), "the scanner sees what is there");
    assert!(!holds(&sealed, "own side") && !holds(&sealed, "Tonight") && !holds(&sealed, "Nora"));
}

#[test]
fn b67_b69_secrets_and_names_that_cannot_be_are_refused_before_anything_is_made() {
    let stage = Stage::new();
    for name in ["", "  ", "Be\nn", "\u{202e}neB", "\u{200b}", &"a".repeat(300)] {
        stage.run("nora", &["init", "--name", name]).refused("name.form");
    }
    for secret in ["", "\n", "12345", "      \n"] {
        fs::write(stage.path("secret"), secret).unwrap();
        stage.run("nora", &["init", "--name", "Nora"]).refused("secret.short");
    }
    fs::write(stage.path("secret"), "a".repeat(2_000)).unwrap();
    stage.run("nora", &["init", "--name", "Nora"]).refused("secret.long");
    fs::write(stage.path("secret"), [0xff, 0xfe]).unwrap();
    stage.run("nora", &["init", "--name", "Nora"]).refused("secret.form");
    fs::remove_file(stage.path("secret")).unwrap();
    stage.run("nora", &["init", "--name", "Nora"]).refused("secret.file");
    assert!(!stage.path("nora").exists());
    let mut unasked = stage.reknit();
    unasked.args(["--json", "status", "--home"]).arg(stage.path("nora"));
    let none = unasked.output().unwrap();
    assert!(String::from_utf8_lossy(&none.stderr).contains("vault.none"));
}

#[test]
fn b67_a_key_from_a_file_opens_what_it_made_and_nothing_else_does() {
    let stage = Stage::new();
    let digits = "0f".repeat(32);
    let run = |home: &str, key: &str, args: &[&str]| {
        fs::write(stage.path("key"), key).unwrap();
        let mut command = stage.reknit();
        command.arg("--json").arg("--home").arg(stage.path(home)).arg("--key-file");
        stage::Done::of(command.arg(stage.path("key")).args(args).output().unwrap())
    };
    let (less, more) = (digits.get(1..).unwrap().to_owned(), format!("{digits}0"));
    let (odd, lines) = (digits.replace('f', "g"), format!("{digits}\n\n"));
    for key in [String::new(), "correct horse".to_owned(), less, more, odd, lines] {
        run("nora", &key, &["init", "--name", "Nora"]).refused("key.form");
    }
    assert!(!stage.path("nora").exists());
    run("nora", &digits, &["init", "--name", "Nora"]).good();
    run("nora", &format!("{}\r\n", digits.to_uppercase()), &["status"]).good();
    run("nora", &"0e".repeat(32), &["status"]).refused("vault.secret");
    stage.run("nora", &["status"]).refused("vault.secret");
    stage.init("ben", "Ben");
    run("ben", &digits, &["status"]).refused("vault.secret");
    let mut both = stage.at("nora", &["status"]);
    stage::Done::of(both.arg("--key-file").arg(stage.path("key")).output().unwrap())
        .refused("key.two");
    fs::remove_file(stage.path("key")).unwrap();
    let mut none = stage.reknit();
    none.args(["--json", "status", "--home"]).arg(stage.path("nora")).arg("--key-file");
    stage::Done::of(none.arg(stage.path("key")).output().unwrap()).refused("key.file");
}

#[test]
fn b68_b70_b72_what_cannot_be_is_refused_and_the_next_page_is_written() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let run = |args: &[&str]| stage.run("nora", args);
    let long = vec![b'a'; 5 * 1024 * 1024];
    stage.type_in("nora", &["journal", "new", "-"], &long).refused("text.long");
    stage.type_in("nora", &["journal", "new", "-"], &[0xed, 0xa0, 0x80]).refused("text.form");
    run(&["journal", "new", "a\u{1b}[2J"]).refused("text.form");
    run(&["journal", "new"]).refused("text.none");
    run(&["journal", "new", "a", "--at", "2026-02-30 09:00"]).refused("date.form");
    run(&["journal", "new", "a", "--at", "2026-03-29 01:30"]).refused("date.form");
    run(&["--zone", "Mars/Phobos", "journal", "new", "a"]).refused("date.form");
    run(&["journal", "new", "a", "--tag", " "]).refused("tag.form");
    run(&["journal", "show", "zzzz"]).refused("id.unknown");
    run(&["journal", "show", "0000"]).refused("id.unknown");
    run(&["use-relay", "relay.example"]).refused("relay.address");
    run(&["sync"]).refused("relay.none");
    run(&["invite", "--partner"]).refused("relay.none");
    run(&["timeline"]).refused("pair.none");
    run(&["reach", "a"]).refused("pair.none");
    stage.type_in("nora", &["join"], b"https://example.org\n").refused("pair.qr");
    fs::write(stage.path("secret"), "another secret").unwrap();
    run(&["status"]).refused("vault.secret");
    fs::write(stage.path("secret"), stage::SECRET).unwrap();
    run(&["journal", "new", "still here"]).good();
    assert_eq!(run(&["journal", "list"]).good().rows().len(), 1);
}

#[test]
fn b80_a_wrong_command_line_ends_with_2_and_help_with_0() {
    let stage = Stage::new();
    let code = |args: &[&str]| stage.reknit().args(args).output().unwrap().status.code();
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["serve", "--help"]), Some(0));
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["status", "--secret", "correct horse"]), Some(2), "never as an argument");
    assert_eq!(code(&["status", "--json", "--json"]), Some(2));
    assert_eq!(code(&["init", "--name"]), Some(2));
    assert_eq!(code(&["reply", "abcd"]), Some(2));
    assert_eq!(code(&["reply", "abcd", "--here", "--cannot"]), Some(2));
    assert_eq!(code(&["moment", "a", "--kind", "triumph"]), Some(2));
    assert_eq!(code(&["serve", "--listen", "nowhere"]), Some(2));
    assert_eq!(code(&["serve", "--max-connection", "5"]), Some(2));
    let odd = stage.path("home").join(OsStr::from_bytes(b"caf\xe9"));
    let mut init = stage.reknit();
    init.arg("--secret-file").arg(stage.path("secret")).args(["init", "--name", "Nora", "--home"]);
    assert!(init.arg(&odd).output().unwrap().status.success(), "a path is bytes, not text");
    assert!(odd.join("keys").exists());
    let no_text = stage.reknit().arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(no_text.status.code(), Some(2));
}

#[test]
fn b81_a_reader_that_goes_away_is_no_failure() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    for args in [vec!["status"], vec!["--help"]] {
        let mut child =
            stage.at("nora", &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    }
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = stage.at("nora", &["status"]).stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn an_editor_leaves_nothing_behind_not_even_when_it_is_killed() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let run = stage.path("run");
    let mut edited = stage.at("nora", &["journal", "new"]);
    let edited = edited.env("EDITOR", "printf 'written in an editor\\n' >").output().unwrap();
    assert!(edited.status.success());
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    let mut failed = stage.at("nora", &["journal", "new"]);
    assert_eq!(failed.env("VISUAL", "false").output().unwrap().status.code(), Some(1));
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);

    let mut killed = stage.at("nora", &["journal", "new"]);
    killed.env("EDITOR", "f() { echo canary > \"$1\"; echo ready; read _; }; f");
    let mut killed = Talk::start(killed);
    killed.hear("ready");
    let left = bytes_below(&run);
    assert!(holds(&left, "canary"), "the scanner sees what an editor wrote");
    let folder = fs::read_dir(&run).unwrap().next().unwrap().unwrap();
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    stage.run("nora", &["status"]).good();
    assert!(holds(&bytes_below(&run), "canary"), "an editor that is open keeps its file");
    killed.kill();
    stage.run("nora", &["status"]).good();
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    let listed = stage.run("nora", &["journal", "list"]).good();
    assert_eq!(listed.rows().len(), 1);
    assert_eq!(listed.field("excerpt"), "written in an editor");
}
