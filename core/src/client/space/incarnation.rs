//! Under which incarnation a device writes, whether its chain is its own alone, and what of it nobody else can hold.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::is_phantom;
use crate::membership::{Intent, Want};
use crate::model::id::{ChainId, EntryId};
use crate::store::{Batch, Table};
use std::collections::BTreeSet;
use wire::codec::{Reader, Writer};

/// Where copies of a device that live side by side come here, a person has to decide: the one that another has passed
/// over takes no new words.
const TURNS_MAX: u16 = 16;
/// Under which incarnation this device writes; 0 without the row.
pub(crate) const META_INCARNATION: &[u8] = b"inc";
/// What is under way, see [`Anew`].
const META_ANEW: &[u8] = b"anew";
/// Begins the row of how much of an own chain the relay once held, kept when it forgot.
const META_PUBLIC: &[u8] = b"public";

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
    pub(crate) fn incarnation_in_log(&self) -> Option<u16> {
        self.standing().device(self.me.device).map(|member| member.inc)
    }

    /// Whether another copy of this device has begun anew.
    pub(crate) fn is_passed_over(&self) -> bool {
        self.incarnation_in_log().is_some_and(|inc| inc != self.me.inc)
    }

    /// Whether another copy of this device goes on, and they took turns so often that this one takes no new words.
    fn is_given_up(&self) -> bool {
        let often = self.incarnation_in_log().is_some_and(|inc| inc >= TURNS_MAX);
        often && self.is_passed_over()
    }

    /// Whether this device can say something here now.
    pub(crate) fn can_write(&self) -> bool {
        self.is_member() && self.can_seal() && !self.is_given_up()
    }

    /// # Errors
    /// [`Error::NotAllowed`] where another copy of this device goes on under its name and a person has to decide which
    /// of them stays, while this device is not in, or while its key has not arrived.
    pub(crate) fn must_be_able_to_write(&self) -> Result<(), Error> {
        self.must_be_member()?;
        if self.is_given_up() {
            Err(Error::NotAllowed { rule: "device.copied" })
        } else if self.can_seal() {
            Ok(())
        } else {
            Err(Error::NotAllowed { rule: "wrap.bad" })
        }
    }

    /// Whether nothing new of this device may be uploaded now: its place in the chain may be taken.
    pub(crate) fn is_held(&self) -> bool {
        self.anew != Anew::No || self.is_passed_over()
    }

    /// What is not uploaded now: of a device that is held what nobody else can hold. All else goes: a relay that forgot
    /// may have it from nobody but this device.
    pub(crate) fn held_back(&self) -> Result<BTreeSet<EntryId>, Error> {
        let mut back = BTreeSet::new();
        if self.is_held() {
            back.extend(self.unsent_of(self.me)?.into_iter().map(|(_, id)| id));
        }
        if let Anew::Sweep { from } = self.anew {
            let chain = ChainId { device: self.me.device, inc: from };
            back.extend(self.unsent_of(chain)?.into_iter().map(|(_, id)| id));
        }
        Ok(back)
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

    /// Where the chain of an incarnation of this device stands here.
    pub(crate) fn ends_at(&self, inc: u16) -> (u64, EntryId) {
        let chain = self.chains.get(ChainId { device: self.me.device, inc });
        chain.map_or((0, EntryId::ZERO), |chain| (chain.seq, chain.id))
    }
}

fn public_row(chain: ChainId) -> Vec<u8> {
    [META_PUBLIC, chain.device.as_bytes(), &chain.inc.to_be_bytes()].concat()
}
