//! A question, and the ways to meet it: promise, answer, decline, each of them always open to whoever was asked.
//!
//! Only the asker can say "enough", ask again, or take it back. An answer changes only by a later amendment.

use serde::{Deserialize, Serialize};

use super::Event;
use super::fold::{Case, Facts, Judged, Past};
use super::id::{EntryId, RecordId};
use super::permission::Rule;
use super::promise::{Course, Courses, Due};
use super::text::Text;
use super::told::Told;
use super::when::{At, Zoned};

/// Entries that one answer may point at.
pub const REFERENCES_MAX: usize = 16;

/// Something that the asker wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// When, by the author's clock.
    pub at: At,
    /// What it is after.
    pub kind: QuestionKind,
    /// In words; never blank.
    pub text: Text<1000>,
    /// How the asker would like the answer.
    pub wish: Wish,
    /// How much detail, 1 plain fact to 3 painful detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// The question that this one asks once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_of: Option<RecordId>,
    /// The question that this one follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordId>,
}

/// What a [`Question`] is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum QuestionKind {
    Fact,
    Meaning,
    Feeling,
    Now,
}

/// How the asker would like the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum Wish {
    Written,
    InPerson,
    WithHelper,
}

/// How much detail is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// A plain fact.
    Plain,
    /// More than that.
    More,
    /// Detail that hurts.
    Painful,
}

/// "I answer by then."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// When, by the author's clock.
    pub at: At,
    /// The question.
    pub of: RecordId,
    /// The time, after `at`.
    pub answer_by: Zoned,
}

/// An answer. "I don't know" is one, and never scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When, by the author's clock.
    pub at: At,
    /// The question.
    pub of: RecordId,
    /// What it says.
    pub kind: AnswerKind,
    /// In words: needed for `told`, `already_said`, and as the summary of what was spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<4000>>,
    /// When it was said aloud: with `spoken`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoken_at: Option<Zoned>,
    /// How sure they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// What it points at, such as the answer in which it was already said. At most [`REFERENCES_MAX`].
    pub refs: Vec<EntryId>,
}

/// What an [`Answer`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum AnswerKind {
    Told,
    DontKnow,
    DontRemember,
    AlreadySaid,
    Spoken,
}

/// How sure somebody is of what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the product's words")]
pub enum Certainty {
    Sure,
    ThinkSo,
    Unsure,
    DontRemember,
}

/// "Not this, or not now." Always possible, never scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// When, by the author's clock.
    pub at: At,
    /// The question.
    pub of: RecordId,
    /// Why.
    pub reason: DeclineReason,
    /// Until when: needed for "not now", free otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Zoned>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<1000>>,
}

/// Why somebody declines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    /// A postponement: carries a time.
    NotNow,
    /// With a third person in the room.
    WithHelper,
    /// A plain no.
    RatherNot,
    /// Said in words.
    Other,
}

/// "That is enough for me", by the asker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enough {
    /// When, by the author's clock.
    pub at: At,
    /// The question.
    pub of: RecordId,
}

/// "It is not enough after all", by the asker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopen {
    /// When, by the author's clock.
    pub at: At,
    /// The question.
    pub of: RecordId,
}

impl Promise {
    pub(super) fn check(&self) -> Result<(), Rule> {
        after(&self.at, &self.answer_by)
    }
}

