//! Two devices meet: the pairing machine's outputs, carried out with the vault, the control log and the relay.
//!
//! Nothing of a pairing is stored before it is decided: what must survive a crash is an intent (the new device) or a
//! founded space (the partner). A pairing that is cut off is begun again with a new invitation.

use crate::client::error::Error;
use crate::client::node::command::{Answer, Invited, Whom};
use crate::client::node::machine::{Node, Notice, Now};
use crate::client::node::meeting::{Machine, Mail, Pairing};
use crate::client::session::unlocked::Session;
use crate::crypto::{Home, Random, SigningKey};
use crate::membership::{
    AddDevice, Card as GenesisCard, GenesisPerson, Intent, JoinerView, SharedGenesis, Want,
};
use crate::pairing::{
    Card, DeviceWelcome, Digits, Invitation, Invite, Inviter, Join, Joiner, Mode, Output, Partner,
};
use std::time::Duration;
use wire::address::AddressLine;
use wire::codec::Writer;
use wire::frame::Frame;
use wire::id::{RelayId, RendezvousId, SpaceHandle};
use wire::receipt::Receipt;

/// How long a joiner knocks at a box that is not there.
const KNOCKING: Duration = Duration::from_secs(10);
/// How long the relay holds a question for new messages.
const MAIL_WAIT_MS: u32 = 20_000;

impl Node {
    /// Opens an invitation at the relay of the own private space.
    pub(crate) fn invite(
        &mut self,
        (whom, by_digits): (Whom, bool),
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        if whom == Whom::Partner && self.session.is_paired() {
            return Err(Error::NotAllowed { rule: "pair.already" });
        }
        let line = self.session.private_mut()?.relay.clone().ok_or(Error::NoRelay)?;
        let inviter =
            Inviter { mode: mode_of(whom), card: self.own_card()?, line: line.clone(), by_digits };
        let invite = Invite::new(inviter, random, now.moment);
        let code = invite.invitation().text();
        let rid = invite.invitation().rid;
        self.start_pairing(&line, rid, Machine::Invite(Box::new(invite)), now);
        Ok(Answer::Invitation { code })
    }

    /// Follows an invitation: on an empty vault as a new device of its person, else as the partner.
    pub(crate) fn join(
        &mut self,
        invited: Invited,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let own = self.session.has_private();
        let mode = if own { Mode::Partner } else { Mode::Device };
        if own && self.session.is_paired() {
            return Err(Error::NotAllowed { rule: "pair.already" });
        }
        let invitation = match invited {
            Invited::Code(text) => Invitation::parse(&text),
            Invited::Digits { digits, relay, whom } => Digits::parse(&digits)
                .map(|digits| Invitation::by_digits(mode_of(whom), digits, relay)),
        };
        let invitation = invitation.and_then(|invitation| invitation.require(mode));
        let invitation = invitation.map_err(|error| Error::Pairing { code: error.code() })?;
        let (line, rid) = (invitation.line.clone(), invitation.rid);
        let card = own.then(|| self.own_card()).transpose()?;
        let joiner = match card {
            Some(card) => Joiner::Partner(Box::new(card)),
            None => Joiner::Device(&self.session.identity.keys),
        };
        let join = Join::new(invitation, joiner, random, now.moment)
            .map_err(|error| Error::Pairing { code: error.code() })?;
        self.start_pairing(&line, rid, Machine::Join(Box::new(join)), now);
        Ok(Answer::Done)
    }

    fn start_pairing(
        &mut self,
        line: &AddressLine,
        rid: RendezvousId,
        machine: Machine,
        now: &Now,
    ) {
        let mut pairing = Pairing::new(line.relay, rid, machine);
        if matches!(pairing.machine, Machine::Join(_)) {
            pairing.knocks_until = now.moment + KNOCKING;
        }
        self.pairing = Some(pairing);
        self.link_to(line).engine.sync_now(now.moment);
    }

    pub(crate) fn type_number(
        &mut self,
        number: &str,
        random: &mut dyn Random,
    ) -> Result<Answer, Error> {
        let typed = match self.pairing.as_mut().map(|pairing| &mut pairing.machine) {
            Some(Machine::Invite(invite)) => {
                invite.handle_typed(number, &self.session.identity.keys, random)
            }
            Some(Machine::Join(join)) => join.handle_typed(number),
            None => return Err(Error::NotAllowed { rule: "pair.step" }),
        };
        typed.map(|()| Answer::Done).map_err(|error| Error::Pairing { code: error.code() })
    }

    pub(crate) fn stop_pairing(&mut self) {
        if let Some(pairing) = &mut self.pairing {
            pairing.stop();
        }
    }

