//! A partner who holds valid keys and says what no honest app says, again and again, and what the other person's
//! devices must then have written down.

use crate::act::text;
use crate::bomb::{self, Header};
use crate::random::Seeded;
use crate::villain::Villain;
use crate::villain_control::{Forgery, IDENTITY, MIXED};
use crate::world::{DeviceIndex, World};
use reknit_core::crypto::Unverified;
use reknit_core::entry::{DocumentChanges, EntryError, Incident, Payload};
use reknit_core::membership::{SpaceKind, Want};
use reknit_core::model::Event;
use reknit_core::model::id::{ChainId, DocumentId, EntryId};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use std::collections::BTreeSet;
use wire::id::EnvelopeId;

/// Entries in one flood: more than a page of a list, fewer than any bound.
const FLOOD: usize = 40;

/// What the partner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// What an honest app would say.
    Honest,
    /// A device with a voice key that proves nothing.
    WeakKey,
    /// A device, with another table after it than everybody's.
    WrongState,
    /// An item that is no item.
    JunkItem,
    /// A new epoch whose key opens for nobody.
    GarbledWraps,
    /// A change of keys that is void and claims an epoch far away.
    VoidEpoch,
    /// An entry in the name of the other person's device.
    Forged,
    /// An entry whose number skips one.
    Skipped,
    /// Another payload than the signed one.
    WrongPayload,
    /// An envelope that does not open.
    Unopened,
    /// An event that is no event.
    VoidEvent,
    /// A change that would hurt a bare document.
    Bomb,
    /// A clock at the end of time.
    FarClock,
    /// Many entries of a kind that nobody knows yet.
    Flood,
    /// Two entries in one place.
    Equivocate,
    /// An entry that has seen what nobody said: it waits, with a ticket.
    Phantom,
}

const ACTS: [Act; 14] = [
    Act::Honest,
    Act::WeakKey,
    Act::WrongState,
    Act::JunkItem,
    Act::GarbledWraps,
    Act::VoidEpoch,
    Act::Forged,
    Act::Skipped,
    Act::WrongPayload,
    Act::Unopened,
    Act::VoidEvent,
    Act::Bomb,
    Act::FarClock,
    Act::Flood,
];

/// What must be on every device of the other person once it has met the lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A control item is void.
    VoidOp(u32),
    /// Its table is another one.
    State(u32),
    /// No key came with it.
    BadWrap(u32),
    /// What an envelope held was refused.
    Refused(EnvelopeId, EntryError),
    /// An envelope did not open.
    Unreadable(EnvelopeId),
    /// An event is void.
    VoidEvent(EntryId),
    /// A change was refused.
    Change(EntryId),
    /// Two entries stand in one place.
    Fork(EntryId, EntryId),
}

impl Proof {
    fn is(self, incident: &Incident) -> bool {
        match (self, incident) {
            (Self::VoidOp(at), Incident::VoidOp { idx, .. })
            | (Self::State(at), Incident::StateMismatch { idx })
            | (Self::BadWrap(at), Incident::BadWrap { idx }) => at == *idx,
            (Self::Refused(id, why), Incident::RefusedEntry { envelope, error, .. }) => {
                id == *envelope && why == *error
            }
            (Self::Unreadable(id), Incident::UnreadableEnvelope { envelope, .. }) => {
                id == *envelope
            }
            (Self::VoidEvent(id), Incident::RefusedEvent { entry })
            | (Self::Change(id), Incident::RefusedChange { entry, .. }) => id == *entry,
            (Self::Fork(a, b), Incident::Fork { one, two, .. }) => {
                (a, b) == (*one, *two) || (b, a) == (*one, *two)
            }
            _ => false,
        }
    }
}

/// The partner in a run.
#[derive(Debug)]
pub struct Partner {
    villain: Villain,
    /// What was said that no honest app says, and stored by the relay.
    pub lies: Vec<Proof>,
    /// What must be said of names without an entry behind them, once they were waited for long enough.
    missing: Vec<Incident>,
    /// From here on nobody believes what stands in this chain, nor need report it one by one.
    discredited: bool,
    /// Keys that opened for nobody.
    garbled: BTreeSet<Key>,
    /// Those under which something was said in the partner's chain: all behind it waits for it.
    veils: BTreeSet<Key>,
    /// What was said under or behind such keys: nobody else can judge it if one of them is replaced.
    veiled: Vec<(Proof, BTreeSet<Key>)>,
}

