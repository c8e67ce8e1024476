//! What an editor saves is there after its process, or the editor itself, was killed; and two windows lose nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod stage;

use serde_json::Value;
use stage::{Done, Stage, Talk, bytes_below, holds, short};

/// Saves a text, then waits for a line.
fn saves(text: &str) -> String {
    format!("f() {{ printf '{text}' > \"$1\"; echo ready; read _; }}; f")
}

/// Opens an editor on one home and waits until what it saved is kept; gives what it is kept as.
fn begun(stage: &Stage, home: &str, args: &[&str], editor: &str) -> (Talk, String) {
    let mut command = stage.at(home, args);
    command.env("EDITOR", editor);
    let mut talk = Talk::start(command);
    let kept: Value = serde_json::from_str(&talk.hear("kept")).unwrap();
    (talk, kept.get("kept").and_then(Value::as_str).unwrap().to_owned())
}

fn edit(stage: &Stage, home: &str, args: &[&str], editor: &str) -> Done {
    let mut command = stage.at(home, args);
    Done::of(command.env("EDITOR", editor).output().unwrap())
}

/// What is in the file, and something behind it.
fn adds(text: &str) -> String {
    format!("f() {{ t=$(cat \"$1\"); printf '%s{text}' \"$t\" > \"$1\"; }}; f")
}

#[test]
fn what_was_typed_when_the_process_was_killed_is_gone_on_with() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let new = ["journal", "new", "--title", "Tonight", "--tag", "anger"];
    let (killed, id) = begun(&stage, "nora", &new, &saves("a canary"));
    killed.kill();
    assert_eq!(stage.run("nora", &["journal", "list"]).good().out, "");
    let status = stage.run("nora", &["status"]).good().rows();
    assert_eq!(status[0].get("unfinished"), Some(&Value::from(1)));
    let drafts = stage.run("nora", &["journal", "drafts"]).good();
    assert_eq!(
        (drafts.field("document"), drafts.field("excerpt")),
        (id.clone(), "a canary".into())
    );
    assert_eq!(drafts.field("title"), "Tonight");
    let row = drafts.rows().remove(0);
    assert_eq!((row.get("new"), row.get("open")), (Some(&true.into()), Some(&false.into())));
    assert!(!holds(&bytes_below(&stage.path("nora")), "canary"), "it lies sealed");

    let done = edit(&stage, "nora", &["journal", "new"], &adds(" that sings")).good();
    assert_eq!(done.field("document"), id, "it becomes the entry that it was to be");
    let shown = stage.run("nora", &["journal", "show", short(&id)]).good();
    assert_eq!(shown.field("text"), "a canary that sings");
    assert_eq!(shown.field("title"), "Tonight");
    assert!(shown.out.contains("[\"anger\"]"), "{}", shown.out);
    assert_eq!(stage.run("nora", &["journal", "drafts"]).good().out, "");
}

#[test]
fn an_editor_that_is_killed_or_fails_loses_nothing_that_it_saved() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let id = stage.run("nora", &["journal", "new", "as it was"]).good().field("document");
    let dies = "f() { printf 'as it was, and more' > \"$1\"; kill -9 $$; }; f";
    edit(&stage, "nora", &["journal", "edit", &id], dies).failed("editor.failed");
    assert_eq!(stage.run("nora", &["journal", "show", &id]).good().field("text"), "as it was");
    let drafts = stage.run("nora", &["journal", "drafts"]).good();
    assert_eq!(drafts.rows()[0].get("new"), Some(&false.into()));
    let control = "f() { printf 'no text: \\033[2J' > \"$1\"; }; f";
    edit(&stage, "nora", &["journal", "edit", &id], control).failed("text.form");
    assert_eq!(stage.run("nora", &["journal", "show", &id]).good().field("text"), "as it was");
    let mended = "f() { t=$(cat \"$1\"); printf '%s' \"${t%: *}\" > \"$1\"; }; f";
    edit(&stage, "nora", &["journal", "edit", &id], mended).good();
    assert_eq!(stage.run("nora", &["journal", "show", &id]).good().field("text"), "no text");
    assert_eq!(stage.run("nora", &["journal", "drafts"]).good().out, "");
    edit(&stage, "nora", &["journal", "new"], "true").failed("text.none");
    assert_eq!(stage.run("nora", &["journal", "list"]).good().rows().len(), 1);
}