    pub(crate) fn pairing_timeout(&mut self, now: &Now) {
        match self.pairing.as_mut().map(|pairing| &mut pairing.machine) {
            Some(Machine::Invite(invite)) => invite.handle_timeout(now.moment),
            Some(Machine::Join(join)) => join.handle_timeout(now.moment),
            None => {}
        }
    }

    /// Carries out what the machine asks for.
    pub(crate) fn pump_pairing(&mut self, now: &Now, random: &mut dyn Random) -> Result<(), Error> {
        while let Some(output) = self.pairing.as_mut().and_then(Pairing::poll_output) {
            if let Err(error) = self.pairing_output(output, now, random) {
                if error == Error::Storage {
                    return Err(error);
                }
                // What does not fit ends the pairing, and nothing else.
                self.stop_pairing();
            }
        }
        self.ask_for_mail(now);
        Ok(())
    }

    fn pairing_output(
        &mut self,
        output: Output,
        now: &Now,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        match output {
            Output::Put { idx, bytes } => self.put_mail(idx, bytes),
            Output::Get { from } => {
                if let Some(pairing) = &mut self.pairing {
                    (pairing.from, pairing.wanted) = (from, true);
                }
            }
            Output::ShowNumber(number) => self.notice(Notice::ShowNumber(number)),
            Output::AskNumber => self.notice(Notice::AskNumber),
            Output::Admit { device, th } => {
                let add = AddDevice { person: self.session.person(), device: *device, th };
                let intent = Intent::new(Want::AddDevice(add));
                self.session.private_mut()?.intend(&intent, random)?;
                if let Some(pairing) = &mut self.pairing {
                    pairing.admitting = true;
                }
                self.unsettled = true;
                let sid = self.session.private_mut()?.home.sid;
                self.pairing_control(sid, random)?;
            }
            Output::Draft { partner, home, th } => self.draft(*partner, home, th, random)?,
            Output::Assemble { signature } => {
                let drafted = self.pairing.as_mut().and_then(|pairing| pairing.draft.take());
                let (home, draft) = drafted.ok_or(Error::Pairing { code: "pair.step" })?;
                let founded = draft
                    .assemble(signature, random)
                    .map_err(|_| Error::Pairing { code: "genesis" })?;
                let line = self.session.private_mut()?.relay.clone().ok_or(Error::NoRelay)?;
                self.found_shared(home, &line, Some(&founded.item), random)?;
                if let Some(pairing) = &mut self.pairing {
                    pairing.founding = Some(home.sid);
                }
            }
            Output::Meet { inviter, home, th } => self.meet(*inviter, home, th, random)?,
            Output::Welcomed { welcome, th: _ } => self.enter_private(*welcome, random)?,
            Output::CheckGenesis { body, wraps, th } => {
                self.check_genesis(&body, &wraps, th, random)?;
            }
            Output::Founded { .. } | Output::AwaitSpace => self.await_space(now),
            Output::Done => {
                self.end_pairing();
                self.notice(Notice::Paired);
            }
            Output::Burned(error) => {
                self.end_pairing();
                self.notice(Notice::PairingEnded(error.code()));
            }
        }
        Ok(())
    }

    /// The joiner meets the inviter.
    fn meet(
        &mut self,
        card: Card,
        home: Option<Home>,
        th: [u8; 32],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if home.is_none() {
            self.remember_met(card.person, &th, random)?;
        }
        let keys = home.and_then(|home| self.session.access_keys(home.sid));
        let known = self.session.spaces().any(|space| {
            home.is_some_and(|home| home.sid == space.home.sid || home.space == space.home.space)
        });
        let Some(pairing) = &mut self.pairing else { return Ok(()) };
        pairing.met = Some((card, home));
        let Machine::Join(join) = &mut pairing.machine else { return Ok(()) };
        let not_asked = |_| Error::Pairing { code: "pair.step" };
        match keys {
            Some(keys) if !known => {
                let (acc, adm) = (keys.acc.public().into(), keys.adm.public().into());
                join.agree(acc, adm, random).map_err(not_asked)
            }
            Some(_) => Err(Error::Pairing { code: "pair.mirror" }),
            None => join.enter(&self.session.identity.keys, random).map_err(not_asked),
        }
    }

