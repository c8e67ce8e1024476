//! What an entry carries, and how it is hashed. Every payload begins with 16 random bytes, so that a hash that is left
//! behind after erasing tells nothing.

use core::fmt;

use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;
use wire::limit::ENTRY_BYTES_MAX;

use super::change::change_hash;
use super::error::EntryError;
use crate::crypto::{EpochKey, Random, draw};
use crate::model::id::{DocumentId, SpaceId};

/// Documents that one entry changes.
pub const DOCUMENTS_PER_ENTRY_MAX: usize = 16;
/// Changes in one entry, of all its documents together.
pub const CHANGES_PER_ENTRY_MAX: usize = 1_024;
/// Raw changes, as Automerge writes them. A packed format takes the next number.
const FORMAT_RAW: u8 = 0;
const SALT_BYTES: usize = 16;

/// The numbers of the payloads that this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PayloadKind {
    /// [`Payload::Event`].
    Event = 1,
    /// [`Payload::Changes`].
    Changes = 2,
    /// [`Payload::Hello`].
    Hello = 3,
    /// [`Payload::Delete`].
    Delete = 4,
    /// [`Payload::SpaceKey`].
    SpaceKey = 5,
}

impl PayloadKind {
    /// The kind of this number, if this program reads it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Event),
            2 => Some(Self::Changes),
            3 => Some(Self::Hello),
            4 => Some(Self::Delete),
            5 => Some(Self::SpaceKey),
            0 | 6..=u8::MAX => None,
        }
    }

    /// The number that a header holds.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Changes of one document.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentChanges {
    /// Which document.
    pub document: DocumentId,
    /// What it is: a number that `document` knows.
    pub kind: u8,
    /// Raw changes, in the order in which they were made.
    pub changes: Vec<Vec<u8>>,
}

impl fmt::Debug for DocumentChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentChanges(..)")
    }
}

/// What an entry carries. Its `Debug` shows no content.
pub enum Payload {
    /// One event, as CBOR bytes that only the model reads.
    Event(Vec<u8>),
    /// Changes of documents.
    Changes(Vec<DocumentChanges>),
    /// Nothing: the first entry of a joined device.
    Hello,
    /// A document of a private space is dropped.
    Delete(DocumentId),
    /// An epoch key of a shared space, mirrored into a private one.
    SpaceKey {
        /// The shared space.
        space: SpaceId,
        /// The epoch.
        epoch: u32,
        /// Its key.
        key: EpochKey,
    },
    /// Made by a newer version: kept, chained and shown as such.
    Unknown {
        /// The kind that the header names.
        kind: u8,
    },
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event(_) => "Event(..)",
            Self::Changes(_) => "Changes(..)",
            Self::Hello => "Hello",
            Self::Delete(_) => "Delete(..)",
            Self::SpaceKey { .. } => "SpaceKey(..)",
            Self::Unknown { .. } => "Unknown(..)",
        })
    }
}

