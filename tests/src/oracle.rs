//! What the two should see, worked out a second time and naively: from the list of events that commands told, and from
//! what lay on the disk in the hand when each was told. No line of the model's folds or of the views is used here.
//!
//! Among honest people every event that a command answered for counts. So a record is its opening with the answered
//! events that name it, and where it stands follows from what each of the two did last.

use crate::world::World;
use reknit_core::model::id::{EntryId, PersonId, RecordId};
use reknit_core::model::question::QuestionStatus;
use reknit_core::model::reach::{OutcomeValue, ReachStatus, ReplyKind};
use reknit_core::model::{Event, Kind, Text};
use reknit_core::view::{Card, Mark, Status};
use std::collections::{BTreeMap, BTreeSet};

/// An event that a command answered for.
#[derive(Debug, Clone)]
pub struct Said {
    /// The entry that carries it.
    pub id: EntryId,
    /// Who.
    pub by: PersonId,
    /// What.
    pub event: Event,
    /// The entries with events that lay on the disk when it was told.
    pub seen: BTreeSet<EntryId>,
    /// Where phones were copied: what the other had said and counted, on the device in the hand, when it was told.
    pub heard: BTreeSet<EntryId>,
}

/// Where a record stands, in the fewest words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Moment,
    Open,
    Here,
    /// Until then, in milliseconds.
    Promised(u64),
    Cannot,
    Returned,
    Closed(Option<OutcomeValue>),
    Withdrawn,
    Declined,
    Answered,
    Enough,
    Reopened,
}

/// A time that somebody set for themselves.
struct Set<'a> {
    by: &'a Said,
    until_ms: u64,
    moved: bool,
    open: bool,
}

impl World {
    /// Every shared list shows what the commands came to, on every device.
    pub fn check_against_the_oracle(&self) {
        let told: BTreeMap<EntryId, &Said> = self.said.iter().map(|said| (said.id, said)).collect();
        if self.copied {
            self.nothing_said_is_lost();
            return self.nothing_heard_is_taken_back();
        }
        for device in self.honest() {
            let session = self.node(device).session();
            if !session.is_paired() {
                continue;
            }
            let mut cards = session.cards().expect("cards");
            cards.retain(|card| card.kind() != Kind::Member);
            let shown: BTreeSet<RecordId> = cards.iter().map(|card| card.record).collect();
            let opened = self.said.iter().filter(|said| of(&said.event).is_none());
            let expected: BTreeSet<RecordId> =
                opened.map(|said| RecordId::from_bytes(said.id.to_bytes())).collect();
            assert_eq!(shown, expected, "oracle: the records on {device}");
            for card in &cards {
                let order = session.told(card.record).expect("events");
                let mut order: Vec<_> =
                    order.iter().map(|told| (told.head.k, told.head.id)).collect();
                order.sort_unstable();
                let events: Vec<&Said> = order.iter().map(|(_, id)| told[id]).collect();
                compare(card, &events);
            }
        }
    }
}

impl World {
    /// Where devices were restored or copied, what they had not sent is told again under other names: each word that
    /// was said, and was not on a lost disk alone, is there. Words are unlike.
    fn nothing_said_is_lost(&self) {
        for device in self.honest() {
            let session = self.node(device).session();
            let cards =
                if session.is_paired() { session.cards().expect("cards") } else { continue };
            let ids = cards.iter().map(|card| card.record);
            let told = ids.flat_map(|record| session.told(record).expect("events"));
            let there: Vec<Vec<u8>> = told.map(|told| words(told.event())).collect();
            for said in self.said.iter().filter(|said| !words(&said.event).is_empty()) {
                let said = words(&said.event);
                assert!(
                    there.contains(&said),
                    "D1: a word that was answered for is gone on {device}"
                );
            }
        }
    }
}

/// The words of an event, which no other has; nothing for one without.
fn words(event: &Event) -> Vec<u8> {
    let text = match event {
        Event::Moment(it) => it.text.as_ref().map(Text::as_str),
        Event::Reach(it) => it.text.as_ref().map(Text::as_str),
        Event::Question(it) => Some(it.text.as_str()),
        Event::Answer(it) => it.text.as_ref().map(Text::as_str),
        Event::Reply(it) => it.text.as_ref().map(Text::as_str),
        _ => None,
    };
    text.unwrap_or_default().as_bytes().to_vec()
}

