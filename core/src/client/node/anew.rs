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
use crate::client::node::machine::{Node, Now};
use crate::client::session::unlocked::Slot;
use crate::client::space::incarnation::Anew;
use crate::client::space::state::Space;
use crate::client::turn::gather::{Author, Turn};
use crate::client::turn::staged;
use crate::client::turn::withdraw::withdraw;
use crate::crypto::Random;
use crate::entry::Incident;
use crate::membership::{Intent, NewIncarnation, SpaceKind, Want};
use crate::model::id::ChainId;
use crate::store::Batch;

/// How often a device begins anew, for the words that it took before it heard that a person has to decide: a space has
/// 255 chains for all.
const INCARNATIONS_MAX: u16 = 64;

impl Space {
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
            | Want::RemoveDevices(_)
            | Want::JoinSpace(_)
            | Want::Rekey { .. }
            | Want::Reject { .. }
            | Want::Branch(_)
            | Want::Merge(_) => false,
        };
        let wanted = self.intents()?.iter().any(|(_, intent)| is_it(intent));
        if !wants || wanted || old >= INCARNATIONS_MAX {
            return Ok(());
        }
        let (seq, entry) = self.ends_at(old);
        let anew = NewIncarnation { device: self.me.device, old, seq, entry };
        self.intend(&Intent::new(Want::NewIncarnation(anew)), random)
    }
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
            if space.rebuilding {
                continue;
            }
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
                let (sid, pending) = (space.home.sid, space.pending()?);
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
