//! Every path that a file names: `use` trees joined, `self`, `super` and `crate` resolved, inline modules counted.

use super::token::{Kind, Token};
use std::collections::BTreeSet;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A path from the root of the own package.
    Own(Vec<String>),
    /// A path into another crate, with the crate's name first.
    Other(Vec<String>),
}

/// One path, where it stands, and whether only tests are built from it.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) target: Target,
    pub(super) whole: bool,
    pub(super) line: usize,
    pub(super) test: bool,
    /// It stands in a `use`, so its last name can be used in the rest of the file.
    brought: bool,
}

impl Import {
    fn hides(&self) -> Option<&String> {
        let (Target::Own(path) | Target::Other(path)) = &self.target;
        path.last().filter(|_| self.brought && !self.whole && path.len() > 1)
    }
}

/// A word that is judged by itself, and its line.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) word: String,
    pub(super) line: usize,
}

/// What the walk over one file finds.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) imports: Vec<Import>,
    pub(super) words: Vec<Said>,
    /// Modules declared here by name: with their `#[path]` if they have one.
    pub(super) modules: Vec<(String, Option<String>)>,
}

/// What the names in a file mean.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    /// The module that the file is, from the root of the package.
    pub(super) module: Vec<String>,
    /// Crates that the package depends on, and those of the compiler.
    pub(super) crates: &'a BTreeSet<String>,
    /// How the package's own binary and tests name its library.
    pub(super) own: &'a str,
    /// The whole file is test code.
    pub(super) test: bool,
}

/// Walks one file.
pub(super) fn walk(tokens: &[Token], scope: &Scope<'_>) -> Walk {
    let module = scope.module.clone();
    let new = |hidden| Walker {
        tokens,
        at: 0,
        scope,
        module: module.clone(),
        hidden,
        inside: Vec::new(),
        depth: 0,
        found: Walk::default(),
    };
    // What a `use` brings in hides a crate of the same name in all of the file, so names are gathered first.
    let mut first = new(BTreeSet::new());
    first.run();
    let hidden = first
        .found
        .imports
        .iter()
        .filter_map(Import::hides)
        .filter(|name| scope.crates.contains(*name));
    let mut second = new(hidden.cloned().collect());
    second.run();
    second.found
}

struct Walker<'a> {
    tokens: &'a [Token],
    at: usize,
    scope: &'a Scope<'a>,
    module: Vec<String>,
    /// Names of crates that mean something else in this file, as `ring` after `use rustls::crypto::ring`.
    hidden: BTreeSet<String>,
    /// Inline modules that are open: the depth of their brace, and whether they are test code.
    inside: Vec<(usize, bool)>,
    depth: usize,
    found: Walk,
}

