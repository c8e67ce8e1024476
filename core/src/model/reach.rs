//! "I'm hurting, I need you", and how it is answered: here now, a time to come back, or a plain no.
//!
//! Only the reacher says whether they were met. A no carries no time, is never measured, and ends no record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Event;
use super::fold::{Case, Facts, Judged, Past};
use super::id::RecordId;
use super::measure::Score10;
use super::permission::Rule;
use super::promise::{Course, Courses, Due, Punctuality, RETURN_AHEAD_MAX};
use super::text::Text;
use super::told::Told;
use super::when::{At, Zoned};

/// A call for the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// When, by the author's clock.
    pub at: At,
    /// Of what kind.
    pub kind: ReachKind,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<500>>,
    /// How strong the distress is, 0 none to 10 the worst ever. Nobody has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distress: Option<Score10>,
    /// What would help.
    pub want: BTreeSet<Want>,
    /// Both wanting nearness and not wanting it.
    pub mixed: bool,
    /// How soon.
    pub urgency: Urgency,
    /// Whether a reply is hoped for; without, the reach is closed as soon as it is made.
    pub reply_needed: bool,
}

/// Of what kind a [`Reach`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum ReachKind {
    Hurting,
    Comfort,
    Presence,
    Reassurance,
    Answer,
    NearButQuiet,
    MissingYou,
    GoodNews,
    Offer,
}

/// What would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum Want {
    Listen,
    Hold,
    SitNear,
    Reassure,
    Answer,
    Walk,
    StayWhileIAmAlone,
}

/// How soon a reply is hoped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum Urgency {
    Now,
    Today,
    Whenever,
}

/// An answer to a reach, by the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// When, by the author's clock.
    pub at: At,
    /// The reach.
    pub of: RecordId,
    /// What it says.
    pub kind: ReplyKind,
    /// When they come back: at most 24 h ahead. A postponement carries it, a no and a presence do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_at: Option<Zoned>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<1000>>,
    /// The prepared sentence that was tapped instead of typing: shown as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Text<40>>,
}

/// What a [`Reply`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// "I am here now."
    HereNow,
    /// "I come at nine."
    Promise,
    /// "I am overwhelmed and need to stop. I'll be back at nine."
    PauseNeeded,
    /// "I can't." No time, no reminder, never past, in no count.
    Cannot,
}

/// "I'm back", by whoever replied. Ends every promise that they had open here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// When, by the author's clock: measured against the earliest open promise.
    pub at: At,
    /// The reach.
    pub of: RecordId,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<500>>,
}

/// How it went, in the reacher's eyes; may be revised, and the earlier word stays readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When, by the author's clock.
    pub at: At,
    /// The reach.
    pub of: RecordId,
    /// How it went.
    pub value: OutcomeValue,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text<500>>,
}

/// How a reach went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum OutcomeValue {
    Met,
    Partly,
    NotMet,
    EasedByItself,
}

/// A reach or question taken back by whoever opened it; what was said stays readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdraw {
    /// When, by the author's clock.
    pub at: At,
    /// The reach or question.
    pub of: RecordId,
}

impl Reply {
    /// The time of a postponement, if the reply is one and carries it as it must.
    fn promised(&self) -> Option<&Zoned> {
        match self.kind {
            ReplyKind::Promise | ReplyKind::PauseNeeded => self.return_at.as_ref(),
            ReplyKind::HereNow | ReplyKind::Cannot => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Rule> {
        match (self.kind, &self.return_at) {
            (ReplyKind::Promise | ReplyKind::PauseNeeded, None) => Err(Rule::TimeMissing),
            (ReplyKind::HereNow | ReplyKind::Cannot, Some(_)) => Err(Rule::TimeNotWanted),
            (ReplyKind::HereNow | ReplyKind::Cannot, None) => Ok(()),
            (ReplyKind::Promise | ReplyKind::PauseNeeded, Some(time)) => {
                within_a_day(&self.at, time)
            }
        }
    }
}

fn within_a_day(at: &At, time: &Zoned) -> Result<(), Rule> {
    let ahead = time.since(at);
    if ahead.is_zero() || ahead > RETURN_AHEAD_MAX { Err(Rule::TimeOutOfRange) } else { Ok(()) }
}

/// Where a reach stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachStatus {
    /// Made; nothing came back yet.
    Open,
    /// The other is here.
    Here,
    /// The other comes at the earliest time they set.
    Promised(Due),
    /// The other said that they cannot.
    Cannot,
    /// The other came back; measured if they had set a time.
    Returned(Option<Punctuality>),
    /// The reacher said how it went, or asked for no reply.
    Closed(Option<OutcomeValue>),
    /// Taken back by the reacher.
    Withdrawn,
}

/// A reach with all that followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachRecord {
    /// As made.
    pub reach: Reach,
    /// Where it stands.
    pub status: ReachStatus,
    /// The times that the other set, in order.
    pub promises: Vec<Course>,
}

