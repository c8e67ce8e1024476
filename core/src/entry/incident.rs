//! What came to light: kept, shown, and in words that accuse nobody.

use wire::codec::{DecodeError, Reader, Writer};
use wire::hash;
use wire::id::{EnvelopeId, StoreId};

use super::error::EntryError;
use crate::model::id::{ChainId, DeviceId, DocumentId, EntryId, PersonId};

/// Something that should not happen between two honest people, their devices and their relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// Two entries stand in one place of a chain. Both are kept.
    Fork {
        /// The chain.
        chain: ChainId,
        /// The place.
        seq: u64,
        /// The smaller of the two ids.
        one: EntryId,
        /// The greater.
        two: EntryId,
    },
    /// The author of an entry had seen another history than it says. The entry counts.
    FrontierMismatch {
        /// Its chain.
        chain: ChainId,
        /// Its place.
        seq: u64,
        /// The entry.
        entry: EntryId,
    },
    /// An envelope opened to an entry that was refused.
    RefusedEntry {
        /// Its position at the relay.
        position: u64,
        /// The envelope, whose bytes are kept.
        envelope: EnvelopeId,
        /// Why.
        error: EntryError,
    },
    /// An envelope could not be opened.
    UnreadableEnvelope {
        /// Its position at the relay.
        position: u64,
        /// The envelope, whose bytes are kept.
        envelope: EnvelopeId,
    },
    /// A person's half of the waiting room is full: entries from that position on are pulled again later.
    WaitingRoomFull {
        /// Whose entries.
        person: PersonId,
        /// The lowest position that was not kept.
        position: u64,
        /// How many were not kept.
        count: u32,
    },
    /// An entry was named, and nobody could produce it for 30 days.
    MissingEntry {
        /// Its chain.
        chain: ChainId,
        /// Its place.
        seq: u64,
        /// The first half of its id.
        id: [u8; 16],
        /// The chain in which it was named.
        by: ChainId,
    },
    /// A change of devices or keys was not valid and had no effect.
    VoidOp {
        /// Its index in the control log.
        idx: u32,
        /// The number of the reason.
        reason: u16,
    },
    /// Folding a control op gave another member table than its author's.
    StateMismatch {
        /// Its index in the control log.
        idx: u32,
    },
    /// The key of an epoch did not open for this device.
    BadWrap {
        /// The control item that carried it.
        idx: u32,
    },
    /// The gate refused changes of a document.
    RefusedChange {
        /// The entry that carried them.
        entry: EntryId,
        /// The document.
        document: DocumentId,
    },
    /// The body of an event is not valid. The entry stays in its chain and has no effect.
    RefusedEvent {
        /// The entry that carries it.
        entry: EntryId,
    },
    /// A receipt of the relay does not hold.
    RelayReceipt {
        /// The position that it names.
        position: u64,
    },
    /// The relay gave out another history than it signed for.
    RelayHistory {
        /// The relay's database.
        store: StoreId,
        /// The position where it shows.
        position: u64,
    },
    /// The relay forgot what it had stored, or moved.
    RelayForgot {
        /// Its database before.
        before: StoreId,
        /// Its database now.
        after: StoreId,
    },
    /// The relay confirmed two different things at one place of its log.
    RelayFork {
        /// Its database.
        store: StoreId,
        /// The place.
        position: u64,
    },
    /// Side by side, another phone holds something else at a place: of a chain, or of the control log if no device is
    /// named.
    CheckDiffers {
        /// The chain.
        chain: ChainId,
        /// The place, or the index.
        seq: u64,
    },
    /// The relay has registered another access key than one's own.
    RelayPrincipals,
    /// The app ended twice while it took these changes in: they have no effect on this device.
    Poison {
        /// The entry that carries them.
        entry: EntryId,
        /// The document.
        document: DocumentId,
    },
    /// An entry came that this device signed and does not hold: it was restored from a copy, or copied.
    DeviceRestored {
        /// The chain that ends with it.
        chain: ChainId,
    },
    /// Another copy of this device has begun anew under its name.
    DeviceCopied {
        /// The chain in which the other one writes.
        chain: ChainId,
    },
    /// What this device had stored was damaged and is set aside; what of it nobody else has, and could not be read.
    StoreDamaged {
        /// Entries that stood there by their names.
        entries: u32,
        /// Unfinished texts.
        drafts: u32,
        /// Settings and plans of this device.
        facts: u32,
    },
    /// Its author has written as much into the document as one device may.
    DocumentFull {
        /// The entry that carries the changes.
        entry: EntryId,
        /// The document.
        document: DocumentId,
    },
    /// Its author has told as much of one record as one device may.
    RecordFull {
        /// The entry that carries the event.
        entry: EntryId,
    },
    /// A person sent more than one may in a day: it waits at the relay.
    Bulk {
        /// Whose entries.
        person: PersonId,
        /// The lowest position that was left there.
        position: u64,
        /// How many were left.
        count: u32,
    },
    /// So much was refused that no more of it is kept.
    AsideFull {
        /// The lowest position that was not kept.
        position: u64,
        /// How many were not kept.
        count: u32,
    },
    /// So many incidents are written down that no more of the common kinds are.
    Unlisted {
        /// How many were not.
        count: u32,
    },
}

