//! The fields of an event as a row of JSON holds them: whatever was not said is left out.

use serde::Serialize;

use super::names::Names;
use crate::model::id::{EntryId, PersonId, RecordId};
use crate::model::measure::Score10;
use crate::model::moment::{EchoKind, Moment, MomentKind, WhoDid};
use crate::model::question::{
    Answer, AnswerKind, Certainty, DeclineReason, Detail, Question, QuestionKind, Wish,
};
use crate::model::reach::{OutcomeValue, Reach, ReachKind, ReplyKind, Urgency, Want};
use crate::model::when::Zoned;
use crate::model::{Event, Text};

/// What an event says, in fields that all kinds share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Said {
    /// The kind within the kind: `hurting`, `promise`, `dont_know`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A time set ahead, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The zone in which it was meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_zone: Option<String>,
    /// When it happened, or was said aloud, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happened: Option<String>,
    /// Whose doing, alphabetically.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// What would help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub want: Vec<Want>,
    /// How soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Both wanting nearness and not.
    #[serde(skip_serializing_if = "is_false")]
    pub mixed: bool,
    /// 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distress: Option<Score10>,
    /// 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub felt: Option<Score10>,
    /// How the answer is wished for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
    /// How much detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// How sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// The prepared sentence that was tapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The question asked once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_of: Option<String>,
    /// The question that this one follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The promise whose time moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
    /// What it points at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
    /// The number of a kind that this version does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
}

/// The kind within a kind, written as its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum Says {
    Moment(MomentKind),
    Echo(EchoKind),
    Reach(ReachKind),
    Reply(ReplyKind),
    Outcome(OutcomeValue),
    Question(QuestionKind),
    Answer(AnswerKind),
    Decline(DeclineReason),
}

impl Said {
    /// What `by` said.
    pub(super) fn new(event: &Event, by: PersonId, names: &Names) -> Self {
        let nothing = Self::default();
        match event {
            Event::Member(member) => {
                Self { text: Some(member.name.as_str().to_owned()), ..nothing }
            }
            Event::Moment(moment) => Self::moment(moment, by, names),
            Event::Echo(echo) => Self {
                says: Some(Says::Echo(echo.kind)),
                text: words(echo.text.as_ref()),
                ..nothing
            },
            Event::Reach(reach) => Self::reach(reach),
            Event::Reply(reply) => Self {
                says: Some(Says::Reply(reply.kind)),
                text: words(reply.text.as_ref()),
                preset: words(reply.preset.as_ref()),
                ..Self::until(reply.return_at.as_ref())
            },
            Event::Return(back) => Self { text: words(back.text.as_ref()), ..nothing },
            Event::Outcome(outcome) => Self {
                says: Some(Says::Outcome(outcome.value)),
                text: words(outcome.note.as_ref()),
                ..nothing
            },
            Event::Moved(moved) => {
                Self { promise: Some(moved.promise.hex()), ..Self::until(Some(&moved.to)) }
            }
            Event::Question(question) => Self::question(question),
            Event::Promise(promise) => Self::until(Some(&promise.answer_by)),
            Event::Answer(answer) => Self::answer(answer),
            Event::Decline(decline) => Self {
                says: Some(Says::Decline(decline.reason)),
                text: words(decline.text.as_ref()),
                ..Self::until(decline.until.as_ref())
            },
            Event::Withdraw(_) | Event::Enough(_) | Event::Reopen(_) => nothing,
            Event::Newer(newer) => Self { number: Some(newer.number), ..nothing },
        }
    }

    pub(super) fn until(time: Option<&Zoned>) -> Self {
        Self {
            until: time.map(Zoned::to_utc),
            until_zone: time.map(|time| time.zone().as_str().to_owned()),
            ..Self::default()
        }
    }

    fn moment(moment: &Moment, by: PersonId, names: &Names) -> Self {
        let mut who: Vec<String> = match moment.who_did {
            WhoDid::Author => vec![names.of(by).to_owned()],
            WhoDid::Other => vec![names.other_than(by).to_owned()],
            WhoDid::Both => vec![names.of(by).to_owned(), names.other_than(by).to_owned()],
        };
        who.sort();
        Self {
            says: Some(Says::Moment(moment.kind)),
            text: words(moment.text.as_ref()),
            happened: moment.happened.as_ref().map(Zoned::to_utc),
            who,
            felt: moment.felt,
            ..Self::default()
        }
    }

    fn reach(reach: &Reach) -> Self {
        Self {
            says: Some(Says::Reach(reach.kind)),
            text: words(reach.text.as_ref()),
            want: reach.want.iter().copied().collect(),
            urgency: Some(reach.urgency),
            mixed: reach.mixed,
            distress: reach.distress,
            ..Self::default()
        }
    }

    fn question(question: &Question) -> Self {
        Self {
            says: Some(Says::Question(question.kind)),
            text: words(Some(&question.text)),
            wish: Some(question.wish),
            detail: question.detail,
            repeat_of: question.repeat_of.map(RecordId::hex),
            parent: question.parent.map(RecordId::hex),
            ..Self::default()
        }
    }

    fn answer(answer: &Answer) -> Self {
        Self {
            says: Some(Says::Answer(answer.kind)),
            text: words(answer.text.as_ref()),
            happened: answer.spoken_at.as_ref().map(Zoned::to_utc),
            certainty: answer.certainty,
            refs: answer.refs.iter().copied().map(EntryId::hex).collect(),
            ..Self::default()
        }
    }
}

fn words<const N: usize>(text: Option<&Text<N>>) -> Option<String> {
    text.map(|text| text.as_str().to_owned())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}
