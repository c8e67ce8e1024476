//! All that one of the two can say to the other: a closed list, each with a number that never changes.
//!
//! An event is strict CBOR, `[number, map]`; every map has `at`. The bytes are hashed and kept as received, so that a
//! later version may add fields, and numbers: both are kept, and shown as "needs a newer version".

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cbor::{self, CborError};
use super::id::{EntryId, PersonId, RecordId};
use super::moment::{Echo, Moment};
use super::permission::{Rule, permission};
use super::person::Member;
use super::promise::Moved;
use super::question::{Answer, Decline, Enough, Promise, Question, Reopen};
use super::reach::{Outcome, Reach, Reply, Return, Withdraw};
use super::when::At;

/// The kinds, with their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Kind {
    /// A number that this version does not know.
    Newer = 0,
    /// What a person is called.
    Member = 1,
    /// Something good.
    Moment = 2,
    /// An echo to a moment.
    Echo = 3,
    /// A call for the other.
    Reach = 4,
    /// A reply to a reach.
    Reply = 5,
    /// A coming back.
    Return = 6,
    /// How a reach went.
    Outcome = 7,
    /// A taking back.
    Withdraw = 8,
    /// A promised time, moved once.
    Moved = 9,
    /// A question.
    Question = 10,
    /// A time for an answer.
    Promise = 11,
    /// An answer.
    Answer = 12,
    /// A declining.
    Decline = 13,
    /// "That is enough."
    Enough = 14,
    /// "It is not enough after all."
    Reopen = 15,
}

impl Kind {
    /// Every known kind, by number.
    pub const ALL: [Self; 15] = [
        Self::Member,
        Self::Moment,
        Self::Echo,
        Self::Reach,
        Self::Reply,
        Self::Return,
        Self::Outcome,
        Self::Withdraw,
        Self::Moved,
        Self::Question,
        Self::Promise,
        Self::Answer,
        Self::Decline,
        Self::Enough,
        Self::Reopen,
    ];

    /// The number in the bytes; 0 stands for all that this version does not know.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The name in views.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Newer => "newer",
            Self::Member => "member",
            Self::Moment => "moment",
            Self::Echo => "echo",
            Self::Reach => "reach",
            Self::Reply => "reply",
            Self::Return => "return",
            Self::Outcome => "outcome",
            Self::Withdraw => "withdraw",
            Self::Moved => "moved",
            Self::Question => "question",
            Self::Promise => "promise",
            Self::Answer => "answer",
            Self::Decline => "decline",
            Self::Enough => "enough",
            Self::Reopen => "reopen",
        }
    }

    /// Whether it opens a record of its own.
    pub const fn opens(self) -> bool {
        permission(self).on.is_empty()
    }
}

/// One thing said.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum Event {
    Member(Member),
    Moment(Moment),
    Echo(Echo),
    Reach(Reach),
    Reply(Reply),
    Return(Return),
    Outcome(Outcome),
    Withdraw(Withdraw),
    Moved(Moved),
    Question(Question),
    Promise(Promise),
    Answer(Answer),
    Decline(Decline),
    Enough(Enough),
    Reopen(Reopen),
    Newer(Newer),
}

/// Something said by a newer version: kept, and shown as that.
#[derive(Clone, PartialEq, Eq)]
pub struct Newer {
    /// Its number.
    pub number: u16,
    /// When, by the author's clock: every event says so.
    pub at: At,
    /// The whole event, as received.
    pub body: Vec<u8>,
}

/// Why bytes are no event. Holds nothing that a person wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not strict CBOR of the shape `[number, map]`.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing, of another type, or out of its bounds.
    #[error("a field is missing or out of its bounds")]
    Field,
    /// A row of this device's own store does not hold an event.
    #[error("a stored event is damaged")]
    Row,
}

/// What every event has.
#[derive(Serialize, Deserialize)]
struct OnlyAt {
    at: At,
}

impl Newer {
    /// Its number and time without the rest, for a list row.
    #[must_use]
    pub fn headline(&self) -> Self {
        let body = encode_value(&(self.number, OnlyAt { at: self.at.clone() }));
        Self { number: self.number, at: self.at.clone(), body }
    }
}

