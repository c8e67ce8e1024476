//! Two phones side by side: whether both hold the same, told without any relay.

use crate::context::Context;
use crate::failure::Failure;
use crate::lines::next_line;
use crate::words;
use clap::Args;
use reknit_core::client::{Answer, Checked, Command};
use reknit_core::membership::SpaceKind;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::PathBuf;

/// What `check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The two numbers that the other phone shows
    #[arg(long, value_name = "NUMBERS", conflicts_with = "code_file")]
    numbers: Option<String>,
    /// The code that the other phone shows, from this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Compare your private space with another device of your own, instead of the shared one with your partner
    #[arg(long)]
    private: bool,
}

#[derive(Serialize)]
struct ShownRow {
    code: String,
    numbers: [String; 2],
    checked_at: Option<u64>,
    agreed: Option<bool>,
}

#[derive(Serialize)]
struct CheckedRow {
    checked: &'static str,
    differences: usize,
}

/// Shows what this phone holds, or compares with what the other one shows.
///
/// # Errors
/// What unlocking refuses; [`Failure::Differs`] if the two hold different histories.
pub(crate) fn check(args: &CheckArgs, context: &Context) -> Result<(), Failure> {
    let kind = if args.private { SpaceKind::Private } else { SpaceKind::Shared };
    let shown = match (&args.numbers, &args.code_file) {
        (Some(numbers), _) => numbers.clone(),
        (None, Some(path)) if path.as_os_str() == "-" => {
            next_line(&mut io::stdin().lock()).ok_or(Failure::InputEnded)?
        }
        (None, Some(path)) => fs::read_to_string(path).map_err(|_| Failure::CodeFile)?,
        (None, None) => return show(kind, context),
    };
    let answer = context.driver(false)?.execute(Command::Check(kind, shown))?;
    let Answer::Checked(checked) = answer else { return Ok(()) };
    let (name, differences) = match &checked {
        Checked::Same => ("same", 0),
        Checked::Apart => ("apart", 0),
        Checked::Late(found) => ("late", found.len()),
        Checked::Contradicts(found) => ("contradicts", found.len()),
    };
    context.out.say(words::checked(&checked))?;
    context.out.row(&CheckedRow { checked: name, differences })?;
    if name == "contradicts" { Err(Failure::Differs) } else { Ok(()) }
}

fn show(kind: SpaceKind, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let (shown, last) = (session.shown(kind)?, session.last_check(kind)?);
    let [one, two] = &shown.numbers;
    context
        .out
        .say(&format!("This phone shows {one} {two}. Type the other phone's numbers here:"))?;
    context.out.say("  reknit check --numbers \"NUMBER NUMBER\"")?;
    context.out.say("If they differ, give its code, which says where:")?;
    context.out.say("  reknit check --code-file FILE")?;
    context.out.say(&shown.code)?;
    let (checked_at, agreed) = (last.map(|it| it.at.as_millis()), last.map(|it| it.agreed));
    context.out.row(&ShownRow { code: shown.code, numbers: shown.numbers, checked_at, agreed })
}
