//! A copy of the workspace with every bug in it, each behind its switch.

use crate::bug::{Bug, Planting};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The switch, in the package that all others see. In the copy only.
const SWITCH: &str = r#"
/// Planted bugs.
pub mod planted {
    /// Is this one on?
    pub fn is(name: &str) -> bool {
        static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        ON.get_or_init(|| std::env::var("REKNIT_PLANTED").unwrap_or_default()) == name
    }
}
"#;
/// What the copy holds.
const PARTS: [&str; 7] = ["Cargo.toml", "Cargo.lock", "wire", "core", "server", "app", "tests"];

/// The copy, where it lies.
#[derive(Debug)]
pub(crate) struct Copy {
    at: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Makes it, or brings the one that is there up to date: a file that is as it should be is left alone, so that
    /// only what changed is built.
    pub(crate) fn make(bugs: &[Bug]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| root.join("target"), PathBuf::from);
        let copy = Self { at: target.join("planted"), target };
        let mut texts = BTreeMap::new();
        for part in PARTS {
            gather(root, Path::new(part), &mut texts);
        }
        for bug in bugs {
            for place in &bug.places {
                plant(bug, place, &mut texts);
            }
        }
        texts.get_mut(Path::new("wire/src/lib.rs")).expect("wire has a root").push_str(SWITCH);
        copy.drop_strangers(&texts);
        for (name, text) in texts {
            let file = copy.at.join(name);
            if fs::read_to_string(&file).ok().as_deref() != Some(&text) {
                fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("a folder");
                fs::write(file, text).expect("it can be written");
            }
        }
        copy
    }

    /// Removes the files of an older copy that have no place in this one.
    fn drop_strangers(&self, texts: &BTreeMap<PathBuf, String>) {
        let mut there = BTreeMap::new();
        for part in PARTS.iter().filter(|part| self.at.join(part).exists()) {
            gather(&self.at, Path::new(part), &mut there);
        }
        for name in there.keys().filter(|name| !texts.contains_key(*name)) {
            fs::remove_file(self.at.join(name)).expect("it can be removed");
        }
    }

    /// Builds what hunts, into the folder that holds the libraries already.
    pub(crate) fn build(&self) {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "-p", "reknit-e2e", "--example", "hunt"])
            .args(["--config", "profile.dev.opt-level=3"])
            .arg("--manifest-path")
            .arg(self.at.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target)
            .output()
            .expect("cargo runs");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the copy does not build:\n{said}");
        let made = self.target.join("debug/examples/hunt");
        fs::copy(made, self.hunt()).expect("the hunt can be moved aside");
    }

    /// The program that hunts.
    pub(crate) fn hunt(&self) -> PathBuf {
        self.at.join("hunt")
    }
}

fn gather(root: &Path, part: &Path, texts: &mut BTreeMap<PathBuf, String>) {
    let whole = root.join(part);
    if whole.is_file() {
        if let Ok(text) = fs::read_to_string(&whole) {
            texts.insert(part.to_owned(), text);
        }
        return;
    }
    for file in fs::read_dir(&whole).expect("a part of the workspace") {
        let name = file.expect("it can be listed").file_name();
        if name != "target" {
            gather(root, &part.join(name), texts);
        }
    }
}

fn plant(bug: &Bug, place: &Planting, texts: &mut BTreeMap<PathBuf, String>) {
    let name = &bug.name;
    let text = texts.get_mut(Path::new(&place.file));
    let text = text.unwrap_or_else(|| panic!("{name}: there is no {}", place.file));
    let times = text.matches(&place.right).count();
    assert_eq!(times, 1, "{name}: the right lines stand {times} times in {}", place.file);
    let here = if place.file.starts_with("wire/") { "crate" } else { "::wire" };
    let wrong = place.wrong.replace("PLANTED", &format!("{here}::planted::is(\"{name}\")"));
    *text = text.replacen(&place.right, &wrong, 1);
}
