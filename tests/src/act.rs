//! What people do: commands shaped like the product, drawn from what is on the device in the hand.

use crate::canary;
use crate::random::Seeded;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Command, Draft, Session, Unfinished};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::{DocumentId, RecordId};
use reknit_core::model::measure::Score10;
use reknit_core::model::moment::{Echo, EchoKind, Moment, MomentKind, WhoDid};
use reknit_core::model::person::Name;
use reknit_core::model::promise::Moved;
use reknit_core::model::question as q;
use reknit_core::model::reach as r;
use reknit_core::model::when::{At, Zoned};
use reknit_core::model::{Event, Kind, Text};
use reknit_core::view::Card;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the person in front of a device does next.
#[derive(Debug)]
pub struct Person<'a> {
    session: &'a Session,
    at: At,
    dice: &'a mut Seeded,
}

/// A new word that begins with the canary of all words, so that one search finds any of them.
pub fn word(dice: &mut Seeded) -> String {
    let tail = (0..12).map(|_| *dice.pick(b"abcdefghijklmnop")).map(char::from);
    canary::word(0).chars().chain(tail).collect()
}

/// Text with a canary in it.
pub fn text<const N: usize>(dice: &mut Seeded) -> Text<N> {
    Text::new(word(dice)).expect("a short text")
}

impl World {
    /// A command for a device that runs, drawn from what it shows.
    pub fn next_command(&self, device: DeviceIndex, dice: &mut Seeded) -> Option<Command> {
        let at = self.now(device).at().expect("a time");
        let session = self.node(device).session();
        Person { session, at, dice }.next()
    }
}

