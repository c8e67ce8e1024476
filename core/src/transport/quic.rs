//! `Connection`: one QUIC connection to one relay, as channels that carry frames.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use quinn::{Endpoint, VarInt};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::{AbortHandle, JoinSet},
};
use wire::{
    frame::{Channel, Frame},
    id::SpaceHandle,
    version::EXPORTER,
};

use super::{
    error::{CloseReason, DialError, LinkError},
    stream::{self, Arrived, Outgoing, Shared, TailReader},
};

/// Frames that came in and nobody has taken. One can be 1 MiB; beyond it the relay is slowed down.
const EVENTS_MAX: usize = 16;
/// Frames that wait on one channel. The engine keeps far fewer under way.
const OUTGOING_MAX: usize = 1_024;
/// How long a close may take to be told. The other side learns of it anyway, by silence.
const CLOSE_TIME_MAX: Duration = Duration::from_millis(300);

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A frame arrived.
    Frame {
        /// Where.
        channel: Channel,
        /// What.
        frame: Frame,
    },
    /// The relay ended a channel: nothing more will come on it.
    ChannelClosed {
        /// Which.
        channel: Channel,
    },
    /// The connection is over. Every later call says so again.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// What a connection has cost so far: bytes of UDP payload, all of them, the handshake included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// From here to the relay.
    pub sent: u64,
    /// From the relay to here.
    pub received: u64,
}

/// A live connection. Dropping it ends its tasks and closes it at once.
#[derive(Debug)]
pub struct Connection {
    quic: quinn::Connection,
    endpoint: Endpoint,
    exporter: [u8; 32],
    open: BTreeMap<Channel, OpenChannel>,
    tails: BTreeMap<SpaceHandle, TailReader>,
    events: mpsc::Receiver<Arrived>,
    shared: Shared,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct OpenChannel {
    /// None after the last frame.
    outgoing: Option<mpsc::Sender<Outgoing>>,
    task: AbortHandle,
}

impl Connection {
    pub(super) fn new(endpoint: Endpoint, quic: quinn::Connection) -> Result<Self, DialError> {
        let mut exporter = [0; 32];
        quic.export_keying_material(&mut exporter, EXPORTER, b"").map_err(|_| DialError::Setup)?;
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let shared =
            Shared { quic: quic.clone(), events: sender, fault: Arc::new(OnceLock::new()) };
        let mut tasks = JoinSet::new();
        tasks.spawn(stream::accept_tails(shared.clone()));
        let (open, tails) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { quic, endpoint, exporter, open, tails, events, shared, tasks })
    }

    /// Puts a frame on a channel, opening its stream at the first one; `last` ends our side of it.
    ///
    /// Returns at once: how much may be under way is the engine's to decide, and what waits here is bounded.
    ///
    /// # Errors
    /// `NotOurs`: a tail. `Full`: the relay has stopped reading this channel. `Gone`: it ended.
    pub fn send(&mut self, channel: Channel, frame: &Frame, last: bool) -> Result<(), LinkError> {
        if matches!(channel, Channel::Tail(_)) {
            return Err(LinkError::NotOurs);
        }
        while self.tasks.try_join_next().is_some() {}
        let open = self.open.entry(channel).or_insert_with(|| {
            let (outgoing, frames) = mpsc::channel(OUTGOING_MAX);
            let task = self.tasks.spawn(stream::drive(self.shared.clone(), channel, frames));
            OpenChannel { outgoing: Some(outgoing), task }
        });
        let outgoing = open.outgoing.as_ref().ok_or(LinkError::Gone)?;
        outgoing.try_send(Outgoing { bytes: frame.encode(), last }).map_err(
            |error| match error {
                TrySendError::Full(_) => LinkError::Full,
                TrySendError::Closed(_) => LinkError::Gone,
            },
        )?;
        if last {
            open.outgoing = None;
        }
        Ok(())
    }

    /// Gives up a channel: the relay is told to stop, and nothing more is heard of it.
    pub fn cancel(&mut self, channel: Channel) {
        if let Some(open) = self.open.remove(&channel) {
            open.task.abort();
        }
        if let Channel::Tail(sid) = channel
            && let Some(tail) = self.tails.remove(&sid)
        {
            tail.stop();
        }
    }

    /// Waits for what happens next. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> LinkEvent {
        loop {
            let arrived = tokio::select! {
                biased;
                Some(arrived) = self.events.recv() => arrived,
                error = self.quic.closed() => {
                    let reason = self.shared.fault.get().copied().unwrap_or_else(|| error.into());
                    return LinkEvent::Closed { reason };
                },
            };
            if self.is_awaited(&arrived) {
                return arrived.event;
            }
        }
    }

    /// A cancelled channel may still have events waiting: nobody wants them.
    fn is_awaited(&mut self, arrived: &Arrived) -> bool {
        match (&arrived.event, &arrived.tail) {
            (LinkEvent::Frame { channel: Channel::Tail(sid), frame }, Some(tail)) => {
                if matches!(frame, Frame::TailStart { .. })
                    && let Some(before) = self.tails.insert(*sid, tail.clone())
                    && !before.is(tail)
                {
                    before.stop();
                }
                self.tails.get(sid).is_some_and(|current| current.is(tail))
            }
            (LinkEvent::ChannelClosed { channel: Channel::Tail(sid) }, Some(tail)) => {
                let current = self.tails.get(sid).is_some_and(|current| current.is(tail));
                current && self.tails.remove(sid).is_some()
            }
            (LinkEvent::Frame { channel, .. }, _) => self.open.contains_key(channel),
            (LinkEvent::ChannelClosed { channel }, _) => self.open.remove(channel).is_some(),
            (LinkEvent::Closed { .. }, _) => true,
        }
    }

    /// The network changed: goes on from a new socket, without a new handshake.
    ///
    /// # Errors
    /// `Socket`: the system gives none; the connection then lives or dies with the old one.
    pub fn rebind(&self) -> Result<(), DialError> {
        let local = self.endpoint.local_addr().map_err(|_| DialError::Socket)?;
        let any = std::net::SocketAddr::new(local.ip(), 0);
        let socket = std::net::UdpSocket::bind(any).map_err(|_| DialError::Socket)?;
        self.endpoint.rebind(socket).map_err(|_| DialError::Socket)
    }

    /// Closes in order: the relay is told, so that it frees what it holds for us. What all of it has cost.
    pub async fn close(mut self) -> Traffic {
        self.tasks.abort_all();
        self.quic.close(VarInt::from_u32(0), b"");
        // Late is no harm: the relay forgets a silent connection.
        drop(tokio::time::timeout(CLOSE_TIME_MAX, self.endpoint.wait_idle()).await);
        self.traffic()
    }

    /// Bytes only this connection has: what a sign-in signs, so that it is worth nothing elsewhere.
    pub fn exporter(&self) -> [u8; 32] {
        self.exporter
    }

    /// What this connection has cost so far.
    pub fn traffic(&self) -> Traffic {
        let stats = self.quic.stats();
        Traffic { sent: stats.udp_tx.bytes, received: stats.udp_rx.bytes }
    }
}
