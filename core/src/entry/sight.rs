//! What a device sees of a space, small enough for a picture on a screen or two short numbers: two phones side by side
//! compare it without any relay.
//!
//! ```text
//! sight    ver u8 = 1 | space_id 16 | idx u32 | op_id 32 | list16( device_id 16 ‖ inc u16 ‖ seq u64 ‖ entry_id 32 )
//! numbers  the first two u64 of SHA-256( frontier_root ‖ op_id ), each mod 1,000,000, six digits
//! ```

use super::frontier::{Frontier, decode_frontier, encode_frontier, frontier_root};
use crate::model::id::{ChainId, EntryId, OpId, SpaceId};
use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;

const VERSION: u8 = 1;

/// The heads of all that a device holds of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The space.
    pub space: SpaceId,
    /// The newest control op: index and id.
    pub control: (u32, OpId),
    /// The newest entry of each chain.
    pub frontier: Frontier,
}

/// What the device that compares holds.
pub trait Held {
    /// The control op at an index.
    fn op_at(&self, idx: u32) -> Option<OpId>;
    /// The entries at a place of a chain.
    fn at(&self, chain: ChainId, seq: u64) -> Vec<EntryId>;
}

/// How two sights differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// They are of two spaces: these two phones do not share one.
    OtherSpace,
    /// At this index of the control log the two hold different ops.
    Control {
        /// The index.
        idx: u32,
    },
    /// At this place of a chain the two hold different entries.
    Entry {
        /// The chain.
        chain: ChainId,
        /// The place.
        seq: u64,
    },
    /// The other holds more of the control log.
    ControlBehind,
    /// The other holds more of a chain.
    Behind {
        /// The chain.
        chain: ChainId,
    },
    /// The other holds less of the control log.
    ControlAhead,
    /// The other holds less of a chain.
    Ahead {
        /// The chain.
        chain: ChainId,
    },
}

impl Difference {
    /// Whether two histories are told: it does not go away by waiting.
    pub const fn contradicts(&self) -> bool {
        match self {
            Self::OtherSpace | Self::Control { .. } | Self::Entry { .. } => true,
            Self::ControlBehind | Self::Behind { .. } | Self::ControlAhead | Self::Ahead { .. } => {
                false
            }
        }
    }
}

