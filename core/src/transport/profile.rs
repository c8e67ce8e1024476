//! What a connection may cost: radio and battery against speed, as plain values.

use std::{sync::Arc, time::Duration};

use quinn::{EndpointConfig, MtuDiscoveryConfig, TransportConfig, VarInt};

/// What one stream may hold unread. One envelope fits whole.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// What all streams may hold unread.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// What may lie sent and unconfirmed.
const SEND_WINDOW: u64 = 2 * 1024 * 1024;
/// Streams the relay may open: one per tailed space.
const TAILS_MAX: u32 = 64;
/// The largest UDP payload tried: what Ethernet and nearly all phone networks carry.
const UDP_PAYLOAD_MAX: u16 = 1_452;
/// The UDP payload that every path of QUIC carries (RFC 9000, section 14).
const UDP_PAYLOAD_MIN: u16 = 1_200;

/// How a connection behaves while it lives. Made for the three situations an app can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Look for larger packets, on both ways. Costs about 11 KB once per connection.
    pub mtu_discovery: bool,
    /// How often a silent connection says that it is alive. Each time wakes the radio for seconds.
    pub keep_alive: Option<Duration>,
    /// After this silence the connection counts as lost.
    pub idle_timeout: Duration,
}

impl Profile {
    /// Someone looks at the screen: changes should arrive as they are made.
    ///
    /// NAT boxes forget UDP after about 30 s, so the keep-alive is 20 s. The owner of the connection closes it when
    /// nobody has touched the screen for a minute: a keep-alive that never ends keeps the modem awake.
    pub const FOREGROUND: Self = Self {
        mtu_discovery: true,
        keep_alive: Some(Duration::from_secs(20)),
        idle_timeout: Duration::from_secs(45),
    };

    /// The system woke the app for moments: fetch, send, close.
    pub const BACKGROUND: Self =
        Self { mtu_discovery: false, keep_alive: None, idle_timeout: Duration::from_secs(10) };

    /// On power and Wi-Fi: much to move, nobody waits.
    pub const BULK: Self =
        Self { mtu_discovery: true, keep_alive: None, idle_timeout: Duration::from_secs(45) };

    /// Who does not look for larger packets takes none: or else the relay would look for them, and pay in our bytes.
    pub(super) fn endpoint(self) -> EndpointConfig {
        let mut endpoint = EndpointConfig::default();
        if !self.mtu_discovery {
            let least = endpoint.max_udp_payload_size(UDP_PAYLOAD_MIN);
            debug_assert!(least.is_ok(), "every path carries it");
        }
        endpoint
    }

    pub(super) fn transport(self) -> Arc<TransportConfig> {
        let mut transport = TransportConfig::default();
        let idle =
            VarInt::from_u32(u32::try_from(self.idle_timeout.as_millis()).unwrap_or(u32::MAX));
        transport
            .max_idle_timeout(Some(idle.into()))
            .keep_alive_interval(self.keep_alive)
            .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
            .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
            .send_window(SEND_WINDOW)
            .max_concurrent_uni_streams(VarInt::from_u32(TAILS_MAX))
            .max_concurrent_bidi_streams(VarInt::from_u32(0))
            .datagram_receive_buffer_size(None)
            .mtu_discovery_config(self.mtu_discovery.then(|| {
                let mut discovery = MtuDiscoveryConfig::default();
                discovery.upper_bound(UDP_PAYLOAD_MAX);
                discovery
            }));
        Arc::new(transport)
    }
}
