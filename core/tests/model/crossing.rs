//! What crosses on the way, both phones offline: nothing says which was first, whatever the clocks say.

use reknit_core::model::promise::{End, Punctuality};
use reknit_core::model::question::{AnswerKind, QuestionStatus};
use reknit_core::model::reach::{OutcomeValue, ReachStatus, ReplyKind};
use reknit_core::model::{Facts, Rule, Standing};
use reknit_core::view::{open_list, timeline};

use crate::couple::{
    BEN, Couple, NORA, TABLET, answer, back, enough, names, outcome, promise, question, reach,
    reopen, reply, withdraw,
};

/// Each case runs with right clocks, and with one phone a day ahead or behind.
fn in_any_weather(case: impl Fn(&mut Couple)) {
    for (device, millis) in [(NORA, 0), (NORA, 86_400_000), (NORA, -86_400_000), (BEN, 86_400_000)]
    {
        let mut couple = Couple::new();
        couple.shift_clock(device, millis);
        case(&mut couple);
    }
}

fn reach_status(couple: &Couple, id: reknit_core::model::id::EntryId) -> ReachStatus {
    let Facts::Reach(record) = couple.record(id).facts else { panic!("a reach") };
    record.status
}

fn question_status(couple: &Couple, id: reknit_core::model::id::EntryId) -> QuestionStatus {
    let Facts::Question(record) = couple.record(id).facts else { panic!("a question") };
    record.status
}

#[test]
fn an_answer_and_the_withdrawal_of_its_question_cross_and_both_are_kept() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, question("09:00", "Did Peter cover for you?"));
        couple.sync_all();
        let withdrawal = couple.say(NORA, withdraw("10:00", id));
        let told = couple
            .say(BEN, answer("10:07", id, AnswerKind::Told, "He lied once for me, on 2 December."));
        couple.sync_all();
        assert_eq!(
            question_status(couple, id),
            QuestionStatus::Withdrawn { answered_before: true }
        );
        assert_eq!(couple.standing(id, withdrawal), Standing::Counted);
        assert_eq!(couple.standing(id, told), Standing::Counted);
        assert!(couple.record(id).steps.iter().skip(1).all(|step| step.crossed));
        let line = &timeline(&couple.cards(), &names())[0];
        assert_eq!(line.note, Some("answered before the withdrawal arrived"));
        assert_eq!(open_list(&couple.cards(), &names(), None), []);
    });
}

#[test]
fn an_answer_after_the_withdrawal_was_seen_is_kept_without_effect() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, question("09:00", "Did Peter cover for you?"));
    couple.say(NORA, withdraw("10:00", id));
    couple.sync_all();
    let told = couple.say(BEN, answer("10:07", id, AnswerKind::DontKnow, ""));
    assert_eq!(couple.standing(id, told), Standing::Void(Rule::Withdrawn));
    assert_eq!(question_status(&couple, id), QuestionStatus::Withdrawn { answered_before: false });
}

#[test]
fn a_reply_and_the_withdrawal_of_its_reach_cross_and_the_reply_stays_readable() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, reach("20:00"));
        couple.sync_all();
        couple.say(NORA, withdraw("20:10", id));
        couple.say(BEN, reply("20:11", id, ReplyKind::Promise, Some("21:00")));
        couple.sync_all();
        assert_eq!(reach_status(couple, id), ReachStatus::Withdrawn);
        let steps = couple.record(id).steps;
        assert_eq!(steps.len(), 3);
        assert!(steps.iter().all(|step| step.standing == Standing::Counted));
    });
}

#[test]
fn of_two_replies_from_two_devices_both_show_and_the_earliest_time_is_measured() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, reach("18:00"));
        couple.sync_all();
        couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("20:00")));
        couple.say(TABLET, reply("18:20", id, ReplyKind::Promise, Some("22:00")));
        couple.sync_all();
        let ReachStatus::Promised(due) = reach_status(couple, id) else { panic!("promised") };
        assert_eq!(due.time.to_utc(), "2026-03-28T20:00:00Z");
        couple.say(BEN, back("20:40", id));
        couple.sync_all();
        assert_eq!(reach_status(couple, id), ReachStatus::Returned(Some(Punctuality::Late)));
        let Facts::Reach(record) = couple.record(id).facts else { panic!("a reach") };
        assert!(record.promises.iter().all(|course| matches!(course.end, End::Kept { .. })));
    });
}

