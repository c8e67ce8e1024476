//! The simulator: real nodes, a real relay, real cryptography; time, randomness, network and disks are handed in.
//!
//! One thread and one seed. Streams are reliable and in order, as QUIC's are; streams overtake each other; a cut
//! connection loses what is under way. A crash drops all but the disk.

use crate::meter::Meter;
use crate::random::Seeded;
use crate::weather::Weather;
use reknit_core::client::{
    Answer, Command, Error, MemoryDisk, Node, Notice, Now, Output, Place, Session,
};
use reknit_core::crypto::Unlock;
use reknit_relay::protocol::{
    ConnectionId, Limits, Now as RelayNow, Output as RelayOutput, Prefix, Relay, RelayKey, StreamId,
};
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
const SLICE: Duration = Duration::from_millis(1);

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
    wire: Option<Wire>,
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
struct Wire {
    id: ConnectionId,
    up: bool,
    streams: BTreeMap<Channel, StreamId>,
    channels: BTreeMap<StreamId, Channel>,
    next_stream: u64,
}

/// Something under way.
#[derive(Debug)]
enum Event {
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
    queue: BTreeMap<(Moment, u64), Event>,
    /// When the newest frame of each stream arrives: streams keep their order.
    arrivals: BTreeMap<(ConnectionId, StreamId, bool), Moment>,
    newest_arrival: BTreeMap<ConnectionId, Moment>,
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

    fn happen(&mut self, event: Event) {
        if std::env::var_os("REKNIT_TRACE").is_some() {
            eprintln!("{:?} {event:?}", self.now);
        }
        match event {
            Event::Connected(device, id) => self.connected(device, id),
            Event::Failed(device, id) | Event::Cut(device, id) => self.disconnected(device, id),
            Event::ToRelay { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                if let Some(heard) = &mut self.heard {
                    heard.push(frame.encode());
                }
                self.relay.handle_frame(id, stream, frame, relay_now(self.now));
                if last {
                    self.relay.handle_stream_finished(id, stream, relay_now(self.now));
                }
                self.drain_relay();
            }
            Event::ToDevice { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                self.arrive(device, stream, frame);
                if last {
                    self.ended(device, stream);
                }
            }
            Event::Cancelled { id, stream } => {
                self.relay.handle_stream_closed(id, stream, relay_now(self.now));
                self.drain_relay();
            }
            Event::Ended { device, id, stream } => {
                if self.is_live(device, id) {
                    self.ended(device, stream);
                }
            }
        }
    }

    fn is_live(&self, device: DeviceIndex, id: ConnectionId) -> bool {
        self.devices[device].wire.as_ref().is_some_and(|wire| wire.id == id && wire.up)
    }

    fn connected(&mut self, device: DeviceIndex, id: ConnectionId) {
        let Some(wire) = self.devices[device].wire.as_mut().filter(|wire| wire.id == id) else {
            return;
        };
        wire.up = true;
        let mut exporter = [0; 32];
        exporter[..8].copy_from_slice(&id.0.to_be_bytes());
        self.relay.handle_connected(id, Prefix(device as u64), exporter, relay_now(self.now));
        let relay = self.line.relay;
        self.turn(device, |node, now, random| node.handle_connected(relay, exporter, now, random));
        self.drain_relay();
    }

    fn disconnected(&mut self, device: DeviceIndex, id: ConnectionId) {
        let Some(up) =
            self.devices[device].wire.as_ref().filter(|wire| wire.id == id).map(|wire| wire.up)
        else {
            return;
        };
        self.devices[device].wire = None;
        if up {
            self.relay.handle_disconnected(id, relay_now(self.now));
            self.drain_relay();
        }
        let relay = self.line.relay;
        self.turn(device, |node, now, random| node.handle_disconnected(relay, now, random));
    }

    fn arrive(&mut self, device: DeviceIndex, stream: StreamId, frame: Frame) {
        let wire = self.devices[device].wire.as_mut().expect("live");
        let channel = if let (true, Frame::TailStart { sid }) = (stream.is_tail(), &frame) {
            let channel = Channel::Tail(*sid);
            wire.channels.insert(stream, channel);
            channel
        } else {
            let Some(channel) = wire.channels.get(&stream) else { return };
            *channel
        };
        if matches!(frame, Frame::Data { .. }) {
            self.tally.delivered += 1;
        }
        let relay = self.line.relay;
        self.turn(device, |node, now, random| {
            node.handle_frame(relay, (channel, frame), now, random)
        });
    }

    fn ended(&mut self, device: DeviceIndex, stream: StreamId) {
        let Some(wire) = self.devices[device].wire.as_mut() else { return };
        let Some(channel) = wire.channels.remove(&stream) else { return };
        if wire.streams.get(&channel) == Some(&stream) {
            wire.streams.remove(&channel);
        }
        let relay = self.line.relay;
        self.turn(device, |node, now, random| {
            node.handle_channel_closed(relay, channel, now, random)
        });
    }

