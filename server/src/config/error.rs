//! What is wrong with a setting, and where: the sentences an operator reads.

use std::fmt;

use super::value::Quantity;

/// What an operator typed, cut and made harmless before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// The longest text shown.
    const CHARS_MAX: usize = 60;

    /// Keeps the first characters; control characters, which could rewrite a terminal, become `?`.
    pub fn new(typed: &str) -> Self {
        let mut shown: String = typed
            .chars()
            .take(Self::CHARS_MAX)
            .map(|char| if char.is_control() { '?' } else { char })
            .collect();
        if typed.chars().nth(Self::CHARS_MAX).is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of the file, from 1.
    Line {
        /// The file's name, without its folder.
        file: Shown,
        /// The line.
        line: usize,
    },
    /// The file as a whole.
    File {
        /// The file's name, without its folder.
        file: Shown,
    },
    /// A variable of the environment.
    Variable(Shown),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file} line {line}"),
            Self::File { file } => write!(f, "{file}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "--{}", name.replace('_', "-")),
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such setting.
    Unknown {
        /// As typed.
        key: Shown,
        /// The nearest one there is.
        meant: Option<&'static str>,
    },
    /// The same setting stands twice.
    Twice,
    /// The file is not TOML.
    Syntax,
    /// The file cannot be read.
    Unreadable,
    /// Not UTF-8.
    NotText {
        /// The setting.
        name: &'static str,
    },
    /// Outside of what makes a working relay.
    Range {
        /// The setting.
        name: &'static str,
        /// The least.
        min: Quantity,
        /// The most.
        max: Quantity,
        /// As typed.
        got: Shown,
    },
    /// A unit that is not ours. `GB` and `GiB` differ by 7 %: neither is guessed.
    Unit {
        /// The setting.
        name: &'static str,
        /// As typed.
        got: Shown,
    },
    /// Not one of the words, or not of the shape.
    Form {
        /// The setting.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// As typed.
        got: Shown,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { key, meant: Some(meant) } => {
                write!(f, "unknown key '{key}'. Did you mean '{meant}'?")
            }
            Self::Unknown { key, meant: None } => {
                write!(f, "unknown key '{key}'. --help lists all keys.")
            }
            Self::Twice => f.write_str("a key stands twice. Remove one of the two."),
            Self::Syntax => {
                f.write_str("this is not TOML. A line looks like: listen = \"127.0.0.1:8443\"")
            }
            Self::Unreadable => f.write_str("this file cannot be read. Is it there?"),
            Self::NotText { name } => write!(f, "{name} must be UTF-8 text"),
            Self::Range { name, min, max, got } => {
                write!(f, "{name} must be between {min} and {max}, got {got}")
            }
            Self::Unit { name, got } => {
                write!(f, "{name} takes bytes, or a number with KiB, MiB or GiB, got {got}")
            }
            Self::Form { name, expected, got } => write!(f, "{name} must be {expected}, got {got}"),
        }
    }
}

/// One wrong setting: the first that was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

impl ConfigError {
    /// The stable code, for scripts.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Unknown { .. } => "config.unknown",
            Problem::Range { .. } | Problem::Unit { .. } => "config.range",
            Problem::Twice
            | Problem::Syntax
            | Problem::Unreadable
            | Problem::NotText { .. }
            | Problem::Form { .. } => "config.form",
        }
    }
}
