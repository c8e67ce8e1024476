//! Spaces without a vault: keys from a number, a first item, and envelopes of whatever length.

use reknit_core::crypto::SigningKey;
use reknit_core::transport::{Connection, LinkEvent};
use wire::address::AddressLine;
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::version::VERSIONS;

/// The two persons of a space.
pub(crate) const PERSONS: u16 = 2;

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
pub(crate) async fn answer(connection: &mut Connection, channel: Channel) -> Frame {
    loop {
        match connection.next().await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return frame,
            LinkEvent::Frame { .. } | LinkEvent::ChannelClosed { .. } => {}
            LinkEvent::Closed { reason } => panic!("{reason:?}"),
        }
    }
}

/// Greets, and makes a space over a new connection.
pub(crate) async fn make(connection: &mut Connection, line: &AddressLine, space: u16) {
    let hello = Frame::Hello { versions: VERSIONS };
    connection.send(Channel::Control, &hello, false).expect("open");
    answer(connection, Channel::Control).await;
    let request = Channel::Request(1);
    let frame = creation(line, space, &connection.exporter());
    connection.send(request, &frame, true).expect("open");
    let made = answer(connection, request).await;
    assert!(matches!(made, Frame::Appended { .. }), "{made:?}");
}

/// Signs in over a connection that has greeted.
pub(crate) async fn enter(connection: &mut Connection, line: &AddressLine, who: (u16, u16)) {
    let (key, signature) = sign_in(line, who, &connection.exporter());
    let auth = Frame::Auth { sid: sid(who.0), key, signature };
    connection.send(Channel::Control, &auth, false).expect("open");
    let signed_in = answer(connection, Channel::Control).await;
    assert!(matches!(signed_in, Frame::SignedIn { .. }), "{signed_in:?}");
}
