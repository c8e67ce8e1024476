//! A partner with valid keys and an app of their own: signs, seals and sends whatever they like.
//!
//! It takes over a phone of this world: reads the keys out of its vault, as its owner can, and speaks to the relay
//! itself, anew after each restart of the relay. What it sends is signed and sealed as honest entries are; only what it
//! says is not.

use crate::loot::{Loot, loot_of};
use crate::random::Seeded;
use crate::stranger::Stranger;
use crate::world::{DeviceIndex, World};
use reknit_core::crypto::{
    DeviceKeys, EpochKey, Home, SigningKey, Unverified, Verified, open, seal,
};
use reknit_core::document::ActorId;
use reknit_core::entry::{
    Admission, AdmitContext, Chains, DraftContext, Entry, Frontier, Header, Known, NONE_CLOSED,
    Payload, sign,
};
use reknit_core::membership::{ControlLog, Keyring, ReceiveError, Recipient};
use reknit_core::model::id::{ChainId, DocumentId, EntryId, OrderKey, PersonId};
use std::collections::BTreeMap;
use wire::control::ControlItem;
use wire::envelope::{Class, Envelope};
use wire::frame::Frame;
use wire::hash;
use wire::id::{EnvelopeId, StoreId};

/// The partner.
#[derive(Debug)]
pub struct Villain {
    /// The keys of the phone.
    pub keys: DeviceKeys,
    /// Whose it is.
    pub person: PersonId,
    /// The shared space.
    pub home: Home,
    /// Its control log, folded as everybody folds it.
    pub log: ControlLog,
    /// Its epoch keys.
    pub keyring: Keyring,
    /// Its chains.
    pub chains: Chains,
    /// All entries heard and said so far.
    pub heard: Vec<Entry>,
    /// Randomness.
    pub random: Seeded,
    history: History,
    line: Stranger,
    acc: SigningKey,
    pulled: (StoreId, u64),
}

/// What stands where.
#[derive(Debug, Default)]
struct History(BTreeMap<(ChainId, u64), Vec<Stood>>);

/// An entry, where it stands in the order, and what its author had seen.
type Stood = (EntryId, OrderKey, Frontier);

impl Known for History {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let at = self.0.get(&(chain, seq)).into_iter().flatten();
        at.map(|(id, k, _)| (*id, *k)).collect()
    }

    fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        let at = self.0.get(&(chain, seq)).into_iter().flatten();
        at.filter(|(of, ..)| *of == id).map(|(.., seen)| seen.clone()).next().unwrap_or_default()
    }
}

impl Villain {
    /// Stops the app on a phone, and goes on with its keys.
    pub fn take_over(world: &mut World, device: DeviceIndex) -> Self {
        world.devices[device].online = false;
        if world.devices[device].node.is_some() {
            world.crash(device);
        }
        let Loot { keys, person, home, acc, .. } = loot_of(&world.devices[device]);
        world.devices[device].taken = Some((keys.id(), person));
        let mut line = Stranger::connect(world);
        line.sign_in(world, home.sid, &acc);
        let mut villain = Self {
            keys,
            person,
            home,
            log: ControlLog::new(home),
            keyring: Keyring::new(home.space),
            chains: Chains::new(),
            heard: Vec::new(),
            random: world.random.fork(),
            history: History::default(),
            line,
            acc,
            pulled: (world.host.store(), 0),
        };
        villain.listen(world);
        villain
    }

    /// The chain of the phone.
    pub fn me(&self) -> ChainId {
        ChainId { device: self.keys.id(), inc: 0 }
    }

    /// The phone's author name in a document.
    pub fn actor(&self, document: DocumentId) -> [u8; 16] {
        *ActorId::of(self.home.space, document, self.me()).as_bytes()
    }

    /// Connects anew if the relay was started again. False if it does not let this person in: it forgot the space.
    pub fn wake(&mut self, world: &mut World) -> bool {
        if !self.line.is_open(world) {
            self.line = Stranger::connect(world);
            if !self.line.try_sign_in(world, self.home.sid, &self.acc) {
                self.line.give_up();
                return false;
            }
        }
        if self.pulled.0 != world.host.store() {
            self.pulled = (world.host.store(), 0);
        }
        self.listen(world);
        true
    }

