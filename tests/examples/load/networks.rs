//! Many networks on one machine: sockets on addresses of 127.0.0.0/8, each in a /24 of its own, as phones are.

use quinn::Endpoint;
use reknit_core::transport::{Connection, DialError, Dialer, Profile};
use std::net::SocketAddr;
use wire::address::AddressLine;

/// The sockets.
pub(crate) struct Networks {
    pub(crate) line: AddressLine,
    endpoints: Vec<Endpoint>,
}

impl Networks {
    /// So many networks, from which the relay of this line is reached.
    pub(crate) fn new(line: AddressLine, count: u8) -> Self {
        let bind = |number: u8| {
            let address = SocketAddr::from(([127, 1, number, 1], 0));
            Endpoint::client(address).expect("all of 127.0.0.0/8 is this machine")
        };
        Self { line, endpoints: (0..count).map(bind).collect() }
    }

    /// The socket of a client.
    pub(crate) fn of(&self, client: usize) -> &Endpoint {
        &self.endpoints[client % self.endpoints.len()]
    }

    /// Dials as a client in the foreground.
    pub(crate) async fn dial(&self, client: usize) -> Result<Connection, DialError> {
        Dialer::new().connect_over(self.of(client), &self.line, Profile::FOREGROUND).await
    }
}
