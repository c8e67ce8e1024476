//! The timeline: everything shared, in the one order, a line a record.

use serde::Serialize;

use super::card::{Card, CardStep, Mark, Status};
use super::names::Names;
use super::said::{Said, is_false};
use super::words;
use crate::model::Rule;
use crate::model::promise::Punctuality;
use crate::model::question::QuestionStatus;
use crate::model::reach::{OutcomeValue, ReachStatus};

/// One record. Holds facts that both phones share, and nothing that depends on the time or the reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its name, in hexadecimal: what commands take.
    pub record: String,
    /// Where it stands, in one word.
    pub status: &'static str,
    /// The time that counts now, after a move, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// A return within its grace, or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Punctuality>,
    /// How it went, in the eyes of whoever reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeValue>,
    /// What to say beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// How it was opened.
    #[serde(flatten)]
    pub opening: StepLine,
    /// What followed, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepLine>,
    /// Earlier steps are not in this line.
    #[serde(skip_serializing_if = "is_false")]
    pub more: bool,
}

/// One step of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepLine {
    /// The kind of event.
    pub kind: &'static str,
    /// The entry that told it, in hexadecimal.
    pub entry: String,
    /// The name of whoever told it.
    pub by: String,
    /// When, by their own clock, in UTC.
    pub at: String,
    /// The zone of that clock.
    pub zone: String,
    /// What was said.
    #[serde(flatten)]
    pub said: Said,
    /// The rule that it breaks: it has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<Rule>,
    /// What to know about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// The lines of all records but names, sorted alike on both phones.
pub fn timeline(cards: &[Card], names: &Names) -> Vec<Line> {
    let mut sorted: Vec<&Card> = cards.iter().filter(|card| card.name().is_none()).collect();
    sorted.sort_by_key(|card| card.order());
    sorted.into_iter().map(|card| Line::new(card, names)).collect()
}

impl Line {
    /// The line of one record.
    pub fn new(card: &Card, names: &Names) -> Self {
        let mut line = Self {
            record: card.record.hex(),
            status: "given",
            due: None,
            kept: None,
            outcome: None,
            note: None,
            opening: StepLine::new(&card.opening, names),
            steps: card.steps.iter().map(|step| StepLine::new(step, names)).collect(),
            more: card.more,
        };
        match &card.status {
            Status::Member(_) | Status::Moment => {}
            Status::Reach(status) => line.set_reach(status),
            Status::Question(status) => line.set_question(status),
            Status::Newer => line.note = Some(words::NEEDS_NEWER),
        }
        line
    }

    fn set_reach(&mut self, status: &ReachStatus) {
        self.status = match status {
            ReachStatus::Open => "open",
            ReachStatus::Here => "here",
            ReachStatus::Promised(_) => "promised",
            ReachStatus::Cannot => "cannot",
            ReachStatus::Returned(_) => "returned",
            ReachStatus::Closed(_) => "closed",
            ReachStatus::Withdrawn => "withdrawn",
        };
        match status {
            ReachStatus::Promised(due) => self.due = Some(due.time.to_utc()),
            ReachStatus::Returned(kept) => self.kept = *kept,
            ReachStatus::Closed(outcome) => self.outcome = *outcome,
            ReachStatus::Open
            | ReachStatus::Here
            | ReachStatus::Cannot
            | ReachStatus::Withdrawn => {}
        }
    }

    fn set_question(&mut self, status: &QuestionStatus) {
        self.status = match status {
            QuestionStatus::Asked => "asked",
            QuestionStatus::Promised(_) => "promised",
            QuestionStatus::Declined { .. } => "declined",
            QuestionStatus::Answered => "answered",
            QuestionStatus::Enough => "enough",
            QuestionStatus::Reopened => "reopened",
            QuestionStatus::Withdrawn { .. } => "withdrawn",
        };
        match status {
            QuestionStatus::Promised(due) => self.due = Some(due.time.to_utc()),
            QuestionStatus::Withdrawn { answered_before: true } => {
                self.note = Some(words::ANSWERED_BEFORE_WITHDRAWAL);
            }
            QuestionStatus::Withdrawn { answered_before: false }
            | QuestionStatus::Asked
            | QuestionStatus::Declined { .. }
            | QuestionStatus::Answered
            | QuestionStatus::Enough
            | QuestionStatus::Reopened => {}
        }
    }
}

impl StepLine {
    fn new(step: &CardStep, names: &Names) -> Self {
        let at = step.event.at();
        Self {
            kind: step.event.kind().name(),
            entry: step.id.hex(),
            by: names.of(step.by).to_owned(),
            at: at.to_utc(),
            zone: at.zone().as_str().to_owned(),
            said: Said::new(&step.event, step.by, names),
            void: step.void,
            marks: step.marks.clone(),
        }
    }
}
