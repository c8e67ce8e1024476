//! An entry: header, payload, signatures.

use core::fmt;

use wire::codec::{Reader, Writer};
use wire::hash;
use wire::limit::ENTRY_BYTES_MAX;

use super::error::EntryError;
use super::header::{FLAG_SEAT, Header};
use super::payload::{PayloadKind, payload_hash};
use crate::crypto::{Device, DeviceKeys, Signature, Unverified, Verified};
use crate::model::id::{EntryId, SpaceId};

/// A signed unit of a chain.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What is signed.
    pub header: Header,
    /// What it carries.
    pub payload: Vec<u8>,
    /// The author's voice signature over space and header.
    pub voice: Signature,
    /// The author's seat signature, where the header's flag says so.
    pub seat: Option<Signature>,
    /// Its name, computed from space and header.
    pub id: EntryId,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(..)")
    }
}

impl Entry {
    /// The bytes that are sealed.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(&self.header.encode()).bytes(&self.payload).bytes(self.voice.as_bytes());
        if let Some(seat) = &self.seat {
            w.bytes(seat.as_bytes());
        }
        w.into_bytes()
    }

    /// Reads an entry and checks that the payload is the one that its header names. The hash of changes in a format
    /// that this program does not read is left to the version that does: such an entry is kept and never applied.
    ///
    /// # Errors
    /// [`EntryError`] by cause; see [`Header::decode`]. [`EntryError::Hash`] if the payload is another one.
    pub fn decode(space: SpaceId, bytes: &[u8]) -> Result<Unverified<Self>, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::Form);
        }
        let mut r = Reader::new(bytes);
        let header = Header::decode(&mut r)?;
        let flagged = header.flags & FLAG_SEAT != 0;
        if flagged && PayloadKind::from_number(header.kind).is_some_and(|k| k != PayloadKind::Event)
        {
            return Err(EntryError::Form);
        }
        let payload_len = usize::try_from(header.payload_len).map_err(|_| EntryError::Hash)?;
        let payload = r.bytes(payload_len).map_err(|_| EntryError::Hash)?.to_vec();
        let voice = Signature(r.array().map_err(|_| EntryError::Hash)?);
        let seat =
            if flagged { Some(Signature(r.array().map_err(|_| EntryError::Hash)?)) } else { None };
        r.end().map_err(|_| EntryError::Hash)?;
        match payload_hash(header.kind, &payload) {
            Ok(hash) if hash != header.payload_hash => return Err(EntryError::Hash),
            Ok(_) | Err(EntryError::Version) => {}
            Err(error) => return Err(error),
        }
        let id = header.id(space);
        Ok(Unverified::new(Self { header, payload, voice, seat, id }))
    }

    /// Checks the signatures. `author` is the header's device as the member table at the header's control head lists
    /// it, or nothing if it is not in there under that incarnation.
    ///
    /// # Errors
    /// [`EntryError::Author`].
    pub fn verify(
        entry: Unverified<Self>,
        author: Option<&Device>,
        space: SpaceId,
    ) -> Result<Verified<Self>, EntryError> {
        entry.verify_with(|entry| {
            let author = author.ok_or(EntryError::Author)?;
            if author.id() != entry.header.chain.device {
                return Err(EntryError::Author);
            }
            let header = entry.header.encode();
            let signed: [&[u8]; 2] = [space.as_bytes(), &header];
            author
                .voice
                .verify(hash::ESIG, &signed, &entry.voice)
                .map_err(|_| EntryError::Author)?;
            if let Some(seat) = &entry.seat {
                author.seat.verify(hash::ESIG, &signed, seat).map_err(|_| EntryError::Author)?;
            }
            Ok(())
        })
    }
}

/// Signs a drafted header over its payload; by the seat as well if the header says so.
///
/// # Panics
/// If the payload is not the header's, or the keys are another device's: what would be signed could never be checked.
pub fn sign(
    header: Header,
    payload: Vec<u8>,
    space: SpaceId,
    keys: &DeviceKeys,
) -> Verified<Entry> {
    let hash = payload_hash(header.kind, &payload);
    assert!(hash == Ok(header.payload_hash), "a header is signed with its own payload");
    assert!(
        header.payload_len as usize == payload.len(),
        "a header is signed with its own payload"
    );
    assert!(header.chain.device == keys.id(), "a device signs its own chain");
    let encoded = header.encode();
    let signed: [&[u8]; 2] = [space.as_bytes(), &encoded];
    let voice = keys.voice.sign(hash::ESIG, &signed);
    let seat = (header.flags & FLAG_SEAT != 0).then(|| keys.seat.sign(hash::ESIG, &signed));
    let id = header.id(space);
    Verified::signed_here(Entry { header, payload, voice, seat, id })
}

#[cfg(test)]
#[path = "signed_tests.rs"]
mod tests;
