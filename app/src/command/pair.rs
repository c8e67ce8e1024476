//! Two devices meet: an invitation on the one, a joining on the other, one or two numbers typed from hand to hand.

use crate::command::init::show_safety;
use crate::command::sync::{close, settle};
use crate::context::Context;
use crate::failure::Failure;
use crate::lines::Lines;
use crate::sentence;
use crate::spinner::Spinner;
use crate::words;
use clap::{Args, ValueEnum};
use reknit_core::client::{Answer, Command, Driver, Error, Invited, Notice, Session, Whom};
use reknit_core::environment::SystemRandom;
use reknit_core::pairing::{Digits, Invitation, Mode};
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use wire::address::AddressLine;
use wire::refusal::Reason;

/// How long, after the pairing is done, all that follows from it may take.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(30);

/// How long telling the other phone that it is over may take.
const PART_TIME_MAX: Duration = Duration::from_secs(2);

/// What `invite` takes.
#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    #[command(flatten)]
    whom: InviteWhom,
    /// Eight digits to say on the telephone, instead of a code to hand over
    #[arg(long)]
    digits: bool,
    /// Write the code to this file, removed when the invitation has ended
    #[arg(long, value_name = "FILE", conflicts_with = "digits")]
    code_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct InviteWhom {
    /// Invite your partner
    #[arg(long)]
    partner: bool,
    /// Add another device of your own
    #[arg(long)]
    device: bool,
}

/// What `join` takes.
#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// Read the code from this file [default: the first line of standard input]
    #[arg(long, value_name = "FILE")]
    code_file: Option<PathBuf>,
    /// Join by eight digits, typed as the first line of standard input
    #[arg(long, requires_all = ["relay", "role"], conflicts_with = "code_file")]
    digits: bool,
    /// The relay of whoever invites; with --digits
    #[arg(long, value_name = "ADDRESS", requires = "digits")]
    relay: Option<String>,
    /// As what you join; with --digits
    #[arg(long = "as", value_name = "ROLE", requires = "digits")]
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// As the partner of whoever invites
    Partner,
    /// As another device of one's own
    Device,
}

