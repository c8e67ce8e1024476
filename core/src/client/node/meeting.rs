//! A pairing that is under way: which machine decides, what was asked of the box, when to ask again.

use crate::crypto::Home;
use crate::membership::GenesisDraft;
use crate::pairing::{Card, Invite, Join, Output};
use std::collections::BTreeMap;
use std::time::Duration;
use wire::id::{RelayId, RendezvousId, SpaceHandle};
use wire::refusal::{Reason, Refusal};
use wire::time::Moment;

/// The shortest rest after a refusal.
const REFUSED_REST: Duration = Duration::from_secs(1);

/// A pairing that is under way.
#[derive(Debug)]
pub(crate) struct Pairing {
    pub(crate) relay: RelayId,
    pub(crate) rid: RendezvousId,
    pub(crate) machine: Machine,
    pub(crate) puts: BTreeMap<u64, u8>,
    pub(crate) get: Option<u64>,
    pub(crate) from: u8,
    pub(crate) wanted: bool,
    /// The relay asked to wait so long before the next question.
    pub(crate) rest_until: Moment,
    /// Joiner: until then a box that is not there may still be opened: the invitation can be quicker than its box.
    pub(crate) knocks_until: Moment,
    /// Inviter: what was drafted, until the partner signed it.
    pub(crate) draft: Option<(Home, GenesisDraft)>,
    /// Joiner: who invites, and the space that was signed.
    pub(crate) met: Option<(Card, Option<Home>)>,
    pub(crate) signed: bool,
    /// Inviter: waits for the log to hold this device, or the relay to hold the new space.
    pub(crate) admitting: bool,
    pub(crate) founding: Option<SpaceHandle>,
}

#[derive(Debug)]
pub(crate) enum Machine {
    Invite(Box<Invite>),
    Join(Box<Join>),
}

/// What a request of the pairing was answered.
pub(crate) enum Mail {
    Came(u8, Vec<u8>),
    Stored(u8),
    Conflict,
    Gone,
}

impl Pairing {
    pub(crate) fn new(relay: RelayId, rid: RendezvousId, machine: Machine) -> Self {
        Self {
            relay,
            rid,
            machine,
            puts: BTreeMap::new(),
            get: None,
            from: 0,
            wanted: false,
            rest_until: Moment::ORIGIN,
            knocks_until: Moment::ORIGIN,
            draft: None,
            met: None,
            signed: false,
            admitting: false,
            founding: None,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        let end = match &self.machine {
            Machine::Invite(invite) => invite.poll_timeout(),
            Machine::Join(join) => join.poll_timeout(),
        };
        let rest = self.may_ask().then_some(self.rest_until);
        [end, rest].into_iter().flatten().min()
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        match &mut self.machine {
            Machine::Invite(invite) => invite.poll_output(),
            Machine::Join(join) => join.poll_output(),
        }
    }

    pub(crate) fn handle(&mut self, mail: Mail, now: Moment) {
        match (&mut self.machine, mail) {
            (Machine::Invite(invite), Mail::Came(idx, bytes)) => {
                invite.handle_mail(idx, &bytes, now);
            }
            (Machine::Join(join), Mail::Came(idx, bytes)) => join.handle_mail(idx, &bytes, now),
            (Machine::Invite(invite), Mail::Stored(idx)) => invite.handle_stored(idx),
            (Machine::Join(join), Mail::Stored(idx)) => join.handle_stored(idx),
            (Machine::Invite(invite), Mail::Conflict) => invite.handle_conflict(),
            (Machine::Join(join), Mail::Conflict) => join.handle_conflict(),
            (Machine::Invite(invite), Mail::Gone) => invite.handle_gone(),
            (Machine::Join(join), Mail::Gone) => join.handle_gone(),
        }
    }

    /// What a refusal means to the machine; some only mean to wait.
    pub(crate) fn refused(&mut self, refusal: Refusal, now: Moment) -> Option<Mail> {
        if [Reason::MailConflict, Reason::MailFull].contains(&refusal.reason) {
            Some(Mail::Conflict)
        } else if refusal.reason == Reason::MailGone && self.from == 0 && now < self.knocks_until {
            self.rest_until = now + REFUSED_REST;
            None
        } else if refusal.reason == Reason::MailGone {
            Some(Mail::Gone)
        } else {
            self.rest_until = now + Duration::from_millis(refusal.argument).max(REFUSED_REST);
            None
        }
    }

    /// Whether to ask for mail: only once the box is opened, since a request on another stream may overtake its first
    /// message.
    pub(crate) fn may_ask(&self) -> bool {
        self.wanted && self.get.is_none() && !self.puts.values().any(|idx| *idx == 0)
    }

    pub(crate) fn stop(&mut self) {
        match &mut self.machine {
            Machine::Invite(invite) => invite.stop(),
            Machine::Join(join) => join.stop(),
        }
    }

    pub(crate) fn reconnected(&mut self) {
        match &mut self.machine {
            Machine::Invite(invite) => invite.handle_reconnected(),
            Machine::Join(join) => join.handle_reconnected(),
        }
    }
}