impl Sight {
    /// The bytes in the picture.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u8(VERSION).bytes(self.space.as_bytes());
        w.u32(self.control.0).bytes(self.control.1.as_bytes());
        encode_frontier(&mut w, &self.frontier);
        w.into_bytes()
    }

    /// Reads what [`Sight::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] if it is something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        if r.u8()? != VERSION {
            return Err(DecodeError::Version);
        }
        let space = SpaceId::from_bytes(r.array()?);
        let control = (r.u32()?, OpId::from_bytes(r.array()?));
        let frontier = decode_frontier(&mut r)?;
        r.end()?;
        Ok(Self { space, control, frontier })
    }

    /// Two short numbers, equal on two devices that see the same.
    pub fn numbers(&self) -> [String; 2] {
        let root = frontier_root(self.space, &self.frontier);
        let hash = hash::sha256(&[&root, self.control.1.as_bytes()]);
        let mut r = Reader::new(&hash);
        [(); 2].map(|()| format!("{:06}", r.u64().unwrap_or(0) % 1_000_000))
    }

    /// How another device's sight differs from this device's own. Empty if both see the same.
    pub fn differences(&self, theirs: &Self, held: &dyn Held) -> Vec<Difference> {
        if self.space != theirs.space {
            return vec![Difference::OtherSpace];
        }
        let mut found = Vec::new();
        let (mine, other) = (self.control.0, theirs.control.0);
        if other > mine {
            found.push(Difference::ControlBehind);
        } else if held.op_at(other) != Some(theirs.control.1) {
            found.push(Difference::Control { idx: other });
        } else if other < mine {
            found.push(Difference::ControlAhead);
        }
        for (chain, (seq, id)) in &theirs.frontier {
            let (chain, seq) = (*chain, *seq);
            let here = self.frontier.get(&chain).map_or(0, |(seq, _)| *seq);
            let at = held.at(chain, seq);
            if at.contains(id) {
                if here > seq {
                    found.push(Difference::Ahead { chain });
                }
            } else if !at.is_empty() {
                found.push(Difference::Entry { chain, seq });
            } else {
                found.push(Difference::Behind { chain });
            }
        }
        let unknown = self.frontier.keys().filter(|chain| !theirs.frontier.contains_key(chain));
        found.extend(unknown.map(|chain| Difference::Ahead { chain: *chain }));
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::DeviceId;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct All(BTreeMap<(ChainId, u64), Vec<EntryId>>, Vec<OpId>);

    impl Held for All {
        fn op_at(&self, idx: u32) -> Option<OpId> {
            self.1.get(idx as usize).copied()
        }

        fn at(&self, chain: ChainId, seq: u64) -> Vec<EntryId> {
            self.0.get(&(chain, seq)).cloned().unwrap_or_default()
        }
    }

    const fn chain(n: u8) -> ChainId {
        ChainId { device: DeviceId::from_bytes([n; 16]), inc: 0 }
    }

    const fn id(n: u8) -> EntryId {
        EntryId::from_bytes([n; 32])
    }

    const fn op(n: u8) -> OpId {
        OpId::from_bytes([n; 32])
    }

    /// Ops 1, 2, 3; of chain 1 the entries 11 to 13, of chain 2 the entry 21.
    fn mine() -> (Sight, All) {
        let mut all = All(BTreeMap::new(), vec![op(1), op(2), op(3)]);
        for (seq, n) in [(1, 11), (2, 12), (3, 13)] {
            all.0.insert((chain(1), seq), vec![id(n)]);
        }
        all.0.insert((chain(2), 1), vec![id(21)]);
        let frontier = Frontier::from([(chain(1), (3, id(13))), (chain(2), (1, id(21)))]);
        (Sight { space: SpaceId::from_bytes([7; 16]), control: (2, op(3)), frontier }, all)
    }

    #[test]
    fn two_that_see_the_same_show_the_same_numbers() {
        let (mine, all) = mine();
        let theirs = Sight::decode(&mine.encode()).unwrap();
        assert_eq!(theirs, mine);
        assert!(mine.differences(&theirs, &all).is_empty());
        assert_eq!(mine.numbers(), theirs.numbers());
        assert!(mine.numbers().iter().all(|number| number.len() == 6));
    }

    #[test]
    fn who_is_behind_or_ahead_does_not_contradict() {
        let (mine, all) = mine();
        let mut theirs = mine.clone();
        theirs.frontier.insert(chain(1), (2, id(12)));
        theirs.frontier.insert(chain(3), (4, id(34)));
        theirs.frontier.remove(&chain(2));
        theirs.control = (1, op(2));
        let found = mine.differences(&theirs, &all);
        assert_eq!(
            found,
            [
                Difference::Behind { chain: chain(3) },
                Difference::ControlAhead,
                Difference::Ahead { chain: chain(1) },
                Difference::Ahead { chain: chain(2) },
            ]
        );
        assert!(!found.iter().any(Difference::contradicts));
        assert_ne!(mine.numbers(), theirs.numbers());
        theirs.control = (9, op(9));
        assert!(mine.differences(&theirs, &all).contains(&Difference::ControlBehind));
    }

    #[test]
    fn another_entry_or_op_in_one_place_contradicts_and_is_named() {
        let (mine, all) = mine();
        let mut theirs = mine.clone();
        theirs.frontier.insert(chain(1), (2, id(99)));
        theirs.control = (1, op(99));
        let found = mine.differences(&theirs, &all);
        let expected =
            [Difference::Control { idx: 1 }, Difference::Entry { chain: chain(1), seq: 2 }];
        assert_eq!(found, expected);
        assert!(found.iter().all(Difference::contradicts));
        theirs.space = SpaceId::from_bytes([8; 16]);
        assert_eq!(mine.differences(&theirs, &all), [Difference::OtherSpace]);
    }

    #[test]
    fn no_bytes_make_decode_panic_and_nothing_is_written_in_two_ways() {
        let (mine, _) = mine();
        let bytes = mine.encode();
        for at in 0..bytes.len() {
            assert!(Sight::decode(&bytes[..at]).is_err());
        }
        assert!(Sight::decode(&[bytes, vec![0]].concat()).is_err());
    }
}
