//! `reknit`: the reference client, a command line that a person can live with and a script can drive.
//!
//! ```text
//! main (environment) -> cli (what was asked) -> command/* (one file a family) -> reknit_core::client
//!                                                   \-> words, sentence (all that is said) -> output (the only printing)
//! ```
//!
//! Only this file reads the environment. Everything written is on the disk before it is said to be saved; no command
//! but `sync`, `watch`, `invite` and `join` waits for a network.

mod cli;
mod command;
mod context;
mod demo;
mod editor;
mod failure;
mod hold;
mod lines;
mod output;
mod render;
mod secret;
mod sentence;
mod spinner;
mod text;
mod words;

use crate::cli::Cli;
use crate::context::{Context, Environment};
use crate::failure::Failure;
use crate::output::Output;
use clap::Parser;
use std::alloc::System;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: no word stays in memory that nothing points to any more.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => {
            // A reader that has gone is no reason to fail.
            drop(asked.print());
            return ExitCode::from(u8::try_from(asked.exit_code()).unwrap_or(failure::EXIT_USAGE));
        }
    };
    let out = Output::new(cli.options.json);
    match run(cli, out) {
        Ok(()) | Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(failure) => {
            out.complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli, out: Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|_| Failure::System)?;
    let context = Context::new(cli.options, environment(), out)?;
    editor::remove_leftovers(&context.environment);
    hold::remove_leftovers(context.home());
    let done = runtime.block_on(command::run(cli.command, &context));
    // A thread that still waits for a line of standard input does not keep the process.
    runtime.shutdown_background();
    done
}

fn environment() -> Environment {
    let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Environment {
        home: path("HOME"),
        data: path("XDG_DATA_HOME"),
        runtime: path("XDG_RUNTIME_DIR"),
        temporary: env::temp_dir(),
        zone: env::var("TZ").ok(),
        system_zone: std::fs::read_link("/etc/localtime").ok(),
        relay: env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("REKNIT_RELAY_"))
            .collect(),
        editor: env::var_os("VISUAL")
            .or_else(|| env::var_os("EDITOR"))
            .filter(|editor| !editor.is_empty()),
    }
}
