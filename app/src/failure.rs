//! Why a command did not do what was asked: a stable code for scripts, one sentence for a person (`sentence.rs`).

use reknit_core::client::Error;
use reknit_core::model::journal::TagError;
use reknit_core::model::measure::ScoreError;
use reknit_core::model::person::NameError;
use reknit_core::model::when::WhenError;
use reknit_core::model::{Rule, TextError};
use reknit_core::pairing::InvitationError;
use reknit_relay::StartError;
use reknit_relay::config::ConfigError;
use std::io;
use wire::address::AddressError;

/// What a command line or a setting that cannot be right ends with.
pub(crate) const EXIT_USAGE: u8 = 2;

/// Why a command did not do what was asked. Nothing of it is half-done.
#[derive(Debug, thiserror::Error)]
#[error("{}", crate::sentence::sentence(self))]
pub(crate) enum Failure {
    /// The client library said no.
    Client(#[from] Error),
    /// A text.
    Text(#[from] TextError),
    /// A name.
    Name(#[from] NameError),
    /// A date, time or zone.
    When(#[from] WhenError),
    /// A tag.
    Tag(#[from] TagError),
    /// A number from 0 to 10.
    Score(#[from] ScoreError),
    /// A relay's address.
    Address(#[from] AddressError),
    /// A rule of the records.
    Rule(#[from] Rule),
    /// A check of the demo did not hold, or its story could not be told.
    Demo,
    /// A code or eight digits that cannot be taken here.
    Invitation(#[from] InvitationError),
    /// A setting of the relay.
    RelayConfig(ConfigError),
    /// The relay does not start.
    RelayStart(StartError),
    /// The relay's disk failed.
    RelayDisk,
    /// A command line that cannot be right.
    Usage(Box<clap::Error>),
    /// There is no home folder to put a vault in.
    NoHome,
    /// No terminal to ask for the secret on, and no file with it.
    NoSecret,
    /// The file with the secret cannot be read.
    SecretFile,
    /// The secret is no text.
    SecretForm,
    /// A secret and a key are both given.
    TwoOpeners,
    /// The file with the key cannot be read.
    KeyFile,
    /// The key is not 64 hexadecimal digits.
    KeyForm,
    /// The secret was typed differently the second time.
    SecretsDiffer,
    /// Words are needed, and there is nowhere to take them from.
    NoText,
    /// The file with the text cannot be read.
    TextFile,
    /// The text is not UTF-8.
    TextForm,
    /// The editor could not be started, or ended with an error.
    Editor,
    /// A folder or file for the editor could not be made.
    EditorFile,
    /// The text is open in another editor on this device.
    EditorOpen,
    /// The editor was closed without a word.
    NothingWritten,
    /// The id names something of another kind.
    OtherKind,
    /// The file for the evidence is there already or cannot be written.
    ExportFile,
    /// The file with the invitation cannot be read or written.
    CodeFile,
    /// Standard input ended where something must be typed.
    InputEnded,
    /// A person stopped it.
    Stopped,
    /// The relay was not reached, or not all was exchanged in the time given.
    Offline,
    /// Something stored could not be proved.
    Broken,
    /// Two phones side by side hold different histories.
    Differs,
    /// The operating system gives no threads or signals.
    System,
    /// Standard output cannot be written.
    Output,
    /// Whoever reads standard output has gone: not a failure.
    ReaderGone,
}

impl Failure {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Text(error) => error.code(),
            Self::Name(error) => error.code(),
            Self::When(error) => error.code(),
            Self::Tag(_) => "tag.form",
            Self::Score(_) => "score.range",
            Self::Address(_) => "relay.address",
            Self::Rule(rule) => rule.code(),
            Self::Demo => "demo",
            Self::Invitation(error) => error.code(),
            Self::RelayConfig(error) => error.code(),
            Self::RelayStart(error) => error.code(),
            Self::RelayDisk => "store.failed",
            Self::Usage(_) => "usage",
            Self::NoHome => "home.none",
            Self::NoSecret => "secret.none",
            Self::SecretFile => "secret.file",
            Self::SecretForm => "secret.form",
            Self::TwoOpeners => "key.two",
            Self::KeyFile => "key.file",
            Self::KeyForm => "key.form",
            Self::SecretsDiffer => "secret.differ",
            Self::NoText | Self::NothingWritten => "text.none",
            Self::TextFile => "text.file",
            Self::TextForm => "text.form",
            Self::Editor => "editor.failed",
            Self::EditorFile => "editor.file",
            Self::EditorOpen => "editor.open",
            Self::OtherKind => "id.kind",
            Self::CodeFile => "pair.file",
            Self::InputEnded => "input.ended",
            Self::Stopped => "stopped",
            Self::Offline => "relay.offline",
            Self::Broken => "verify.broken",
            Self::Differs => "check.differs",
            Self::ExportFile => "verify.file",
            Self::System => "system",
            Self::Output | Self::ReaderGone => "output",
        }
    }
}

impl Failure {
    /// What the process ends with.
    pub(crate) const fn exit_code(&self) -> u8 {
        if matches!(self, Self::RelayConfig(_) | Self::RelayStart(_) | Self::Usage(_)) {
            EXIT_USAGE
        } else {
            1
        }
    }
}

/// For writing to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ReaderGone } else { Self::Output }
    }
}