/// A key: its epoch and its commitment.
type Key = (u32, [u8; 32]);

impl Partner {
    /// Takes a phone over.
    pub fn take_over(world: &mut World, device: DeviceIndex) -> Self {
        let villain = Villain::take_over(world, device);
        Self {
            villain,
            lies: Vec::new(),
            missing: Vec::new(),
            discredited: false,
            garbled: BTreeSet::new(),
            veils: BTreeSet::new(),
            veiled: Vec::new(),
        }
    }

    /// The newest key opened for nobody, and no good one came yet: nobody can let a further device into the space.
    pub fn withholds_the_key(&self) -> bool {
        self.veil().is_some()
    }

    /// The newest key, if it opened for nobody.
    fn veil(&self) -> Option<Key> {
        let key = self.newest_key()?;
        self.garbled.contains(&key).then_some(key)
    }

    fn newest_key(&self) -> Option<Key> {
        let epoch = self.villain.log.epoch();
        self.villain.log.commitment(epoch).map(|kc| (epoch, *kc))
    }

    /// A lie under the newest key, and if it stands in the partner's chain, behind all that stands there. Where all
    /// could be read at once it must be reported.
    fn lied(&mut self, lie: Proof, in_chain: bool) {
        let mut keys = if in_chain { self.veils.clone() } else { BTreeSet::new() };
        keys.extend(self.veil());
        if keys.is_empty() {
            self.lies.push(lie);
        } else {
            self.veiled.push((lie, keys));
        }
    }

    /// Does one thing, drawn.
    pub fn act(&mut self, world: &mut World, dice: &mut Seeded) {
        let act = if dice.one_in(30) { Act::Equivocate } else { *dice.pick(&ACTS) };
        self.do_it(world, act, dice);
    }

    /// The last word: perhaps a key for everybody if the newest one did not open, and perhaps an entry that waits for
    /// ever.
    pub fn leave(&mut self, world: &mut World, dice: &mut Seeded) {
        if dice.one_in(2) && self.villain.wake(world) && self.veil().is_some() {
            let after = self.villain.log.epoch();
            let forgery = self.villain.compose(Want::Rekey { after });
            let item = self.villain.seal_op(forgery);
            assert!(self.villain.try_append(world, item), "a good key is taken");
        }
        if dice.one_in(3) {
            self.do_it(world, Act::Phantom, dice);
        }
    }

    /// All is quiet: what was said under a key that opened for nobody is known if that key was not replaced.
    pub fn listen(&mut self, world: &mut World) {
        if !self.villain.wake(world) {
            return;
        }
        let log = &self.villain.log;
        self.garbled.retain(|(epoch, kc)| log.commitment(*epoch) != Some(kc));
        let open = |keys: &BTreeSet<Key>| keys.is_disjoint(&self.garbled);
        let known = self.veiled.iter().filter(|(_, keys)| open(keys)).map(|(lie, _)| *lie);
        self.lies.extend(known);
        if !open(&self.veils) {
            // What nobody can read stands in this chain: all behind it waits for ever.
            self.discredited = true;
            self.missing.clear();
        }
    }

    fn do_it(&mut self, world: &mut World, act: Act, dice: &mut Seeded) {
        if !self.villain.wake(world) {
            return;
        }
        world.tell(|| format!("the partner does {act:?}"));
        world.tally.hostile_acts += 1;
        match act {
            Act::WeakKey | Act::WrongState | Act::JunkItem | Act::GarbledWraps | Act::VoidEpoch => {
                self.control(world, act, dice);
            }
            Act::Forged | Act::Skipped | Act::WrongPayload | Act::Unopened => {
                self.refused(world, act, dice);
            }
            Act::Honest
            | Act::VoidEvent
            | Act::Bomb
            | Act::FarClock
            | Act::Flood
            | Act::Equivocate
            | Act::Phantom => self.said(world, act, dice),
        }
    }

