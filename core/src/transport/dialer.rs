//! From an address line to a connection.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use quinn::{ClientConfig, Endpoint, TokioRuntime};
use tokio::time::timeout;
use wire::{address::AddressLine, version::ALPN};

use super::{error::DialError, profile::Profile, quic::Connection, tls};

/// How long one address may take to answer. Two seconds more than the slowest phone network is seen to take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a name may take to be found.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried, in the order the system gives them.
const ADDRESSES_MAX: usize = 4;
/// QUIC wants a name; ours is never sent, and no authority vouches for it.
const NAME: &str = "relay";

/// Opens connections to relays, each from a port of its own, so that no port links two relays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialer;

impl Dialer {
    /// A dialer. It holds nothing until it dials.
    pub const fn new() -> Self {
        Self
    }

    /// Connects to the relay that holds the key in the line, and to no other.
    ///
    /// # Errors
    /// Each case of [`DialError`]: of several addresses, the error of the last one tried, but `Untrusted` and
    /// `Version` at once, since they will not pass.
    pub async fn connect(
        self,
        line: &AddressLine,
        profile: Profile,
    ) -> Result<Connection, DialError> {
        self.connect_as(line, profile, ALPN).await
    }

    /// As [`Dialer::connect`], over a socket that many connections share, as a load of thousands needs it. A phone has
    /// a socket for each: one port would link its relays.
    ///
    /// # Errors
    /// As [`Dialer::connect`].
    pub async fn connect_over(
        self,
        endpoint: &Endpoint,
        line: &AddressLine,
        profile: Profile,
    ) -> Result<Connection, DialError> {
        let config = Self::config(line, profile)?;
        let address = look_up(line.address.as_str()).await?.into_iter().next();
        let address = address.ok_or(DialError::NameNotFound)?;
        shake_hands(endpoint.clone(), address, config).await
    }

    /// How a connection to the relay that holds the key in the line is set up.
    ///
    /// # Errors
    /// [`DialError::Setup`].
    pub fn config(line: &AddressLine, profile: Profile) -> Result<ClientConfig, DialError> {
        config_as(line, profile, ALPN)
    }

    /// With a protocol name of the caller's, which only tests have.
    pub(super) async fn connect_as(
        self,
        line: &AddressLine,
        profile: Profile,
        alpn: &[u8],
    ) -> Result<Connection, DialError> {
        let config = config_as(line, profile, alpn)?;
        let mut failed = DialError::NameNotFound;
        for address in look_up(line.address.as_str()).await? {
            match connect_to(address, config.clone(), profile).await {
                Ok(connection) => return Ok(connection),
                Err(error @ (DialError::Untrusted | DialError::Version | DialError::Setup)) => {
                    return Err(error);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

fn config_as(line: &AddressLine, profile: Profile, alpn: &[u8]) -> Result<ClientConfig, DialError> {
    let mut config = ClientConfig::new(Arc::new(tls::client_config(line.relay, alpn)?));
    config.transport_config(profile.transport());
    Ok(config)
}

async fn look_up(host_port: &str) -> Result<Vec<SocketAddr>, DialError> {
    let found = timeout(LOOKUP_TIME_MAX, tokio::net::lookup_host(host_port)).await;
    let found = found.map_err(|_| DialError::NameNotFound)?;
    Ok(found.map_err(|_| DialError::NameNotFound)?.take(ADDRESSES_MAX).collect())
}

async fn connect_to(
    address: SocketAddr,
    config: ClientConfig,
    profile: Profile,
) -> Result<Connection, DialError> {
    let any: SocketAddr = if address.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).map_err(|_| DialError::Socket)?;
    let endpoint = Endpoint::new(profile.endpoint(), None, socket, Arc::new(TokioRuntime))
        .map_err(|_| DialError::Socket)?;
    shake_hands(endpoint, address, config).await
}

async fn shake_hands(
    endpoint: Endpoint,
    address: SocketAddr,
    config: ClientConfig,
) -> Result<Connection, DialError> {
    let connecting = endpoint.connect_with(config, address, NAME).map_err(|_| DialError::Lost)?;
    let quic = timeout(HANDSHAKE_TIME_MAX, connecting).await.map_err(|_| DialError::NoAnswer)??;
    Connection::new(endpoint, quic)
}
