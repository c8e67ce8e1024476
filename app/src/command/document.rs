//! The texts that both edit, and what all commands on documents say when they are done.

use crate::command::draft;
use crate::command::journal::document_of;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::render;
use crate::text::TextArgs;
use crate::words;
use clap::{Args, Subcommand};
use reknit_core::client::{Answer, Draft, Driver, Error, Session};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::membership::SpaceKind;
use reknit_core::model::Text;
use reknit_core::model::agreement::{TEXT_MAX, TITLE_MAX};
use reknit_core::model::id::DocumentId;
use serde::Serialize;

/// What can be done with joint texts.
#[derive(Debug, Subcommand)]
pub(crate) enum AgreementCommand {
    /// Start a text
    New(WriteArgs),
    /// Change a text; what is not given stays as it is
    Edit {
        /// The text, by its id or the first letters of it
        id: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Read a text, or all of them
    Show {
        /// The text, by its id or the first letters of it
        id: Option<String>,
    },
    /// The texts that you began in an editor and did not close
    Drafts {
        /// Drop this one, by its id or the first letters of it
        #[arg(long, value_name = "ID")]
        discard: Option<String>,
    },
}

/// What a joint text says.
#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    #[command(flatten)]
    text: TextArgs,
    /// A title
    #[arg(long)]
    title: Option<String>,
}

/// What was done to a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved {
    /// The command, for scripts.
    pub(crate) done: &'static str,
    /// What kind of document it is.
    pub(crate) kind: DocumentKind,
}

#[derive(Serialize)]
struct SavedRow {
    done: &'static str,
    document: String,
}

#[derive(Serialize)]
struct AgreementRow {
    document: String,
    title: String,
    text: String,
}

/// Carries out a command on joint texts.
///
/// # Errors
/// Why it did not happen.
pub(crate) fn run(command: &AgreementCommand, context: &Context) -> Result<(), Failure> {
    match command {
        AgreementCommand::New(write) => new(write, context),
        AgreementCommand::Edit { id, write } => edit(id, write, context),
        AgreementCommand::Show { id } => show(id.as_deref(), context),
        AgreementCommand::Drafts { discard } => {
            draft::drafts(DocumentKind::Agreement, discard.as_deref(), context)
        }
    }
}

/// Says that a document is safe on this device, and no more than that.
///
/// # Errors
/// Standard output is gone.
pub(crate) fn saved(
    answer: &Answer,
    saved: Saved,
    driver: &Driver,
    context: &Context,
) -> Result<(), Failure> {
    let id = document_of(answer).map(DocumentId::hex).unwrap_or_default();
    let space = match saved.kind {
        DocumentKind::Journal => SpaceKind::Private,
        DocumentKind::Agreement => SpaceKind::Shared,
    };
    context.out.row(&SavedRow { done: saved.done, document: id.clone() })?;
    context.out.say(&words::saved(render::short(&id), has_relay(driver, space)?))
}

/// Whether a space has a relay that what is written will go to.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn has_relay(driver: &Driver, space: SpaceKind) -> Result<bool, Failure> {
    let report = driver.node().session().report()?;
    Ok(report.iter().any(|of| of.kind == space && of.relay.is_some()))
}

fn new(write: &WriteArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    if !driver.node().session().is_paired() {
        return Err(Error::NotPaired.into());
    }
    let kind = DocumentKind::Agreement;
    let given = Edit { title: title(write)?, ..Edit::default() };
    let defaults = Edit { title: Some(String::new()), ..Edit::default() };
    let answer =
        draft::start::<TEXT_MAX>(&write.text, (kind, given), defaults, &mut driver, context)?;
    saved(&answer, Saved { done: "agreement.new", kind }, &driver, context)
}

fn edit(id: &str, write: &WriteArgs, context: &Context) -> Result<(), Failure> {
    let mut driver = context.driver(false)?;
    let kind = DocumentKind::Agreement;
    let (id, before) = agreement(driver.node().session(), id)?;
    let edit = Edit { title: title(write)?, ..Edit::default() };
    let draft = Draft { kind, before: before.text, edit };
    let answer = draft::change::<TEXT_MAX>(&write.text, id, draft, &mut driver, context)?;
    saved(&answer, Saved { done: "agreement.edit", kind }, &driver, context)
}

fn show(id: Option<&str>, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let ids: Vec<DocumentId> = match id {
        Some(id) => vec![agreement(&session, id)?.0],
        None => {
            session.documents(DocumentKind::Agreement)?.into_iter().map(|card| card.id).collect()
        }
    };
    for id in &ids {
        let (_, fields) = session.document(*id)?;
        let id = id.hex();
        context.out.say(&format!("{} {}", render::short(&id), render::line(&fields.title)))?;
        context.out.say(&render::block(&fields.text, 4))?;
        context.out.row(&AgreementRow { document: id, title: fields.title, text: fields.text })?;
    }
    if ids.is_empty() { context.out.say(words::NOTHING_HERE) } else { Ok(()) }
}

fn agreement(
    session: &Session,
    id: &str,
) -> Result<(DocumentId, reknit_core::document::Fields), Failure> {
    let id = context::document(session, id)?;
    match session.document(id)? {
        (DocumentKind::Agreement, fields) => Ok((id, fields)),
        (DocumentKind::Journal, _) => Err(Failure::OtherKind),
    }
}

fn title(write: &WriteArgs) -> Result<Option<String>, Failure> {
    let title = write.title.as_ref().map(Text::<TITLE_MAX>::new).transpose()?;
    Ok(title.map(|title| title.as_str().to_owned()))
}
