//! The simulator: real nodes, a real relay, real cryptography; time, randomness, network and disks are handed in.
//!
//! One thread and one seed. Streams are reliable and in order, as QUIC's are; streams overtake each other; a cut
//! connection loses what is under way. A crash drops all but the disk.

use crate::meter::Meter;
use crate::random::Seeded;
use crate::weather::Weather;
use reknit_core::client::{Answer, Command, Error, MemoryDisk, Node, Notice, Now, Place, Session};
use reknit_core::crypto::Unlock;
use reknit_relay::protocol::{ConnectionId, Limits, Now as RelayNow, Relay, RelayKey, StreamId};
use reknit_relay::storage::Storage;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;
use wire::address::AddressLine;
use wire::frame::{Channel, Frame};
use wire::id::StoreId;
use wire::time::{Moment, Timestamp};

/// Sunday 18 January 2026, 19:30 UTC.
pub const START_MS: u64 = 1_768_764_600_000;
/// What unlocks every vault of a world.
pub const UNLOCK: [u8; 32] = [7; 32];
pub(crate) const SLICE: Duration = Duration::from_millis(1);

/// Which device of the world.
pub type DeviceIndex = usize;

/// One device: its disk outlives its node.
#[derive(Debug)]
pub struct Device {
    /// What survives.
    pub disk: MemoryDisk,
    /// What survives, if it is a real folder.
    pub folder: Option<PathBuf>,
    /// What a crash drops.
    pub node: Option<Node>,
    /// What a person was shown.
    pub notices: VecDeque<Notice>,
    /// Whether it may connect.
    pub online: bool,
    /// Its clock, ahead of the world's.
    pub clock_ahead_ms: i64,
    random: Seeded,
    pub(crate) wire: Option<Wire>,
}

impl Device {
    fn place(&self) -> Place {
        match &self.folder {
            Some(folder) => Place::Folder(folder.clone()),
            None => Place::Memory(self.disk.clone()),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) id: ConnectionId,
    pub(crate) up: bool,
    pub(crate) streams: BTreeMap<Channel, StreamId>,
    pub(crate) channels: BTreeMap<StreamId, Channel>,
    pub(crate) next_stream: u64,
}

/// Something under way.
#[derive(Debug)]
pub(crate) enum Event {
    Connected(DeviceIndex, ConnectionId),
    Failed(DeviceIndex, ConnectionId),
    ToRelay { device: DeviceIndex, id: ConnectionId, stream: StreamId, frame: Frame, last: bool },
    ToDevice { device: DeviceIndex, id: ConnectionId, stream: StreamId, frame: Frame, last: bool },
    Cancelled { id: ConnectionId, stream: StreamId },
    Ended { device: DeviceIndex, id: ConnectionId, stream: StreamId },
    Cut(DeviceIndex, ConnectionId),
}

/// What happened so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a count of what its name says")]
pub struct Tally {
    pub frames: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub delivered: u64,
    pub crashes_between: u64,
    pub crashes_inside: u64,
    pub relay_restarts: u64,
    pub amnesias: u64,
    pub pairings: u64,
    pub edits: [u64; 2],
}

/// Devices, a relay, and what lies between them.
#[derive(Debug)]
pub struct World {
    /// The devices.
    pub devices: Vec<Device>,
    /// What happened so far.
    pub tally: Tally,
    /// What may happen.
    pub weather: Weather,
    /// Every frame that the relay received, as bytes, if kept.
    pub heard: Option<Vec<Vec<u8>>>,
    /// Randomness of the world itself.
    pub random: Seeded,
    /// What each turn of a device costs, if measured.
    pub meter: Option<Meter>,
    /// What connections that belong to no device were sent.
    pub(crate) strangers: BTreeMap<ConnectionId, Vec<(StreamId, Frame)>>,
    pub(crate) now: Moment,
    pub(crate) relay: Relay,
    pub(crate) storage: Storage,
    relay_key: [u8; 32],
    line: AddressLine,
    pub(crate) queue: BTreeMap<(Moment, u64), Event>,
    /// When the newest frame of each stream arrives: streams keep their order.
    pub(crate) arrivals: BTreeMap<(ConnectionId, StreamId, bool), Moment>,
    pub(crate) newest_arrival: BTreeMap<ConnectionId, Moment>,
    pub(crate) counter: u64,
    name: String,
    stores: u64,
}

impl World {
    /// A relay and no device yet.
    pub fn new(name: &str, seed: u64, weather: Weather) -> Self {
        let mut random = Seeded::new(seed);
        let relay_key = random.array();
        let key = RelayKey::from_seed(&relay_key).expect("a key");
        let line: AddressLine = AddressLine {
            address: wire::address::RelayAddress::parse("relay.example:4433").expect("an address"),
            relay: key.id(),
        };
        let store = StoreId::from_bytes(random.array());
        let storage = Storage::memory(&format!("relay-{name}-{seed}-0"), store).expect("storage");
        let now = Moment::ORIGIN;
        let relay = Relay::new(key, storage.store_id(), Self::limits(), relay_now(now));
        Self {
            devices: Vec::new(),
            tally: Tally::default(),
            weather,
            heard: None,
            random,
            meter: None,
            strangers: BTreeMap::new(),
            now,
            relay,
            storage,
            relay_key,
            line,
            queue: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            newest_arrival: BTreeMap::new(),
            counter: 0,
            name: format!("{name}-{seed}"),
            stores: 0,
        }
    }

