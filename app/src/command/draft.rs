//! A document that is written in an editor: what the editor saves is durable at once, and one change when it closes.
//! What was not closed is found again by the next command on that document.

use crate::context::{self, Context};
use crate::editor;
use crate::failure::Failure;
use crate::hold::Hold;
use crate::render;
use crate::text::TextArgs;
use crate::words;
use reknit_core::client::{Answer, Command, Draft, Driver, Error, Session, Unfinished};
use reknit_core::crypto::draw;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::environment::SystemRandom;
use reknit_core::model::Text;
use reknit_core::model::id::DocumentId;
use reknit_core::model::when::Zoned;
use serde::Serialize;

/// How much of a text a list shows.
const EXCERPT_CHARS: usize = 80;

#[derive(Serialize)]
struct KeptRow {
    kept: String,
}

#[derive(Serialize)]
struct DraftRow<'a> {
    document: String,
    new: bool,
    title: &'a str,
    excerpt: String,
    kept: Option<String>,
    open: bool,
}

#[derive(Serialize)]
struct DiscardRow {
    done: &'static str,
    document: String,
}

/// Starts a document. What was neither given now nor when it was begun is as `defaults` say.
///
/// # Errors
/// What the text is refused for; what [`Writing::write`] refuses.
pub(crate) fn start<const N: usize>(
    text: &TextArgs,
    (kind, given): (DocumentKind, Edit),
    defaults: Edit,
    driver: &mut Driver,
    context: &Context,
) -> Result<Answer, Failure> {
    if let Some(text) = text.without_editor::<N>()? {
        let edit = Edit { text: Some(text.as_str().to_owned()), ..or(given, defaults) };
        return Ok(driver.execute(Command::NewDocument(kind, edit))?);
    }
    let draft = Draft { kind, before: String::new(), edit: given };
    let mut writing = Writing::anew(draft, driver, context)?;
    writing.draft.edit = or(writing.draft.edit, defaults);
    writing.write::<N>(driver, context)
}

/// Changes a document: what was given, or, if nothing was, its text in an editor.
///
/// # Errors
/// As [`start`].
pub(crate) fn change<const N: usize>(
    text: &TextArgs,
    document: DocumentId,
    draft: Draft,
    driver: &mut Driver,
    context: &Context,
) -> Result<Answer, Failure> {
    if text.wants_editor(draft.edit == Edit::default()) {
        return Writing::on(document, draft, driver, context)?.write::<N>(driver, context);
    }
    let text: Option<Text<N>> = text.without_editor()?;
    let edit = Edit { text: text.map(|text| text.as_str().to_owned()), ..draft.edit };
    Ok(driver.execute(Command::EditDocument(document, edit))?)
}

/// An edit, and where it says nothing, another one.
fn or(edit: Edit, other: Edit) -> Edit {
    Edit {
        title: edit.title.or(other.title),
        text: edit.text.or(other.text),
        tags: edit.tags.or(other.tags),
        at_ms: edit.at_ms.or(other.at_ms),
    }
}

/// A document while its editor is open.
#[derive(Debug)]
struct Writing {
    document: DocumentId,
    draft: Draft,
    _hold: Hold,
}

impl Writing {
    /// On a new document, or on one that was begun and never closed.
    ///
    /// # Errors
    /// The store cannot be read.
    fn anew(draft: Draft, driver: &Driver, context: &Context) -> Result<Self, Failure> {
        for begun in driver.node().session().drafts()? {
            if !begun.is_new || begun.draft.kind != draft.kind {
                continue;
            }
            match Hold::take(context.home(), begun.document) {
                Ok(hold) => {
                    return Ok(Self::go_on((begun.document, hold), begun.draft, draft, context));
                }
                // Another window writes it; this is one more.
                Err(Failure::EditorOpen) => {}
                Err(failure) => return Err(failure),
            }
        }
        let document = DocumentId::from_bytes(draw(&mut SystemRandom));
        Ok(Self { document, draft, _hold: Hold::take(context.home(), document)? })
    }

    /// On a document that is here.
    ///
    /// # Errors
    /// [`Failure::EditorOpen`] if it is open in another window.
    fn on(
        document: DocumentId,
        draft: Draft,
        driver: &Driver,
        context: &Context,
    ) -> Result<Self, Failure> {
        let hold = Hold::take(context.home(), document)?;
        match driver.node().session().draft(document)? {
            Some(begun) => Ok(Self::go_on((document, hold), begun, draft, context)),
            None => Ok(Self { document, draft, _hold: hold }),
        }
    }

    fn go_on(
        (document, hold): (DocumentId, Hold),
        mut begun: Draft,
        given: Draft,
        context: &Context,
    ) -> Self {
        context.out.remark(&words::goes_on(render::short(&document.hex())));
        begun.edit = or(given.edit, begun.edit);
        Self { document, draft: begun, _hold: hold }
    }

