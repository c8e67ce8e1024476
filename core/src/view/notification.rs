//! When the phone may speak by itself: before a return that its owner promised, at its time, and never after.

use core::time::Duration;

use wire::time::Timestamp;

use super::card::{Card, Status};
use super::words;
use crate::model::id::{PersonId, RecordId};
use crate::model::reach::ReachStatus;
use crate::model::when::since;

/// How long before a promised return the first reminder comes.
const BEFORE: Duration = Duration::from_mins(10);

/// One notification: neutral words, no name, no count, no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reminder {
    /// When.
    pub at: Timestamp,
    /// What it opens; never shown.
    pub record: RecordId,
    /// What it says.
    pub text: &'static str,
}

/// All reminders of `me`, in order: ten minutes before each return that I promised, and at its time.
///
/// A return, a move, a taking back or a closing changes the record, and with it these times. A time set less than ten
/// minutes ahead has one reminder.
pub fn reminders(cards: &[Card], me: PersonId) -> Vec<Reminder> {
    let mut found: Vec<Reminder> = cards.iter().flat_map(|card| of_card(card, me)).collect();
    found.sort_unstable();
    found
}

/// The reminders after one instant and up to another: what a phone that wakes between them shows.
pub fn reminders_between(
    cards: &[Card],
    me: PersonId,
    after: Timestamp,
    until: Timestamp,
) -> Vec<Reminder> {
    let mut found = reminders(cards, me);
    found.retain(|reminder| reminder.at > after && reminder.at <= until);
    found
}

fn of_card(card: &Card, me: PersonId) -> Vec<Reminder> {
    let due = match &card.status {
        Status::Reach(ReachStatus::Promised(due)) if card.opening.by != me => due,
        Status::Reach(_)
        | Status::Question(_)
        | Status::Member(_)
        | Status::Moment
        | Status::Newer => return Vec::new(),
    };
    let time = due.time.instant();
    let before = u64::try_from(BEFORE.as_millis()).unwrap_or_default();
    let early = Timestamp::from_millis(time.as_millis().saturating_sub(before));
    let reminder = |at| Reminder { at, record: card.record, text: words::TIME_NEAR };
    let ahead = since(time, due.set.instant()) > BEFORE;
    ahead.then(|| reminder(early)).into_iter().chain([reminder(time)]).collect()
}
