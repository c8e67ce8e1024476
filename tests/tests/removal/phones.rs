//! Three phones made of the real parts: control log, keys, chains, and what of a cut chain counts.

use reknit_core::crypto::{
    DeviceKeys, EpochKey, Home, RecoveryEntropy, RecoveryKeys, SigningKey, Unverified, draw,
};
use reknit_core::entry::{
    Acknowledged, Admission, AdmitContext, Chains, Doubt, Doubtful, DraftContext, Entry, Frontier,
    Known, NONE_CLOSED, Payload, Standing, agreed, frontier_root, sign,
};
use reknit_core::membership::{
    self, AddDevice, Composer, ControlLog, Cut, GenesisPerson, Intent, IntentError, Keyring, Op,
    Outcome, Recipient, RemoveDevice, SharedGenesis, Want,
};
use reknit_core::model::id::{ChainId, DeviceId, EntryId, OrderKey, PersonId, SpaceId};
use reknit_e2e::random::Seeded;
use std::collections::BTreeMap;
use std::rc::Rc;
use wire::hash::sha256;
use wire::id::{PrincipalKey, SpaceHandle};

/// Nora's laptop, her phone, which is in other hands, and Ben's phone.
pub(crate) const LAPTOP: usize = 0;
pub(crate) const STOLEN: usize = 1;
pub(crate) const BEN: usize = 2;

/// Keys and beginnings, the same for all situations.
pub(crate) struct Cast {
    pub(crate) home: Home,
    pub(crate) keys: [DeviceKeys; 3],
    persons: [PersonId; 3],
    /// A device that whoever holds the phone would like to let in.
    foothold: AddDevice,
    first_key: EpochKey,
    /// The founding, and the op that let the phone in.
    pub(crate) base: Vec<Vec<u8>>,
}

/// A control log as one device folds it.
pub(crate) struct Logbook {
    pub(crate) log: ControlLog,
    pub(crate) keyring: Keyring,
}

/// What one device holds of what was written.
#[derive(Default)]
pub(crate) struct Shelf {
    chains: Chains,
    at: BTreeMap<(ChainId, u64), Vec<(EntryId, OrderKey, Frontier)>>,
    pub(crate) accepted: Vec<(Entry, Frontier)>,
}

impl Known for Shelf {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        let at = self.at.get(&(chain, seq)).into_iter().flatten();
        at.map(|(id, k, _)| (*id, *k)).collect()
    }

    fn seen_by(&self, chain: ChainId, seq: u64, id: EntryId) -> Frontier {
        let at = self.at.get(&(chain, seq)).into_iter().flatten();
        at.filter(|(of, ..)| *of == id).map(|(.., seen)| seen.clone()).next().unwrap_or_default()
    }
}

/// What becomes of an entry that came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Accepted,
    Waits,
    Refused,
}

impl Cast {
    pub(crate) fn new() -> Self {
        let random = &mut Seeded::new(23);
        let home = Home {
            sid: SpaceHandle::from_bytes(draw(random)),
            space: SpaceId::from_bytes(draw(random)),
        };
        let keys = [(); 3].map(|()| DeviceKeys::generate(random));
        let [nora, ben] = [(); 2].map(|()| PersonId::from_bytes(draw(random)));
        let mut founder = |keys: &DeviceKeys, person: PersonId| GenesisPerson {
            person,
            recovery: RecoveryKeys::from_entropy(&RecoveryEntropy::generate(random)).public(),
            acc: PrincipalKey::from(SigningKey::generate(random).public()),
            adm: PrincipalKey::from(SigningKey::generate(random).public()),
            devices: vec![keys.device(person)],
        };
        let (inviter, joiner) = (founder(&keys[LAPTOP], nora), founder(&keys[BEN], ben));
        let relay = SigningKey::generate(random).public().into();
        let address = "relay.example:4433";
        let genesis = SharedGenesis { home, relay, address, th: [7; 32], inviter, joiner };
        let mut draft = genesis.draft(random).unwrap();
        draft.sign(&keys[LAPTOP]);
        let op = Op::decode(&draft.body()).unwrap().peek().clone();
        let founded = draft.assemble(op.sign(home.space, &keys[BEN].seat), random).unwrap();
        let admits =
            |keys: &DeviceKeys| AddDevice { person: nora, device: keys.device(nora), th: [7; 32] };
        let foothold = admits(&DeviceKeys::generate(random));
        let mut cast = Self {
            home,
            persons: [nora, nora, ben],
            foothold,
            first_key: founded.key,
            base: vec![founded.item],
            keys,
        };
        let lets_in = Want::AddDevice(admits(&cast.keys[STOLEN]));
        let book = cast.book(LAPTOP, &cast.base);
        let (_, item) = cast.compose(LAPTOP, &book, lets_in).unwrap();
        cast.base.push(item);
        cast
    }

