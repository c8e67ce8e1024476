//! The relay in the simulator: the real state machine over the real storage, which takes its time and may be lost.

use crate::disk::{self, STORES};
use crate::network::Event;
use crate::random::Seeded;
use crate::world::{World, relay_now};
use reknit_relay::job::{Committed, Outcome};
use reknit_relay::protocol::{Limits, Output as RelayOutput, Rate, Relay, RelayKey};
use reknit_relay::storage::Storage;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::address::{AddressLine, RelayAddress};
use wire::id::StoreId;
use wire::time::Moment;

/// One relay: its process, its disk, its key.
#[derive(Debug)]
pub struct Host {
    pub(crate) relay: Relay,
    /// The disk of now, for looking.
    pub disk: Connection,
    /// Where it is.
    pub line: AddressLine,
    /// What the relay holds of envelopes that it lost once.
    pub wiped: bool,
    storage: Storage,
    key: [u8; 32],
    name: String,
    stores: u64,
    /// Which process: what an earlier one had asked of its disk is nothing to the next.
    pub(crate) life: u64,
}

impl Host {
    pub(crate) fn new(name: &str, random: &mut Seeded) -> Self {
        let key = random.array();
        let relay_key = RelayKey::from_seed(&key).expect("a key");
        let line = AddressLine {
            address: RelayAddress::parse("relay.example:4433").expect("an address"),
            relay: relay_key.id(),
        };
        let (storage, disk) = store(name, 0, random);
        let now = relay_now(Moment::ORIGIN);
        let relay = Relay::new(relay_key, storage.store_id(), limits(), now);
        let name = name.to_owned();
        Self { relay, disk, line, wiped: false, storage, key, name, stores: 0, life: 0 }
    }

    /// The same relay, started again on a copy of its disk.
    pub(crate) fn fork(&self, name: &str, now: Moment) -> Self {
        let relay_key = RelayKey::from_seed(&self.key).expect("a key");
        let database = format!("relay-{name}-copy");
        let disk = disk::copy(&self.disk, &database);
        let storage = Storage::memory(&database, self.store()).expect("storage");
        let relay = Relay::new(relay_key, self.store(), limits(), relay_now(now));
        let (line, key, name) = (self.line.clone(), self.key, name.to_owned());
        Self { relay, disk, line, wiped: self.wiped, storage, key, name, stores: 0, life: 0 }
    }

    /// Which store counts now.
    pub fn store(&self) -> StoreId {
        self.storage.store_id()
    }

    fn start(&mut self, now: Moment) {
        self.life += 1;
        let key = RelayKey::from_seed(&self.key).expect("a key");
        let store = self.storage.store_id();
        self.relay = Relay::new(key, store, limits(), relay_now(now));
    }
}

/// As everywhere, but for people who pair more often in an hour than anybody does.
fn limits() -> Limits {
    Limits { mailboxes: Rate::new(1_000, 1_000, Duration::from_hours(1)), ..Limits::default() }
}

fn store(name: &str, number: u64, random: &mut Seeded) -> (Storage, Connection) {
    let name = format!("relay-{name}-{number}");
    let storage = Storage::memory(&name, StoreId::from_bytes(random.array())).expect("storage");
    let disk = disk::memory(&name);
    (storage, disk)
}

impl World {
    /// Every blob that the relay stored.
    pub fn relay_dump(&self) -> Vec<Vec<u8>> {
        disk::relay_dump(&self.host.disk)
    }

    /// The relay's process dies and starts again on the same store.
    pub fn restart_relay(&mut self) {
        self.tally.relay_restarts += 1;
        let life = self.host.life;
        let unheard =
            |event: &Event| matches!(event, Event::Committed { life: of, .. } if *of == life);
        if self.queue.values().any(unheard) {
            self.tally.receipts_lost += 1;
        }
        self.host.start(self.now);
        self.cut_all();
    }

    /// The relay loses its store, and starts again with an empty one.
    pub fn wipe_relay(&mut self) {
        self.tally.amnesias += 1;
        self.host.wiped = true;
        self.host.stores += 1;
        let (storage, disk) = store(&self.host.name, self.host.stores, &mut self.random);
        (self.host.storage, self.host.disk) = (storage, disk);
        self.host.start(self.now);
        self.cut_all();
    }

    /// The same, unless some device holds a control item that another one of its space does not: if that one wrote its
    /// own in the place, the log would be forked for good, and a fork is shown and not chosen yet.
    pub fn wipe_level_relay(&mut self) {
        let logs = |shared: bool| {
            let of = self.devices.iter().map(move |device| device.disk.control(shared));
            of.filter_map(|log| Some((log.first()?.clone(), log.len())))
        };
        let mut lengths = BTreeMap::new();
        let mut all = STORES.into_iter().flat_map(logs);
        if all.all(|(first, length)| *lengths.entry(first).or_insert(length) == length) {
            self.wipe_relay();
        }
    }

    /// Whether a batch is durable and the relay does not know it yet.
    pub fn relay_awaits_commit(&self) -> bool {
        self.queue.values().any(|event| matches!(event, Event::Committed { .. }))
    }

    /// Carries out what the relay asks for.
    pub(crate) fn drain_relay(&mut self) {
        while let Some(output) = self.host.relay.poll_output() {
            let now = relay_now(self.now);
            match output {
                RelayOutput::Commit(batch) => {
                    let life = self.host.life;
                    if let Some(after) = self.weather.commit(&mut self.random) {
                        self.push(self.now + after, Event::Commits { life, batch });
                    } else {
                        let done = self.commit(batch);
                        self.host.relay.handle_committed(done, now);
                    }
                }
                RelayOutput::Read { ticket, read } => {
                    let answer = self.host.storage.read(read);
                    self.host.relay.handle_answer(ticket, answer, now);
                }
                RelayOutput::Send { connection, stream, frame, weight, last } => {
                    self.deliver(connection, stream, frame, last);
                    self.host.relay.handle_written(connection, stream, weight, now);
                }
                RelayOutput::OpenTail { .. } => {}
                RelayOutput::Finish { connection, stream }
                | RelayOutput::Cut { connection, stream } => self.end_stream(connection, stream),
                RelayOutput::Close { connection, .. } => self.close(connection),
            }
        }
    }

    /// A batch becomes durable.
    pub(crate) fn commit(&mut self, batch: reknit_relay::job::Batch) -> Committed {
        let done = self.host.storage.commit(batch).expect("the relay's disk holds");
        let again = done.outcomes.iter().filter(|outcome| is_duplicate(outcome)).count();
        self.tally.duplicated += again as u64;
        done
    }

    /// The relay's disk has something to say, unless the process that asked is gone.
    pub(crate) fn disk_event(&mut self, event: Event) {
        match event {
            Event::Commits { life, batch } if life == self.host.life => {
                let done = self.commit(batch);
                let after = self.weather.commit(&mut self.random).unwrap_or_default();
                self.push(self.now + after, Event::Committed { life, done });
            }
            Event::Committed { life, done } if life == self.host.life => {
                self.host.relay.handle_committed(done, relay_now(self.now));
                self.drain_relay();
            }
            _ => {}
        }
    }
}

const fn is_duplicate(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stored(place) if !place.fresh)
}
