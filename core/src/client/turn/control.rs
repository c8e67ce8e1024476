//! Control items in, intents out.
//!
//! An item counts once it is in this device's store: what came from the relay, and what the relay gave a receipt
//! for. An intent is what this device wants of the log ("add this device"); it is composed anew at the present head
//! until the folded log shows it done, across conflicts, lost answers and restarts.

use crate::client::error::Error;
use crate::client::node::rejoin;
use crate::client::space::state::{Loader, Space};
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::{Place, Shelf};
use crate::crypto::{DeviceKeys, Random};
use crate::entry::{Incident, frontier_root};
use crate::membership::{
    ComposeError, Composer, Folded, Intent, IntentError, KeyArrival, Outcome, VoidReason, Want,
};
use crate::store::{Batch, Table};
use wire::control::ControlItem;
use wire::hash::sha256;

/// Stores an item at the end of the held log, folds what can be folded, and drops the intents that hold now.
/// Returns how many items were folded.
pub(crate) fn take_item(
    space: &mut Space,
    item: Vec<u8>,
    loader: &Loader<'_>,
    random: &mut dyn Random,
) -> Result<usize, Error> {
    let folded = space.fold_next(&item, loader)?;
    let mut batch = Batch::new();
    space.hold_control(&mut batch, item);
    for (key, intent) in intents(space)? {
        if intent.is_satisfied(&space.log) {
            space.adopt(&mut batch, &intent, random)?;
            batch.delete(Table::Intents, &key);
        }
    }
    let mut turn = Turn::new(space);
    turn.batch = batch;
    for one in &folded {
        for incident in incidents_of(one) {
            turn.report(&incident, random)?;
        }
    }
    turn.close(random)?;
    Ok(folded.len())
}

/// What a folded item brings to light.
fn incidents_of(folded: &Folded) -> Vec<Incident> {
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

/// A void op may carry any epoch in its head, and the relay, which cannot read it, then takes envelopes of that epoch
/// only: nobody could write any more. Whoever sees it asks for a new epoch, and the relay follows.
pub(crate) fn recall_epoch(space: &mut Space, random: &mut dyn Random) -> Result<(), Error> {
    let folded = space.log.next_idx();
    if space.log.apart().is_some() {
        return Ok(());
    }
    if folded == 0 || folded != space.control_held || !space.is_member() || !space.can_seal() {
        return Ok(());
    }
    let newest = space.control_item(folded.saturating_sub(1))?;
    let newest = newest.and_then(|item| ControlItem::decode(&item).ok());
    let epoch = space.log.epoch();
    if newest.is_some_and(|item| item.epoch_after != epoch) {
        intend(space, &Intent::new(Want::Rekey { after: epoch }), random)?;
    }
    Ok(())
}

/// The intents that do not hold yet, oldest first.
pub(crate) fn intents(space: &Space) -> Result<Vec<(Vec<u8>, Intent)>, Error> {
    let rows = space.shelf.prefix(Table::Intents, &[])?;
    rows.into_iter()
        .map(|row| {
            let intent = Intent::decode(&row.body);
            Ok((row.id, intent.map_err(|_| Error::Damaged { code: "store.intent" })?))
        })
        .collect()
}

/// Writes an intent down, unless it holds or is written down already.
pub(crate) fn intend(
    space: &mut Space,
    intent: &Intent,
    random: &mut dyn Random,
) -> Result<(), Error> {
    let bytes = intent.encode();
    let id = sha256(&[&bytes]);
    if intent.is_satisfied(&space.log) || space.shelf.get(Table::Intents, &id)?.is_some() {
        return Ok(());
    }
    let mut batch = Batch::new();
    space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
    space.may_intend = true;
    space.shelf.commit(batch)
}

/// The item that brings the first open intent into the log at its present head, with its index. The try is written
/// down first, so that a restart sends the same bytes.
pub(crate) fn compose_next(
    space: &mut Space,
    keys: &DeviceKeys,
    random: &mut dyn Random,
) -> Result<Option<(u32, Vec<u8>)>, Error> {
    let whole = space.log.next_idx() > 0 && space.log.next_idx() == space.control_held;
    if !whole || !space.may_intend {
        return Ok(None);
    }
    let intents = intents(space)?;
    space.may_intend = !intents.is_empty();
    if intents.is_empty() {
        return Ok(None);
    }
    let read = space.chains.all();
    let frontier_root = frontier_root(space.home.space, &read);
    for (id, mut intent) in intents {
        if let Want::NewIncarnation(anew) = intent.want() {
            let (seq, entry) = space.ends_at(anew.old);
            intent.ends_at(seq, entry);
        }
        if let Want::Merge(merge) = intent.want() {
            intent.name(rejoin::words_under(space, merge.tip)?);
        }
        let composer = Composer { log: &space.log, keyring: &space.keyring, keys, frontier_root };
        let composed = intent.compose(&composer, random);
        let mut batch = Batch::new();
        match composed {
            Ok(item) => {
                let bytes = intent.encode();
                space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
                space.shelf.commit(batch)?;
                return Ok(Some((space.log.next_idx(), item)));
            }
            // It holds; or it can never hold, as a sixth device: then it is given up.
            Err(IntentError::Satisfied | IntentError::Compose(ComposeError::Void(_))) => {
                space.adopt(&mut batch, &intent, random)?;
                batch.delete(Table::Intents, &id);
                space.shelf.commit(batch)?;
            }
            Err(IntentError::Behind | IntentError::Compose(_)) => {}
        }
    }
    Ok(None)
}

/// Puts the first item of a new space into a batch.
pub(crate) fn found_with(batch: &mut Batch, item: &[u8]) {
    Shelf::put_sealed(batch, Place::new(Table::Control, &0_u32.to_be_bytes()), item.to_vec());
}
