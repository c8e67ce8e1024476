//! The bytes that are signed when a client signs in to a relay or makes a space there. No key comes near here.

use crate::hash::{AUTH, NEW, sha256};
use crate::id::{ItemHash, RelayId, SpaceHandle};
use crate::version::EXPORTER_BYTES;

/// What a principal signs to sign in to one space over one connection.
pub fn auth_bytes(relay: RelayId, sid: SpaceHandle, exporter: &[u8; EXPORTER_BYTES]) -> Vec<u8> {
    [AUTH.as_bytes(), relay.as_bytes().as_slice(), sid.as_bytes(), exporter].concat()
}

/// What is signed to make a space.
#[derive(Clone, Copy, Debug)]
pub struct NewSpace<'a> {
    /// At which relay.
    pub relay: RelayId,
    /// Under which handle.
    pub sid: SpaceHandle,
    /// Hash of the first control item.
    pub item: ItemHash,
    /// The principals as written in the frame: their count, then their keys.
    pub principals: &'a [u8],
    /// The exporter of the connection.
    pub exporter: &'a [u8; EXPORTER_BYTES],
}

/// What the first principal's `adm` key signs to make a space.
pub fn creation_bytes(new: &NewSpace<'_>) -> Vec<u8> {
    [
        NEW.as_bytes(),
        new.relay.as_bytes().as_slice(),
        new.sid.as_bytes(),
        new.item.as_bytes(),
        &sha256(&[new.principals]),
        new.exporter,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_begins_with_its_purpose_and_ends_with_the_channel() {
        let (relay, sid) = (RelayId::from_bytes([1; 32]), SpaceHandle::from_bytes([2; 16]));
        let auth = auth_bytes(relay, sid, &[3; 32]);
        assert_eq!(auth.len(), 16 + 32 + 16 + 32);
        assert!(auth.starts_with(b"reknit/1 auth"));
        let item = ItemHash::from_bytes([4; 32]);
        let new = NewSpace { relay, sid, item, principals: &[0], exporter: &[3; 32] };
        let bytes = creation_bytes(&new);
        assert_eq!(bytes.len(), 16 + 32 + 16 + 32 + 32 + 32);
        assert!(bytes.starts_with(b"reknit/1 new") && bytes.ends_with(&[3; 32]));
    }
}
