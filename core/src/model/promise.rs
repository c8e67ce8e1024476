//! A time that somebody set for themselves: moved once at most, then kept, taken back, or past.
//!
//! Reach and question share it: "I come to you at nine" and "I answer by Sunday" are measured alike.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use wire::time::Timestamp;

use super::id::{EntryId, RecordId};
use super::permission::Rule;
use super::told::Told;
use super::when::{At, Zoned};

/// A promise reaches at most this far ahead in a reply: whoever hurts now is not put off for days.
pub const RETURN_AHEAD_MAX: Duration = Duration::from_hours(24);
/// A promise less than this far ahead has the short grace.
const SHORT_AHEAD: Duration = Duration::from_hours(6);
const SHORT_GRACE: Duration = Duration::from_mins(15);
const LONG_GRACE: Duration = Duration::from_hours(1);

/// "I said nine; it will be ten", before nine, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// When, by the author's clock. Counts only before the time that it moves.
    pub at: At,
    /// The reach or question.
    pub of: RecordId,
    /// The reply or promise whose time moves.
    pub promise: EntryId,
    /// The new time.
    pub to: Zoned,
}

/// A set time as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The time.
    pub time: Zoned,
    /// When it was set, by its author's clock: the further ahead, the longer the grace.
    pub set: At,
}

impl Due {
    /// How late still counts as kept: 15 min, or 60 if it was set at least six hours ahead.
    pub fn grace(&self) -> Duration {
        if self.time.since(&self.set) < SHORT_AHEAD { SHORT_GRACE } else { LONG_GRACE }
    }

    /// The last instant of the grace; after it, and not before, the word "past" may stand there.
    pub fn grace_end(&self) -> Timestamp {
        self.time.later(self.grace()).instant()
    }

    fn punctuality(&self, at: &At) -> Punctuality {
        if at.instant() <= self.grace_end() { Punctuality::OnTime } else { Punctuality::Late }
    }
}

/// Whether a promise was kept within its grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Punctuality {
    /// By the set time, or within the grace.
    OnTime,
    /// After that.
    Late,
}

/// One promise from beginning to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The reply or promise.
    pub id: EntryId,
    /// The time as first set.
    pub first: Due,
    /// The time that counts.
    pub due: Due,
    /// The event that moved it.
    pub moved: Option<EntryId>,
    /// How it ended.
    pub end: End,
}

/// How a promise ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    Open,
    /// By coming back, or answering.
    Kept {
        /// The event.
        by: EntryId,
        /// Measured against the time that counts.
        punctuality: Punctuality,
    },
    /// By saying that it cannot be.
    TakenBack {
        /// The event.
        by: EntryId,
    },
}

/// All promises of one person in one record, in order, each with the event that made it.
#[derive(Debug, Default)]
pub(super) struct Courses<'a>(Vec<(Course, &'a Told)>);

impl<'a> Courses<'a> {
    pub(super) fn start(&mut self, told: &'a Told, time: &Zoned, set: &At) {
        let due = Due { time: time.clone(), set: set.clone() };
        let (id, first) = (told.head.id, due.clone());
        self.0.push((Course { id, first, due, moved: None, end: End::Open }, told));
    }

    pub(super) fn handle_moved(&mut self, told: &Told, moved: &Moved) {
        let mut courses = self.0.iter_mut().map(|(course, _)| course);
        let found = courses.find(|course| course.id == moved.promise);
        if let Some(course) = found.filter(|course| course.moved.is_none()) {
            course.due = Due { time: moved.to.clone(), set: moved.at.clone() };
            course.moved = Some(told.head.id);
        }
    }

    /// Ends all open ones; says how the earliest of them was kept, which is the one that is measured.
    pub(super) fn keep(&mut self, told: &Told, at: &At) -> Option<Punctuality> {
        let earliest = self.earliest_open().map(|due| due.punctuality(at));
        for (course, _) in &mut self.0 {
            if course.end == End::Open {
                let punctuality = course.due.punctuality(at);
                course.end = End::Kept { by: told.head.id, punctuality };
            }
        }
        earliest
    }

    /// Ends those open ones that whoever takes back had before their eyes: not one made meanwhile on another device.
    pub(super) fn take_back(&mut self, told: &Told) {
        for (course, made) in &mut self.0 {
            if course.end == End::Open && told.head.sees(&made.head) {
                course.end = End::TakenBack { by: told.head.id };
            }
        }
    }

    /// A later promise does not erase an earlier one: the earliest open one is measured.
    pub(super) fn earliest_open(&self) -> Option<&Due> {
        let open = self.0.iter().filter(|(course, _)| course.end == End::Open);
        open.map(|(course, _)| &course.due).min_by_key(|due| due.time.instant())
    }

    /// Whether `moved` may move its promise, these being all promises that its author had before them.
    pub(super) fn may_move(&self, moved: &Moved) -> Result<(), Rule> {
        let mut courses = self.0.iter().map(|(course, _)| course);
        let course = courses.find(|course| course.id == moved.promise);
        let course = course.ok_or(Rule::NothingPromised)?;
        if course.moved.is_some() {
            Err(Rule::AlreadyMoved)
        } else if course.end != End::Open {
            Err(Rule::NothingPromised)
        } else if moved.at.instant() >= course.due.time.instant() {
            Err(Rule::TooLateToMove)
        } else if moved.to.instant() <= moved.at.instant() {
            Err(Rule::TimeOutOfRange)
        } else {
            Ok(())
        }
    }

    pub(super) fn into_vec(self) -> Vec<Course> {
        self.0.into_iter().map(|(course, _)| course).collect()
    }
}
