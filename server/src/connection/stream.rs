//! One stream of a client: a bounded reader with deadlines, and a writer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use wire::frame::{Frame, FrameBuffer, FrameError, Pending};

use super::link::{HubSender, Upward};
use crate::protocol::{ConnectionId, StreamId};

/// What is read or written at a time.
const PIECE_BYTES: usize = 16 * 1024;
/// What all streams of a connection may send before the first sign-in: twice 64 KiB for pairing and for requests
/// that wait, which the protocol counts exactly, and as much for the frame that is half here.
const STRANGER_BYTES_MAX: usize = 192 * 1024;
/// How long the five bytes of a frame's header may take, and the first byte of a stream.
const HEADER_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a frame's body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what waits for it.
const UNREAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the last bytes of a stream may stay unconfirmed.
const FINISH_TIME_MAX: Duration = Duration::from_secs(5);

/// What all streams of a connection share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) conn: ConnectionId,
    pub(crate) hub: HubSender,
    pub(crate) signed_in: watch::Sender<bool>,
    pub(crate) stranger_bytes: AtomicUsize,
}

/// Why a reader stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// The client ended or reset the stream, or the connection or the relay is gone.
    Done,
    /// The protocol was told of a fault, and closes the connection.
    Told,
    /// The client is too slow: the connection has to be closed.
    Slow,
}

/// Hands the frames of one stream to the hub, in order.
pub(crate) async fn read(
    shared: Arc<Shared>,
    stream: StreamId,
    mut receive: RecvStream,
) -> ReadEnd {
    let mut frames = FrameBuffer::new();
    let mut piece = vec![0; PIECE_BYTES];
    // A frame has so long from its first byte on, however its bytes trickle in.
    let mut begun = tokio::time::Instant::now();
    let mut idle_is_fine = false;
    loop {
        shared.wait_while_a_stranger_is_greedy().await;
        let limit = match frames.pending() {
            Pending::Body => Some(BODY_TIME_MAX),
            Pending::Nothing if idle_is_fine => None,
            Pending::Nothing | Pending::Header => Some(HEADER_TIME_MAX),
        };
        let reading = receive.read(&mut piece);
        let read = match limit {
            None => reading.await,
            Some(limit) => match tokio::time::timeout_at(begun + limit, reading).await {
                Ok(read) => read,
                Err(_) => return ReadEnd::Slow,
            },
        };
        let length = match read {
            Ok(Some(length)) => length,
            Ok(None) => {
                return match frames.finish() {
                    Ok(()) => {
                        shared.tell(Upward::StreamFinished { conn: shared.conn, stream }).await
                    }
                    Err(error) => shared.fault(error).await,
                };
            }
            Err(ReadError::Reset(_)) => {
                return shared.tell(Upward::StreamClosed { conn: shared.conn, stream }).await;
            }
            Err(_) => return ReadEnd::Done,
        };
        if frames.pending() == Pending::Nothing {
            begun = tokio::time::Instant::now();
        }
        frames.push(piece.get(..length).unwrap_or_default());
        shared.count(length);
        match shared.pass_on(stream, &mut frames).await {
            Ok(0) => {}
            Ok(_) => {
                idle_is_fine = true;
                begun = tokio::time::Instant::now();
            }
            Err(end) => return end,
        }
    }
}

impl Shared {
    /// A hub that is gone needs no telling.
    async fn tell(&self, event: Upward) -> ReadEnd {
        let _told = self.hub.send(event).await;
        ReadEnd::Done
    }

    async fn fault(&self, error: FrameError) -> ReadEnd {
        self.tell(Upward::BadFrame { conn: self.conn, error }).await;
        ReadEnd::Told
    }

