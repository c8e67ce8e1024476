//! The facts of one record for a row of a list: small, sealed beside the record, enough for every list.

use serde::{Deserialize, Serialize};

use super::words;
use crate::model::id::{EntryId, OrderKey, PersonId, RecordId};
use crate::model::person::Name;
use crate::model::question::QuestionStatus;
use crate::model::reach::ReachStatus;
use crate::model::{Event, Facts, Kind, Record, Rule, Standing, Step, decode_value, encode_value};

/// Steps in a card, the newest ones: a flood by one of the two must not make a list heavy.
pub const STEPS_MAX: usize = 32;

/// One record in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub record: RecordId,
    /// Its place in every list, together with its name.
    pub k: OrderKey,
    /// Where it stands.
    pub status: Status,
    /// The step that opened it.
    pub opening: CardStep,
    /// What followed, in order, the newest [`STEPS_MAX`].
    pub steps: Vec<CardStep>,
    /// Earlier steps stand in the record only.
    pub more: bool,
}

/// One step of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardStep {
    /// The entry that told it.
    pub id: EntryId,
    /// Who.
    pub by: PersonId,
    /// What.
    pub event: Event,
    /// The rule that it breaks: shown, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Rule>,
    /// What to know about it.
    pub marks: Vec<Mark>,
}

/// What to know about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Crossed on the way with something of the other: nothing says which was first.
    Crossed,
    /// Another text claims its place.
    Disputed,
    /// Signed by a device that its owner later cut off.
    CutOff,
    /// Its author's clock was a day off.
    ClockUnsure,
    /// It holds more than this version knows.
    NeedsNewer,
}

impl Mark {
    /// In words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Crossed => words::CROSSED,
            Self::Disputed => words::DISPUTED,
            Self::CutOff => words::CUT_OFF,
            Self::ClockUnsure => words::CLOCK_UNSURE,
            Self::NeedsNewer => words::NEEDS_NEWER,
        }
    }
}

/// Where a record stands, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A name: the last one said.
    Member(Name),
    /// A moment: given, and that is all.
    Moment,
    /// A reach.
    Reach(ReachStatus),
    /// A question.
    Question(QuestionStatus),
    /// Of a later version.
    Newer,
}

/// A stored card is damaged, or of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored card is damaged")]
pub struct CardError;

impl Card {
    /// From a record. What its author was not allowed to say is left to the technical log.
    pub fn new(record: &Record) -> Option<Self> {
        let opening = record.opening()?;
        let shown = |step: &&Step| step.standing != Standing::Quarantined;
        let mut steps: Vec<CardStep> =
            record.steps.iter().skip(1).filter(shown).map(CardStep::new).collect();
        let more = steps.len().saturating_sub(STEPS_MAX);
        steps.drain(..more);
        let status = match &record.facts {
            Facts::Member(member) => Status::Member(member.name.clone()),
            Facts::Moment(_) => Status::Moment,
            Facts::Reach(reach) => Status::Reach(reach.status.clone()),
            Facts::Question(question) => Status::Question(question.status.clone()),
            Facts::Newer(_) => Status::Newer,
        };
        Some(Self {
            record: record.id,
            k: opening.told.head.k,
            status,
            opening: CardStep::new(opening),
            steps,
            more: more > 0,
        })
    }

    /// For a sealed row of this device.
    pub fn encode(&self) -> Vec<u8> {
        encode_value(self)
    }

    /// Reads back what [`Card::encode`] wrote.
    ///
    /// # Errors
    /// [`CardError`] for anything else; the card is then made anew from its record.
    pub fn decode(row: &[u8]) -> Result<Self, CardError> {
        decode_value(row).ok_or(CardError)
    }

    /// What kind of record it is.
    pub const fn kind(&self) -> Kind {
        self.opening.event.kind()
    }

    /// The person and the name, if it is a name.
    pub const fn name(&self) -> Option<(PersonId, &Name)> {
        match &self.status {
            Status::Member(name) => Some((self.opening.by, name)),
            Status::Moment | Status::Reach(_) | Status::Question(_) | Status::Newer => None,
        }
    }

    /// The order of every list.
    pub const fn order(&self) -> (OrderKey, RecordId) {
        (self.k, self.record)
    }
}

impl CardStep {
    fn new(step: &Step) -> Self {
        let told = &step.told;
        let event = if let Event::Newer(newer) = told.event() {
            Event::Newer(newer.headline())
        } else {
            told.event().clone()
        };
        let marks = [
            (step.crossed, Mark::Crossed),
            (told.head.disputed, Mark::Disputed),
            (told.head.cut_off, Mark::CutOff),
            (told.clock_unsure(), Mark::ClockUnsure),
            (told.needs_newer(), Mark::NeedsNewer),
        ];
        let void = match step.standing {
            Standing::Void(rule) => Some(rule),
            Standing::Counted | Standing::Quarantined => None,
        };
        Self {
            id: told.head.id,
            by: told.head.author,
            event,
            void,
            marks: marks.into_iter().filter_map(|(holds, mark)| holds.then_some(mark)).collect(),
        }
    }
}