    pub(crate) fn chain(&self, device: usize) -> ChainId {
        ChainId { device: self.keys[device].id(), inc: 0 }
    }

    pub(crate) fn person_of(&self, device: DeviceId) -> Option<PersonId> {
        self.keys.iter().position(|keys| keys.id() == device).map(|at| self.persons[at])
    }

    pub(crate) fn foothold(&self) -> DeviceId {
        self.foothold.device.id()
    }

    /// Folds items as a device does, as far as its keys go.
    pub(crate) fn book(&self, device: usize, items: &[Vec<u8>]) -> Logbook {
        let mut keyring = Keyring::new(self.home.space);
        keyring.insert(0, EpochKey::from_bytes(self.first_key.as_bytes()));
        let mut log = ControlLog::new(self.home);
        let keys = &self.keys[device];
        let me = Recipient { id: keys.id().to_bytes(), kem: &keys.kem };
        for item in items {
            let Ok(folded) = log.receive(item, &mut keyring, Some(&me)) else { break };
            assert_eq!(folded.outcome, Outcome::Applied, "no op of these is void");
        }
        Logbook { log, keyring }
    }

    /// What a device would like of the log.
    pub(crate) fn want(&self, device: usize, book: &Logbook, shelf: &Shelf) -> Option<Want> {
        let want = match device {
            LAPTOP => {
                let (chain, device) = (self.chain(STOLEN), self.keys[STOLEN].id());
                let (seq, entry) =
                    shelf.chains.get(chain).map_or((0, EntryId::ZERO), |it| (it.seq, it.id));
                let cut = Cut { inc: 0, seq, entry };
                Want::RemoveDevices(vec![RemoveDevice { device, cut }])
            }
            STOLEN => Want::AddDevice(self.foothold.clone()),
            _ => Want::Rekey { after: 0 },
        };
        let intent = Intent::new(want);
        let is_in = Self::is_in(book, self.keys[device].id());
        (is_in && !intent.is_satisfied(&book.log)).then(|| intent.want().clone())
    }

    pub(crate) fn compose(
        &self,
        device: usize,
        book: &Logbook,
        want: Want,
    ) -> Result<(Intent, Vec<u8>), IntentError> {
        let mut intent = Intent::new(want);
        let head = *book.log.last_item_hash().as_bytes();
        // The same situation makes the same bytes.
        let seed = sha256(&[&[u8::try_from(device).unwrap()], &head, &intent.encode()]);
        let random = &mut Seeded::new(u64::from_be_bytes(*seed.first_chunk().unwrap()));
        let composer = Composer {
            log: &book.log,
            keyring: &book.keyring,
            keys: &self.keys[device],
            // What its author had read is no matter of the fold: one item for all that could have been read.
            frontier_root: [0; 32],
        };
        let item = intent.compose(&composer, random)?;
        Ok((intent, item))
    }

    pub(crate) fn is_in(book: &Logbook, device: DeviceId) -> bool {
        let member = book.log.table().device(device);
        member.is_some_and(|it| it.state == membership::Standing::In)
    }

    /// Whether a device has the key under which its space is sealed.
    pub(crate) fn has_key(book: &Logbook) -> bool {
        let table = book.log.table();
        book.keyring.get_committed(table.epoch(), table.kc()).is_some()
    }

