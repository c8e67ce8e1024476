//! A device that was restored from a copy, or copied, goes on under a new incarnation: no number of a chain is used
//! for two things, and nothing that was written is lost.
//!
//! ```text
//! an own entry comes that is not held here -> noticed: nothing more is uploaded, what nobody else can hold yet is
//!     taken back (`withdraw`) and kept aside (`staged`)
//! NewIncarnation is in the log             -> adopted: the rest of the old chain is taken back (swept) and all that is
//!     kept aside is written again in the new chain
//! ```
//!
//! A device may hold an incarnation that another copy of it has ended: it reads, and begins anew when it has something
//! to say.

use crate::client::error::Error;
use crate::client::node::link::Link;
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::Slot;
use crate::client::space::state::Space;
use crate::client::turn::control;
use crate::client::turn::gather::{Author, Turn};
use crate::client::turn::staged;
use crate::client::turn::withdraw::withdraw;
use crate::client::vault::shelf::Place;
use crate::crypto::{Random, Unverified, open};
use crate::entry::{Entry, Incident, is_phantom};
use crate::membership::{Intent, NewIncarnation, SpaceKind, Want};
use crate::model::id::{ChainId, EntryId};
use crate::store::{Batch, Table};
use std::collections::BTreeSet;
use wire::codec::{Reader, Writer};
use wire::envelope::{Class, Envelope};

/// Under which incarnation this device writes; 0 without the row.
const META_INCARNATION: &[u8] = b"inc";
/// What is under way, see [`Anew`].
const META_ANEW: &[u8] = b"anew";
/// Begins the row of how much of an own chain the relay once held, kept when it forgot.
const META_PUBLIC: &[u8] = b"public";
/// How often a device begins anew by itself. Copies that live side by side come here; then a person has to decide.
const INCARNATIONS_MAX: u16 = 16;

/// Whether the chain of this device is known to be its own alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anew {
    /// Nothing speaks against it.
    No,
    /// Another copy of this device has written, here or in the other space.
    Noticed {
        /// The other space knows.
        told: bool,
    },
    /// The new incarnation counts; what only this device holds of the old one is still to be taken back.
    Sweep {
        /// The old one.
        from: u16,
    },
}

impl Anew {
    fn encode(self) -> Vec<u8> {
        let (tag, inc) = match self {
            Self::No => (0, 0),
            Self::Noticed { told: false } => (1, 0),
            Self::Noticed { told: true } => (2, 0),
            Self::Sweep { from } => (3, from),
        };
        let mut row = Writer::new();
        row.u8(tag).u16(inc);
        row.into_bytes()
    }

    fn decode(row: &[u8]) -> Result<Self, Error> {
        let mut row = Reader::new(row);
        match (row.u8()?, row.u16()?) {
            (0, _) => Ok(Self::No),
            (1, _) => Ok(Self::Noticed { told: false }),
            (2, _) => Ok(Self::Noticed { told: true }),
            (3, from) => Ok(Self::Sweep { from }),
            (_, _) => Err(Error::Damaged { code: "store.anew" }),
        }
    }
}

impl Space {
    pub(crate) fn load_anew(&mut self) -> Result<(), Error> {
        if let Some(row) = self.shelf.get(Table::Meta, META_INCARNATION)? {
            self.me.inc = Reader::new(&row.body).u16()?;
        }
        if let Some(row) = self.shelf.get(Table::Meta, META_ANEW)? {
            self.anew = Anew::decode(&row.body)?;
        }
        Ok(())
    }

    pub(crate) fn set_anew(
        &mut self,
        batch: &mut Batch,
        anew: Anew,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.anew = anew;
        self.shelf.put(batch, Place::new(Table::Meta, META_ANEW), &anew.encode(), random)
    }

    /// The incarnation of this device that the log knows, once it is in.
    fn incarnation_in_log(&self) -> Option<u16> {
        self.standing().device(self.me.device).map(|member| member.inc)
    }

    /// Whether another copy of this device has begun anew.
    fn is_passed_over(&self) -> bool {
        self.incarnation_in_log().is_some_and(|inc| inc != self.me.inc)
    }

    /// Whether nothing of this device may be uploaded now: its place in the chain may be taken.
    pub(crate) fn is_held(&self) -> bool {
        self.anew != Anew::No || self.is_passed_over()
    }

