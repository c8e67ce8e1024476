//! What can be asked on the command line.

use crate::command::{
    check, document, evidence, init, journal, look, pair, question, reach, serve, sync, tell,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A local-first, end-to-end encrypted space for two people after betrayal, and for each of them alone.
#[derive(Debug, Parser)]
#[command(name = "reknit", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder of the vault [default: reknit in the data folder of this account]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) home: Option<PathBuf>,
    /// Read the secret from a file instead of asking for it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) secret_file: Option<PathBuf>,
    /// Instead of a secret, a key from a file: 64 hexadecimal digits that another program drew and keeps
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// Print JSON lines, as docs/cli.md describes them
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The time zone of this device, such as Europe/London [default: TZ, or the system's]
    #[arg(long, value_name = "ZONE", global = true)]
    pub(crate) zone: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the whole story on this machine, with proof: two people, three devices, a relay
    Demo,
    /// Start here: a vault of your own on this device
    Init(init::InitArgs),
    /// Set the relay of your own private space, on this device
    UseRelay(init::UseRelayArgs),
    /// Invite your partner, or another device of your own
    Invite(pair::InviteArgs),
    /// Follow an invitation: without a vault as your own new device, with one as the partner
    Join(pair::JoinArgs),
    /// Exchange what is new with the relay, once
    Sync(sync::SyncArgs),
    /// Stay connected and show what comes
    Watch,
    /// Where things stand on this device
    Status,
    /// What was said between the two of you, oldest first
    Timeline(look::TimelineArgs),
    /// What is open between the two of you, oldest first
    Open(look::OpenArgs),
    /// Your private journal
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// The texts that both of you edit
    #[command(subcommand)]
    Agreement(document::AgreementCommand),
    /// Write down a moment between the two of you
    Moment(tell::MomentArgs),
    /// Echo a moment of your partner's
    Echo(tell::EchoArgs),
    /// Reach out
    Reach(reach::ReachArgs),
    /// Reply to a reach: here now, a time, or a plain no
    Reply(reach::ReplyArgs),
    /// Say that you are back
    Return(reach::OnArgs),
    /// Say how a reach of yours went
    Outcome(reach::OutcomeArgs),
    /// Ask a question
    Ask(question::AskArgs),
    /// Set a time by which you answer a question
    Promise(reach::TimeArgs),
    /// Answer a question
    Answer(question::AnswerArgs),
    /// Decline a question, always possible
    Decline(question::DeclineArgs),
    /// Say that an answer is enough for you
    Enough(reach::OnlyArgs),
    /// Ask a question of yours once more
    Reopen(reach::OnlyArgs),
    /// Take a reach or question of yours back
    Withdraw(reach::OnlyArgs),
    /// Move a time that you set, once and before it is due
    Move(reach::TimeArgs),
    /// Prove again, from the stored bytes, that nothing was changed
    Verify(evidence::VerifyArgs),
    /// Compare with a phone side by side, without the relay: do both hold the same?
    Check(check::CheckArgs),
    /// Run a relay
    Serve(serve::ServeArgs),
}
