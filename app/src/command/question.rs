//! Questions, and the ways to meet them: a time, an answer, a decline, each always open to whoever was asked.

use crate::command::reach::{OnlyArgs, TimeArgs};
use crate::command::tell::{now, record, tell, time, word};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::text::TextArgs;
use clap::Args;
use reknit_core::client::Driver;
use reknit_core::model::Event;
use reknit_core::model::id::EntryId;
use reknit_core::model::question::{
    Answer, AnswerKind, Certainty, Decline, DeclineReason, Detail, Enough, Promise, Question,
    QuestionKind, Reopen, Wish,
};

/// What `ask` takes.
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    text: TextArgs,
    /// fact, meaning, feeling or now
    #[arg(long, default_value = "fact", value_parser = word::<QuestionKind>)]
    kind: QuestionKind,
    /// How you would like the answer: written, in-person or with-helper
    #[arg(long, default_value = "written", value_parser = word::<Wish>)]
    wish: Wish,
    /// How much detail: plain, more or painful
    #[arg(long, value_parser = word::<Detail>)]
    detail: Option<Detail>,
    /// The question that this one asks once more
    #[arg(long, value_name = "ID")]
    repeat_of: Option<String>,
    /// The question that this one follows
    #[arg(long, value_name = "ID")]
    follows: Option<String>,
}

/// What `answer` takes.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The question, by its id or the first letters of it
    id: String,
    #[command(flatten)]
    text: TextArgs,
    /// told, dont-know, dont-remember, already-said or spoken
    #[arg(long, default_value = "told", value_parser = word::<AnswerKind>)]
    kind: AnswerKind,
    /// When it was said aloud; with --kind spoken
    #[arg(long, value_name = "TIME")]
    spoken_at: Option<String>,
    /// sure, think-so, unsure or dont-remember
    #[arg(long, value_parser = word::<Certainty>)]
    certainty: Option<Certainty>,
    /// What it points at, by the id of its entry; may be given several times
    #[arg(long = "ref", value_name = "ENTRY")]
    refs: Vec<String>,
}

/// What `decline` takes.
#[derive(Debug, Args)]
pub(crate) struct DeclineArgs {
    /// The question, by its id or the first letters of it
    id: String,
    #[command(flatten)]
    text: TextArgs,
    /// not-now, with-helper, rather-not or other [default: rather-not, or not-now with --until]
    #[arg(long, value_parser = word::<DeclineReason>)]
    reason: Option<DeclineReason>,
    /// Until when; not-now needs it
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Asks a question.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn ask(args: &AskArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = |typed: &Option<String>| {
            typed.as_deref().map(|typed| record(driver, typed)).transpose()
        };
        let (repeat_of, parent) = (of(&args.repeat_of)?, of(&args.follows)?);
        let text = args.text.required(context)?;
        let AskArgs { kind, wish, detail, .. } = *args;
        let at = now(driver)?;
        Ok(Event::Question(Question { at, kind, text, wish, detail, repeat_of, parent }))
    })
}

/// Sets a time for an answer.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn promise(args: &TimeArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let answer_by = context::time(&args.time, driver)?;
        Ok(Event::Promise(Promise { at: now(driver)?, of, answer_by }))
    })
}

/// Answers a question.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn answer(args: &AnswerArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let refs = args.refs.iter().map(|typed| entry(driver, typed)).collect::<Result<_, _>>()?;
        let wordless = matches!(args.kind, AnswerKind::DontKnow | AnswerKind::DontRemember);
        let text = if wordless {
            args.text.optional(context)?
        } else {
            Some(args.text.required(context)?)
        };
        let spoken_at = time(args.spoken_at.as_deref(), driver)?;
        let AnswerArgs { kind, certainty, .. } = *args;
        let at = now(driver)?;
        Ok(Event::Answer(Answer { at, of, kind, text, spoken_at, certainty, refs }))
    })
}

/// Declines a question.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn decline(args: &DeclineArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        let text = args.text.optional(context)?;
        let until = time(args.until.as_deref(), driver)?;
        let reason = args.reason.unwrap_or(match until {
            Some(_) => DeclineReason::NotNow,
            None => DeclineReason::RatherNot,
        });
        Ok(Event::Decline(Decline { at: now(driver)?, of, reason, until, text }))
    })
}

/// Says that it is enough.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn enough(args: &OnlyArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        Ok(Event::Enough(Enough { at: now(driver)?, of }))
    })
}

/// Asks once more.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn reopen(args: &OnlyArgs, context: &Context) -> Result<(), Failure> {
    tell(context, |driver| {
        let of = record(driver, &args.id)?;
        Ok(Event::Reopen(Reopen { at: now(driver)?, of }))
    })
}

/// The entry whose id begins so, among what was told.
fn entry(driver: &Driver, typed: &str) -> Result<EntryId, Failure> {
    Ok(driver.node().session().find_told(typed)?)
}
