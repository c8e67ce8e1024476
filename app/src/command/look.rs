//! What was said, and what is open: facts that both share, and on request what is one's own.

use crate::command::journal;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::words;
use clap::Args;
use reknit_core::client::{DocumentCard, Driver, Found, Session, Shown};
use reknit_core::model::id::{EntryId, RecordId};
use reknit_core::model::when::Zoned;
use reknit_core::view::{Card, Carried, Line, Names, StepLine, label, open_list};
use serde::Serialize;
use wire::time::Timestamp;

/// Lines of a list on a terminal, unless a number is given.
pub(crate) const LINES_ON_A_TERMINAL: usize = 50;

/// What `timeline` takes.
#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// With your own: your journal, and how far what you wrote has come
    #[arg(long)]
    mine: bool,
    /// With what depends on the time, as of this one (`now`, `21:30`, `2026-03-28 21:30`)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// Which part of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Only the newest so many [default: 50 on a terminal, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only what stands before this line, by its id or the first letters of it
    #[arg(long, value_name = "ID")]
    before: Option<String>,
}

impl PageArgs {
    /// At most how many; none for all.
    pub(crate) fn limit(&self, context: &Context) -> Option<usize> {
        self.limit.or_else(|| context.out.is_read_on_a_terminal().then_some(LINES_ON_A_TERMINAL))
    }

    /// Before which line.
    ///
    /// # Errors
    /// Unknown or ambiguous.
    pub(crate) fn before(&self, session: &Session) -> Result<Option<Found>, Failure> {
        Ok(self.before.as_deref().map(|typed| session.find(typed)).transpose()?)
    }
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
#[derive(Clone, Copy)]
struct Beside<'a> {
    session: &'a Session,
    context: &'a Context,
    mine: bool,
    at: Option<Timestamp>,
}

/// What stands beside one line: a label, and which of one's own steps have not left this device.
type Own = (Option<String>, Vec<String>);

/// The timeline.
///
/// # Errors
/// What unlocking refuses; there is no shared space.
pub(crate) fn timeline(args: &TimelineArgs, context: &Context) -> Result<(), Failure> {
    let driver = context.driver(false)?;
    let session = driver.node().session();
    let at = instant(args.at.as_deref(), &driver)?;
    let paired = session.is_paired();
    if !paired && !args.mine {
        return Err(reknit_core::client::Error::NotPaired.into());
    }
    let names = if paired { session.names()? } else { Names::default() };
    let beside = Beside { session, context, mine: args.mine, at };
    let before = args.page.before(session)?;
    let limit = args.page.limit(context);
    if limit.is_none() && before.is_none() {
        let mut nothing = true;
        for shown in session.timeline_rows(args.mine) {
            say(shown?, &names, beside)?;
            nothing = false;
        }
        return if nothing { context.out.say(words::NOTHING_HERE) } else { Ok(()) };
    }
    let limit = limit.unwrap_or(usize::MAX);
    let page = session.timeline_page(args.mine, before, limit)?;
    let first = page.first().map(id_of).filter(|_| page.len() == limit);
    if let Some(first) = first {
        context.out.remark(&words::older("timeline", render::short(&first)));
    }
    if page.is_empty() {
        return context.out.say(words::NOTHING_HERE);
    }
    page.into_iter().try_for_each(|shown| say(shown, &names, beside))
}

fn id_of(shown: &Shown) -> String {
    match shown {
        Shown::Record(card) => card.record.hex(),
        Shown::Journal(card) => card.id.hex(),
    }
}

fn say(shown: Shown, names: &Names, beside: Beside<'_>) -> Result<(), Failure> {
    match shown {
        Shown::Record(card) => say_line(&card, names, beside),
        Shown::Journal(card) => say_journal(&card, beside.context),
    }
}

/// The open list.
///
/// # Errors
/// What unlocking refuses; there is no shared space.
pub(crate) fn open(args: &OpenArgs, context: &Context) -> Result<(), Failure> {
    let driver = context.driver(false)?;
    let session = driver.node().session();
    let at = instant(args.at.as_deref(), &driver)?;
    let cards = session.open_cards()?;
    let lines = open_list(&cards, &session.names()?, at);
    let beside = Beside { session, context, mine: args.mine, at };
    let nothing = lines.is_empty();
    // The cards and the lines have one order.
    for (card, line) in cards.iter().zip(lines) {
        let (said, own) = beside.of(card)?;
        let label = said.clone().unwrap_or_else(|| beside.plainly(card));
        let text = line.text.as_deref().unwrap_or_default();
        let by = render::line(&line.by);
        let head = format!("{} {by}: {}  [{label}]", render::short(&line.record), line.kind);
        context.out.say(&head)?;
        if !text.is_empty() {
            context.out.say(&render::block(text, 4))?;
        }
        context.out.row(&Row { line, label: said, on_this_phone: own })?;
    }
    if nothing { context.out.say(words::NOTHING_OPEN) } else { Ok(()) }
}

/// One record of the timeline, as `watch` shows it too.
pub(crate) fn say_record(
    record: RecordId,
    session: &Session,
    context: &Context,
) -> Result<(), Failure> {
    let card = session.card(record)?.filter(|card| card.name().is_none());
    let Some(card) = card else { return Ok(()) };
    let beside = Beside { session, context, mine: true, at: None };
    let line = Line::new(&card, &session.names()?);
    let lines = human(&line, &beside.of(&card)?, &beside.plainly(&card), context);
    lines.iter().try_for_each(|text| context.out.say(text))
}

impl Beside<'_> {
    /// Where a record stands, for a person who did not ask how far it has come.
    fn plainly(&self, card: &Card) -> String {
        label(card, Carried::Received, self.context.zone(), None)
    }

    /// The label of a record, and which of one's own steps have not left this device.
    fn of(&self, card: &Card) -> Result<Own, Failure> {
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
        Ok((Some(label(card, carried, self.context.zone(), self.at)), own))
    }
}

fn instant(typed: Option<&str>, driver: &Driver) -> Result<Option<Timestamp>, Failure> {
    match typed {
        None => Ok(None),
        Some("now") => Ok(Some(driver.now().timestamp)),
        Some(typed) => Ok(Some(context::time(typed, driver)?.instant())),
    }
}

fn say_line(card: &Card, names: &Names, beside: Beside<'_>) -> Result<(), Failure> {
    let (line, found) = (Line::new(card, names), beside.of(card)?);
    let out = beside.context.out;
    for text in human(&line, &found, &beside.plainly(card), beside.context) {
        out.say(&text)?;
    }
    let (label, on_this_phone) = found;
    out.row(&Row { line, label, on_this_phone })
}

fn say_journal(card: &DocumentCard, context: &Context) -> Result<(), Failure> {
    let id = card.id.hex();
    let at = card.at_ms.and_then(|ms| journal::utc(ms, context));
    let clock = at.as_ref().map(|at| at.to_clock(context.zone(), None)).unwrap_or_default();
    let title = render::line(&card.title);
    let head = format!("{} {clock} {}  {title}", render::short(&id), words::JOURNAL);
    context.out.say(head.trim_end())?;
    context.out.say(&render::block(&card.excerpt, 4))?;
    context.out.row(&JournalRow {
        kind: "journal",
        document: id,
        title: &card.title,
        excerpt: &card.excerpt,
        at: at.as_ref().map(Zoned::to_utc),
        tags: &card.tags,
    })
}

/// A record in lines for a person.
fn human(line: &Line, beside: &Own, plainly: &str, context: &Context) -> Vec<String> {
    let label = beside.0.as_deref().unwrap_or(plainly);
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
