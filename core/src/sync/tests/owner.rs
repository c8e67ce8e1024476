//! What the owner of an engine does with its outputs: a disk that is slow, and everything the contract asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wire::frame::{Channel, Creation, Frame};
use wire::hash::{envelope_id, item_hash};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::receipt::ReceiptBody;

use crate::sync::{Cursor, Engine, Output, Pending, Profile, SpaceStart};

/// The two spaces of the model.
pub(super) const SIDS: [SpaceHandle; 2] =
    [SpaceHandle::from_bytes([7; 16]), SpaceHandle::from_bytes([8; 16])];

/// Control item `idx`; every item begins a new epoch of the same number.
pub(super) fn control_item(sid: SpaceHandle, idx: u32) -> Vec<u8> {
    let before = idx.checked_sub(1);
    let previous = before.map_or(ItemHash::ZERO, |idx| item_hash(&control_item(sid, idx)));
    let mut item = vec![1, 1, 2, 0];
    for number in [idx, idx.saturating_sub(1), idx] {
        item.extend(number.to_be_bytes());
    }
    item.extend(previous.as_bytes());
    item.extend(sid.as_bytes());
    item
}

/// Entry `entry` sealed under `epoch`.
pub(super) fn seal(entry: u64, epoch: u32) -> Vec<u8> {
    let mut envelope = vec![1, 1, 1, 0];
    envelope.extend(epoch.to_be_bytes());
    envelope.extend(entry.to_be_bytes());
    envelope
}

fn opened(envelope: &[u8]) -> u64 {
    u64::from_be_bytes(envelope[8..16].try_into().unwrap())
}

/// What a device has on disk for one space.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) cursor: Cursor,
    pub(super) items: Vec<Vec<u8>>,
    /// Entries held, by id.
    pub(super) entries: BTreeSet<u64>,
    /// Entries that the relay is known to hold.
    pub(super) placed: BTreeSet<u64>,
    /// Entry and the epoch it is sealed under.
    pub(super) outbox: VecDeque<(u64, u32)>,
    /// The newest position that a receipt names.
    pub(super) promised: Option<ReceiptBody>,
    /// The relay forgot, and what it lacks is not in the outbox yet.
    pub(super) reseed: bool,
}

impl Disk {
    fn new() -> Self {
        Self {
            cursor: Cursor::NONE,
            items: Vec::new(),
            entries: BTreeSet::new(),
            placed: BTreeSet::new(),
            outbox: VecDeque::new(),
            promised: None,
            reseed: false,
        }
    }

    pub(super) fn epoch(&self) -> u32 {
        self.items.len().saturating_sub(1) as u32
    }

    fn head(&self) -> ItemHash {
        self.items.last().map_or(ItemHash::ZERO, |item| item_hash(item))
    }

    fn pending(&self) -> Vec<Pending> {
        self.outbox.iter().map(|(entry, epoch)| pending(*entry, *epoch)).collect()
    }

    fn reseal(&mut self) {
        let epoch = self.epoch();
        self.outbox.iter_mut().for_each(|row| row.1 = epoch);
    }
}

pub(super) fn pending(entry: u64, epoch: u32) -> Pending {
    let envelope = seal(entry, epoch);
    Pending { key: entry, id: envelope_id(&envelope), epoch, bytes: envelope.len() }
}

/// One device: engine, disk, and what the disk has not finished.
pub(super) struct Owner {
    pub(super) number: usize,
    pub(super) engine: Engine,
    pub(super) disks: BTreeMap<SpaceHandle, Disk>,
    /// Writes under way, in order: each is an output to be stored.
    pub(super) writes: VecDeque<Output>,
    /// Frames on their way to the relay.
    pub(super) up: BTreeMap<Channel, VecDeque<Option<Frame>>>,
    pub(super) dialing: bool,
    pub(super) connected: bool,
    pub(super) lies: u32,
    pub(super) conflicts: u32,
    seeds: u64,
}

