//! One relay connection: the engine's outputs, carried out. Keys, receipts and the disk are here; the engine has none.

use crate::client::error::Error;
use crate::client::node::machine::{Node, Notice, Now, Output};
use crate::client::session::unlocked::Session;
use crate::client::space::relay::Position;
use crate::client::space::state::Space;
use crate::client::turn::deliver::META_NEWEST_RECEIPT;
use crate::client::turn::gather::Turn;
use crate::client::turn::{aside, control, deliver};
use crate::crypto::Random;
use crate::entry::Incident;
use crate::membership::SpaceKind;
use crate::store::Table;
use crate::sync;
use std::collections::{BTreeMap, BTreeSet};
use wire::address::AddressLine;
use wire::codec::Reader;
use wire::frame::Frame;
use wire::hash::{envelope_id, item_hash};
use wire::id::{PrincipalKey, RelayId, SpaceHandle};
use wire::receipt::Receipt;
use wire::sign::auth_bytes;

/// One relay.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: AddressLine,
    pub(crate) engine: sync::Engine,
    pub(crate) exporter: Option<[u8; 32]>,
    /// Control items sent and not answered, by space.
    pub(crate) in_flight: BTreeMap<SpaceHandle, Vec<u8>>,
    /// Questions for the keys under which the relay knows this person, by request.
    pub(crate) registrations: BTreeMap<u64, SpaceHandle>,
    pub(crate) carried: BTreeSet<SpaceHandle>,
}

impl Link {
    pub(crate) fn new(address: AddressLine, seed: u64, live: bool) -> Self {
        Self {
            address,
            engine: sync::Engine::new(seed, sync::Profile { live }),
            exporter: None,
            in_flight: BTreeMap::new(),
            registrations: BTreeMap::new(),
            carried: BTreeSet::new(),
        }
    }

    pub(crate) fn carries(&self, sid: SpaceHandle) -> bool {
        self.carried.contains(&sid)
    }

    /// Whether any space is exchanged with this relay: one that only held a mailbox has none.
    pub(crate) fn carries_any(&self) -> bool {
        !self.carried.is_empty()
    }

    pub(crate) fn add(&mut self, space: &Space) -> Result<(), Error> {
        let sid = space.home.sid;
        if self.carried.insert(sid) {
            self.engine.add_space(Self::start_of(space));
            self.engine.set_outbox(sid, space.pending()?);
            if let Some(row) = space.shelf.get(Table::Meta, META_NEWEST_RECEIPT)? {
                let receipt = Receipt::decode(&mut Reader::new(&row.body))?;
                self.engine.remember_receipt(sid, &receipt.body);
            }
        }
        Ok(())
    }

    /// The item on its way that a receipt is for. The receipt for the founding of a space at a relay that forgot it is
    /// for another one.
    fn receipted(&mut self, sid: SpaceHandle, receipt: &Receipt) -> Option<Vec<u8>> {
        let item = self.in_flight.get(&sid)?;
        let is_it = item_hash(item).as_bytes() == &receipt.body.id;
        if is_it { self.in_flight.remove(&sid) } else { None }
    }

    fn start_of(space: &Space) -> sync::SpaceStart {
        sync::SpaceStart {
            sid: space.home.sid,
            cursor: cursor_of(space.position),
            control: space.control_held,
            control_head: space.control_head,
            epoch: space.log.epoch(),
            created: space.control_held > 0,
            agreed: space.agreed,
            reseeding: space.reseeding,
        }
    }
}

pub(crate) fn pending(key: u64, epoch: u32, envelope: &[u8]) -> sync::Pending {
    sync::Pending { key, id: envelope_id(envelope), epoch, bytes: envelope.len() }
}

const fn cursor_of(position: Position) -> sync::Cursor {
    sync::Cursor { store: position.store, n: position.n, running: position.running }
}

const fn position_of(cursor: sync::Cursor) -> Position {
    Position { store: cursor.store, n: cursor.n, running: cursor.running }
}

impl Node {
    /// Carries out everything that the engines ask for, and what that leads to, until nothing is left.
    pub(crate) fn pump_all(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        self.set_today(now);
        self.pull_all_missing();
        loop {
            self.settle(now, random)?;
            if self.offer_intents(random)? {
                continue;
            }
            self.bring_back(random)?;
            self.pump_pairing(now, random)?;
            let next = self
                .links
                .iter_mut()
                .find_map(|(relay, link)| link.engine.poll_output().map(|output| (*relay, output)));
            match next {
                Some((relay, output)) => self.carry_out(relay, output, now, random)?,
                None => return Ok(()),
            }
        }
    }

