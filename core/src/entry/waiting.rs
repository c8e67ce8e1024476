//! Entries that wait for others: who waits for what, within bounds. Pure bookkeeping; the bytes are rows of the store.
//!
//! In a shared space each person has half of the room, so that one device gone wrong cannot make the other's entries
//! homeless. What does not fit is not stored: the lowest position is remembered, and pulled again when something that
//! became known may have made room.

use std::collections::{BTreeMap, BTreeSet};

use wire::codec::{DecodeError, Reader, Writer};
use wire::id::EnvelopeId;

use super::admit::Missing;
use crate::model::id::{ChainId, PersonId};

/// Entries that wait in one space. A month of both people offline is far below it.
pub const WAITING_ENTRIES_MAX: usize = 10_000;
/// Their bytes: what a phone can spare.
pub const WAITING_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// How many chains in a row are followed from one that waits.
const NEEDED_STEPS_MAX: usize = 32;

/// An entry that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The envelope it came in: two copies of an entry, of which one may be forged, wait side by side.
    pub id: EnvelopeId,
    /// Whose half it takes.
    pub person: PersonId,
    /// Its size.
    pub bytes: usize,
    /// Its place in its chain.
    pub at: (ChainId, u64),
    /// Its position at the relay.
    pub position: u64,
    /// What it waits for.
    pub on: Missing,
}

/// What became of an entry that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has a place: store it.
    Kept,
    /// There is none: do not store it. It is counted, and the cursor may move on.
    Full(Overflow),
}

/// What a person's half could not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Whose half.
    pub person: PersonId,
    /// The lowest position that was not kept.
    pub position: u64,
    /// How many were not kept since the last pull.
    pub count: u32,
}

impl Overflow {
    /// The row that the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(self.person.as_bytes()).u64(self.position).u32(self.count);
        w.into_bytes()
    }

    /// Reads what [`Overflow::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] if the row is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let person = PersonId::from_bytes(r.array()?);
        let overflow = Self { person, position: r.u64()?, count: r.u32()? };
        r.end()?;
        Ok(overflow)
    }
}

/// Something known to be missing: opened, shown, closed by pulling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// Entries wait for this.
    Gap {
        /// What is missing.
        on: Missing,
        /// The lowest position of those that wait for it.
        position: u64,
        /// How many wait for it.
        count: usize,
    },
    /// A half is full.
    Overflow(Overflow),
    /// More than a person may send in a day waits at the relay, until tomorrow or until the owner takes it.
    Bulk(Overflow),
    /// So much was refused that no more of it is kept: it is at the relay only.
    Dropped(Overflow),
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    entries: usize,
    bytes: usize,
}

/// Who waits for what in one space.
#[derive(Clone, Debug)]
pub struct WaitingRoom {
    share: Used,
    waiting: BTreeMap<EnvelopeId, Waiting>,
    by_missing: BTreeMap<Missing, BTreeSet<EnvelopeId>>,
    used: BTreeMap<PersonId, Used>,
    overflows: BTreeMap<PersonId, Overflow>,
    moved: bool,
}

impl WaitingRoom {
    /// The room of a private space: all of it for one person.
    pub const fn private() -> Self {
        Self::new(1)
    }

    /// The room of a shared space: half for each.
    pub const fn shared() -> Self {
        Self::new(2)
    }

    const fn new(persons: usize) -> Self {
        Self {
            share: Used {
                entries: WAITING_ENTRIES_MAX / persons,
                bytes: WAITING_BYTES_MAX / persons,
            },
            waiting: BTreeMap::new(),
            by_missing: BTreeMap::new(),
            used: BTreeMap::new(),
            overflows: BTreeMap::new(),
            moved: false,
        }
    }

    /// Counts an envelope that finds no place; it is pulled again when something became known.
    pub fn overflow(&mut self, person: PersonId, position: u64) -> Overflow {
        let none = Overflow { person, position, count: 0 };
        let overflow = self.overflows.entry(person).or_insert(none);
        overflow.position = overflow.position.min(position);
        overflow.count = overflow.count.saturating_add(1);
        *overflow
    }

    /// Whether something became known, and a share that was full is half empty now. Not asked for what nobody's share
    /// could take: that is looked for again when all else is caught up.
    pub fn has_room(&self) -> bool {
        self.moved
            && self.overflows.keys().filter(|person| **person != PersonId::ZERO).any(|person| {
                let used = self.used.get(person).copied().unwrap_or_default();
                used.entries <= self.share.entries / 2 && used.bytes <= self.share.bytes / 2
            })
    }

