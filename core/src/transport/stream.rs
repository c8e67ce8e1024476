//! One stream each: frames in order, one writer, one bounded reader.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use quinn::{RecvStream, SendStream, VarInt};
use tokio::{sync::mpsc, task::JoinSet};
use wire::frame::{Channel, Frame, FrameBuffer};

use super::{error::CloseReason, quic::LinkEvent};

/// What is read at a time. Small, so that many quiet streams cost little.
const READ_BYTES: usize = 16 * 1024;
/// A stream or connection that ends without anything being wrong.
const CODE_NONE: VarInt = VarInt::from_u32(0);
/// A connection we end because the relay does not keep to the protocol.
const CODE_PROTOCOL: VarInt = VarInt::from_u32(1);

/// A frame on its way out.
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    pub(super) last: bool,
}

/// An event, and from which tail's reader: of two tails of one space only the newer one is listened to.
pub(super) struct Arrived {
    pub(super) event: LinkEvent,
    pub(super) tail: Option<TailReader>,
}

/// One tail's reader, from outside.
#[derive(Debug, Clone, Default)]
pub(super) struct TailReader(Arc<AtomicBool>);

impl TailReader {
    /// It reads no more; the relay is told when something comes.
    pub(super) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is this one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What every task of a connection holds.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) quic: quinn::Connection,
    pub(super) events: mpsc::Sender<Arrived>,
    /// Set once, when we end the connection for a fault of the relay.
    pub(super) fault: Arc<OnceLock<CloseReason>>,
}

impl Shared {
    fn give_up(&self, reason: CloseReason) {
        // The first fault is the cause; a second one changes nothing.
        let _first = self.fault.set(reason);
        self.quic.close(CODE_PROTOCOL, b"");
    }
}

/// Opens a stream for `channel` and moves frames both ways until the relay ends it.
pub(super) async fn drive(shared: Shared, channel: Channel, outgoing: mpsc::Receiver<Outgoing>) {
    let Ok((send, receive)) = shared.quic.open_bi().await else { return };
    let writing = write(Sending { stream: send, finished: false }, outgoing);
    let reading = read(&shared, receive, Some(channel));
    tokio::pin!(writing, reading);
    let mut written = false;
    loop {
        tokio::select! {
            biased;
            () = &mut reading => return,
            () = &mut writing, if !written => written = true,
        }
    }
}

/// Takes the streams that the relay opens, each for one tail.
pub(super) async fn accept_tails(shared: Shared) {
    let mut readers = JoinSet::new();
    while let Ok(receive) = shared.quic.accept_uni().await {
        let shared = shared.clone();
        readers.spawn(async move { read(&shared, receive, None).await });
        while readers.try_join_next().is_some() {}
    }
}

async fn write(mut sending: Sending, mut outgoing: mpsc::Receiver<Outgoing>) {
    while let Some(Outgoing { bytes, last }) = outgoing.recv().await {
        if sending.stream.write_all(&bytes).await.is_err() {
            return; // The relay stopped reading, or the connection is gone: the reader tells which.
        }
        if last {
            sending.finished = sending.stream.finish().is_ok();
            return;
        }
    }
}

/// Reads frames until the stream ends. Without a `channel` the first frame must say which it is.
async fn read(shared: &Shared, mut receive: RecvStream, mut channel: Option<Channel>) {
    let mut frames = FrameBuffer::new();
    let mut bytes = vec![0; READ_BYTES];
    let tail = channel.is_none().then(TailReader::default);
    loop {
        let read = receive.read(&mut bytes).await;
        if tail.as_ref().is_some_and(TailReader::is_stopped) {
            return;
        }
        let ended = match read {
            Ok(Some(length)) => {
                frames.push(bytes.get(..length).unwrap_or_default());
                false
            }
            Ok(None) => match frames.finish() {
                Ok(()) => true,
                Err(error) => return shared.give_up(CloseReason::Malformed(error)),
            },
            Err(quinn::ReadError::Reset(_)) => true,
            Err(_) => return, // The connection is gone, and says so itself.
        };
        if let Err(reason) = pass_on(shared, &mut frames, (&mut channel, &tail)).await {
            return shared.give_up(reason);
        }
        if ended {
            if let Some(channel) = channel {
                let event = LinkEvent::ChannelClosed { channel };
                drop(shared.events.send(Arrived { event, tail }).await);
            }
            return;
        }
    }
}

async fn pass_on(
    shared: &Shared,
    frames: &mut FrameBuffer,
    (channel, tail): (&mut Option<Channel>, &Option<TailReader>),
) -> Result<(), CloseReason> {
    while let Some(frame) = frames.next_frame().map_err(CloseReason::Malformed)? {
        let known = match (*channel, &frame) {
            (Some(known), _) => known,
            (None, Frame::TailStart { sid }) => *channel.insert(Channel::Tail(*sid)),
            (None, _) => return Err(CloseReason::Unannounced),
        };
        let event = LinkEvent::Frame { channel: known, frame };
        if shared.events.send(Arrived { event, tail: tail.clone() }).await.is_err() {
            return Ok(()); // Nobody listens any more: the connection is being dropped.
        }
    }
    Ok(())
}

/// Resets the stream unless it was finished, so that the relay never takes half a frame for the end.
struct Sending {
    stream: SendStream,
    finished: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.finished {
            // Already stopped or closed is as good.
            drop(self.stream.reset(CODE_NONE));
        }
    }
}