#[test]
fn a_no_from_one_device_does_not_take_back_what_another_promises_meanwhile() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    couple.sync_all();
    couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("20:00")));
    couple.say(TABLET, reply("18:20", id, ReplyKind::Cannot, None));
    couple.sync_all();
    assert!(matches!(reach_status(&couple, id), ReachStatus::Promised(_)));
    couple.say(TABLET, reply("18:30", id, ReplyKind::Cannot, None));
    assert_eq!(reach_status(&couple, id), ReachStatus::Cannot);
}

#[test]
fn a_late_return_after_the_outcome_is_kept_and_shown_after_it() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, reach("18:00"));
        couple.sync_all();
        couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
        couple.sync_all();
        couple.say(NORA, outcome("19:30", id, OutcomeValue::NotMet));
        let late = couple.say(BEN, back("19:40", id));
        couple.sync_all();
        assert_eq!(reach_status(couple, id), ReachStatus::Closed(Some(OutcomeValue::NotMet)));
        assert_eq!(couple.standing(id, late), Standing::Counted);
    });
}

#[test]
fn a_promise_that_is_past_on_arrival_is_measured_against_its_own_time() {
    let mut couple = Couple::new();
    let id = couple.say(NORA, reach("18:00"));
    couple.sync(NORA, BEN);
    couple.say(BEN, reply("18:10", id, ReplyKind::Promise, Some("19:00")));
    couple.say(BEN, back("18:55", id));
    // Nora's phone hears of both a day later.
    couple.sync_all();
    assert_eq!(reach_status(&couple, id), ReachStatus::Returned(Some(Punctuality::OnTime)));
}

#[test]
fn an_answer_that_crosses_enough_is_kept_and_the_question_stays_closed() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, question("09:00", "Where were you?"));
        couple.sync_all();
        couple.say(BEN, answer("09:10", id, AnswerKind::Told, "At the office."));
        couple.sync(NORA, BEN);
        couple.say(NORA, enough("09:20", id));
        let second = couple.say(TABLET, answer("09:15", id, AnswerKind::DontRemember, ""));
        couple.sync_all();
        assert_eq!(question_status(couple, id), QuestionStatus::Enough);
        assert_eq!(couple.standing(id, second), Standing::Counted);
        assert!(
            couple.record(id).steps.iter().any(|step| step.told.head.id == second && step.crossed)
        );
    });
}

#[test]
fn a_promise_that_crosses_a_reopening_does_not_count_and_one_after_it_does() {
    in_any_weather(|couple| {
        let id = couple.say(NORA, question("09:00", "Where were you?"));
        couple.sync_all();
        couple.say(BEN, answer("09:10", id, AnswerKind::Told, "At the office."));
        couple.sync_all();
        couple.say(NORA, enough("09:20", id));
        couple.sync_all();
        couple.say(NORA, reopen("09:30", id));
        let early = couple.say(BEN, promise("09:31", id, "12:00"));
        couple.sync_all();
        assert_eq!(
            couple.standing(id, early),
            Standing::Void(Rule::Closed),
            "it was closed when he wrote"
        );
        assert_eq!(question_status(couple, id), QuestionStatus::Reopened);
        couple.say(BEN, promise("09:40", id, "12:00"));
        assert!(matches!(question_status(couple, id), QuestionStatus::Promised(_)));
    });
}

#[test]
fn a_name_said_on_two_devices_is_one_record() {
    let mut couple = Couple::new();
    couple.say(BEN, crate::couple::member("09:00", "Ben"));
    couple.say(TABLET, crate::couple::member("09:05", "Benjamin"));
    let cards = couple.cards();
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].name().unwrap().1.as_str(), "Benjamin");
    assert_eq!(cards[0].steps.len(), 1);
}
