//! Brings the links in line with the spaces after something else than a link changed them: another process, a failed
//! commit, a new space, another relay.

use crate::client::error::Error;
use crate::client::node::link::Link;
use crate::client::node::machine::Node;
use crate::client::space::relay::Position;
use crate::client::space::state::Space;
use wire::id::{ItemHash, SpaceHandle};

/// Where a space stands with its relay, as an engine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    sid: SpaceHandle,
    position: Position,
    control: (u32, ItemHash),
    epoch: u32,
}

impl Standing {
    pub(crate) fn of(space: &Space) -> Self {
        Self {
            sid: space.home.sid,
            position: space.position,
            control: (space.control_held, space.control_head),
            epoch: space.log.epoch(),
        }
    }
}

impl Node {
    /// Where the spaces in memory stand.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        self.session.spaces().map(Standing::of).collect()
    }

    /// For what was read from disk. A space that stands where it stood when it was `known` stays on its link and gets
    /// what was written meanwhile; otherwise its connection begins anew, so that no frame that was on its way is taken
    /// for an answer to something else.
    pub(crate) fn relink(&mut self, known: &[Standing]) -> Result<(), Error> {
        for (relay, link) in &mut self.links {
            let (mut gone, mut moved) = (Vec::new(), false);
            for sid in &link.carried.clone() {
                let space = self.session.spaces().find(|space| space.home.sid == *sid);
                let here = space
                    .filter(|space| space.relay.as_ref().is_some_and(|line| line.relay == *relay));
                match here {
                    Some(space) if known.contains(&Standing::of(space)) => link.refill(space)?,
                    Some(_) => moved = true,
                    None => gone.push(*sid),
                }
            }
            for sid in gone {
                link.remove(sid);
            }
            if moved {
                link.restart();
            }
        }
        self.link_spaces()
    }
}

impl Link {
    /// What another process wrote goes to the end of what is to be sent.
    fn refill(&mut self, space: &Space) -> Result<(), Error> {
        let sid = space.home.sid;
        let pending = space.pending()?;
        for pending in &pending {
            self.engine.enqueue(sid, *pending);
        }
        if self.engine.status(sid).is_some_and(|status| status.outbox != pending.len()) {
            self.engine.set_outbox(sid, pending);
        }
        Ok(())
    }

    fn remove(&mut self, sid: SpaceHandle) {
        if self.carried.remove(&sid) {
            self.engine.remove_space(sid);
        }
        self.in_flight.remove(&sid);
    }

    /// Takes all spaces off, and begins the connection anew.
    fn restart(&mut self) {
        for sid in self.carried.clone() {
            self.remove(sid);
        }
        self.exporter = None;
        self.registrations.clear();
        self.engine.restart();
    }
}
