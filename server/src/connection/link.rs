//! Between a connection and the hub: bounded both ways, and the hub never waits for a slow client.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wire::{
    frame::{Frame, FrameError},
    refusal::Refusal,
};

use crate::protocol::{ConnectionId, Prefix, StreamId};

/// Bytes of frames on their way to the hub, of all connections. Above it everybody is read more slowly.
const INCOMING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Events on their way to the hub.
const INCOMING_MAX: usize = 4_096;
/// Commands on their way to one client. The protocol counts their bytes and stops far below.
const OUTGOING_MAX: usize = 8_192;
/// What a frame costs here beside its bytes.
const OVERHEAD: usize = 64;

/// What a connection tells the hub.
#[derive(Debug)]
pub(crate) enum Upward {
    /// A client is here. The link is how to reach it.
    Connected { conn: ConnectionId, link: Link, prefix: Prefix, exporter: [u8; 32] },
    /// It said something. The room is given back when the hub has handled it.
    Frame { conn: ConnectionId, stream: StreamId, frame: Frame, room: OwnedSemaphorePermit },
    /// It said what is no frame.
    BadFrame { conn: ConnectionId, error: FrameError },
    /// It said what only newer relays know, so many times.
    Skipped { conn: ConnectionId, frames: u64 },
    /// It says no more on this stream.
    StreamFinished { conn: ConnectionId, stream: StreamId },
    /// It gave the stream up, or reads it no more.
    StreamClosed { conn: ConnectionId, stream: StreamId },
    /// Something is written, or will never be.
    Written { conn: ConnectionId, stream: StreamId, weight: usize },
    /// It is gone.
    Disconnected { conn: ConnectionId },
}

/// What the hub tells a connection.
#[derive(Debug)]
pub(crate) enum Command {
    /// Write a frame. Boxed: a channel keeps room for 32 commands, and most connections never need it.
    Send { stream: StreamId, frame: Box<Frame>, weight: usize, last: bool },
    /// Open a stream of our own.
    OpenTail { stream: StreamId },
    /// End our side of a stream after what is queued.
    Finish { stream: StreamId },
    /// End our side of a stream at once.
    Cut { stream: StreamId },
    /// Close the connection after what is queued.
    Close { refusal: Refusal },
}

/// The connection's end towards the hub.
#[derive(Debug, Clone)]
pub(crate) struct HubSender {
    events: mpsc::Sender<Upward>,
    room: Arc<Semaphore>,
}

/// The hub is gone: the relay stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

impl HubSender {
    /// The end of all connections, and the hub's.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Upward>) {
        let (events, receiver) = mpsc::channel(INCOMING_MAX);
        (Self { events, room: Arc::new(Semaphore::new(INCOMING_BYTES_MAX)) }, receiver)
    }

    /// Waits until the hub takes the event.
    pub(crate) async fn send(&self, event: Upward) -> Result<(), Stopped> {
        self.events.send(event).await.map_err(|_| Stopped)
    }

    /// Waits until there is room for a frame of about so many bytes.
    pub(crate) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Stopped> {
        let bytes = u32::try_from(bytes + OVERHEAD).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| Stopped)
    }
}

/// The hub's end towards one connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    commands: mpsc::Sender<Command>,
}

/// So many commands wait that the connection must be stuck, or it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck;

impl Link {
    /// The hub's end, and the connection's.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(OUTGOING_MAX);
        (Self { commands }, receiver)
    }

    /// Hands a command over, at once or never.
    pub(crate) fn send(&self, command: Command) -> Result<(), Stuck> {
        self.commands.try_send(command).map_err(|_| Stuck)
    }
}
