//! The first steps: a vault of one's own, and the relay of one's private space.

use crate::context::Context;
use crate::failure::Failure;
use crate::words;
use clap::Args;
use reknit_core::client::{Command, Error, Session};
use reknit_core::environment::SystemRandom;
use reknit_core::membership::SpaceKind;
use reknit_core::model::person::Name;
use serde::Serialize;
use wire::address::AddressLine;

/// What `init` takes.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// What you are called
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Your relay, HOST:PORT/KEY; it can be set later
    #[arg(long, value_name = "ADDRESS")]
    relay: Option<String>,
}

/// What `use-relay` takes.
#[derive(Debug, Args)]
pub(crate) struct UseRelayArgs {
    /// HOST:PORT/KEY, as the relay prints it
    address: String,
    /// The relay of what you share, instead of your private space's; your partner sets the same one
    #[arg(long)]
    shared: bool,
}

#[derive(Serialize)]
struct SafetyRow {
    safety: &'static str,
    help: &'static [&'static str],
}

#[derive(Serialize)]
struct InitRow {
    done: &'static str,
    person: String,
    device: String,
    name: String,
    relay: Option<String>,
}

#[derive(Serialize)]
struct RelayRow {
    done: &'static str,
    relay: String,
}

/// The words that come before anything else.
///
/// # Errors
/// Standard output is gone.
pub(crate) fn show_safety(context: &Context) -> Result<(), Failure> {
    context.out.row(&SafetyRow { safety: words::SAFETY, help: &words::HELP })?;
    context.out.say(words::SAFETY)?;
    for line in words::HELP {
        context.out.say(&format!("  {line}"))?;
    }
    context.out.say("")
}

/// Makes a vault for a new person.
///
/// # Errors
/// Something is there already; the name, the address or the secret is refused.
pub(crate) fn init(args: &InitArgs, context: &Context) -> Result<(), Failure> {
    let name = Name::new(&args.name)?;
    let relay: Option<AddressLine> = args.relay.as_deref().map(str::parse).transpose()?;
    if context.has_vault() {
        return Err(Error::Exists.into());
    }
    show_safety(context)?;
    let opener = context.opener(true)?;
    let session = Session::create(context.place(), &[opener.unlock()], &mut SystemRandom)?;
    let mut driver = context.drive(session, false)?;
    driver.execute(Command::SetName(name.clone()))?;
    if let Some(relay) = relay.clone() {
        driver.execute(Command::UseRelay(SpaceKind::Private, relay))?;
    }
    let session = driver.node().session();
    context.out.row(&InitRow {
        done: "init",
        person: session.person().hex(),
        device: session.device().hex(),
        name: name.as_str().to_owned(),
        relay: relay.as_ref().map(AddressLine::to_string),
    })?;
    context.out.say(&words::welcome(name.as_str(), context.home()))?;
    context.out.say(if relay.is_some() { words::NEXT_WITH_RELAY } else { words::NEXT_ALONE })
}

/// Sets the relay of one's own private space, or of the shared one.
///
/// # Errors
/// The address is refused; nothing is shared yet; what unlocking refuses.
pub(crate) fn use_relay(args: &UseRelayArgs, context: &Context) -> Result<(), Failure> {
    let relay: AddressLine = args.address.parse()?;
    let mut driver = context.driver(false)?;
    let kind = if args.shared { SpaceKind::Shared } else { SpaceKind::Private };
    driver.execute(Command::UseRelay(kind, relay.clone()))?;
    context.out.row(&RelayRow { done: "use-relay", relay: relay.to_string() })?;
    context.out.say(if args.shared { words::RELAY_MOVED } else { words::RELAY_SET })
}
