//! The epoch keys of one space that this device holds.

use super::climb::{ClimbError, climb};
use crate::crypto::{EpochKey, Home, KemKey, WrapContext, ladder_open, unwrap};
use crate::model::id::SpaceId;
use std::collections::BTreeMap;
use wire::control::ControlItem;

/// To whom keys are wrapped: a device or a recovery phrase.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// Its device id or recovery id.
    pub id: [u8; 16],
    /// Its secret.
    pub kem: &'a KemKey,
}

/// Epoch keys by epoch. Keys are wiped when it is dropped.
#[derive(Debug)]
pub struct Keyring {
    space: SpaceId,
    /// By epoch and commitment: branches of a log may have made an epoch each.
    keys: BTreeMap<(u32, [u8; 32]), EpochKey>,
}

impl Keyring {
    /// Holds no key yet.
    pub const fn new(space: SpaceId) -> Self {
        Self { space, keys: BTreeMap::new() }
    }

    /// Takes a key. Another one of the same epoch stays: only a commitment tells which is meant.
    pub fn insert(&mut self, epoch: u32, key: EpochKey) {
        self.keys.insert((epoch, key.commitment(self.space, epoch)), key);
    }

    /// Drops the keys of an epoch.
    pub fn remove(&mut self, epoch: u32) {
        self.keys.retain(|(of, _), _| *of != epoch);
    }

    /// A key of an epoch.
    pub fn get(&self, epoch: u32) -> Option<&EpochKey> {
        self.all(epoch).next()
    }

    /// All keys of an epoch.
    pub fn all(&self, epoch: u32) -> impl Iterator<Item = &EpochKey> {
        self.keys.range((epoch, [0; 32])..=(epoch, [255; 32])).map(|(_, key)| key)
    }

    /// The epochs held, ascending, each as often as there are keys of it.
    pub fn epochs(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().map(|(epoch, _)| *epoch)
    }

    /// The key of an epoch if it fits this commitment.
    pub fn get_committed(&self, epoch: u32, kc: &[u8; 32]) -> Option<&EpochKey> {
        self.keys.get(&(epoch, *kc))
    }

    /// Finds wraps for `me` in a log, newest first, and climbs down the ladders to `K_0`. `items` is the log from its
    /// Genesis on. Keys already held help and stay, unless the log commits to others.
    ///
    /// # Errors
    /// [`ClimbError`]; the keyring is as before.
    pub fn climb(
        &mut self,
        items: &[ControlItem],
        home: Home,
        me: &Recipient<'_>,
    ) -> Result<(), ClimbError> {
        self.climb_past(items, 0, home, me)
    }

    /// As [`Keyring::climb`], when no wrap in the first `tried` items led anywhere before.
    ///
    /// # Errors
    /// [`ClimbError`]; the keyring is as before.
    pub fn climb_past(
        &mut self,
        items: &[ControlItem],
        tried: usize,
        home: Home,
        me: &Recipient<'_>,
    ) -> Result<(), ClimbError> {
        let held = self.keys.iter().map(|((epoch, _), key)| (*epoch, copy_of(key))).collect();
        for (epoch, key) in climb((items, tried), home, me, held)? {
            self.insert(epoch, key);
        }
        Ok(())
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
pub(super) fn try_wraps(
    item: &ControlItem,
    space: SpaceId,
    me: &Recipient<'_>,
) -> impl Iterator<Item = EpochKey> {
    let context = WrapContext { space, idx: item.idx, epoch: item.epoch_after, recipient: me.id };
    item.wraps.iter().filter_map(move |wrap| unwrap(wrap, me.kem, &context).ok())
}

/// Keys have one owner; a climb works on copies, wiped when it ends.
pub(super) fn copy_of(key: &EpochKey) -> EpochKey {
    EpochKey::from_bytes(key.as_bytes())
}
