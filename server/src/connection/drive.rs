//! One connection: its streams, and the commands of the hub.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use wire::{frame::Frame, refusal::Reason};

use super::{
    link::{Command, HubSender, Stuck, Upward},
    stream::{self, Outgoing, ReadEnd, Shared, WriteEnd},
};
use crate::protocol::{ConnectionId, StreamId};

/// Streams of a client that is signed in: one push stream a space, and requests.
const STREAMS_MAX: u32 = 64;
/// What a client that is signed in may have under way.
const RECEIVE_WINDOW: u32 = 2 * 1024 * 1024;
/// Frames that wait for one stream.
const OUTGOING_MAX: usize = 8_192;
/// How long a close waits for what was said before it.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) conn: ConnectionId,
    pub(crate) quic: Connection,
    pub(crate) hub: HubSender,
    pub(crate) commands: mpsc::Receiver<Command>,
}

/// Runs a connection to its end and tells the hub. `connected` is what the hub learns first.
pub(crate) async fn drive(peer: Peer, connected: Upward) {
    let Peer { conn, quic, hub, commands } = peer;
    if hub.send(connected).await.is_ok() {
        let reason = Driver::new(conn, &quic, &hub).run(commands).await;
        if let Some(reason) = reason {
            quic.close(VarInt::from_u32(u32::from(reason as u16)), b"");
        }
    }
    // A hub that is gone needs no telling.
    let _told = hub.send(Upward::Disconnected { conn }).await;
}

struct Driver {
    quic: Connection,
    shared: Arc<Shared>,
    streams: BTreeMap<StreamId, Writer>,
    readers: JoinSet<ReadEnd>,
    writers: JoinSet<(StreamId, WriteEnd)>,
}

struct Writer {
    frames: mpsc::Sender<Outgoing>,
    task: AbortHandle,
}

impl Driver {
    fn new(conn: ConnectionId, quic: &Connection, hub: &HubSender) -> Self {
        let shared = Shared {
            conn,
            hub: hub.clone(),
            signed_in: watch::Sender::new(false),
            stranger_bytes: AtomicUsize::new(0),
        };
        Self {
            quic: quic.clone(),
            shared: Arc::new(shared),
            streams: BTreeMap::new(),
            readers: JoinSet::new(),
            writers: JoinSet::new(),
        }
    }

    /// Ends with the reason to give the client, or none if the client or the network ended it.
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Option<Reason> {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Close { refusal }) => {
                        self.flush().await;
                        return Some(refusal.reason);
                    },
                    Some(command) => if self.carry_out(command).await.is_err() {
                        return Some(Reason::Slow);
                    },
                    // The hub dropped the link: this client is stuck.
                    None => return Some(Reason::Slow),
                },
                opened = self.quic.accept_bi() => match opened {
                    Ok((send, receive)) => self.opened(send, receive),
                    Err(_) => return None,
                },
                Some(ended) = self.readers.join_next() => {
                    if matches!(ended, Ok(ReadEnd::Slow)) {
                        return Some(Reason::Slow);
                    }
                },
                Some(ended) = self.writers.join_next() => match ended {
                    Ok((_, WriteEnd::Slow)) => return Some(Reason::Slow),
                    Ok((stream, WriteEnd::Done)) => drop(self.streams.remove(&stream)),
                    Err(_) => {}, // Cut by us.
                },
            }
        }
    }

    fn opened(&mut self, send: SendStream, receive: RecvStream) {
        let stream = StreamId(send.id().index());
        let (frames, outgoing) = mpsc::channel(OUTGOING_MAX);
        let shared = Arc::clone(&self.shared);
        let task = self
            .writers
            .spawn(async move { (stream, stream::write(shared, stream, send, outgoing).await) });
        self.streams.insert(stream, Writer { frames, task });
        self.readers.spawn(stream::read(Arc::clone(&self.shared), stream, receive));
    }

    async fn carry_out(&mut self, command: Command) -> Result<(), Stuck> {
        match command {
            Command::Send { stream, frame, weight, last } => {
                if matches!(*frame, Frame::SignedIn { .. }) {
                    self.signed_in();
                }
                self.put(stream, Outgoing { frame, weight, last }).await?;
            }
            Command::OpenTail { stream } => self.open_tail(stream),
            // What is queued is written first.
            Command::Finish { stream } => drop(self.streams.remove(&stream)),
            Command::Cut { stream } => {
                if let Some(writer) = self.streams.remove(&stream) {
                    writer.task.abort();
                }
            }
            Command::Close { .. } => {} // Taken before it comes here.
        }
        Ok(())
    }

    fn open_tail(&mut self, stream: StreamId) {
        let (frames, outgoing) = mpsc::channel(OUTGOING_MAX);
        let (quic, shared) = (self.quic.clone(), Arc::clone(&self.shared));
        let task = self.writers.spawn(async move {
            let Ok(send) = quic.open_uni().await else { return (stream, WriteEnd::Done) };
            (stream, stream::write(shared, stream, send, outgoing).await)
        });
        self.streams.insert(stream, Writer { frames, task });
    }

    async fn put(&mut self, stream: StreamId, outgoing: Outgoing) -> Result<(), Stuck> {
        let (weight, last) = (outgoing.weight, outgoing.last);
        let sent = match self.streams.get(&stream) {
            Some(writer) => writer.frames.try_send(outgoing),
            None => Err(TrySendError::Closed(outgoing)),
        };
        match sent {
            Ok(()) => {
                if last {
                    self.streams.remove(&stream);
                }
                Ok(())
            }
            Err(TrySendError::Closed(_)) => {
                // The client has given this stream up.
                self.streams.remove(&stream);
                self.shared.written(stream, weight).await;
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(Stuck),
        }
    }

    fn signed_in(&self) {
        self.quic.set_max_concurrent_bi_streams(VarInt::from_u32(STREAMS_MAX));
        self.quic.set_receive_window(VarInt::from_u32(RECEIVE_WINDOW));
        self.shared.signed_in.send_replace(true);
    }

    /// Ends all streams and waits until the client has what was said on them.
    async fn flush(&mut self) {
        self.readers.abort_all();
        self.streams.clear();
        let written = async { while self.writers.join_next().await.is_some() {} };
        // A client that does not take it is closed all the same.
        drop(timeout(CLOSE_TIME_MAX, written).await);
    }
}