impl Owner {
    pub(super) fn new(number: usize, sids: &[SpaceHandle], live: bool) -> Self {
        let mut disks: BTreeMap<_, _> = sids.iter().map(|sid| (*sid, Disk::new())).collect();
        if number == 0 {
            for (sid, disk) in &mut disks {
                disk.items.push(control_item(*sid, 0));
            }
        }
        let mut owner = Self {
            number,
            engine: Engine::new(0, Profile { live }),
            disks,
            writes: VecDeque::new(),
            up: BTreeMap::new(),
            dialing: false,
            connected: false,
            lies: 0,
            conflicts: 0,
            seeds: 0,
        };
        owner.start(live);
        owner
    }

    /// A new process over the same disk.
    pub(super) fn start(&mut self, live: bool) {
        self.seeds += 1;
        self.writes.clear();
        self.up.clear();
        (self.dialing, self.connected) = (false, false);
        self.engine = Engine::new(self.number as u64 * 1_000 + self.seeds, Profile { live });
        for (sid, disk) in &self.disks {
            self.engine.add_space(SpaceStart {
                sid: *sid,
                cursor: disk.cursor,
                control: disk.items.len() as u32,
                control_head: disk.head(),
                epoch: disk.epoch(),
                created: !disk.items.is_empty(),
                agreed: disk.cursor.store,
                reseeding: false,
            });
            self.engine.set_outbox(*sid, disk.pending());
            if let Some(body) = &disk.promised {
                self.engine.remember_receipt(*sid, body);
            }
        }
    }

    /// A person writes.
    pub(super) fn write(&mut self, sid: SpaceHandle, entry: u64) {
        let disk = self.disks.get_mut(&sid).unwrap();
        let epoch = disk.epoch();
        disk.entries.insert(entry);
        disk.outbox.push_back((entry, epoch));
        self.engine.enqueue(sid, pending(entry, epoch));
    }

