//! The control log of a space, folded from the items that are held, and the epoch keys that come with them.

use crate::client::error::Error;
use crate::client::space::state::{Loader, Space};
use crate::client::vault::shelf::Place;
use crate::crypto::{EpochKey, Random};
use crate::entry::Incident;
use crate::membership::{ControlLog, Folded, KeyArrival, Outcome, ReceiveError, VoidReason};
use crate::store::{Batch, Table as Rows};
use wire::codec::Reader;
use wire::control::ControlItem;
use wire::hash::item_hash;
use zeroize::Zeroizing;

/// Begins the rows of the epoch keys, so that no wrap need be opened twice.
const META_EPOCH: &[u8] = b"epoch";

impl Space {
    pub(crate) fn load_keys(&mut self) -> Result<(), Error> {
        for row in self.shelf.prefix(Rows::Meta, META_EPOCH)? {
            let epoch = Reader::new(row.id.get(META_EPOCH.len()..).unwrap_or_default()).u32()?;
            let key = Zeroizing::new(Reader::new(&row.body).array()?);
            let key = EpochKey::from_bytes(&key);
            self.kept.insert((epoch, key.commitment(self.home.space, epoch)));
            self.keyring.insert(epoch, key);
        }
        Ok(())
    }

    /// Keeps the keys that this device has come by, if there are new ones.
    pub(crate) fn keep_keys(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut batch = Batch::new();
        let mut new = Vec::new();
        let commitments = self.log.commitments().map(|(epoch, kc)| (epoch, *kc));
        for (epoch, kc) in commitments.filter(|of| !self.kept.contains(of)) {
            if let Some(key) = self.keyring.get_committed(epoch, &kc) {
                let row = [META_EPOCH, &epoch.to_be_bytes(), &kc].concat();
                self.shelf.put(&mut batch, Place::new(Rows::Meta, &row), key.as_bytes(), random)?;
                new.push((epoch, kc));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.shelf.commit(batch)?;
        self.kept.extend(new);
        Ok(())
    }

    /// Whether a key came of an epoch of which another was known, and is not kept yet.
    pub(crate) fn has_second_key(&self) -> bool {
        let known = |epoch| self.kept.iter().any(|(of, _)| *of == epoch);
        let is_new = |(epoch, kc): &(u32, &[u8; 32])| {
            !self.kept.contains(&(*epoch, **kc)) && self.keyring.get_committed(*epoch, kc).is_some()
        };
        self.log.commitments().filter(is_new).any(|(epoch, _)| known(epoch))
    }

    pub(crate) fn load_control(&mut self, loader: &Loader<'_>) -> Result<(), Error> {
        let items = self.control_items()?;
        for item in &items {
            self.control_held = self.control_held.saturating_add(1);
            self.control_head = item_hash(item);
        }
        self.fold_and_note(&items, loader);
        self.remember_branches()
    }

    /// Folds an item that comes next, and with it all that is held if it brings a key that was missing.
    pub(crate) fn fold_next(
        &mut self,
        item: &[u8],
        loader: &Loader<'_>,
    ) -> Result<Vec<Folded>, Error> {
        if self.log.next_idx() == self.control_held {
            let me = loader.recipient();
            if let Ok(step) = self.log.receive(item, &mut self.keyring, Some(&me)) {
                return Ok(vec![step]);
            }
        }
        let mut items = self.control_items()?;
        items.push(item.to_vec());
        Ok(self.fold_held(&items, loader))
    }

    /// Whether the newest epoch's key did not arrive here: what is written then stands under the epoch before.
    pub(crate) fn lacks_epoch(&self) -> bool {
        self.log.lacks_key_of(&self.keyring).is_some()
    }

    /// The log, over the items that do not open here. [`None`] if there are none.
    pub(crate) fn log_ahead(&self) -> Result<Option<ControlLog>, Error> {
        if self.log.next_idx() == self.control_held {
            return Ok(None);
        }
        let items = self.control_items()?;
        let from = usize::try_from(self.log.next_idx()).unwrap_or(usize::MAX);
        Ok(Some(self.log.stepped_over(items.get(from..).unwrap_or_default())))
    }

    /// Folds again what is held: a key came by another way than the log, and what was stepped over opens now.
    pub(crate) fn fold_again(&mut self, loader: &Loader<'_>) -> Result<(), Error> {
        let items = self.control_items()?;
        if self.log.has_rejected() {
            self.log = ControlLog::new(self.home);
        }
        self.fold_and_note(&items, loader);
        self.log.regain(&self.keyring);
        self.remember_branches()
    }

    /// Folds outside of the turn that stored the items: what comes to light is told by a turn soon.
    fn fold_and_note(&mut self, items: &[Vec<u8>], loader: &Loader<'_>) {
        let folded = self.fold_held(items, loader);
        self.found_in_items.extend(folded.iter().flat_map(incidents_of));
    }

    /// Folds the held items that can be folded now. Returns the outcomes of those.
    pub(crate) fn fold_held(&mut self, items: &[Vec<u8>], loader: &Loader<'_>) -> Vec<Folded> {
        let me = loader.recipient();
        let mut folded = Vec::new();
        let from = usize::try_from(self.log.next_idx()).unwrap_or(usize::MAX);
        let mut climbed = false;
        let mut rest = items.get(from..).unwrap_or_default();
        while let [item, later @ ..] = rest {
            let mut outcome = self.log.receive(item, &mut self.keyring, Some(&me));
            if matches!(outcome, Err(ReceiveError::NeedKey { .. })) && !climbed {
                climbed = true;
                let parsed: Vec<ControlItem> =
                    items.iter().filter_map(|item| ControlItem::decode(item).ok()).collect();
                let tried = core::mem::replace(&mut self.tried, parsed.len());
                if self.keyring.climb_past(&parsed, tried, self.home, &me).is_ok() {
                    outcome = self.log.receive(item, &mut self.keyring, Some(&me));
                }
            }
            if let Err(ReceiveError::NeedKey { .. }) = outcome
                && let Some(over) = self.log.step_to_reject(rest, &self.keyring)
            {
                rest = rest.get(over..).unwrap_or_default();
                continue;
            }
            match outcome {
                Ok(step) => {
                    folded.push(step);
                    rest = later;
                }
                // What does not open, or is of another space, is kept and not folded; nothing after it is either.
                Err(ReceiveError::NeedKey { .. } | ReceiveError::Chain | ReceiveError::Foreign) => {
                    break;
                }
            }
        }
        folded
    }
}

/// What a folded item brings to light.
pub(crate) fn incidents_of(folded: &Folded) -> Vec<Incident> {
    let idx = folded.idx;
    let mut incidents = Vec::new();
    if let Outcome::Void(reason) = folded.outcome {
        incidents.push(if reason == VoidReason::State {
            Incident::StateMismatch { idx }
        } else {
            Incident::VoidOp { idx, reason: reason as u16 }
        });
    }
    if folded.key == KeyArrival::Bad {
        incidents.push(Incident::BadWrap { idx });
    }
    incidents
}