    /// Changes of devices and keys.
    fn control(&mut self, world: &mut World, act: Act, dice: &mut Seeded) {
        let epoch = self.villain.log.epoch();
        let rekeys = matches!(act, Act::GarbledWraps | Act::VoidEpoch);
        let want =
            if rekeys { Want::Rekey { after: epoch } } else { self.villain.second_device().1 };
        let mut forgery = self.villain.compose(want);
        match act {
            Act::WeakKey => forgery.with_voice(*dice.pick(&[IDENTITY, MIXED])),
            Act::WrongState => forgery.op.state_after = dice.array(),
            Act::GarbledWraps => self.villain.garble_wraps(&mut forgery),
            _ => {}
        }
        if act == Act::VoidEpoch {
            let Forgery { op, item } = &mut forgery;
            (op.epoch_after, item.epoch_after) = (4_000_000_000, 4_000_000_000);
        }
        let mut item = self.villain.seal_op(forgery);
        if act == Act::JunkItem {
            item[112 + 50] ^= 1;
        }
        let (idx, veiled) = (self.villain.log.next_idx(), self.veil().is_some());
        if !self.villain.try_append(world, item) {
            return;
        }
        if act == Act::GarbledWraps {
            // Under a key that opened for nobody, the next key need not open either: both come with the first good one.
            if !veiled {
                self.lies.push(Proof::BadWrap(idx));
            }
            self.garbled.extend(self.newest_key());
            return;
        }
        let proof = match act {
            Act::WrongState => Proof::State(idx),
            _ => Proof::VoidOp(idx),
        };
        self.lied(proof, false);
    }

    /// What is no entry of anybody's, and stands in no chain.
    fn refused(&mut self, world: &mut World, act: Act, dice: &mut Seeded) {
        let bytes = moment(world, dice).encode(&mut self.villain.random);
        let mut header = self.villain.draft(world, 1, &bytes);
        let inner = match act {
            Act::Forged => {
                let me = self.villain.me();
                let other = self.villain.chains.iter().find(|(chain, _)| *chain != me);
                let Some((chain, seq, id)) = other.map(|(id, chain)| (id, chain.seq, chain.id))
                else {
                    return;
                };
                header.delta.clear();
                (header.chain, header.seq, header.prev) = (chain, seq + 1, id);
                self.villain.forge(header, bytes).encode()
            }
            Act::Skipped => {
                header.seq += 1;
                self.villain.sign(header, bytes).encode()
            }
            _ => {
                let mut inner = self.villain.sign(header, bytes).encode();
                let at = inner.len() - 64 - 3;
                inner[at] ^= 1;
                inner
            }
        };
        let mut envelope = self.villain.seal(self.villain.log.epoch(), &inner);
        if act == Act::Unopened {
            let last = envelope.len() - 1;
            envelope[last] ^= 1;
        }
        let Some(id) = self.villain.try_push(world, envelope) else { return };
        let lie = match act {
            Act::Forged => Proof::Refused(id, EntryError::Author),
            Act::Skipped => Proof::Refused(id, EntryError::Gap),
            Act::WrongPayload => Proof::Refused(id, EntryError::Hash),
            _ => Proof::Unreadable(id),
        };
        self.lied(lie, act == Act::Skipped);
    }

    /// What stands in the partner's own chain.
    fn said(&mut self, world: &mut World, act: Act, dice: &mut Seeded) {
        let count = if act == Act::Flood { FLOOD } else { 1 };
        for _ in 0..count {
            let Some((id, twin)) = self.say(world, act, dice) else { return };
            let proof = match act {
                Act::VoidEvent => Some(Proof::VoidEvent(id)),
                Act::Bomb => Some(Proof::Change(id)),
                Act::Equivocate => twin.map(|twin| Proof::Fork(id, twin)),
                _ => None,
            };
            if let (Some(lie), false) = (proof, self.discredited) {
                self.lied(lie, true);
            }
            self.discredited |= act == Act::Equivocate;
        }
    }

