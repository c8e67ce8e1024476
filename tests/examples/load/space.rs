//! Spaces without a vault: keys from a number, a first item, and envelopes of whatever length.

use crate::networks::Networks;
use reknit_core::crypto::SigningKey;
use reknit_core::transport::{CloseReason, Connection, LinkEvent};
use wire::address::AddressLine;
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::version::VERSIONS;

/// The two persons of a space.
pub(crate) const PERSONS: u16 = 2;

/// A client that is refused so often starves.
const TRIES_MAX: usize = 30;

/// The name of a space.
pub(crate) fn sid(space: u16) -> SpaceHandle {
    let mut sid = [0xa5; 16];
    sid[..2].copy_from_slice(&space.to_be_bytes());
    SpaceHandle::from_bytes(sid)
}

fn key(space: u16, person: u16, use_of: u8) -> SigningKey {
    let mut seed = [use_of; 32];
    seed[..2].copy_from_slice(&space.to_be_bytes());
    seed[2..4].copy_from_slice(&person.to_be_bytes());
    SigningKey::from_seed(&seed)
}

fn principal(key: &SigningKey) -> PrincipalKey {
    PrincipalKey::from_bytes(*key.public().as_bytes())
}

/// The key and the signature that sign a person in over a connection.
pub(crate) fn sign_in(
    line: &AddressLine,
    (space, person): (u16, u16),
    exporter: &[u8; 32],
) -> (PrincipalKey, [u8; 64]) {
    let key = key(space, person, 0);
    let signature = key.sign_bytes(&auth_bytes(line.relay, sid(space), exporter)).0;
    (principal(&key), signature)
}

fn creation(line: &AddressLine, space: u16, exporter: &[u8; 32]) -> Frame {
    let item = ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; control_body_len(100).expect("it is short")],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    };
    let principals: Vec<Principal> = (0..PERSONS)
        .map(|person| {
            let [acc, adm, recovery] =
                [0, 1, 2].map(|use_of| principal(&key(space, person, use_of)));
            Principal { acc, adm, recovery }
        })
        .collect();
    let signed = creation_bytes(&NewSpace {
        relay: line.relay,
        sid: sid(space),
        item: item.hash(),
        principals: &encode_principals(&principals),
        exporter,
    });
    let signature = key(space, 0, 1).sign_bytes(&signed).0;
    let creation = Some(Creation { principals, signature });
    Frame::ControlAppend { sid: sid(space), idx: 0, item: item.encode(), creation }
}

/// An envelope that differs from every other in its salt, as real ones do.
pub(crate) fn envelope(space: u16, number: u32, bytes: usize) -> Vec<u8> {
    let mut salt = [0; 24];
    salt[..2].copy_from_slice(&space.to_be_bytes());
    salt[2..6].copy_from_slice(&number.to_be_bytes());
    let ciphertext = vec![0x5a; bytes - 64];
    Envelope { class: Class::Entry, epoch: 0, salt, commitment: [8; 32], ciphertext }.encode()
}

/// The next frame on a channel.
///
/// # Errors
/// The connection is over.
pub(crate) async fn answer(
    connection: &mut Connection,
    channel: Channel,
) -> Result<Frame, CloseReason> {
    loop {
        match connection.next().await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return Ok(frame),
            LinkEvent::Frame { .. } | LinkEvent::ChannelClosed { .. } => {}
            LinkEvent::Closed { reason } => return Err(reason),
        }
    }
}

/// A connection that has greeted; dialed again as often as the relay, or this machine, is too slow for it.
pub(crate) async fn greeted(networks: &Networks, client: usize) -> Connection {
    for _ in 0..TRIES_MAX {
        let Ok(mut connection) = networks.dial(client).await else { continue };
        let hello = Frame::Hello { versions: VERSIONS };
        if connection.send(Channel::Control, &hello, false).is_ok()
            && answer(&mut connection, Channel::Control).await.is_ok()
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
        let frame = creation(&networks.line, space, &connection.exporter());
        connection.send(request, &frame, true).expect("open");
        if let Ok(Frame::Appended { .. }) = answer(&mut connection, request).await {
            return;
        }
    }
    panic!("{TRIES_MAX} tries, and no space");
}

/// A connection that is signed in.
pub(crate) async fn entered(networks: &Networks, client: usize, who: (u16, u16)) -> Connection {
    for _ in 0..TRIES_MAX {
        let mut connection = greeted(networks, client).await;
        let (key, signature) = sign_in(&networks.line, who, &connection.exporter());
        let auth = Frame::Auth { sid: sid(who.0), key, signature };
        connection.send(Channel::Control, &auth, false).expect("open");
        if let Ok(Frame::SignedIn { .. }) = answer(&mut connection, Channel::Control).await {
            return connection;
        }
    }
    panic!("{TRIES_MAX} tries, and no sign-in");
}
