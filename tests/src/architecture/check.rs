//! The check itself: a tree against the table, every breach reported.

use super::import::{Import, Scope, Target, Walk, walk};
use super::rule::{Breach, Calm, PackageRule, Row, Rule};
use super::token::{Kind, Token, tokens};
use super::tree::{Package, Source, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Tests included: a longer file is two ideas.
const LINES_MAX: usize = 500;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 11] = [
    "common", "helper", "helpers", "manager", "misc", "trait", "traits", "type", "types", "util",
    "utils",
];
/// Crates of the compiler.
const STANDARD: [&str; 3] = ["alloc", "core", "std"];
/// What only tests need beyond their folder's row; of `curve25519_dalek` the points of small order, to see them refused.
const FOR_TESTS: [&str; 4] = ["curve25519_dalek", "proptest", "serde_json", "tempfile"];
/// Doors out of a pure folder.
const DOORS: [&[&str]; 7] = [
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];
/// Maps whose order differs between two runs, so between two phones.
const UNORDERED: [&str; 4] = ["HashMap", "HashSet", "RandomState", "DefaultHasher"];

/// Every breach of `rules` in `tree`.
pub fn check(tree: &Tree, rules: &[PackageRule]) -> Vec<Breach> {
    let names: BTreeSet<&str> = tree.packages.iter().map(|package| package.name.as_str()).collect();
    let libraries: BTreeSet<&str> =
        tree.packages.iter().map(|package| package.library.as_str()).collect();
    let mut breaches = Vec::new();
    for package in &tree.packages {
        let Some(rule) = rules.iter().find(|rule| rule.name == package.name) else {
            breaches.push(breach(Rule::PackageWithoutRow, &package.folder, &package.name));
            continue;
        };
        let mut judge = Judge { package, rule, libraries: &libraries, breaches: &mut breaches };
        judge.manifest(&names);
        judge.sources();
        judge.owners();
    }
    breaches
}

fn breach(rule: Rule, place: &str, found: &str) -> Breach {
    Breach { rule, place: place.to_owned(), found: found.to_owned() }
}

struct Judge<'a> {
    package: &'a Package,
    rule: &'a PackageRule,
    libraries: &'a BTreeSet<&'a str>,
    breaches: &'a mut Vec<Breach>,
}

/// What is known of the file under judgement.
struct Case<'a> {
    source: &'a Source,
    module: Vec<String>,
    row: &'a Row,
}

impl<'a> Judge<'a> {
    fn report(&mut self, rule: Rule, path: &str, line: usize, found: &str) {
        let place = format!("{}/{path}:{line}", self.package.folder);
        self.breaches.push(breach(rule, &place, found));
    }

    fn manifest(&mut self, names: &BTreeSet<&str>) {
        for name in &self.package.dependencies {
            let ours = names.contains(name.as_str()) && *name != self.package.name;
            if ours && !self.rule.edges.contains(&name.as_str()) {
                self.report(Rule::PackageEdge, "Cargo.toml", 1, name);
            }
        }
        if self.rule.shipped {
            for feature in &self.package.features {
                self.report(Rule::Feature, "Cargo.toml", 1, feature);
            }
        }
    }

    fn sources(&mut self) {
        let package: &'a Package = self.package;
        let crates: BTreeSet<String> =
            package.crates.iter().cloned().chain(STANDARD.map(str::to_owned)).collect();
        let nested = modules_by_path(package, &crates);
        let mut used = BTreeSet::new();
        for source in &package.sources {
            let tokens = tokens(&source.text);
            self.shape(source, &tokens);
            let Some(row) = self.row(&source.path) else {
                self.report(Rule::FileWithoutRow, &source.path, 1, "no row covers this file");
                continue;
            };
            used.insert(row.path);
            let module =
                nested.get(&source.path).cloned().unwrap_or_else(|| module_of(&source.path));
            let scope = Scope {
                module: module.clone(),
                crates: &crates,
                own: &package.library,
                test: is_test(&source.path),
            };
            let found = walk(&tokens, &scope);
            let case = Case { source, module, row };
            self.names(&case, &found);
            self.imports(&case, &found);
            self.calm(&case, &found);
        }
        for row in self.rule.rows {
            if !used.contains(row.path) {
                self.report(Rule::RowWithoutFile, row.path, 0, "the table names what is not there");
            }
        }
    }

