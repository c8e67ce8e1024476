//! The few words beside a record. Of carrying they know two: on this phone, and sent.
//!
//! Nothing is said of delivery, of reading, or of a reply that did not come; "past" only where a time is given.

use wire::time::Timestamp;

use super::card::{Card, Status};
use super::words;
use crate::model::promise::Due;
use crate::model::question::QuestionStatus;
use crate::model::reach::ReachStatus;
use crate::model::when::{Zone, Zoned};

/// How far a record of one's own has come; only its author's phone knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// Saved, not yet with the relay.
    OnThisPhone,
    /// With the relay, durably.
    Sent,
    /// Written by the other, or not looked at from a side.
    Received,
}

/// The label of a record for a reader in `zone`; `time` is the reader's, and absent where labels must be equal on both
/// phones.
pub fn label(card: &Card, carried: Carried, zone: &Zone, time: Option<Timestamp>) -> String {
    let clock = |at: &Zoned| at.to_clock(zone, time);
    let promised = |word: &str, due: &Due| {
        let past = time.is_some_and(|time| time > due.grace_end());
        // Without the reader's time it is looked at from when it was set: both phones then show the same words.
        let now = time.unwrap_or(due.set.instant());
        let label = format!("{word} {}", due.time.to_clock(zone, Some(now)));
        if past { format!("{label}, {}", words::PAST) } else { label }
    };
    let fixed = match &card.status {
        Status::Member(_) | Status::Moment => word(carried, "given"),
        Status::Newer => words::NEEDS_NEWER,
        Status::Reach(status) => match status {
            ReachStatus::Open => word(carried, words::OPEN),
            ReachStatus::Here => words::HERE,
            ReachStatus::Promised(due) => return promised(words::PROMISED_UNTIL, due),
            ReachStatus::Cannot => words::CANNOT,
            ReachStatus::Returned(_) => words::RETURNED,
            ReachStatus::Closed(_) => words::CLOSED,
            ReachStatus::Withdrawn => words::WITHDRAWN,
        },
        Status::Question(status) => match status {
            QuestionStatus::Asked => word(carried, words::OPEN),
            QuestionStatus::Promised(due) => return promised(words::ANSWER_BY, due),
            QuestionStatus::Declined { until: Some(until), .. } => {
                return format!("{} {}", words::DECLINED_UNTIL, clock(until));
            }
            QuestionStatus::Declined { until: None, .. } => words::DECLINED,
            QuestionStatus::Answered => words::ANSWERED,
            QuestionStatus::Enough => words::ENOUGH,
            QuestionStatus::Reopened => words::REOPENED,
            QuestionStatus::Withdrawn { .. } => words::WITHDRAWN,
        },
    };
    fixed.to_owned()
}

const fn word(carried: Carried, received: &'static str) -> &'static str {
    match carried {
        Carried::OnThisPhone => words::ON_THIS_PHONE,
        Carried::Sent => words::SENT,
        Carried::Received => received,
    }
}