    /// The next entry of a device.
    pub(crate) fn write(&self, device: usize, book: &Logbook, shelf: &Shelf) -> Vec<u8> {
        let slots = book.log.table().slots();
        let head = book.log.head().unwrap();
        let all = shelf.chains.all();
        let seed = sha256(&[
            &[u8::try_from(device).unwrap()],
            &head.op.to_bytes(),
            &frontier_root(self.home.space, &all),
        ]);
        let random = &mut Seeded::new(u64::from_be_bytes(*seed.first_chunk().unwrap()));
        let payload = Payload::Hello.encode(random);
        let context = DraftContext {
            space: self.home.space,
            slots: &slots,
            control: (head.idx, head.op),
            now_ms: 1_000,
            kind: Payload::Hello.kind(),
            payload: &payload,
        };
        let header = shelf.chains.draft(self.chain(device), &context).unwrap();
        sign(header, payload, self.home.space, &self.keys[device]).into_inner().encode()
    }

    /// Offers an entry to a shelf.
    pub(crate) fn offer(&self, book: &Logbook, shelf: &mut Shelf, bytes: &[u8]) -> Came {
        let entry: Unverified<Entry> = Entry::decode(self.home.space, bytes).unwrap();
        let (idx, op) = entry.peek().header.control;
        let Some(table) = book.log.table_named(idx, &op) else { return Came::Waits };
        let author = table.device(entry.peek().header.chain.device);
        let author = author.filter(|it| it.state == membership::Standing::In && it.inc == 0);
        let author = author.map(|member| &member.device);
        let Ok(entry) = Entry::verify(entry, author, self.home.space) else { return Came::Refused };
        let slots = table.slots();
        let context = AdmitContext {
            space: self.home.space,
            slots: &slots,
            control_known: true,
            known: shelf,
            closed: &NONE_CLOSED,
        };
        let accepted = match shelf.chains.admit(&entry, &context) {
            Admission::Accept(accepted) => *accepted,
            Admission::Wait(_) => return Came::Waits,
            Admission::Duplicate | Admission::Refuse(_) => return Came::Refused,
        };
        assert!(accepted.incidents.is_empty(), "nobody lies here");
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let at = shelf.at.entry((chain, seq)).or_default();
        at.push((entry.id, accepted.k, accepted.seen.clone()));
        shelf.chains.apply(chain, accepted.chain);
        shelf.accepted.push((entry.into_inner(), accepted.seen));
        Came::Accepted
    }

    /// How each entry of the phone stands, and by whom it was heard.
    pub(crate) fn view(&self, book: &Logbook, shelf: &Shelf) -> BTreeMap<u64, Standing> {
        let chain = self.chain(STOLEN);
        let entries: Vec<Doubtful> = shelf
            .accepted
            .iter()
            .filter(|(entry, _)| entry.header.chain == chain)
            .map(|(entry, _)| Doubtful {
                seq: entry.header.seq,
                id: entry.id,
                prev: entry.header.prev,
            })
            .collect();
        let doubt = Doubt { split: None, end: book.log.end_of(chain) };
        let heard = self.heard(shelf);
        let in_doubt: Vec<_> =
            entries.iter().copied().filter(|it| it.seq >= doubt.from()).collect();
        let counts = agreed(&doubt, &in_doubt, &heard, false);
        let standing = |it: &Doubtful| {
            if counts.contains(&it.id) { Standing::Counts } else { doubt.unheard(it.seq) }
        };
        entries.iter().map(|it| (it.seq, standing(it))).collect()
    }

    fn heard(&self, shelf: &Shelf) -> Acknowledged {
        let mut heard = Acknowledged::new();
        let chain = self.chain(STOLEN);
        for (entry, seen) in &shelf.accepted {
            let by = entry.header.chain.device;
            if self.person_of(by) == self.person_of(chain.device) {
                continue;
            }
            if let Some((_, id)) = seen.get(&chain) {
                let control = heard.entry(*id).or_default().entry(by).or_insert(u32::MAX);
                *control = entry.header.control.0.min(*control);
            }
        }
        heard
    }
}

/// Shared between situations that look at one log.
pub(crate) type Books = BTreeMap<(usize, Vec<u16>), Rc<Logbook>>;