#[derive(Serialize)]
struct CodeRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum PairRow {
    Show(String),
    Type(&'static str),
    Again(&'static str),
    Paired(bool),
}

/// Opens an invitation and stays until it has ended.
///
/// # Errors
/// No relay is set; the pairing ended without effect.
pub(crate) async fn invite(args: &InviteArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(true)?;
    let whom = if args.whom.partner { Whom::Partner } else { Whom::Device };
    let Answer::Invitation { code } =
        driver.execute(Command::Invite { whom, digits: args.digits })?
    else {
        return Err(Failure::System);
    };
    let _file = match &args.code_file {
        Some(path) => Some(CodeFile::write(path, &code)?),
        None => None,
    };
    show_code(args, &code, &driver, context)?;
    meet(&mut driver, Lines::start(), context).await
}

/// Follows an invitation: on an empty home as a new device of one's own, else as the partner.
///
/// # Errors
/// The code is refused; the pairing ended without effect.
pub(crate) async fn join(args: &JoinArgs, context: &Context) -> Result<(), Failure> {
    let relay: Option<AddressLine> = args.relay.as_deref().map(str::parse).transpose()?;
    let fresh = !context.has_vault();
    let (session, opener) = if fresh {
        show_safety(context)?;
        (None, Some(context.opener(true)?))
    } else {
        (Some(context.unlock()?), None)
    };
    if session.as_ref().is_some_and(|session| session.has_private() && session.is_paired()) {
        return Err(Error::NotAllowed { rule: "pair.already" }.into());
    }
    let mut lines = Lines::start();
    let own = session.as_ref().is_some_and(Session::has_private);
    let invited = invited(args, relay, own, &mut lines, context).await?;
    // Only now, so that a wrong code leaves nothing behind.
    let session = match (session, &opener) {
        (None, Some(opener)) => {
            Session::create_joining(context.place(), &[opener.unlock()], &mut SystemRandom)?
        }
        (None, None) => return Err(Error::NoVault.into()),
        (Some(session), _) => session,
    };
    let mut driver = context.drive(session, true)?;
    let met = match driver.execute(Command::Join(invited)) {
        Ok(_) => meet(&mut driver, lines, context).await,
        Err(error) => Err(error.into()),
    };
    if met.is_err() && fresh && !driver.node().session().has_private() {
        // It holds nothing but keys that nobody knows; with it, this home would not be empty for the next try.
        drop(driver);
        drop(fs::remove_dir_all(context.home()));
    }
    met
}

/// What was handed over, held against where it is used.
async fn invited(
    args: &JoinArgs,
    relay: Option<AddressLine>,
    own: bool,
    lines: &mut Lines,
    context: &Context,
) -> Result<Invited, Failure> {
    let mode = if own { Mode::Partner } else { Mode::Device };
    let typed = if let Some(path) = &args.code_file {
        fs::read_to_string(path).map_err(|_| Failure::CodeFile)?
    } else {
        context.out.ask(if args.digits { words::TYPE_DIGITS } else { words::TYPE_CODE });
        lines.next().await.ok_or(Failure::InputEnded)?
    };
    if let (Some(relay), Some(role)) = (relay, args.role) {
        let whom = match role {
            Role::Partner => Whom::Partner,
            Role::Device => Whom::Device,
        };
        let as_mode = match role {
            Role::Partner => Mode::Partner,
            Role::Device => Mode::Device,
        };
        Invitation::by_digits(as_mode, Digits::parse(&typed)?, relay.clone()).require(mode)?;
        return Ok(Invited::Digits { digits: typed, relay, whom });
    }
    Invitation::parse(&typed)?.require(mode)?;
    Ok(Invited::Code(typed))
}

fn show_code(
    args: &InviteArgs,
    code: &str,
    driver: &Driver,
    context: &Context,
) -> Result<(), Failure> {
    let out = context.out;
    if let Some(file) = &args.code_file {
        let code_file = Some(file.display().to_string());
        out.row(&CodeRow { code: None, digits: None, code_file })?;
    } else if args.digits {
        out.row(&CodeRow { code: None, digits: Some(code), code_file: None })?;
    } else {
        out.row(&CodeRow { code: Some(code), digits: None, code_file: None })?;
    }
    out.say(if args.whom.partner { words::INVITE_PARTNER } else { words::INVITE_DEVICE })?;
    match &args.code_file {
        Some(file) => out.say(&words::code_in(file)),
        None => out.say(&format!("\n    {code}\n")),
    }?;
    if args.digits {
        let report = driver.node().session().report()?;
        let relay = report.iter().find_map(|space| space.relay.as_ref());
        let relay = relay.map(AddressLine::to_string).unwrap_or_default();
        return out.say(&words::join_by_digits(&relay, args.whom.partner));
    }
    out.say(words::JOIN_BY_CODE)
}

/// Carries the two through the pairing: what is shown, what is typed, how it ended.
async fn meet(driver: &mut Driver, mut lines: Lines, context: &Context) -> Result<(), Failure> {
    let caught = |kind| signal(kind).map_err(|_| Failure::System);
    let mut interrupt = caught(SignalKind::interrupt())?;
    let mut stop = caught(SignalKind::terminate())?;
    let mut hangup = caught(SignalKind::hangup())?;
    let mut typed = VecDeque::new();
    let (mut asked, mut open) = (false, true);
    loop {
        while let Some(notice) = driver.poll_notice() {
            match notice {
                Notice::ShowNumber(number) => {
                    context.out.say(&words::show_number(&number))?;
                    context.out.row(&PairRow::Show(number))?;
                }
                Notice::AskNumber => {
                    asked = true;
                    context.out.row(&PairRow::Type("number"))?;
                    context.out.say(words::TYPE_NUMBER)?;
                }
                Notice::Paired => return paired(driver, context).await,
                Notice::PairingEnded(code) => {
                    part(driver).await;
                    return Err(Error::Pairing { code }.into());
                }
                // Whoever joins asks for a space that the other one is only just making.
                Notice::Refused(refusal) if refusal.reason == Reason::AuthBad => {}
                Notice::Refused(refusal) => context.out.remark(&refusal.sentence()),
                Notice::Changed(_)
                | Notice::Sent(_)
                | Notice::RelayForgot
                | Notice::Bulk(_)
                | Notice::Incident(_) => {}
            }
        }
        if asked && let Some(number) = typed.pop_front() {
            match driver.execute(Command::TypeNumber(number)) {
                Ok(_) => asked = false,
                Err(Error::Pairing { code }) => {
                    context.out.row(&PairRow::Again(code))?;
                    context.out.say(&sentence::by_code(code))?;
                    // What follows from it may be the end of the invitation.
                    driver.want_online()?;
                }
                Err(error) => return Err(error.into()),
            }
            continue;
        }
        if asked && !open {
            driver.execute(Command::StopPairing)?;
            part(driver).await;
            return Err(Failure::InputEnded);
        }
        tokio::select! {
            stepped = driver.step() => stepped?,
            line = lines.next(), if open => match line {
                Some(line) => typed.push_back(line),
                None => open = false,
            },
            _ = interrupt.recv() => return stopped(driver).await,
            _ = stop.recv() => return stopped(driver).await,
            _ = hangup.recv() => return stopped(driver).await,
        }
    }
}

/// A person, or the system, gives it up.
async fn stopped(driver: &mut Driver) -> Result<(), Failure> {
    driver.execute(Command::StopPairing)?;
    part(driver).await;
    Err(Failure::Stopped)
}

/// Hangs up once the other phone is told that it is over, if that can be told now.
async fn part(driver: &mut Driver) {
    let told = async { while driver.node().is_parting() && driver.step().await.is_ok() {} };
    drop(timeout(PART_TIME_MAX, told).await);
    close(driver).await;
}

/// Paired: what follows from it is exchanged at once, as far as there is a connection.
async fn paired(driver: &mut Driver, context: &Context) -> Result<(), Failure> {
    context.out.row(&PairRow::Paired(true))?;
    context.out.say(words::PAIRED)?;
    let spinner = Spinner::start(context.out, words::SYNCING);
    let settled = settle(driver, SETTLE_TIME_MAX, &spinner, &mut |_, _| Ok(())).await;
    drop(spinner);
    close(driver).await;
    match settled {
        Ok(()) => context.out.say(words::PAIRED_NEXT),
        Err(Failure::Offline) => context.out.say(words::PAIRED_LATER),
        Err(failure) => Err(failure),
    }
}

/// A file with a code, there only while the invitation is open.
#[derive(Debug)]
struct CodeFile<'a>(&'a Path);

impl<'a> CodeFile<'a> {
    /// Appears whole, for this account alone.
    fn write(path: &'a Path, code: &str) -> Result<Self, Failure> {
        let put = || -> io::Result<()> {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mut file = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
            writeln!(file, "{code}")?;
            let _file: File = file.persist(path)?;
            Ok(())
        };
        put().map_err(|_| Failure::CodeFile)?;
        Ok(Self(path))
    }
}

impl Drop for CodeFile<'_> {
    fn drop(&mut self) {
        drop(fs::remove_file(self.0));
    }
}