impl Walker<'_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::Mark('{') => self.depth += 1,
                Kind::Mark('}') => self.close(),
                Kind::Word(word) if word == "use" && !self.mark_at(1, '<') => {
                    self.at += 1;
                    self.tree(Vec::new());
                }
                Kind::Word(word) if word == "mod" => self.module_item(),
                Kind::Word(word) => {
                    let word = word.clone();
                    self.path(&word);
                }
                Kind::Join | Kind::Text(_) | Kind::Mark(_) => {}
            }
            self.at += 1;
        }
    }

    fn word_at(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).and_then(Token::word)
    }

    fn mark_at(&self, ahead: usize, mark: char) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.is(mark))
    }

    fn join_at(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.kind == Kind::Join)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |token| token.line)
    }

    fn test(&self) -> bool {
        self.scope.test || self.inside.iter().any(|(_, test)| *test)
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.inside.last().is_some_and(|(depth, _)| *depth == self.depth) {
            self.inside.pop();
            self.module.pop();
        }
    }

    /// `mod name;` declares a file; `mod name {` opens a module in this one.
    fn module_item(&mut self) {
        let Some(name) = self.word_at(1).map(str::to_owned) else { return };
        if self.mark_at(2, ';') {
            self.found.modules.push((name, self.path_attribute()));
            self.at += 2;
        } else if self.mark_at(2, '{') {
            self.inside.push((self.depth, self.is_for_tests()));
            self.found.modules.push((name.clone(), None));
            self.module.push(name);
            self.depth += 1;
            self.at += 2;
        }
    }

    /// The tokens of the attributes and the visibility in front of the item that starts here.
    fn before_item(&self) -> &[Token] {
        let ends = |token: &Token| token.is(';') || token.is('}') || token.is('{');
        let start = self.tokens[..self.at].iter().rposition(ends).map_or(0, |at| at + 1);
        &self.tokens[start..self.at]
    }

    fn path_attribute(&self) -> Option<String> {
        let before = self.before_item();
        let at = before.iter().rposition(|token| token.word() == Some("path"))?;
        match &before.get(at + 2)?.kind {
            Kind::Text(file) => Some(file.clone()),
            Kind::Word(_) | Kind::Join | Kind::Mark(_) => None,
        }
    }

    fn is_for_tests(&self) -> bool {
        let words: Vec<_> = self.before_item().iter().filter_map(Token::word).collect();
        words.windows(2).any(|pair| pair == ["cfg", "test"])
    }

    /// A path in an expression or a type, or a word alone.
    fn path(&mut self, first: &str) {
        let line = self.line();
        self.found.words.push(Said { word: first.to_owned(), line });
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let joined = before.is_some_and(|token| token.kind == Kind::Join);
        let rooted = joined && !self.joins_a_word();
        if before.is_some_and(|token| token.is('.')) || (joined && !rooted) {
            return;
        }
        let after_extern = self.at >= 2
            && self.tokens[self.at - 2].word() == Some("extern")
            && self.follows("crate");
        if !self.join_at(1) && !after_extern {
            return;
        }
        let mut path = vec![first.to_owned()];
        let mut ahead = 1;
        while self.join_at(ahead) {
            let Some(word) = self.word_at(ahead + 1) else { break };
            path.push(word.to_owned());
            ahead += 2;
        }
        let whole = self.join_at(ahead) && self.mark_at(ahead + 1, '*');
        if rooted || !self.hidden.contains(first) {
            self.add(&path, (whole, false), line);
        }
    }

    fn follows(&self, word: &str) -> bool {
        self.tokens[self.at - 1].word() == Some(word)
    }

    /// Whether the `::` before this word has a name, or the end of a generic list, before it.
    fn joins_a_word(&self) -> bool {
        let Some(token) = self.at.checked_sub(2).and_then(|at| self.tokens.get(at)) else {
            return false;
        };
        token.is('>')
            || token.word().is_some_and(|word| {
                !matches!(word, "return" | "in" | "as" | "for" | "dyn" | "impl")
            })
    }

    /// One branch of a `use` tree; stops on its last token.
    fn tree(&mut self, mut path: Vec<String>) {
        loop {
            let line = self.line();
            let Some(token) = self.tokens.get(self.at) else { return };
            match &token.kind {
                Kind::Join => self.at += 1,
                Kind::Mark('*') => return self.add(&path, (true, true), line),
                Kind::Mark('{') => return self.branches(&path),
                Kind::Word(word) => {
                    path.push(word.clone());
                    self.found.words.push(Said { word: word.clone(), line });
                    if self.join_at(1) {
                        self.at += 2;
                        continue;
                    }
                    let renamed = self.word_at(1) == Some("as");
                    if renamed {
                        self.at += 2;
                    }
                    return self.add(&path, (false, !renamed), line);
                }
                Kind::Text(_) | Kind::Mark(_) => return,
            }
        }
    }

    fn branches(&mut self, path: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() && !self.mark_at(0, '}') {
            if !self.mark_at(0, ',') {
                self.tree(path.to_vec());
            }
            self.at += 1;
        }
    }

    fn add(&mut self, path: &[String], (whole, brought): (bool, bool), line: usize) {
        let path = match path {
            [head @ .., last] if last == "self" && !head.is_empty() => head,
            _ => path,
        };
        if let Some(target) = self.resolve(path) {
            self.found.imports.push(Import { target, whole, line, test: self.test(), brought });
        }
    }

    /// A name that is neither a crate nor relative was brought in by another path, which is judged by itself.
    fn resolve(&self, path: &[String]) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(Target::Own(rest.to_vec())),
            "self" | "super" => {
                let mut module = self.module.clone();
                let ups = path.iter().take_while(|word| matches!(word.as_str(), "self" | "super"));
                let taken =
                    ups.inspect(|word| drop((*word == "super").then(|| module.pop()))).count();
                module.extend(path[taken..].iter().cloned());
                Some(Target::Own(module))
            }
            name if name == self.scope.own => Some(Target::Own(rest.to_vec())),
            name if self.scope.crates.contains(name) => Some(Target::Other(path.to_vec())),
            _ => None,
        }
    }
}
