//! The product's rules, each by its number.

use reknit_core::model::promise::Punctuality;
use reknit_core::model::question::{AnswerKind, DeclineReason, QuestionStatus};
use reknit_core::model::reach::{OutcomeValue, ReachStatus, ReplyKind};
use reknit_core::model::when::Zone;
use reknit_core::model::{Facts, Rule, Standing, may};
use reknit_core::view::{Carried, Status, label, open_list, reminders, timeline};

use crate::couple::{
    BEN, Couple, NORA, TABLET, answer, at, back, ben, decline, enough, moment, moved, names, nora,
    outcome, promise, question, reach, reopen, reply, withdraw,
};

fn reached() -> (Couple, reknit_core::model::id::EntryId) {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    couple.sync_all();
    (couple, id)
}

fn asked() -> (Couple, reknit_core::model::id::EntryId) {
    let mut couple = Couple::new();
    let id = couple.say(NORA, question("09:00", "Where were you?"));
    couple.sync_all();
    (couple, id)
}

#[test]
fn r01_nothing_told_is_dropped_or_changed_also_what_has_no_effect() {
    let (mut couple, id) = asked();
    couple.say(BEN, enough("09:10", id)); // not his to say
    couple.say(BEN, reply("09:11", id, ReplyKind::HereNow, None)); // not a reach
    couple.say(BEN, answer("09:12", id, AnswerKind::AlreadySaid, "")); // no words
    couple.say(BEN, answer("09:13", id, AnswerKind::Told, "At the office."));
    couple.say(BEN, answer("09:14", id, AnswerKind::Told, "At the office, I said."));
    couple.sync_all();
    let record = couple.record(id);
    let standings: Vec<Standing> = record.steps.iter().map(|step| step.standing).collect();
    assert_eq!(
        standings,
        [
            Standing::Counted,
            Standing::Quarantined,
            Standing::Void(Rule::WrongRecord),
            Standing::Void(Rule::WordsMissing),
            Standing::Counted,
            Standing::Void(Rule::AlreadyAnswered),
        ]
    );
    let bodies: Vec<&[u8]> = record.steps.iter().map(|step| step.told.body()).collect();
    let told: Vec<&[u8]> = couple.told.iter().map(reknit_core::model::Told::body).collect();
    assert_eq!(bodies, told);
    // The list shows all but what its author was not allowed to say, which the technical log lists.
    assert_eq!(timeline(&couple.cards(), &names())[0].steps.len(), 4);
}

#[test]
fn r03_no_state_changes_because_time_passes() {
    let (mut couple, id) = reached();
    couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
    let (london, card) = (Zone::chosen("Europe/London").unwrap(), couple.card(id));
    let years_later = at("2036-01-01T00:00:00Z").instant();
    assert_eq!(
        label(&card, Carried::Sent, &london, Some(years_later)),
        "promised until 28 Mar 2026 19:00, past"
    );
    assert!(matches!(card.status, Status::Reach(ReachStatus::Promised(_))));
    let mut list = open_list(std::slice::from_ref(&card), &names(), Some(years_later));
    assert!(list[0].past);
    list[0].past = false;
    assert_eq!(list, open_list(&[card], &names(), None), "nothing else depends on the time");
}

/// Every name of a field and of a kind, in events and in rows.
fn all_words() -> String {
    let (mut couple, id) = asked();
    couple.say(NORA, moment("09:05"));
    couple.say(BEN, answer("09:10", id, AnswerKind::Told, "-"));
    let reached = couple.say(NORA, reach("10:00"));
    couple.sync_all();
    couple.say(BEN, reply("10:01", reached, ReplyKind::Promise, Some("11:00")));
    let (cards, names) = (couple.cards(), names());
    let lines = serde_json::to_string(&timeline(&cards, &names)).unwrap();
    let open =
        serde_json::to_string(&open_list(&cards, &names, Some(at("12:00").instant()))).unwrap();
    let vectors = include_str!("../vectors/events.json");
    format!("{lines}{open}{vectors}").to_lowercase()
}

#[test]
fn r05_no_field_tells_of_attention() {
    let words = all_words();
    for sign in [
        "\"read",
        "seen",
        "typing",
        "online",
        "presence_",
        "opened",
        "delivered",
        "views",
        "last_active",
    ] {
        assert!(!words.contains(sign), "{sign}");
    }
}