    fn say(
        &mut self,
        world: &mut World,
        act: Act,
        dice: &mut Seeded,
    ) -> Option<(EntryId, Option<EntryId>)> {
        let payload = match act {
            Act::VoidEvent => Payload::Event(vec![0x9f, 0x02, 0xa0, 0xff]),
            Act::Bomb => Payload::Changes(vec![self.bomb(dice)]),
            _ => moment(world, dice),
        };
        let (kind, bytes) = match act {
            Act::Flood => (99, vec![7; 100]),
            _ => (payload.kind(), payload.encode(&mut self.villain.random)),
        };
        let mut header = self.villain.draft(world, kind, &bytes);
        let mut missing = None;
        match act {
            Act::FarClock => (header.hlc.ms, header.hlc.ctr) = (u64::MAX, u16::MAX),
            Act::Phantom => {
                let by = header.chain;
                let item = header.delta.first_mut()?;
                (item.seq, item.id) = (item.seq + 1_000, dice.array());
                let device = self.villain.log.table().slots()[usize::from(item.slot)];
                let chain = ChainId { device, inc: item.inc };
                missing = Some(Incident::MissingEntry { chain, seq: item.seq, id: item.id, by });
            }
            _ => {}
        }
        let twin = (act == Act::Equivocate).then(|| {
            let bytes = moment(world, dice).encode(&mut self.villain.random);
            let header = self.villain.draft(world, 1, &bytes);
            self.villain.sign(header, bytes)
        });
        let entry = self.villain.sign(header, bytes);
        self.villain.try_send(world, &entry.encode())?;
        self.missing.extend(missing);
        self.veils.extend(self.veil());
        self.villain.take(Unverified::new(entry.clone().into_inner()));
        let twin = match twin {
            Some(twin) => self.villain.try_send(world, &twin.encode()).map(|_| twin.id),
            None => None,
        };
        Some((entry.id, twin))
    }

    fn bomb(&self, dice: &mut Seeded) -> DocumentChanges {
        let document = DocumentId::from_bytes(dice.array());
        let header = Header::first(self.villain.actor(document));
        let make = *dice.pick(&[bomb::run_length as fn(&Header) -> Vec<u8>, bomb::start_op]);
        DocumentChanges { document, kind: 2, changes: vec![make(&header)] }
    }

    /// A month after the last word, by all clocks: what named an entry that nobody can produce waits no more, and
    /// everybody is told who named it.
    pub fn check_after_a_month(&self, world: &World) {
        for device in world.honest() {
            let session = world.node(device).session();
            let incidents = session.incidents().expect("incidents");
            for missing in &self.missing {
                let said = incidents.iter().any(|(_, incident)| incident == missing);
                assert!(said, "E1: {missing:?} is not reported on {device}");
            }
            if self.discredited {
                continue;
            }
            let waiting =
                session.report().expect("a report").iter().map(|it| it.waiting).sum::<u64>();
            assert_eq!(waiting, 0, "L2: entries wait for ever on {device}");
        }
    }

    /// Whether this is an envelope of the partner's under a key that opened for nobody.
    fn is_sealed_for_nobody(&self, incident: &Incident) -> bool {
        let Incident::UnreadableEnvelope { envelope, .. } = incident else { return false };
        let is_it = |lie: Proof| matches!(lie, Proof::Refused(id, _) | Proof::Unreadable(id) if id == *envelope);
        self.veiled.iter().any(|(lie, _)| is_it(*lie))
    }

    /// E1, and no report without a lie.
    pub fn check(&self, world: &World) {
        for device in world.honest() {
            let session = world.node(device).session();
            let incidents = session.incidents().expect("incidents");
            let shared: Vec<&Incident> = incidents
                .iter()
                .filter(|(kind, _)| *kind == SpaceKind::Shared)
                .map(|(_, incident)| incident)
                .collect();
            // A key is given to whoever is in: whoever came later was promised none.
            let meant = |lie: &&Proof| match lie {
                Proof::BadWrap(idx) => {
                    let table = self.villain.log.table_at(*idx);
                    table.is_none_or(|table| table.device(session.device()).is_some())
                }
                _ => true,
            };
            for lie in self.lies.iter().filter(meant) {
                let said = shared.iter().any(|incident| lie.is(incident));
                assert!(said, "E1: {lie:?} is not reported on {device}: {shared:?}");
            }
            for incident in &shared {
                let own = self.lies.iter().any(|lie| lie.is(incident));
                let other = incident.code().starts_with("relay.") && world.host.wiped;
                let known = own || other || self.is_sealed_for_nobody(incident);
                assert!(known || self.discredited, "E2: {incident:?} without a lie");
            }
            let private = incidents.iter().filter(|(kind, _)| *kind == SpaceKind::Private);
            let mut private = private.filter(|(_, it)| !it.code().starts_with("relay."));
            assert!(private.next().is_none(), "A1: the private space of {device} is touched");
        }
    }
}

fn moment(world: &World, dice: &mut Seeded) -> Payload {
    let told = Event::Moment(Moment {
        at: world.now(0).at().expect("a time"),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: Some(text(dice)),
        felt: None,
    });
    Payload::Event(told.encode())
}
