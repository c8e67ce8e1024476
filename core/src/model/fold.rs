//! From told events to records: the same events, in any order and any number of times, give the same record.
//!
//! Each event is judged by what *its own author* had seen, never by what lies between in some order: so no clock
//! decides between the two persons, and both phones judge alike. Where neither had seen the other's, both count, and
//! the step is marked as crossed. What breaks a rule is kept and shown, and has no effect; what its author was not
//! allowed to say is kept apart. Time is not an input here: nothing changes because it passes.

use super::Event;
use super::event::{Kind, Newer};
use super::id::{ChainId, DeviceId, EntryId, OrderKey, PersonId, RecordId};
use super::moment::{self, MomentRecord};
use super::permission::{Rule, Who, permission};
use super::person::{self, MemberRecord};
use super::promise::Moved;
use super::question::{self, QuestionRecord};
use super::reach::{self, ReachRecord};
use super::told::{Head, Told};

/// Events of one person that count in one record, the earliest ones. Folding looks at all pairs, so that a flood by
/// one of the two costs the other's phone at most some 500 * 500 steps; no honest record comes near.
pub const EVENTS_PER_PERSON_MAX: usize = 256;

/// What the told events of one record come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: RecordId,
    /// Everything told, in order, the opening first: nothing is ever left out.
    pub steps: Vec<Step>,
    /// What it is, and where it stands.
    pub facts: Facts,
}

/// The kinds of records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the record of that name")]
pub enum Facts {
    Member(MemberRecord),
    Moment(MomentRecord),
    Reach(ReachRecord),
    Question(QuestionRecord),
    Newer(Newer),
}

/// One told event within its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was told.
    pub told: Told,
    /// Whether it counts.
    pub standing: Standing,
    /// Crossed on the way with something of the other person that counts: nothing says which was first.
    pub crossed: bool,
}

/// Whether a told event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Counted,
    /// It breaks a rule: kept and shown, without effect.
    Void(Rule),
    /// Its author may not say this: kept for the technical log, without effect.
    Quarantined,
}

impl Record {
    /// The step that opened it.
    pub fn opening(&self) -> Option<&Step> {
        self.steps.first()
    }
}

/// Folds all told events of one record: in any order, any number of times.
///
/// Events of another record than the first one's are left aside. `None` as long as the opening is not there.
pub fn fold(told: &[Told]) -> Option<Record> {
    let id = told.first()?.record();
    let mut ordered: Vec<&Told> = told.iter().filter(|told| told.record() == id).collect();
    ordered.sort_by_key(|told| told.head.order());
    ordered.dedup_by_key(|told| told.head.id);
    let opener = *ordered.iter().find(|told| told.event().kind().opens())?;
    // An honest opening is seen by all that follows, so it comes first; a dishonest one is put there.
    ordered.sort_by_key(|told| told.head.id != opener.head.id);
    let case = Case { opener, told: ordered };
    let (facts, judged) = match opener.event() {
        Event::Member(_) => person::fold(&case)?,
        Event::Moment(moment) => moment::fold(moment, &case),
        Event::Reach(reach) => reach::fold(reach, &case),
        Event::Question(question) => question::fold(question, &case),
        Event::Newer(newer) => (Facts::Newer(newer.clone()), case.judge(|_, _| Ok(()))),
        Event::Echo(_)
        | Event::Reply(_)
        | Event::Return(_)
        | Event::Outcome(_)
        | Event::Withdraw(_)
        | Event::Moved(_)
        | Event::Promise(_)
        | Event::Answer(_)
        | Event::Decline(_)
        | Event::Enough(_)
        | Event::Reopen(_) => return None,
    };
    Some(Record { id, steps: case.steps(&judged), facts })
}

/// Whether `by`, having seen all that was `told` of the record, may now say `event`.
///
/// # Errors
/// The [`Rule`] that it would break.
pub fn may(told: &[Told], event: &Event, by: PersonId) -> Result<(), Rule> {
    event.check()?;
    if event.kind().opens() {
        return Ok(());
    }
    let newest = told.iter().map(|told| told.head.k).max().unwrap_or_default();
    let mut seen = std::collections::BTreeMap::new();
    for head in told.iter().map(|told| &told.head) {
        let seq: &mut u64 = seen.entry(head.chain).or_default();
        *seq = head.seq.max(*seq);
    }
    let head = Head {
        id: EntryId::from_bytes([0xff; EntryId::LEN]),
        k: OrderKey(newest.0.saturating_add(1)),
        hlc_ms: event.at().instant().as_millis(),
        author: by,
        chain: ChainId { device: DeviceId::from_bytes([0xff; DeviceId::LEN]), inc: u16::MAX },
        seq: 1,
        seen: seen.into_iter().collect(),
        disputed: false,
        cut_off: false,
    };
    let id = head.id;
    let new = Told::new(head, event.encode()).map_err(|_| Rule::WrongRecord)?;
    let mut all = vec![new];
    all.extend_from_slice(told);
    let record = fold(&all).ok_or(Rule::WrongRecord)?;
    let step = record.steps.iter().find(|step| step.told.head.id == id).ok_or(Rule::WrongRecord)?;
    match step.standing {
        Standing::Counted => Ok(()),
        Standing::Void(rule) => Err(rule),
        Standing::Quarantined => Err(Rule::WrongAuthor),
    }
}