#[test]
fn two_windows_on_one_home_lose_no_text() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let text = "We talk at nine. We stop at ten.";
    let id = stage.run("nora", &["journal", "new", text]).good().field("document");
    let change = ["journal", "edit", &id];
    let always = saves("We talk at nine. We stop at ten, always.");
    let (mut first, kept) = begun(&stage, "nora", &change, &always);
    assert_eq!(kept, id);
    edit(&stage, "nora", &change, "true").failed("editor.open");
    stage.run("nora", &["journal", "drafts", "--discard", &id]).refused("editor.open");
    let eight = "We talk at eight. We stop at ten.";
    stage.run("nora", &["journal", "edit", &id, eight]).good();
    first.say("");
    first.end();
    let shown = stage.run("nora", &["journal", "show", &id]).good();
    assert_eq!(shown.field("text"), "We talk at eight. We stop at ten, always.");

    let (mut one, one_id) = begun(&stage, "nora", &["journal", "new"], &saves("one"));
    let (mut two, two_id) = begun(&stage, "nora", &["journal", "new"], &saves("two"));
    assert_ne!(one_id, two_id, "what is open in a window is not opened again");
    one.say("");
    two.say("");
    one.end();
    two.end();
    assert_eq!(stage.run("nora", &["journal", "list"]).good().rows().len(), 3);
    assert_eq!(stage.run("nora", &["journal", "drafts"]).good().out, "");
}

#[test]
fn what_is_written_into_an_entry_that_is_deleted_meanwhile_is_kept_as_a_new_one() {
    let stage = Stage::new();
    stage.init("nora", "Nora");
    let id = stage.run("nora", &["journal", "new", "old"]).good().field("document");
    let (mut open, _) = begun(&stage, "nora", &["journal", "edit", &id], &saves("new words"));
    stage.run("nora", &["journal", "delete", &id]).good();
    assert_eq!(stage.run("nora", &["journal", "drafts"]).good().out, "", "its draft goes with it");
    open.say("");
    assert_eq!(open.fail(), Some(1));
    let drafts = stage.run("nora", &["journal", "drafts"]).good();
    assert_eq!(drafts.field("excerpt"), "new words");
    let other = drafts.field("document");
    assert_ne!(other, id);
    let dropped = ["journal", "drafts", "--discard", short(&other)];
    assert_eq!(stage.run("nora", &dropped).good().field("done"), "discard");
    stage.run("nora", &dropped).refused("id.unknown");
}

#[test]
fn an_unfinished_agreement_is_gone_on_with_and_was_never_sent() {
    let stage = Stage::new();
    let relay = stage.serve(0);
    for (home, name) in [("nora", "Nora"), ("ben", "Ben")] {
        stage.run(home, &["init", "--name", name, "--relay", &relay.line]).good();
    }
    stage.pair(("nora", "--partner"), "ben");
    let (killed, id) = begun(&stage, "nora", &["agreement", "new"], &saves("We talk"));
    killed.kill();
    for home in ["nora", "ben"] {
        stage.run(home, &["sync"]).good();
    }
    assert_eq!(stage.run("ben", &["agreement", "show"]).good().out, "");
    assert_eq!(stage.run("ben", &["agreement", "drafts"]).good().out, "");
    let done = edit(&stage, "nora", &["agreement", "new"], &adds(" at nine.")).good();
    assert_eq!(done.field("document"), id);
    for home in ["nora", "ben"] {
        stage.run(home, &["sync"]).good();
    }
    assert_eq!(stage.run("ben", &["agreement", "show"]).good().field("text"), "We talk at nine.");
}
