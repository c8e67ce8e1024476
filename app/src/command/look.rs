//! What was said, and what is open: facts that both share, and on request what is one's own.

use crate::command::journal;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::words;
use clap::Args;
use reknit_core::client::{DocumentCard, Driver, Session};
use reknit_core::model::id::EntryId;
use reknit_core::model::when::Zoned;
use reknit_core::view::{Card, Carried, Line, StepLine, label};
use serde::Serialize;
use std::collections::BTreeMap;
use wire::time::Timestamp;

/// What `timeline` takes.
#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// With your own: your journal, and how far what you wrote has come
    #[arg(long)]
    mine: bool,
    /// With what depends on the time, as of this one (`now`, `21:30`, `2026-03-28 21:30`)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only the newest so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// What `open` takes.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// With how far what you wrote has come
    #[arg(long)]
    mine: bool,
    /// With what depends on the time, as of this one (`now`, `21:30`, `2026-03-28 21:30`)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// A shared line, and beside it what was asked for.
#[derive(Serialize)]
struct Row<T: Serialize> {
    #[serde(flatten)]
    line: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    on_this_phone: Vec<String>,
}

#[derive(Serialize)]
struct JournalRow<'a> {
    kind: &'static str,
    document: String,
    title: &'a str,
    excerpt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    tags: &'a [String],
}

/// What stands beside the lines.
struct Beside<'a> {
    session: &'a Session,
    cards: BTreeMap<String, Card>,
    mine: bool,
    at: Option<Timestamp>,
}

/// The timeline.
///
/// # Errors
/// What unlocking refuses; there is no shared space.
pub(crate) fn timeline(args: &TimelineArgs, context: &Context) -> Result<(), Failure> {
    let driver = context.driver(false)?;
    let session = driver.node().session();
    let at = instant(args.at.as_deref(), &driver)?;
    let journal = if args.mine { journal::timed(session)? } else { Vec::new() };
    let paired = session.is_paired();
    if !paired && !args.mine {
        return Err(reknit_core::client::Error::NotPaired.into());
    }
    let lines = if paired { session.timeline()? } else { Vec::new() };
    let beside = Beside::new(session, args.mine, at)?;
    let mut rows: Vec<(u64, Shown)> = Vec::new();
    for line in lines {
        let at = beside.at_of(&line.record);
        // The order of the shared lines is theirs: a private one goes before the first that is later.
        let at = rows.last().map_or(at, |(last, _)| at.max(*last));
        rows.push((at, Shown::Line(Box::new(line))));
    }
    rows.extend(journal.into_iter().map(|(at, card)| (at, Shown::Journal(card))));
    rows.sort_by_key(|(at, _)| *at);
    let skip = args.limit.map_or(0, |limit| rows.len().saturating_sub(limit));
    for (_, row) in rows.drain(skip..) {
        match row {
            Shown::Line(line) => say_line(*line, &beside, context)?,
            Shown::Journal(card) => say_journal(&card, context)?,
        }
    }
    Ok(())
}

enum Shown {
    Line(Box<Line>),
    Journal(DocumentCard),
}

/// The open list.
///
/// # Errors
/// What unlocking refuses; there is no shared space.
pub(crate) fn open(args: &OpenArgs, context: &Context) -> Result<(), Failure> {
    let driver = context.driver(false)?;
    let session = driver.node().session();
    let at = instant(args.at.as_deref(), &driver)?;
    let lines = session.open_list(at)?;
    let beside = Beside::new(session, args.mine, at)?;
    for line in &lines {
        let (said, own) = beside.of(&line.record, context)?;
        let label = said.clone().unwrap_or_else(|| line.status.replace('_', " "));
        let text = line.text.as_deref().unwrap_or_default();
        let by = render::line(&line.by);
        let head = format!("{} {by}: {}  [{label}]", render::short(&line.record), line.kind);
        context.out.say(&head)?;
        if !text.is_empty() {
            context.out.say(&render::block(text, 4))?;
        }
        context.out.row(&Row { line, label: said, on_this_phone: own })?;
    }
    if lines.is_empty() { context.out.say(words::NOTHING_OPEN) } else { Ok(()) }
}

/// One record of the timeline, as `watch` shows it too.
pub(crate) fn say_record(
    record: &str,
    session: &Session,
    context: &Context,
) -> Result<(), Failure> {
    let beside = Beside::new(session, true, None)?;
    let Some(card) = beside.cards.get(record) else { return Ok(()) };
    if card.name().is_some() {
        return Ok(());
    }
    let line = Line::new(card, &session.names()?);
    for text in human(&line, &beside.of(record, context)?, context) {
        context.out.say(&text)?;
    }
    Ok(())
}

