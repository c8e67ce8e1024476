//! C2: what is shown is a function of the set of events; order, repetition and clocks do not matter.

use proptest::prelude::*;
use reknit_core::model::id::EntryId;
use reknit_core::model::question::{AnswerKind, DeclineReason};
use reknit_core::model::reach::{OutcomeValue, ReplyKind};
use reknit_core::model::{Event, Told, fold};
use reknit_core::view::{Card, open_list, timeline};

use crate::couple::{
    BEN, Couple, NORA, answer, at, back, decline, enough, moved, names, outcome, promise, question,
    reach, reopen, reply, withdraw,
};

type Act = (usize, u8, u8, bool);

fn acts(devices: usize) -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec((0..devices, 0..18_u8, any::<u8>(), any::<bool>()), 1..24)
}

/// Anybody says anything, allowed or not, about one reach and one question.
fn play(acts: &[Act], shift: i64) -> Couple {
    let mut couple = Couple::new();
    couple.shift_clock(NORA, shift);
    let (reached, asked) =
        (couple.say(NORA, reach("00:00")), couple.say(NORA, question("00:01", "?")));
    couple.sync_all();
    let mut last = reached;
    for (minute, &(device, act, pick, sync)) in acts.iter().enumerate() {
        let now = format!("01:{minute:02}");
        let ahead = format!("{:02}:{:02}", 1 + pick % 3, pick % 60);
        last = couple.say(device, event(act, &now, &ahead, (reached, asked, last)));
        if sync {
            let (a, b) = [(0, 1), (1, 2), (0, 2)][usize::from(pick) % 3];
            couple.sync(a, b);
        }
    }
    couple
}

fn event(
    act: u8,
    now: &str,
    ahead: &str,
    (reached, asked, last): (EntryId, EntryId, EntryId),
) -> Event {
    match act {
        0 | 1 => reply(now, reached, ReplyKind::Promise, Some(ahead)),
        2 => reply(now, reached, ReplyKind::HereNow, None),
        3 => reply(now, reached, ReplyKind::Cannot, None),
        4 | 5 => back(now, reached),
        6 => moved(now, reached, last, ahead),
        7 => outcome(now, reached, OutcomeValue::Partly),
        8 => withdraw(now, reached),
        9 => promise(now, asked, ahead),
        10 => moved(now, asked, last, ahead),
        11 | 12 => answer(now, asked, AnswerKind::DontKnow, ""),
        13 => decline(now, asked, DeclineReason::RatherNot, None),
        14 | 15 => enough(now, asked),
        16 => reopen(now, asked),
        _ => withdraw(now, asked),
    }
}

/// Everything both phones would print, and the sealed rows.
fn shown(told: &[Told]) -> (String, Vec<Vec<u8>>) {
    let mut cards: Vec<Card> = Vec::new();
    let mut records: Vec<_> = told.iter().map(Told::record).collect();
    records.sort_unstable();
    records.dedup();
    for record in records {
        let of: Vec<Told> = told.iter().filter(|told| told.record() == record).cloned().collect();
        cards.extend(fold(&of).and_then(|record| Card::new(&record)));
    }
    let open = open_list(&cards, &names(), Some(at("23:00").instant()));
    let json = serde_json::to_string(&(timeline(&cards, &names()), open)).unwrap();
    (json, cards.iter().map(Card::encode).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn c2_any_permutation_with_duplicates_gives_the_same_bytes(
        acts in acts(3),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 60),
    ) {
        let couple = play(&acts, 0);
        let expected = shown(&couple.told);
        let mut shuffled = couple.told.clone();
        for pick in &order {
            let at = pick.index(shuffled.len());
            let told = shuffled.remove(at);
            shuffled.push(told);
        }
        for pick in order.iter().take(10) {
            shuffled.push(shuffled[pick.index(shuffled.len())].clone());
        }
        prop_assert_eq!(shown(&shuffled), expected);
    }

    #[test]
    fn no_clock_decides_between_the_two(acts in acts(2), shift in -200_000_000..200_000_000_i64) {
        let statuses = |couple: &Couple| -> Vec<_> {
            couple.cards().into_iter().map(|card| card.status).collect()
        };
        let standings = |couple: &Couple| -> Vec<_> {
            let mut all: Vec<_> = couple.told[..2]
                .iter()
                .flat_map(|told| couple.record(told.head.id).steps)
                .map(|step| (step.told.head.id, step.standing, step.crossed))
                .collect();
            all.sort_by_key(|(id, ..)| *id);
            all.into_iter().map(|(id, standing, crossed)| (id, format!("{standing:?}"), crossed)).collect()
        };
        let (right, wrong) = (play(&acts, 0), play(&acts, shift));
        prop_assert_eq!(statuses(&right), statuses(&wrong));
        prop_assert_eq!(standings(&right), standings(&wrong));
    }

    #[test]
    fn every_told_event_is_a_step_of_its_record(acts in acts(3)) {
        let couple = play(&acts, 0);
        let steps: usize = couple.told[..2].iter().map(|told| couple.record(told.head.id).steps.len()).sum();
        prop_assert_eq!(steps, couple.told.len());
    }

    #[test]
    fn no_bytes_make_decode_panic(bytes: Vec<u8>) { let _ = Event::decode(&bytes); }

    /// What is decoded is written back as it was, unless it holds more than this version knows.
    #[test]
    fn a_damaged_event_is_refused_or_another_event_in_the_one_form(
        acts in acts(3), at: prop::sample::Index, pick: prop::sample::Index, bit in 0..8_u8,
    ) {
        let couple = play(&acts, 0);
        let told = &couple.told[pick.index(couple.told.len())];
        let mut body = told.body().to_vec();
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        if let Ok(again) = Told::new(told.head.clone(), body.clone())
            && !again.needs_newer()
        {
            prop_assert_eq!(again.event().encode().len(), body.len());
        }
    }
}

#[test]
fn the_random_acts_reach_the_interesting_places() {
    // A guard for the properties above: a generator that only makes void events would prove nothing.
    let acts: Vec<Act> =
        vec![(BEN, 0, 9, true), (BEN, 4, 3, true), (NORA, 7, 3, true), (BEN, 11, 3, true)];
    let couple = play(&acts, 0);
    let counted = couple.told[..2]
        .iter()
        .flat_map(|told| couple.record(told.head.id).steps)
        .filter(|step| step.standing == reknit_core::model::Standing::Counted)
        .count();
    assert_eq!(counted, 6);
}
