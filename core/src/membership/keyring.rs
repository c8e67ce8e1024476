//! The epoch keys of one space that this device holds, and how a newcomer comes by the old ones.
//!
//! A newcomer starts at the newest wrap that opens for it and climbs down the ladders to `K_0`. Keys so found are
//! candidates: the climb counts only if `K_0` opens the Genesis, and the log drops each key that misses its
//! commitment when it folds the op that made it.

use crate::crypto::{EpochKey, Home, KemKey, WrapContext, ladder_open, open_control, unwrap};
use crate::model::id::SpaceId;
use std::collections::BTreeMap;
use wire::control::ControlItem;

/// Ladders tried beyond one for each item, before a climb gives up: room for ops that are void.
const CLIMB_TRIES_SPARE: usize = 1_024;

/// To whom keys are wrapped: a device or a recovery phrase.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// Its device id or recovery id.
    pub id: [u8; 16],
    /// Its secret.
    pub kem: &'a KemKey,
}

/// Why a climb came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClimbError {
    /// No wrap in these items opens for this recipient.
    #[error("no key is wrapped for this device")]
    NoWrap,
    /// A wrap opens, but no ladder leads down to a key that opens the Genesis.
    #[error("no way from a key to the first one")]
    NoWay,
}

/// Epoch keys by epoch. Keys are wiped when it is dropped.
#[derive(Debug)]
pub struct Keyring {
    space: SpaceId,
    keys: BTreeMap<u32, EpochKey>,
}

impl Keyring {
    /// Holds no key yet.
    pub const fn new(space: SpaceId) -> Self {
        Self { space, keys: BTreeMap::new() }
    }

    /// Takes a key; one that stood there goes.
    pub fn insert(&mut self, epoch: u32, key: EpochKey) {
        self.keys.insert(epoch, key);
    }

    /// Drops a key.
    pub fn remove(&mut self, epoch: u32) {
        self.keys.remove(&epoch);
    }

    /// The key of an epoch.
    pub fn get(&self, epoch: u32) -> Option<&EpochKey> {
        self.keys.get(&epoch)
    }

    /// The epochs held, ascending.
    pub fn epochs(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    /// The key of an epoch if it fits this commitment.
    pub fn get_committed(&self, epoch: u32, kc: &[u8; 32]) -> Option<&EpochKey> {
        self.get(epoch).filter(|key| key.commitment(self.space, epoch) == *kc)
    }

    /// Finds the newest wrap for `me` and climbs down the ladders to `K_0`. `items` is the log from its Genesis on.
    /// Keys already held stay.
    ///
    /// # Errors
    /// [`ClimbError`]; the keyring is as before.
    pub fn climb(
        &mut self,
        items: &[ControlItem],
        home: Home,
        me: &Recipient<'_>,
    ) -> Result<(), ClimbError> {
        let mut found = ClimbError::NoWrap;
        let mut climb = Climb::new(items, home);
        for item in items.iter().rev() {
            for key in try_wraps(item, home.space, me) {
                found = ClimbError::NoWay;
                if let Some(path) = climb.down_from(item.epoch_after, key) {
                    for (epoch, key) in path {
                        self.keys.entry(epoch).or_insert(key);
                    }
                    return Ok(());
                }
            }
        }
        Err(found)
    }

    /// The keys after and before one item, from a wrap in it for `me` and its ladder, if that one fits `kc_before`.
    pub(super) fn climb_item(
        &mut self,
        item: &ControlItem,
        kc_before: &[u8; 32],
        me: &Recipient<'_>,
    ) -> bool {
        let (after, before) = (item.epoch_after, item.epoch_before);
        for key in try_wraps(item, self.space, me) {
            if after == before && key.commitment(self.space, before) == *kc_before {
                self.insert(before, key);
                return true;
            }
            let rung = ladder_open(self.space, (&key, after), before, &item.ladder);
            let rung = rung.ok().filter(|rung| rung.commitment(self.space, before) == *kc_before);
            if let Some(rung) = rung {
                self.insert(before, rung);
                self.insert(after, key);
                return true;
            }
        }
        false
    }
}

/// Every wrap of an item that opens for `me`: who does not know its slot tries all.
fn try_wraps(
    item: &ControlItem,
    space: SpaceId,
    me: &Recipient<'_>,
) -> impl Iterator<Item = EpochKey> {
    let context = WrapContext { space, idx: item.idx, epoch: item.epoch_after, recipient: me.id };
    item.wraps.iter().filter_map(move |wrap| unwrap(wrap, me.kem, &context).ok())
}

/// A search downwards, depth first: a void op may carry a ladder for an epoch that another op made.
struct Climb<'a> {
    genesis: Option<&'a ControlItem>,
    by_epoch_after: BTreeMap<u32, Vec<&'a ControlItem>>,
    home: Home,
    tries_left: usize,
}

impl<'a> Climb<'a> {
    fn new(items: &'a [ControlItem], home: Home) -> Self {
        let mut by_epoch_after: BTreeMap<u32, Vec<&ControlItem>> = BTreeMap::new();
        for item in items.iter().filter(|item| item.epoch_before < item.epoch_after) {
            by_epoch_after.entry(item.epoch_after).or_default().push(item);
        }
        let genesis = items.first().filter(|item| item.idx == 0);
        let tries_left = items.len().saturating_add(CLIMB_TRIES_SPARE);
        Self { genesis, by_epoch_after, home, tries_left }
    }

    /// The keys from `epoch` down to 0.
    fn down_from(&mut self, epoch: u32, key: EpochKey) -> Option<Vec<(u32, EpochKey)>> {
        let mut path = vec![Rung { epoch, key, tried: 0 }];
        while let Some(rung) = path.last_mut() {
            if rung.epoch == 0 {
                let genesis = self.genesis?;
                if open_control(&rung.key, &self.home, genesis).is_ok() {
                    return Some(path.into_iter().map(|rung| (rung.epoch, rung.key)).collect());
                }
            }
            let below = self.by_epoch_after.get(&rung.epoch);
            let Some(item) = below.and_then(|items| items.get(rung.tried)) else {
                path.pop();
                continue;
            };
            rung.tried += 1;
            self.tries_left = self.tries_left.checked_sub(1)?;
            let after = (&rung.key, rung.epoch);
            let opened = ladder_open(self.home.space, after, item.epoch_before, &item.ladder);
            if let Ok(key) = opened {
                path.push(Rung { epoch: item.epoch_before, key, tried: 0 });
            }
        }
        None
    }
}

struct Rung {
    epoch: u32,
    key: EpochKey,
    tried: usize,
}
