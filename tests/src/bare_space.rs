//! Spaces without a vault, as far as a relay can tell: keys from a number, a first item, and envelopes of whatever
//! length. For clients that are not phones.

use reknit_core::crypto::SigningKey;
use reknit_core::transport::{CloseReason, Connection, LinkEvent};
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, RelayId, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};

/// The two persons of a space.
pub const PERSONS: u16 = 2;

/// The name of a space.
pub const fn sid(space: u16) -> SpaceHandle {
    let [high, low] = space.to_be_bytes();
    let mut sid = [0xa5; 16];
    sid[0] = high;
    sid[1] = low;
    SpaceHandle::from_bytes(sid)
}

fn key(space: u16, person: u16, use_of: u8) -> SigningKey {
    let mut seed = [use_of; 32];
    seed[..2].copy_from_slice(&space.to_be_bytes());
    seed[2..4].copy_from_slice(&person.to_be_bytes());
    SigningKey::from_seed(&seed)
}

/// The key and the signature that sign a person in over a connection.
pub fn sign_in(
    relay: RelayId,
    (space, person): (u16, u16),
    exporter: &[u8; 32],
) -> (PrincipalKey, [u8; 64]) {
    let key = key(space, person, 0);
    let signature = key.sign_bytes(&auth_bytes(relay, sid(space), exporter)).0;
    (key.public().into(), signature)
}

/// The same as a frame.
pub fn auth(relay: RelayId, who: (u16, u16), exporter: &[u8; 32]) -> Frame {
    let (key, signature) = sign_in(relay, who, exporter);
    Frame::Auth { sid: sid(who.0), key, signature }
}

/// What the first person of a space says to make it.
pub fn creation(relay: RelayId, space: u16, exporter: &[u8; 32]) -> Frame {
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
    let principal = |person| {
        let [acc, adm, recovery] =
            [0, 1, 2].map(|use_of| key(space, person, use_of).public().into());
        Principal { acc, adm, recovery }
    };
    let principals: Vec<Principal> = (0..PERSONS).map(principal).collect();
    let signed = creation_bytes(&NewSpace {
        relay,
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
pub fn envelope(mark: u16, number: u32, bytes: usize) -> Vec<u8> {
    let mut salt = [0; 24];
    salt[..2].copy_from_slice(&mark.to_be_bytes());
    salt[2..6].copy_from_slice(&number.to_be_bytes());
    let ciphertext = vec![0x5a; bytes - 64];
    Envelope { class: Class::Entry, epoch: 0, salt, commitment: [8; 32], ciphertext }.encode()
}

/// The next frame on a channel; none if the channel is over.
///
/// # Errors
/// The connection is over.
pub async fn answer(
    connection: &mut Connection,
    channel: Channel,
) -> Result<Option<Frame>, CloseReason> {
    loop {
        match connection.next().await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return Ok(Some(frame)),
            LinkEvent::ChannelClosed { channel: on } if on == channel => return Ok(None),
            LinkEvent::Frame { .. } | LinkEvent::ChannelClosed { .. } => {}
            LinkEvent::Closed { reason } => return Err(reason),
        }
    }
}
