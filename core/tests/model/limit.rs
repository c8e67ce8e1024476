//! What a careless or hostile partner can send, and what it costs.

use reknit_core::model::id::{EntryId, RecordId};
use reknit_core::model::reach::{ReachStatus, ReplyKind};
use reknit_core::model::{EVENTS_PER_PERSON_MAX, Event, EventError, Rule, Standing, Told, fold};
use reknit_core::view::{Card, Mark, STEPS_MAX, Status, timeline};

use crate::couple::{BEN, Couple, NORA, TABLET, at, names, reach, reply};

#[test]
fn a_flood_by_one_does_not_silence_the_other() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    couple.sync_all();
    for _ in 0..EVENTS_PER_PERSON_MAX + 50 {
        couple.say(BEN, reply("18:10", id, ReplyKind::Cannot, None));
    }
    couple.sync_all();
    let over = couple.told.last().unwrap().head.id;
    assert_eq!(couple.standing(id, over), Standing::Void(Rule::TooMany));
    let withdrawal = couple.say(NORA, crate::couple::withdraw("19:00", id));
    assert_eq!(couple.standing(id, withdrawal), Standing::Counted);
    let card = couple.card(id);
    assert_eq!((card.steps.len(), card.more), (STEPS_MAX, true));
    assert_eq!(card.status, Status::Reach(ReachStatus::Withdrawn));
}

#[test]
fn an_event_of_a_record_that_nobody_opened_is_no_record() {
    let mut couple = Couple::new();
    let nowhere = EntryId::from_bytes([1; 32]);
    couple.say(BEN, reply("18:10", nowhere, ReplyKind::HereNow, None));
    assert_eq!(fold(&couple.told), None);
    assert_eq!(fold(&[]), None);
}

#[test]
fn an_event_whose_author_had_not_seen_the_record_has_no_effect() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    let guessed = couple.say(BEN, reply("18:10", id, ReplyKind::HereNow, None));
    assert_eq!(couple.standing(id, guessed), Standing::Void(Rule::NotSeen));
}

/// `[999, {"at": {"ms": 1774699200000, "zone": "Europe/London"}, "x": "canary"}]`
fn newer_body() -> Vec<u8> {
    let mut body =
        vec![0x82, 0x19, 0x03, 0xe7, 0xa2, 0x62, b'a', b't', 0xa2, 0x62, b'm', b's', 0x1b];
    body.extend(1_774_699_200_000_u64.to_be_bytes());
    body.extend([0x64, b'z', b'o', b'n', b'e', 0x6d]);
    body.extend(b"Europe/London");
    body.extend([0x61, b'x', 0x66]);
    body.extend(b"canary");
    body
}

#[test]
fn an_unknown_kind_is_kept_and_shown_as_needing_a_newer_version() {
    let (mut couple, body) = (Couple::new(), newer_body());
    let event = Event::decode(&body).unwrap();
    assert!(matches!(&event, Event::Newer(newer) if newer.number == 999));
    assert_eq!(event.encode(), body, "kept as received");
    let id = couple.say_bytes(BEN, &event, body.clone());
    let card = couple.card(id);
    assert_eq!(card.status, Status::Newer);
    assert!(
        !card.encode().windows(6).any(|window| window == b"canary"),
        "a list row needs no more than its head"
    );
    let line = &timeline(&[card], &names())[0];
    assert_eq!(line.note, Some("needs a newer version"));
    assert_eq!(couple.of(id)[0].body(), body);
}

#[test]
fn an_unknown_field_is_kept_and_marked() {
    let mut couple = Couple::new();
    let known = reach("18:00");
    let mut body = known.encode();
    body[2] += 1; // one field more in the map of kind 4
    body.extend([0x65, b'v', b'o', b'i', b'c', b'e', 0x01]);
    let id = couple.say_bytes(NORA, &known, body.clone());
    let told = &couple.of(id)[0];
    assert!(told.needs_newer());
    assert_eq!(*told.event(), known);
    let row = told.encode();
    let again = Told::decode(&row).unwrap();
    assert_eq!((again.body(), &again), (body.as_slice(), told));
    assert!(timeline(&couple.cards(), &names())[0].opening.marks.contains(&Mark::NeedsNewer));
    assert_eq!(Told::decode(&row[1..]), Err(EventError::Row));
}

#[test]
fn a_clock_that_is_a_day_off_is_marked_unsure_and_a_disputed_entry_as_such() {
    let mut couple = Couple::new();
    couple.shift_clock(NORA, 24 * 3_600_000 + 1);
    let id = couple.say(NORA, reach("18:00"));
    assert!(couple.card(id).opening.marks.contains(&Mark::ClockUnsure));
    let mut told = couple.of(id);
    told[0].head.disputed = true;
    assert!(Card::new(&fold(&told).unwrap()).unwrap().opening.marks.contains(&Mark::Disputed));
    (told[0].head.disputed, told[0].head.cut_off) = (false, true);
    assert!(Card::new(&fold(&told).unwrap()).unwrap().opening.marks.contains(&Mark::CutOff));
    couple.shift_clock(TABLET, 24 * 3_600_000);
    let id = couple.say(TABLET, reach("18:00"));
    assert!(!couple.card(id).opening.marks.contains(&Mark::ClockUnsure));
}

#[test]
fn a_card_is_read_back_and_a_damaged_one_is_refused() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    couple.sync_all();
    couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
    couple.say(BEN, crate::couple::back("18:50", id));
    let card = couple.card(id);
    let row = card.encode();
    assert_eq!(Card::decode(&row).as_ref(), Ok(&card));
    assert!(row.len() < 1024, "{} bytes", row.len());
    assert!(Card::decode(&row[..row.len() - 1]).is_err());
    assert!(RecordId::from(id).matches(&id.hex().split_at(6).0.to_uppercase()));
    assert!(!RecordId::from(id).matches(""));
}

#[test]
fn what_a_person_wrote_is_in_no_debug_output() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, crate::couple::question("09:00", "canary"));
    couple.say(BEN, crate::couple::member("09:00", "canary"));
    let newer = Event::decode(&newer_body()).unwrap();
    couple.say_bytes(BEN, &newer, newer_body());
    let text = format!("{:?} {:?} {:?}", couple.of(id), couple.record(id), couple.cards());
    assert!(!text.contains("canary"), "{text}");
    assert!(
        !text.contains(&format!("{:?}", b"canary").trim_matches(['[', ']']).to_owned()),
        "bytes of it"
    );
    assert_eq!(at("09:00").zone().as_str(), "Europe/London");
}