    /// How many frames were whole.
    async fn pass_on(&self, stream: StreamId, frames: &mut FrameBuffer) -> Result<usize, ReadEnd> {
        let mut passed = 0;
        let skipped = frames.skipped();
        loop {
            let frame = match frames.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return Err(self.fault(error).await),
            };
            let room = self.hub.room(bytes(&frame)).await.map_err(|_| ReadEnd::Done)?;
            let event = Upward::Frame { conn: self.conn, stream, frame, room };
            self.hub.send(event).await.map_err(|_| ReadEnd::Done)?;
            passed += 1;
        }
        let skipped = frames.skipped() - skipped;
        if skipped > 0 {
            self.tell(Upward::Skipped { conn: self.conn, frames: skipped }).await;
        }
        Ok(passed)
    }

    fn count(&self, bytes: usize) {
        if !*self.signed_in.borrow() {
            self.stranger_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// The protocol closes strangers that do not sign in, so this wait ends.
    async fn wait_while_a_stranger_is_greedy(&self) {
        if self.stranger_bytes.load(Ordering::Relaxed) >= STRANGER_BYTES_MAX {
            let mut seen = self.signed_in.subscribe();
            // The sender lives in `self`.
            drop(seen.wait_for(|signed_in| *signed_in).await);
        }
    }

    pub(crate) async fn written(&self, stream: StreamId, weight: usize) {
        // A hub that is gone needs no telling.
        let _told = self.hub.send(Upward::Written { conn: self.conn, stream, weight }).await;
    }
}

/// What a frame of a client holds in memory, about.
fn bytes(frame: &Frame) -> usize {
    if let Frame::Push { envelope: bytes, .. }
    | Frame::ControlAppend { item: bytes, .. }
    | Frame::MailPut { bytes, .. } = frame
    {
        bytes.len()
    } else {
        0
    }
}

/// A frame to write.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) frame: Box<Frame>,
    pub(crate) weight: usize,
    pub(crate) last: bool,
}

/// Why a writer stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEnd {
    /// All is written, or the client wants no more.
    Done,
    /// The client takes nothing: the connection has to be closed.
    Slow,
}

/// Writes frames until the last one, or until there can be no more. What is never written is told as written.
pub(crate) async fn write(
    shared: Arc<Shared>,
    stream: StreamId,
    send: SendStream,
    mut outgoing: mpsc::Receiver<Outgoing>,
) -> WriteEnd {
    let mut sending = Sending { stream: send, finished: false };
    let end = write_all(&shared, stream, &mut sending, &mut outgoing).await;
    outgoing.close();
    while let Ok(Outgoing { weight, .. }) = outgoing.try_recv() {
        shared.written(stream, weight).await;
    }
    end
}

async fn write_all(
    shared: &Shared,
    stream: StreamId,
    sending: &mut Sending,
    outgoing: &mut mpsc::Receiver<Outgoing>,
) -> WriteEnd {
    while let Some(Outgoing { frame, weight, last }) = outgoing.recv().await {
        let mut written = Ok(());
        for piece in frame.encode().chunks(PIECE_BYTES) {
            written = match timeout(UNREAD_TIME_MAX, sending.stream.write_all(piece)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(WriteError::Stopped(_))) => {
                    shared.tell(Upward::StreamClosed { conn: shared.conn, stream }).await;
                    Err(WriteEnd::Done)
                }
                Ok(Err(_)) => Err(WriteEnd::Done), // The connection is gone, and says so itself.
                Err(_) => Err(WriteEnd::Slow),
            };
            if written.is_err() {
                break;
            }
        }
        shared.written(stream, weight).await;
        if let Err(end) = written {
            return end;
        }
        if last {
            break;
        }
    }
    sending.finished = sending.stream.finish().is_ok();
    if sending.finished {
        // Until the client has it all: a close would throw away what is still on its way.
        drop(timeout(FINISH_TIME_MAX, sending.stream.stopped()).await);
    }
    WriteEnd::Done
}

/// Resets the stream unless it was finished: half a frame is never taken for the end.
struct Sending {
    stream: SendStream,
    finished: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.finished {
            // Already stopped or closed is as good.
            let _closed = self.stream.reset(VarInt::from_u32(0));
        }
    }
}