/// The told events of one record, in order, the opening first.
pub(super) struct Case<'a> {
    opener: &'a Told,
    told: Vec<&'a Told>,
}

/// What an event is judged by.
pub(super) struct Past<'b, 'a> {
    /// What counts and its author had seen, in order.
    pub(super) seen: &'b [&'a Told],
    /// What counts and stands earlier in the order, seen or not.
    earlier: &'b [&'a Told],
}

impl Past<'_, '_> {
    /// A time moves once, also when two devices of one person move it at the same time.
    pub(super) fn is_first_move(&self, moved: &Moved) -> Result<(), Rule> {
        let rival =
            |told: &&Told| matches!(told.event(), Event::Moved(m) if m.promise == moved.promise);
        if self.earlier.iter().any(rival) { Err(Rule::AlreadyMoved) } else { Ok(()) }
    }
}

/// Which events count, and how each stands.
pub(super) struct Judged<'a> {
    /// What counts after the opening, in order.
    pub(super) counted: Vec<&'a Told>,
    standings: Vec<Standing>,
}

impl<'a> Case<'a> {
    /// Judges all events in order; `guard` knows the rules of this kind of record.
    pub(super) fn judge(
        &self,
        guard: impl Fn(&Past<'_, 'a>, &'a Told) -> Result<(), Rule>,
    ) -> Judged<'a> {
        let mut judged = Judged { counted: Vec::new(), standings: Vec::new() };
        let mut taken = [0_usize; 2];
        for &told in &self.told {
            let ours = usize::from(told.head.author == self.opener.head.author);
            let full = taken.get(ours).is_none_or(|taken| *taken >= EVENTS_PER_PERSON_MAX);
            let standing = if full {
                Standing::Void(Rule::TooMany)
            } else {
                self.stand(told, &judged, &guard)
            };
            if !full && let Some(taken) = taken.get_mut(ours) {
                *taken += 1;
            }
            if standing == Standing::Counted
                && (told.head.id != self.opener.head.id || self.names())
            {
                judged.counted.push(told);
            }
            judged.standings.push(standing);
        }
        judged
    }

    fn stand(
        &self,
        told: &'a Told,
        judged: &Judged<'a>,
        guard: &impl Fn(&Past<'_, 'a>, &'a Told) -> Result<(), Rule>,
    ) -> Standing {
        let kind = told.event().kind();
        let permission = permission(kind);
        let opener = self.opener;
        let in_doubt = told.head.disputed || told.head.cut_off;
        if in_doubt && told.head.id != opener.head.id {
            return Standing::Void(Rule::InDoubt);
        }
        if kind.opens() {
            let fits = told.head.id == opener.head.id || (self.names() && kind == Kind::Member);
            return if fits { Standing::Counted } else { Standing::Void(Rule::WrongRecord) };
        }
        if !permission.on.contains(&opener.event().kind()) {
            return Standing::Void(Rule::WrongRecord);
        }
        let own = told.head.author == opener.head.author;
        let allowed = match permission.who {
            Who::Either => true,
            Who::Opener => own,
            Who::Other => !own,
        };
        if !allowed {
            return Standing::Quarantined;
        }
        if !told.head.sees(&opener.head) {
            return Standing::Void(Rule::NotSeen);
        }
        let seen: Vec<&Told> = judged
            .counted
            .iter()
            .copied()
            .filter(|earlier| told.head.sees(&earlier.head))
            .collect();
        let past = Past { seen: &seen, earlier: &judged.counted };
        match told.event().check().and_then(|()| guard(&past, told)) {
            Ok(()) => Standing::Counted,
            Err(rule) => Standing::Void(rule),
        }
    }

    /// Whether this is the record of a person's name, in which every event is of the opening kind.
    fn names(&self) -> bool {
        self.opener.event().kind() == Kind::Member
    }

    fn steps(&self, judged: &Judged<'a>) -> Vec<Step> {
        let step = |(told, standing): (&&'a Told, &Standing)| {
            let many = *standing == Standing::Void(Rule::TooMany);
            let crossed = !many
                && judged.counted.iter().any(|other| {
                    other.head.author != told.head.author && other.head.crosses(&told.head)
                });
            Step { told: (*told).clone(), standing: *standing, crossed }
        };
        self.told.iter().zip(&judged.standings).map(step).collect()
    }
}