    /// How far each chain is needed by the entries of one person that wait, and by what those wait for.
    pub fn needed_by(&self, person: PersonId) -> BTreeMap<ChainId, u64> {
        let mut needed = BTreeMap::new();
        // Who waits for whom is the sender's choice; honest entries wait for few chains in a row.
        for _ in 0..NEEDED_STEPS_MAX {
            let mut grown = false;
            for waiting in self.waiting.values() {
                let (of, seq) = waiting.at;
                let counts = waiting.person == person
                    || needed.get(&of).is_some_and(|newest: &u64| seq <= *newest);
                if let (true, Missing::Entry { chain, seq, .. }) = (counts, waiting.on) {
                    let newest = needed.entry(chain).or_default();
                    grown |= *newest < seq;
                    *newest = seq.max(*newest);
                }
            }
            if !grown {
                break;
            }
        }
        needed
    }

    /// Gives an entry a place, if its person's share has one. An entry that waits already only changes what for.
    pub fn insert(&mut self, entry: Waiting) -> Place {
        self.remove(entry.id);
        let share = self.share;
        let used = self.used.entry(entry.person).or_default();
        let bytes = used.bytes.saturating_add(entry.bytes);
        if used.entries >= share.entries || bytes > share.bytes {
            return Place::Full(self.overflow(entry.person, entry.position));
        }
        *used = Used { entries: used.entries.saturating_add(1), bytes };
        self.by_missing.entry(entry.on).or_default().insert(entry.id);
        self.waiting.insert(entry.id, entry);
        Place::Kept
    }

    /// Tells that something became known, waited for or not. Whoever waited for it leaves the room, in order of their
    /// positions, to be asked again; it comes back if it must wait for something else.
    pub fn release(&mut self, on: Missing) -> Vec<EnvelopeId> {
        self.moved = true;
        let ids = self.by_missing.get(&on).cloned().unwrap_or_default();
        let mut released: Vec<_> = ids.into_iter().filter_map(|id| self.remove(id)).collect();
        released.sort_unstable_by_key(|entry| (entry.position, entry.id));
        released.into_iter().map(|entry| entry.id).collect()
    }

