//! Control items in, intents out.
//!
//! An item counts once it is in this device's store: what came from the relay, and what the relay gave a receipt
//! for. An intent is what this device wants of the log ("add this device"); it is composed anew at the present head
//! until the folded log shows it done, across conflicts, lost answers and restarts.

use crate::client::error::Error;
use crate::client::shelf::{Place, Shelf};
use crate::client::space::{Loader, Space};
use crate::client::turn::Turn;
use crate::crypto::{DeviceKeys, Random};
use crate::entry::Incident;
use crate::membership::{Composer, Intent, IntentError};
use crate::store::{Batch, Table};

/// What taking a control item led to.
#[derive(Debug, Default)]
pub(crate) struct ControlStep {
    /// Items that are folded now and were not before.
    pub(crate) folded: usize,
    /// Intents that the log shows done.
    pub(crate) done: Vec<Intent>,
}

/// Stores an item at the end of the held log and folds what can be folded.
pub(crate) fn take_item(
    space: &mut Space,
    item: Vec<u8>,
    loader: &Loader<'_>,
    random: &mut dyn Random,
) -> Result<ControlStep, Error> {
    let mut items = space.control_items()?;
    items.push(item.clone());
    let folded = space.fold_held(&items, loader)?;
    let mut batch = Batch::default();
    space.hold_control(&mut batch, item);
    let mut step = ControlStep { folded: folded.len(), done: Vec::new() };
    for (key, intent) in intents(space)? {
        if intent.is_satisfied(&space.log) {
            batch.delete(Table::Intents, &key);
            step.done.push(intent);
        }
    }
    let mut turn = Turn::new(space);
    turn.batch = batch;
    for one in &folded {
        if let Some(reason) = one.incident {
            turn.report(&Incident::void_op(one.idx, reason.code()), random)?;
        }
    }
    turn.release_control();
    turn.close(random)?;
    Ok(step)
}

/// The intents that are not done yet, oldest first.
pub(crate) fn intents(space: &Space) -> Result<Vec<(Vec<u8>, Intent)>, Error> {
    let rows = space.shelf.prefix(Table::Intents, &[])?;
    rows.into_iter()
        .map(|row| {
            let intent = Intent::decode(&row.body).map_err(|_| Error::Damaged { code: "store.intent" })?;
            Ok((row.id, intent))
        })
        .collect()
}

/// Writes an intent down, unless it is done or written down already.
pub(crate) fn intend(
    space: &mut Space,
    intent: &Intent,
    random: &mut dyn Random,
) -> Result<(), Error> {
    let bytes = intent.encode();
    let id = wire::hash::sha256(&[&bytes]);
    if intent.is_satisfied(&space.log) || space.shelf.get(Table::Intents, &id)?.is_some() {
        return Ok(());
    }
    let mut batch = Batch::default();
    space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
    space.shelf.commit(batch)
}

/// The item that brings the first open intent into the log at its present head, with its index.
pub(crate) fn compose_next(
    space: &mut Space,
    keys: &DeviceKeys,
    random: &mut dyn Random,
) -> Result<Option<(u32, Vec<u8>)>, Error> {
    if space.log.next_idx() == 0 || space.log.next_idx() != space.control_held {
        return Ok(None);
    }
    let frontier_root = crate::entry::frontier_root(space.home.space, &space.chains.all());
    for (id, intent) in intents(space)? {
        let composer =
            Composer { log: &space.log, keyring: &space.keyring, keys, frontier_root };
        match intent.compose(&composer, random) {
            Ok(item) => return Ok(Some((space.log.next_idx(), item))),
            Err(IntentError::Satisfied | IntentError::Impossible) => {
                let mut batch = Batch::default();
                batch.delete(Table::Intents, &id);
                space.shelf.commit(batch)?;
            }
            Err(IntentError::NoKey) => return Ok(None),
        }
    }
    Ok(None)
}

/// Puts the first item of a new space into a batch.
pub(crate) fn found_with(batch: &mut Batch, item: &[u8]) {
    Shelf::put_sealed(batch, Place::new(Table::Control, &0_u32.to_be_bytes()), item.to_vec());
}
