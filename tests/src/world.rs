//! The simulator: real nodes, a real relay, real cryptography; time, randomness, network and disks are handed in.
//!
//! One thread and one seed. A crash drops all but the disk, between transactions or inside one.

use crate::disk::{Disk, STORES, Stand};
use crate::host::Host;
use crate::meter::Meter;
use crate::network::{Event, Wire};
use crate::random::Seeded;
use crate::tally::Tally;
use crate::weather::Weather;
use reknit_core::client::{
    Answer, Command, Error, MemoryDisk, Node, Notice, Now, Output, Place, Session,
};
use reknit_core::crypto::Unlock;
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::EntryId;
use reknit_relay::protocol::{ConnectionId, Now as RelayNow, StreamId};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wire::address::AddressLine;
use wire::frame::Frame;
use wire::id::{EnvelopeId, SpaceHandle};
use wire::time::{Moment, Timestamp};

/// Sunday 18 January 2026, 19:30 UTC.
pub const START_MS: u64 = 1_768_764_600_000;
/// What unlocks every vault of a world.
pub const UNLOCK: [u8; 32] = [7; 32];
/// Databases in memory have names, and worlds must not share them.
static WORLDS: AtomicU64 = AtomicU64::new(0);

/// Which device of the world.
pub type DeviceIndex = usize;

/// One device: its disk outlives its node.
#[derive(Debug)]
pub struct Device {
    /// What survives.
    pub files: MemoryDisk,
    /// What survives, if it is a real folder.
    pub folder: Option<PathBuf>,
    /// A second look at it, if it is in memory.
    pub disk: Disk,
    /// What a crash drops.
    pub node: Option<Node>,
    /// What a person was shown.
    pub notices: VecDeque<Notice>,
    /// Whether it may connect.
    pub online: bool,
    /// Its clock, ahead of the world's.
    pub clock_ahead_ms: i64,
    /// What commands answered for: entries on this device's disk, by store.
    pub acknowledged: BTreeMap<(bool, EntryId), Stand>,
    pub(crate) random: Seeded,
    pub(crate) wire: Option<Wire>,
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
    /// The relay.
    pub host: Host,
    /// Every frame that the relay received, as bytes, if kept.
    pub heard: Option<Vec<Vec<u8>>>,
    /// Randomness of the world itself.
    pub random: Seeded,
    /// Which entry lies in an envelope that a device sent, and for which space.
    pub sealed: BTreeMap<EnvelopeId, (SpaceHandle, EntryId)>,
    /// What each turn of a device costs, if measured.
    pub meter: Option<Meter>,
    /// What connections that belong to no device were sent.
    pub(crate) strangers: BTreeMap<ConnectionId, Vec<(StreamId, Frame)>>,
    /// Things that happened: frames, timers, ends of connections.
    pub events: u64,
    pub(crate) now: Moment,
    pub(crate) queue: BTreeMap<(Moment, u64), Event>,
    /// When the newest frame of each stream arrives: streams keep their order.
    pub(crate) arrivals: BTreeMap<(ConnectionId, StreamId, bool), Moment>,
    pub(crate) newest_arrival: BTreeMap<(ConnectionId, bool), Moment>,
    pub(crate) counter: u64,
    pub(crate) traced: bool,
    name: String,
}

impl World {
    /// A relay and no device yet.
    pub fn new(name: &str, seed: u64, weather: Weather) -> Self {
        let mut random = Seeded::new(seed);
        let name = format!("{name}-{seed}-{}", WORLDS.fetch_add(1, Ordering::Relaxed));
        let host = Host::new(&name, &mut random);
        Self {
            devices: Vec::new(),
            tally: Tally::default(),
            weather,
            host,
            heard: None,
            random,
            sealed: BTreeMap::new(),
            meter: None,
            strangers: BTreeMap::new(),
            events: 0,
            now: Moment::ORIGIN,
            queue: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            newest_arrival: BTreeMap::new(),
            counter: 0,
            traced: std::env::var_os("REKNIT_TRACE").is_some(),
            name,
        }
    }

