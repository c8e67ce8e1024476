//! Nora's phone, Ben's phone and Ben's tablet, with what each has seen; no keys, no store.

use std::collections::BTreeMap;

use reknit_core::model::id::{ChainId, DeviceId, EntryId, OrderKey, PersonId, RecordId};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::person::{Member, Name};
use reknit_core::model::promise::Moved;
use reknit_core::model::question::{
    Answer, AnswerKind, Decline, DeclineReason, Enough, Promise, Question, QuestionKind, Reopen,
    Wish,
};
use reknit_core::model::reach::{
    Outcome, OutcomeValue, Reach, ReachKind, Reply, ReplyKind, Return, Urgency, Withdraw,
};
use reknit_core::model::when::{At, Zone, Zoned};
use reknit_core::model::{Event, Head, Record, Standing, Told, fold};
use reknit_core::view::{Card, Names};
use wire::time::Timestamp;

pub(crate) const NORA: usize = 0;
pub(crate) const BEN: usize = 1;
pub(crate) const TABLET: usize = 2;

struct Device {
    person: PersonId,
    chain: ChainId,
    seq: u64,
    seen: BTreeMap<ChainId, u64>,
    k: u128,
    clock_shift: i64,
}

pub(crate) struct Couple {
    pub(crate) told: Vec<Told>,
    devices: Vec<Device>,
}

pub(crate) fn nora() -> PersonId {
    PersonId::from_bytes([0x4e; 16])
}

pub(crate) fn ben() -> PersonId {
    PersonId::from_bytes([0x42; 16])
}

/// In London; `12:30` is that hour in UTC on 28 March 2026.
pub(crate) fn at(typed: &str) -> At {
    let full = if typed.len() == 5 { format!("2026-03-28T{typed}:00Z") } else { typed.to_owned() };
    let epoch =
        Zoned::new(Timestamp::from_millis(0), Zone::chosen("Europe/London").unwrap()).unwrap();
    Zoned::parse(&full, &epoch).unwrap()
}

impl Couple {
    pub(crate) fn new() -> Self {
        let device = |person, n: u8| Device {
            person,
            chain: ChainId { device: DeviceId::from_bytes([n; 16]), inc: 0 },
            seq: 0,
            seen: BTreeMap::new(),
            k: 0,
            clock_shift: 0,
        };
        Self {
            told: Vec::new(),
            devices: vec![device(nora(), 9), device(ben(), 5), device(ben(), 7)],
        }
    }

    /// Lets a device's hybrid clock be wrong: it moves `k`, and nothing that a person would call earlier or later.
    pub(crate) fn shift_clock(&mut self, device: usize, millis: i64) {
        self.devices[device].clock_shift = millis;
    }

    pub(crate) fn say(&mut self, device: usize, event: Event) -> EntryId {
        self.say_bytes(device, &event, event.encode())
    }

    pub(crate) fn say_bytes(&mut self, device: usize, event: &Event, body: Vec<u8>) -> EntryId {
        let device = &mut self.devices[device];
        device.seq += 1;
        let hlc_ms = event.at().instant().as_millis().saturating_add_signed(device.clock_shift);
        device.k = (u128::from(hlc_ms) << 16).max(device.k + 1);
        let mixed = ((u64::from(device.chain.device.as_bytes()[0]) << 32) | device.seq)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut id = [0xee; 32];
        id[..8].copy_from_slice(&mixed.to_be_bytes());
        let head = Head {
            id: EntryId::from_bytes(id),
            k: OrderKey(device.k),
            hlc_ms,
            author: device.person,
            chain: device.chain,
            seq: device.seq,
            seen: device.seen.iter().map(|(chain, seq)| (*chain, *seq)).collect(),
            disputed: false,
            cut_off: false,
        };
        self.told.push(Told::new(head, body).unwrap());
        EntryId::from_bytes(id)
    }

    /// Both then have what either had.
    pub(crate) fn sync(&mut self, a: usize, b: usize) {
        let mut all: BTreeMap<ChainId, u64> = BTreeMap::new();
        for device in [a, b] {
            let device = &self.devices[device];
            for (chain, seq) in device.seen.iter().chain([(&device.chain, &device.seq)]) {
                let newest = all.entry(*chain).or_default();
                *newest = (*newest).max(*seq);
            }
        }
        let k = self.devices[a].k.max(self.devices[b].k);
        for device in [a, b] {
            let device = &mut self.devices[device];
            device.seen = all.clone();
            device.seen.remove(&device.chain);
            device.seen.retain(|_, seq| *seq > 0);
            device.k = k;
        }
    }

