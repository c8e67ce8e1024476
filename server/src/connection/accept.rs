//! The door: first packets, handshakes, and one task for each connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use quinn::{
    Endpoint, Incoming, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt,
    crypto::rustls::QuicServerConfig,
};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use wire::version::{EXPORTER, EXPORTER_BYTES};

use super::{
    drive::{self, Peer},
    gate::{Gate, Knock, Verdict},
    link::{HubSender, Link, Upward},
};
use crate::{
    clock::Clock,
    config::Config,
    protocol::{ConnectionId, Prefix},
};

/// How long a handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// A client that is silent for so long is gone. Clients say sooner by their own idle time.
const IDLE_TIME_MAX: Duration = Duration::from_secs(90);
/// Streams of a client before its first sign-in.
const STRANGER_STREAMS_MAX: u32 = 16;
/// What a client may have under way before its first sign-in.
const STRANGER_WINDOW: u32 = 64 * 1024;
/// What one stream may have under way: one envelope and a little.
const STREAM_WINDOW: u32 = 1_152 * 1024;
/// What may lie sent to one client and unconfirmed.
const SEND_WINDOW: u64 = 256 * 1024;
/// What a first packet and what follows it may hold before it is accepted.
const INCOMING_BYTES_MAX: u64 = 16 * 1024;
/// The same, of all first packets.
const INCOMING_BYTES_ALL_MAX: u64 = 8 * 1024 * 1024;
/// The largest UDP payload tried: what Ethernet and nearly all phone networks carry.
const UDP_PAYLOAD_MAX: u16 = 1_452;

/// What QUIC may take, and no more.
pub(crate) fn quic_config(tls: QuicServerConfig, config: &Config) -> ServerConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(UDP_PAYLOAD_MAX);
    let idle = VarInt::from_u32(u32::try_from(IDLE_TIME_MAX.as_millis()).unwrap_or(u32::MAX));
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(idle.into()))
        .max_concurrent_bidi_streams(VarInt::from_u32(STRANGER_STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(STRANGER_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(Some(discovery));
    let mut quic = ServerConfig::with_crypto(Arc::new(tls));
    quic.transport_config(Arc::new(transport))
        .migration(true) // Phones change networks, and their NAT boxes change ports.
        .max_incoming(usize::try_from(config.max_handshakes).unwrap_or(usize::MAX))
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_ALL_MAX);
    quic
}

/// Lets clients in, and owns their tasks.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) endpoint: Endpoint,
    pub(crate) hub: HubSender,
    pub(crate) gate: Gate,
    pub(crate) clock: Clock,
    pub(crate) connections_max: usize,
}

impl Door {
    /// Accepts until `stopping`, then refuses, and ends when every connection has ended.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let handshakes = Arc::new(AtomicUsize::new(0));
        let mut next = 0;
        loop {
            tokio::select! {
                incoming = self.endpoint.accept() => match incoming {
                    Some(incoming) => {
                        let under_way = handshakes.load(Ordering::Relaxed);
                        let full = connections.len() >= self.connections_max;
                        let Some(incoming) = self.judge(incoming, under_way, full) else { continue };
                        let guest = Guest {
                            conn: ConnectionId(next),
                            hub: self.hub.clone(),
                            prefix: self.gate.prefix(incoming.remote_address().ip()),
                            under_way: UnderWay::new(&handshakes),
                        };
                        next += 1;
                        connections.spawn(guest.welcome(incoming));
                    },
                    None => break,
                },
                Some(_) = connections.join_next() => {},
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        self.endpoint.set_server_config(None); // From here on first packets are refused.
        drop(self.hub);
        while connections.join_next().await.is_some() {}
    }

    fn judge(&mut self, incoming: Incoming, handshakes: usize, full: bool) -> Option<Incoming> {
        let now = self.clock.moment();
        let network = self.gate.network(incoming.remote_address().ip(), now);
        let proven = incoming.remote_address_validated();
        let verdict = self.gate.judge(Knock { network, proven, handshakes, now });
        match verdict {
            Verdict::Accept if !full => return Some(incoming),
            // An address that is proven already is never asked again.
            Verdict::Retry if !full => drop(incoming.retry()),
            Verdict::Accept | Verdict::Retry | Verdict::Refuse => incoming.refuse(),
        }
        None
    }
}

/// A client between its first packet and its connection.
struct Guest {
    conn: ConnectionId,
    hub: HubSender,
    prefix: Prefix,
    under_way: UnderWay,
}

impl Guest {
    async fn welcome(self, incoming: Incoming) {
        let Ok(connecting) = incoming.accept() else { return };
        let Ok(Ok(quic)) = timeout(HANDSHAKE_TIME_MAX, connecting).await else { return };
        let mut exporter = [0; EXPORTER_BYTES];
        if quic.export_keying_material(&mut exporter, EXPORTER, b"").is_err() {
            return;
        }
        let Self { conn, hub, prefix, under_way } = self;
        drop(under_way);
        let (link, commands) = Link::new();
        let connected = Upward::Connected { conn, link, prefix, exporter };
        drive::drive(Peer { conn, quic, hub, commands }, connected).await;
    }
}

/// Counts one handshake while it lives.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
