//! The relay holds another control log than this device: what is held from where they part is set aside, the relay's
//! log is followed, and what was set aside is carried into it.
//!
//! ```text
//! engine: the logs differ --> items from the first one on --> the first that differs
//!   one commit: items from there on go, wants that carry their ops come, the outbox is sealed anew
//! engine: as any device that is behind --> control::compose_next: Branch, then Merge
//! ```

use crate::client::error::Error;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::Session;
use crate::client::space::intents::META_APART;
use crate::client::space::state::{Loader, Space};
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::membership::{ControlLog, Intent, Want};
use crate::store::{Batch, Table};
use wire::control::ControlItem;
use wire::hash::{item_hash, sha256};
use wire::id::{ItemHash, RelayId, SpaceHandle};

impl Node {
    /// An item of the relay's log, told because that log is not the one held here.
    pub(crate) fn compare_control(
        &mut self,
        (relay, sid): (RelayId, SpaceHandle),
        (idx, item): (u32, &[u8]),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let known = self.standings();
        let loader = Session::loader(&self.session.identity);
        let slot = match self.session.private.space() {
            Some(space) if space.home.sid == sid => &mut self.session.private,
            Some(_) | None => &mut self.session.shared,
        };
        let Some(space) = slot.space_mut().filter(|space| space.home.sid == sid) else {
            return Ok(());
        };
        let own = space.control_item(idx)?;
        if own.is_none() || own.as_deref() == Some(item) {
            return Ok(());
        }
        // Another founding is another space; and what does not follow on what both have is no log.
        let before = idx.checked_sub(1).map(|before| space.control_item(before)).transpose()?;
        let before = before.flatten().map(|item| item_hash(&item));
        let named = ControlItem::decode(item).map(|item| item.prev).ok();
        if before.is_none() || named != before {
            self.lied(relay, Some(sid), random)?;
            self.hang_up(relay, now);
            return Ok(());
        }
        set_aside(space, idx, &loader, random)?;
        self.unsettled = true;
        self.relink(&known)
    }

    /// Sends what the relay lacks, in causal order, if it had forgotten; once its control log carries all that is
    /// known here.
    pub(crate) fn bring_back(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for link in self.links.values_mut() {
            for sid in &link.carried.clone() {
                let level = link.engine.status(*sid).is_some_and(|status| status.caught_up);
                let space = self.session.space_of(*sid).filter(|space| space.reseeding && level);
                if let Some(space) = space
                    && refill(space, random)?
                {
                    link.engine.set_outbox(*sid, space.pending()?);
                }
            }
        }
        Ok(())
    }
}

/// Puts all into the outbox that the relay lacks. False if that has to wait.
fn refill(space: &mut Space, random: &mut dyn Random) -> Result<bool, Error> {
    if !space.can_seal() || is_apart(space)? {
        return Ok(false);
    }
    space.refill_outbox(random)?;
    space.reseeding = false;
    Ok(true)
}

/// Whether ops are known here that the log does not carry yet.
fn is_apart(space: &Space) -> Result<bool, Error> {
    let intents = space.intents()?;
    Ok(intents.iter().any(|(_, it)| matches!(it.want(), Want::Branch(_) | Want::Merge(_))))
}

/// Cuts the held log back to the items before `from`.
fn set_aside(
    space: &mut Space,
    from: u32,
    loader: &Loader<'_>,
    random: &mut dyn Random,
) -> Result<(), Error> {
    let mut items = space.control_items()?;
    items.truncate(usize::try_from(from).unwrap_or(usize::MAX));
    let mut batch = Batch::new();
    for idx in from..space.control_held {
        batch.delete(Table::Control, &idx.to_be_bytes());
    }
    let whole = core::mem::replace(&mut space.log, ControlLog::new(space.home));
    space.control_held = from;
    space.control_head = items.last().map_or(ItemHash::ZERO, |item| item_hash(item));
    space.fold_held(&items, loader);
    for (id, mut intent) in space.intents()? {
        intent.cut_back(from);
        space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &intent.encode(), random)?;
    }
    let mut apart = whole.apart();
    for want in space.log.wants_of(&whole, &space.keyring) {
        match &want {
            Want::Branch(branch) => space.log.remember(branch),
            Want::Merge(merge) => apart = apart.or(Some(merge.tip)),
            Want::AddDevice(_)
            | Want::RemoveDevices(_)
            | Want::JoinSpace(_)
            | Want::Rekey { .. }
            | Want::Reject { .. }
            | Want::NewIncarnation(_) => {}
        }
        let bytes = Intent::new(want).encode();
        let id = sha256(&[&bytes]);
        space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
    }
    if let Some(tip) = apart {
        space.log.stand_on(tip);
        space.shelf.put(&mut batch, Place::new(Table::Meta, META_APART), tip.as_bytes(), random)?;
    }
    space.may_intend = true;
    // What waits may be sealed under a key that only the branch knew.
    space.reseed(&mut batch, random)?;
    space.shelf.commit(batch)
}
