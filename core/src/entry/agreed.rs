//! Which entries of a chain in doubt count.
//!
//! A chain is in doubt from the first place on where it has two entries, and behind the end that its owner's people gave
//! it: a new beginning, a removal. What stands in doubt counts as far as somebody else had acknowledged it: the other
//! person in a shared space, another own device in a private one. So nobody takes back what the other had heard, by
//! telling a second story or by cutting a device off; and nobody adds to the past of a device that was cut off.
//!
//! A pure function of the set of entries: whatever order they come in, every device ends with the same.

use crate::model::id::{DeviceId, EntryId};
use std::collections::{BTreeMap, BTreeSet};

/// Why and from where on a chain is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The first place with two entries.
    pub split: Option<u64>,
    /// The last place before the end that was set, and the index of the control op that set it.
    pub end: Option<(u64, u32)>,
}

/// What stands at a place in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not in doubt, or acknowledged.
    Counts,
    /// Another entry claims its place, or the place of one that it follows.
    Disputed,
    /// Signed behind the end of its chain.
    CutOff,
}

/// An entry in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubtful {
    /// Its place.
    pub seq: u64,
    /// Its name.
    pub id: EntryId,
    /// The one before it.
    pub prev: EntryId,
}

/// Who named an entry in doubt, each with the lowest index of a control op that they named with it.
pub type Acknowledged = BTreeMap<EntryId, BTreeMap<DeviceId, u32>>;

impl Doubt {
    /// The first place in doubt.
    pub fn from(&self) -> u64 {
        let behind = self.end.map_or(u64::MAX, |(last, _)| last.saturating_add(1));
        self.split.unwrap_or(u64::MAX).min(behind)
    }

    /// How an entry that is not acknowledged stands.
    pub fn unheard(&self, seq: u64) -> Standing {
        if self.split.is_some_and(|split| seq >= split) {
            Standing::Disputed
        } else if self.end.is_some_and(|(last, _)| seq > last) {
            Standing::CutOff
        } else {
            Standing::Counts
        }
    }

    /// Behind its end a chain is heard only by those who did not know of the end.
    fn hears(&self, seq: u64, control: u32) -> bool {
        self.end.is_none_or(|(last, idx)| seq <= last || control < idx)
    }
}

/// The entries in doubt that count: from the first place on, at each place the one that was acknowledged, by itself or
/// by what follows it; of several the one that most devices acknowledged if `by_most`, else and of as many the one
/// with the smallest id. Where none was, nothing behind counts.
pub fn agreed(
    doubt: &Doubt,
    entries: &[Doubtful],
    acknowledged: &Acknowledged,
    by_most: bool,
) -> BTreeSet<EntryId> {
    let heard = spread(entries, acknowledged);
    let devices = |entry: &Doubtful| {
        let by = heard.get(&entry.id).into_iter().flatten();
        by.filter(|(_, control)| doubt.hears(entry.seq, **control)).count()
    };
    let mut counts = BTreeSet::new();
    let (mut place, mut before) = (doubt.from(), None);
    loop {
        let here = entries
            .iter()
            .filter(|entry| entry.seq == place && before.is_none_or(|before| entry.prev == before));
        let here = here.map(|entry| (devices(entry), entry)).filter(|(by, _)| *by > 0);
        let best = here.min_by_key(|(by, entry)| {
            (if by_most { usize::MAX.saturating_sub(*by) } else { 0 }, entry.id)
        });
        let Some((_, entry)) = best else { return counts };
        counts.insert(entry.id);
        (place, before) = (place.saturating_add(1), Some(entry.id));
    }
}

/// Who acknowledged an entry or one that follows it.
fn spread(entries: &[Doubtful], acknowledged: &Acknowledged) -> Acknowledged {
    let mut heard = acknowledged.clone();
    let mut last_first: Vec<_> = entries.iter().collect();
    last_first.sort_by_key(|entry| core::cmp::Reverse(entry.seq));
    for entry in last_first {
        let by = heard.get(&entry.id).cloned().unwrap_or_default();
        let before = heard.entry(entry.prev).or_default();
        for (device, control) in by {
            let known = before.entry(device).or_insert(control);
            *known = control.min(*known);
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(n: u8) -> EntryId {
        EntryId::from_bytes([n; 32])
    }

    const fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 16])
    }

    const fn entry(seq: u64, name: u8, prev: u8) -> Doubtful {
        Doubtful { seq, id: id(name), prev: id(prev) }
    }

    /// Named by these devices, all at control op 0.
    fn heard(names: &[(u8, &[u8])]) -> Acknowledged {
        let by = |devices: &[u8]| devices.iter().map(|n| (device(*n), 0)).collect();
        names.iter().map(|(name, devices)| (id(*name), by(devices))).collect()
    }

    const SPLIT: Doubt = Doubt { split: Some(5), end: None };
    /// Two branches from place 5 on, one of three entries and one of two.
    const BRANCHES: [Doubtful; 5] =
        [entry(5, 10, 1), entry(6, 11, 10), entry(7, 12, 11), entry(5, 20, 1), entry(6, 21, 20)];

    fn names(set: &BTreeSet<EntryId>) -> Vec<u8> {
        set.iter().map(|id| id.as_bytes()[0]).collect()
    }

    #[test]
    fn what_the_other_acknowledged_counts_up_to_there_and_no_further() {
        let counts = agreed(&SPLIT, &BRANCHES, &heard(&[(11, &[1])]), false);
        assert_eq!(names(&counts), [10, 11]);
        let counts = agreed(&SPLIT, &BRANCHES, &heard(&[(21, &[1])]), false);
        assert_eq!(names(&counts), [20, 21]);
        assert!(agreed(&SPLIT, &BRANCHES, &heard(&[]), false).is_empty());
        assert_eq!(SPLIT.unheard(4), Standing::Counts);
        assert_eq!(SPLIT.unheard(5), Standing::Disputed);
    }

    #[test]
    fn if_both_were_acknowledged_the_smaller_id_decides_and_in_a_private_space_the_most_devices() {
        let both = heard(&[(12, &[1]), (20, &[2, 3])]);
        assert_eq!(names(&agreed(&SPLIT, &BRANCHES, &both, false)), [10, 11, 12]);
        assert_eq!(names(&agreed(&SPLIT, &BRANCHES, &both, true)), [20]);
    }

    #[test]
    fn m6_behind_an_end_counts_what_was_heard_by_who_did_not_know_of_the_end() {
        let doubt = Doubt { split: None, end: Some((4, 9)) };
        let chain = [entry(5, 10, 1), entry(6, 11, 10), entry(7, 12, 11)];
        let at = |name: u8, control: u32| {
            BTreeMap::from([(id(name), BTreeMap::from([(device(1), control)]))])
        };
        assert_eq!(names(&agreed(&doubt, &chain, &at(11, 8), false)), [10, 11]);
        assert!(agreed(&doubt, &chain, &at(11, 9), false).is_empty());
        assert_eq!((doubt.from(), doubt.unheard(4)), (5, Standing::Counts));
        assert_eq!(doubt.unheard(5), Standing::CutOff);
    }

    #[test]
    fn c4_the_order_in_which_entries_are_given_makes_no_difference() {
        let both = heard(&[(12, &[1]), (21, &[2])]);
        let mut turned = BRANCHES;
        turned.reverse();
        let one = agreed(&SPLIT, &BRANCHES, &both, false);
        assert_eq!(one, agreed(&SPLIT, &turned, &both, false));
    }
}