    /// Takes an entry out, because it was refused or came another way.
    pub fn remove(&mut self, id: EnvelopeId) -> Option<Waiting> {
        let entry = self.waiting.remove(&id)?;
        if let Some(ids) = self.by_missing.get_mut(&entry.on) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_missing.remove(&entry.on);
            }
        }
        if let Some(used) = self.used.get_mut(&entry.person) {
            used.entries = used.entries.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(entry.bytes);
        }
        Some(entry)
    }

    /// Takes back an overflow that was stored. It is pulled again at the next chance.
    pub fn restore(&mut self, overflow: Overflow) {
        self.overflows.insert(overflow.person, overflow);
        self.moved = true;
    }

    /// The lowest position from which to pull again, if a share was full and something became known since: asked when
    /// all else is caught up. The overflows are forgotten; what still has no place comes back as new ones.
    pub fn pull_again(&mut self) -> Option<u64> {
        let lowest = self.overflows.values().map(|overflow| overflow.position).min()?;
        if !self.moved {
            return None;
        }
        self.moved = false;
        self.overflows.clear();
        Some(lowest)
    }

    /// All that is known to be missing.
    pub fn tickets(&self) -> Vec<Ticket> {
        let gaps = self.by_missing.iter().map(|(on, ids)| {
            let positions = ids.iter().filter_map(|id| self.waiting.get(id)).map(|e| e.position);
            Ticket::Gap { on: *on, position: positions.min().unwrap_or(0), count: ids.len() }
        });
        gaps.chain(self.overflows.values().copied().map(Ticket::Overflow)).collect()
    }

    /// Who waits for this.
    pub fn waiting_for(&self, on: Missing) -> impl Iterator<Item = EnvelopeId> + '_ {
        self.by_missing.get(&on).into_iter().flatten().copied()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True if nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERS: PersonId = PersonId::from_bytes([1; 16]);
    const HIS: PersonId = PersonId::from_bytes([2; 16]);
    const CHAIN: ChainId =
        ChainId { device: crate::model::id::DeviceId::from_bytes([3; 16]), inc: 0 };

    fn entry(number: u16, person: PersonId, bytes: usize, idx: u32) -> Waiting {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let position = u64::from(number);
        Waiting {
            id: EnvelopeId::from_bytes(id),
            person,
            bytes,
            at: (CHAIN, position),
            position,
            on: Missing::Control { idx },
        }
    }

    #[test]
    fn a_full_half_counts_and_the_other_half_goes_on() {
        let mut room = WaitingRoom::shared();
        for number in 0..5_000 {
            assert_eq!(room.insert(entry(number, HIS, 1, 7)), Place::Kept);
        }
        let full = |position, count| Place::Full(Overflow { person: HIS, position, count });
        assert_eq!(room.insert(entry(6_001, HIS, 1, 7)), full(6_001, 1));
        assert_eq!(room.insert(entry(6_000, HIS, 1, 7)), full(6_000, 2));
        assert_eq!(room.insert(entry(7_000, HERS, 1, 7)), Place::Kept);
        assert_eq!(room.insert(entry(0, HIS, 1, 8)), Place::Kept, "it has its place already");

        assert_eq!(room.pull_again(), None, "nothing became known");
        assert_eq!(room.release(Missing::Control { idx: 8 }).len(), 1);
        assert_eq!(room.pull_again(), Some(6_000));
        assert_eq!(room.pull_again(), None);
        assert_eq!(room.insert(entry(6_000, HIS, 1, 7)), Place::Kept);
    }

    #[test]
    fn bytes_are_bounded_too_and_a_private_room_is_all_of_one_person() {
        let half = WAITING_BYTES_MAX / 2;
        let mut shared = WaitingRoom::shared();
        assert_eq!(shared.insert(entry(1, HIS, half, 7)), Place::Kept);
        assert!(matches!(shared.insert(entry(2, HIS, 1, 7)), Place::Full(_)));
        let mut private = WaitingRoom::private();
        assert_eq!(private.insert(entry(1, HIS, half, 7)), Place::Kept);
        assert_eq!(private.insert(entry(2, HIS, half, 7)), Place::Kept);
        assert!(matches!(private.insert(entry(3, HIS, 1, 7)), Place::Full(_)));
    }

    #[test]
    fn who_waited_comes_out_in_order_of_position_and_the_gap_closes() {
        let mut room = WaitingRoom::shared();
        for number in [3, 1, 2] {
            room.insert(entry(number, HIS, 10, 7));
        }
        let on = Missing::Control { idx: 7 };
        assert_eq!(room.tickets(), [Ticket::Gap { on, position: 1, count: 3 }]);
        let ids = [1, 2, 3].map(|number| entry(number, HIS, 10, 7).id);
        assert_eq!(room.release(on), ids);
        assert!(room.tickets().is_empty() && room.is_empty());
    }

    #[test]
    fn a_full_half_is_asked_for_again_when_it_is_half_empty() {
        let mut room = WaitingRoom::shared();
        for number in 0..5_001 {
            room.insert(entry(number, HIS, 1, u32::from(number % 2)));
        }
        assert!(!room.has_room());
        assert_eq!(room.release(Missing::Control { idx: 0 }).len(), 2_500);
        assert!(room.has_room());
        assert_eq!(room.pull_again(), Some(5_000));
        assert!(!room.has_room());
        room.overflow(PersonId::ZERO, 9);
        room.release(Missing::Control { idx: 1 });
        assert!(!room.has_room(), "nobody's share");
        assert_eq!(room.pull_again(), Some(9));
    }

    #[test]
    fn what_one_waits_for_is_needed_and_what_that_waits_for_too() {
        let chain = |n| ChainId { device: crate::model::id::DeviceId::from_bytes([n; 16]), inc: 0 };
        let on = |chain, seq| Missing::Entry { chain, seq, id: [0; 16] };
        let mut room = WaitingRoom::shared();
        let hers = Waiting { at: (chain(1), 1), on: on(chain(2), 5), ..entry(1, HERS, 1, 0) };
        let his = Waiting { at: (chain(2), 5), on: on(chain(3), 9), ..entry(2, HIS, 1, 0) };
        let later = Waiting { at: (chain(2), 6), on: on(chain(4), 7), ..entry(3, HIS, 1, 0) };
        for waiting in [later, his, hers] {
            room.insert(waiting);
        }
        assert_eq!(room.needed_by(HERS), BTreeMap::from([(chain(2), 5), (chain(3), 9)]));
    }

    #[test]
    fn an_overflow_survives_a_restart() {
        let overflow = Overflow { person: HERS, position: 9, count: 3 };
        assert_eq!(Overflow::decode(&overflow.encode()), Ok(overflow));
        let mut room = WaitingRoom::shared();
        room.restore(overflow);
        assert_eq!(room.tickets(), [Ticket::Overflow(overflow)]);
        assert_eq!(room.pull_again(), Some(9));
    }
}
