//! A relay, some devices, and a network that does what a schedule says.

use core::time::Duration;

use wire::id::SpaceHandle;
use wire::time::Moment;

use super::owner::{Owner, SIDS};
use super::relay::{Down, Relay, Session};

/// One step of a schedule; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A device writes.
    Write(usize, usize),
    /// The first device appends a control item.
    Append(usize),
    /// A dial succeeds or fails.
    Connect(usize, bool),
    /// A frame reaches the relay.
    Up(usize, usize),
    /// A frame reaches a device.
    Down(usize, usize),
    /// The disk finishes a write; the engine may be told twice.
    Store(usize, bool),
    /// The connection breaks; the engine may be told twice.
    Cut(usize, bool),
    /// The process ends and starts anew.
    Crash(usize),
    /// Time passes, in milliseconds.
    Pass(u32),
    /// The relay refuses so many pushes.
    Moody(u32),
    /// The user pulls to refresh.
    Refresh(usize),
    /// A gap ticket.
    Again(usize, u64),
}

/// Everything.
pub(super) struct World {
    pub(super) relay: Relay,
    pub(super) owners: Vec<Owner>,
    pub(super) now: Moment,
    pub(super) written: Vec<(SpaceHandle, u64)>,
    pub(super) sids: Vec<SpaceHandle>,
    pub(super) live: bool,
    /// Frames delivered, writes finished, timers fired.
    pub(super) events: usize,
}

impl World {
    pub(super) fn new(devices: usize, spaces: usize, live: bool) -> Self {
        let sids = SIDS[..spaces].to_vec();
        let owners = (0..devices).map(|number| Owner::new(number, &sids, live)).collect();
        let mut world = Self {
            relay: Relay::new(),
            owners,
            now: Moment::ORIGIN,
            written: Vec::new(),
            sids,
            live,
            events: 0,
        };
        for device in 0..devices {
            world.owners[device].engine.want_online(world.now);
            world.owners[device].drain();
        }
        world
    }

    pub(super) fn step(&mut self, step: Step) {
        let devices = self.owners.len();
        let now = self.now;
        match step {
            Step::Write(device, space) => {
                let (device, sid) = (device % devices, self.sids[space % self.sids.len()]);
                // One who holds no key yet writes nothing.
                if !self.owners[device].disks[&sid].items.is_empty() {
                    let entry = (device as u64) << 32 | self.written.len() as u64;
                    self.written.push((sid, entry));
                    self.owners[device].write(sid, entry);
                }
            }
            Step::Append(space) => self.owners[0].append(self.sids[space % self.sids.len()]),
            Step::Connect(device, works) => self.connect(device % devices, works),
            Step::Up(device, channel) => drop(self.up(device % devices, channel)),
            Step::Down(device, channel) => drop(self.down(device % devices, channel)),
            Step::Store(device, twice) => self.owners[device % devices].store_one(twice),
            Step::Cut(device, twice) => {
                self.cut(device % devices);
                if twice {
                    self.owners[device % devices].engine.handle_disconnected(now);
                }
            }
            Step::Crash(device) => {
                let device = device % devices;
                self.relay.sessions.remove(&device);
                self.owners[device].start(self.live);
                self.owners[device].engine.want_online(now);
            }
            Step::Pass(millis) => {
                self.now = now + Duration::from_millis(u64::from(millis));
                for owner in &mut self.owners {
                    owner.engine.handle_timeout(self.now);
                }
            }
            Step::Moody(pushes) => self.relay.moody = pushes,
            Step::Refresh(device) => self.owners[device % devices].engine.sync_now(now),
            Step::Again(device, n) => {
                self.owners[device % devices].engine.pull_again(self.sids[0], n);
            }
        }
        for owner in &mut self.owners {
            owner.drain();
        }
    }

    pub(super) fn connect(&mut self, device: usize, works: bool) {
        let owner = &mut self.owners[device];
        if !core::mem::replace(&mut owner.dialing, false) {
            return;
        }
        if works {
            owner.connected = true;
            self.relay.sessions.insert(device, Session::default());
            owner.engine.handle_connected(self.now);
        } else {
            owner.engine.handle_disconnected(self.now);
        }
    }

    pub(super) fn cut(&mut self, device: usize) {
        self.relay.sessions.remove(&device);
        let owner = &mut self.owners[device];
        owner.up.clear();
        if core::mem::replace(&mut owner.connected, false) {
            owner.engine.handle_disconnected(self.now);
        }
    }

    /// The relay lost its connections, and perhaps more.
    pub(super) fn cut_all(&mut self) {
        for device in 0..self.owners.len() {
            self.cut(device);
            self.owners[device].drain();
        }
    }

    fn up(&mut self, device: usize, choice: usize) -> bool {
        let owner = &mut self.owners[device];
        if !owner.connected {
            self.relay.sessions.remove(&device);
        }
        let full: Vec<_> =
            owner.up.iter().filter(|(_, queue)| !queue.is_empty()).map(|(at, _)| *at).collect();
        let Some(channel) = full.get(choice % full.len().max(1)) else { return false };
        match owner.up.get_mut(channel).unwrap().pop_front().unwrap() {
            Some(frame) => self.relay.receive(device, *channel, frame),
            None => {
                if let Some(session) = self.relay.sessions.get_mut(&device) {
                    session.cancelled(*channel);
                }
            }
        }
        true
    }

    fn down(&mut self, device: usize, choice: usize) -> bool {
        let owner = &mut self.owners[device];
        if !owner.connected {
            self.relay.sessions.remove(&device);
        }
        let Some(session) = self.relay.sessions.get_mut(&device) else { return false };
        let full: Vec<_> =
            session.down.iter().filter(|(_, queue)| !queue.is_empty()).map(|(at, _)| *at).collect();
        let Some(channel) = full.get(choice % full.len().max(1)) else { return false };
        match session.down.get_mut(channel).unwrap().pop_front().unwrap() {
            Down::Frame(frame) => owner.engine.handle_frame(*channel, *frame, self.now),
            Down::Closed => owner.engine.handle_channel_closed(*channel, self.now),
        }
        true
    }

    /// Faults end: runs until nothing happens any more, or panics after `bound` events.
    pub(super) fn quiesce(&mut self, bound: usize) {
        self.relay.moody = 0;
        self.events = 0;
        loop {
            let mut moved = false;
            for device in 0..self.owners.len() {
                self.connect(device, true);
                self.owners[device].drain();
                for moves in [Self::up, Self::down] {
                    let did = moves(self, device, self.events);
                    self.owners[device].drain();
                    (moved, self.events) = (moved | did, self.events + usize::from(did));
                }
                if !self.owners[device].writes.is_empty() {
                    self.owners[device].store_one(false);
                    self.owners[device].drain();
                    (moved, self.events) = (true, self.events + 1);
                }
            }
            assert!(self.events <= bound, "no quiescence within {bound} events");
            if moved || self.owners.iter().any(|owner| owner.dialing) {
                continue;
            }
            let idle = self.owners.iter().all(|owner| owner.engine.is_idle());
            let next = self.owners.iter().filter_map(|owner| owner.engine.poll_timeout()).min();
            let Some(next) = next.filter(|_| !idle) else { return };
            self.now = self.now.max(next);
            for owner in &mut self.owners {
                owner.engine.handle_timeout(self.now);
                owner.drain();
            }
            self.events += 1;
        }
    }
}