pub(super) fn fold<'a>(reach: &Reach, case: &Case<'a>) -> (Facts, Judged<'a>) {
    let judged = case.judge(guard);
    let told = Walk::over(&judged.counted);
    let status = if told.withdrawn {
        ReachStatus::Withdrawn
    } else if told.outcome.is_some() || !reach.reply_needed {
        ReachStatus::Closed(told.outcome)
    } else if let Some(due) = told.courses.earliest_open() {
        ReachStatus::Promised(due.clone())
    } else {
        told.reply.unwrap_or(ReachStatus::Open)
    };
    let promises = told.courses.into_vec();
    (Facts::Reach(ReachRecord { reach: reach.clone(), status, promises }), judged)
}

/// Judges an event by what its own author had seen: only so do both phones judge alike.
fn guard(past: &Past<'_, '_>, told: &Told) -> Result<(), Rule> {
    let known = Walk::over(past.seen);
    let replied = if known.reply.is_some() { Ok(()) } else { Err(Rule::NoReply) };
    if known.withdrawn {
        return Err(Rule::Withdrawn);
    }
    if let Event::Moved(moved) = told.event() {
        past.is_first_move(moved)?;
        within_a_day(&moved.at, &moved.to)?;
        known.courses.may_move(moved)
    } else if let Event::Return(_) = told.event() {
        replied
    } else if let Event::Outcome(outcome) = told.event() {
        if outcome.value == OutcomeValue::EasedByItself { Ok(()) } else { replied }
    } else if matches!(told.event(), Event::Withdraw(_)) && known.outcome.is_some() {
        Err(Rule::Closed)
    } else {
        Ok(())
    }
}

/// What each of the two did, in their own order: no step of the one depends on where the other's stand between.
#[derive(Default)]
struct Walk<'a> {
    courses: Courses<'a>,
    reply: Option<ReachStatus>,
    outcome: Option<OutcomeValue>,
    withdrawn: bool,
}

impl<'a> Walk<'a> {
    fn over(counted: &[&'a Told]) -> Self {
        let mut walk = Self::default();
        for &told in counted {
            if let Event::Reply(reply) = told.event() {
                walk.handle_reply(told, reply);
            } else if let Event::Return(back) = told.event() {
                walk.reply = Some(ReachStatus::Returned(walk.courses.keep(told, &back.at)));
            } else if let Event::Moved(moved) = told.event() {
                walk.courses.handle_moved(told, moved);
            } else if let Event::Outcome(outcome) = told.event() {
                walk.outcome = Some(outcome.value);
            } else if let Event::Withdraw(_) = told.event() {
                walk.withdrawn = true;
            }
        }
        walk
    }

    fn handle_reply(&mut self, told: &'a Told, reply: &Reply) {
        if let Some(time) = reply.promised() {
            self.courses.start(told, time, &reply.at);
            self.reply = self.reply.take().or(Some(ReachStatus::Open));
        } else if reply.kind == ReplyKind::HereNow {
            // Being here before a promise was kept is coming back.
            self.reply = Some(match self.courses.keep(told, &reply.at) {
                Some(punctuality) => ReachStatus::Returned(Some(punctuality)),
                None => ReachStatus::Here,
            });
        } else {
            self.courses.take_back(told);
            self.reply = Some(ReachStatus::Cannot);
        }
    }
}
