//! A relay in this process: the same that `reknit-relay` runs, with the same settings.

use crate::context::Context;
use crate::failure::Failure;
use crate::words;
use clap::Args;
use reknit_core::crypto::Random;
use reknit_core::environment::SystemRandom;
use reknit_relay::config::{self, Config, Sources};
use reknit_relay::{Server, log};
use serde::Serialize;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How an address line begins that is of use on this machine only.
const LOOPBACK: [&str; 3] = ["127.", "[::1]", "localhost:"];

/// What `serve` takes: what the relay does.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ServeArgs {
    /// Settings of the relay; `reknit serve --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SETTINGS")]
    settings: Vec<OsString>,
}

#[derive(Serialize)]
struct ServeRow {
    relay: String,
}

/// Runs a relay until a signal.
///
/// # Errors
/// A setting, the folder or the address is refused; the disk failed.
pub(crate) async fn serve(args: &ServeArgs, context: &Context) -> Result<(), Failure> {
    let Some(config) = configuration(args, context)? else { return Ok(()) };
    log::start(config.log_level, config.log_format);
    let system = |_| Failure::System;
    let mut stop = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    // A closed terminal does not stop a relay.
    let _ignored = signal(SignalKind::hangup()).map_err(system)?;
    let random = Box::new(|out: &mut [u8]| SystemRandom.fill(out));
    let server = Server::start(config, random).await.map_err(Failure::RelayStart)?;
    let line = server.address_line().to_string();
    context.out.say(&line)?;
    context.out.row(&ServeRow { relay: line.clone() })?;
    if LOOPBACK.iter().any(|host| line.starts_with(host)) {
        context.out.remark(words::THIS_MACHINE_ONLY);
    }
    tokio::select! {
        () = either(&mut stop, &mut interrupt) => {}
        () = server.failed() => return Err(Failure::RelayDisk),
    }
    tokio::select! {
        () = server.stop() => Ok(()),
        // Who asks twice does not want to wait. What was confirmed is on the disk.
        () = either(&mut stop, &mut interrupt) => Err(Failure::Stopped),
    }
}

/// The settings; none if only help was asked for.
fn configuration(args: &ServeArgs, context: &Context) -> Result<Option<Config>, Failure> {
    let typed = args.settings.iter().filter(|argument| *argument != "--json").cloned();
    let line = std::iter::once(OsString::from("serve")).chain(typed);
    let command = config::command().bin_name("reknit serve").no_binary_name(false);
    let matches = match command.try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(asked) if asked.exit_code() == 0 => {
            context.out.say(asked.render().to_string().trim_end())?;
            return Ok(None);
        }
        Err(asked) => return Err(Failure::Usage(Box::new(asked))),
    };
    let variables = context.environment.relay.clone();
    let named = variables.iter().find(|(name, _)| name == "REKNIT_RELAY_CONFIG");
    let file = matches.get_one::<OsString>("config").or(named.map(|(_, path)| path));
    let sources = Sources {
        file: file.map(|path| {
            let name = Path::new(path).file_name().unwrap_or(path).to_owned();
            (name, fs::read(path).ok())
        }),
        environment: variables.clone(),
        flags: config::matched(&matches),
    };
    config::load(&sources).map(Some).map_err(Failure::RelayConfig)
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {},
        _ = other.recv() => {},
    }
}
