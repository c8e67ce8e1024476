//! "I'm hurting, I need you", and how it is met: here now, a time to come back, or a plain no.

use crate::command::tell::{now, record, tell, time, word};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::text::TextArgs;
use clap::Args;
use reknit_core::model::measure::Score10;
use reknit_core::model::promise::Moved;
use reknit_core::model::reach::{
    Outcome, OutcomeValue, Reach, ReachKind, Reply, ReplyKind, Return, Urgency, Want, Withdraw,
};
use reknit_core::model::{Event, Kind, Text};

/// What `reach` takes.
#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    #[command(flatten)]
    text: TextArgs,
    /// hurting, comfort, presence, reassurance, answer, near-but-quiet, missing-you, good-news or offer
    #[arg(long, default_value = "hurting", value_parser = word::<ReachKind>)]
    kind: ReachKind,
    /// now, today or whenever
    #[arg(long, default_value = "now", value_parser = word::<Urgency>)]
    urgency: Urgency,
    /// What would help: listen, hold, sit-near, reassure, answer, walk or stay-while-i-am-alone; may be given several times
    #[arg(long, value_name = "WANT", value_parser = word::<Want>)]
    want: Vec<Want>,
    /// How strong the distress is, 0 none to 10 the worst ever; nobody has to say
    #[arg(long, value_name = "0-10")]
    distress: Option<u8>,
    /// Both wanting nearness and not wanting it
    #[arg(long)]
    mixed: bool,
    /// No reply is hoped for
    #[arg(long)]
    no_reply: bool,
}

/// What `reply` takes.
#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    /// The reach, by its id or the first letters of it
    id: String,
    #[command(flatten)]
    answer: ReplyAnswer,
    #[command(flatten)]
    text: TextArgs,
    /// The prepared sentence that stands for it, shown as such
    #[arg(long, value_name = "WORDS")]
    preset: Option<String>,
}

/// One of four answers.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ReplyAnswer {
    /// I am here now
    #[arg(long)]
    here: bool,
    /// I come back at this time, within 24 hours: `21:30`, `tomorrow 09:00`
    #[arg(long, value_name = "TIME")]
    back: Option<String>,
    /// I need to stop, and I'll be back at this time, within 24 hours
    #[arg(long, value_name = "TIME")]
    pause: Option<String>,
    /// I can't; this carries no time
    #[arg(long)]
    cannot: bool,
}

/// What commands take that name one record and may say something.
#[derive(Debug, Args)]
pub(crate) struct OnArgs {
    /// What it is about, by its id or the first letters of it
    id: String,
    #[command(flatten)]
    text: TextArgs,
}

/// What `outcome` takes.
#[derive(Debug, Args)]
pub(crate) struct OutcomeArgs {
    /// The reach, by its id or the first letters of it
    id: String,
    /// met, partly, not-met or eased-by-itself
    #[arg(value_parser = word::<OutcomeValue>)]
    value: OutcomeValue,
    #[command(flatten)]
    text: TextArgs,
}

/// What commands take that only name one record.
#[derive(Debug, Args)]
pub(crate) struct OnlyArgs {
    /// What it is about, by its id or the first letters of it
    pub(crate) id: String,
}

/// What commands take that set a time.
#[derive(Debug, Args)]
pub(crate) struct TimeArgs {
    /// What it is about, by its id or the first letters of it
    pub(crate) id: String,
    /// The time: `21:30`, `tomorrow 09:00`, `2026-03-29 09:00`
    pub(crate) time: String,
}

/// Reaches out.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn reach(args: &ReachArgs, context: &Context) -> Result<(), Failure> {
    let distress = args.distress.map(Score10::new).transpose()?;
    tell(context, |driver| {
        let text = args.text.optional(context)?;
        Ok(Event::Reach(Reach {
            at: now(driver)?,
            kind: args.kind,
            text,
            distress,
            want: args.want.iter().copied().collect(),
            mixed: args.mixed,
            urgency: args.urgency,
            reply_needed: !args.no_reply,
        }))
    })
}

/// Replies to a reach.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn reply(args: &ReplyArgs, context: &Context) -> Result<(), Failure> {
    let preset = args.preset.as_ref().map(Text::new).transpose()?;
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let text = args.text.optional(context)?;
        let ReplyAnswer { here, back, pause, cannot: _ } = &args.answer;
        let (kind, until) = match (here, back, pause) {
            (true, ..) => (ReplyKind::HereNow, None),
            (false, Some(back), _) => (ReplyKind::Promise, Some(back)),
            (false, None, Some(pause)) => (ReplyKind::PauseNeeded, Some(pause)),
            (false, None, None) => (ReplyKind::Cannot, None),
        };
        let return_at = time(until.map(String::as_str), driver)?;
        Ok(Event::Reply(Reply { at: now(driver)?, of, kind, return_at, text, preset }))
    })
}

/// Comes back to a reach.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn come_back(args: &OnArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let text = args.text.optional(context)?;
        Ok(Event::Return(Return { at: now(driver)?, of, text }))
    })
}

/// Says how a reach went.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn outcome(args: &OutcomeArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let note = args.text.optional(context)?;
        Ok(Event::Outcome(Outcome { at: now(driver)?, of, value: args.value, note }))
    })
}

/// Takes a reach or a question back.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn withdraw(args: &OnlyArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        Ok(Event::Withdraw(Withdraw { at: now(driver)?, of }))
    })
}

/// Moves a time that one set oneself, once and before it is due.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn move_time(args: &TimeArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let to = context::time(&args.time, driver)?;
        let session = driver.node().session();
        let (promise, _) = session.own_event(of, &[Kind::Reply, Kind::Promise])?;
        Ok(Event::Moved(Moved { at: now(driver)?, of, promise, to }))
    })
}
