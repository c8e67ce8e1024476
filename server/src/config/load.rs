//! Three sources, one order: the file, over it the environment, over it the flags.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Command};
use toml::de::{DeTable, DeValue};

use super::{
    error::{ConfigError, Place, Problem, Shown},
    settings::{Config, SETTINGS, Setting},
    value,
};

/// What every variable of ours begins with.
const PREFIX: &str = "REKNIT_RELAY_";
/// The largest file read. The longest sensible one has 2 KB.
const FILE_BYTES_MAX: usize = 65_536;

/// What was found, before it is looked at. `main.rs` gathers it; nothing else reads the process.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file's name as it is shown, and its bytes; `None` bytes: it cannot be read.
    pub file: Option<(OsString, Option<Vec<u8>>)>,
    /// All variables; others than ours are passed over.
    pub environment: Vec<(OsString, OsString)>,
    /// Setting and value.
    pub flags: Vec<(&'static str, OsString)>,
}

/// Makes one valid configuration, or says what stands in the way.
///
/// # Errors
/// The first value that is wrong.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    if let Some((name, bytes)) = &sources.file {
        let file = Shown::new(&name.to_string_lossy());
        read_file(&mut config, file, bytes.as_deref())?;
    }
    for (variable, typed) in &sources.environment {
        read_variable(&mut config, variable, typed)?;
    }
    for (name, typed) in &sources.flags {
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == *name) {
            put(&mut config, setting, typed, || Place::Flag(setting.name))?;
        }
    }
    Ok(config)
}

/// The command line, made from the table of settings. Values are never secrets: those stand in files.
pub fn command() -> Command {
    let flags = SETTINGS.iter().map(|setting| {
        Arg::new(setting.name)
            .long(setting.name.replace('_', "-"))
            .value_name("VALUE")
            .help(setting.help)
            .value_parser(clap::value_parser!(OsString))
    });
    Command::new("reknit-relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Carries sealed envelopes between the devices of two people and reads none of them.")
        .after_help("Every setting is also a line in the file (listen = \"...\") and a variable (REKNIT_RELAY_LISTEN).")
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("a TOML file with settings")
                .value_parser(clap::value_parser!(OsString)),
        )
        .args(flags)
}

/// The settings among the flags.
pub fn matched(matches: &ArgMatches) -> Vec<(&'static str, OsString)> {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let typed = matches.get_one::<OsString>(setting.name)?;
            Some((setting.name, typed.clone()))
        })
        .collect()
}

fn read_file(config: &mut Config, file: Shown, bytes: Option<&[u8]>) -> Result<(), ConfigError> {
    let whole = |problem| ConfigError { place: Place::File { file: file.clone() }, problem };
    let bytes = bytes
        .filter(|bytes| bytes.len() <= FILE_BYTES_MAX)
        .ok_or_else(|| whole(Problem::Unreadable))?;
    let text = std::str::from_utf8(bytes).map_err(|_| whole(Problem::Syntax))?;
    let at = |start: usize| {
        let before = bytes.get(..start).unwrap_or(bytes);
        let line = before.split(|byte| *byte == b'\n').count();
        Place::Line { file: file.clone(), line }
    };
    let table = DeTable::parse(text).map_err(|error| ConfigError {
        place: at(error.span().map_or(0, |span| span.start)),
        problem: if error.message().contains("duplicate key") {
            Problem::Twice
        } else {
            Problem::Syntax
        },
    })?;
    // In the order of the file, so that the first line that is wrong is the one named.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let place = || at(key.span().start);
        let setting =
            find(key.get_ref()).map_err(|problem| ConfigError { place: place(), problem })?;
        let typed: &str = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(integer) if integer.radix() == 10 => {
                &integer.as_str().replace('_', "")
            }
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => value.get_ref().type_str(),
        };
        put(config, setting, OsStr::new(typed), place)?;
    }
    Ok(())
}

fn read_variable(config: &mut Config, name: &OsStr, typed: &OsStr) -> Result<(), ConfigError> {
    let name = name.to_string_lossy();
    let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| *rest != "CONFIG") else {
        return Ok(());
    };
    let place = || Place::Variable(Shown::new(&name));
    let setting =
        find(&rest.to_lowercase()).map_err(|problem| ConfigError { place: place(), problem })?;
    put(config, setting, typed, place)
}

fn find(key: &str) -> Result<&'static Setting, Problem> {
    SETTINGS.iter().find(|setting| setting.name == key).ok_or_else(|| Problem::Unknown {
        key: Shown::new(key),
        meant: value::nearest(key, SETTINGS.iter().map(|setting| setting.name)),
    })
}

fn put(
    config: &mut Config,
    setting: &Setting,
    typed: &OsStr,
    place: impl Fn() -> Place,
) -> Result<(), ConfigError> {
    if matches!(setting.kind, super::settings::Kind::Folder) {
        // A folder may have any name that the system takes.
        if !typed.is_empty() {
            config.data_folder = typed.into();
            return Ok(());
        }
    }
    let text = typed.to_str().ok_or_else(|| ConfigError {
        place: place(),
        problem: Problem::NotText { name: setting.name },
    })?;
    value::put(config, setting, text).map_err(|problem| ConfigError { place: place(), problem })
}
