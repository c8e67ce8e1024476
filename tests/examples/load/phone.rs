//! A client without a vault: the engine that runs on phones, with its waits and its doubts, over a real connection.

use crate::networks::Networks;
use reknit_core::environment::SystemClock;
use reknit_core::sync::{Cursor, Engine, Output, Profile, SpaceStart};
use reknit_core::transport::{Connection, DialError, LinkEvent};
use reknit_e2e::bare_space::{PERSONS, sid, sign_in};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use wire::hash::item_hash;
use wire::id::ItemHash;
use wire::refusal::Refusal;
use wire::time::Moment;

/// Phones of one space: each of the two persons has half of them.
pub(crate) const PHONES_A_SPACE: usize = 8;

/// What a phone tells whoever counts.
#[derive(Debug)]
pub(crate) enum Told {
    /// It dials.
    Dials(Moment),
    /// All that there is, it has; and it listens.
    In(Moment),
    /// The dial failed.
    Failed(DialError),
    /// The relay ended the connection, or it broke.
    Lost,
    /// The relay said no.
    Refused(Refusal),
}

/// One phone.
pub(crate) struct Phone {
    number: usize,
    engine: Engine,
    networks: Arc<Networks>,
    clock: SystemClock,
    connection: Option<Connection>,
    tell: mpsc::UnboundedSender<Told>,
    is_in: bool,
}

impl Phone {
    pub(crate) fn new(
        number: usize,
        networks: Arc<Networks>,
        clock: SystemClock,
        tell: mpsc::UnboundedSender<Told>,
    ) -> Self {
        let mut engine = Engine::new(number as u64, Profile { live: true });
        engine.add_space(SpaceStart {
            sid: sid(space_of(number)),
            cursor: Cursor::NONE,
            control: 0,
            control_head: ItemHash::ZERO,
            epoch: 0,
            created: false,
            agreed: Cursor::NONE.store,
            reseeding: false,
        });
        Self { number, engine, networks, clock, connection: None, tell, is_in: false }
    }

    /// Comes in now, and stays. Each change of `losses` is the end of its connection without a word.
    pub(crate) async fn run(mut self, mut losses: watch::Receiver<u32>) {
        self.engine.want_online(self.clock.moment());
        loop {
            while let Some(output) = self.engine.poll_output() {
                self.carry_out(output).await;
            }
            if self.engine.is_idle() && !self.is_in {
                self.is_in = true;
                self.told(Told::In(self.clock.moment()));
            }
            let wake = self.engine.poll_timeout().map(|at| at.since(self.clock.moment()));
            tokio::select! {
                event = next(&mut self.connection) => self.take(event),
                () = tokio::time::sleep(wake.unwrap_or(std::time::Duration::MAX)) => {
                    self.engine.handle_timeout(self.clock.moment());
                }
                changed = losses.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.lose();
                }
            }
        }
    }

    fn take(&mut self, event: LinkEvent) {
        let now = self.clock.moment();
        match event {
            LinkEvent::Frame { channel, frame } => self.engine.handle_frame(channel, frame, now),
            LinkEvent::ChannelClosed { channel } => self.engine.handle_channel_closed(channel, now),
            LinkEvent::Closed { .. } => {
                self.told(Told::Lost);
                self.lose();
            }
        }
    }

    fn lose(&mut self) {
        self.connection = None;
        self.is_in = false;
        self.engine.handle_disconnected(self.clock.moment());
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial => self.dial().await,
            Output::Send { channel, frame, last } => {
                let sent = self.connection.as_mut().map(|open| open.send(channel, &frame, last));
                if sent.is_some_and(|sent| sent.is_err()) {
                    self.engine.handle_channel_closed(channel, self.clock.moment());
                }
            }
            Output::Cancel { channel } => {
                if let Some(connection) = &mut self.connection {
                    connection.cancel(channel);
                }
            }
            Output::Hangup => {
                self.connection = None;
                self.is_in = false;
            }
            Output::SignIn { sid } => {
                let Some(connection) = &self.connection else { return };
                let who = (space_of(self.number), person_of(self.number));
                let (key, signature) =
                    sign_in(self.networks.line.relay, who, &connection.exporter());
                self.engine.handle_signature(sid, key, signature);
            }
            Output::ControlReceived { sid, idx, item } => {
                self.engine.handle_control_stored(sid, idx + 1, item_hash(&item), 0);
            }
            Output::Deliver { sid, cursor, .. } => self.engine.handle_delivered(sid, cursor),
            Output::Refused { refusal, .. } => self.told(Told::Refused(refusal)),
            Output::CaughtUp { .. } => {}
            other => panic!("a phone that only listens: {other:?}"),
        }
    }

    async fn dial(&mut self) {
        self.told(Told::Dials(self.clock.moment()));
        match self.networks.dial(self.number).await {
            Ok(connection) => {
                self.connection = Some(connection);
                self.engine.handle_connected(self.clock.moment());
            }
            Err(error) => {
                self.told(Told::Failed(error));
                self.engine.handle_disconnected(self.clock.moment());
            }
        }
    }

    /// Nobody counts any more when the example ends.
    fn told(&self, told: Told) {
        drop(self.tell.send(told));
    }
}

/// The space of a phone.
pub(crate) fn space_of(number: usize) -> u16 {
    u16::try_from(number / PHONES_A_SPACE).expect("fewer spaces")
}

fn person_of(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(0) % PERSONS
}

async fn next(connection: &mut Option<Connection>) -> LinkEvent {
    match connection {
        Some(connection) => connection.next().await,
        None => core::future::pending().await,
    }
}