impl Person<'_> {
    fn next(mut self) -> Option<Command> {
        let paired = self.session.is_paired();
        if self.dice.one_in(8) {
            return self.type_on(paired);
        }
        let choice = if paired { self.dice.below(100) } else { self.dice.below(20) };
        match choice {
            0..2 => Name::new(word(self.dice).as_str()).ok().map(Command::SetName),
            2..8 => Some(self.new_journal()),
            8..18 => self.edit_document(DocumentKind::Journal),
            18..20 => self.document(DocumentKind::Journal).map(Command::DeleteDocument),
            20..25 => Some(Command::NewDocument(DocumentKind::Agreement, self.edit())),
            25..40 => self.edit_document(DocumentKind::Agreement),
            40..48 => Some(Command::Tell(self.moment())),
            48..58 => Some(Command::Tell(self.reach())),
            58..66 => Some(Command::Tell(self.question())),
            _ => self.follow_up().map(Command::Tell),
        }
    }

    fn edit(&mut self) -> Edit {
        let title = (self.dice.one_in(2)).then(|| word(self.dice));
        let lines = 1 + self.dice.below(3);
        let text = (0..lines).map(|_| word(self.dice) + " ").collect();
        Edit { title, text: Some(text), ..Edit::default() }
    }

    fn new_journal(&mut self) -> Command {
        let mut edit = self.edit();
        if self.dice.one_in(2) {
            edit.tags = Some(vec![word(self.dice)]);
            edit.at_ms = i64::try_from(self.at.instant().as_millis()).ok();
        }
        Command::NewDocument(DocumentKind::Journal, edit)
    }

    fn document(&mut self, kind: DocumentKind) -> Option<DocumentId> {
        let cards = self.session.documents(kind).ok()?;
        (!cards.is_empty()).then(|| self.dice.pick(&cards).id)
    }

    /// Words are put in, or taken out, somewhere in what stands there.
    fn reworded(&mut self, text: &str) -> String {
        let mut words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        let at = usize::try_from(self.dice.below(words.len() as u64 + 1)).expect("an index");
        if self.dice.one_in(4) && at < words.len() {
            words.remove(at);
        } else {
            words.insert(at, word(self.dice) + " ");
        }
        words.concat()
    }

    fn edit_document(&mut self, kind: DocumentKind) -> Option<Command> {
        let id = self.document(kind)?;
        let (_, fields) = self.session.document(id).ok()?;
        let text = Some(self.reworded(&fields.text));
        let title = self.dice.one_in(5).then(|| word(self.dice));
        Some(Command::EditDocument(id, Edit { title, text, ..Edit::default() }))
    }

    /// A text is begun, gone on with, given or dropped; most are left open for a while.
    fn type_on(&mut self, paired: bool) -> Option<Command> {
        let drafts = self.session.drafts().ok()?;
        if drafts.is_empty() || self.dice.one_in(3) {
            let shared = paired && self.dice.one_in(2);
            let kind = if shared { DocumentKind::Agreement } else { DocumentKind::Journal };
            let known = self.document(kind).filter(|_| self.dice.one_in(2));
            let id = known.unwrap_or_else(|| DocumentId::from_bytes(self.dice.array()));
            let before = self.session.document(id).map_or_else(|_| String::new(), |it| it.1.text);
            let edit = Edit { text: Some(before.clone()), ..Edit::default() };
            return Some(self.keep(id, Draft { kind, before, edit }));
        }
        let Unfinished { document, draft, .. } = self.dice.pick(&drafts).clone();
        Some(match self.dice.below(6) {
            0 => Command::DropDraft(document),
            1..3 => Command::CloseDraft(document, draft),
            _ => self.keep(document, draft),
        })
    }

    fn keep(&mut self, id: DocumentId, mut draft: Draft) -> Command {
        let text = draft.edit.text.unwrap_or_default();
        draft.edit.text = Some(self.reworded(&text));
        Command::KeepDraft(id, draft)
    }

    fn moment(&mut self) -> Event {
        Event::Moment(Moment {
            at: self.at.clone(),
            kind: *self.dice.pick(&[MomentKind::Repair, MomentKind::Laughter, MomentKind::Other]),
            happened: None,
            who_did: *self.dice.pick(&[WhoDid::Author, WhoDid::Other, WhoDid::Both]),
            text: Some(text(self.dice)),
            felt: Score10::new(7).ok(),
        })
    }

    fn reach(&mut self) -> Event {
        Event::Reach(r::Reach {
            at: self.at.clone(),
            kind: *self.dice.pick(&[r::ReachKind::Hurting, r::ReachKind::MissingYou]),
            text: Some(text(self.dice)),
            distress: None,
            want: BTreeSet::from([r::Want::Listen]),
            mixed: false,
            urgency: *self.dice.pick(&[r::Urgency::Now, r::Urgency::Today]),
            reply_needed: !self.dice.one_in(5),
        })
    }

    fn question(&mut self) -> Event {
        Event::Question(q::Question {
            at: self.at.clone(),
            kind: *self.dice.pick(&[q::QuestionKind::Fact, q::QuestionKind::Now]),
            text: text(self.dice),
            wish: q::Wish::Written,
            detail: None,
            repeat_of: None,
            parent: None,
        })
    }

    /// Something on a record that is there. Much of it is not allowed, and said to be so.
    fn follow_up(&mut self) -> Option<Event> {
        let cards = self.session.cards().ok()?;
        let own = self.session.person();
        let fits = |card: &&Card| match card.kind() {
            Kind::Moment => card.opening.by != own,
            Kind::Reach | Kind::Question => true,
            _ => false,
        };
        let open: Vec<&Card> = cards.iter().filter(fits).collect();
        if open.is_empty() {
            return None;
        }
        let card = *self.dice.pick(&open);
        let (of, at, mine) = (card.record, self.at.clone(), card.opening.by == own);
        match (card.kind(), mine) {
            (Kind::Moment, _) => {
                let kind = *self.dice.pick(&[EchoKind::FeltItToo, EchoKind::ThankYou]);
                Some(Event::Echo(Echo { at, of, kind, text: Some(text(self.dice)) }))
            }
            (Kind::Reach, true) => Some(self.reacher(of)),
            (Kind::Reach, false) => self.reached(of),
            (_, true) => Some(self.asker(of)),
            (_, false) => self.asked(of),
        }
    }

    fn reacher(&mut self, of: RecordId) -> Event {
        let at = self.at.clone();
        if self.dice.one_in(5) {
            return Event::Withdraw(r::Withdraw { at, of });
        }
        let value = *self.dice.pick(&[r::OutcomeValue::Met, r::OutcomeValue::Partly]);
        Event::Outcome(r::Outcome { at, of, value, note: Some(text(self.dice)) })
    }

    fn reached(&mut self, of: RecordId) -> Option<Event> {
        let at = self.at.clone();
        let kind = match self.dice.below(6) {
            0 => r::ReplyKind::HereNow,
            1 => r::ReplyKind::PauseNeeded,
            2 => r::ReplyKind::Promise,
            3 => r::ReplyKind::Cannot,
            4 => return self.moved(of, &[Kind::Reply]),
            _ => return Some(Event::Return(r::Return { at, of, text: Some(text(self.dice)) })),
        };
        let timed = matches!(kind, r::ReplyKind::PauseNeeded | r::ReplyKind::Promise);
        let return_at = timed.then(|| self.later());
        let text = Some(text(self.dice));
        Some(Event::Reply(r::Reply { at, of, kind, return_at, text, preset: None }))
    }

    fn asker(&mut self, of: RecordId) -> Event {
        let at = self.at.clone();
        match self.dice.below(4) {
            0 => Event::Withdraw(r::Withdraw { at, of }),
            1 => Event::Reopen(q::Reopen { at, of }),
            _ => Event::Enough(q::Enough { at, of }),
        }
    }

    fn asked(&mut self, of: RecordId) -> Option<Event> {
        let at = self.at.clone();
        match self.dice.below(5) {
            0 => Some(Event::Promise(q::Promise { at, of, answer_by: self.later() })),
            1 => self.moved(of, &[Kind::Promise]),
            2 => {
                let reason = *self.dice.pick(&[q::DeclineReason::NotNow, q::DeclineReason::Other]);
                let until = (reason == q::DeclineReason::NotNow).then(|| self.later());
                let text = Some(text(self.dice));
                Some(Event::Decline(q::Decline { at, of, reason, until, text }))
            }
            _ => Some(Event::Answer(q::Answer {
                at,
                of,
                kind: *self.dice.pick(&[q::AnswerKind::Told, q::AnswerKind::DontKnow]),
                text: Some(text(self.dice)),
                spoken_at: None,
                certainty: None,
                refs: Vec::new(),
            })),
        }
    }

    fn moved(&mut self, of: RecordId, kinds: &[Kind]) -> Option<Event> {
        let (promise, _) = self.session.own_event(of, kinds).ok()?;
        Some(Event::Moved(Moved { at: self.at.clone(), of, promise, to: self.later() }))
    }

    fn later(&mut self) -> Zoned {
        self.at.later(Duration::from_secs(60 + self.dice.below(60 * 60 * 20)))
    }
}
