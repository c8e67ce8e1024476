//! What is open between the two: questions without an answer, reaches without a reply or with a time to come.
//!
//! A no is an answer: a reach met with "I can't" is not open, and no question is past because it was declined.

use serde::Serialize;
use wire::time::Timestamp;

use super::card::{Card, Status};
use super::names::Names;
use super::said::is_false;
use super::timeline::Line;
use crate::model::promise::Due;
use crate::model::question::{DeclineReason, QuestionStatus};
use crate::model::reach::ReachStatus;
use crate::model::when::Zoned;

/// One open record. Holds facts that both phones share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenLine {
    /// Its name, in hexadecimal.
    pub record: String,
    /// The kind of record.
    pub kind: &'static str,
    /// Where it stands, in one word.
    pub status: &'static str,
    /// The name of whoever opened it.
    pub by: String,
    /// When, by their own clock, in UTC.
    pub at: String,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The time set for a return or an answer, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeclineReason>,
    /// Until when it was declined, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The set time and its grace have passed: only said when a time was given.
    #[serde(skip_serializing_if = "is_false")]
    pub past: bool,
}

/// All that is open, oldest first. Without `time` the list depends on nothing but what was told.
pub fn open_list(cards: &[Card], names: &Names, time: Option<Timestamp>) -> Vec<OpenLine> {
    let mut sorted: Vec<&Card> = cards.iter().filter(|card| card.is_open()).collect();
    sorted.sort_by_key(|card| card.order());
    sorted.into_iter().map(|card| OpenLine::new(card, names, time)).collect()
}

impl Card {
    /// Whether it stands in the open list. No time decides it.
    pub const fn is_open(&self) -> bool {
        match &self.status {
            Status::Reach(status) => matches!(status, ReachStatus::Open | ReachStatus::Promised(_)),
            Status::Question(status) => matches!(
                status,
                QuestionStatus::Asked
                    | QuestionStatus::Reopened
                    | QuestionStatus::Promised(_)
                    | QuestionStatus::Declined { .. }
            ),
            Status::Member(_) | Status::Moment | Status::Newer => false,
        }
    }

    /// The time that counts, if one is set and not yet kept.
    pub const fn due(&self) -> Option<&Due> {
        match &self.status {
            Status::Reach(ReachStatus::Promised(due))
            | Status::Question(QuestionStatus::Promised(due)) => Some(due),
            Status::Reach(_)
            | Status::Question(_)
            | Status::Member(_)
            | Status::Moment
            | Status::Newer => None,
        }
    }

    /// Whether a set time and its grace have passed at `time`.
    pub fn is_past(&self, time: Timestamp) -> bool {
        self.due().is_some_and(|due| time > due.grace_end())
    }
}

impl OpenLine {
    fn new(card: &Card, names: &Names, time: Option<Timestamp>) -> Self {
        let line = Line::new(card, names);
        let declined = match &card.status {
            Status::Question(QuestionStatus::Declined { reason, until }) => Some((*reason, until)),
            Status::Question(_)
            | Status::Reach(_)
            | Status::Member(_)
            | Status::Moment
            | Status::Newer => None,
        };
        Self {
            record: line.record,
            kind: line.opening.kind,
            status: line.status,
            by: line.opening.by,
            at: line.opening.at,
            text: line.opening.said.text,
            due: line.due,
            reason: declined.map(|(reason, _)| reason),
            until: declined.and_then(|(_, until)| until.as_ref().map(Zoned::to_utc)),
            past: time.is_some_and(|time| card.is_past(time)),
        }
    }
}