    pub(crate) fn sync_all(&mut self) {
        for (a, b) in [(NORA, BEN), (BEN, TABLET), (NORA, BEN), (NORA, TABLET)] {
            self.sync(a, b);
        }
    }

    pub(crate) fn of(&self, id: EntryId) -> Vec<Told> {
        self.told.iter().filter(|told| told.record() == RecordId::from(id)).cloned().collect()
    }

    /// Folds what is told of a record; forwards, backwards and twice must be one.
    pub(crate) fn record(&self, id: EntryId) -> Record {
        let told = self.of(id);
        let record = fold(&told).unwrap();
        let mut turned = told.clone();
        turned.extend(told);
        turned.reverse();
        assert_eq!(fold(&turned).as_ref(), Some(&record));
        record
    }

    pub(crate) fn card(&self, id: EntryId) -> Card {
        Card::new(&self.record(id)).unwrap()
    }

    /// The cards of all records.
    pub(crate) fn cards(&self) -> Vec<Card> {
        let mut records: BTreeMap<RecordId, Vec<Told>> = BTreeMap::new();
        for told in &self.told {
            records.entry(told.record()).or_default().push(told.clone());
        }
        records.values().filter_map(|told| Card::new(&fold(told)?)).collect()
    }

    pub(crate) fn standing(&self, record: EntryId, of: EntryId) -> Standing {
        self.record(record).steps.iter().find(|step| step.told.head.id == of).unwrap().standing
    }
}

pub(crate) fn names() -> Names {
    Names::new([(nora(), Name::new("Nora").unwrap()), (ben(), Name::new("Ben").unwrap())])
}

pub(crate) fn member(time: &str, name: &str) -> Event {
    Event::Member(Member { at: at(time), name: Name::new(name).unwrap() })
}

pub(crate) fn moment(time: &str) -> Event {
    Event::Moment(Moment {
        at: at(time),
        kind: MomentKind::Laughter,
        happened: None,
        who_did: WhoDid::Both,
        text: None,
        felt: None,
    })
}

pub(crate) fn reach(time: &str) -> Event {
    Event::Reach(Reach {
        at: at(time),
        kind: ReachKind::Hurting,
        text: None,
        distress: None,
        want: [].into(),
        mixed: false,
        urgency: Urgency::Now,
        reply_needed: true,
    })
}

pub(crate) fn reply(time: &str, of: EntryId, kind: ReplyKind, return_at: Option<&str>) -> Event {
    let return_at = return_at.map(at);
    Event::Reply(Reply { at: at(time), of: of.into(), kind, return_at, text: None, preset: None })
}

pub(crate) fn back(time: &str, of: EntryId) -> Event {
    Event::Return(Return { at: at(time), of: of.into(), text: None })
}

pub(crate) fn outcome(time: &str, of: EntryId, value: OutcomeValue) -> Event {
    Event::Outcome(Outcome { at: at(time), of: of.into(), value, note: None })
}

pub(crate) fn withdraw(time: &str, of: EntryId) -> Event {
    Event::Withdraw(Withdraw { at: at(time), of: of.into() })
}

pub(crate) fn moved(time: &str, of: EntryId, promise: EntryId, to: &str) -> Event {
    Event::Moved(Moved { at: at(time), of: of.into(), promise, to: at(to) })
}

pub(crate) fn question(time: &str, text: &str) -> Event {
    Event::Question(Question {
        at: at(time),
        kind: QuestionKind::Fact,
        text: reknit_core::model::Text::new(text).unwrap(),
        wish: Wish::Written,
        detail: None,
        repeat_of: None,
        parent: None,
    })
}

pub(crate) fn promise(time: &str, of: EntryId, answer_by: &str) -> Event {
    Event::Promise(Promise { at: at(time), of: of.into(), answer_by: at(answer_by) })
}

pub(crate) fn answer(time: &str, of: EntryId, kind: AnswerKind, text: &str) -> Event {
    let text = (!text.is_empty()).then(|| reknit_core::model::Text::new(text).unwrap());
    Event::Answer(Answer {
        at: at(time),
        of: of.into(),
        kind,
        text,
        spoken_at: None,
        certainty: None,
        refs: Vec::new(),
    })
}

pub(crate) fn decline(
    time: &str,
    of: EntryId,
    reason: DeclineReason,
    until: Option<&str>,
) -> Event {
    Event::Decline(Decline {
        at: at(time),
        of: of.into(),
        reason,
        until: until.map(at),
        text: None,
    })
}

pub(crate) fn enough(time: &str, of: EntryId) -> Event {
    Event::Enough(Enough { at: at(time), of: of.into() })
}

pub(crate) fn reopen(time: &str, of: EntryId) -> Event {
    Event::Reopen(Reopen { at: at(time), of: of.into() })
}
