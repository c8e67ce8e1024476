//! Control items in, intents out.
//!
//! An item counts once it is in this device's store: what came from the relay, and what the relay gave a receipt
//! for. An intent is what this device wants of the log ("add this device"); it is composed anew at the present head
//! until the folded log shows it done, across conflicts, lost answers and restarts.

use crate::client::error::Error;
use crate::client::space::card;
use crate::client::space::keys::incidents_of;
use crate::client::space::state::{Loader, Space};
use crate::client::turn::gather::{Changed, Turn};
use crate::client::vault::shelf::{Place, Shelf};
use crate::crypto::{DeviceKeys, Random};
use crate::entry::frontier_root;
use crate::membership::{
    ComposeError, Composer, Intent, IntentError, Named, RENEWALS_MAX, SpaceKind, Want,
};
use crate::model::id::OpId;
use crate::store::{Batch, Table};
use std::collections::BTreeSet;
use wire::control::ControlItem;

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
    for (key, intent) in space.intents()? {
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

/// Tells what came to light where held items were folded outside the turn that stored them: at a start, or once a key
/// came by another way than the log.
pub(crate) fn tell_of_items(space: &mut Space, random: &mut dyn Random) -> Result<Changed, Error> {
    let found = core::mem::take(&mut space.found_in_items);
    if found.is_empty() {
        return Ok(Changed::default());
    }
    let mut turn = Turn::new(space);
    for incident in found {
        if turn.space.shelf.store().get(Table::Incidents, &incident.key())?.is_none() {
            turn.report(&incident, random)?;
        }
    }
    turn.close(random)
}

/// A void op may carry any epoch in its head, and the relay, which cannot read it, then takes envelopes of that epoch
/// only: nobody could write any more. Whoever sees it asks for a new epoch, and the relay follows.
pub(crate) fn recall_epoch(space: &mut Space, random: &mut dyn Random) -> Result<(), Error> {
    let folded = space.log.next_idx();
    if space.log.apart().is_some() {
        return Ok(());
    }
    if folded == 0 || folded != space.control_held || !space.is_member() || space.lacks_epoch() {
        return Ok(());
    }
    let newest = space.control_item(folded.saturating_sub(1))?;
    let newest = newest.and_then(|item| ControlItem::decode(&item).ok());
    let epoch = space.log.epoch();
    if newest.is_some_and(|item| item.epoch_after != epoch) && may_renew(space)? {
        space.intend(&Intent::new(Want::Rekey { after: epoch }), random)?;
    }
    Ok(())
}

/// Whether to make an epoch that the other made necessary: so often in a row at once, and then only for words of one's
/// own that wait. So nobody fills the log through another's hands, and nobody is silenced.
fn may_renew(space: &Space) -> Result<bool, Error> {
    let few = space.log.answers(space.person) < RENEWALS_MAX;
    Ok(few || space.shelf.store().count(Table::Outbox)? > 0)
}

/// A key that did not arrive is replaced, so that its maker silences nobody; what that left behind is brought in again.
pub(crate) fn mend_keys(space: &mut Space, random: &mut dyn Random) -> Result<(), Error> {
    if let Some(idx) = space.log.lacks_key_of(&space.keyring)
        && space.is_member()
        && may_renew(space)?
    {
        space.intend(&Intent::new(Want::Reject { idx }), random)?;
    }
    for want in space.log.wants_left(&space.keyring) {
        space.intend(&Intent::new(want), random)?;
    }
    Ok(())
}

/// The item that brings the first open intent into the log at its present head, with its index. The try is written
/// down first, so that a restart sends the same bytes.
pub(crate) fn compose_next(
    space: &mut Space,
    keys: &DeviceKeys,
    random: &mut dyn Random,
) -> Result<Option<(u32, Vec<u8>)>, Error> {
    if space.log.next_idx() == 0 || !space.may_intend {
        return Ok(None);
    }
    let intents = space.intents()?;
    space.may_intend = !intents.is_empty();
    if intents.is_empty() {
        return Ok(None);
    }
    let ahead = space.log_ahead()?;
    let read = space.chains.all();
    let frontier_root = frontier_root(space.home.space, &read);
    for (id, mut intent) in intents {
        let rejects = matches!(intent.want(), Want::Reject { .. });
        if rejects && !space.lacks_epoch() {
            // The key came by another way.
            let mut batch = Batch::new();
            batch.delete(Table::Intents, &id);
            space.shelf.commit(batch)?;
            continue;
        }
        if ahead.is_some() && !rejects {
            continue;
        }
        let log = ahead.as_ref().unwrap_or(&space.log);
        if let Want::NewIncarnation(anew) = intent.want() {
            let (seq, entry) = space.ends_at(anew.old);
            intent.ends_at(seq, entry);
        }
        if let Want::Merge(merge) = intent.want() {
            intent.name(words_under(space, merge.tip)?);
        }
        let composer = Composer { log, keyring: &space.keyring, keys, frontier_root };
        let composed = intent.compose(&composer, random);
        let mut batch = Batch::new();
        match composed {
            Ok(item) => {
                let bytes = intent.encode();
                space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &bytes, random)?;
                space.shelf.commit(batch)?;
                return Ok(Some((space.control_held, item)));
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

/// One entry of each person under each of the two branches that are to be merged, as far as there are such.
fn words_under(space: &Space, tip: OpId) -> Result<Vec<Named>, Error> {
    let mut words = Vec::new();
    let sides = space.log.sides(tip);
    if space.kind == SpaceKind::Private || sides.iter().all(Vec::is_empty) {
        return Ok(words);
    }
    let mut found = BTreeSet::new();
    card::each_entry(&space.shelf, space.home.space, |_, entry| {
        let (idx, id) = entry.header.control;
        let names = |(at, op): &(u32, OpId)| *at == idx && op.as_bytes().starts_with(&id);
        let side = sides.iter().position(|side| side.iter().any(names));
        let device = entry.header.chain.device;
        let table = space.log.table_named(idx, &id);
        let person = table.and_then(|table| table.person_of(device));
        if let (Some(side), Some(person)) = (side, person)
            && found.insert((side, person))
        {
            words.push(Named { header: entry.header.encode(), voice: *entry.voice.as_bytes() });
        }
    })?;
    Ok(words)
}

/// Puts the first item of a new space into a batch.
pub(crate) fn found_with(batch: &mut Batch, item: &[u8]) {
    Shelf::put_sealed(batch, Place::new(Table::Control, &0_u32.to_be_bytes()), item.to_vec());
}