#[test]
fn r10_r11_no_field_counts_or_grades() {
    let words = all_words();
    for sign in [
        "count",
        "streak",
        "total",
        "points",
        "badge",
        "percent",
        "rank",
        "trust_score",
        "rate\"",
        "overdue",
    ] {
        assert!(!words.contains(sign), "{sign}");
    }
}

#[test]
fn r18_only_the_asker_closes_and_only_the_reacher_says_how_it_went() {
    let (mut couple, id) = asked();
    couple.say(BEN, answer("09:10", id, AnswerKind::Told, "At the office."));
    couple.sync_all();
    let forged = couple.say(BEN, enough("09:11", id));
    assert_eq!(couple.standing(id, forged), Standing::Quarantined);
    assert_eq!(may(&couple.of(id), &enough("09:12", id), ben()), Err(Rule::WrongAuthor));
    assert_eq!(may(&couple.of(id), &enough("09:12", id), nora()), Ok(()));
    assert_eq!(
        may(&couple.of(id), &answer("09:12", id, AnswerKind::Told, "Me."), nora()),
        Err(Rule::WrongAuthor)
    );

    let (mut couple, id) = reached();
    couple.say(BEN, reply("18:10", id, ReplyKind::HereNow, None));
    couple.sync_all();
    let forged = couple.say(BEN, outcome("18:20", id, OutcomeValue::Met));
    assert_eq!(couple.standing(id, forged), Standing::Quarantined);
    assert_eq!(couple.card(id).status, Status::Reach(ReachStatus::Here));
    assert_eq!(may(&couple.of(id), &withdraw("18:20", id), ben()), Err(Rule::WrongAuthor));
}

#[test]
fn r18_an_outcome_needs_a_reply_unless_it_eased_by_itself_and_may_be_revised() {
    let (mut couple, id) = reached();
    assert_eq!(
        may(&couple.of(id), &outcome("18:05", id, OutcomeValue::Met), nora()),
        Err(Rule::NoReply)
    );
    couple.say(NORA, outcome("18:06", id, OutcomeValue::EasedByItself));
    couple.sync_all();
    couple.say(BEN, reply("18:10", id, ReplyKind::HereNow, None));
    couple.sync_all();
    couple.say(NORA, outcome("20:00", id, OutcomeValue::Partly));
    let record = couple.record(id);
    let Facts::Reach(facts) = &record.facts else { panic!("a reach") };
    assert_eq!(facts.status, ReachStatus::Closed(Some(OutcomeValue::Partly)));
    assert_eq!(record.steps.len(), 4, "the earlier word stays readable");
}

#[test]
fn r19_not_now_always_carries_a_time_within_a_day() {
    let (couple, id) = reached();
    let may = |event| may(&couple.of(id), &event, ben());
    for kind in [ReplyKind::Promise, ReplyKind::PauseNeeded] {
        assert_eq!(may(reply("18:10", id, kind, None)), Err(Rule::TimeMissing));
        for wrong in ["18:10", "18:09", "2026-03-29T18:10:01Z"] {
            assert_eq!(
                may(reply("18:10", id, kind, Some(wrong))),
                Err(Rule::TimeOutOfRange),
                "{wrong}"
            );
        }
        for right in ["2026-03-28T18:10:01Z", "2026-03-29T18:10:00Z"] {
            assert_eq!(may(reply("18:10", id, kind, Some(right))), Ok(()), "{right}");
        }
    }
    let (couple, id) = asked();
    let later = |until| decline("09:10", id, DeclineReason::NotNow, until);
    assert_eq!(
        reknit_core::model::may(&couple.of(id), &later(None), ben()),
        Err(Rule::TimeMissing)
    );
    assert_eq!(
        reknit_core::model::may(&couple.of(id), &later(Some("08:00")), ben()),
        Err(Rule::TimeOutOfRange)
    );
    assert_eq!(reknit_core::model::may(&couple.of(id), &later(Some("12:00")), ben()), Ok(()));
}

#[test]
fn r19_a_reply_without_its_time_that_arrives_all_the_same_is_void() {
    let (mut couple, id) = reached();
    let void =
        couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("2026-03-30T18:10:00Z")));
    assert_eq!(couple.standing(id, void), Standing::Void(Rule::TimeOutOfRange));
    assert_eq!(couple.card(id).status, Status::Reach(ReachStatus::Open));
}

