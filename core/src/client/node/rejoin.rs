//! The relay holds another control log than this device: what is held from where they part is set aside, the relay's
//! log is followed, and what was set aside is carried into it.
//!
//! ```text
//! engine: the logs differ --> items from the first one on --> the first that differs
//!   one commit: items from there on go, wants that carry their ops come, the outbox is sealed anew
//! engine: as any device that is behind --> control::compose_next: Branch, then Merge
//! ```

use crate::client::error::Error;
use crate::client::node::link::Link;
use crate::client::node::machine::{Node, Now};
use crate::client::node::relink::Standing;
use crate::client::session::unlocked::Session;
use crate::client::space::card;
use crate::client::space::state::{Loader, Space};
use crate::client::turn::control;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::membership::{ControlLog, Intent, Named, SpaceKind, Want};
use crate::model::id::OpId;
use crate::store::{Batch, Table};
use std::collections::BTreeSet;
use wire::codec::Reader;
use wire::control::ControlItem;
use wire::hash::{item_hash, sha256};
use wire::id::{ItemHash, RelayId, SpaceHandle};

/// Set while entries that the relay lost are on their way back.
pub(crate) const META_RESEED: &[u8] = b"reseed";
/// The relay's database that held the same control log when last looked at.
pub(crate) const META_AGREED: &[u8] = b"agreed";
/// The op under which this device writes while its log is cut back.
const META_APART: &[u8] = b"apart";

impl Node {
    /// An item of the relay's log, told because that log is not the one held here.
    pub(crate) fn compare_control(
        &mut self,
        (relay, sid): (RelayId, SpaceHandle),
        (idx, item): (u32, &[u8]),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let known: Vec<Standing> = self.session.spaces().map(Standing::of).collect();
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
                    link.engine.set_outbox(*sid, Link::pending_of(space)?);
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
    let intents = control::intents(space)?;
    Ok(intents.iter().any(|(_, it)| matches!(it.want(), Want::Branch(_) | Want::Merge(_))))
}

/// One entry of each person under each of the two branches that are to be merged, as far as there are such.
pub(crate) fn words_under(space: &Space, tip: OpId) -> Result<Vec<Named>, Error> {
    let mut words = Vec::new();
    let sides = space.log.sides(tip);
    if space.kind == SpaceKind::Private || sides.iter().all(Vec::is_empty) {
        return Ok(words);
    }
    let mut found = BTreeSet::new();
    for entry in card::entries(&space.shelf, space.home.space)? {
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
    }
    Ok(words)
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
    for (id, mut intent) in control::intents(space)? {
        intent.cut_back(from);
        space.shelf.put(&mut batch, Place::new(Table::Intents, &id), &intent.encode(), random)?;
    }
    let mut apart = whole.apart();
    for want in space.log.wants_of(&whole, &space.keyring) {
        match &want {
            Want::Branch(branch) => space.log.remember(branch),
            Want::Merge(merge) => apart = apart.or(Some(merge.tip)),
            Want::AddDevice(_)
            | Want::JoinSpace(_)
            | Want::Rekey { .. }
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

impl Space {
    /// The relay that this device stands level with holds the same control log.
    pub(crate) fn agree(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let store = self.position.store;
        if self.agreed == store {
            return Ok(());
        }
        let mut batch = Batch::new();
        self.shelf.put(
            &mut batch,
            Place::new(Table::Meta, META_AGREED),
            store.as_bytes(),
            random,
        )?;
        self.shelf.commit(batch)?;
        self.agreed = store;
        Ok(())
    }

    /// The relay lacks what it held, or holds it in another log: nothing is pushed before it is known what.
    pub(crate) fn reseed(
        &mut self,
        batch: &mut Batch,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.reseeding = true;
        self.shelf.put(batch, Place::new(Table::Meta, META_RESEED), &[], random)
    }

    /// Ops that this device knows and the log does not carry yet are known from the start: entries name them.
    pub(crate) fn remember_branches(&mut self) -> Result<(), Error> {
        let intents = control::intents(self)?;
        // One may stand on another.
        for _ in 0..intents.len() {
            for (_, intent) in &intents {
                if let Want::Branch(branch) = intent.want() {
                    self.log.remember(branch);
                }
            }
        }
        if let Some(row) = self.shelf.get(Table::Meta, META_APART)? {
            self.log.stand_on(OpId::from_bytes(Reader::new(&row.body).array()?));
        }
        Ok(())
    }
}
