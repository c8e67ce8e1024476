//! What the people of the demo do, in plain words.

use crate::demo::cast::{BEN, Cast, NORA, Phone, TABLET};
use crate::demo::proof;
use crate::failure::Failure;
use crate::output::Output;
use reknit_core::client::{Command, Error, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::{DocumentId, RecordId};
use reknit_core::model::measure::Score10;
use reknit_core::model::question::{Answer, AnswerKind, Certainty, Question, QuestionKind, Wish};
use reknit_core::model::reach::{
    Outcome, OutcomeValue, Reach, ReachKind, Reply, ReplyKind, Return, Urgency, Want,
};
use reknit_core::model::when::Zoned;
use reknit_core::model::{Event, Text};
use reknit_relay::Server;
use reknit_relay::config::{Config, LogLevel};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Everything that is written in the demo; none of it may be found at the relay.
pub(super) const TEXTS: &[&str] = &[
    JOURNAL,
    REACH,
    REPLY,
    BACK,
    NOTE,
    QUESTION,
    ANSWER,
    AGREED,
    NORAS_LINE,
    BENS_LINE,
    DRAFT,
    DRAFT_PHONE,
    DRAFT_TABLET,
];
const JOURNAL: &str = "I do not know if I am staying. I want the truth either way.";
const REACH: &str = "I'm hurting. I need you. I keep seeing the York dates.";
const REPLY: &str = "I'm on the train and can't talk in here. I am not leaving you alone with it.";
const BACK: &str = "I'm at the door.";
const NOTE: &str = "You came. I was still angry.";
const QUESTION: &str = "Was she ever in our kitchen?";
const ANSWER: &str = "Yes, once, on the Tuesday before Easter. I should have told you.";
const AGREED: &str = "Phones lie on the hallway shelf after ten.\n";
const NORAS_LINE: &str = "Nora may ask at breakfast.\n";
const BENS_LINE: &str = "Thursday belongs to Ruth and the counselling room.\n";
const DRAFT: &str = "What I want to say when we sit down:\n";
const DRAFT_PHONE: &str = "from the phone: the hotel receipts\n";
const DRAFT_TABLET: &str = "from the tablet: the second telephone\n";

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The client library said no.
    #[error("a device refused: {0}")]
    Client(#[from] Error),
    /// Printing.
    #[error(transparent)]
    Output(#[from] Failure),
    /// The relay did not start.
    #[error("the relay did not start: {0}")]
    Relay(#[from] reknit_relay::StartError),
    /// Files of the demo.
    #[error("the demo's own folder could not be used")]
    Folder(#[from] std::io::Error),
    /// It took too long.
    #[error("the devices did not come to rest within a minute")]
    Slow,
    /// Something that the story relies on did not happen.
    #[error("the story did not go as told")]
    Story,
    /// A check failed.
    #[error("a check failed: {0}")]
    Check(&'static str),
}

/// Tells the story and proves what it promises.
///
/// # Errors
/// [`Failure::Demo`] if a check does not hold or the story cannot be told; what went wrong is said before.
pub(crate) async fn run(out: Output) -> Result<(), Failure> {
    match tell(out).await {
        Ok(()) => Ok(()),
        Err(Trouble::Output(failure)) => Err(failure),
        Err(trouble) => {
            out.say(&format!("  NOT  {trouble}"))?;
            Err(Failure::Demo)
        }
    }
}

async fn tell(out: Output) -> Result<(), Trouble> {
    let folder = tempfile::tempdir()?;
    let relay_folder = folder.path().join("relay");
    let config = Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        data_folder: relay_folder.clone(),
        log_level: LogLevel::Error,
        ..Config::default()
    };
    let random = Box::new(|bytes: &mut [u8]| {
        use reknit_core::crypto::Random;
        reknit_core::environment::SystemRandom.fill(bytes);
    });
    let relay = Server::start(config, random).await?;
    let line = relay.address_line();
    out.say("A relay starts on this machine. It will carry everything and read nothing.")?;
    out.say(&format!("    {line}"))?;

    let mut cast = people(folder.path(), &line, out)?;
    let agreement = begin(&mut cast, out).await?;
    let draft = apart(&mut cast, agreement, out)?;
    out.say("Everybody is connected again.")?;
    cast.meet().await?;
    together(&mut cast, out).await?;
    proof::merged(&mut cast, agreement, draft, out)?;

    out.say("")?;
    out.say("Proof")?;
    proof::equal(&mut cast, agreement, out)?;
    proof::unbroken(&mut cast, out)?;
    let figures = proof::unread(&mut cast, &relay_folder, out)?;
    cast.part()?;
    relay.stop().await;
    proof::unread_at_rest(&relay_folder, out)?;
    out.say("")?;
    out.say(&figures)?;
    Ok(())
}

fn people(folder: &Path, line: &wire::address::AddressLine, out: Output) -> Result<Cast, Trouble> {
    out.say("")?;
    out.say("Nora and Ben each begin alone, offline, with a secret of their own.")?;
    Ok(Cast([
        Phone::new("Nora's phone", Some("Nora"), &folder.join("nora"), line)?,
        Phone::new("Ben's phone", Some("Ben"), &folder.join("ben"), line)?,
        Phone::new("Ben's tablet", None, &folder.join("tablet"), line)?,
    ]))
}

/// They pair, and agree on a first line.
async fn begin(cast: &mut Cast, out: Output) -> Result<DocumentId, Trouble> {
    cast.meet().await?;
    out.say("In one room, Nora invites Ben:")?;
    cast.pair((NORA, BEN), Whom::Partner, out).await?;
    cast.meet().await?;
    out.say("Later, alone, Ben adds his tablet:")?;
    cast.pair((BEN, TABLET), Whom::Device, out).await?;
    cast.meet().await?;
    let edit = Edit {
        title: Some("Evenings".to_owned()),
        text: Some(AGREED.to_owned()),
        ..Edit::default()
    };
    let agreement = cast.phone(NORA)?.write(Command::NewDocument(DocumentKind::Agreement, edit))?;
    let edit = Edit { text: Some(DRAFT.to_owned()), ..Edit::default() };
    cast.phone(BEN)?.write(Command::NewDocument(DocumentKind::Journal, edit))?;
    cast.meet().await?;
    out.say("They write the first line of an agreement together.")?;
    Ok(agreement)
}

/// Nobody is connected, and everybody writes.
fn apart(cast: &mut Cast, agreement: DocumentId, out: Output) -> Result<DocumentId, Trouble> {
    cast.part()?;
    out.say("")?;
    out.say("Everybody is offline now, and each writes on their own device.")?;
    let edit = Edit { text: Some(JOURNAL.to_owned()), ..Edit::default() };
    let nora = cast.phone(NORA)?;
    nora.write(Command::NewDocument(DocumentKind::Journal, edit))?;
    out.say("    Nora keeps a page for herself.")?;
    nora.tell(Event::Reach(Reach {
        at: nora.driver.now().at()?,
        kind: ReachKind::Hurting,
        text: Some(text(REACH)?),
        distress: Some(Score10::new(9).map_err(|_| Trouble::Story)?),
        want: [Want::Hold, Want::Reassure].into(),
        mixed: false,
        urgency: Urgency::Now,
        reply_needed: true,
    }))?;
    out.say("    Nora reaches out: she is hurting.")?;
    nora.tell(Event::Question(Question {
        at: nora.driver.now().at()?,
        kind: QuestionKind::Fact,
        text: text(QUESTION)?,
        wish: Wish::Written,
        detail: None,
        repeat_of: None,
        parent: None,
    }))?;
    out.say("    Nora asks a question.")?;
    add_line(nora, agreement, NORAS_LINE)?;
    let ben = cast.phone(BEN)?;
    add_line(ben, agreement, BENS_LINE)?;
    out.say("    Nora and Ben both add a line to the same agreement, at once.")?;
    let drafts = ben.driver.node().session().documents(DocumentKind::Journal)?;
    let draft = drafts.first().ok_or(Trouble::Story)?.id;
    add_line(ben, draft, DRAFT_PHONE)?;
    add_line(cast.phone(TABLET)?, draft, DRAFT_TABLET)?;
    out.say("    Ben works on one private draft on two devices.")?;
    Ok(draft)
}

/// Ben answers; each goes on.
async fn together(cast: &mut Cast, out: Output) -> Result<(), Trouble> {
    let ben = cast.phone(BEN)?;
    let reach = record_of(ben, "reach")?;
    let question = record_of(ben, "question")?;
    let at = ben.driver.now().at()?;
    let return_at = at.later(Duration::from_hours(9));
    out.say(&format!(
        "    Ben cannot talk now, and says when he will come: {}",
        clock(&return_at)
    ))?;
    ben.tell(Event::Reply(Reply {
        at,
        of: reach,
        kind: ReplyKind::Promise,
        return_at: Some(return_at),
        text: Some(text(REPLY)?),
        preset: None,
    }))?;
    cast.meet().await?;
    let tablet = cast.phone(TABLET)?;
    tablet.tell(Event::Answer(Answer {
        at: tablet.driver.now().at()?,
        of: question,
        kind: AnswerKind::Told,
        text: Some(text(ANSWER)?),
        spoken_at: None,
        certainty: Some(Certainty::Sure),
        refs: Vec::new(),
    }))?;
    tablet.tell(Event::Return(Return {
        at: tablet.driver.now().at()?,
        of: reach,
        text: Some(text(BACK)?),
    }))?;
    out.say("    From his tablet Ben answers the question, and comes back before his time.")?;
    cast.meet().await?;
    let nora = cast.phone(NORA)?;
    nora.tell(Event::Outcome(Outcome {
        at: nora.driver.now().at()?,
        of: reach,
        value: OutcomeValue::Partly,
        note: Some(text(NOTE)?),
    }))?;
    out.say("    Nora alone says how it was for her.")?;
    cast.meet().await
}

fn add_line(phone: &mut Phone, document: DocumentId, line: &str) -> Result<(), Trouble> {
    let (_, fields) = phone.driver.node().session().document(document)?;
    let edit = Edit { text: Some(format!("{}{line}", fields.text)), ..Edit::default() };
    phone.write(Command::EditDocument(document, edit))?;
    Ok(())
}

fn record_of(phone: &Phone, kind: &str) -> Result<RecordId, Trouble> {
    let cards = phone.driver.node().session().cards()?;
    let card = cards.iter().find(|card| card.kind().name() == kind).ok_or(Trouble::Story)?;
    Ok(card.record)
}

fn text<const N: usize>(words: &str) -> Result<Text<N>, Trouble> {
    Text::new(words).map_err(|_| Trouble::Story)
}

fn clock(time: &Zoned) -> String {
    time.to_clock(time.zone(), None)
}

/// The two lines of the agreement that were written at once.
pub(super) const LINES: [&str; 3] = [AGREED, NORAS_LINE, BENS_LINE];
/// The lines of the private draft.
pub(super) const DRAFT_LINES: [&str; 3] = [DRAFT, DRAFT_PHONE, DRAFT_TABLET];