    /// Does all outputs, the slow ones into `writes`.
    pub(super) fn drain(&mut self) {
        for _ in 0..100_000 {
            let Some(output) = self.engine.poll_output() else { return };
            self.perform(output);
        }
        panic!("the engine never stops asking");
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Dial => self.dialing = true,
            Output::Hangup => {
                (self.dialing, self.connected) = (false, false);
                self.up.clear();
            }
            Output::Send { channel, frame, .. } => {
                self.check_sent(&frame);
                self.up.entry(channel).or_default().push_back(Some(frame));
            }
            Output::Cancel { channel } => {
                if matches!(channel, Channel::Push(_) | Channel::Tail(_)) {
                    self.up.entry(channel).or_default().push_back(None);
                }
            }
            Output::SignIn { sid } => {
                self.engine.handle_signature(sid, PrincipalKey::from_bytes([1; 32]), [0; 64]);
            }
            Output::Create { sid } => {
                let item = self.disks[&sid].items[0].clone();
                let creation = Creation { principals: Vec::new(), signature: [0; 64] };
                self.engine.handle_creation(sid, item, creation);
            }
            Output::FetchEnvelope { sid, key } => {
                let row = self.disks[&sid].outbox.iter().find(|(entry, _)| *entry == key);
                let Some((entry, epoch)) = row.copied() else {
                    return self.engine.withdraw(sid, key);
                };
                self.engine.give_envelope(sid, key, seal(entry, epoch));
                // Said twice, it changes nothing.
                self.engine.give_envelope(sid, key, seal(entry, epoch));
            }
            Output::NeedControl { sid, idx } => {
                let item = self.disks[&sid].items[idx as usize].clone();
                self.engine.give_control(sid, idx, item);
            }
            Output::Lied { .. } => self.lies += 1,
            slow @ (Output::ControlReceived { .. }
            | Output::ControlAppended { .. }
            | Output::Deliver { .. }
            | Output::Sent { .. }
            | Output::Forgot { .. }
            | Output::CaughtUp { .. }
            | Output::Reseal { .. }) => self.writes.push_back(slow),
            Output::ControlOther { .. } => panic!("all hold the same control log"),
            Output::ControlConflict { .. } => self.conflicts += 1,
            Output::Answer { .. } | Output::AnswerEnd { .. } | Output::Refused { .. } => {}
        }
    }

    /// Control before data: neither pull nor push while a control item is not stored.
    fn check_sent(&self, frame: &Frame) {
        let (sid, epoch) = match frame {
            Frame::Push { sid, envelope } => (sid, Some(crate::sync::backlog::epoch_of(envelope))),
            Frame::Pull { sid, .. } => (sid, None),
            _ => return,
        };
        let held = self.disks[sid].items.len();
        let unstored = self.writes.iter().any(|write| {
            matches!(write, Output::ControlReceived { sid: of, idx, .. }
                if of == sid && *idx as usize >= held)
        });
        assert!(!unstored, "no data moves before the control log is stored");
        if let Some(epoch) = epoch {
            assert_eq!(epoch, self.disks[sid].epoch(), "nothing leaves under a dead epoch");
        }
    }

    /// The disk finishes its oldest write. `twice`: the engine is told twice.
    pub(super) fn store_one(&mut self, twice: bool) {
        let Some(write) = self.writes.pop_front() else { return };
        let times = if twice { 2 } else { 1 };
        match write {
            Output::ControlReceived { sid, idx, item } => {
                assert!(
                    idx as usize <= self.disks[&sid].items.len(),
                    "control items come in order"
                );
                self.store_item(sid, idx, item, times);
            }
            Output::ControlAppended { sid, receipt } => {
                let idx = receipt.body.n as u32;
                self.store_item(sid, idx, control_item(sid, idx), times);
            }
            Output::Deliver { sid, batch, cursor } => {
                let disk = self.disks.get_mut(&sid).unwrap();
                let mut after = disk.cursor;
                if cursor != after {
                    after.store = cursor.store;
                    for delivery in &batch {
                        after = after.after(sid, delivery.id);
                        assert_eq!(
                            after.n, delivery.n,
                            "a cursor passes only what was handed over"
                        );
                    }
                    assert_eq!(after, cursor);
                }
                assert!(batch.len() <= 256);
                disk.cursor = cursor;
                for delivery in batch {
                    disk.entries.insert(opened(&delivery.envelope));
                    disk.placed.insert(opened(&delivery.envelope));
                }
                for _ in 0..times {
                    self.engine.handle_delivered(sid, cursor);
                }
            }
            Output::Sent { sid, key, receipt } => {
                let disk = self.disks.get_mut(&sid).unwrap();
                let newer = disk.promised.is_none_or(|known| known.n < receipt.body.n);
                if receipt.body.store == disk.cursor.store && newer {
                    disk.promised = Some(receipt.body);
                }
                disk.outbox.retain(|(entry, _)| *entry != key);
                disk.placed.insert(key);
            }
            Output::Reseal { sid } => {
                let disk = self.disks.get_mut(&sid).unwrap();
                disk.reseal();
                self.engine.set_outbox(sid, disk.pending());
            }
            Output::Forgot { sid, cursor, .. } => {
                let disk = self.disks.get_mut(&sid).unwrap();
                disk.cursor = cursor;
                disk.placed.clear();
                disk.promised = None;
                disk.reseed = true;
            }
            Output::CaughtUp { sid } => self.caught_up(sid),
            other => panic!("{other:?} is not stored"),
        }
    }

    fn store_item(&mut self, sid: SpaceHandle, idx: u32, item: Vec<u8>, times: usize) {
        let disk = self.disks.get_mut(&sid).unwrap();
        if idx as usize == disk.items.len() {
            disk.items.push(item);
        }
        let (count, head, epoch) = (disk.items.len() as u32, disk.head(), disk.epoch());
        for _ in 0..times {
            self.engine.handle_control_stored(sid, count, head, epoch);
        }
    }

    fn caught_up(&mut self, sid: SpaceHandle) {
        let disk = self.disks.get_mut(&sid).unwrap();
        if disk.reseed {
            disk.reseed = false;
            let epoch = disk.epoch();
            let lacking = disk.entries.difference(&disk.placed);
            disk.outbox = lacking.map(|entry| (*entry, epoch)).collect();
            self.engine.set_outbox(sid, disk.pending());
        }
    }

    /// Appends the next control item.
    pub(super) fn append(&mut self, sid: SpaceHandle) {
        let idx = self.disks[&sid].items.len() as u32;
        self.engine.append(sid, control_item(sid, idx), idx);
    }
}
