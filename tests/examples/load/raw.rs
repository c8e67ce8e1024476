//! Clients that keep to no protocol: they do not read, or they say nothing.

use crate::networks::Networks;
use quinn::{RecvStream, SendStream, TransportConfig, VarInt};
use reknit_core::transport::{Dialer, Profile};
use reknit_e2e::bare_space::{auth, sid};
use std::sync::Arc;
use std::time::Duration;
use wire::frame::{Frame, FrameBuffer};
use wire::version::{EXPORTER, VERSIONS};

/// A client that is refused so often starves.
const TRIES_MAX: usize = 30;
/// What a client that does not read lets a relay have under way.
const WINDOW: u32 = 16 * 1024;
/// Longer than any bound of the relay.
const IDLE_TIME: Duration = Duration::from_mins(2);

/// A bare connection, and its first stream once it is open.
pub(crate) struct Raw {
    pub(crate) quic: quinn::Connection,
    control: Option<(SendStream, RecvStream)>,
    frames: FrameBuffer,
}

impl Raw {
    /// Connects, and says nothing.
    pub(crate) async fn dial(networks: &Networks, client: usize) -> Self {
        let mut config = Dialer::config(&networks.line, Profile::FOREGROUND).expect("a build");
        let mut transport = TransportConfig::default();
        let idle = VarInt::from_u32(u32::try_from(IDLE_TIME.as_millis()).unwrap_or(u32::MAX));
        transport
            .max_idle_timeout(Some(idle.into()))
            .keep_alive_interval(Some(Duration::from_secs(5)))
            .stream_receive_window(VarInt::from_u32(WINDOW))
            .receive_window(VarInt::from_u32(2 * WINDOW));
        config.transport_config(Arc::new(transport));
        let address = networks.line.address.as_str().parse().expect("an address");
        for _ in 0..TRIES_MAX {
            let dialing = networks.of(client).connect_with(config.clone(), address, "relay");
            if let Ok(quic) = dialing.expect("a name").await {
                return Self { quic, control: None, frames: FrameBuffer::new() };
            }
        }
        panic!("{TRIES_MAX} dials, and no connection");
    }

    /// Writes bytes on the first stream.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        if self.control.is_none() {
            self.control = Some(self.quic.open_bi().await.expect("a first stream"));
        }
        if let Some((send, _)) = &mut self.control {
            // Who is closed meanwhile is closed.
            drop(send.write_all(bytes).await);
        }
    }

    pub(crate) async fn hello(&mut self) {
        self.write(&Frame::Hello { versions: VERSIONS }.encode()).await;
    }

    /// Signs in, and asks for a tail that it does not read.
    pub(crate) async fn tail(&mut self, networks: &Networks, who: (u16, u16)) {
        self.hello().await;
        let welcome = self.hear().await;
        assert!(matches!(welcome, Frame::Welcome { .. }), "{welcome:?}");
        let mut exporter = [0; 32];
        self.quic.export_keying_material(&mut exporter, EXPORTER, b"").expect("32 bytes");
        self.write(&auth(networks.line.relay, who, &exporter).encode()).await;
        let signed_in = self.hear().await;
        assert!(matches!(signed_in, Frame::SignedIn { .. }), "{signed_in:?}");
        self.write(&Frame::Tail { sid: sid(who.0), after: 0 }.encode()).await;
    }

    async fn hear(&mut self) -> Frame {
        let (_, receive) = self.control.as_mut().expect("it has said something");
        loop {
            if let Some(frame) = self.frames.next_frame().expect("a frame") {
                return frame;
            }
            let chunk = receive.read_chunk(4_096, true).await.expect("open").expect("an answer");
            self.frames.push(&chunk.bytes);
        }
    }
}
