//! Who may say what, on what: one table. And the closed list of rules that a told event can break.

use serde::{Deserialize, Serialize};

use super::event::Kind;

/// Who may write an event of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Either of the two.
    Either,
    /// Whoever opened the record.
    Opener,
    /// The one who did not.
    Other,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// Who may.
    pub who: Who,
    /// The kinds of records on which; empty if it opens a record of its own.
    pub on: &'static [Kind],
}

/// The table.
pub const fn permission(kind: Kind) -> Permission {
    const REACH: &[Kind] = &[Kind::Reach];
    const QUESTION: &[Kind] = &[Kind::Question];
    const EITHER_OF_THEM: &[Kind] = &[Kind::Reach, Kind::Question];
    let (who, on): (Who, &'static [Kind]) = match kind {
        Kind::Member | Kind::Moment | Kind::Reach | Kind::Question | Kind::Newer => {
            (Who::Either, &[])
        }
        Kind::Echo => (Who::Other, &[Kind::Moment]),
        Kind::Reply | Kind::Return => (Who::Other, REACH),
        Kind::Outcome => (Who::Opener, REACH),
        Kind::Withdraw => (Who::Opener, EITHER_OF_THEM),
        Kind::Moved => (Who::Other, EITHER_OF_THEM),
        Kind::Promise | Kind::Answer | Kind::Decline => (Who::Other, QUESTION),
        Kind::Enough | Kind::Reopen => (Who::Opener, QUESTION),
    };
    Permission { who, on }
}

/// The rule that an event breaks. It is kept and shown, and has no effect.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Only the other of the two may say this.
    #[error("only the other person can say this here")]
    WrongAuthor,
    /// The record does not exist, or is of another kind.
    #[error("this does not belong here")]
    WrongRecord,
    /// Its author cannot have known the record.
    #[error("this was written before its author could know of it")]
    NotSeen,
    /// More than one record takes.
    #[error("this is more than one record takes")]
    TooMany,
    /// A postponement, or something spoken, without its time.
    #[error("please say until when")]
    TimeMissing,
    /// A time where none belongs: a no carries none.
    #[error("no time belongs here")]
    TimeNotWanted,
    /// Not after the author's own time, or too far ahead.
    #[error("this time must lie ahead, and a return within 24 hours")]
    TimeOutOfRange,
    /// Words are needed.
    #[error("please say it in words")]
    WordsMissing,
    /// It was taken back before.
    #[error("this was withdrawn")]
    Withdrawn,
    /// It was closed before.
    #[error("this is closed")]
    Closed,
    /// It is not closed.
    #[error("this is still open")]
    NotClosed,
    /// Nothing was replied yet.
    #[error("nothing was replied yet")]
    NoReply,
    /// It was answered before.
    #[error("this was answered")]
    AlreadyAnswered,
    /// It was not answered yet.
    #[error("this was not answered yet")]
    NotAnswered,
    /// A time is set already: it can be moved once.
    #[error("a time is set already; it can be moved once")]
    AlreadyPromised,
    /// No open promise of that name.
    #[error("no time is set here")]
    NothingPromised,
    /// A time moves once.
    #[error("a time can be moved once")]
    AlreadyMoved,
    /// A time moves before it is due.
    #[error("a time can be moved before it is due, not after")]
    TooLateToMove,
    /// Another text claims its place, or its device was cut off before it; and the other person had not heard it.
    #[error("this stands in doubt")]
    InDoubt,
}

impl Rule {
    /// Every rule, for tests and for documents.
    pub const ALL: [Self; 19] = [
        Self::WrongAuthor,
        Self::WrongRecord,
        Self::NotSeen,
        Self::TooMany,
        Self::TimeMissing,
        Self::TimeNotWanted,
        Self::TimeOutOfRange,
        Self::WordsMissing,
        Self::Withdrawn,
        Self::Closed,
        Self::NotClosed,
        Self::NoReply,
        Self::AlreadyAnswered,
        Self::NotAnswered,
        Self::AlreadyPromised,
        Self::NothingPromised,
        Self::AlreadyMoved,
        Self::TooLateToMove,
        Self::InDoubt,
    ];

    /// A stable dotted code, for scripts and for the rows of views.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongAuthor => "rule.author",
            Self::WrongRecord => "rule.record",
            Self::NotSeen => "rule.unseen",
            Self::TooMany => "rule.many",
            Self::TimeMissing => "rule.time.missing",
            Self::TimeNotWanted => "rule.time.unwanted",
            Self::TimeOutOfRange => "rule.time.range",
            Self::WordsMissing => "rule.words",
            Self::Withdrawn => "rule.withdrawn",
            Self::Closed => "rule.closed",
            Self::NotClosed => "rule.open",
            Self::NoReply => "rule.reply",
            Self::AlreadyAnswered => "rule.answered",
            Self::NotAnswered => "rule.unanswered",
            Self::AlreadyPromised => "rule.promised",
            Self::NothingPromised => "rule.unpromised",
            Self::AlreadyMoved => "rule.moved",
            Self::TooLateToMove => "rule.late",
            Self::InDoubt => "rule.doubt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_only_the_asker_closes_a_question_and_only_the_reacher_says_how_it_went() {
        for kind in [Kind::Enough, Kind::Reopen, Kind::Outcome, Kind::Withdraw] {
            assert_eq!(permission(kind).who, Who::Opener, "{kind:?}");
        }
        for kind in [
            Kind::Promise,
            Kind::Answer,
            Kind::Decline,
            Kind::Reply,
            Kind::Return,
            Kind::Moved,
            Kind::Echo,
        ] {
            assert_eq!(permission(kind).who, Who::Other, "{kind:?}");
        }
    }

    #[test]
    fn the_two_have_the_same_powers() {
        for kind in [Kind::Member, Kind::Moment, Kind::Reach, Kind::Question] {
            assert_eq!(permission(kind), Permission { who: Who::Either, on: &[] });
        }
    }

    #[test]
    fn every_rule_has_its_own_code() {
        let codes: std::collections::BTreeSet<_> =
            Rule::ALL.iter().map(|rule| rule.code()).collect();
        assert_eq!(codes.len(), Rule::ALL.len());
    }
}