    /// The entries of an own chain that nobody else can hold, in order: without receipt and position at the relay,
    /// behind all that the relay once held and all that another chain names.
    pub(crate) fn unsent_of(&self, chain: ChainId) -> Result<Vec<(u64, EntryId)>, Error> {
        let Some(head) = self.chains.get(chain) else { return Ok(Vec::new()) };
        let floor = self.public_of(chain)?;
        let mut unsent = Vec::new();
        for seq in (floor.saturating_add(1)..=head.seq).rev() {
            let before = unsent.len();
            let at = self.stored_at(chain, seq);
            let mut public = false;
            for (id, _) in at {
                if self.is_public(id)? {
                    public = true;
                } else {
                    unsent.push((seq, id));
                }
            }
            if public && unsent.len() == before {
                break;
            }
        }
        unsent.reverse();
        Ok(unsent)
    }

    fn is_public(&self, id: EntryId) -> Result<bool, Error> {
        let store = self.shelf.store();
        Ok(store.get(Table::Positions, id.as_bytes())?.is_some()
            || store.get(Table::Receipts, id.as_bytes())?.is_some())
    }

    fn public_of(&self, chain: ChainId) -> Result<u64, Error> {
        let row = self.shelf.get(Table::Meta, &public_row(chain))?;
        let kept = row.map(|row| Reader::new(&row.body).u64()).transpose()?.unwrap_or(0);
        let named = self.chains.iter().filter(|(of, _)| of.device != chain.device);
        let named = named.filter_map(|(_, of)| of.seen.get(&chain));
        let named = named.filter(|(_, id)| !is_phantom(id)).map(|(seq, _)| *seq).max();
        Ok(kept.max(named.unwrap_or(0)))
    }

    /// The last place of the own chain that somebody else can hold; `placed` are at the relay since a moment ago.
    pub(crate) fn public_end(&self, placed: &BTreeSet<EntryId>) -> Result<u64, Error> {
        let head = self.chains.get(self.me).map_or(0, |head| head.seq);
        let unsent = self.unsent_of(self.me)?;
        let newest = unsent.iter().rev().find(|(_, id)| placed.contains(id)).map(|(seq, _)| *seq);
        let before = unsent.first().map_or(head, |(seq, _)| seq.saturating_sub(1));
        Ok(newest.unwrap_or(before))
    }

    /// Before the positions at a relay that forgot are dropped: how far the own chain was known there.
    pub(crate) fn keep_public(
        &self,
        batch: &mut Batch,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if self.chains.get(self.me).is_none() {
            return Ok(());
        }
        let public = self.public_end(&BTreeSet::new())?;
        let row = public_row(self.me);
        self.shelf.put(batch, Place::new(Table::Meta, &row), &public.to_be_bytes(), random)
    }

    /// The log holds the very op of this device: from here on it writes under the new incarnation.
    pub(crate) fn adopt(
        &mut self,
        batch: &mut Batch,
        intent: &Intent,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Want::NewIncarnation(anew) = intent.want() else { return Ok(()) };
        if anew.device != self.me.device || !intent.landed(&self.log) {
            return Ok(());
        }
        let from = self.me.inc;
        self.me.inc = anew.old.saturating_add(1);
        let row = self.me.inc.to_be_bytes();
        self.shelf.put(batch, Place::new(Table::Meta, META_INCARNATION), &row, random)?;
        self.set_anew(batch, Anew::Sweep { from }, random)
    }

    /// Wants a new incarnation if there is reason to: another copy has written; or one has begun anew, and this one
    /// has something to say.
    fn want_anew(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let Some(old) = self.incarnation_in_log() else { return Ok(()) };
        if self.is_passed_over() {
            let chain = ChainId { device: self.me.device, inc: old };
            let mut turn = Turn::new(self);
            turn.report(&Incident::DeviceCopied { chain }, random)?;
            turn.close(random)?;
        }
        let wants = match self.anew {
            Anew::Noticed { .. } => true,
            Anew::No => {
                self.is_passed_over()
                    && (!self.unsent_of(self.me)?.is_empty() || staged::count(self)? > 0)
            }
            Anew::Sweep { .. } => false,
        };
        let is_it = |intent: &Intent| match intent.want() {
            Want::NewIncarnation(anew) => anew.old == old,
            Want::AddDevice(_)
            | Want::JoinSpace(_)
            | Want::Rekey { .. }
            | Want::Branch(_)
            | Want::Merge(_) => false,
        };
        let wanted = control::intents(self)?.iter().any(|(_, intent)| is_it(intent));
        if !wants || wanted || old >= INCARNATIONS_MAX {
            return Ok(());
        }
        let (seq, entry) = self.ends_at(old);
        let anew = NewIncarnation { device: self.me.device, old, seq, entry };
        control::intend(self, &Intent::new(Want::NewIncarnation(anew)), random)
    }