impl Incident {
    /// The stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fork { .. } => "entry.fork",
            Self::FrontierMismatch { .. } => "entry.history",
            Self::RefusedEntry { error, .. } => error.code(),
            Self::UnreadableEnvelope { .. } => "env.open",
            Self::WaitingRoomFull { .. } => "entry.waiting",
            Self::MissingEntry { .. } => "entry.missing",
            Self::VoidOp { .. } => "control.void",
            Self::StateMismatch { .. } => "control.state",
            Self::BadWrap { .. } => "wrap.bad",
            Self::RefusedChange { .. } => "doc.refused",
            Self::RefusedEvent { .. } => "event.refused",
            Self::RelayReceipt { .. } => "relay.receipt",
            Self::RelayHistory { .. } => "relay.history",
            Self::RelayForgot { .. } => "relay.forgot",
            Self::RelayFork { .. } => "relay.fork",
            Self::CheckDiffers { .. } => "check.differs",
            Self::RelayPrincipals => "relay.principals",
            Self::Poison { .. } => "doc.poison",
            Self::DeviceRestored { .. } => "device.restored",
            Self::DeviceCopied { .. } => "device.copied",
            Self::StoreDamaged { .. } => "store.damaged",
            Self::DocumentFull { .. } => "doc.full",
            Self::RecordFull { .. } => "record.full",
            Self::Bulk { .. } => "entry.bulk",
            Self::AsideFull { .. } => "aside.full",
            Self::Unlisted { .. } => "incident.more",
        }
    }

    /// Whether whoever writes here can cause any number of them.
    pub const fn is_common(&self) -> bool {
        match self {
            Self::Fork { .. }
            | Self::FrontierMismatch { .. }
            | Self::RefusedEntry { .. }
            | Self::UnreadableEnvelope { .. }
            | Self::MissingEntry { .. }
            | Self::RefusedChange { .. }
            | Self::RefusedEvent { .. }
            | Self::Poison { .. }
            | Self::DocumentFull { .. }
            | Self::RecordFull { .. } => true,
            Self::WaitingRoomFull { .. }
            | Self::VoidOp { .. }
            | Self::StateMismatch { .. }
            | Self::BadWrap { .. }
            | Self::RelayReceipt { .. }
            | Self::RelayHistory { .. }
            | Self::RelayForgot { .. }
            | Self::RelayPrincipals
            | Self::RelayFork { .. }
            | Self::CheckDiffers { .. }
            | Self::DeviceRestored { .. }
            | Self::DeviceCopied { .. }
            | Self::StoreDamaged { .. }
            | Self::Bulk { .. }
            | Self::AsideFull { .. }
            | Self::Unlisted { .. } => false,
        }
    }

    /// A name under which the same incident is kept once. What is counted is one incident, per person where it is one's.
    pub fn key(&self) -> [u8; 32] {
        match self {
            Self::WaitingRoomFull { person, .. } => {
                let once = Self::WaitingRoomFull { person: *person, position: 0, count: 0 };
                hash::sha256(&[&once.encode()])
            }
            Self::Bulk { person, .. } => {
                let once = Self::Bulk { person: *person, position: 0, count: 0 };
                hash::sha256(&[&once.encode()])
            }
            Self::AsideFull { .. } => {
                hash::sha256(&[&Self::AsideFull { position: 0, count: 0 }.encode()])
            }
            Self::Unlisted { .. } => hash::sha256(&[&Self::Unlisted { count: 0 }.encode()]),
            Self::Fork { .. }
            | Self::FrontierMismatch { .. }
            | Self::RefusedEntry { .. }
            | Self::UnreadableEnvelope { .. }
            | Self::MissingEntry { .. }
            | Self::VoidOp { .. }
            | Self::StateMismatch { .. }
            | Self::BadWrap { .. }
            | Self::RefusedChange { .. }
            | Self::RefusedEvent { .. }
            | Self::RelayReceipt { .. }
            | Self::RelayHistory { .. }
            | Self::RelayForgot { .. }
            | Self::RelayFork { .. }
            | Self::CheckDiffers { .. }
            | Self::RelayPrincipals
            | Self::Poison { .. }
            | Self::DeviceRestored { .. }
            | Self::DeviceCopied { .. }
            | Self::StoreDamaged { .. }
            | Self::DocumentFull { .. }
            | Self::RecordFull { .. } => hash::sha256(&[&self.encode()]),
        }
    }

    /// The row that the store keeps: a number and the fields.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Fork { chain, seq, one, two } => {
                place(w.u8(1), *chain, *seq).bytes(one.as_bytes()).bytes(two.as_bytes())
            }
            Self::FrontierMismatch { chain, seq, entry } => {
                place(w.u8(2), *chain, *seq).bytes(entry.as_bytes())
            }
            Self::RefusedEntry { position, envelope, error } => {
                w.u8(3).u64(*position).bytes(envelope.as_bytes()).u8(error.number())
            }
            Self::UnreadableEnvelope { position, envelope } => {
                w.u8(4).u64(*position).bytes(envelope.as_bytes())
            }
            Self::WaitingRoomFull { person, position, count } => {
                w.u8(5).bytes(person.as_bytes()).u64(*position).u32(*count)
            }
            Self::MissingEntry { chain, seq, id, by } => {
                place(w.u8(6), *chain, *seq).bytes(id).bytes(by.device.as_bytes()).u16(by.inc)
            }
            Self::VoidOp { idx, reason } => w.u8(7).u32(*idx).u16(*reason),
            Self::StateMismatch { idx } => w.u8(8).u32(*idx),
            Self::BadWrap { idx } => w.u8(9).u32(*idx),
            Self::RefusedChange { entry, document } => {
                w.u8(10).bytes(entry.as_bytes()).bytes(document.as_bytes())
            }
            Self::RelayReceipt { position } => w.u8(11).u64(*position),
            Self::RelayHistory { store, position } => {
                w.u8(12).bytes(store.as_bytes()).u64(*position)
            }
            Self::RelayForgot { before, after } => {
                w.u8(13).bytes(before.as_bytes()).bytes(after.as_bytes())
            }
            Self::RelayFork { store, position } => w.u8(22).bytes(store.as_bytes()).u64(*position),
            Self::CheckDiffers { chain, seq } => place(w.u8(23), *chain, *seq),
            Self::RelayPrincipals => w.u8(14),
            Self::RefusedEvent { entry } => w.u8(15).bytes(entry.as_bytes()),
            Self::Poison { entry, document } => {
                w.u8(32).bytes(entry.as_bytes()).bytes(document.as_bytes())
            }
            Self::DeviceRestored { chain } => {
                w.u8(20).bytes(chain.device.as_bytes()).u16(chain.inc)
            }
            Self::DeviceCopied { chain } => w.u8(21).bytes(chain.device.as_bytes()).u16(chain.inc),
            Self::StoreDamaged { entries, drafts, facts } => {
                w.u8(24).u32(*entries).u32(*drafts).u32(*facts)
            }
            Self::DocumentFull { entry, document } => {
                w.u8(33).bytes(entry.as_bytes()).bytes(document.as_bytes())
            }
            Self::RecordFull { entry } => w.u8(34).bytes(entry.as_bytes()),
            Self::Bulk { person, position, count } => {
                w.u8(35).bytes(person.as_bytes()).u64(*position).u32(*count)
            }
            Self::AsideFull { position, count } => w.u8(36).u64(*position).u32(*count),
            Self::Unlisted { count } => w.u8(37).u32(*count),
        };
        w.into_bytes()
    }

    /// Reads what [`Incident::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] if the row is damaged or made by a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let incident = match r.u8()? {
            1 => Self::Fork {
                chain: chain(&mut r)?,
                seq: r.u64()?,
                one: EntryId::from_bytes(r.array()?),
                two: EntryId::from_bytes(r.array()?),
            },
            2 => Self::FrontierMismatch {
                chain: chain(&mut r)?,
                seq: r.u64()?,
                entry: EntryId::from_bytes(r.array()?),
            },
            3 => Self::RefusedEntry {
                position: r.u64()?,
                envelope: EnvelopeId::from_bytes(r.array()?),
                error: EntryError::from_number(r.u8()?)?,
            },
            4 => Self::UnreadableEnvelope {
                position: r.u64()?,
                envelope: EnvelopeId::from_bytes(r.array()?),
            },
            5 => Self::WaitingRoomFull {
                person: PersonId::from_bytes(r.array()?),
                position: r.u64()?,
                count: r.u32()?,
            },
            6 => Self::MissingEntry {
                chain: chain(&mut r)?,
                seq: r.u64()?,
                id: r.array()?,
                by: chain(&mut r)?,
            },
            7 => Self::VoidOp { idx: r.u32()?, reason: r.u16()? },
            8 => Self::StateMismatch { idx: r.u32()? },
            9 => Self::BadWrap { idx: r.u32()? },
            10 => Self::RefusedChange {
                entry: EntryId::from_bytes(r.array()?),
                document: DocumentId::from_bytes(r.array()?),
            },
            11 => Self::RelayReceipt { position: r.u64()? },
            12 => Self::RelayHistory { store: StoreId::from_bytes(r.array()?), position: r.u64()? },
            13 => Self::RelayForgot {
                before: StoreId::from_bytes(r.array()?),
                after: StoreId::from_bytes(r.array()?),
            },
            14 => Self::RelayPrincipals,
            15 => Self::RefusedEvent { entry: EntryId::from_bytes(r.array()?) },
            20 => Self::DeviceRestored { chain: chain(&mut r)? },
            21 => Self::DeviceCopied { chain: chain(&mut r)? },
            22 => Self::RelayFork { store: StoreId::from_bytes(r.array()?), position: r.u64()? },
            23 => Self::CheckDiffers { chain: chain(&mut r)?, seq: r.u64()? },
            24 => Self::StoreDamaged { entries: r.u32()?, drafts: r.u32()?, facts: r.u32()? },
            kind @ 32..=37 => Self::decode_bounded(kind, &mut r)?,
            0 | 16..=19 | 25..=31 | 38..=u8::MAX => return Err(DecodeError::Version),
        };
        r.end()?;
        Ok(incident)
    }

    /// What went over a bound, or ended the program.
    fn decode_bounded(kind: u8, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match kind {
            32 => Self::Poison {
                entry: EntryId::from_bytes(r.array()?),
                document: DocumentId::from_bytes(r.array()?),
            },
            33 => Self::DocumentFull {
                entry: EntryId::from_bytes(r.array()?),
                document: DocumentId::from_bytes(r.array()?),
            },
            34 => Self::RecordFull { entry: EntryId::from_bytes(r.array()?) },
            35 => Self::Bulk {
                person: PersonId::from_bytes(r.array()?),
                position: r.u64()?,
                count: r.u32()?,
            },
            36 => Self::AsideFull { position: r.u64()?, count: r.u32()? },
            37 => Self::Unlisted { count: r.u32()? },
            _ => return Err(DecodeError::Version),
        })
    }
}

fn place(w: &mut Writer, chain: ChainId, seq: u64) -> &mut Writer {
    w.bytes(chain.device.as_bytes()).u16(chain.inc).u64(seq)
}

fn chain(r: &mut Reader<'_>) -> Result<ChainId, DecodeError> {
    Ok(ChainId { device: DeviceId::from_bytes(r.array()?), inc: r.u16()? })
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