    /// Reads all that the relay has.
    pub fn listen(&mut self, world: &mut World) {
        let sid = self.home.sid;
        let from = self.log.next_idx();
        let items = self.line.ask(world, Frame::ControlPull { sid, from });
        let items = items.into_iter().filter_map(|frame| match frame {
            Frame::ControlItem { item, .. } => Some(item),
            _ => None,
        });
        for item in items.collect::<Vec<_>>() {
            self.fold(&item);
        }
        let pull = Frame::Pull { sid, after: self.pulled.1, max_bytes: 1 << 20 };
        for frame in self.line.ask(world, pull) {
            if let Frame::Data { n, envelope } = frame {
                self.pulled.1 = n;
                self.read(&envelope);
            }
        }
    }

    /// Folds a control item, whether others have it or not.
    pub fn fold(&mut self, item: &[u8]) {
        let me = Recipient { id: self.keys.id().to_bytes(), kem: &self.keys.kem };
        let folded = self.log.receive(item, &mut self.keyring, Some(&me));
        if let Err(ReceiveError::NeedKey { .. }) = folded {
            let parsed = [ControlItem::decode(item).expect("the first item")];
            self.keyring.climb(&parsed, self.home, &me).expect("a wrap for this phone");
            self.log.receive(item, &mut self.keyring, Some(&me)).expect("the key is there");
        }
    }

    fn read(&mut self, envelope: &[u8]) {
        let Ok(envelope) = Envelope::decode(envelope) else { return };
        let class = |key: &EpochKey| key.class_key(self.home.space, Class::Entry, envelope.epoch);
        let keys: Vec<_> = self.keyring.all(envelope.epoch).map(class).collect();
        let inner = keys.iter().find_map(|key| open(key, &self.home, &envelope).ok());
        if let Some(Ok(entry)) = inner.map(|inner| Entry::decode(self.home.space, &inner)) {
            self.take(entry);
        }
    }

    /// Takes an entry into its own history, as an honest device would.
    pub fn take(&mut self, entry: Unverified<Entry>) {
        let (idx, op) = entry.peek().header.control;
        let Some(table) = self.log.table_named(idx, &op) else { return };
        let author = table.device(entry.peek().header.chain.device).map(|member| &member.device);
        let slots = table.slots();
        let Ok(entry) = Entry::verify(entry, author, self.home.space) else { return };
        let context = AdmitContext {
            space: self.home.space,
            slots: &slots,
            control_known: true,
            known: &self.history,
            closed: &NONE_CLOSED,
        };
        let Admission::Accept(accepted) = self.chains.admit(&entry, &context) else { return };
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let at = self.history.0.entry((chain, seq)).or_default();
        at.push((entry.id, accepted.k, accepted.seen));
        self.chains.apply(chain, accepted.chain);
        self.heard.push(entry.into_inner());
    }

    /// The next header of the phone's chain for a payload, as an honest app would write it.
    pub fn draft(&self, world: &World, kind: u8, payload: &[u8]) -> Header {
        let head = self.log.head().expect("a founded space");
        let slots = self.log.table().slots();
        let context = DraftContext {
            space: self.home.space,
            slots: &slots,
            control: (head.idx, head.op),
            now_ms: world.now(0).timestamp.as_millis(),
            kind,
            payload,
        };
        self.chains.draft(self.me(), &context).expect("a next header")
    }

    /// Signs a header with whatever payload.
    pub fn sign(&self, header: Header, payload: Vec<u8>) -> Verified<Entry> {
        sign(header, payload, self.home.space, &self.keys)
    }

    /// Signs what no honest program would sign: a payload that is not the header's, a chain that is not the own.
    pub fn forge(&self, header: Header, payload: Vec<u8>) -> Entry {
        let encoded = header.encode();
        let signed: [&[u8]; 2] = [self.home.space.as_bytes(), &encoded];
        let (voice, id) = (self.keys.voice.sign(hash::ESIG, &signed), header.id(self.home.space));
        Entry { header, payload, voice, seat: None, id }
    }

    /// The next entry with this payload, signed and not sent.
    pub fn entry(&mut self, world: &World, payload: &Payload) -> Verified<Entry> {
        let bytes = payload.encode(&mut self.random);
        let header = self.draft(world, payload.kind(), &bytes);
        self.sign(header, bytes)
    }

