//! Moves bytes between a node and its relays, and says what time it is. Decides nothing.
//!
//! Each step is one turn of the vault: the lock is taken, memory is brought up to date if another process wrote, one
//! event is handled and committed, the lock is given back. Nothing is held while waiting.

use crate::client::error::Error;
use crate::client::node::command::{Answer, Command};
use crate::client::node::machine::{Node, Notice, Now, Output};
use crate::client::session::unlocked::Session;
use crate::crypto::draw;
use crate::environment::{SystemClock, SystemRandom};
use crate::store::VaultLock;
use crate::transport::{Connection, Dialer, LinkEvent, Profile, Traffic};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use wire::address::AddressLine;
use wire::frame::{Channel, Frame};
use wire::id::RelayId;

/// Events of all connections that were not handled yet.
const EVENTS_MAX: usize = 64;
/// Orders to one connection that were not carried out yet; the engine keeps far fewer under way.
const ORDERS_MAX: usize = 1_024;
/// How long a step waits when the node has no timer: another process may have written meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Event {
    Connected { relay: RelayId, serial: u64, exporter: [u8; 32], orders: mpsc::Sender<Order> },
    Arrived { relay: RelayId, serial: u64, channel: Channel, frame: Frame },
    ChannelClosed { relay: RelayId, serial: u64, channel: Channel },
    Gone { relay: RelayId, serial: u64, traffic: Traffic },
}

#[derive(Debug)]
enum Order {
    Send { channel: Channel, frame: Frame, last: bool },
    Cancel(Channel),
    Hangup,
}

#[derive(Debug)]
struct Wire {
    serial: u64,
    orders: Option<mpsc::Sender<Order>>,
}

/// A node with a clock, randomness and a network.
#[derive(Debug)]
pub struct Driver {
    node: Node,
    clock: SystemClock,
    random: SystemRandom,
    zone: String,
    profile: Profile,
    wires: BTreeMap<RelayId, Wire>,
    notices: VecDeque<Notice>,
    traffic: Traffic,
    sent: Option<Vec<Vec<u8>>>,
    serial: u64,
    held: Option<Event>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl Driver {
    /// Drives an unlocked vault. `zone` is this device's time zone, an IANA name; `live` keeps listening.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn new(session: Session, zone: &str, live: bool) -> Result<Self, Error> {
        let mut random = SystemRandom;
        let seed = u64::from_be_bytes(draw(&mut random));
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        Ok(Self {
            node: Node::new(session, seed, live)?,
            clock: SystemClock::start(),
            random,
            zone: zone.to_owned(),
            profile: if live { Profile::FOREGROUND } else { Profile::BACKGROUND },
            wires: BTreeMap::new(),
            notices: VecDeque::new(),
            traffic: Traffic::default(),
            sent: None,
            serial: 0,
            held: None,
            sender,
            events,
        })
    }

    /// Carries out a command in a turn of its own.
    ///
    /// # Errors
    /// As [`Node::execute`]; [`Error::Busy`] if another process keeps the vault.
    pub fn execute(&mut self, command: Command) -> Result<Answer, Error> {
        self.turn(|node, now, random| node.execute(command, now, random))
    }

    /// Connects now.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Storage`].
    pub fn want_online(&mut self) -> Result<(), Error> {
        self.turn(|node, now, random| node.want_online(now, random))
    }