/// The record that an event follows, if it does not open one.
fn of(event: &Event) -> Option<RecordId> {
    Some(match event {
        Event::Echo(it) => it.of,
        Event::Reply(it) => it.of,
        Event::Return(it) => it.of,
        Event::Outcome(it) => it.of,
        Event::Withdraw(it) => it.of,
        Event::Moved(it) => it.of,
        Event::Promise(it) => it.of,
        Event::Answer(it) => it.of,
        Event::Decline(it) => it.of,
        Event::Enough(it) => it.of,
        Event::Reopen(it) => it.of,
        Event::Member(_)
        | Event::Moment(_)
        | Event::Reach(_)
        | Event::Question(_)
        | Event::Newer(_) => return None,
    })
}

fn compare(card: &Card, events: &[&Said]) {
    let opening = EntryId::from_bytes(card.record.to_bytes());
    let opener = events.iter().find(|said| said.id == opening).expect("oracle: it was opened");
    let steps: Vec<&&Said> = events.iter().filter(|said| said.id != opening).collect();
    assert!(steps.iter().all(|said| of(&said.event) == Some(card.record)), "oracle: its record");
    let shown: Vec<EntryId> = card.steps.iter().map(|step| step.id).collect();
    let newest: Vec<EntryId> =
        steps.iter().skip(steps.len() - shown.len()).map(|said| said.id).collect();
    assert_eq!(shown, newest, "oracle: the steps of {:?}", card.record);
    assert!(card.more || shown.len() == steps.len(), "oracle: no step is left out unsaid");
    let twice = moved_twice(&steps);
    for step in card.steps.iter().chain([&card.opening]) {
        let said = events.iter().find(|said| said.id == step.id).expect("oracle: it was told");
        assert_eq!((step.by, &step.event), (said.by, &said.event), "oracle: who said what");
        assert_eq!(step.void.is_some(), twice.contains(&said.id), "oracle: void {step:?}");
        let crosses = |other: &&&&Said| {
            let apart = !other.seen.contains(&said.id) && !said.seen.contains(&other.id);
            other.by != said.by && apart && !twice.contains(&other.id)
        };
        let crossed = steps.iter().any(|other| crosses(&other));
        assert_eq!(step.marks.contains(&Mark::Crossed), crossed, "oracle: crossed {step:?}");
    }
    let counted: Vec<&Said> =
        steps.into_iter().filter(|said| !twice.contains(&said.id)).copied().collect();
    let expected = match &opener.event {
        Event::Reach(reach) => reached(reach.reply_needed, &counted),
        Event::Question(_) => asked(&counted),
        _ => Stands::Moment,
    };
    assert_eq!(stands(&card.status), expected, "oracle: where {:?} stands", card.record);
}

/// A time moves once: of two devices of one person that move it at the same time, the later one moves nothing.
fn moved_twice(steps: &[&&Said]) -> BTreeSet<EntryId> {
    let mut moved = BTreeSet::new();
    let again = |said: &&&&Said| match &said.event {
        Event::Moved(it) => !moved.insert(it.promise),
        _ => false,
    };
    steps.iter().filter(again).map(|said| said.id).collect()
}

