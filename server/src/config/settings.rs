//! `Config`, and the one table of settings.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// A valid configuration. All fields have defaults that are safe on a machine of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen: UDP. The default is this machine only.
    pub listen: SocketAddr,
    /// `HOST:PORT` as clients reach it. Without it, the address listened on.
    pub address: Option<String>,
    /// The folder of the database and of the relay's key. Made if it is missing.
    pub data_folder: PathBuf,
    /// The least that is logged.
    pub log_level: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Connections at a time. A quiet one costs 60 to 80 KB.
    pub max_connections: u64,
    /// Handshakes at a time; above it new ones are refused, and clients wait.
    pub max_handshakes: u64,
    /// Handshakes a second from one /24 or /56 before its sender has to prove its address.
    pub handshakes_per_second: u64,
    /// Spaces in all.
    pub max_spaces: u64,
    /// New spaces an hour from one /24 or /56.
    pub creations_per_hour: u64,
    /// Mailboxes an hour from one /24 or /56: pairings that begin there.
    pub mailboxes_per_hour: u64,
    /// Other requests to mailboxes a minute from one /24 or /56.
    pub mail_requests_per_minute: u64,
    /// Sign-ins a minute from one /24 or /56 that may fail, after a household's worth of them at once.
    pub failed_sign_ins_per_minute: u64,
    /// Stored bytes of one space; each person has half.
    pub space_quota: u64,
    /// Envelopes a second of one person in one space.
    pub pushes_per_second: u64,
    /// Envelopes of one person at once, before the rate counts.
    pub push_burst: u64,
    /// Bytes an hour of one person in one space.
    pub push_bytes_per_hour: u64,
    /// Reads a second of one connection.
    pub pulls_per_second: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            address: None,
            data_folder: PathBuf::from("reknit-relay-data"),
            log_level: LogLevel::Info,
            log_format: LogFormat::Logfmt,
            max_connections: 20_000,
            max_handshakes: 2_048,
            handshakes_per_second: 20,
            max_spaces: 100_000,
            creations_per_hour: 20,
            mailboxes_per_hour: 10,
            mail_requests_per_minute: 120,
            failed_sign_ins_per_minute: 5,
            space_quota: 256 * MIB,
            pushes_per_second: 20,
            push_burst: 100,
            push_bytes_per_hour: 64 * MIB,
            pulls_per_second: 60,
        }
    }
}

/// The least that is logged. There is nothing below `Info` in a release build, whatever the environment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Faults of this program.
    Error,
    /// And data refused.
    Warn,
    /// And changes of phase.
    Info,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `level=info event="relay started"`
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// One thing an operator can set.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; `--name-with-dashes` and `REKNIT_RELAY_NAME` elsewhere.
    pub name: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
    /// What it takes.
    pub kind: Kind,
}

/// What a setting takes, and where it goes.
#[derive(Debug)]
pub enum Kind {
    /// An IP address and port.
    Listen,
    /// A host name or IP address, and port.
    Address,
    /// A path.
    Folder,
    /// One of the three levels.
    Level,
    /// One of the two formats.
    Format,
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// Puts it.
        put: fn(&mut Config, u64),
    },
    /// Bytes, with a unit.
    Bytes {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// Puts it.
        put: fn(&mut Config, u64),
    },
}

const fn count(
    name: &'static str,
    help: &'static str,
    range: (u64, u64),
    put: fn(&mut Config, u64),
) -> Setting {
    Setting { name, help, kind: Kind::Count { min: range.0, max: range.1, put } }
}

const fn bytes(
    name: &'static str,
    help: &'static str,
    range: (u64, u64),
    put: fn(&mut Config, u64),
) -> Setting {
    Setting { name, help, kind: Kind::Bytes { min: range.0, max: range.1, put } }
}

/// Every setting. The floors keep what the protocol needs: a relay below them would refuse honest clients.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        help: "IP:PORT to listen on, UDP [127.0.0.1:8443]",
        kind: Kind::Listen,
    },
    Setting {
        name: "address",
        help: "HOST:PORT under which clients reach this relay [the address listened on]",
        kind: Kind::Address,
    },
    Setting {
        name: "data",
        help: "folder of the database and the key [reknit-relay-data]",
        kind: Kind::Folder,
    },
    Setting { name: "log_level", help: "error, warn or info [info]", kind: Kind::Level },
    Setting { name: "log_format", help: "logfmt or json [logfmt]", kind: Kind::Format },
    count("max_connections", "connections at a time [20000]", (1, 1_000_000), |config, value| {
        config.max_connections = value;
    }),
    count("max_handshakes", "handshakes at a time [2048]", (16, 65_536), |config, value| {
        config.max_handshakes = value;
    }),
    count(
        "handshakes_per_second",
        "handshakes a second from one network before it must prove its address [20]",
        (1, 100_000),
        |config, value| config.handshakes_per_second = value,
    ),
    count("max_spaces", "spaces in all [100000]", (1, 1_000_000_000), |config, value| {
        config.max_spaces = value;
    }),
    count(
        "creations_per_hour",
        "new spaces an hour from one network [20]",
        (1, 1_000_000),
        |config, value| config.creations_per_hour = value,
    ),
    count(
        "mailboxes_per_hour",
        "pairings an hour that begin in one network [10]",
        (1, 1_000_000),
        |config, value| config.mailboxes_per_hour = value,
    ),
    count(
        "mail_requests_per_minute",
        "other requests of pairings a minute from one network [120]",
        (12, 1_000_000),
        |config, value| config.mail_requests_per_minute = value,
    ),
    count(
        "failed_sign_ins_per_minute",
        "sign-ins a minute from one network that may fail [5]",
        (1, 1_000_000),
        |config, value| config.failed_sign_ins_per_minute = value,
    ),
    bytes(
        "space_quota",
        "stored bytes of one space; each person has half [256MiB]",
        (16 * MIB, 64 * GIB),
        |config, value| config.space_quota = value,
    ),
    count(
        "pushes_per_second",
        "envelopes a second of one person in one space [20]",
        (1, 100_000),
        |config, value| config.pushes_per_second = value,
    ),
    count(
        "push_burst",
        "envelopes of one person at once [100]",
        (32, 1_000_000),
        |config, value| config.push_burst = value,
    ),
    bytes(
        "push_bytes_per_hour",
        "bytes an hour of one person in one space [64MiB]",
        (2 * MIB, 1024 * GIB),
        |config, value| config.push_bytes_per_hour = value,
    ),
    count(
        "pulls_per_second",
        "reads a second of one connection [60]",
        (4, 100_000),
        |config, value| config.pulls_per_second = value,
    ),
];
