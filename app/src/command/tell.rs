//! How every event is told, whatever it says; and the moments, which are the simplest of them.

use crate::command::document::has_relay;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::text::TextArgs;
use crate::words;
use clap::{Args, ValueEnum};
use reknit_core::client::{Answer, Command, Driver, Error};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::id::RecordId;
use reknit_core::model::measure::Score10;
use reknit_core::model::moment::{Echo, EchoKind, Moment, MomentKind, WhoDid};
use reknit_core::model::when::{At, Zoned};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What `moment` takes.
#[derive(Debug, Args)]
pub(crate) struct MomentArgs {
    #[command(flatten)]
    text: TextArgs,
    /// reconnection, attunement, vulnerability, repair, turned-toward, comfort, laughter or other
    #[arg(long, default_value = "other", value_parser = word::<MomentKind>)]
    kind: MomentKind,
    /// Whose doing it was
    #[arg(long, default_value = "both")]
    who: Who,
    /// When it happened [default: now]
    #[arg(long, value_name = "TIME")]
    happened: Option<String>,
    /// How it felt, 0 not at all to 10 fully; nobody has to say
    #[arg(long, value_name = "0-10")]
    felt: Option<u8>,
}

/// Whose doing, from where the writer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Who {
    Me,
    Partner,
    Both,
}

/// What `echo` takes.
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {
    /// The moment, by its id or the first letters of it
    id: String,
    #[command(flatten)]
    text: TextArgs,
    /// felt-it-too, thank-you or glad-to-know
    #[arg(long, default_value = "felt-it-too", value_parser = word::<EchoKind>)]
    kind: EchoKind,
}

#[derive(Serialize)]
struct ToldRow {
    done: &'static str,
    record: String,
    entry: String,
}

/// Writes down a moment.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn moment(args: &MomentArgs, context: &Context) -> Result<(), Failure> {
    let felt = args.felt.map(Score10::new).transpose()?;
    tell(context, |driver| {
        let text = args.text.optional(context)?;
        let happened = time(args.happened.as_deref(), driver)?;
        let who_did = match args.who {
            Who::Me => WhoDid::Author,
            Who::Partner => WhoDid::Other,
            Who::Both => WhoDid::Both,
        };
        let at = now(driver)?;
        Ok(Event::Moment(Moment { at, kind: args.kind, happened, who_did, text, felt }))
    })
}

/// Echoes a moment.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn echo(args: &EchoArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let text = args.text.optional(context)?;
        Ok(Event::Echo(Echo { at: now(driver)?, of, kind: args.kind, text }))
    })
}

/// Tells an event, and says that it is safe on this device: no more than that.
///
/// # Errors
/// What unlocking, `build` or the rules refuse.
pub(crate) fn tell(
    context: &Context,
    build: impl FnOnce(&Driver) -> Result<Event, Failure>,
) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    if !driver.node().session().is_paired() {
        return Err(Error::NotPaired.into());
    }
    let event = build(&driver)?;
    let done = event.kind().name();
    let answer = driver.execute(Command::Tell(event.clone()))?;
    let Answer::Told(entry) = answer else { return Ok(()) };
    let record = event.record(entry, driver.node().session().person()).hex();
    context
        .out
        .say(&words::saved(render::short(&record), has_relay(&driver, SpaceKind::Shared)?))?;
    context.out.row(&ToldRow { done, record, entry: entry.hex() })
}

/// What it is now, by this device's clock.
///
/// # Errors
/// The clock is out of range.
pub(crate) fn now(driver: &Driver) -> Result<At, Failure> {
    Ok(driver.now().at()?)
}

/// A time that may be given.
///
/// # Errors
/// It does not exist.
pub(crate) fn time(typed: Option<&str>, driver: &Driver) -> Result<Option<Zoned>, Failure> {
    typed.map(|typed| context::time(typed, driver)).transpose()
}

/// The record that an id names.
///
/// # Errors
/// Unknown, ambiguous, or not a record.
pub(crate) fn record(driver: &Driver, typed: &str) -> Result<RecordId, Failure> {
    context::record(driver.node().session(), typed)
}

/// A word of the product's, with hyphens as command lines have them.
///
/// # Errors
/// Which words there are.
pub(crate) fn word<T: DeserializeOwned>(typed: &str) -> Result<T, String> {
    serde_json::from_value(typed.replace('-', "_").into())
        .map_err(|error| error.to_string().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_with_hyphens_and_a_wrong_one_names_the_right_ones() {
        assert_eq!(word::<MomentKind>("turned-toward"), Ok(MomentKind::TurnedToward));
        let wrong = word::<EchoKind>("felt").unwrap_err();
        assert!(wrong.contains("felt-it-too") && wrong.contains("glad-to-know"), "{wrong}");
    }
}
