//! From what was typed to a value in its range.

use std::{fmt, net::SocketAddr, path::PathBuf};

use super::{
    error::{Problem, Shown},
    settings::{Config, Kind, LogFormat, LogLevel, Setting},
};

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A bound, as it is shown: `20` or `16MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A number.
    Count(u64),
    /// Bytes: in the largest unit that fits.
    Bytes(u64),
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Bytes(bytes) => {
                let unit = UNITS.iter().find(|(_, size)| bytes >= *size && bytes % size == 0);
                match unit {
                    Some((unit, size)) => write!(f, "{}{unit}", bytes / size),
                    None => write!(f, "{bytes}"),
                }
            }
        }
    }
}

/// Reads `typed` and puts it into `config`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn put(config: &mut Config, setting: &Setting, typed: &str) -> Result<(), Problem> {
    let name = setting.name;
    let form = |expected| Problem::Form { name, expected, got: Shown::new(typed) };
    match setting.kind {
        Kind::Listen => {
            config.listen = typed
                .parse::<SocketAddr>()
                .map_err(|_| form("an IP address and port, such as 0.0.0.0:8443"))?;
        }
        Kind::Address => {
            wire::address::RelayAddress::parse(typed)
                .map_err(|_| form("HOST:PORT, such as relay.example.org:8443"))?;
            config.address = Some(typed.to_owned());
        }
        Kind::Folder => {
            if typed.is_empty() || typed.contains('\0') {
                return Err(form("a folder"));
            }
            config.data_folder = PathBuf::from(typed);
        }
        Kind::Level => {
            config.log_level = match typed {
                "error" => LogLevel::Error,
                "warn" => LogLevel::Warn,
                "info" => LogLevel::Info,
                _ => return Err(form("error, warn or info: more is never logged")),
            };
        }
        Kind::Format => {
            config.log_format = match typed {
                "logfmt" => LogFormat::Logfmt,
                "json" => LogFormat::Json,
                _ => return Err(form("logfmt or json")),
            };
        }
        Kind::Count { min, max, put } => {
            let range = (Quantity::Count(min), Quantity::Count(max));
            put(config, in_range(name, typed, typed.parse().ok(), (min, max), range)?);
        }
        Kind::Bytes { min, max, put } => {
            let range = (Quantity::Bytes(min), Quantity::Bytes(max));
            put(config, in_range(name, typed, bytes(name, typed)?, (min, max), range)?);
        }
    }
    Ok(())
}

/// Text that is no number at all is answered with the range too: that says what a number would be.
fn in_range(
    name: &'static str,
    typed: &str,
    value: Option<u64>,
    (least, most): (u64, u64),
    (min, max): (Quantity, Quantity),
) -> Result<u64, Problem> {
    value.filter(|value| (least..=most).contains(value)).ok_or_else(|| Problem::Range {
        name,
        min,
        max,
        got: Shown::new(typed),
    })
}

/// `None`: a number that is far out of range, or none.
fn bytes(name: &'static str, typed: &str) -> Result<Option<u64>, Problem> {
    let digits = typed.bytes().take_while(u8::is_ascii_digit).count();
    let Some((number, unit)) = typed.split_at_checked(digits) else { return Ok(None) };
    if number.is_empty() {
        return Ok(None);
    }
    let unit = unit.trim_start();
    let size = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, size)) => *size,
        None if unit.is_empty() => 1,
        None if unit.starts_with(|char: char| char.is_ascii_alphabetic() && char != 'e') => {
            return Err(Problem::Unit { name, got: Shown::new(typed) });
        }
        None => return Ok(None),
    };
    Ok(number.parse::<u64>().ok().and_then(|number| number.checked_mul(size)))
}

/// The known name nearest to `typed`, if it is near: at most a third of it differs.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > 64 {
        return None;
    }
    names
        .map(|name| (distance(typed, name), name))
        .filter(|(distance, name)| distance * 3 <= name.len())
        .min()
        .map(|(_, name)| name)
}

/// How many characters to add, remove or replace (Levenshtein), one row of the table at a time.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, char) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (above, wanted) in row.iter().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(char != *wanted);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