    /// One turn of a device. A commit that fails is a crash inside a transaction: the node is dropped.
    fn turn(
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

    /// Carries out what a node asks for.
    fn drain(&mut self, device: DeviceIndex) {
        while let Some(output) = self.devices[device].node.as_mut().and_then(Node::poll_output) {
            match output {
                Output::Dial { .. } => self.dial(device),
                Output::Send { channel, frame, last, .. } => {
                    self.send(device, channel, frame, last);
                }
                Output::Cancel { channel, .. } => self.cancel(device, channel),
                Output::Hangup { .. } => self.hangup(device),
                Output::Notice(notice) => self.devices[device].notices.push_back(notice),
            }
        }
    }

    fn dial(&mut self, device: DeviceIndex) {
        self.hangup(device);
        self.counter += 1;
        let id = ConnectionId(self.counter);
        self.devices[device].wire = Some(Wire {
            id,
            up: false,
            streams: BTreeMap::new(),
            channels: BTreeMap::new(),
            next_stream: 1,
        });
        let fails = !self.devices[device].online || self.weather.dial_fails(&mut self.random);
        let at = self.now + self.weather.delay(&mut self.random);
        let event = if fails { Event::Failed(device, id) } else { Event::Connected(device, id) };
        self.push(at, event);
        if let Some(after) = self.weather.cut_after(&mut self.random) {
            self.push(at + after, Event::Cut(device, id));
        }
    }

    fn hangup(&mut self, device: DeviceIndex) {
        if let Some(wire) = self.devices[device].wire.take()
            && wire.up
        {
            self.relay.handle_disconnected(wire.id, relay_now(self.now));
            self.drain_relay();
        }
    }

    fn send(&mut self, device: DeviceIndex, channel: Channel, frame: Frame, last: bool) {
        let Some(wire) = self.devices[device].wire.as_mut().filter(|wire| wire.up) else { return };
        let stream = *wire.streams.entry(channel).or_insert_with(|| {
            if channel == Channel::Control {
                return StreamId::CONTROL;
            }
            wire.next_stream += 1;
            StreamId(wire.next_stream)
        });
        wire.channels.insert(stream, channel);
        let id = wire.id;
        self.tally.frames += 1;
        let at = self.arrival(id, stream, true);
        self.push(at, Event::ToRelay { device, id, stream, frame, last });
    }

    fn cancel(&mut self, device: DeviceIndex, channel: Channel) {
        let Some(wire) = self.devices[device].wire.as_mut() else { return };
        let stream = wire.streams.remove(&channel).or_else(|| {
            let found = wire.channels.iter().find(|(_, of)| **of == channel);
            found.map(|(stream, _)| *stream)
        });
        let Some(stream) = stream else { return };
        wire.channels.remove(&stream);
        let id = wire.id;
        let at = self.arrival(id, stream, true);
        self.push(at, Event::Cancelled { id, stream });
    }

    /// Carries out what the relay asks for.
    pub(crate) fn drain_relay(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            let now = relay_now(self.now);
            match output {
                RelayOutput::Commit(batch) => {
                    let done = self.storage.commit(batch).expect("the relay's disk holds");
                    let again =
                        done.outcomes.iter().filter(|outcome| is_duplicate(outcome)).count();
                    self.tally.duplicated += again as u64;
                    self.relay.handle_committed(done, now);
                }
                RelayOutput::Read { ticket, read } => {
                    let answer = self.storage.read(read);
                    self.relay.handle_answer(ticket, answer, now);
                }
                RelayOutput::Send { connection, stream, frame, weight, last } => {
                    self.deliver(connection, stream, frame, last);
                    self.relay.handle_written(connection, stream, weight, now);
                }
                RelayOutput::OpenTail { .. } => {}
                RelayOutput::Finish { connection, stream }
                | RelayOutput::Cut { connection, stream } => {
                    if let Some(device) = self.device_of(connection) {
                        let at = self.arrival(connection, stream, false);
                        self.push(at, Event::Ended { device, id: connection, stream });
                    }
                }
                RelayOutput::Close { connection, .. } => {
                    if let Some(device) = self.device_of(connection) {
                        let at = self.now + self.weather.delay(&mut self.random);
                        self.push(at, Event::Cut(device, connection));
                    }
                }
            }
        }
    }

    fn deliver(&mut self, id: ConnectionId, stream: StreamId, frame: Frame, last: bool) {
        if let Some(heard) = self.strangers.get_mut(&id) {
            heard.push((stream, frame));
            return;
        }
        let Some(device) = self.device_of(id) else { return };
        let at = self.arrival(id, stream, false);
        self.push(at, Event::ToDevice { device, id, stream, frame, last });
    }

    fn device_of(&self, id: ConnectionId) -> Option<DeviceIndex> {
        let wire = |device: &Device| device.wire.as_ref().is_some_and(|wire| wire.id == id);
        self.devices.iter().position(wire)
    }

    /// When a frame sent now arrives: never before the one before it on its stream.
    fn arrival(&mut self, id: ConnectionId, stream: StreamId, up: bool) -> Moment {
        let drawn = self.now + self.weather.delay(&mut self.random);
        let newest = self.arrivals.entry((id, stream, up)).or_insert(drawn);
        *newest = drawn.max(*newest + SLICE);
        let at = *newest;
        let overtaken = self.newest_arrival.entry(id).or_insert(at);
        if at < *overtaken {
            self.tally.reordered += 1;
        }
        *overtaken = at.max(*overtaken);
        at
    }

    fn push(&mut self, at: Moment, event: Event) {
        self.counter += 1;
        self.queue.insert((at, self.counter), event);
    }
}

fn is_duplicate(outcome: &reknit_relay::job::Outcome) -> bool {
    matches!(outcome, reknit_relay::job::Outcome::Stored(place) if !place.fresh)
}

pub(crate) fn relay_now(now: Moment) -> RelayNow {
    let elapsed = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
    RelayNow { moment: now, timestamp: Timestamp::from_millis(START_MS + elapsed) }
}