    /// Another world in which the same devices and the same relay just start, with what is on their disks now. All that
    /// is drawn there follows from the seed.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut fork = Self::new("fork", seed, self.weather);
        fork.host = self.host.fork(&fork.name, self.now);
        fork.now = self.now;
        fork.sealed.clone_from(&self.sealed);
        for (index, device) in self.devices.iter().enumerate() {
            let files = device.files.copy(&format!("{}-{index}", fork.name)).expect("a copy");
            fork.devices.push(Device {
                disk: Disk::new(&files),
                files,
                folder: None,
                node: None,
                notices: VecDeque::new(),
                online: true,
                clock_ahead_ms: 0,
                acknowledged: device.acknowledged.clone(),
                random: fork.random.fork(),
                wire: None,
            });
            fork.restart(index);
        }
        fork
    }

    /// Where the relay is.
    pub const fn line(&self) -> &AddressLine {
        &self.host.line
    }

    /// The time that passed.
    pub const fn elapsed(&self) -> Duration {
        self.now.since_origin()
    }

    /// Prints, if `REKNIT_TRACE` is set, cut to what fits a line.
    pub(crate) fn trace(&self, what: impl Fn() -> String) {
        if self.traced {
            let line: String = what().chars().take(240).collect();
            eprintln!("{:?} {line}", self.now);
        }
    }

    /// What time it is for a device.
    pub fn now(&self, device: DeviceIndex) -> Now {
        let ahead = self.devices[device].clock_ahead_ms;
        let true_time = relay_now(self.now).timestamp.as_millis();
        Now {
            moment: self.now,
            timestamp: Timestamp::from_millis(true_time.saturating_add_signed(ahead)),
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
        let files = MemoryDisk::new(&format!("{}-{index}", self.name));
        let mut random = self.random.fork();
        let place = place(folder.as_ref(), &files);
        let unlock = [Unlock::Key(&UNLOCK)];
        let session = if joining {
            Session::create_joining(place, &unlock, &mut random)
        } else {
            Session::create(place, &unlock, &mut random)
        };
        let node = Node::new(session.expect("a new vault"), index as u64, true).expect("a node");
        self.devices.push(Device {
            disk: Disk::new(&files),
            files,
            folder,
            node: Some(node),
            notices: VecDeque::new(),
            online: true,
            clock_ahead_ms: 0,
            acknowledged: BTreeMap::new(),
            random,
            wire: None,
        });
        index
    }

    /// The node of a device that runs.
    pub fn node(&self, device: DeviceIndex) -> &Node {
        self.devices[device].node.as_ref().expect("the device runs")
    }

    /// Carries out a command on a device that runs. A commit that fails is a crash inside a transaction.
    pub fn execute(&mut self, device: DeviceIndex, command: Command) -> Result<Answer, Error> {
        let now = self.now(device);
        self.trace(|| format!("device {device} is told {command:?}"));
        let Device { node, random, .. } = &mut self.devices[device];
        let done = node.as_mut().expect("the device runs").execute(command, &now, random);
        self.trace(|| format!("device {device} answers {done:?}"));
        self.after(device, done.as_ref().err().cloned());
        if done.is_ok() {
            self.devices[device].acknowledge();
        }
        done
    }

    /// Wants a new epoch key for a space, as a device that runs.
    pub fn renew_key(&mut self, device: DeviceIndex, kind: SpaceKind) -> Result<(), Error> {
        let now = self.now(device);
        let Device { node, random, .. } = &mut self.devices[device];
        let done = node.as_mut().expect("the device runs").renew_key(kind, &now, random);
        self.after(device, done.as_ref().err().cloned());
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

    /// The device's process dies between two transactions; what was committed stays.
    pub fn crash(&mut self, device: DeviceIndex) {
        self.tally.crashes_between += 1;
        self.stop(device);
    }

    fn stop(&mut self, device: DeviceIndex) {
        self.trace(|| format!("device {device} dies"));
        self.devices[device].node = None;
        self.drop_wire(device);
        self.devices[device].disk.mend();
        self.devices[device].notices.push_back(Notice::PairingEnded("crash"));
    }

    /// The device's process starts again from its disk.
    pub fn restart(&mut self, device: DeviceIndex) {
        let session = self.reopened(device);
        self.start(device, session);
    }

    /// The same, and what is on the disk must be as promised.
    pub fn restart_checked(&mut self, device: DeviceIndex) {
        let session = self.reopened(device);
        self.check_held(device, &session);
        self.start(device, session);
    }

    fn start(&mut self, device: DeviceIndex, session: Session) {
        let seed = u64::from_be_bytes(self.devices[device].random.array());
        self.devices[device].node = Some(Node::new(session, seed, true).expect("a node"));
        if self.devices[device].online {
            self.turn(device, |node, now, random| node.want_online(now, random));
        }
    }

    /// What a device's disk holds, read from there.
    pub fn reopened(&mut self, device: DeviceIndex) -> Session {
        let Device { files, folder, random, .. } = &mut self.devices[device];
        let place = place(folder.as_ref(), files);
        Session::open(place, Unlock::Key(&UNLOCK), random).expect("the vault opens")
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

    /// Every running device that is online has nothing more to do.
    pub fn is_idle(&self) -> bool {
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
            .chain(self.host.relay.poll_timeout())
            .min();
        let Some(next) = [event, timer].into_iter().flatten().min() else { return false };
        if next > end {
            return false;
        }
        self.events += 1;
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
        if self.host.relay.poll_timeout().is_some_and(|due| due <= self.now) {
            self.host.relay.handle_timeout(relay_now(self.now));
            self.drain_relay();
        }
    }

    /// One turn of a device, if it runs.
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
        let failed = done.err();
        if let Some(error) = &failed {
            assert_eq!(*error, Error::Storage, "only the disk may fail");
        }
        self.after(device, failed);
    }

    /// As the driver on a phone: after an error memory is read anew; here a disk that failed has killed the process.
    fn after(&mut self, device: DeviceIndex, failed: Option<Error>) {
        if failed == Some(Error::Storage) {
            self.tally.crashes_inside += 1;
            self.stop(device);
            return;
        }
        if let (Some(_), Some(node)) = (failed, &mut self.devices[device].node) {
            node.reload().expect("the disk can be read");
        }
        self.drain(device);
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
                Output::Hangup { .. } => self.drop_wire(device),
                Output::Notice(notice) => self.notice(device, notice),
            }
        }
    }
}

impl Device {
    /// The entry in an envelope, as the outbox on the disk says.
    pub(crate) fn entry_in_outbox(&self, envelope: &[u8]) -> Option<EntryId> {
        let mut rows = STORES.iter().flat_map(|shared| self.disk.outbox(*shared));
        rows.find(|(_, sealed)| sealed == envelope).map(|(entry, _)| entry)
    }

    /// All own entries on the disk now are answered for.
    fn acknowledge(&mut self) {
        // What lies in a real folder is looked at by those who put it there.
        let Some(node) = self.node.as_ref().filter(|_| self.folder.is_none()) else { return };
        let own = node.session().device();
        for shared in STORES {
            for (entry, stand) in self.disk.places(shared) {
                if stand.device == own {
                    self.acknowledged.insert((shared, entry), stand);
                }
            }
        }
    }
}

fn place(folder: Option<&PathBuf>, files: &MemoryDisk) -> Place {
    folder.map_or_else(|| Place::Memory(files.clone()), |folder| Place::Folder(folder.clone()))
}

/// What time it is for the relay.
pub(crate) fn relay_now(now: Moment) -> RelayNow {
    let elapsed = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
    RelayNow { moment: now, timestamp: Timestamp::from_millis(START_MS + elapsed) }
}
