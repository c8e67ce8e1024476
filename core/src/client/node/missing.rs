//! What was left at the relay is pulled again as soon as there is room, a new day, or a person's word.

use crate::client::error::Error;
use crate::client::node::command::Answer;
use crate::client::node::machine::{Node, Now};
use crate::client::space::quota::day_of;
use crate::client::turn::gather::Turn;
use crate::crypto::Random;
use wire::id::SpaceHandle;

impl Node {
    /// It is this day now, by this device's clock.
    pub(crate) fn set_today(&mut self, now: &Now) {
        let today = day_of(now.timestamp);
        for slot in [&mut self.session.private, &mut self.session.shared] {
            if let Some(space) = slot.space_mut() {
                space.today = today;
            }
        }
    }

    /// Pulls again what found no room, if there is some now; `level` if all else that the relay holds is here. True if
    /// something is on its way.
    pub(crate) fn pull_missing(&mut self, sid: SpaceHandle, level: bool) -> bool {
        let relay = self.relay_of(sid);
        let Some(space) = self.session.space_of(sid) else { return false };
        let looks = level || space.room.has_room();
        let room = if looks && relay.is_some() { space.room.pull_again() } else { None };
        let allowed = if relay.is_some() { space.pull_allowed() } else { None };
        let from = [room, allowed].into_iter().flatten().min();
        match (from, relay.and_then(|relay| self.link(relay))) {
            (Some(from), Some(link)) => {
                link.engine.pull_again(sid, from);
                true
            }
            (None | Some(_), _) => false,
        }
    }

    /// Looks in every space.
    pub(crate) fn pull_all_missing(&mut self) {
        let spaces: Vec<SpaceHandle> = self.session.spaces().map(|space| space.home.sid).collect();
        for sid in spaces {
            self.pull_missing(sid, false);
        }
    }

    /// Takes all that the other person sent, however much it is.
    pub(crate) fn take_all(&mut self, random: &mut dyn Random) -> Result<Answer, Error> {
        let Some(space) = self.session.shared.space_mut() else { return Err(Error::NotPaired) };
        let persons = space.take_all();
        let mut turn = Turn::new(space);
        turn.spent.extend(persons);
        turn.close(random)?;
        self.pull_all_missing();
        Ok(Answer::Done)
    }
}