    /// The inviter drafts the founding of the shared space.
    fn draft(
        &mut self,
        partner: Partner,
        home: Home,
        th: [u8; 32],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let line = self.session.private_mut()?.relay.clone().ok_or(Error::NoRelay)?;
        let own = self.own_card()?;
        let genesis = SharedGenesis {
            home,
            relay: line.relay,
            address: line.address.as_str(),
            th,
            inviter: self.genesis_person(own, home.sid)?,
            joiner: GenesisPerson {
                person: partner.card.person,
                recovery: partner.card.recovery,
                acc: partner.acc,
                adm: partner.adm,
                devices: vec![partner.card.device],
            },
        };
        let draft = genesis.draft(random).map_err(|_| Error::Pairing { code: "genesis" })?;
        let Some(pairing) = &mut self.pairing else { return Ok(()) };
        let (_, draft) = pairing.draft.insert((home, draft));
        draft.sign(&self.session.identity.keys);
        let Machine::Invite(invite) = &mut pairing.machine else { return Ok(()) };
        invite
            .drafted(&draft.body(), draft.wraps(), random)
            .map_err(|_| Error::Pairing { code: "pair.step" })
    }

    /// The joiner checks all of the founding, then signs it.
    fn check_genesis(
        &mut self,
        body: &[u8],
        wraps: &[[u8; wire::limit::WRAP_BYTES]],
        th: [u8; 32],
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let known: Vec<Home> = self.session.spaces().map(|space| space.home).collect();
        let Some((card, Some(home))) = self.pairing.as_mut().and_then(|pairing| pairing.met.take())
        else {
            return Err(Error::Pairing { code: "pair.step" });
        };
        let own = self.own_card()?;
        let joiner = self.genesis_person(own, home.sid)?;
        let Some(Pairing { machine: Machine::Join(join), signed, .. }) = &mut self.pairing else {
            return Ok(());
        };
        let identity = &self.session.identity;
        let line = join.invitation().line.clone();
        let view = JoinerView {
            home,
            known: &known,
            th,
            relay: line.relay,
            address: line.address.as_str(),
            inviter: GenesisCard {
                person: card.person,
                device: &card.device,
                recovery: &card.recovery,
            },
            joiner: &joiner,
            me: Session::loader(identity).recipient(),
        };
        let checked =
            view.check(body, wraps).map_err(|error| Error::Pairing { code: error.code() })?;
        *signed = true;
        let signature = checked.sign(&identity.keys);
        // Written down before the signature leaves: from then on the partner may found the space at any time.
        self.expect_shared(home, &line, checked.op_id(), random)?;
        let Some(Pairing { machine: Machine::Join(join), .. }) = &mut self.pairing else {
            return Ok(());
        };
        join.signed(&signature, random).map_err(|_| Error::Pairing { code: "pair.step" })
    }

    /// The joiner signed the founding: the space is, or will be, at the relay of the invitation.
    fn await_space(&mut self, now: &Now) {
        if let Some(pairing) = self.pairing.as_ref().filter(|pairing| pairing.signed) {
            let relay = pairing.relay;
            if let Some(link) = self.link(relay) {
                // It was asked for in vain when it was only signed.
                link.engine.sync_now(now.moment);
            }
            self.end_pairing();
            self.notice(Notice::Paired);
        }
    }

    /// A new device is let in: it pulls the private space and checks it against what it was told.
    fn enter_private(
        &mut self,
        welcome: DeviceWelcome,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let met = self.pairing.as_mut().and_then(|pairing| pairing.met.take());
        let (card, _) = met.ok_or(Error::Pairing { code: "pair.step" })?;
        self.session.identity.person = card.person;
        self.session.identity.set_access(welcome.home.sid, welcome.acc);
        self.session.save_identity(random)?;
        self.found_private(welcome.home, &welcome.line, welcome.head, random)
    }

    /// After a control item: the private log may hold the new device now.
    pub(crate) fn pairing_control(
        &mut self,
        sid: SpaceHandle,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        let Some(private) = self.session.private.space().filter(|space| space.home.sid == sid)
        else {
            return Ok(());
        };
        let Some(pairing) = self.pairing.as_mut().filter(|pairing| pairing.admitting) else {
            return Ok(());
        };
        let open = |(_, intent): &(Vec<u8>, Intent)| matches!(intent.want(), Want::AddDevice(_));
        if private.intents()?.iter().any(open) {
            return Ok(());
        }
        let (Some(head), Some(line)) = (private.log.head(), private.relay.clone()) else {
            return Ok(());
        };
        let Some(acc) = self.session.identity.access_key(sid) else { return Ok(()) };
        let acc = SigningKey::from_seed(acc.seed());
        let welcome = DeviceWelcome { home: private.home, line, head: (head.idx, head.op), acc };
        pairing.admitting = false;
        if let Machine::Invite(invite) = &mut pairing.machine
            && invite.admitted(&welcome, random).is_err()
        {
            invite.stop();
        }
        Ok(())
    }