    /// Says something: the next entry, sent and taken into the own history.
    pub fn say(&mut self, world: &mut World, payload: &Payload) -> EntryId {
        let entry = self.entry(world, payload);
        self.send(world, &entry);
        entry.id
    }

    /// Seals an entry and pushes it; goes on as if it had been honest.
    pub fn send(&mut self, world: &mut World, entry: &Entry) {
        self.send_inner(world, &entry.encode());
        self.take(Unverified::new(entry.clone()));
    }

    /// Goes on as if an entry had been said, and says it to nobody.
    pub fn keep(&mut self, entry: &Entry) {
        self.take(Unverified::new(entry.clone()));
    }

    /// Seals any bytes as an entry of the newest epoch and pushes them.
    pub fn send_inner(&mut self, world: &mut World, inner: &[u8]) {
        let sent = self.try_send(world, inner);
        assert!(sent.is_some(), "the relay takes it");
    }

    /// The key of an epoch: the one that the log commits to, if it does.
    pub fn key_of(&self, epoch: u32) -> &EpochKey {
        let committed = self.log.commitment(epoch);
        let committed = committed.and_then(|kc| self.keyring.get_committed(epoch, kc));
        committed.or_else(|| self.keyring.get(epoch)).expect("the epoch's key")
    }

    /// Seals any bytes as an entry.
    pub fn seal(&mut self, epoch: u32, inner: &[u8]) -> Vec<u8> {
        let key = self.key_of(epoch).class_key(self.home.space, Class::Entry, epoch);
        seal(&key, &self.home, inner, &mut self.random).expect("it fits")
    }

    /// Pushes an envelope, whatever it is.
    pub fn push(&mut self, world: &mut World, envelope: Vec<u8>) {
        let pushed = self.try_push(world, envelope);
        assert!(pushed.is_some(), "the relay takes it");
    }

    /// Pushes an envelope, if the relay takes it. Gives its name.
    pub fn try_push(&mut self, world: &mut World, envelope: Vec<u8>) -> Option<EnvelopeId> {
        let id = hash::envelope_id(&envelope);
        let answers = self.line.ask(world, Frame::Push { sid: self.home.sid, envelope });
        matches!(answers.as_slice(), [Frame::Pushed { .. }]).then_some(id)
    }

    /// Seals bytes as an entry and pushes them, if the relay takes them. What is an entry is known to the world.
    pub fn try_send(&mut self, world: &mut World, inner: &[u8]) -> Option<EnvelopeId> {
        let envelope = self.seal(self.log.epoch(), inner);
        let id = self.try_push(world, envelope)?;
        if let Ok(entry) = Entry::decode(self.home.space, inner) {
            world.sealed.insert(id, (self.home.sid, entry.peek().id));
        }
        Some(id)
    }

    /// Pushes an envelope that the relay does not take.
    pub fn push_refused(&mut self, world: &mut World, envelope: Vec<u8>) {
        let answers = self.line.ask(world, Frame::Push { sid: self.home.sid, envelope });
        assert!(matches!(answers.as_slice(), [Frame::Refused { .. }]), "{answers:?}");
    }

    /// Appends a control item, whatever it is, and folds it as everybody will.
    pub fn append(&mut self, world: &mut World, item: Vec<u8>) {
        let (sid, idx) = (self.home.sid, self.log.next_idx());
        assert!(self.try_append(world, item), "item {idx} of {sid:?} is appended");
    }

    /// The same, if the relay takes it.
    pub fn try_append(&mut self, world: &mut World, item: Vec<u8>) -> bool {
        let appended = self.offer(world, self.log.next_idx(), item.clone());
        if appended {
            self.fold(&item);
        }
        appended
    }

    /// Offers the relay a control item. True if it took it.
    pub fn offer(&mut self, world: &mut World, idx: u32, item: Vec<u8>) -> bool {
        let frame = Frame::ControlAppend { sid: self.home.sid, idx, item, creation: None };
        let answers = self.line.ask(world, frame);
        matches!(answers.as_slice(), [Frame::Appended { .. }])
    }
}
