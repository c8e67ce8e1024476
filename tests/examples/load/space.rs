//! Spaces without a vault, made and entered from many networks, again and again until the relay has room.

use crate::networks::Networks;
use reknit_core::transport::Connection;
use reknit_e2e::bare_space::{answer, auth, creation};
use wire::frame::{Channel, Frame};
use wire::version::VERSIONS;

/// A client that is refused so often starves.
const TRIES_MAX: usize = 30;

/// A connection that has greeted; dialed again as often as the relay, or this machine, is too slow for it.
pub(crate) async fn greeted(networks: &Networks, client: usize) -> Connection {
    for _ in 0..TRIES_MAX {
        let Ok(mut connection) = networks.dial(client).await else { continue };
        let hello = Frame::Hello { versions: VERSIONS };
        if connection.send(Channel::Control, &hello, false).is_ok()
            && let Ok(Some(_)) = answer(&mut connection, Channel::Control).await
        {
            return connection;
        }
    }
    panic!("{TRIES_MAX} dials, and no greeting");
}

/// Makes a space.
pub(crate) async fn make(networks: &Networks, space: u16) {
    for _ in 0..TRIES_MAX {
        let mut connection = greeted(networks, usize::from(space)).await;
        let request = Channel::Request(1);
        let frame = creation(networks.line.relay, space, &connection.exporter());
        connection.send(request, &frame, true).expect("open");
        if let Ok(Some(Frame::Appended { .. })) = answer(&mut connection, request).await {
            return;
        }
    }
    panic!("{TRIES_MAX} tries, and no space");
}

/// A connection that is signed in.
pub(crate) async fn entered(networks: &Networks, client: usize, who: (u16, u16)) -> Connection {
    for _ in 0..TRIES_MAX {
        let mut connection = greeted(networks, client).await;
        let auth = auth(networks.line.relay, who, &connection.exporter());
        connection.send(Channel::Control, &auth, false).expect("open");
        if let Ok(Some(Frame::SignedIn { .. })) = answer(&mut connection, Channel::Control).await {
            return connection;
        }
    }
    panic!("{TRIES_MAX} tries, and no sign-in");
}