impl<'a> Beside<'a> {
    fn new(session: &'a Session, mine: bool, at: Option<Timestamp>) -> Result<Self, Failure> {
        let cards = if session.is_paired() { session.cards()? } else { Vec::new() };
        let cards = cards.into_iter().map(|card| (card.record.hex(), card)).collect();
        Ok(Self { session, cards, mine, at })
    }

    fn at_of(&self, record: &str) -> u64 {
        self.cards.get(record).map_or(0, |card| card.opening.event.at().instant().as_millis())
    }

    /// The label of a record, and which of one's own steps have not left this device.
    fn of(
        &self,
        record: &str,
        context: &Context,
    ) -> Result<(Option<String>, Vec<String>), Failure> {
        let Some(card) = self.cards.get(record) else { return Ok((None, Vec::new())) };
        if !self.mine && self.at.is_none() {
            return Ok((None, Vec::new()));
        }
        let mut carried = Carried::Received;
        let mut own = Vec::new();
        if self.mine {
            let me = self.session.person();
            let steps = core::iter::once(&card.opening).chain(&card.steps);
            let mine: Vec<EntryId> =
                steps.filter(|step| step.by == me).map(|step| step.id).collect();
            for id in mine {
                let so_far = self.session.carried(id)?;
                if so_far == Carried::OnThisPhone {
                    own.push(id.hex());
                }
                if id == card.opening.id {
                    carried = so_far;
                }
            }
        }
        Ok((Some(label(card, carried, context.zone(), self.at)), own))
    }
}

fn instant(typed: Option<&str>, driver: &Driver) -> Result<Option<Timestamp>, Failure> {
    match typed {
        None => Ok(None),
        Some("now") => Ok(Some(driver.now().timestamp)),
        Some(typed) => Ok(Some(context::time(typed, driver)?.instant())),
    }
}

fn say_line(line: Line, beside: &Beside<'_>, context: &Context) -> Result<(), Failure> {
    let found = beside.of(&line.record, context)?;
    for text in human(&line, &found, context) {
        context.out.say(&text)?;
    }
    let (label, on_this_phone) = found;
    context.out.row(&Row { line, label, on_this_phone })
}

fn say_journal(card: &DocumentCard, context: &Context) -> Result<(), Failure> {
    let id = card.id.hex();
    let head = format!("{} {}  {}", render::short(&id), words::JOURNAL, render::line(&card.title));
    context.out.say(head.trim_end())?;
    context.out.say(&render::block(&card.excerpt, 4))?;
    context.out.row(&JournalRow {
        kind: "journal",
        document: id,
        title: &card.title,
        excerpt: &card.excerpt,
        at: card.at_ms.and_then(|ms| journal::utc(ms, context)).map(|at| at.to_utc()),
        tags: &card.tags,
    })
}

/// A record in lines for a person.
fn human(line: &Line, beside: &(Option<String>, Vec<String>), context: &Context) -> Vec<String> {
    let label = beside.0.clone().unwrap_or_else(|| line.status.replace('_', " "));
    let head = format!("{} {}", render::short(&line.record), step(&line.opening, context));
    let mut lines = vec![format!("{head}  [{label}]")];
    lines.extend(text_of(&line.opening, 4));
    for next in &line.steps {
        let mut shown = format!("    {}", step(next, context));
        if beside.1.contains(&next.entry) {
            shown.push_str(words::HERE_ONLY);
        }
        lines.push(shown);
        lines.extend(text_of(next, 8));
    }
    lines
}

fn text_of(step: &StepLine, indent: usize) -> Option<String> {
    let text = step.said.text.as_deref().filter(|text| !text.is_empty());
    text.map(|text| render::block(text, indent))
}

fn step(step: &StepLine, context: &Context) -> String {
    let clock = |utc: &str| {
        let origin = Zoned::new(Timestamp::from_millis(0), context.zone().clone()).ok();
        let at = origin.and_then(|origin| Zoned::parse(utc, &origin).ok());
        at.map(|at| at.to_clock(context.zone(), None)).unwrap_or_default()
    };
    let says = step.said.says.and_then(|says| serde_json::to_value(says).ok());
    let says = says.as_ref().and_then(|says| says.as_str()).filter(|says| *says != "other");
    let says = says.map(|says| says.replace('_', " "));
    let until = step.said.until.as_deref().map(clock);
    let mut shown =
        format!("{} {} {}", clock(&step.at), render::line(&step.by), words::step(step.kind));
    for part in [says, until.map(|until| words::until(&until))].into_iter().flatten() {
        shown.push_str(", ");
        shown.push_str(&part);
    }
    let marks = step.marks.iter().map(|mark| mark.sentence().to_owned());
    for note in marks.chain(step.void.map(|rule| rule.to_string())) {
        shown.push_str(" (");
        shown.push_str(&note);
        shown.push(')');
    }
    shown
}