    /// Moves the relay's store into a real folder, before anything is in it.
    pub fn keep_relay_in(&mut self, folder: &std::path::Path) {
        let store = self.storage.store_id();
        self.storage = Storage::open(folder, store).expect("storage");
    }

    fn limits() -> Limits {
        Limits::default()
    }

    /// Where the relay is.
    pub const fn line(&self) -> &AddressLine {
        &self.line
    }

    /// What time it is for a device.
    pub fn now(&self, device: DeviceIndex) -> Now {
        let elapsed = u64::try_from(self.now.since_origin().as_millis()).unwrap_or(u64::MAX);
        let ahead = self.devices[device].clock_ahead_ms;
        Now {
            moment: self.now,
            timestamp: Timestamp::from_millis((START_MS + elapsed).saturating_add_signed(ahead)),
            zone: "Europe/London".to_owned(),
        }
    }

    /// A new vault on a new disk: of a new person, or of a device that will join one.
    pub fn add_device(&mut self, joining: bool) -> DeviceIndex {
        self.add_device_in(None, joining)
    }

    /// The same in a real folder.
    pub fn add_device_in(&mut self, folder: Option<PathBuf>, joining: bool) -> DeviceIndex {
        let index = self.devices.len();
        let disk = MemoryDisk::new(&format!("{}-{index}", self.name));
        let mut random = self.random.fork();
        let place = match &folder {
            Some(folder) => Place::Folder(folder.clone()),
            None => Place::Memory(disk.clone()),
        };
        let unlock = [Unlock::Key(&UNLOCK)];
        let session = if joining {
            Session::create_joining(place, &unlock, &mut random)
        } else {
            Session::create(place, &unlock, &mut random)
        };
        let node = Node::new(session.expect("a new vault"), index as u64, true).expect("a node");
        self.devices.push(Device {
            disk,
            folder,
            node: Some(node),
            notices: VecDeque::new(),
            online: true,
            clock_ahead_ms: 0,
            random,
            wire: None,
        });
        index
    }

    /// The node of a device that runs.
    pub fn node(&self, device: DeviceIndex) -> &Node {
        self.devices[device].node.as_ref().expect("the device runs")
    }

    /// Carries out a command on a device.
    pub fn execute(&mut self, device: DeviceIndex, command: Command) -> Result<Answer, Error> {
        let now = self.now(device);
        let Device { node, random, .. } = &mut self.devices[device];
        let done = node.as_mut().expect("the device runs").execute(command, &now, random);
        self.drain(device);
        done
    }

    /// A device goes on or off the network.
    pub fn set_online(&mut self, device: DeviceIndex, online: bool) {
        self.devices[device].online = online;
        if online {
            self.turn(device, |node, now, random| node.want_online(now, random));
        } else {
            self.cut(device);
        }
    }

    /// The device's process dies; what was committed stays.
    pub fn crash(&mut self, device: DeviceIndex) {
        self.devices[device].node = None;
        self.cut(device);
        self.devices[device].wire = None;
        self.tally.crashes_between += 1;
    }

    /// The device's process starts again from its disk.
    pub fn restart(&mut self, device: DeviceIndex) {
        let place = self.devices[device].place();
        let random = &mut self.devices[device].random;
        let session = Session::open(place, Unlock::Key(&UNLOCK), random).expect("the vault opens");
        let seed = u64::from_be_bytes(random.array());
        self.devices[device].node = Some(Node::new(session, seed, true).expect("a node"));
        if self.devices[device].online {
            self.turn(device, |node, now, random| node.want_online(now, random));
        }
    }