    /// The relay holds the shared space that this device founded.
    pub(crate) fn pairing_founded(&mut self, receipt: &Receipt, random: &mut dyn Random) {
        let Some(pairing) = &mut self.pairing else { return };
        if pairing.founding != Some(receipt.body.sid) {
            return;
        }
        pairing.founding = None;
        let mut bytes = Writer::new();
        receipt.encode(&mut bytes);
        if let Machine::Invite(invite) = &mut pairing.machine
            && invite.founded(bytes.as_slice(), random).is_err()
        {
            invite.stop();
        }
    }

    /// The space that is being founded is at the relay, and the receipt for it was lost with a connection: the relay
    /// gives it again to whoever appends the same item.
    pub(crate) fn ask_founded(&mut self, relay: RelayId, sid: SpaceHandle) -> Result<(), Error> {
        if self.pairing.as_ref().is_none_or(|pairing| pairing.founding != Some(sid)) {
            return Ok(());
        }
        let item = self.session.space_of(sid).map(|space| space.control_item(0)).transpose()?;
        if let (Some(item), Some(link)) = (item.flatten(), self.links.get_mut(&relay)) {
            link.engine.ask(Frame::ControlAppend { sid, idx: 0, item, creation: None });
        }
        Ok(())
    }

    fn put_mail(&mut self, idx: u8, bytes: Vec<u8>) {
        let Some(pairing) = &mut self.pairing else { return };
        let Some(link) = self.links.get_mut(&pairing.relay) else { return };
        let farewell = bytes.is_empty();
        let request = link.engine.ask(Frame::MailPut { rid: pairing.rid, idx, bytes });
        pairing.puts.insert(request, idx);
        self.parting = farewell.then_some(request);
    }

    /// Keeps one question for new messages open at the relay.
    fn ask_for_mail(&mut self, now: &Now) {
        let Some(pairing) = self.pairing.as_mut().filter(|pairing| pairing.may_ask()) else {
            return;
        };
        if pairing.rest_until > now.moment {
            return;
        }
        let Some(link) = self.links.get_mut(&pairing.relay) else { return };
        let (rid, from) = (pairing.rid, pairing.from);
        pairing.get = Some(link.engine.ask(Frame::MailGet { rid, from, wait_ms: MAIL_WAIT_MS }));
    }

    /// An answer to a request of the pairing; false if it was not one.
    pub(crate) fn pairing_answer(&mut self, request: u64, frame: &Frame, now: &Now) -> bool {
        if self.parting == Some(request) {
            self.parting = None;
            return true;
        }
        let Some(pairing) = &mut self.pairing else { return false };
        if pairing.get != Some(request) && !pairing.puts.contains_key(&request) {
            return false;
        }
        let mail = if let Frame::Mail { idx, bytes } = frame {
            pairing.from = pairing.from.max(idx.saturating_add(1));
            Some(Mail::Came(*idx, bytes.clone()))
        } else if let Frame::MailStored { idx } = frame {
            pairing.puts.remove(&request);
            Some(Mail::Stored(*idx))
        } else if let Frame::Refused { refusal } = frame {
            pairing.puts.remove(&request);
            pairing.refused(*refusal, now.moment)
        } else {
            None
        };
        if let Some(mail) = mail {
            pairing.handle(mail, now.moment);
        }
        true
    }

    /// Nothing more answers a request: what was not answered is asked again.
    pub(crate) fn pairing_answer_end(&mut self, request: u64) {
        self.parting = self.parting.filter(|parting| *parting != request);
        let Some(pairing) = &mut self.pairing else { return };
        if pairing.get == Some(request) {
            pairing.get = None;
        }
        if pairing.puts.remove(&request).is_some() {
            pairing.reconnected();
        }
    }

    fn end_pairing(&mut self) {
        self.pairing = None;
    }

    /// Oneself as the other will see it: the device in the hand, and the public side of the phrase.
    fn own_card(&mut self) -> Result<Card, Error> {
        let person = self.session.person();
        let device = self.session.identity.keys.device(person);
        let private = self.session.private_mut()?;
        private.must_be_member()?;
        let recovery = private.log.table().person(person).map(|person| person.recovery.clone());
        let recovery = recovery.ok_or(Error::Damaged { code: "control.none" })?;
        Ok(Card { person, device, recovery })
    }

    fn genesis_person(&self, card: Card, sid: SpaceHandle) -> Result<GenesisPerson, Error> {
        let keys = self.session.access_keys(sid).ok_or(Error::NoVault)?;
        Ok(GenesisPerson {
            person: card.person,
            recovery: card.recovery,
            acc: keys.acc.public().into(),
            adm: keys.adm.public().into(),
            devices: vec![card.device],
        })
    }
}

const fn mode_of(whom: Whom) -> Mode {
    match whom {
        Whom::Partner => Mode::Partner,
        Whom::Device => Mode::Device,
    }
}
