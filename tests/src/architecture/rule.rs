//! What the table is made of, and what a breach says.

use std::fmt;

/// What code may do besides computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calm {
    /// No `async`, file, socket, thread, process, clock, random source, and no map whose order differs between runs.
    Pure,
    /// As it likes, but nothing is awaited.
    Blocking,
    /// Anything.
    Free,
}

/// Whom the code of one folder or file may import.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// From the package's folder, such as `src/entry` or `src/environment.rs`. The longest that fits counts.
    pub path: &'static str,
    /// Paths of ours, such as `model::id`, `crypto` or `wire::time`; `*` is everything. The own folder is always allowed.
    pub ours: &'static [&'static str],
    /// Outside crates; `*` is everything.
    pub outside: &'static [&'static str],
    /// What it may do.
    pub calm: Calm,
}

/// What one package may be.
#[derive(Clone, Copy, Debug)]
pub struct PackageRule {
    /// Its name for Cargo.
    pub name: &'static str,
    /// Packages of ours that it may depend on, in tests and build scripts too.
    pub edges: &'static [&'static str],
    /// Shipped packages have no Cargo features.
    pub shipped: bool,
    /// Outside crates that more than one row may import, each with its reason.
    pub several: &'static [(&'static str, &'static str)],
    /// A row for every folder and file.
    pub rows: &'static [Row],
}

/// The rules, by the name under which a breach is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A package depends on one that it must not know.
    PackageEdge,
    /// A package that the table does not name.
    PackageWithoutRow,
    /// A shipped package has a Cargo feature.
    Feature,
    /// A file that no row covers.
    FileWithoutRow,
    /// A row that covers no file.
    RowWithoutFile,
    /// An import of ours that the row does not allow.
    Import,
    /// An outside crate that the row does not allow.
    Outside,
    /// An outside crate with two owners.
    SecondOwner,
    /// A pure folder does more than compute, or something is awaited where nothing may be.
    Calm,
    /// A `mod.rs` with code.
    ModWithCode,
    /// A file that is too long.
    Length,
    /// A file that does not open with what it is for.
    Head,
    /// A module whose name says nothing.
    ModuleName,
}

/// One breach: which rule, where, and what was found.
#[derive(Clone, Debug)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// File and line, or the package.
    pub place: String,
    /// What was found there.
    pub found: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}: {}", self.rule, self.place, self.found)
    }
}
