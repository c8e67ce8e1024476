//! A reach at night across the clock change: Saturday 28 to Sunday 29 March 2026, Europe/London.

use reknit_core::model::Text;
use reknit_core::model::id::EntryId;
use reknit_core::model::promise::Punctuality;
use reknit_core::model::reach::{Outcome, OutcomeValue, ReachStatus, Reply, ReplyKind, Return};
use reknit_core::model::when::{Zone, Zoned};
use reknit_core::model::{Event, Facts, may};
use reknit_core::view::{Carried, label, open_list, reminders, reminders_between, timeline};

use crate::couple::{BEN, Couple, NORA, at, ben, names, nora, reach};

fn london() -> Zone {
    Zone::chosen("Europe/London").unwrap()
}

/// Until Ben's promise has reached Nora.
fn night() -> (Couple, EntryId) {
    let london = london();
    let mut couple = Couple::new();
    couple.sync_all();
    let id = couple.say(NORA, reach("2026-03-28T23:40:00Z"));

    let quarter_to = Some(at("2026-03-28T23:45:00Z").instant());
    assert_eq!(label(&couple.card(id), Carried::OnThisPhone, &london, quarter_to), "on this phone");
    assert_eq!(label(&couple.card(id), Carried::Sent, &london, quarter_to), "sent");
    assert_eq!(open_list(&couple.cards(), &names(), None).len(), 1);

    // Ben types "09:00" on the train at 23:58; the clocks go forward at one.
    couple.sync(NORA, BEN);
    let said = at("2026-03-28T23:58:00Z");
    let nine = Zoned::parse("09:00", &said).unwrap();
    assert_eq!(nine.to_utc(), "2026-03-29T08:00:00Z");
    assert_eq!(nine.instant().as_millis(), 1_774_771_200_000);
    let reply = Event::Reply(Reply {
        at: said,
        of: id.into(),
        kind: ReplyKind::Promise,
        return_at: Some(nine),
        text: Some(
            Text::new("I'm on the train and can't talk in here. Nine o'clock, I come to you.")
                .unwrap(),
        ),
        preset: None,
    });
    assert_eq!(may(&couple.of(id), &reply, ben()), Ok(()));
    couple.say(BEN, reply);
    couple.sync(NORA, BEN);
    (couple, id)
}

#[test]
fn r19_p16_a_promise_made_before_the_clock_change_is_kept_after_it() {
    let london = london();
    let (mut couple, id) = night();
    let card = couple.card(id);
    let morning = at("2026-03-29T07:00:00Z").instant();
    let two_to_midnight = at("2026-03-28T23:58:00Z").instant();
    for time in [Some(two_to_midnight), Some(morning), None] {
        assert_eq!(label(&card, Carried::Sent, &london, time), "promised until 09:00");
    }
    let clocks: Vec<String> = reminders(&couple.cards(), ben())
        .iter()
        .map(|reminder| {
            Zoned::new(reminder.at, london.clone()).unwrap().to_clock(&london, Some(morning))
        })
        .collect();
    assert_eq!(clocks, ["08:50", "09:00"], "British summer time");
    assert_eq!(reminders(&couple.cards(), nora()), [], "Nora promised nothing");
    let ten = at("2026-03-29T09:00:00Z").instant();
    assert_eq!(
        reminders_between(&couple.cards(), ben(), at("2026-03-29T08:00:00Z").instant(), ten),
        []
    );

    couple.say(
        BEN,
        Event::Return(Return {
            at: at("2026-03-29T07:56:00Z"),
            of: id.into(),
            text: Some(Text::new("I'm at the door.").unwrap()),
        }),
    );
    couple.sync(NORA, BEN);
    let returned = couple.card(id);
    let Facts::Reach(record) = couple.record(id).facts else { panic!("a reach") };
    assert_eq!(record.status, ReachStatus::Returned(Some(Punctuality::OnTime)));
    assert_eq!(label(&returned, Carried::Sent, &london, Some(ten)), "returned");
    assert_eq!(reminders(&couple.cards(), ben()), [], "none after the return");
    for hours in 0..48 {
        let later = at("2026-03-29T07:56:00Z").later(core::time::Duration::from_hours(hours));
        assert!(!returned.is_past(later.instant()), "never overdue");
    }

    couple.say(
        NORA,
        Event::Outcome(Outcome {
            at: at("2026-03-29T20:00:00Z"),
            of: id.into(),
            value: OutcomeValue::Partly,
            note: Some(Text::new("You came. I was still angry.").unwrap()),
        }),
    );
    couple.sync(NORA, BEN);
    assert_eq!(label(&couple.card(id), Carried::Received, &london, None), "closed");
    assert_eq!(open_list(&couple.cards(), &names(), Some(ten)), []);

    let lines = timeline(&couple.cards(), &names());
    let json = serde_json::to_value(&lines[0]).unwrap();
    assert_eq!(json["by"], "Nora");
    assert_eq!(json["status"], "closed");
    assert_eq!(json["outcome"], "partly");
    assert_eq!(json["steps"][0]["by"], "Ben");
    assert_eq!(json["steps"][0]["until"], "2026-03-29T08:00:00Z");
    assert_eq!(json["steps"][1]["text"], "I'm at the door.");
    assert!(!json.to_string().contains("delivered"));
}

/// The example of one line, as `docs/cli.md` may show it.
#[test]
fn a_line_of_the_timeline_has_its_fields_in_this_order() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("23:40"));
    couple.sync_all();
    couple.say(BEN, crate::couple::reply("23:58", id, ReplyKind::Cannot, None));
    couple.sync_all();
    let lines = timeline(&couple.cards(), &names());
    let expected = format!(
        "{{\"record\":\"{0}\",\"status\":\"cannot\",\"kind\":\"reach\",\"entry\":\"{0}\",\"by\":\"Nora\",\
         \"at\":\"2026-03-28T23:40:00Z\",\"zone\":\"Europe/London\",\"says\":\"hurting\",\"urgency\":\"now\",\
         \"steps\":[{{\"kind\":\"reply\",\"entry\":\"{1}\",\"by\":\"Ben\",\"at\":\"2026-03-28T23:58:00Z\",\
         \"zone\":\"Europe/London\",\"says\":\"cannot\"}}]}}",
        id.hex(),
        couple.told[1].head.id.hex(),
    );
    assert_eq!(serde_json::to_string(&lines[0]).unwrap(), expected);
}