#[test]
fn r20_declining_and_not_knowing_are_possible_in_every_open_state() {
    let (mut couple, id) = asked();
    let ways = |couple: &Couple| {
        for event in [
            decline("11:00", id, DeclineReason::RatherNot, None),
            answer("11:00", id, AnswerKind::DontKnow, ""),
            answer("11:00", id, AnswerKind::DontRemember, ""),
        ] {
            assert_eq!(may(&couple.of(id), &event, ben()), Ok(()));
        }
    };
    ways(&couple);
    couple.say(BEN, promise("09:10", id, "12:00"));
    ways(&couple);
    couple.say(BEN, decline("09:20", id, DeclineReason::WithHelper, Some("2026-04-04T10:00:00Z")));
    ways(&couple);
    assert!(couple.card(id).due().is_none(), "what is declined is not due");
    couple.say(BEN, answer("09:30", id, AnswerKind::DontRemember, ""));
    couple.sync_all();
    couple.say(NORA, enough("09:40", id));
    couple.say(NORA, reopen("09:41", id));
    couple.sync_all();
    ways(&couple);
}

#[test]
fn p01_a_no_has_no_time_no_reminder_and_is_in_no_list() {
    let (mut couple, id) = reached();
    assert_eq!(
        may(&couple.of(id), &reply("18:10", id, ReplyKind::Cannot, Some("19:00")), ben()),
        Err(Rule::TimeNotWanted)
    );
    couple.say(BEN, reply("18:10", id, ReplyKind::Cannot, None));
    let card = couple.card(id);
    assert_eq!(card.status, Status::Reach(ReachStatus::Cannot));
    assert_eq!(
        open_list(&couple.cards(), &names(), Some(at("2036-01-01T00:00:00Z").instant())),
        []
    );
    assert_eq!(reminders(&couple.cards(), ben()), []);
    // And coming all the same is never against a rule.
    assert_eq!(may(&couple.of(id), &back("20:00", id), ben()), Ok(()));
}

#[test]
fn p02_a_promise_moves_once_before_it_is_due_and_is_measured_against_the_new_time() {
    let (mut couple, id) = reached();
    let first = couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
    let may = |couple: &Couple, event| may(&couple.of(id), &event, ben());
    assert_eq!(may(&couple, moved("19:00", id, first, "20:00")), Err(Rule::TooLateToMove));
    assert_eq!(may(&couple, moved("18:30", id, id, "20:00")), Err(Rule::NothingPromised));
    assert_eq!(may(&couple, moved("18:30", id, first, "18:20")), Err(Rule::TimeOutOfRange));
    assert_eq!(
        may(&couple, moved("18:30", id, first, "2026-03-29T18:31:00Z")),
        Err(Rule::TimeOutOfRange)
    );
    couple.say(BEN, moved("18:59", id, first, "21:00"));
    assert_eq!(may(&couple, moved("19:30", id, first, "22:00")), Err(Rule::AlreadyMoved));
    let times: Vec<u64> =
        reminders(&couple.cards(), ben()).iter().map(|reminder| reminder.at.as_millis()).collect();
    assert_eq!(times, [at("20:50"), at("21:00")].map(|time| time.instant().as_millis()));
    couple.say(BEN, back("20:55", id));
    let Facts::Reach(record) = couple.record(id).facts else { panic!("a reach") };
    assert_eq!(record.status, ReachStatus::Returned(Some(Punctuality::OnTime)));
    assert_eq!(record.promises[0].first.time, at("19:00"), "the first time stays readable");
    assert_eq!(may(&couple, moved("20:56", id, first, "22:00")), Err(Rule::AlreadyMoved));
}

#[test]
fn p02_of_two_moves_on_two_devices_one_counts() {
    let (mut couple, id) = reached();
    let first = couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
    couple.sync_all();
    let a = couple.say(BEN, moved("18:30", id, first, "20:00"));
    let b = couple.say(TABLET, moved("18:31", id, first, "22:00"));
    couple.sync_all();
    let standings = [couple.standing(id, a), couple.standing(id, b)];
    assert!(
        standings.contains(&Standing::Counted)
            && standings.contains(&Standing::Void(Rule::AlreadyMoved))
    );
}