    /// The longest row that is the file or a folder around it.
    fn row(&self, path: &str) -> Option<&'a Row> {
        let covers = |row: &&Row| {
            path == row.path
                || path.strip_prefix(row.path).is_some_and(|rest| rest.starts_with('/'))
        };
        self.rule.rows.iter().filter(covers).max_by_key(|row| row.path.len())
    }

    /// Length, head line, name, and an empty `mod.rs`.
    fn shape(&mut self, source: &Source, tokens: &[Token]) {
        let path = &source.path;
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            self.report(Rule::Length, path, lines, "more than 500 lines");
        }
        if !source.text.starts_with("//!") {
            self.report(Rule::Head, path, 1, "does not open with `//!`");
        }
        for part in path.trim_end_matches(".rs").split('/') {
            if EMPTY_NAMES.contains(&part) {
                self.report(Rule::ModuleName, path, 1, part);
            }
        }
        // In a folder beside `src`, `mod.rs` is how test binaries share code without making one more of it.
        if path.starts_with("src/")
            && path.ends_with("/mod.rs")
            && let Some(line) = code_in_mod(tokens)
        {
            self.report(Rule::ModWithCode, path, line, "holds more than docs, `mod` and `use`");
        }
    }

    fn names(&mut self, case: &Case<'_>, found: &Walk) {
        for (name, _) in &found.modules {
            if EMPTY_NAMES.contains(&name.as_str()) {
                self.report(Rule::ModuleName, &case.source.path, 1, name);
            }
        }
    }

    fn imports(&mut self, case: &Case<'_>, found: &Walk) {
        for import in &found.imports {
            match &import.target {
                Target::Own(path) => self.own(case, import, path),
                Target::Other(path) => self.other(case, import, path),
            }
        }
    }

    fn own(&mut self, case: &Case<'_>, import: &Import, path: &[String]) {
        // A file that lies directly in `src` is its own folder; the root module belongs to everybody's row or to nobody's.
        let home = path.first().is_some_and(|first| case.module.first() == Some(first));
        let root = case.module.is_empty() && path.is_empty();
        if !home && !root && !allows(case.row.ours, path) {
            let shown =
                format!("crate::{}{}", path.join("::"), if import.whole { "::*" } else { "" });
            self.report(Rule::Import, &case.source.path, import.line, &shown);
        }
    }

    fn other(&mut self, case: &Case<'_>, import: &Import, path: &[String]) {
        let Some(name) = path.first().map(String::as_str) else { return };
        if STANDARD.contains(&name) {
            return;
        }
        if self.libraries.contains(name) {
            if !allows(case.row.ours, path) {
                self.report(Rule::Import, &case.source.path, import.line, &path.join("::"));
            }
        } else {
            let for_tests = import.test && FOR_TESTS.contains(&name);
            if !for_tests && !allows(case.row.outside, path) {
                self.report(Rule::Outside, &case.source.path, import.line, &path.join("::"));
            }
        }
    }

    fn calm(&mut self, case: &Case<'_>, found: &Walk) {
        let (path, calm) = (&case.source.path, case.row.calm);
        if calm == Calm::Free {
            return;
        }
        for said in &found.words {
            let awaits = matches!(said.word.as_str(), "async" | "await");
            let unordered = calm == Calm::Pure && UNORDERED.contains(&said.word.as_str());
            if awaits || unordered {
                self.report(Rule::Calm, path, said.line, &said.word);
            }
        }
        for import in found.imports.iter().filter(|_| calm == Calm::Pure) {
            if let Target::Other(target) = &import.target
                && DOORS.iter().any(|door| opens(door, target, import))
            {
                self.report(Rule::Calm, path, import.line, &target.join("::"));
            }
        }
    }

    /// Each outside crate stands in one row, or in the list of those that several need.
    fn owners(&mut self) {
        let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in
            self.rule.rows.iter().filter(|row| self.rule.shipped && !row.path.ends_with("tests"))
        {
            for name in row.outside {
                owners.entry(name).or_default().push(row.path);
            }
        }
        for (name, rows) in owners {
            if rows.len() > 1 && !self.rule.several.iter().any(|(each, _)| *each == name) {
                self.report(
                    Rule::SecondOwner,
                    "Cargo.toml",
                    1,
                    &format!("{name}: {}", rows.join(", ")),
                );
            }
        }
    }
}

/// Whether one of `rows` is `*` or leads, segment by segment, to `path`.
fn allows(rows: &[&str], path: &[String]) -> bool {
    rows.iter().any(|row| {
        *row == "*"
            || (!path.is_empty() && row.split("::").eq(path.iter().take(row.split("::").count())))
    })
}

/// Whether the path goes through the door, or takes the whole wall in which the door is. Tests read vectors from files.
fn opens(door: &[&str], target: &[String], import: &Import) -> bool {
    let reads_vectors = import.test && matches!(door, ["std", "env" | "fs"]);
    let shared = door.len().min(target.len());
    let same = door[..shared].iter().eq(target[..shared].iter());
    same && !reads_vectors
}

/// The module that a file is, from its place alone.
fn module_of(path: &str) -> Vec<String> {
    let Some(inside) = path.strip_prefix("src/") else { return Vec::new() };
    let mut parts: Vec<String> =
        inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || matches!(inside, "lib.rs" | "main.rs") {
        parts.pop();
    }
    parts
}

/// Files that another one takes in under `#[path]`: their module lies below that one.
fn modules_by_path(package: &Package, crates: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let mut nested = BTreeMap::new();
    for source in &package.sources {
        let module = module_of(&source.path);
        let scope = Scope { module: module.clone(), crates, own: &package.library, test: false };
        for (name, file) in walk(&tokens(&source.text), &scope).modules {
            if let Some(file) = file {
                let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let inner: Vec<String> = module.iter().cloned().chain([name]).collect();
                nested.insert(format!("{folder}/{file}"), inner);
            }
        }
    }
    nested
}

/// Files that only tests are built from, known by their name.
fn is_test(path: &str) -> bool {
    !path.starts_with("src/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

/// The line of the first item of a `mod.rs` that is neither `mod name;` nor `use`.
fn code_in_mod(tokens: &[Token]) -> Option<usize> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.word() {
            None if token.is('#') => at = past_attribute(tokens, at),
            Some("pub") if tokens.get(at + 1).is_some_and(|next| next.is('(')) => {
                at += tokens[at..].iter().position(|each| each.is(')'))? + 1;
            }
            Some("pub") => at += 1,
            Some("mod") if tokens.get(at + 2).is_some_and(|end| end.is(';')) => at += 3,
            Some("use") => at += tokens[at..].iter().position(|each| each.is(';'))? + 1,
            _ => return Some(token.line),
        }
    }
    None
}

fn past_attribute(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.kind {
            Kind::Mark('[') => depth += 1,
            Kind::Mark(']') if depth == 1 => return at + 1,
            Kind::Mark(']') => depth -= 1,
            Kind::Word(_) | Kind::Text(_) | Kind::Join | Kind::Mark(_) => {}
        }
    }
    tokens.len()
}