    /// Opens the editor, keeps what it saves, and makes one change of what it leaves.
    ///
    /// # Errors
    /// What the editor or the text is refused for; what was saved stays kept.
    fn write<const N: usize>(
        mut self,
        driver: &mut Driver,
        context: &Context,
    ) -> Result<Answer, Failure> {
        let initial = self.draft.edit.text.clone().unwrap_or_else(|| self.draft.before.clone());
        let was_kept = driver.node().session().draft(self.document)?.is_some();
        let mut kept = was_kept;
        let mut keep = |text: &str| {
            self.draft.edit.text = Some(text.to_owned());
            let done =
                driver.execute(Command::KeepDraft(self.document, self.draft.clone())).is_ok();
            kept |= done;
            // Whoever reads the answers has gone: the text is kept all the same.
            done && context.out.row(&KeptRow { kept: self.document.hex() }).map_or(true, |()| true)
        };
        let written = editor::write::<N>(context, &initial, &mut keep);
        let text = match written {
            Ok(text) => text,
            Err(failure) => {
                if kept {
                    context.out.remark(words::STAYS_UNFINISHED);
                }
                return Err(failure);
            }
        };
        self.close(&text, driver, context)
    }

    fn close<const N: usize>(
        mut self,
        text: &Text<N>,
        driver: &mut Driver,
        context: &Context,
    ) -> Result<Answer, Failure> {
        let session = driver.node().session();
        let is_new = matches!(session.document(self.document), Err(Error::NotFound));
        let untitled = self.draft.edit.title.as_deref().unwrap_or_default().is_empty();
        if is_new && text.is_blank() && untitled {
            driver.execute(Command::DropDraft(self.document))?;
            return Err(Failure::NothingWritten);
        }
        self.draft.edit.text = Some(text.as_str().to_owned());
        match driver.execute(Command::CloseDraft(self.document, self.draft.clone())) {
            Err(Error::NotFound) => {
                // It was deleted meanwhile. What was written now is not thrown away with it.
                self.draft.before.clear();
                let other = DocumentId::from_bytes(draw(&mut SystemRandom));
                driver.execute(Command::KeepDraft(other, self.draft))?;
                context.out.row(&KeptRow { kept: other.hex() })?;
                context.out.remark(words::STAYS_UNFINISHED);
                Err(Error::NotFound.into())
            }
            closed => Ok(closed?),
        }
    }
}

/// Shows the unfinished texts of a kind, or drops one.
///
/// # Errors
/// No text begins so; it is open in an editor.
pub(crate) fn drafts(
    kind: DocumentKind,
    discard: Option<&str>,
    context: &Context,
) -> Result<(), Failure> {
    let Some(typed) = discard else { return list(kind, context) };
    let mut driver = context.driver(false)?;
    let document = find(driver.node().session(), kind, typed)?;
    let _hold = Hold::take(context.home(), document)?;
    driver.execute(Command::DropDraft(document))?;
    let document = document.hex();
    context.out.say(&words::discarded(render::short(&document)))?;
    context.out.row(&DiscardRow { done: "discard", document })
}

fn list(kind: DocumentKind, context: &Context) -> Result<(), Failure> {
    let session = context.unlock()?;
    let mut found = session.drafts()?;
    found.retain(|unfinished| unfinished.draft.kind == kind);
    for unfinished in &found {
        say(unfinished, context)?;
    }
    if found.is_empty() { context.out.say(words::NOTHING_UNFINISHED) } else { Ok(()) }
}

fn say(unfinished: &Unfinished, context: &Context) -> Result<(), Failure> {
    let Unfinished { document, is_new, kept, draft } = unfinished;
    let open = matches!(Hold::take(context.home(), *document), Err(Failure::EditorOpen));
    let kept = Zoned::new(*kept, context.zone().clone()).ok();
    let clock = kept.as_ref().map(|kept| kept.to_clock(context.zone(), None)).unwrap_or_default();
    let title = draft.edit.title.as_deref().unwrap_or_default();
    let text = draft.edit.text.as_deref().unwrap_or_default();
    let id = document.hex();
    let about = words::unfinished_kind(*is_new, open);
    let head = format!("{} {clock}  {about}  {}", render::short(&id), render::line(title));
    context.out.say(head.trim_end())?;
    let excerpt: String = text.chars().take(EXCERPT_CHARS).collect();
    context.out.say(&render::block(&excerpt, 4))?;
    let kept = kept.as_ref().map(Zoned::to_utc);
    context.out.row(&DraftRow { document: id, new: *is_new, title, excerpt, kept, open })
}

fn find(session: &Session, kind: DocumentKind, typed: &str) -> Result<DocumentId, Failure> {
    let typed = typed.to_ascii_lowercase();
    let long = typed.len() >= context::ID_LETTERS_MIN;
    let fits = |found: &Unfinished| {
        found.draft.kind == kind && long && found.document.hex().starts_with(&typed)
    };
    let found: Vec<Unfinished> = session.drafts()?.into_iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one.document),
        [] => Err(Error::NotFound.into()),
        _ => Err(Error::Ambiguous.into()),
    }
}