impl Event {
    /// Reads an event's body.
    ///
    /// # Errors
    /// [`EventError`] if it is void. What a *later* version may say is not: see [`Newer`].
    pub fn decode(body: &[u8]) -> Result<Self, EventError> {
        Self::read(body).map(|(event, _)| event)
    }

    /// Reads an event's body; says also whether it holds fields that this version does not know.
    pub(super) fn read(body: &[u8]) -> Result<(Self, bool), EventError> {
        let (number, map, fields) = cbor::numbered_map(body)?;
        let kind =
            Kind::ALL.into_iter().find(|kind| kind.number() == number).unwrap_or(Kind::Newer);
        let event = match kind {
            Kind::Newer => {
                let OnlyAt { at } = fields_of(map)?;
                return Ok((Self::Newer(Newer { number, at, body: body.to_vec() }), true));
            }
            Kind::Member => Self::Member(fields_of(map)?),
            Kind::Moment => Self::Moment(fields_of(map)?),
            Kind::Echo => Self::Echo(fields_of(map)?),
            Kind::Reach => Self::Reach(fields_of(map)?),
            Kind::Reply => Self::Reply(fields_of(map)?),
            Kind::Return => Self::Return(fields_of(map)?),
            Kind::Outcome => Self::Outcome(fields_of(map)?),
            Kind::Withdraw => Self::Withdraw(fields_of(map)?),
            Kind::Moved => Self::Moved(fields_of(map)?),
            Kind::Question => Self::Question(fields_of(map)?),
            Kind::Promise => Self::Promise(fields_of(map)?),
            Kind::Answer => Self::Answer(fields_of(map)?),
            Kind::Decline => Self::Decline(fields_of(map)?),
            Kind::Enough => Self::Enough(fields_of(map)?),
            Kind::Reopen => Self::Reopen(fields_of(map)?),
        };
        // A blank question would open a record that asks nothing.
        if event.kind().opens() && event.check().is_err() {
            return Err(EventError::Field);
        }
        let known = cbor::check(&event.encode())?;
        Ok((event, fields > known))
    }

