//! How a newcomer comes by the keys of old epochs: from a wrap down the ladders, then forward through the log.
//!
//! Wraps and ladders are not signed by themselves, and an op that is void may carry any. So what opens is a
//! *candidate*; the fold of the log from its Genesis picks those that fit the commitments of ops which hold.

use super::keyring::{Keyring, Recipient, copy_of, try_wraps};
use super::log::{ControlLog, ReceiveError};
use crate::crypto::{EpochKey, Home, ladder_open, open_control};
use std::collections::BTreeMap;
use wire::control::ControlItem;

/// Ladders tried beyond some for each item, before a climb gives up: room for ops that are void.
const TRIES_SPARE: usize = 4_096;
const TRIES_PER_ITEM: usize = 16;
/// After so many wraps that open and lead nowhere, the log is folded once more only when all wraps are tried.
const FOLDS_MAX: usize = 4;

/// Why a climb came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClimbError {
    /// No wrap in these items opens for this recipient.
    #[error("no key is wrapped for this device")]
    NoWrap,
    /// Wraps open, but with the keys that the ladders give the log cannot be read from its Genesis on.
    #[error("no way from a key to the first one")]
    NoWay,
}

/// The keys with which the log can be read; the wraps of the first `tried` items led nowhere before.
pub(super) fn climb(
    (items, tried): (&[ControlItem], usize),
    home: Home,
    me: &Recipient<'_>,
    held: Vec<(u32, EpochKey)>,
) -> Result<Vec<(u32, EpochKey)>, ClimbError> {
    let mut climb = Climb::new(items, home);
    for (epoch, key) in held {
        climb.explore(epoch, key);
    }
    let mut wraps = 0_usize;
    for item in items.iter().skip(tried).rev() {
        for key in try_wraps(item, home.space, me) {
            climb.explore(item.epoch_after, key);
            wraps += 1;
            if wraps <= FOLDS_MAX
                && let Some(keys) = climb.settle()
            {
                return Ok(keys);
            }
        }
    }
    match wraps {
        0 => Err(ClimbError::NoWrap),
        1..=FOLDS_MAX => Err(ClimbError::NoWay),
        _ => climb.settle().ok_or(ClimbError::NoWay),
    }
}

struct Climb<'a> {
    items: &'a [ControlItem],
    home: Home,
    by_epoch_after: BTreeMap<u32, Vec<&'a ControlItem>>,
    candidates: BTreeMap<u32, Vec<EpochKey>>,
    tries_left: usize,
}

impl<'a> Climb<'a> {
    fn new(items: &'a [ControlItem], home: Home) -> Self {
        let mut by_epoch_after: BTreeMap<u32, Vec<&ControlItem>> = BTreeMap::new();
        for item in items.iter().filter(|item| item.epoch_before < item.epoch_after) {
            by_epoch_after.entry(item.epoch_after).or_default().push(item);
        }
        let tries_left = items.len().saturating_mul(TRIES_PER_ITEM).saturating_add(TRIES_SPARE);
        Self { items, home, by_epoch_after, candidates: BTreeMap::new(), tries_left }
    }

    /// Takes a key and all that the ladders below it give.
    fn explore(&mut self, epoch: u32, key: EpochKey) {
        let mut found = vec![(epoch, key)];
        while let Some((epoch, key)) = found.pop() {
            let known = self.candidates.entry(epoch).or_default();
            if known.iter().any(|it| it.as_bytes() == key.as_bytes()) {
                continue;
            }
            for item in self.by_epoch_after.get(&epoch).into_iter().flatten() {
                let Some(left) = self.tries_left.checked_sub(1) else { return };
                self.tries_left = left;
                let (after, before) = ((&key, epoch), item.epoch_before);
                if let Ok(key) = ladder_open(self.home.space, after, before, &item.ladder) {
                    found.push((before, key));
                }
            }
            known.push(key);
        }
    }

    /// Folds the log with the candidates. [`None`] if a key is missing on the way.
    fn settle(&self) -> Option<Vec<(u32, EpochKey)>> {
        let genesis = self.items.first().filter(|item| item.idx == 0)?;
        let first = self.candidates.get(&0)?;
        let first = first.iter().find(|key| open_control(key, &self.home, genesis).is_ok())?;
        let mut keyring = Keyring::new(self.home.space);
        keyring.insert(0, copy_of(first));
        let mut log = ControlLog::new(self.home);
        let items: Vec<_> = self.items.iter().map(ControlItem::encode).collect();
        let mut rest = items.as_slice();
        while let [item, later @ ..] = rest {
            match log.receive(item, &mut keyring, None) {
                Ok(_) => rest = later,
                Err(ReceiveError::NeedKey { epoch }) => {
                    match self.fitting(epoch, log.commitment(epoch)?) {
                        Some(key) => keyring.insert(epoch, key),
                        // A key that was rejected leads nowhere, and need not.
                        None => rest = rest.get(log.step_to_reject(rest, &keyring)?..)?,
                    }
                }
                Err(ReceiveError::Chain | ReceiveError::Foreign) => return None,
            }
        }
        let fitting = |(epoch, kc)| Some((epoch, self.fitting(epoch, kc)?));
        Some(log.commitments().filter_map(fitting).collect())
    }

    fn fitting(&self, epoch: u32, kc: &[u8; 32]) -> Option<EpochKey> {
        let candidates = self.candidates.get(&epoch)?;
        let fits = |key: &&EpochKey| key.commitment(self.home.space, epoch) == *kc;
        candidates.iter().find(fits).map(copy_of)
    }
}
