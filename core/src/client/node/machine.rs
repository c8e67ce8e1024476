//! The whole client as one sans-io machine: session and engines together. The driver on a phone and the simulator
//! run this same code; they only move bytes and say what time it is.
//!
//! ```text
//! execute(Command) ------> turn, commit --> Answer        handle_frame --> engine --> turn, commit
//!                                  \--> engine --> Output (dial, send, hang up)  <--/
//! ```
//!
//! An error of a `handle_*` call means that a commit did not happen: memory may be ahead of the disk, and the caller
//! calls [`Node::reload`] or drops the node.

use crate::client::error::Error;
use crate::client::node::command::{Answer, Command};
use crate::client::node::link::Link;
use crate::client::node::meeting::Pairing;
use crate::client::session::unlocked::Session;
use crate::client::turn::gather::Changed;
use crate::crypto::Random;
use crate::membership::{Intent, SpaceKind, Want};
use crate::model::id::EntryId;
use crate::store::VaultLock;
use std::collections::{BTreeMap, VecDeque};
use wire::address::AddressLine;
use wire::frame::{Channel, Frame};
use wire::id::{RelayId, SpaceHandle};
use wire::refusal::Refusal;
use wire::time::{Moment, Timestamp};

/// What time it is: for timers, for data, and where.
#[derive(Debug, Clone)]
pub struct Now {
    /// For timers.
    pub moment: Moment,
    /// For data.
    pub timestamp: Timestamp,
    /// The zone of this device, an IANA name: it stands beside the instant in what a person says.
    pub zone: String,
}

/// What the node asks of whoever drives it.
#[derive(Debug)]
pub enum Output {
    /// Connect to a relay.
    Dial {
        /// Which, and where.
        address: AddressLine,
    },
    /// Send a frame.
    Send {
        /// To this relay.
        relay: RelayId,
        /// On this channel.
        channel: Channel,
        /// The frame.
        frame: Frame,
        /// Nothing more will be sent on this channel.
        last: bool,
    },
    /// Stop reading a channel.
    Cancel {
        /// At this relay.
        relay: RelayId,
        /// The channel.
        channel: Channel,
    },
    /// Close the connection.
    Hangup {
        /// To this relay.
        relay: RelayId,
    },
    /// Something a person may want to see.
    Notice(Notice),
}