fn reached(reply_needed: bool, steps: &[&Said]) -> Stands {
    let mut stands = Stands::Open;
    let mut outcome = None;
    let mut times: Vec<Set<'_>> = Vec::new();
    for said in steps {
        match &said.event {
            Event::Withdraw(_) => return Stands::Withdrawn,
            Event::Outcome(it) => outcome = Some(it.value),
            Event::Moved(it) => move_time(&mut times, it.promise, it.to.instant().as_millis()),
            Event::Return(_) => {
                end(&mut times, |_| true);
                stands = Stands::Returned;
            }
            Event::Reply(it) => match (it.kind, &it.return_at) {
                (ReplyKind::HereNow, _) => {
                    let kept = end(&mut times, |_| true);
                    stands = if kept { Stands::Returned } else { Stands::Here };
                }
                (ReplyKind::Cannot, _) => {
                    end(&mut times, |set| said.seen.contains(&set.by.id));
                    stands = Stands::Cannot;
                }
                (ReplyKind::Promise | ReplyKind::PauseNeeded, time) => {
                    let until_ms = time.as_ref().map_or(0, |time| time.instant().as_millis());
                    times.push(Set { by: said, until_ms, moved: false, open: true });
                }
            },
            _ => {}
        }
    }
    if outcome.is_some() || !reply_needed {
        return Stands::Closed(outcome);
    }
    earliest(&times).map_or(stands, Stands::Promised)
}

fn asked(steps: &[&Said]) -> Stands {
    let reopened = steps.iter().rev().find(|said| matches!(said.event, Event::Reopen(_)));
    let mut stands = if reopened.is_some() { Stands::Reopened } else { Stands::Open };
    let mut enough = false;
    let mut times: Vec<Set<'_>> = Vec::new();
    for said in steps {
        let this_round = reopened.is_none_or(|again| !again.seen.contains(&said.id));
        match &said.event {
            Event::Withdraw(_) => return Stands::Withdrawn,
            Event::Enough(_) => enough = true,
            Event::Reopen(_) => enough = false,
            Event::Moved(it) => move_time(&mut times, it.promise, it.to.instant().as_millis()),
            Event::Promise(it) => {
                let until_ms = it.answer_by.instant().as_millis();
                times.push(Set { by: said, until_ms, moved: false, open: true });
            }
            Event::Answer(_) => {
                end(&mut times, |_| true);
                stands = if this_round { Stands::Answered } else { stands };
            }
            Event::Decline(_) => {
                end(&mut times, |set| said.seen.contains(&set.by.id));
                let first = this_round && stands != Stands::Answered;
                stands = if first { Stands::Declined } else { stands };
            }
            _ => {}
        }
    }
    match earliest(&times) {
        _ if enough => Stands::Enough,
        Some(until) if stands != Stands::Answered => Stands::Promised(until),
        _ => stands,
    }
}

fn move_time(times: &mut [Set<'_>], of: EntryId, until_ms: u64) {
    let found = times.iter_mut().find(|set| set.by.id == of && !set.moved);
    if let Some(set) = found {
        (set.until_ms, set.moved) = (until_ms, true);
    }
}

/// Ends the open ones among these. True if there were any.
fn end(times: &mut [Set<'_>], which: impl Fn(&Set<'_>) -> bool) -> bool {
    let mut any = false;
    for set in times.iter_mut().filter(|set| set.open) {
        if which(set) {
            (set.open, any) = (false, true);
        }
    }
    any
}

fn earliest(times: &[Set<'_>]) -> Option<u64> {
    times.iter().filter(|set| set.open).map(|set| set.until_ms).min()
}

fn stands(status: &Status) -> Stands {
    match status {
        Status::Member(_) | Status::Moment | Status::Newer => Stands::Moment,
        Status::Reach(reach) => match reach {
            ReachStatus::Open => Stands::Open,
            ReachStatus::Here => Stands::Here,
            ReachStatus::Promised(due) => Stands::Promised(due.time.instant().as_millis()),
            ReachStatus::Cannot => Stands::Cannot,
            ReachStatus::Returned(_) => Stands::Returned,
            ReachStatus::Closed(outcome) => Stands::Closed(*outcome),
            ReachStatus::Withdrawn => Stands::Withdrawn,
        },
        Status::Question(question) => match question {
            QuestionStatus::Asked => Stands::Open,
            QuestionStatus::Promised(due) => Stands::Promised(due.time.instant().as_millis()),
            QuestionStatus::Declined { .. } => Stands::Declined,
            QuestionStatus::Answered => Stands::Answered,
            QuestionStatus::Enough => Stands::Enough,
            QuestionStatus::Reopened => Stands::Reopened,
            QuestionStatus::Withdrawn { .. } => Stands::Withdrawn,
        },
    }
}