    /// Hangs up and stays offline until [`Driver::want_online`].
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Storage`].
    pub fn go_offline(&mut self) -> Result<(), Error> {
        self.turn(|node, now, random| node.go_offline(now, random))
    }

    /// From now on keeps a copy of every frame that goes to a relay: all that a relay can ever see of this device.
    pub fn keep_sent(&mut self) {
        self.sent.get_or_insert_default();
    }

    /// The frames kept so far, as bytes.
    pub fn sent(&self) -> &[Vec<u8>] {
        self.sent.as_deref().unwrap_or_default()
    }

    /// Waits for the next event or timer and handles it. Cancelling the wait loses nothing.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Storage`].
    pub async fn step(&mut self) -> Result<(), Error> {
        let now = self.clock.moment();
        let wait = self.node.poll_timeout().map_or(LOOK_AGAIN, |at| at.since(now)).min(LOOK_AGAIN);
        tokio::select! {
            biased;
            event = next(&mut self.held, &mut self.events) => self.handle(event),
            () = tokio::time::sleep(wait) => {
                self.turn(|node, now, random| node.handle_timeout(now, random))
            }
        }
    }

    /// What a person may want to see, oldest first.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The node alone. All connections end.
    pub(crate) fn into_node(self) -> Node {
        self.node
    }

    /// The node, for reading.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// What it is now here: for commands that name a time.
    pub fn now(&self) -> Now {
        Now {
            moment: self.clock.moment(),
            timestamp: self.clock.timestamp(),
            zone: self.zone.clone(),
        }
    }

    /// UDP payload of all connections that ended so far.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Closes all connections in order.
    pub async fn close(&mut self) {
        for wire in self.wires.values() {
            if let Some(orders) = &wire.orders {
                drop(orders.send(Order::Hangup).await);
            }
        }
        while self.wires.values().any(|wire| wire.orders.is_some()) {
            match next(&mut self.held, &mut self.events).await {
                Event::Gone { relay, serial, traffic } => self.gone(relay, serial, traffic),
                Event::Connected { .. } | Event::Arrived { .. } | Event::ChannelClosed { .. } => {}
            }
        }
    }

    /// Handles an event in a turn. If another process keeps the vault, the event stays the next one.
    fn handle(&mut self, event: Event) -> Result<(), Error> {
        let lock = match self.node.begin_turn() {
            Ok(lock) => lock,
            Err(error) => {
                self.held = Some(event);
                return Err(error);
            }
        };
        match event {
            Event::Connected { relay, serial, exporter, orders } => {
                let Some(wire) = self.current(relay, serial) else { return Ok(()) };
                wire.orders = Some(orders);
                self.turn_under(lock, |node, now, random| {
                    node.handle_connected(relay, exporter, now, random)
                })
            }
            Event::Arrived { relay, serial, channel, frame } => {
                if self.current(relay, serial).is_none() {
                    return Ok(());
                }
                let arrived = (channel, frame);
                self.turn_under(lock, |node, now, random| {
                    node.handle_frame(relay, arrived, now, random)
                })
            }
            Event::ChannelClosed { relay, serial, channel } => {
                if self.current(relay, serial).is_none() {
                    return Ok(());
                }
                self.turn_under(lock, |node, now, random| {
                    node.handle_channel_closed(relay, channel, now, random)
                })
            }
            Event::Gone { relay, serial, traffic } => {
                let known = self.current(relay, serial).is_some();
                self.gone(relay, serial, traffic);
                if !known {
                    return Ok(());
                }
                self.turn_under(lock, |node, now, random| {
                    node.handle_disconnected(relay, now, random)
                })
            }
        }
    }

    fn current(&mut self, relay: RelayId, serial: u64) -> Option<&mut Wire> {
        self.wires.get_mut(&relay).filter(|wire| wire.serial == serial)
    }

    fn gone(&mut self, relay: RelayId, serial: u64, traffic: Traffic) {
        self.traffic.sent = self.traffic.sent.saturating_add(traffic.sent);
        self.traffic.received = self.traffic.received.saturating_add(traffic.received);
        if self.current(relay, serial).is_some() {
            self.wires.remove(&relay);
        }
    }

    fn turn<T>(
        &mut self,
        act: impl FnOnce(&mut Node, &Now, &mut SystemRandom) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let lock = self.node.begin_turn()?;
        self.turn_under(lock, act)
    }

    fn turn_under<T>(
        &mut self,
        lock: Option<VaultLock>,
        act: impl FnOnce(&mut Node, &Now, &mut SystemRandom) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.now();
        let done = act(&mut self.node, &now, &mut self.random);
        if done.is_err() {
            self.node.reload()?;
        }
        self.node.end_turn()?;
        drop(lock);
        while let Some(output) = self.node.poll_output() {
            self.carry_out(output);
        }
        done
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial { address } => self.dial(address),
            Output::Send { relay, channel, frame, last } => {
                if let Some(sent) = &mut self.sent {
                    sent.push(frame.encode());
                }
                self.order(relay, Order::Send { channel, frame, last });
            }
            Output::Cancel { relay, channel } => self.order(relay, Order::Cancel(channel)),
            Output::Hangup { relay } => {
                self.order(relay, Order::Hangup);
                self.wires.remove(&relay);
            }
            Output::Notice(notice) => self.notices.push_back(notice),
        }
    }

    /// A connection that cannot take an order is given up: it tells so itself when it ends.
    fn order(&mut self, relay: RelayId, order: Order) {
        if let Some(orders) = self.wires.get(&relay).and_then(|wire| wire.orders.as_ref())
            && orders.try_send(order).is_err()
            && let Some(wire) = self.wires.get_mut(&relay)
        {
            wire.orders = None;
        }
    }

    fn dial(&mut self, address: AddressLine) {
        self.serial = self.serial.wrapping_add(1);
        let (serial, relay) = (self.serial, address.relay);
        self.wires.insert(relay, Wire { serial, orders: None });
        tokio::spawn(connect(address, self.profile, serial, self.sender.clone()));
    }
}

/// The event that could not be handled yet, or the next one.
async fn next(held: &mut Option<Event>, events: &mut mpsc::Receiver<Event>) -> Event {
    if let Some(event) = held.take() {
        return event;
    }
    match events.recv().await {
        Some(event) => event,
        None => core::future::pending().await,
    }
}

/// One connection, from dialing to its end: all of it is told to the driver, the end always.
async fn connect(address: AddressLine, profile: Profile, serial: u64, events: mpsc::Sender<Event>) {
    let relay = address.relay;
    let mut traffic = Traffic::default();
    if let Ok(mut connection) = Dialer::new().connect(&address, profile).await {
        let (orders, mut inbox) = mpsc::channel(ORDERS_MAX);
        let exporter = connection.exporter();
        let told = events.send(Event::Connected { relay, serial, exporter, orders }).await;
        if told.is_ok() {
            converse(&mut connection, &mut inbox, &events, (relay, serial)).await;
        }
        traffic = connection.close().await;
    }
    drop(events.send(Event::Gone { relay, serial, traffic }).await);
}

async fn converse(
    connection: &mut Connection,
    inbox: &mut mpsc::Receiver<Order>,
    events: &mpsc::Sender<Event>,
    (relay, serial): (RelayId, u64),
) {
    loop {
        let event = tokio::select! {
            order = inbox.recv() => match order {
                Some(Order::Send { channel, frame, last }) => {
                    if connection.send(channel, &frame, last).is_ok() {
                        continue;
                    }
                    Event::ChannelClosed { relay, serial, channel }
                }
                Some(Order::Cancel(channel)) => {
                    connection.cancel(channel);
                    continue;
                }
                Some(Order::Hangup) | None => return,
            },
            event = connection.next() => match event {
                LinkEvent::Frame { channel, frame } => Event::Arrived { relay, serial, channel, frame },
                LinkEvent::ChannelClosed { channel } => Event::ChannelClosed { relay, serial, channel },
                LinkEvent::Closed { .. } => return,
            },
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
