//! The simulator: real nodes, a real relay, real cryptography; time, randomness, network and disks are handed in.
//!
//! One thread and one seed. A crash drops all but the disk, between transactions or inside one.

use crate::device::Device;
use crate::disk::Stand;
use crate::host::Host;
use crate::liar::{Backup, Confirmed, Shadow};
use crate::meter::Meter;
use crate::network::Event;
use crate::oracle::Said;
use crate::random::Seeded;
use crate::tally::Tally;
use crate::trace::{Kind, Trace};
use crate::typing::Typing;
use crate::weather::Weather;
use reknit_core::client::{Answer, Command, Error, MemoryDisk, Node, Notice, Now, Output, Session};
use reknit_core::crypto::Unlock;
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event as Told;
use reknit_core::model::id::{DocumentId, EntryId, PersonId};
use reknit_relay::protocol::{ConnectionId, Now as RelayNow, StreamId};
use std::collections::{BTreeMap, BTreeSet};
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
    /// A second log, if the relay shows one.
    pub shadow: Option<Shadow>,
    /// A copy of the relay's disk that was put aside.
    pub backup: Option<Backup>,
    /// What devices hold as confirmed by a log that is no more.
    pub confirmed: BTreeSet<Confirmed>,
    /// Positions may mean another log than the relay's now, until all devices have met it.
    pub twisted: bool,
    /// Streams on which the relay does not hear, or is not heard, any more.
    pub(crate) deaf: BTreeSet<(ConnectionId, StreamId, bool)>,
    /// All that happens, as one hash.
    pub trace: Trace,
    /// Every event that a command answered for.
    pub said: Vec<Said>,
    /// Some device was restored from a copy, or copied.
    pub copied: bool,
    /// What devices sent, by store and place in its chain.
    pub sent: BTreeMap<(bool, Stand), BTreeSet<EntryId>>,
    /// The epochs after which somebody asked for a new key: by whom, of their private or of the shared space.
    pub renewals: Vec<(PersonId, SpaceKind, u32)>,
    /// Texts that somebody deleted, or tried to.
    pub deleted: BTreeSet<DocumentId>,
    /// Which envelope each salt belongs to.
    pub(crate) salts: BTreeMap<(SpaceHandle, Vec<u8>), EnvelopeId>,
    pub(crate) name: String,
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
            shadow: None,
            backup: None,
            confirmed: BTreeSet::new(),
            twisted: false,
            deaf: BTreeSet::new(),
            trace: Trace::new(),
            said: Vec::new(),
            copied: false,
            sent: BTreeMap::new(),
            renewals: Vec::new(),
            deleted: BTreeSet::new(),
            salts: BTreeMap::new(),
            name,
        }
    }

    /// Another world in which the same devices and the same relay just start, with what is on their disks now. All that
    /// is drawn there follows from the seed.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut fork = Self::new("fork", seed, self.weather);
        fork.host = self.host.fork(&fork.name, self.now, 0);
        fork.now = self.now;
        fork.sealed.clone_from(&self.sealed);
        fork.said.clone_from(&self.said);
        fork.salts.clone_from(&self.salts);
        fork.sent.clone_from(&self.sent);
        for (index, device) in self.devices.iter().enumerate() {
            let files = device.files.copy(&format!("{}-{index}", fork.name)).expect("a copy");
            let random = fork.random.fork();
            let acknowledged = device.acknowledged.clone();
            fork.devices.push(Device { acknowledged, ..Device::new(files, None, random) });
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
    pub(crate) fn tell(&self, what: impl Fn() -> String) {
        if self.traced {
            let line: String = what().chars().take(240).collect();
            eprintln!("{:?} {line}", self.now);
        }
    }

    /// What time it is for a device.
    pub fn now(&self, device: DeviceIndex) -> Now {
        let now = relay_now(self.now).timestamp.as_millis();
        let shown = self.devices[device].clock.read(now, now - START_MS);
        Now {
            moment: self.now,
            timestamp: Timestamp::from_millis(shown),
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
        let mut device = Device::new(files, folder, self.random.fork());
        let (place, random) = (device.place(), &mut device.random);
        let unlock = [Unlock::Key(&UNLOCK)];
        let session = if joining {
            Session::create_joining(place, &unlock, random)
        } else {
            Session::create(place, &unlock, random)
        };
        let node = Node::new(session.expect("a new vault"), index as u64, true).expect("a node");
        device.node = Some(node);
        self.devices.push(device);
        index
    }

    /// The node of a device that runs.
    pub fn node(&self, device: DeviceIndex) -> &Node {
        self.devices[device].node.as_ref().expect("the device runs")
    }

    /// Carries out a command on a device that runs. A commit that fails is a crash inside a transaction.
    pub fn execute(&mut self, device: DeviceIndex, command: Command) -> Result<Answer, Error> {
        let now = self.now(device);
        self.tell(|| format!("device {device} is told {command:?}"));
        let told = self.about_to_say(device, &command);
        let typing = Typing::of(&command, self.node(device).session());
        if let Command::DeleteDocument(id) = &command {
            self.deleted.insert(*id);
        }
        let Device { node, random, .. } = &mut self.devices[device];
        let done = node.as_mut().expect("the device runs").execute(command, &now, random);
        if let (Some((event, seen, heard)), Ok(Answer::Told(id))) = (told, &done) {
            let by = self.node(device).session().person();
            self.said.push(Said { id: *id, by, event, seen, heard });
        }
        if let Some(typing) = typing {
            self.typed(device, typing, done.as_ref());
        }
        self.tell(|| format!("device {device} answers {done:?}"));
        self.note_command(device, done.as_ref().map(|_| ()));
        self.after(device, done.as_ref().err().cloned());
        if done.is_ok() {
            self.devices[device].acknowledge();
        }
        done
    }

    fn about_to_say(
        &self,
        device: DeviceIndex,
        command: &Command,
    ) -> Option<(Told, BTreeSet<EntryId>, BTreeSet<EntryId>)> {
        let Command::Tell(event) = command else { return None };
        let Device { folder, disk, .. } = &self.devices[device];
        folder.is_none().then(|| (event.clone(), disk.told(true), self.heard_on(device)))
    }

    /// Wants a new epoch key for a space, as a device that runs.
    pub fn renew_key(&mut self, device: DeviceIndex, kind: SpaceKind) -> Result<(), Error> {
        let now = self.now(device);
        let before = self.epoch_on(device, kind);
        let Device { node, random, .. } = &mut self.devices[device];
        let done = node.as_mut().expect("the device runs").renew_key(kind, &now, random);
        let by = self.node(device).session().person();
        self.renewals.extend(before.filter(|_| done.is_ok()).map(|epoch| (by, kind, epoch)));
        self.note_command(device, done.as_ref().copied());
        self.after(device, done.as_ref().err().cloned());
        done
    }

    fn note_command(&mut self, device: DeviceIndex, done: Result<(), &Error>) {
        let code = done.err().map_or("", Error::code);
        if !code.is_empty() {
            *self.tally.codes.entry(code).or_default() += 1;
        }
        self.trace.note(Kind::Command, &[&[index_byte(device)], code.as_bytes()]);
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

    pub(crate) fn stop(&mut self, device: DeviceIndex) {
        self.trace.note(Kind::Life, &[&[index_byte(device), 0]]);
        self.tell(|| format!("device {device} dies"));
        self.devices[device].node = None;
        self.drop_wire(device);
        self.devices[device].disk.mend();
        self.devices[device].notices.push_back(Notice::PairingEnded("crash"));
    }

    /// The devices whose app is ours.
    pub fn honest(&self) -> Vec<DeviceIndex> {
        let ours = |device: &DeviceIndex| self.devices[*device].taken.is_none();
        (0..self.devices.len()).filter(ours).collect()
    }

    /// Whether a device's process is dead, and its owner may start it again.
    pub fn is_down(&self, device: DeviceIndex) -> bool {
        self.devices[device].node.is_none() && self.devices[device].taken.is_none()
    }

    /// Nothing goes wrong any more; what a relay did not hear is lost with its connections.
    pub fn clear_up(&mut self) {
        self.weather = Weather::FAIR;
        if !std::mem::take(&mut self.deaf).is_empty() {
            self.cut_all();
        }
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
        self.settle_typed(device, &session);
        self.start(device, session);
        self.note_held(device);
    }

    pub(crate) fn start(&mut self, device: DeviceIndex, session: Session) {
        self.trace.note(Kind::Life, &[&[index_byte(device), 1]]);
        let seed = u64::from_be_bytes(self.devices[device].random.array());
        self.devices[device].node = Some(Node::new(session, seed, true).expect("a node"));
        if self.devices[device].online {
            self.turn(device, |node, now, random| node.want_online(now, random));
        }
    }

    /// What a device's disk holds, read from there.
    pub fn reopened(&mut self, device: DeviceIndex) -> Session {
        let place = self.devices[device].place();
        let random = &mut self.devices[device].random;
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
            .chain(self.shadow.as_ref().and_then(|shadow| shadow.host.relay.poll_timeout()))
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
        let shadow = self.shadow.as_mut().map(|shadow| &mut shadow.host);
        for host in [&mut self.host].into_iter().chain(shadow) {
            if host.relay.poll_timeout().is_some_and(|due| due <= self.now) {
                host.relay.handle_timeout(relay_now(self.now));
            }
        }
        self.drain_relay();
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

/// A device's number in a trace.
pub(crate) fn index_byte(device: DeviceIndex) -> u8 {
    u8::try_from(device).unwrap_or(u8::MAX)
}

/// What time it is for the relay.
pub(crate) fn relay_now(now: Moment) -> RelayNow {
    let elapsed = u64::try_from(now.since_origin().as_millis()).unwrap_or(u64::MAX);
    RelayNow { moment: now, timestamp: Timestamp::from_millis(START_MS + elapsed) }
}