    fn carry_out(
        &mut self,
        relay: RelayId,
        output: sync::Output,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        match output {
            sync::Output::Dial => {
                let address = self.links.get(&relay).map(|link| link.address.clone());
                self.outputs.extend(address.map(|address| Output::Dial { address }));
            }
            sync::Output::Hangup => self.outputs.push_back(Output::Hangup { relay }),
            sync::Output::Send { channel, frame, last } => {
                self.outputs.push_back(Output::Send { relay, channel, frame, last });
            }
            sync::Output::Cancel { channel } => {
                self.outputs.push_back(Output::Cancel { relay, channel });
            }
            sync::Output::SignIn { sid } => self.sign_in(relay, sid),
            sync::Output::Create { sid } => self.create(relay, sid)?,
            sync::Output::FetchEnvelope { sid, key } => self.fetch(relay, sid, key)?,
            sync::Output::NeedControl { sid, idx } => {
                let item = self.session.space_of(sid).map(|space| space.control_item(idx));
                if let (Some(item), Some(link)) = (item.transpose()?.flatten(), self.link(relay)) {
                    link.engine.give_control(sid, idx, item);
                }
            }
            sync::Output::ControlReceived { sid, idx: _, item } => {
                let next = self.session.space_of(sid).is_none_or(|it| it.is_next_control(&item));
                if next {
                    self.take_control(relay, sid, item, random)?;
                } else {
                    self.lied(relay, Some(sid), random)?;
                    self.hang_up(relay, now);
                }
            }
            sync::Output::ControlOther { sid, idx, item } => {
                self.compare_control((relay, sid), (idx, &item), now, random)?;
            }
            sync::Output::ControlAppended { sid, receipt } => {
                match self.link(relay).and_then(|link| link.receipted(sid, &receipt)) {
                    Some(item) => self.take_control(relay, sid, item, random)?,
                    None => self.control_stored(relay, sid),
                }
                self.pairing_founded(&receipt, random);
            }
            sync::Output::ControlConflict { sid } => {
                self.link(relay).and_then(|link| link.in_flight.remove(&sid));
            }
            sync::Output::Deliver { sid, batch, cursor } => {
                self.take_delivery(sid, batch, cursor, random)?;
            }
            sync::Output::Sent { sid, key, receipt } => {
                self.take_receipt(sid, key, &receipt, random)?;
            }
            sync::Output::Reseal { sid } => self.reseal(relay, sid, random)?,
            sync::Output::Forgot { sid, amnesia: _, cursor } => {
                self.forgot(relay, sid, cursor, random)?;
            }
            sync::Output::CaughtUp { sid } => self.caught_up(relay, sid, random)?,
            sync::Output::Lied { sid, lie } if lie.is_evidence() => {
                self.lied(relay, sid, random)?;
            }
            // A program that errs proves nothing about the log; the engine has hung up.
            sync::Output::Lied { .. } => {}
            sync::Output::Answer { request, frame } => {
                self.answered((relay, request), &frame, now, random)?;
            }
            sync::Output::AnswerEnd { request } => {
                if let Some(link) = self.link(relay) {
                    link.registrations.remove(&request);
                }
                self.pairing_answer_end(request);
            }
            sync::Output::Refused { sid: _, refusal } => self.notice(Notice::Refused(refusal)),
        }
        Ok(())
    }

    fn answered(
        &mut self,
        (relay, request): (RelayId, u64),
        frame: &Frame,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if let Frame::Appended { receipt } = frame {
            self.pairing_founded(receipt, random);
        }
        if self.pairing_answer(request, frame, now) {
            return Ok(());
        }
        self.registered(relay, request, frame, random)
    }

    pub(crate) fn link(&mut self, relay: RelayId) -> Option<&mut Link> {
        self.links.get_mut(&relay)
    }

    fn sign_in(&mut self, relay: RelayId, sid: SpaceHandle) {
        let Some(exporter) = self.links.get(&relay).and_then(|link| link.exporter) else { return };
        let derived = self.session.access_keys(sid).map(|keys| keys.acc);
        let stored = self.session.identity.access_key(sid);
        let Some(key) = stored.or(derived.as_ref()) else { return };
        let signature = key.sign_bytes(&auth_bytes(relay, sid, &exporter)).0;
        let principal = PrincipalKey::from_bytes(*key.public().as_bytes());
        if let Some(link) = self.link(relay) {
            link.engine.handle_signature(sid, principal, signature);
        }
    }

    fn fetch(&mut self, relay: RelayId, sid: SpaceHandle, key: u64) -> Result<(), Error> {
        let mut envelope = None;
        if let Some(space) = self.session.space_of(sid) {
            let back = space.held_back()?;
            let item = space.outbox_item(key)?.filter(|item| !back.contains(&item.entry));
            envelope = item.map(|item| item.envelope);
        }
        if let Some(link) = self.link(relay) {
            match envelope {
                Some(envelope) => link.engine.give_envelope(sid, key, envelope),
                None => link.engine.withdraw(sid, key),
            }
        }
        Ok(())
    }

    fn take_delivery(
        &mut self,
        sid: SpaceHandle,
        batch: Vec<sync::Delivery>,
        cursor: sync::Cursor,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let changed = deliver::deliver(space, batch, position_of(cursor), random)?;
        self.unsettled = true;
        let relay = self.relay_of(sid);
        if let Some(link) = relay.and_then(|relay| self.link(relay)) {
            link.engine.handle_delivered(sid, cursor);
        }
        self.notice_changed(changed);
        self.pull_missing(sid, false);
        Ok(())
    }

