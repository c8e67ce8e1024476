//! The rows of planted bugs fit the sources of today. Whether the simulator finds the bugs, `just planted` shows.

#[path = "../examples/planted/bug.rs"]
mod bug;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_planted_bug_names_lines_that_stand_there_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let mut wrong = Vec::new();
    let (bugs, mut names) = (bug::all(), BTreeSet::new());
    for bug in &bugs {
        assert!(names.insert(&bug.name), "{} stands there twice", bug.name);
        assert!(bug.breaks.ends_with('.'), "{} says what it breaks", bug.name);
        assert!(bug.seed.is_none_or(|seed| seed < 2_000), "{}: a seed below 2,000", bug.name);
        let switched = bug.places.iter().any(|place| place.wrong.contains("PLANTED"));
        assert!(switched, "{} has a switch", bug.name);
        for place in &bug.places {
            let text = fs::read_to_string(root.join(&place.file)).unwrap_or_default();
            let times = text.matches(&place.right).count();
            if times != 1 {
                wrong.push(format!("{}: {times} times in {}", bug.name, place.file));
            }
        }
    }
    assert!(bugs.len() >= 25, "at least 25 bugs");
    assert!(wrong.is_empty(), "tests/planted, right lines: {wrong:#?}");
}
