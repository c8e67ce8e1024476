//! The private journal: written, edited and deleted at will; it never reaches the other person.

use crate::command::document::{Saved, saved};
use crate::command::draft;
use crate::command::look::PageArgs;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::text::{self, TextArgs};
use crate::words;
use clap::{Args, Subcommand};
use reknit_core::client::{Answer, Command, DocumentCard, Draft, Driver};
use reknit_core::document::{DocumentKind, Edit, Fields};
use reknit_core::model::Text;
use reknit_core::model::journal::{JournalEntry, TEXT_MAX, TITLE_MAX};
use reknit_core::model::when::Zoned;
use serde::Serialize;
use std::io::{self, IsTerminal};

/// What can be done with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Write an entry
    New(WriteArgs),
    /// Change an entry; what is not given stays as it is
    Edit {
        /// The entry, by its id or the first letters of it
        id: String,
        #[command(flatten)]
        write: WriteArgs,
        /// Take all tags off
        #[arg(long, conflicts_with = "tags")]
        no_tags: bool,
    },
    /// Read an entry
    Show {
        /// The entry, by its id or the first letters of it
        id: String,
    },
    /// All entries, newest first
    List {
        /// Only those with this tag
        #[arg(long, value_name = "TAG")]
        tag: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// The entries that hold these words anywhere
    Search {
        /// The words; `-` reads them from standard input
        words: String,
    },
    /// The texts that you began in an editor and did not close
    Drafts {
        /// Drop this one, by its id or the first letters of it
        #[arg(long, value_name = "ID")]
        discard: Option<String>,
    },
    /// Delete an entry on all your devices
    Delete {
        /// The entry, by its id or the first letters of it
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What an entry says.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    #[command(flatten)]
    text: TextArgs,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// A tag; may be given several times; all tags of an entry are replaced
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The time it is about, such as `2026-03-28 21:00` [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

#[derive(Serialize)]
struct EntryRow<'a> {
    document: String,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    tags: &'a [String],
}

/// Carries out a command on the journal.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn run(command: &JournalCommand, context: &Context) -> Result<(), Failure> {
    match command {
        JournalCommand::New(write) => new(write, context),
        JournalCommand::Edit { id, write, no_tags } => edit(id, write, *no_tags, context),
        JournalCommand::Show { id } => show(id, context),
        JournalCommand::List { tag, page } => list(tag.as_deref(), page, context),
        JournalCommand::Search { words } => search(words, context),
        JournalCommand::Drafts { discard } => {
            draft::drafts(DocumentKind::Journal, discard.as_deref(), context)
        }
        JournalCommand::Delete { id, yes } => delete(id, *yes, context),
    }
}

fn new(write: &WriteArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let kind = DocumentKind::Journal;
    let given = given(write, false, &driver)?;
    let defaults = Edit {
        title: Some(String::new()),
        text: None,
        tags: Some(Vec::new()),
        at_ms: Some(millis(&driver.now().at()?)),
    };
    let answer =
        draft::start::<TEXT_MAX>(&write.text, (kind, given), defaults, &mut driver, context)?;
    saved(&answer, Saved { done: "journal.new", kind }, &driver, context)
}

fn edit(id: &str, write: &WriteArgs, no_tags: bool, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let id = context::document(driver.node().session(), id)?;
    let (kind, fields) = driver.node().session().document(id)?;
    if kind != DocumentKind::Journal {
        return Err(Failure::OtherKind);
    }
    let given = given(write, no_tags, &driver)?;
    let draft = Draft { kind, before: fields.text, edit: given };
    let answer = draft::change::<TEXT_MAX>(&write.text, id, draft, &mut driver, context)?;
    saved(&answer, Saved { done: "journal.edit", kind }, &driver, context)
}

/// What was given but the text, checked.
fn given(write: &WriteArgs, no_tags: bool, driver: &Driver) -> Result<Edit, Failure> {
    let at = time(write, driver)?;
    let entry = entry(driver.now().at()?, &write.tags)?;
    let new_tags = no_tags || !write.tags.is_empty();
    Ok(Edit {
        title: title(write)?,
        text: None,
        tags: new_tags.then(|| tags(&entry)),
        at_ms: at.as_ref().map(millis),
    })
}

fn show(id: &str, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let id = context::document(&session, id)?;
    let (kind, fields) = session.document(id)?;
    if kind != DocumentKind::Journal {
        return Err(Failure::OtherKind);
    }
    let Fields { title, text, tags, at_ms } = &fields;
    let at = at_ms.and_then(|ms| utc(ms, context));
    let id = id.hex();
    context.out.row(&EntryRow {
        document: id.clone(),
        title,
        text: Some(text),
        excerpt: None,
        at: at.as_ref().map(Zoned::to_utc),
        tags,
    })?;
    context.out.say(&headline(&id, at.as_ref(), title, tags, context))?;
    context.out.say(&render::block(text, 4))
}

fn list(tag: Option<&str>, page: &PageArgs, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let before = page.before(&session)?;
    let limit = page.limit(context).unwrap_or(usize::MAX);
    let tagged = |card: &DocumentCard| tag.is_none_or(|tag| card.tags.iter().any(|has| has == tag));
    let rows = session.document_rows(DocumentKind::Journal, before)?;
    let (mut shown, mut last) = (0_usize, None);
    for card in rows.filter(|card| card.as_ref().map_or(true, tagged)).take(limit) {
        let card = card?;
        row(&card, context)?;
        shown = shown.saturating_add(1);
        last = Some(card.id.hex());
    }
    match last {
        None => context.out.say(words::NOTHING_HERE),
        Some(last) if shown == limit => {
            context.out.remark(&words::older("journal list", render::short(&last)));
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

fn search(words: &str, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let typed = if words == "-" { text::read(io::stdin().lock())? } else { words.to_owned() };
    let mut nothing = true;
    for card in session.search(&typed)? {
        row(&card?, context)?;
        nothing = false;
    }
    if nothing { context.out.say(words::NOTHING_HERE) } else { Ok(()) }
}

fn delete(id: &str, yes: bool, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let id = context::document(driver.node().session(), id)?;
    if !yes && io::stdin().is_terminal() && !context.out.is_json() {
        context.out.ask(words::DELETE_SURE);
        let typed = crate::lines::next_line(&mut io::stdin().lock());
        if typed.as_deref() != Some(words::YES) {
            return Err(Failure::Stopped);
        }
    }
    let answer = driver.execute(Command::DeleteDocument(id))?;
    let done = Saved { done: "journal.delete", kind: DocumentKind::Journal };
    saved(&answer, done, &driver, context)?;
    context.out.say(words::DELETED)
}

/// The list row of an entry.
fn row(card: &DocumentCard, context: &Context) -> Result<(), Failure> {
    let at = card.at_ms.and_then(|ms| utc(ms, context));
    let id = card.id.hex();
    context.out.row(&EntryRow {
        document: id.clone(),
        title: &card.title,
        text: None,
        excerpt: Some(&card.excerpt),
        at: at.as_ref().map(Zoned::to_utc),
        tags: &card.tags,
    })?;
    context.out.say(&headline(&id, at.as_ref(), &card.title, &card.tags, context))?;
    context.out.say(&render::block(&card.excerpt, 4))
}

fn headline(
    id: &str,
    at: Option<&Zoned>,
    title: &str,
    tags: &[String],
    context: &Context,
) -> String {
    let clock = at.map(|at| at.to_clock(context.zone(), None)).unwrap_or_default();
    let mut line = format!("{} {clock}  {}", render::short(id), render::line(title));
    for tag in tags {
        line.push_str(" #");
        line.push_str(&render::line(tag));
    }
    line.trim_end().to_owned()
}

fn title(write: &WriteArgs) -> Result<Option<String>, Failure> {
    let title = write.title.as_ref().map(Text::<TITLE_MAX>::new).transpose()?;
    Ok(title.map(|title| title.as_str().to_owned()))
}

fn time(write: &WriteArgs, driver: &Driver) -> Result<Option<Zoned>, Failure> {
    write.at.as_deref().map(|typed| context::time(typed, driver)).transpose()
}

/// An entry with its tags checked.
fn entry(at: Zoned, tags: &[String]) -> Result<JournalEntry, Failure> {
    let mut entry = JournalEntry::new(at);
    tags.iter().try_for_each(|tag| entry.add_tag(tag))?;
    Ok(entry)
}

fn tags(entry: &JournalEntry) -> Vec<String> {
    entry.tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}

fn millis(at: &Zoned) -> i64 {
    i64::try_from(at.instant().as_millis()).unwrap_or(i64::MAX)
}

/// A time that an entry is about, in the zone of this device.
pub(crate) fn utc(ms: i64, context: &Context) -> Option<Zoned> {
    let instant = wire::time::Timestamp::from_millis(u64::try_from(ms).ok()?);
    Zoned::new(instant, context.zone().clone()).ok()
}

/// What a command on documents answers.
pub(crate) const fn document_of(answer: &Answer) -> Option<reknit_core::model::id::DocumentId> {
    match answer {
        Answer::Document(id) => Some(*id),
        Answer::Done | Answer::Told(_) | Answer::Invitation { .. } | Answer::Checked(_) => None,
    }
}