#[test]
fn p02_a_promised_answer_moves_too() {
    let (mut couple, id) = asked();
    let first = couple.say(BEN, promise("09:10", id, "12:00"));
    couple.say(BEN, moved("11:00", id, first, "2026-04-04T12:00:00Z"));
    assert_eq!(couple.card(id).due().unwrap().time, at("2026-04-04T12:00:00Z"));
    let second = couple.say(BEN, promise("11:10", id, "13:00"));
    assert_eq!(couple.standing(id, second), Standing::Void(Rule::AlreadyPromised));
}

#[test]
fn the_grace_is_a_quarter_of_an_hour_or_an_hour_when_set_six_hours_ahead() {
    for (until, kept, missed) in [
        ("20:00", "2026-03-28T20:15:00Z", "2026-03-28T20:15:01Z"),
        ("2026-03-29T00:10:00Z", "2026-03-29T01:10:00Z", "2026-03-29T01:10:01Z"),
    ] {
        for (time, punctuality) in [(kept, Punctuality::OnTime), (missed, Punctuality::Late)] {
            let (mut couple, id) = reached();
            couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some(until)));
            assert_eq!(
                couple.card(id).is_past(at(time).instant()),
                punctuality == Punctuality::Late
            );
            couple.say(BEN, back(time, id));
            assert_eq!(
                couple.card(id).status,
                Status::Reach(ReachStatus::Returned(Some(punctuality)))
            );
        }
    }
}

#[test]
fn p15_what_did_not_come_is_not_shown() {
    let mut couple = Couple::new();
    couple.say(NORA, moment("09:00"));
    let line = serde_json::to_string(&timeline(&couple.cards(), &names())).unwrap();
    assert!(!line.contains("echo") && !line.contains("steps") && !line.contains("null"), "{line}");
    assert_eq!(open_list(&couple.cards(), &names(), None), []);
}

#[test]
fn p16_a_reach_has_these_labels_and_no_other() {
    let london = Zone::chosen("Europe/London").unwrap();
    let (mut couple, id) = reached();
    let label = |couple: &Couple, carried| {
        label(&couple.card(id), carried, &london, Some(at("18:30").instant()))
    };
    assert_eq!(label(&couple, Carried::OnThisPhone), "on this phone");
    assert_eq!(label(&couple, Carried::Sent), "sent");
    couple.say(BEN, reply("18:10", id, ReplyKind::PauseNeeded, Some("20:45")));
    assert_eq!(label(&couple, Carried::Sent), "promised until 20:45");
    couple.say(BEN, back("20:45", id));
    assert_eq!(label(&couple, Carried::Sent), "returned");
    couple.sync_all();
    couple.say(NORA, outcome("21:00", id, OutcomeValue::Met));
    assert_eq!(label(&couple, Carried::Sent), "closed");
}

#[test]
fn a_reach_that_asks_for_no_reply_is_closed_at_once() {
    let mut couple = Couple::new();
    let reknit_core::model::Event::Reach(mut event) = reach("18:00") else { panic!("a reach") };
    event.reply_needed = false;
    let id = couple.say(NORA, reknit_core::model::Event::Reach(event));
    couple.sync_all();
    assert_eq!(couple.card(id).status, Status::Reach(ReachStatus::Closed(None)));
    assert_eq!(open_list(&couple.cards(), &names(), None), []);
    assert_eq!(may(&couple.of(id), &reply("18:10", id, ReplyKind::HereNow, None), ben()), Ok(()));
}

#[test]
fn the_open_list_is_oldest_first_and_the_same_for_both() {
    let (mut couple, id) = asked();
    let second = couple.say(BEN, reach("10:00"));
    couple.say(BEN, decline("10:10", id, DeclineReason::WithHelper, Some("2026-04-04T10:00:00Z")));
    couple.sync_all();
    let rows = open_list(&couple.cards(), &names(), None);
    let records: Vec<&str> = rows.iter().map(|row| row.record.as_str()).collect();
    assert_eq!(records, [id.hex(), second.hex()]);
    assert_eq!(rows[0].reason, Some(DeclineReason::WithHelper));
    assert_eq!(rows[0].until.as_deref(), Some("2026-04-04T10:00:00Z"));
    assert_eq!(
        couple.card(id).status,
        Status::Question(QuestionStatus::Declined {
            reason: DeclineReason::WithHelper,
            until: Some(at("2026-04-04T10:00:00Z")),
        })
    );
}
