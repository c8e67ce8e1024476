//! The private journal: written, edited and deleted at will; it never reaches the other person.

use crate::command::document::{Saved, saved, with_meanwhile};
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::text::{self, TextArgs};
use crate::words;
use clap::{Args, Subcommand};
use reknit_core::client::{Answer, Command, DocumentCard, Driver, Session};
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
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// The entries that hold these words anywhere
    Search {
        /// The words; `-` reads them from standard input
        words: String,
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
        JournalCommand::List { tag, limit } => list(tag.as_deref(), *limit, context),
        JournalCommand::Search { words } => search(words, context),
        JournalCommand::Delete { id, yes } => delete(id, *yes, context),
    }
}

fn new(write: &WriteArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let title = title(write)?;
    let text: Text<TEXT_MAX> = write.text.required(context, "")?;
    let at = time(write, &driver)?.map_or_else(|| driver.now().at(), Ok)?;
    let entry = entry(at, &write.tags)?;
    let edit = Edit {
        title: Some(title.unwrap_or_default()),
        text: Some(text.as_str().to_owned()),
        tags: Some(tags(&entry)),
        at_ms: Some(millis(&entry.at)),
    };
    let answer = driver.execute(Command::NewDocument(DocumentKind::Journal, edit))?;
    saved(&answer, Saved { done: "journal.new", kind: DocumentKind::Journal }, &driver, context)
}

fn edit(id: &str, write: &WriteArgs, no_tags: bool, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let id = context::document(driver.node().session(), id)?;
    let (kind, fields) = driver.node().session().document(id)?;
    if kind != DocumentKind::Journal {
        return Err(Failure::OtherKind);
    }
    let title = title(write)?;
    let at = time(write, &driver)?;
    let nothing_else = title.is_none() && at.is_none() && write.tags.is_empty() && !no_tags;
    let text = if write.text.is_given() || nothing_else {
        let text: Text<TEXT_MAX> = write.text.required(context, &fields.text)?;
        Some(with_meanwhile(driver.node().session(), id, &fields.text, text.as_str())?)
    } else {
        None
    };
    let new_tags = no_tags || !write.tags.is_empty();
    let checked = entry(driver.now().at()?, &write.tags)?;
    let edit = Edit {
        title,
        text,
        tags: new_tags.then(|| tags(&checked)),
        at_ms: at.as_ref().map(millis),
    };
    let answer = driver.execute(Command::EditDocument(id, edit))?;
    saved(&answer, Saved { done: "journal.edit", kind }, &driver, context)
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

fn list(tag: Option<&str>, limit: Option<usize>, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let mut cards = session.documents(DocumentKind::Journal)?;
    cards.retain(|card| tag.is_none_or(|tag| card.tags.iter().any(|has| has == tag)));
    cards.truncate(limit.unwrap_or(usize::MAX));
    rows(&cards, context)
}

fn search(words: &str, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let typed = if words == "-" { text::read(io::stdin().lock())? } else { words.to_owned() };
    rows(&session.search(&typed)?, context)
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

/// The list rows of entries.
pub(crate) fn rows(cards: &[DocumentCard], context: &Context) -> Result<(), Failure> {
    for card in cards {
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
        context.out.say(&render::block(&card.excerpt, 4))?;
    }
    if cards.is_empty() { context.out.say(words::NOTHING_HERE) } else { Ok(()) }
}

/// The journal's rows beside the shared ones, oldest first, each with the instant it is about.
pub(crate) fn timed(session: &Session) -> Result<Vec<(u64, DocumentCard)>, Failure> {
    let cards = session.documents(DocumentKind::Journal)?;
    let at = |card: &DocumentCard| u64::try_from(card.at_ms.unwrap_or_default()).unwrap_or(0);
    Ok(cards.into_iter().rev().map(|card| (at(&card), card)).collect())
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
        Answer::Done | Answer::Told(_) | Answer::Invitation { .. } => None,
    }
}
