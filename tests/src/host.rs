//! The relay in the simulator: the real state machine over the real storage, which takes its time and may be lost.

use crate::disk;
use crate::network::Event;
use crate::random::Seeded;
use crate::trace;
use crate::world::{World, relay_now};
use reknit_relay::job::{Batch, Committed, Outcome};
use reknit_relay::protocol::{Limits, Output as RelayOutput, Rate, Relay, RelayKey};
use reknit_relay::storage::Storage;
use rusqlite::Connection;
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
    /// Something that it had confirmed was lost once, or told differently.
    pub wiped: bool,
    storage: Storage,
    key: [u8; 32],
    name: String,
    stores: u64,
    /// Which process: what an earlier one had asked of its disk is nothing to the next. No two of a world are equal.
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
        let (storage, disk) = store(name, 0, StoreId::from_bytes(random.array()));
        let now = relay_now(Moment::ORIGIN);
        let relay = Relay::new(relay_key, storage.store_id(), limits(), now);
        let name = name.to_owned();
        Self { relay, disk, line, wiped: false, storage, key, name, stores: 0, life: 0 }
    }

    /// The same relay, started again on a copy of its disk.
    pub(crate) fn fork(&self, name: &str, now: Moment, life: u64) -> Self {
        let relay_key = RelayKey::from_seed(&self.key).expect("a key");
        let database = format!("relay-{name}-copy");
        let disk = disk::copy(&self.disk, &database);
        let storage = Storage::memory(&database, self.store()).expect("storage");
        let relay = Relay::new(relay_key, self.store(), limits(), relay_now(now));
        let (line, key, name) = (self.line.clone(), self.key, name.to_owned());
        Self { relay, disk, line, wiped: self.wiped, storage, key, name, stores: 0, life }
    }

    /// Which store counts now.
    pub fn store(&self) -> StoreId {
        self.storage.store_id()
    }

    /// A name that no database of this world has.
    pub(crate) fn next_name(&mut self) -> String {
        self.stores += 1;
        format!("{}-{}", self.name, self.stores)
    }

    /// Another disk counts from the next start on.
    pub(crate) fn replace(&mut self, disk: Connection, name: &str, store: StoreId) {
        self.storage = Storage::memory(name, store).expect("storage");
        self.disk = disk;
    }

    pub(crate) fn start(&mut self, now: Moment, life: u64) {
        self.life = life;
        let key = RelayKey::from_seed(&self.key).expect("a key");
        let store = self.storage.store_id();
        self.relay = Relay::new(key, store, limits(), relay_now(now));
    }
}

/// As everywhere, but for people who pair more often in an hour than anybody does.
fn limits() -> Limits {
    Limits { mailboxes: Rate::new(1_000, 1_000, Duration::from_hours(1)), ..Limits::default() }
}

fn store(name: &str, number: u64, fresh: StoreId) -> (Storage, Connection) {
    let name = format!("relay-{name}-{number}");
    let storage = Storage::memory(&name, fresh).expect("storage");
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
        self.start_relay();
    }

    pub(crate) fn start_relay(&mut self) {
        self.counter += 1;
        self.host.start(self.now, self.counter);
        self.cut_all();
    }

    /// The relay loses its store, and starts again with an empty one.
    pub fn wipe_relay(&mut self) {
        self.tally.amnesias += 1;
        self.note_confirmed(None);
        self.host.wiped = true;
        let name = self.host.next_name();
        let fresh = StoreId::from_bytes(self.random.array());
        let before = self.told_to_the_relay();
        (self.host.storage, self.host.disk) = store(&name, 0, fresh);
        if self.copied {
            self.lose_what_was_there_alone(&before);
        }
        self.start_relay();
    }

    /// Whether a batch is durable and the relay does not know it yet.
    pub fn relay_awaits_commit(&self) -> bool {
        self.queue.values().any(|event| matches!(event, Event::Committed { .. }))
    }

    /// Carries out what the relay asks for; and what the log asks for that it shows to some.
    pub(crate) fn drain_relay(&mut self) {
        for shown in [Shown::All, Shown::Some] {
            while let Some(output) = self.host_at(shown).and_then(|host| host.relay.poll_output()) {
                self.carry_out(shown, output);
            }
        }
    }

    fn carry_out(&mut self, shown: Shown, output: RelayOutput) {
        let now = relay_now(self.now);
        match output {
            RelayOutput::Commit(batch) => {
                let life = self.host_at(shown).expect("it asked").life;
                if let Some(after) = self.weather.commit(&mut self.random) {
                    self.push(self.now + after, Event::Commits { life, batch });
                } else {
                    let done = self.commit(shown, batch);
                    let host = self.host_at(shown).expect("it asked");
                    host.relay.handle_committed(done, now);
                }
            }
            RelayOutput::Read { ticket, read } => {
                let host = self.host_at(shown).expect("it asked");
                let answer = host.storage.read(read);
                host.relay.handle_answer(ticket, answer, now);
            }
            RelayOutput::Send { connection, stream, frame, weight, last } => {
                self.deliver(connection, stream, frame, last);
                let host = self.host_at(shown).expect("it asked");
                host.relay.handle_written(connection, stream, weight, now);
            }
            RelayOutput::OpenTail { .. } => {}
            RelayOutput::Finish { connection, stream }
            | RelayOutput::Cut { connection, stream } => self.end_stream(connection, stream),
            RelayOutput::Close { connection, .. } => self.close(connection),
        }
    }

    /// A batch becomes durable.
    fn commit(&mut self, shown: Shown, batch: Batch) -> Committed {
        let host = self.host_at(shown).expect("it asked");
        let done = host.storage.commit(batch).expect("the relay's disk holds");
        let again = done.outcomes.iter().filter(|outcome| is_duplicate(outcome)).count();
        self.tally.duplicated += again as u64;
        let outcomes = format!("{:?}", done.outcomes);
        self.trace.note(trace::Kind::Commit, &[outcomes.as_bytes()]);
        done
    }

    /// The relay's disk has something to say, unless the process that asked is gone.
    pub(crate) fn disk_event(&mut self, event: Event) {
        match event {
            Event::Commits { life, batch } => {
                let Some(shown) = self.shown_by(life) else { return };
                let done = self.commit(shown, batch);
                let after = self.weather.commit(&mut self.random).unwrap_or_default();
                self.push(self.now + after, Event::Committed { life, done });
            }
            Event::Committed { life, done } => {
                let Some(shown) = self.shown_by(life) else { return };
                let now = relay_now(self.now);
                self.host_at(shown).expect("it lives").relay.handle_committed(done, now);
                self.drain_relay();
            }
            _ => {}
        }
    }

    fn host_at(&mut self, shown: Shown) -> Option<&mut Host> {
        match shown {
            Shown::All => Some(&mut self.host),
            Shown::Some => self.shadow.as_mut().map(|shadow| &mut shadow.host),
        }
    }

    fn shown_by(&self, life: u64) -> Option<Shown> {
        let some = self.shadow.as_ref().is_some_and(|shadow| shadow.host.life == life);
        if self.host.life == life { Some(Shown::All) } else { some.then_some(Shown::Some) }
    }
}

/// Which log of a relay that may keep two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The log that it has.
    All,
    /// The log that it shows to some.
    Some,
}

const fn is_duplicate(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stored(place) if !place.fresh)
}
