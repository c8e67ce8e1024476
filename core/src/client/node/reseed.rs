//! Giving a relay what it lacks, and sealing anew what an older epoch sealed: page by page, so that ten thousand
//! envelopes cost no more memory than a few.

use crate::client::error::Error;
use crate::client::node::found::META_REGISTERED;
use crate::client::node::link::pending;
use crate::client::node::machine::Node;
use crate::client::session::regain::finish;
use crate::client::space::outbox::OutboxItem;
use crate::client::space::relay::{META_RESEED, Position};
use crate::client::space::state::{FEW, Space};
use crate::client::turn::deliver::META_NEWEST_RECEIPT;
use crate::client::turn::gather::Turn;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::model::id::EntryId;
use crate::store::Table;
use crate::sync;
use std::collections::BTreeSet;
use wire::address::AddressLine;
use wire::codec::{Reader, Writer};
use wire::id::SpaceHandle;

/// Ids read at a time.
const IDS: usize = 1_000;

impl Space {
    /// What waits in the outbox, as the engine counts it.
    pub(crate) fn pending(&self) -> Result<Vec<sync::Pending>, Error> {
        let mut all = Vec::new();
        // Nothing before it is known what the relay lacks; and a device that was restored or copied uploads nothing new
        // before it has begun anew.
        if self.reseeding {
            return Ok(all);
        }
        let back = self.held_back()?;
        self.each_outbox(|item| {
            if !back.contains(&item.entry) {
                all.push(pending(item.key, item.epoch, &item.envelope));
            }
        })?;
        Ok(all)
    }

    /// Puts all that the relay lacks into the outbox, in causal order. What waited there already takes its place among
    /// the rest: no entry goes before one that it follows.
    ///
    /// The new items stand behind the old ones until all are there; then the old ones go, and with them the note that
    /// this is to be done. A crash in between begins it anew.
    pub(crate) fn refill_outbox(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let first = self.begin_reseed(random)?;
        let mut queued = BTreeSet::new();
        self.each_outbox(|item| {
            queued.insert(item.entry);
        })?;
        let mut after = None;
        loop {
            let ids = self.shelf.store().places(Table::Entries, after.take(), IDS)?;
            let Some(last) = ids.last() else { break };
            after = Some(last.clone());
            let ids: Vec<EntryId> =
                ids.iter().filter_map(|(_, id)| EntryId::from_slice(id)).collect();
            for few in ids.chunks(FEW) {
                let mut turn = Turn::new(self);
                for id in few {
                    if queued.contains(id) || !turn.space.is_at_relay(*id)? {
                        turn.enqueue(*id, random)?;
                    }
                }
                turn.close(random)?;
            }
        }
        let old = self.outbox_keys(|item| item.key < first)?;
        let mut turn = Turn::new(self);
        for key in old {
            turn.batch.delete(Table::Outbox, &key.to_be_bytes());
        }
        turn.batch.delete(Table::Meta, META_RESEED);
        turn.close(random)?;
        Ok(())
    }

    /// The key from which on the outbox is new. What a try that was cut off left there goes.
    fn begin_reseed(&mut self, random: &mut dyn Random) -> Result<u64, Error> {
        let row = self.shelf.get(Table::Meta, META_RESEED)?;
        let begun = row.and_then(|row| Reader::new(&row.body).u64().ok());
        let first = begun.unwrap_or(self.outbox_next);
        // A process that starts counts on from what is in the outbox: it may be empty.
        self.outbox_next = self.outbox_next.max(first);
        let left = self.outbox_keys(|item| item.key >= first)?;
        let mut turn = Turn::new(self);
        for key in left {
            turn.batch.delete(Table::Outbox, &key.to_be_bytes());
        }
        let mut body = Writer::new();
        body.u64(first);
        let place = Place::new(Table::Meta, META_RESEED);
        turn.space.shelf.put(&mut turn.batch, place, body.as_slice(), random)?;
        turn.close(random)?;
        Ok(first)
    }

    /// Seals what an older epoch sealed again.
    pub(crate) fn reseal(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let epoch = self.log.epoch();
        let old = self.outbox_keys(|item| item.epoch != epoch)?;
        for few in old.chunks(FEW) {
            let mut turn = Turn::new(self);
            for key in few {
                if let Some(item) = turn.space.outbox_item(*key)? {
                    turn.reseal(&item, random)?;
                }
            }
            turn.close(random)?;
        }
        Ok(())
    }

    fn outbox_keys(&self, which: impl Fn(&OutboxItem) -> bool) -> Result<Vec<u64>, Error> {
        let mut keys = Vec::new();
        self.each_outbox(|item| keys.extend(which(item).then_some(item.key)))?;
        Ok(keys)
    }

    /// Whether the present relay gave a receipt or a copy of it.
    fn is_at_relay(&self, entry: EntryId) -> Result<bool, Error> {
        Ok(self.shelf.store().get(Table::Positions, entry.as_bytes())?.is_some())
    }
}

impl Space {
    /// From now on its entries go over this relay. What another one held is brought there; what that one confirmed is
    /// kept.
    pub(crate) fn move_to(
        &mut self,
        line: AddressLine,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let moves = self.relay.as_ref().is_some_and(|old| old.relay != line.relay);
        let mut turn = Turn::new(self);
        Self::put_relay(&turn.space.shelf, &mut turn.batch, &line, random)?;
        if moves {
            turn.begin_log(Position::START, random)?;
            turn.batch.delete(Table::Meta, META_REGISTERED);
        }
        turn.close(random)?;
        self.relay = Some(line);
        Ok(())
    }
}

impl Turn<'_> {
    /// Another log of the relay, or another relay, is read from its start, and what it lacks goes back; what the one
    /// before confirmed is kept as evidence.
    pub(crate) fn begin_log(
        &mut self,
        position: Position,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.space.keep_public(&mut self.batch, random)?;
        self.space.keep_confirmed(&mut self.batch, random)?;
        self.batch.clear(Table::Positions);
        self.batch.delete(Table::Meta, META_NEWEST_RECEIPT);
        self.space.reseed(&mut self.batch, random)?;
        self.space.set_position(&mut self.batch, position, random)
    }
}

impl Node {
    /// All that the relay holds of a space is here: if its store is made anew, that ends now.
    pub(crate) fn end_rebuild(
        &mut self,
        sid: SpaceHandle,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid).filter(|space| space.rebuilding) else {
            return Ok(());
        };
        // Without the log to its end nothing can be judged.
        if space.log.next_idx() == 0 || space.log.next_idx() != space.control_held {
            return Ok(());
        }
        let changed = finish(space, random)?;
        self.unsettled = true;
        self.notice_changed(changed);
        Ok(())
    }
}
