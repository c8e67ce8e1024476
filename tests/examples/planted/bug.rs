//! The rows of `tests/planted`.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// One bug.
#[derive(Debug)]
pub(crate) struct Bug {
    /// Its name, and what its switch listens to.
    pub(crate) name: String,
    /// What it breaks, for whoever reads that it was missed.
    pub(crate) breaks: String,
    /// A seed that found it once.
    pub(crate) seed: Option<u64>,
    /// Where.
    pub(crate) places: Vec<Planting>,
}

/// One place that it changes.
#[derive(Debug)]
pub(crate) struct Planting {
    /// From the root of the workspace.
    pub(crate) file: String,
    /// The lines that are right: they stand there once.
    pub(crate) right: String,
    /// What stands there instead; `PLANTED` in it is the switch.
    pub(crate) wrong: String,
}

/// All of them, in the order of their files.
pub(crate) fn all() -> Vec<Bug> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("tests/planted is there")
        .map(|file| file.expect("it can be listed").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Bug> {
    let text = fs::read_to_string(file).expect("it can be read");
    let rows: Value =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let rows = rows["bug"].as_array().expect("[[bug]]").clone();
    rows.iter().map(bug).collect()
}

fn bug(row: &Value) -> Bug {
    let places = row["at"].as_array().expect("[[bug.at]]");
    Bug {
        name: text(row, "name"),
        breaks: text(row, "breaks"),
        seed: row.get("seed").map(|seed| seed.as_u64().expect("seed is a number")),
        places: places
            .iter()
            .map(|place| Planting {
                file: text(place, "file"),
                right: text(place, "right").trim().to_owned(),
                wrong: text(place, "wrong").trim().to_owned(),
            })
            .collect(),
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}")).to_owned()
}