impl Answer {
    pub(super) fn check(&self) -> Result<(), Rule> {
        let words = self.text.as_ref().is_some_and(|text| !text.is_blank());
        let spoken = self.kind == AnswerKind::Spoken;
        match self.kind {
            AnswerKind::Told | AnswerKind::AlreadySaid | AnswerKind::Spoken if !words => {
                Err(Rule::WordsMissing)
            }
            AnswerKind::Told
            | AnswerKind::DontKnow
            | AnswerKind::DontRemember
            | AnswerKind::AlreadySaid
            | AnswerKind::Spoken => {
                if spoken && self.spoken_at.is_none() {
                    Err(Rule::TimeMissing)
                } else if !spoken && self.spoken_at.is_some() {
                    Err(Rule::TimeNotWanted)
                } else if self.refs.len() > REFERENCES_MAX {
                    Err(Rule::TooMany)
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl Decline {
    pub(super) fn check(&self) -> Result<(), Rule> {
        match &self.until {
            Some(until) => after(&self.at, until),
            None if self.reason == DeclineReason::NotNow => Err(Rule::TimeMissing),
            None => Ok(()),
        }
    }
}

fn after(at: &At, time: &Zoned) -> Result<(), Rule> {
    if time.instant() > at.instant() { Ok(()) } else { Err(Rule::TimeOutOfRange) }
}

/// Where a question stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionStatus {
    /// Asked; nothing came back yet.
    Asked,
    /// The other answers by the earliest time they set.
    Promised(Due),
    /// The other declined.
    Declined {
        /// Why.
        reason: DeclineReason,
        /// Until when, if they said so.
        until: Option<Zoned>,
    },
    /// Answered.
    Answered,
    /// The asker said that it is enough.
    Enough,
    /// The asker asked again; nothing came back since.
    Reopened,
    /// Taken back by the asker.
    Withdrawn {
        /// An answer was written before the withdrawal arrived: kept, folded away, open to the asker.
        answered_before: bool,
    },
}

/// A question with all that followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionRecord {
    /// As asked.
    pub question: Question,
    /// Where it stands.
    pub status: QuestionStatus,
    /// The times that the other set, in order.
    pub promises: Vec<Course>,
}

pub(super) fn fold<'a>(question: &Question, case: &Case<'a>) -> (Facts, Judged<'a>) {
    let judged = case.judge(guard);
    let (status, courses) = walk(&judged.counted);
    let promises = courses.into_vec();
    (Facts::Question(QuestionRecord { question: question.clone(), status, promises }), judged)
}

/// Judges an event by what its own author had seen: only so do both phones judge alike.
fn guard(past: &Past<'_, '_>, told: &Told) -> Result<(), Rule> {
    let (status, courses) = walk(past.seen);
    let event = told.event();
    if let Event::Moved(moved) = event {
        past.is_first_move(moved)?;
        return courses.may_move(moved);
    }
    let enough = matches!(event, Event::Enough(_));
    let reopen = matches!(event, Event::Reopen(_));
    match status {
        QuestionStatus::Withdrawn { .. } => Err(Rule::Withdrawn),
        QuestionStatus::Enough if reopen => Ok(()),
        QuestionStatus::Enough => Err(Rule::Closed),
        QuestionStatus::Answered if enough => Ok(()),
        QuestionStatus::Answered if !reopen => Err(Rule::AlreadyAnswered),
        QuestionStatus::Promised(_) if matches!(event, Event::Promise(_)) => {
            Err(Rule::AlreadyPromised)
        }
        QuestionStatus::Asked
        | QuestionStatus::Answered
        | QuestionStatus::Reopened
        | QuestionStatus::Promised(_)
        | QuestionStatus::Declined { .. } => {
            if enough {
                Err(Rule::NotAnswered)
            } else if reopen {
                Err(Rule::NotClosed)
            } else {
                Ok(())
            }
        }
    }
}

/// Two lanes, each in its own person's order: what the asker did last, and what the other did in that round.
fn walk<'a>(counted: &[&'a Told]) -> (QuestionStatus, Courses<'a>) {
    let mut closed = false;
    let mut round: Option<&Told> = None;
    let mut withdrawn: Option<&Told> = None;
    for &told in counted {
        if let Event::Enough(_) = told.event() {
            closed = true;
        } else if let Event::Reopen(_) = told.event() {
            (closed, round) = (false, Some(told));
        } else if let Event::Withdraw(_) = told.event() {
            withdrawn = withdrawn.or(Some(told));
        }
    }
    let mut courses = Courses::default();
    let mut last = round.map_or(QuestionStatus::Asked, |_| QuestionStatus::Reopened);
    let mut crossed_answer = false;
    for &told in counted {
        if let Event::Promise(promise) = told.event() {
            courses.start(told, &promise.answer_by, &promise.at);
        } else if let Event::Moved(moved) = told.event() {
            courses.handle_moved(told, moved);
        } else if let Event::Answer(answer) = told.event() {
            courses.keep(told, &answer.at);
            crossed_answer |= withdrawn.is_some_and(|withdraw| !withdraw.head.sees(&told.head));
        } else if let Event::Decline(_) = told.event() {
            courses.take_back(told);
        }
        if round.is_none_or(|reopen| !reopen.head.sees(&told.head)) {
            last = answered_with(told, last);
        }
    }
    let status = if withdrawn.is_some() {
        QuestionStatus::Withdrawn { answered_before: crossed_answer }
    } else if closed {
        QuestionStatus::Enough
    } else if let (Some(due), false) = (courses.earliest_open(), last == QuestionStatus::Answered) {
        QuestionStatus::Promised(due.clone())
    } else {
        last
    };
    (status, courses)
}

/// An answer stays one, whatever its author's other device said meanwhile.
fn answered_with(told: &Told, last: QuestionStatus) -> QuestionStatus {
    if let Event::Answer(_) = told.event() {
        QuestionStatus::Answered
    } else if let (Event::Decline(decline), false) =
        (told.event(), last == QuestionStatus::Answered)
    {
        QuestionStatus::Declined { reason: decline.reason, until: decline.until.clone() }
    } else {
        last
    }
}