impl Payload {
    /// The number that the header holds.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Event(_) => PayloadKind::Event.number(),
            Self::Changes(_) => PayloadKind::Changes.number(),
            Self::Hello => PayloadKind::Hello.number(),
            Self::Delete(_) => PayloadKind::Delete.number(),
            Self::SpaceKey { .. } => PayloadKind::SpaceKey.number(),
            Self::Unknown { kind } => *kind,
        }
    }

    /// The bytes, with 16 fresh random ones in front; of an unknown payload only those.
    ///
    /// # Panics
    /// With more than 65,535 documents or changes: a caller bounds what it writes.
    pub fn encode(&self, random: &mut dyn Random) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(&draw::<SALT_BYTES>(random));
        match self {
            Self::Event(cbor) => {
                w.bytes(cbor);
            }
            Self::Changes(documents) => {
                w.u8(FORMAT_RAW).count16(documents.len());
                for document in documents {
                    w.bytes(document.document.as_bytes()).u8(document.kind);
                    w.count16(document.changes.len());
                    for change in &document.changes {
                        w.var(change);
                    }
                }
            }
            Self::Hello | Self::Unknown { .. } => {}
            Self::Delete(document) => {
                w.bytes(document.as_bytes());
            }
            Self::SpaceKey { space, epoch, key } => {
                w.bytes(space.as_bytes()).u32(*epoch).bytes(key.as_bytes());
            }
        }
        w.into_bytes()
    }

    /// Reads a payload. An entry whose payload does not decode is void and stays in its chain.
    ///
    /// # Errors
    /// [`EntryError::Form`] if the bytes are not what the kind says.
    pub fn decode(kind: u8, bytes: &[u8]) -> Result<Self, EntryError> {
        let mut r = Reader::new(bytes);
        r.bytes(SALT_BYTES)?;
        let Some(known) = PayloadKind::from_number(kind) else {
            return Ok(Self::Unknown { kind });
        };
        let payload = match known {
            PayloadKind::Event => return Ok(Self::Event(r.rest().to_vec())),
            PayloadKind::Changes => match documents(&mut r)? {
                Some(documents) => Self::Changes(documents),
                None => return Ok(Self::Unknown { kind }),
            },
            PayloadKind::Hello => Self::Hello,
            PayloadKind::Delete => Self::Delete(DocumentId::from_bytes(r.array()?)),
            PayloadKind::SpaceKey => Self::SpaceKey {
                space: SpaceId::from_bytes(r.array()?),
                epoch: r.u32()?,
                key: EpochKey::from_bytes(&r.array()?),
            },
        };
        r.end()?;
        Ok(payload)
    }
}

/// The hash that a header holds of its payload. Of changes it covers Automerge's own change hashes instead of the
/// bytes, so that who wrote a change can be proved when only the document is left.
///
/// # Errors
/// [`EntryError::Hash`] if changes are damaged; [`EntryError::Version`] if their format is a newer one.
pub fn payload_hash(kind: u8, bytes: &[u8]) -> Result<[u8; 32], EntryError> {
    if PayloadKind::from_number(kind) != Some(PayloadKind::Changes) {
        return Ok(hash::hash(hash::PAY, &[bytes]));
    }
    let mut r = Reader::new(bytes);
    let salt: [u8; SALT_BYTES] = r.array().map_err(|_| EntryError::Hash)?;
    let documents = documents(&mut r).and_then(|documents| match documents {
        Some(documents) => r.end().map(|()| documents),
        None => Err(DecodeError::Version),
    });
    let documents = documents.map_err(|error| match error {
        DecodeError::Version => EntryError::Version,
        DecodeError::Short
        | DecodeError::Trailing
        | DecodeError::Count { max: _ }
        | DecodeError::Form => EntryError::Hash,
    })?;
    let mut w = Writer::new();
    w.bytes(&salt).count16(documents.len());
    for document in &documents {
        w.bytes(document.document.as_bytes()).u8(document.kind).count16(document.changes.len());
        for change in &document.changes {
            w.bytes(&change_hash(change).map_err(|_| EntryError::Hash)?);
        }
    }
    Ok(hash::hash(hash::CHG, &[w.as_slice()]))
}

/// None if the format is one that this program does not read.
fn documents(r: &mut Reader<'_>) -> Result<Option<Vec<DocumentChanges>>, DecodeError> {
    if r.u8()? != FORMAT_RAW {
        return Ok(None);
    }
    let count = r.list16(DOCUMENTS_PER_ENTRY_MAX, 19)?;
    let mut documents = Vec::with_capacity(count);
    let mut room = CHANGES_PER_ENTRY_MAX;
    for _ in 0..count {
        let (document, kind) = (DocumentId::from_bytes(r.array()?), r.u8()?);
        let count = r.list16(room, 4)?;
        room = room.saturating_sub(count);
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push(r.var(ENTRY_BYTES_MAX)?.to_vec());
        }
        documents.push(DocumentChanges { document, kind, changes });
    }
    Ok(Some(documents))
}
