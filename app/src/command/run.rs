//! From what was asked to who does it.

use crate::cli::Command;
use crate::command::{document, init, journal, look, status};
use crate::context::Context;
use crate::demo;
use crate::failure::Failure;

/// Carries out a command.
///
/// # Errors
/// Why it did not happen.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Demo => demo::run(context.out).await,
        Command::Init(args) => init::init(&args, context),
        Command::UseRelay(args) => init::use_relay(&args, context),
        Command::Status => status::status(context),
        Command::Journal(command) => journal::run(&command, context),
        Command::Agreement(command) => document::run(&command, context),
        Command::Timeline(args) => look::timeline(&args, context),
        Command::Open(args) => look::open(&args, context),
        Command::Verify => status::verify(context),
    }
}