    /// The relay's process dies and starts again on the same store.
    pub fn restart_relay(&mut self) {
        self.tally.relay_restarts += 1;
        let key = RelayKey::from_seed(&self.relay_key).expect("a key");
        let store = self.storage.store_id();
        self.relay = Relay::new(key, store, Self::limits(), relay_now(self.now));
        self.cut_all();
    }

    /// The relay loses its store, and starts again with an empty one.
    pub fn wipe_relay(&mut self) {
        self.tally.amnesias += 1;
        self.stores += 1;
        let store = StoreId::from_bytes(self.random.array());
        let name = format!("relay-{}-{}", self.name, self.stores);
        self.storage = Storage::memory(&name, store).expect("storage");
        let key = RelayKey::from_seed(&self.relay_key).expect("a key");
        self.relay = Relay::new(key, store, Self::limits(), relay_now(self.now));
        self.cut_all();
    }

    /// Cuts a device's connection: what is under way is lost.
    pub fn cut(&mut self, device: DeviceIndex) {
        if let Some(id) = self.devices[device].wire.as_ref().map(|wire| wire.id) {
            self.push(self.now, Event::Cut(device, id));
        }
    }

    fn cut_all(&mut self) {
        for device in 0..self.devices.len() {
            self.cut(device);
        }
    }

    /// Runs until nothing is under way and every running device that is online is idle, or the bound is reached.
    /// True if it came to rest.
    pub fn run_until_idle(&mut self, within: Duration) -> bool {
        let end = self.now + within;
        loop {
            if self.queue.is_empty() && self.is_idle() {
                return true;
            }
            if !self.step(end) {
                return self.queue.is_empty() && self.is_idle();
            }
        }
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Runs until a condition holds, or the bound is reached. True if it holds.
    pub fn run_until(
        &mut self,
        within: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let end = self.now + within;
        loop {
            if holds(self) {
                return true;
            }
            if !self.step(end) {
                return holds(self);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.devices
            .iter()
            .filter(|device| device.online)
            .all(|device| device.node.as_ref().is_none_or(Node::is_idle))
    }

    /// The next thing that happens, if it happens before `end`.
    fn step(&mut self, end: Moment) -> bool {
        let event = self.queue.keys().next().map(|(at, _)| *at);
        let timer = self
            .devices
            .iter()
            .filter_map(|device| device.node.as_ref().and_then(Node::poll_timeout))
            .chain(self.relay.poll_timeout())
            .min();
        let Some(next) = [event, timer].into_iter().flatten().min() else { return false };
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        if event.is_some_and(|event| event <= self.now) {
            let (_, event) = self.queue.pop_first().expect("an event");
            self.happen(event);
        } else {
            self.timeouts();
        }
        true
    }

    fn timeouts(&mut self) {
        for device in 0..self.devices.len() {
            let due = self.devices[device].node.as_ref().and_then(Node::poll_timeout);
            if due.is_some_and(|due| due <= self.now) {
                self.turn(device, |node, now, random| node.handle_timeout(now, random));
            }
        }
        if self.relay.poll_timeout().is_some_and(|due| due <= self.now) {
            self.relay.handle_timeout(relay_now(self.now));
            self.drain_relay();
        }
    }

    /// One turn of a device. A commit that fails is a crash inside a transaction: the node is dropped.
    pub(crate) fn turn(
        &mut self,
        device: DeviceIndex,
        act: impl FnOnce(&mut Node, &Now, &mut Seeded) -> Result<(), Error>,
    ) {
        let now = self.now(device);
        let Device { node, random, .. } = &mut self.devices[device];
        let Some(node) = node else { return };
        let done = match &mut self.meter {
            Some(meter) => meter.measure(device, || act(node, &now, random)),
            None => act(node, &now, random),
        };
        match done {
            Ok(()) => self.drain(device),
            Err(error) => {
                assert_eq!(error, Error::Storage, "only the disk may fail");
                self.devices[device].node = None;
                self.cut(device);
                self.devices[device].wire = None;
                self.tally.crashes_inside += 1;
            }
        }
    }
}

pub(crate) fn relay_now(now: Moment) -> RelayNow {
    let elapsed = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
    RelayNow { moment: now, timestamp: Timestamp::from_millis(START_MS + elapsed) }
}
