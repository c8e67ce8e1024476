//! Exchanging with the relay: once, or for as long as somebody watches.

use crate::command::look::say_record;
use crate::context::Context;
use crate::failure::Failure;
use crate::render;
use crate::spinner::Spinner;
use crate::words;
use clap::Args;
use reknit_core::client::{Command, Driver, Error, Notice};
use reknit_core::view::reminders_between;
use serde::Serialize;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use wire::time::Timestamp;

/// How long connections may take to close in order.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// How often `watch` looks for a time that is near.
const REMINDER_STEP_MS: u64 = 5_000;

/// What `sync` takes.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Give up after so many seconds; nothing is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    /// Take in all that your partner sent, though it is more than one may send in a day
    #[arg(long)]
    take_all: bool,
}

#[derive(Serialize, Default)]
struct SyncRow {
    done: &'static str,
    sent: usize,
    received: usize,
    unsent: u64,
    waiting: u64,
    udp_sent: u64,
    udp_received: u64,
    bulk: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum WatchRow {
    Changed { records: Vec<String>, documents: Vec<String>, entries: usize },
    Sent(String),
    Refused { code: &'static str, sentence: String },
    RelayForgot(bool),
    Incident(&'static str),
    Bulk(usize),
    Reminder { text: &'static str, record: String },
}

/// Exchanges what is new with the relays, once.
///
/// # Errors
/// No relay is set, or not all was exchanged in time.
pub(crate) async fn sync(args: &SyncArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    must_have_relay(&driver)?;
    let mut row = SyncRow { done: "sync", ..SyncRow::default() };
    let mut refused = None;
    if args.take_all {
        driver.execute(Command::TakeAll)?;
    }
    driver.want_online()?;
    let spinner = Spinner::start(context.out, words::SYNCING);
    let wait = Duration::from_secs(args.wait);
    let mut see = |_: &Driver, notice: &Notice| {
        match notice {
            Notice::Sent(_) => row.sent += 1,
            Notice::Changed(changed) => row.received += changed.entries,
            Notice::Refused(refusal) => refused = Some(*refusal),
            Notice::RelayForgot => context.out.say(words::RELAY_FORGOT)?,
            Notice::Incident(code) => context.out.say(&words::incident(code))?,
            // What is too much for a day is said once, at the end.
            Notice::Bulk(_)
            | Notice::ShowNumber(_)
            | Notice::AskNumber
            | Notice::Paired
            | Notice::PairingEnded(_) => {}
        }
        Ok(())
    };
    let settled = settle(&mut driver, wait, &spinner, &mut see).await;
    drop(spinner);
    close(&mut driver).await;
    let report = driver.node().session().report()?;
    row.unsent = report.iter().map(|space| space.unsent).sum();
    row.waiting = report.iter().map(|space| space.waiting).sum();
    row.bulk = report.iter().map(|space| space.bulk).sum();
    (row.udp_sent, row.udp_received) = (driver.traffic().sent, driver.traffic().received);
    match (settled, refused) {
        (Err(Failure::Offline), Some(refusal)) => Err(Error::Refused(refusal).into()),
        (Err(failure), _) => Err(failure),
        (Ok(()), _) => {
            context.out.say(&words::synced(row.sent, row.received))?;
            if row.bulk > 0 {
                context.out.say(&words::bulk(row.bulk))?;
            }
            context.out.row(&row)
        }
    }
}

/// Stays connected and shows what comes, until it is stopped.
///
/// # Errors
/// The vault or the output cannot be used.
pub(crate) async fn watch(context: &Context) -> Result<(), Failure> {
    let system = |_| Failure::System;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    let mut stop = signal(SignalKind::terminate()).map_err(system)?;
    let mut driver = context.driver(true)?;
    must_have_relay(&driver)?;
    driver.want_online()?;
    context.out.remark(words::WATCHING);
    let mut looked = driver.now().timestamp;
    loop {
        while let Some(notice) = driver.poll_notice() {
            show(&driver, &notice, context)?;
        }
        looked = remind(&driver, looked, context)?;
        tokio::select! {
            stepped = driver.step() => match stepped {
                // Another process has it for long; there is time.
                Ok(()) | Err(Error::Busy) => {}
                Err(error) => return Err(error.into()),
            },
            _ = interrupt.recv() => break,
            _ = stop.recv() => break,
        }
    }
    close(&mut driver).await;
    Ok(())
}

/// Steps until all is exchanged, showing each notice to `see`.
///
/// # Errors
/// [`Failure::Offline`] after `wait`; what `see` and the vault refuse.
pub(crate) async fn settle(
    driver: &mut Driver,
    wait: Duration,
    spinner: &Spinner,
    see: &mut dyn FnMut(&Driver, &Notice) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = async {
        loop {
            while let Some(notice) = driver.poll_notice() {
                spinner.pause(|| see(driver, &notice))?;
            }
            if driver.node().is_idle_or_awaits() {
                return Ok(());
            }
            spinner.turn();
            driver.step().await?;
        }
    };
    timeout(wait, work).await.unwrap_or(Err(Failure::Offline))
}

/// Closes all connections in order, if they let themselves be closed.
pub(crate) async fn close(driver: &mut Driver) {
    drop(timeout(CLOSE_TIME_MAX, driver.close()).await);
}

fn must_have_relay(driver: &Driver) -> Result<(), Failure> {
    let report = driver.node().session().report()?;
    if report.iter().any(|space| space.relay.is_some()) {
        Ok(())
    } else {
        Err(Error::NoRelay.into())
    }
}

fn show(driver: &Driver, notice: &Notice, context: &Context) -> Result<(), Failure> {
    let out = context.out;
    let row = match notice {
        Notice::Changed(changed) => {
            let records: Vec<String> = changed.records.iter().map(|id| id.hex()).collect();
            let documents: Vec<String> = changed.documents.iter().map(|id| id.hex()).collect();
            if !out.is_json() {
                for record in &changed.records {
                    say_record(*record, driver.node().session(), context)?;
                }
                for document in &documents {
                    out.say(&words::text_changed(render::short(document)))?;
                }
            }
            WatchRow::Changed { records, documents, entries: changed.entries }
        }
        Notice::Sent(entry) => WatchRow::Sent(entry.hex()),
        Notice::Refused(refusal) => {
            let (code, sentence) = (refusal.reason.code(), refusal.sentence());
            out.say(&sentence)?;
            WatchRow::Refused { code, sentence }
        }
        Notice::RelayForgot => {
            out.say(words::RELAY_FORGOT)?;
            WatchRow::RelayForgot(true)
        }
        Notice::Incident(code) => {
            out.say(&words::incident(code))?;
            WatchRow::Incident(code)
        }
        Notice::Bulk(count) => {
            out.say(&words::bulk(u64::try_from(*count).unwrap_or(u64::MAX)))?;
            WatchRow::Bulk(*count)
        }
        Notice::ShowNumber(_) | Notice::AskNumber | Notice::Paired | Notice::PairingEnded(_) => {
            return Ok(());
        }
    };
    out.row(&row)
}

/// The one thing that a phone says by itself: that a time its owner set is near.
fn remind(driver: &Driver, looked: Timestamp, context: &Context) -> Result<Timestamp, Failure> {
    let now = driver.now().timestamp;
    let session = driver.node().session();
    if now.as_millis() < looked.as_millis().saturating_add(REMINDER_STEP_MS) || !session.is_paired()
    {
        return Ok(looked);
    }
    for reminder in reminders_between(&session.open_cards()?, session.person(), looked, now) {
        context.out.say(reminder.text)?;
        let record = reminder.record.hex();
        context.out.row(&WatchRow::Reminder { text: reminder.text, record })?;
    }
    Ok(now)
}
