//! The bytes of every kind of event, as `core/tests/vectors/events.json` holds them for other languages too.

use reknit_core::model::cbor::{self, CborError};
use reknit_core::model::id::EntryId;
use reknit_core::model::measure::Score10;
use reknit_core::model::moment::{Echo, EchoKind, Moment, MomentKind, WhoDid};
use reknit_core::model::person::{Member, Name};
use reknit_core::model::promise::Moved;
use reknit_core::model::question::{
    Answer, AnswerKind, Certainty, Decline, DeclineReason, Detail, Enough, Promise, Question,
    QuestionKind, Reopen, Wish,
};
use reknit_core::model::reach::{
    Outcome, OutcomeValue, Reach, ReachKind, Reply, ReplyKind, Return, Urgency, Want, Withdraw,
};
use reknit_core::model::{Event, EventError, Kind, Text};
use serde::{Deserialize, Serialize};

use crate::couple::at;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/events.json");

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Vectors {
    events: Vec<Vector>,
    refused: Vec<Refused>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Vector {
    number: u16,
    kind: String,
    /// For human readers: byte strings stand in hexadecimal.
    fields: serde_json::Value,
    cbor: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Refused {
    why: String,
    cbor: String,
}

fn id(byte: u8) -> EntryId {
    EntryId::from_bytes([byte; 32])
}

fn text<const N: usize>(typed: &str) -> Option<Text<N>> {
    Text::new(typed).ok()
}

fn openings() -> Vec<Event> {
    vec![
        Event::Member(Member { at: at("18:00"), name: Name::new("Zoë").unwrap() }),
        Event::Moment(Moment {
            at: at("18:01"),
            kind: MomentKind::TurnedToward,
            happened: Some(at("08:30")),
            who_did: WhoDid::Other,
            text: text("He put the kettle on\nbefore I asked."),
            felt: Some(Score10::new(8).unwrap()),
        }),
        Event::Reach(Reach {
            at: at("2026-03-28T23:40:00Z"),
            kind: ReachKind::Hurting,
            text: text("I'm hurting. I need you."),
            distress: Some(Score10::new(9).unwrap()),
            want: [Want::Reassure, Want::Hold].into(),
            mixed: false,
            urgency: Urgency::Now,
            reply_needed: true,
        }),
        Event::Question(Question {
            at: at("18:03"),
            kind: QuestionKind::Meaning,
            text: Text::new("What did you like about who you were?").unwrap(),
            wish: Wish::WithHelper,
            detail: Some(Detail::Plain),
            repeat_of: Some(id(0x0a).into()),
            parent: Some(id(0x0b).into()),
        }),
    ]
}

fn about_reaches() -> Vec<Event> {
    let of = id(0x04).into();
    vec![
        Event::Echo(Echo {
            at: at("18:10"),
            of: id(0x02).into(),
            kind: EchoKind::FeltItToo,
            text: text("Me too."),
        }),
        Event::Reply(Reply {
            at: at("2026-03-28T23:58:00Z"),
            of,
            kind: ReplyKind::Promise,
            return_at: Some(at("2026-03-29T08:00:00Z")),
            text: text("Nine o'clock, I come to you."),
            preset: text("back_at"),
        }),
        Event::Reply(Reply {
            at: at("18:11"),
            of,
            kind: ReplyKind::Cannot,
            return_at: None,
            text: None,
            preset: None,
        }),
        Event::Return(Return {
            at: at("2026-03-29T07:56:00Z"),
            of,
            text: text("I'm at the door."),
        }),
        Event::Outcome(Outcome {
            at: at("2026-03-29T20:00:00Z"),
            of,
            value: OutcomeValue::Partly,
            note: text("You came. I was still angry."),
        }),
        Event::Withdraw(Withdraw { at: at("18:14"), of }),
        Event::Moved(Moved { at: at("18:15"), of, promise: id(0x05), to: at("21:00") }),
    ]
}

fn about_questions() -> Vec<Event> {
    let of = id(0x10).into();
    vec![
        Event::Promise(Promise { at: at("18:20"), of, answer_by: at("2026-03-29T19:00:00Z") }),
        Event::Answer(Answer {
            at: at("18:21"),
            of,
            kind: AnswerKind::AlreadySaid,
            text: text("Yes. I knew two weeks before."),
            spoken_at: None,
            certainty: Some(Certainty::Sure),
            refs: vec![id(0x12)],
        }),
        Event::Answer(Answer {
            at: at("18:22"),
            of,
            kind: AnswerKind::Spoken,
            text: text("Said in the session."),
            spoken_at: Some(at("10:00")),
            certainty: None,
            refs: Vec::new(),
        }),
        Event::Decline(Decline {
            at: at("18:23"),
            of,
            reason: DeclineReason::WithHelper,
            until: Some(at("2026-04-04T10:00:00Z")),
            text: text("I want to answer this with Ruth in the room."),
        }),
        Event::Enough(Enough { at: at("18:24"), of }),
        Event::Reopen(Reopen { at: at("18:25"), of }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// CBOR as JSON, for human readers.
fn readable(value: &ciborium::Value) -> serde_json::Value {
    if let Some(number) = value.as_integer() {
        i64::try_from(number).unwrap().into()
    } else if let Some(bytes) = value.as_bytes() {
        hex(bytes).into()
    } else if let Some(text) = value.as_text() {
        text.into()
    } else if let Some(flag) = value.as_bool() {
        flag.into()
    } else if let Some(items) = value.as_array() {
        items.iter().map(readable).collect()
    } else {
        let fields = value.as_map().unwrap().iter();
        fields.map(|(key, value)| (key.as_text().unwrap().to_owned(), readable(value))).collect()
    }
}

fn vectors() -> Vectors {
    let events = [openings(), about_reaches(), about_questions()].concat();
    let vector = |event: &Event| {
        let cbor = event.encode();
        let (_, map, _) = cbor::numbered_map(&cbor).unwrap();
        let fields: ciborium::Value = ciborium::from_reader(map).unwrap();
        Vector {
            number: event.kind().number(),
            kind: event.kind().name().to_owned(),
            fields: readable(&fields),
            cbor: hex(&cbor),
        }
    };
    let mut events: Vec<Vector> = events.iter().map(vector).collect();
    events.sort_by_key(|vector| vector.number);
    let refused = refused()
        .into_iter()
        .map(|(why, body, _)| Refused { why: why.to_owned(), cbor: hex(&body) });
    Vectors { events, refused: refused.collect() }
}

/// A withdrawal, damaged in one way each.
fn refused() -> Vec<(&'static str, Vec<u8>, EventError)> {
    let whole = Event::Withdraw(Withdraw { at: at("18:14"), of: id(0x04).into() }).encode();
    let with = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut body = whole.clone();
        edit(&mut body);
        body
    };
    let zone = whole.windows(4).position(|window| window == b"zone").unwrap();
    vec![
        (
            "cut off",
            with(&|body| body.truncate(body.len() - 1)),
            EventError::Cbor(CborError::Short),
        ),
        ("an extra byte", with(&|body| body.push(0)), EventError::Cbor(CborError::Trailing)),
        (
            "an indefinite array",
            with(&|body| {
                body[0] = 0x9f;
                body.push(0xff);
            }),
            EventError::Cbor(CborError::Form),
        ),
        (
            "the number in two bytes",
            with(&|body| body.splice(1..2, [0x18, 0x08]).for_each(drop)),
            EventError::Cbor(CborError::Form),
        ),
        (
            "a field twice",
            with(&|body| {
                body[2] += 1;
                body.extend_from_slice(&[0x62, b'o', b'f', 0x00]);
            }),
            EventError::Cbor(CborError::Key),
        ),
        (
            "a null",
            with(&|body| {
                body[2] += 1;
                body.extend_from_slice(&[0x61, b'x', 0xf6]);
            }),
            EventError::Cbor(CborError::Form),
        ),
        (
            "without its record",
            with(&|body| {
                body[2] -= 1;
                let of = body.windows(3).position(|window| window == [0x62, b'o', b'f']).unwrap();
                body.truncate(of);
            }),
            EventError::Field,
        ),
        ("a zone that is no name", with(&|body| body[zone + 5] = b'\n'), EventError::Field),
        ("not a number and a map", vec![0x82, 0x08, 0x80], EventError::Cbor(CborError::Form)),
    ]
}

#[test]
fn the_vectors_hold_every_kind_and_every_byte() {
    let computed = vectors();
    if std::env::var_os("REKNIT_WRITE_VECTORS").is_some() {
        let json = serde_json::to_string_pretty(&computed).unwrap();
        std::fs::write(PATH, format!("{json}\n")).unwrap();
    }
    let stored: Vectors = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    assert_eq!(stored, computed);
    let mut numbers: Vec<u16> = stored.events.iter().map(|vector| vector.number).collect();
    numbers.dedup();
    assert_eq!(numbers, (1..=15).collect::<Vec<u16>>());
    assert_eq!(Kind::ALL.map(Kind::number).to_vec(), numbers);
}

#[test]
fn every_vector_is_read_back_to_the_same_bytes() {
    for vector in vectors().events {
        let cbor = unhex(&vector.cbor);
        let event = Event::decode(&cbor).unwrap();
        assert_eq!(
            (event.kind().number(), event.encode()),
            (vector.number, cbor),
            "{}",
            vector.kind
        );
    }
}

#[test]
fn every_refused_body_is_refused_for_its_own_reason() {
    for (why, body, error) in refused() {
        assert_eq!(Event::decode(&body).unwrap_err(), error, "{why}");
    }
}

#[test]
fn a_blank_question_and_a_field_over_its_bound_are_void() {
    assert_eq!(
        Event::decode(&crate::couple::question("09:00", " \n").encode()),
        Err(EventError::Field)
    );
    let long = Event::decode(&crate::couple::question("09:00", &"a".repeat(1000)).encode());
    assert!(long.is_ok());
    let mut body = crate::couple::question("09:00", &"a".repeat(1000)).encode();
    let text = body.windows(3).position(|window| window == [0x79, 0x03, 0xe8]).unwrap();
    body[text + 2] += 1;
    body.insert(text + 3, b'a');
    assert_eq!(Event::decode(&body), Err(EventError::Field));
}