    /// The bytes that are signed: the one form of this event.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Member(body) => numbered(Kind::Member, body),
            Self::Moment(body) => numbered(Kind::Moment, body),
            Self::Echo(body) => numbered(Kind::Echo, body),
            Self::Reach(body) => numbered(Kind::Reach, body),
            Self::Reply(body) => numbered(Kind::Reply, body),
            Self::Return(body) => numbered(Kind::Return, body),
            Self::Outcome(body) => numbered(Kind::Outcome, body),
            Self::Withdraw(body) => numbered(Kind::Withdraw, body),
            Self::Moved(body) => numbered(Kind::Moved, body),
            Self::Question(body) => numbered(Kind::Question, body),
            Self::Promise(body) => numbered(Kind::Promise, body),
            Self::Answer(body) => numbered(Kind::Answer, body),
            Self::Decline(body) => numbered(Kind::Decline, body),
            Self::Enough(body) => numbered(Kind::Enough, body),
            Self::Reopen(body) => numbered(Kind::Reopen, body),
            Self::Newer(newer) => newer.body.clone(),
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Member(_) => Kind::Member,
            Self::Moment(_) => Kind::Moment,
            Self::Echo(_) => Kind::Echo,
            Self::Reach(_) => Kind::Reach,
            Self::Reply(_) => Kind::Reply,
            Self::Return(_) => Kind::Return,
            Self::Outcome(_) => Kind::Outcome,
            Self::Withdraw(_) => Kind::Withdraw,
            Self::Moved(_) => Kind::Moved,
            Self::Question(_) => Kind::Question,
            Self::Promise(_) => Kind::Promise,
            Self::Answer(_) => Kind::Answer,
            Self::Decline(_) => Kind::Decline,
            Self::Enough(_) => Kind::Enough,
            Self::Reopen(_) => Kind::Reopen,
            Self::Newer(_) => Kind::Newer,
        }
    }

    /// When, by the author's own clock, and the record that it names, if it does not open one.
    const fn at_and_record(&self) -> (&At, Option<RecordId>) {
        match self {
            Self::Member(body) => (&body.at, None),
            Self::Moment(body) => (&body.at, None),
            Self::Echo(body) => (&body.at, Some(body.of)),
            Self::Reach(body) => (&body.at, None),
            Self::Reply(body) => (&body.at, Some(body.of)),
            Self::Return(body) => (&body.at, Some(body.of)),
            Self::Outcome(body) => (&body.at, Some(body.of)),
            Self::Withdraw(body) => (&body.at, Some(body.of)),
            Self::Moved(body) => (&body.at, Some(body.of)),
            Self::Question(body) => (&body.at, None),
            Self::Promise(body) => (&body.at, Some(body.of)),
            Self::Answer(body) => (&body.at, Some(body.of)),
            Self::Decline(body) => (&body.at, Some(body.of)),
            Self::Enough(body) => (&body.at, Some(body.of)),
            Self::Reopen(body) => (&body.at, Some(body.of)),
            Self::Newer(newer) => (&newer.at, None),
        }
    }

    /// When, by the author's own clock.
    pub const fn at(&self) -> &At {
        self.at_and_record().0
    }

    /// The record to which it belongs, told in the entry `own` by `author`: the one that it names, or opens.
    pub fn record(&self, own: EntryId, author: PersonId) -> RecordId {
        match self.kind() {
            Kind::Member => member_record(author),
            Kind::Newer
            | Kind::Moment
            | Kind::Echo
            | Kind::Reach
            | Kind::Reply
            | Kind::Return
            | Kind::Outcome
            | Kind::Withdraw
            | Kind::Moved
            | Kind::Question
            | Kind::Promise
            | Kind::Answer
            | Kind::Decline
            | Kind::Enough
            | Kind::Reopen => self.at_and_record().1.unwrap_or(RecordId::from(own)),
        }
    }

    /// Holds it against the rules that need nothing but the event itself.
    ///
    /// # Errors
    /// The [`Rule`] that it breaks.
    pub fn check(&self) -> Result<(), Rule> {
        match self {
            Self::Reply(reply) => reply.check(),
            Self::Question(question) if question.text.is_blank() => Err(Rule::WordsMissing),
            Self::Promise(promise) => promise.check(),
            Self::Answer(answer) => answer.check(),
            Self::Decline(decline) => decline.check(),
            Self::Member(_)
            | Self::Moment(_)
            | Self::Echo(_)
            | Self::Reach(_)
            | Self::Return(_)
            | Self::Outcome(_)
            | Self::Withdraw(_)
            | Self::Moved(_)
            | Self::Question(_)
            | Self::Enough(_)
            | Self::Reopen(_)
            | Self::Newer(_) => Ok(()),
        }
    }
}

/// The record of a person's name: their id and zeros, since each of their devices may be the first to say it.
pub fn member_record(person: PersonId) -> RecordId {
    let mut bytes = [0; RecordId::LEN];
    for (byte, of_person) in bytes.iter_mut().zip(person.as_bytes()) {
        *byte = *of_person;
    }
    RecordId::from_bytes(bytes)
}

impl core::fmt::Debug for Newer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Newer({})", self.number)
    }
}

/// Prints the kind only: what was said is nobody's to log.
impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Event::{:?}(..)", self.kind())
    }
}

/// Within a card, an event is a byte string: its body.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::told::bytes::serialize(&self.encode(), serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = super::told::bytes::deserialize(deserializer)?;
        Self::decode(&body).map_err(serde::de::Error::custom)
    }
}

fn fields_of<T: DeserializeOwned>(map: &[u8]) -> Result<T, EventError> {
    ciborium::from_reader(map).map_err(|_| EventError::Field)
}

fn numbered<T: Serialize>(kind: Kind, fields: &T) -> Vec<u8> {
    encode_value(&(kind.number(), fields))
}

/// Writes one value in the one form; our types hold nothing that CBOR cannot.
pub(crate) fn encode_value<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    #[expect(
        clippy::expect_used,
        reason = "a vector takes all bytes, and no field refuses to be written"
    )]
    ciborium::into_writer(value, &mut bytes).expect("an event can be written");
    bytes
}

/// Reads a row that [`encode_value`] wrote; never bytes of others, which are checked strictly first.
pub(crate) fn decode_value<T: DeserializeOwned>(row: &[u8]) -> Option<T> {
    ciborium::from_reader(row).ok()
}
