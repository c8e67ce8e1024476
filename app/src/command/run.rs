//! From what was asked to who does it.

use crate::cli::Command;
use crate::command::{
    check, document, init, journal, look, pair, question, reach, serve, status, sync, tell,
};
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
        Command::Invite(args) => pair::invite(&args, context).await,
        Command::Join(args) => pair::join(&args, context).await,
        Command::Sync(args) => sync::sync(&args, context).await,
        Command::Watch => sync::watch(context).await,
        Command::Status => status::status(context),
        Command::Timeline(args) => look::timeline(&args, context),
        Command::Open(args) => look::open(&args, context),
        Command::Journal(command) => journal::run(&command, context),
        Command::Agreement(command) => document::run(&command, context),
        Command::Moment(args) => tell::moment(&args, context),
        Command::Echo(args) => tell::echo(&args, context),
        Command::Reach(args) => reach::reach(&args, context),
        Command::Reply(args) => reach::reply(&args, context),
        Command::Return(args) => reach::come_back(&args, context),
        Command::Outcome(args) => reach::outcome(&args, context),
        Command::Ask(args) => question::ask(&args, context),
        Command::Promise(args) => question::promise(&args, context),
        Command::Answer(args) => question::answer(&args, context),
        Command::Decline(args) => question::decline(&args, context),
        Command::Enough(args) => question::enough(&args, context),
        Command::Reopen(args) => question::reopen(&args, context),
        Command::Withdraw(args) => reach::withdraw(&args, context),
        Command::Move(args) => reach::move_time(&args, context),
        Command::Check(args) => check::check(&args, context),
        Command::Verify(args) => status::verify(&args, context),
        Command::Serve(args) => serve::serve(&args, context).await,
    }
}
