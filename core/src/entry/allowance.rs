//! What one person may send in a day before this device asks: no phone takes in more than its owner wants.
//!
//! A day is this device's own, and bounds only what it takes now. What is over the bound stays at the relay: the lowest
//! position is remembered, and pulled again when a new day begins, when the owner says "take all", or when an own
//! device names an entry of it.

use wire::codec::{DecodeError, Reader, Writer};

use super::waiting::Overflow;
use crate::model::id::PersonId;

/// Bytes of entries that one person may send in a day.
pub const BYTES_PER_DAY_MAX: u64 = 64 * 1_024 * 1_024;
/// Operations on documents that one person may send in a day: far more than anybody types.
pub const ITEMS_PER_DAY_MAX: u64 = 2_000_000;
/// What an entry costs beside its payload: it is signed, sealed, padded, and filed in several rows.
const ENTRY_BYTES: u64 = 512;

/// What an entry costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    bytes: u64,
    items: u64,
}

impl Cost {
    /// Of an entry with a payload of so many bytes and so many operations.
    pub fn new(payload: usize, items: u64) -> Self {
        let payload = u64::try_from(payload).unwrap_or(u64::MAX);
        Self { bytes: payload.saturating_add(ENTRY_BYTES), items }
    }
}

/// One person's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    person: PersonId,
    day: u32,
    bytes: u64,
    items: u64,
    /// All up to this position is taken: the owner said so.
    consent: u64,
    /// What was left at the relay, and on which day.
    over: Option<(Overflow, u32)>,
    /// The end of the pull that is under way, and what was left again in it.
    pulling: Option<(u64, Option<Overflow>)>,
}

impl Allowance {
    /// A day on which nothing came.
    pub const fn new(person: PersonId) -> Self {
        Self { person, day: 0, bytes: 0, items: 0, consent: 0, over: None, pulling: None }
    }

    /// Whose.
    pub const fn person(&self) -> PersonId {
        self.person
    }

    /// It is this day now.
    pub const fn begin_day(&mut self, day: u32) {
        if self.day != day {
            (self.day, self.bytes, self.items) = (day, 0, 0);
        }
    }

    /// Whether this day has room for it, or its position was agreed to.
    pub fn fits(&self, cost: Cost, position: u64) -> bool {
        position <= self.consent && position > 0
            || self.bytes.saturating_add(cost.bytes) <= BYTES_PER_DAY_MAX
                && self.items.saturating_add(cost.items) <= ITEMS_PER_DAY_MAX
    }

    /// It was taken in.
    pub const fn spend(&mut self, cost: Cost) {
        self.bytes = self.bytes.saturating_add(cost.bytes);
        self.items = self.items.saturating_add(cost.items);
    }

    /// An entry at this position is left at the relay. All that is left so far.
    pub fn leave(&mut self, position: u64) -> Overflow {
        let none = Overflow { person: self.person, position, count: 0 };
        let day = self.day;
        let over = match &mut self.pulling {
            Some((_, over)) => over.get_or_insert(none),
            None => &mut self.over.get_or_insert((none, day)).0,
        };
        over.position = over.position.min(position);
        over.count = over.count.saturating_add(1);
        *over
    }

    /// What is left at the relay.
    pub fn left(&self) -> Option<Overflow> {
        self.over.map(|(over, _)| over)
    }

    /// The owner takes all up to this position.
    pub const fn consent(&mut self, position: u64) {
        self.consent = position;
    }

    /// From where to pull again: there is a new day, or consent, or an own device `needs` something of it.
    pub fn wants_pull(&self, day: u32, needs: bool) -> Option<u64> {
        let (over, of) = self.over.filter(|_| self.pulling.is_none())?;
        (needs || of != day || over.position <= self.consent).then_some(over.position)
    }

    /// The positions up to `until` are pulled again. What is left stays written down until all of them came.
    pub const fn begin_pull(&mut self, until: u64) {
        self.pulling = Some((until, None));
    }

    /// A position came. True if a pull ended with it.
    pub fn passed(&mut self, position: u64) -> bool {
        let Some((_, over)) = self.pulling.filter(|(until, _)| *until == position) else {
            return false;
        };
        self.over = over.map(|over| (over, self.day));
        self.pulling = None;
        true
    }

    /// The row that the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(self.person.as_bytes()).u32(self.day).u64(self.bytes).u64(self.items);
        w.u64(self.consent).count8(usize::from(self.over.is_some()));
        if let Some((over, day)) = self.over {
            w.u64(over.position).u32(over.count).u32(day);
        }
        w.into_bytes()
    }

    /// Reads what [`Allowance::encode`] wrote. A pull that was under way begins anew.
    ///
    /// # Errors
    /// [`DecodeError`] if the row is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let person = PersonId::from_bytes(r.array()?);
        let mut read = Self {
            day: r.u32()?,
            bytes: r.u64()?,
            items: r.u64()?,
            consent: r.u64()?,
            ..Self::new(person)
        };
        if r.list8(1, 16)? > 0 {
            let over = Overflow { person, position: r.u64()?, count: r.u32()? };
            read.over = Some((over, r.u32()?));
        }
        r.end()?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIS: PersonId = PersonId::from_bytes([2; 16]);
    const MEBIBYTE: Cost = Cost { bytes: 1 << 20, items: 0 };

    fn spent() -> Allowance {
        let mut day = Allowance::new(HIS);
        day.begin_day(1);
        for _ in 0..64 {
            assert!(day.fits(MEBIBYTE, 7));
            day.spend(MEBIBYTE);
        }
        assert!(!day.fits(Cost::new(0, 0), 7));
        day
    }

    #[test]
    fn what_is_over_a_day_is_left_and_pulled_again_on_the_next() {
        let mut day = spent();
        assert_eq!(day.leave(70).position, 70);
        assert_eq!(day.leave(71), Overflow { person: HIS, position: 70, count: 2 });
        assert_eq!(day.wants_pull(1, false), None);
        day.begin_day(2);
        assert_eq!(day.wants_pull(2, false), Some(70));
        day.begin_pull(71);
        assert_eq!(day.wants_pull(2, false), None, "it is under way");
        assert_eq!(Allowance::decode(&day.encode()).unwrap().left(), day.left(), "until it ended");
        assert!(day.fits(MEBIBYTE, 70) && !day.passed(70) && day.passed(71));
        assert_eq!(day.left(), None);
    }

    #[test]
    fn consent_and_what_an_own_device_names_pull_at_once_and_what_is_left_again_stays_left() {
        let mut day = spent();
        day.leave(70);
        assert_eq!(day.wants_pull(1, true), Some(70));
        day.begin_pull(80);
        day.leave(79);
        assert!(day.passed(80));
        assert_eq!(day.left(), Some(Overflow { person: HIS, position: 79, count: 1 }));
        day.consent(80);
        assert_eq!(day.wants_pull(1, false), Some(79));
        assert!(day.fits(MEBIBYTE, 80) && !day.fits(MEBIBYTE, 81));
    }

    #[test]
    fn operations_are_bounded_beside_bytes_and_a_row_survives_a_restart() {
        let mut day = Allowance::new(HIS);
        day.spend(Cost { bytes: 1, items: ITEMS_PER_DAY_MAX });
        assert!(day.fits(Cost { bytes: 1, items: 0 }, 0) && !day.fits(Cost::new(1, 1), 0));
        assert_eq!(Allowance::decode(&day.encode()), Ok(day.clone()));
        day.leave(9);
        assert_eq!(Allowance::decode(&day.encode()), Ok(day.clone()));
        assert!(Allowance::decode(&day.encode()[1..]).is_err());
    }
}