    fn take_receipt(
        &mut self,
        sid: SpaceHandle,
        key: u64,
        receipt: &Receipt,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        if let Some(entry) = deliver::sent(space, key, receipt, random)? {
            self.notice(Notice::Sent(entry));
        }
        Ok(())
    }

    /// Folds an item; then what waited for it goes on.
    pub(crate) fn take_control(
        &mut self,
        relay: RelayId,
        sid: SpaceHandle,
        item: Vec<u8>,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let loader = Session::loader(&self.session.identity);
        let slot = match self.session.private.space() {
            Some(space) if space.home.sid == sid => &mut self.session.private,
            Some(_) | None => &mut self.session.shared,
        };
        let Some(space) = slot.space_mut().filter(|space| space.home.sid == sid) else {
            return Ok(());
        };
        let before = space.log.next_idx();
        let folded = control::take_item(space, item, &loader, random)?;
        let changed = aside::retry(space, before, random)?;
        self.control_stored(relay, sid);
        self.notice_changed(changed);
        self.unsettled |= folded > 0;
        self.pull_missing(sid, true);
        self.check_expected(sid, random)?;
        self.pairing_control(sid, random)
    }

    /// Tells the engine how far the control log is stored.
    fn control_stored(&mut self, relay: RelayId, sid: SpaceHandle) {
        let Some(space) = self.session.space_of(sid) else { return };
        let (held, head, epoch) = (space.control_held, space.control_head, space.log.epoch());
        if let Some(link) = self.link(relay) {
            let sent = link.in_flight.get(&sid).is_some_and(|item| item_hash(item) == head);
            if sent {
                link.in_flight.remove(&sid);
            }
            link.engine.handle_control_stored(sid, held, head, epoch);
        }
    }

    fn reseal(
        &mut self,
        relay: RelayId,
        sid: SpaceHandle,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        // Without the key of the epoch the items stay as they are, and the engine asks again later.
        if space.can_seal() {
            space.reseal(random)?;
        }
        let pending = space.pending()?;
        if let Some(link) = self.link(relay) {
            link.engine.set_outbox(sid, pending);
        }
        Ok(())
    }

    /// The relay lost what it held, or is another one: read it from its start, then bring back what it lacks.
    fn forgot(
        &mut self,
        relay: RelayId,
        sid: SpaceHandle,
        cursor: sync::Cursor,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        let before = space.position.store;
        let mut turn = Turn::new(space);
        turn.begin_log(position_of(cursor), random)?;
        turn.report(&Incident::RelayForgot { before, after: cursor.store }, random)?;
        turn.close(random)?;
        if let Some(link) = self.link(relay) {
            link.engine.handle_delivered(sid, cursor);
        }
        self.notice(Notice::RelayForgot);
        Ok(())
    }

    /// The relay's head is reached. If it had forgotten, what it lacks goes back now, in causal order.
    fn caught_up(
        &mut self,
        relay: RelayId,
        sid: SpaceHandle,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        self.ask_founded(relay, sid)?;
        self.ask_registered(relay, sid)?;
        let again = self.pull_missing(sid, true);
        if !again {
            self.end_rebuild(sid, random)?;
        }
        let Some(space) = self.session.space_of(sid) else { return Ok(()) };
        if !again {
            space.close_tickets()?;
        }
        space.agree(random)
    }

    /// Offers each space's first open intent to its relay, one at a time.
    /// True if a log that no relay holds moved on: then more may follow.
    fn offer_intents(&mut self, random: &mut dyn Random) -> Result<bool, Error> {
        let mut moved = false;
        for kind in [SpaceKind::Private, SpaceKind::Shared] {
            let slot = match kind {
                SpaceKind::Private => &mut self.session.private,
                SpaceKind::Shared => &mut self.session.shared,
            };
            let Some(space) = slot.space_mut().filter(|space| !space.rebuilding) else { continue };
            let sid = space.home.sid;
            let loader = Session::loader(&self.session.identity);
            let keys = &self.session.identity.keys;
            if space.relay.is_none() {
                // Nobody else can write to this log: what this device appends is the log.
                while let Some((_, item)) = control::compose_next(space, keys, random)? {
                    control::take_item(space, item, &loader, random)?;
                    moved = true;
                }
                continue;
            }
            let Some(link) = self.links.values_mut().find(|link| link.carries(sid)) else {
                continue;
            };
            let ready = link.engine.status(sid).is_some_and(|status| status.caught_up);
            if !ready || link.in_flight.contains_key(&sid) {
                continue;
            }
            if let Some((idx, item)) = control::compose_next(space, keys, random)? {
                link.in_flight.insert(sid, item.clone());
                link.engine.append(sid, item, idx);
            }
        }
        self.unsettled |= moved;
        Ok(moved)
    }
}