/// Something a person may want to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// What arrived changed records or documents.
    Changed(Changed),
    /// An entry is durable at the relay.
    Sent(EntryId),
    /// A relay refused a space or a request.
    Refused(Refusal),
    /// The relay forgot what it held; this device brings it back.
    RelayForgot,
    /// An incident was written down; its stable code.
    Incident(&'static str),
    /// So many entries of the other person are more than one may send in a day: they stay at the relay until tomorrow,
    /// or until this person takes all.
    Bulk(usize),
    /// Pairing: tell this number to the other phone.
    ShowNumber(String),
    /// Pairing: type the number that the other phone shows.
    AskNumber,
    /// Pairing is done.
    Paired,
    /// Pairing ended without effect; the stable code says why.
    PairingEnded(&'static str),
}

/// One device.
#[derive(Debug)]
pub struct Node {
    pub(crate) session: Session,
    pub(crate) links: BTreeMap<RelayId, Link>,
    pub(crate) pairing: Option<Pairing>,
    /// The request by which the other phone is told that a pairing is over.
    pub(crate) parting: Option<u64>,
    pub(crate) outputs: VecDeque<Output>,
    /// Nothing that waited on disk was looked at yet.
    pub(crate) started: bool,
    /// Something may follow from what became known.
    pub(crate) unsettled: bool,
    live: bool,
    seed: u64,
}

impl Node {
    /// A device on an unlocked vault. `seed` spreads its retries; `live` keeps listening once all is exchanged.
    ///
    /// # Errors
    /// As the store's.
    pub fn new(session: Session, seed: u64, live: bool) -> Result<Self, Error> {
        let mut node = Self {
            session,
            links: BTreeMap::new(),
            pairing: None,
            parting: None,
            outputs: VecDeque::new(),
            started: true,
            unsettled: true,
            live,
            seed,
        };
        node.link_spaces()?;
        Ok(node)
    }

    /// Carries out a command. What it answers is on this device's disk.
    ///
    /// # Errors
    /// By cause, see [`Error`]; nothing is half-done.
    pub fn execute(
        &mut self,
        command: Command,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let answer = self.apply(command, now, random);
        // What was asked is done and durable, or a typed number was wrong, which may have ended the pairing; what
        // follows from it is found again after a reload.
        let follows = matches!(answer, Ok(_) | Err(Error::Pairing { .. }));
        if follows && self.pump_all(now, random).is_err() {
            self.reload()?;
        }
        answer
    }

    /// Wants a new epoch key for a space, until its log shows one. No command asks for it yet.
    ///
    /// # Errors
    /// [`Error::NotPaired`], [`Error::NotAllowed`] on a device that is not in; or a commit failed.
    pub fn renew_key(
        &mut self,
        kind: SpaceKind,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let slot = match kind {
            SpaceKind::Private => &mut self.session.private,
            SpaceKind::Shared => &mut self.session.shared,
        };
        let space = slot.space_mut().ok_or(Error::NotPaired)?;
        space.must_be_member()?;
        let want = Want::Rekey { after: space.log.epoch() };
        space.intend(&Intent::new(want), random)?;
        self.pump_all(now, random)
    }

    /// Wants to be connected now: a person asks, or the network came back.
    ///
    /// # Errors
    /// A commit failed.
    pub fn want_online(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        for link in self.links.values_mut() {
            link.engine.sync_now(now.moment);
        }
        self.pump_all(now, random)
    }

    /// Hangs up and stays offline until [`Node::want_online`].
    ///
    /// # Errors
    /// A commit failed.
    pub fn go_offline(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        for link in self.links.values_mut() {
            link.exporter = None;
            link.engine.go_offline();
        }
        self.pump_all(now, random)
    }

    /// A connection is there; `exporter` binds sign-ins to it.
    ///
    /// # Errors
    /// A commit failed.
    pub fn handle_connected(
        &mut self,
        relay: RelayId,
        exporter: [u8; 32],
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if let Some(link) = self.links.get_mut(&relay) {
            link.exporter = Some(exporter);
            link.engine.handle_connected(now.moment);
        }
        self.pump_all(now, random)
    }

    /// The connection is gone, or could not be made.
    ///
    /// # Errors
    /// A commit failed.
    pub fn handle_disconnected(
        &mut self,
        relay: RelayId,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.parting = None;
        if let Some(link) = self.links.get_mut(&relay) {
            link.exporter = None;
            link.engine.handle_disconnected(now.moment);
        }
        self.pump_all(now, random)
    }

    /// A frame came.
    ///
    /// # Errors
    /// A commit failed.
    pub fn handle_frame(
        &mut self,
        relay: RelayId,
        arrived: (Channel, Frame),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let (channel, frame) = arrived;
        if !self.receipts_hold(relay, &frame, now, random)? {
            return self.pump_all(now, random);
        }
        if let Some(link) = self.links.get_mut(&relay) {
            link.engine.handle_frame(channel, frame, now.moment);
        }
        self.pump_all(now, random)
    }

    /// The relay ended a channel.
    ///
    /// # Errors
    /// A commit failed.
    pub fn handle_channel_closed(
        &mut self,
        relay: RelayId,
        channel: Channel,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if let Some(link) = self.links.get_mut(&relay) {
            link.engine.handle_channel_closed(channel, now.moment);
        }
        self.pump_all(now, random)
    }

    /// The time that [`Node::poll_timeout`] named has come.
    ///
    /// # Errors
    /// A commit failed.
    pub fn handle_timeout(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        for link in self.links.values_mut() {
            if link.engine.poll_timeout().is_some_and(|at| at <= now.moment) {
                link.engine.handle_timeout(now.moment);
            }
        }
        self.pairing_timeout(now);
        self.pump_all(now, random)
    }

    /// Reads everything from disk again: another process changed it, or a commit failed.
    ///
    /// # Errors
    /// The disk cannot be read.
    pub fn reload(&mut self) -> Result<(), Error> {
        let known = self.standings();
        self.session.reload()?;
        self.started = true;
        self.unsettled = true;
        self.relink(&known)
    }

    /// Takes the vault for one turn, and brings memory up to date if another process wrote.
    pub(crate) fn begin_turn(&mut self) -> Result<Option<VaultLock>, Error> {
        let known = self.standings();
        let (lock, moved) = self.session.begin_turn()?;
        if moved {
            self.started = true;
            self.unsettled = true;
            self.relink(&known)?;
        }
        Ok(lock)
    }

    /// Ends a turn: what this process wrote is not news to it.
    pub(crate) fn end_turn(&mut self) -> Result<(), Error> {
        self.session.end_turn()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Node::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let links = self.links.values().filter_map(|link| link.engine.poll_timeout());
        links.chain(self.pairing.as_ref().and_then(Pairing::poll_timeout)).min()
    }

    /// Everything that is here is at the relays, and everything that is there is here.
    pub fn is_idle(&self) -> bool {
        self.is_idle_but(None)
    }

    /// As [`Node::is_idle`]; and a shared space that this device signed and the partner's has not made yet is awaited,
    /// and holds nothing up.
    pub fn is_idle_or_awaits(&self) -> bool {
        let signed = self.session.shared.space().filter(|space| space.log.genesis().is_none());
        self.is_idle_but(signed.map(|space| space.home.sid))
    }

    fn is_idle_but(&self, awaited: Option<SpaceHandle>) -> bool {
        let mut used = self.links.values().filter(|link| link.carries_any());
        self.pairing.is_none() && used.all(|link| link.engine.is_idle_but(awaited))
    }

    /// The other phone is being told that a pairing is over: to hang up now would leave it waiting.
    pub const fn is_parting(&self) -> bool {
        self.parting.is_some()
    }

    /// The unlocked vault, for reading.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }

    pub(crate) fn notice_changed(&mut self, changed: Changed) {
        let left = changed.left;
        if changed != Changed::default() {
            self.notice(Notice::Changed(changed));
        }
        if left > 0 {
            self.notice(Notice::Bulk(left));
        }
    }

    /// The link to a relay, made if it is not there.
    pub(crate) fn link_to(&mut self, address: &AddressLine) -> &mut Link {
        Self::link_among(&mut self.links, address, self.seed, self.live)
    }

    /// Makes sure that each open space with a relay is on its link.
    pub(crate) fn link_spaces(&mut self) -> Result<(), Error> {
        let Self { session, links, live, seed, .. } = self;
        for space in session.spaces() {
            if let Some(relay) = &space.relay {
                Self::link_among(links, relay, *seed, *live).add(space)?;
            }
        }
        Ok(())
    }

    fn link_among<'a>(
        links: &'a mut BTreeMap<RelayId, Link>,
        address: &AddressLine,
        seed: u64,
        live: bool,
    ) -> &'a mut Link {
        let seed = seed ^ seed_of(address.relay);
        links.entry(address.relay).or_insert_with(|| Link::new(address.clone(), seed, live))
    }

    /// Which link carries a space.
    pub(crate) fn relay_of(&self, sid: SpaceHandle) -> Option<RelayId> {
        self.links.iter().find(|(_, link)| link.carries(sid)).map(|(relay, _)| *relay)
    }
}

fn seed_of(relay: RelayId) -> u64 {
    relay.as_bytes().first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}