    /// Where the chain of an incarnation of this device stands here.
    pub(crate) fn ends_at(&self, inc: u16) -> (u64, EntryId) {
        let chain = self.chains.get(ChainId { device: self.me.device, inc });
        chain.map_or((0, EntryId::ZERO), |chain| (chain.seq, chain.id))
    }
}

fn public_row(chain: ChainId) -> Vec<u8> {
    [META_PUBLIC, chain.device.as_bytes(), &chain.inc.to_be_bytes()].concat()
}

/// Looks through envelopes that come, before any of them counts: if there is an entry that this device signed and does
/// not hold, what stands in its way, and nobody else can hold, is taken back first.
pub(crate) fn make_way<'a>(
    space: &mut Space,
    envelopes: impl Iterator<Item = &'a [u8]>,
    random: &mut dyn Random,
) -> Result<(), Error> {
    let mut unsent = space.unsent_of(space.me)?;
    if unsent.is_empty() {
        return Ok(());
    }
    let device = space.standing().device(space.me.device).map(|member| member.device.clone());
    let (mut known, mut foreign) = (BTreeSet::new(), false);
    for envelope in envelopes {
        let Some(entry) = own_entry(space, envelope) else { continue };
        let id = entry.peek().id;
        if space.has_entry(id)? {
            known.insert(id);
        } else if Entry::verify(entry, device.as_ref(), space.home.space).is_ok() {
            foreign = true;
        }
    }
    if foreign {
        let arrived = unsent.iter().rposition(|(_, id)| known.contains(id));
        unsent.drain(..arrived.map_or(0, |at| at.saturating_add(1)));
        let unsent: Vec<EntryId> = unsent.into_iter().map(|(_, id)| id).collect();
        withdraw(space, &unsent, None, random)?;
    }
    Ok(())
}

/// The entry in an envelope, if it says that it is of the chain in which this device writes.
fn own_entry(space: &Space, envelope: &[u8]) -> Option<Unverified<Entry>> {
    let envelope = Envelope::decode(envelope).ok().filter(|it| it.class == Class::Entry)?;
    let keys = space.entry_keys(envelope.epoch);
    let inner = keys.iter().find_map(|key| open(key, &space.home, &envelope).ok())?;
    let entry = Entry::decode(space.home.space, &inner).ok()?;
    (entry.peek().header.chain == space.me).then_some(entry)
}

impl Node {
    /// Does what is due for a device that was restored or copied.
    pub(crate) fn begin_anew(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        self.tell_other_space(random)?;
        for kind in [SpaceKind::Private, SpaceKind::Shared] {
            let slot = match kind {
                SpaceKind::Private => &mut self.session.private,
                SpaceKind::Shared => &mut self.session.shared,
            };
            let Slot::Open(space) = slot else { continue };
            space.want_anew(random)?;
            if let Anew::Sweep { from } = space.anew {
                let chain = ChainId { device: space.me.device, inc: from };
                let unsent = space.unsent_of(chain)?.into_iter().map(|(_, id)| id);
                withdraw(space, &unsent.collect::<Vec<_>>(), Some(Anew::No), random)?;
            }
            let can_write = space.is_member() && space.can_seal() && !space.is_held();
            let changed = if can_write && staged::count(space)? > 0 {
                let author = Author { keys: &self.session.identity.keys, now: now.timestamp };
                staged::say_again(space, &author, random)?
            } else {
                None
            };
            if core::mem::take(&mut space.outbox_moved) {
                let (sid, pending) = (space.home.sid, Link::pending_of(space)?);
                if let Some(link) = self.links.values_mut().find(|link| link.carries(sid)) {
                    link.engine.set_outbox(sid, pending);
                }
            }
            if let Some(changed) = changed {
                self.notice_changed(changed);
            }
        }
        Ok(())
    }

    /// What was noticed in one space is true of the device, and so of the other space.
    fn tell_other_space(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let session = &mut self.session;
        let spaces = [session.private.space_mut(), session.shared.space_mut()];
        let mut spaces: Vec<&mut Space> = spaces.into_iter().flatten().collect();
        if !spaces.iter().any(|space| space.anew == Anew::Noticed { told: false }) {
            return Ok(());
        }
        for space in &mut spaces {
            let is_new = space.anew == Anew::No && space.is_member();
            if is_new || space.anew == (Anew::Noticed { told: false }) {
                let mut batch = Batch::new();
                space.set_anew(&mut batch, Anew::Noticed { told: true }, random)?;
                space.shelf.commit(batch)?;
            }
        }
        Ok(())
    }
}
