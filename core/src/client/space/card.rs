//! Reading rows: documents, told events, and the small list rows written beside them, so that a list opens no
//! document and folds no history.

use crate::client::error::Error;
use crate::client::vault::shelf::Shelf;
use crate::crypto::EpochKey;
use crate::document::{Document, DocumentKind, TITLE_CHARS_MAX};
use crate::entry::Entry;
use crate::membership::SpaceKind;
use crate::model::Told;
use crate::model::id::{DocumentId, EntryId, OrderKey, RecordId, SpaceId};
use crate::store::{Direction, Place as Filed, Table};
use crate::view::{Card, Status};
use wire::codec::{DecodeError, Reader, Writer};
use zeroize::Zeroizing;

/// The state of a record's list row; those of documents are their kinds.
pub(crate) const RECORD: u8 = 100;
/// The state of one that stands in the open list.
pub(crate) const OPEN_RECORD: u8 = 101;
/// The state of one that is a name, and stands in no list.
pub(crate) const NAME: u8 = 102;
/// The state of a document's row once it is deleted: nothing of it is ever applied again.
pub(crate) const DOCUMENT_DELETED: u8 = 255;
/// How many characters of a text a list row shows.
const EXCERPT_CHARS: usize = 80;
const CARD_TEXT_BYTES_MAX: usize = 4_096;
/// What the ids of mirrored keys among the facts of a vault begin with.
const KEY_PREFIX: &[u8] = b"key";
const PAGE: usize = 1_000;
/// Entries read at a time: each may be large.
const ENTRIES: usize = 4;

/// The state of a record's list row.
pub(crate) const fn state_of(card: &Card) -> u8 {
    match card.status {
        Status::Member(_) => NAME,
        Status::Moment | Status::Reach(_) | Status::Question(_) | Status::Newer => {
            if card.is_open() { OPEN_RECORD } else { RECORD }
        }
    }
}

/// An epoch key of a shared space, mirrored into the private one.
#[derive(Debug)]
pub(crate) struct SpaceKey {
    pub(crate) space: SpaceId,
    pub(crate) epoch: u32,
    pub(crate) key: EpochKey,
}

/// What is held of a document.
#[derive(Debug)]
pub(crate) enum Held {
    /// It was never heard of.
    Nothing,
    /// It is here.
    Here(Box<Document>),
    /// It was deleted; nothing brings it back.
    Deleted,
}

/// The kind of documents that lie in a space.
pub(crate) const fn kind_in(space: SpaceKind) -> DocumentKind {
    match space {
        SpaceKind::Private => DocumentKind::Journal,
        SpaceKind::Shared => DocumentKind::Agreement,
    }
}

/// The kind of space that documents of a kind lie in.
pub(crate) const fn home_of(kind: DocumentKind) -> SpaceKind {
    match kind {
        DocumentKind::Journal => SpaceKind::Private,
        DocumentKind::Agreement => SpaceKind::Shared,
    }
}

/// The row of a told event: its record, then its entry.
pub(crate) fn told_row(record: RecordId, entry: EntryId) -> Vec<u8> {
    [record.as_bytes().as_slice(), entry.as_bytes()].concat()
}

/// All that was told of a record, stored so far.
pub(crate) fn told_of(shelf: &Shelf, record: RecordId) -> Result<Vec<Told>, Error> {
    let rows = shelf.prefix(Table::Records, record.as_bytes())?;
    rows.iter()
        .map(|row| Told::decode(&row.body).map_err(|_| Error::Damaged { code: "store.event" }))
        .collect()
}

/// All stored entries, in causal order.
pub(crate) fn entries(shelf: &Shelf, space: SpaceId) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    each_entry(shelf, space, |_, entry| entries.push(entry))?;
    Ok(entries)
}

/// Hands on each stored entry with the order key that it is filed under, in causal order; few are in memory at a time.
pub(crate) fn each_entry(
    shelf: &Shelf,
    space: SpaceId,
    mut see: impl FnMut(OrderKey, Entry),
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = entries_after(shelf, space, &mut after)?;
        if page.is_empty() {
            return Ok(());
        }
        for (k, entry) in page {
            see(k, entry);
        }
    }
}

/// The next few entries in causal order behind a place, which is moved on; none at the end.
pub(crate) fn entries_after(
    shelf: &Shelf,
    space: SpaceId,
    after: &mut Option<Filed>,
) -> Result<Vec<(OrderKey, Entry)>, Error> {
    let rows = shelf.store().page(Table::Entries, after.take(), ENTRIES, Direction::Ascending)?;
    *after = rows.last().map(|last| (last.order, last.id.clone()));
    let read = |row| {
        let row = shelf.open(Table::Entries, row)?;
        let entry = Entry::decode(space, &row.body);
        let entry = entry.map_err(|_| Error::Damaged { code: "store.entry" })?;
        Ok((OrderKey(u128::from_be_bytes(row.order)), entry.peek().clone()))
    };
    rows.into_iter().map(read).collect()
}

/// What the lists of a space show, as bytes, in their order.
pub(crate) fn list_bytes(shelf: &Shelf) -> Result<Vec<Vec<u8>>, Error> {
    let mut bodies = Vec::new();
    let mut after = None;
    loop {
        let rows = shelf.store().page(Table::Cards, after.take(), PAGE, Direction::Ascending)?;
        let Some(last) = rows.last() else { return Ok(bodies) };
        after = Some((last.order, last.id.clone()));
        for row in rows {
            bodies.push(shelf.open(Table::Cards, row)?.body.to_vec());
        }
    }
}

/// All mirrored keys: space, epoch, key.
pub(crate) fn space_keys(shelf: &Shelf) -> Result<Vec<SpaceKey>, Error> {
    let mut keys = Vec::new();
    for row in shelf.prefix(Table::Meta, KEY_PREFIX)? {
        let mut id = Reader::new(row.id.get(KEY_PREFIX.len()..).unwrap_or_default());
        let (space, epoch) = (SpaceId::from_bytes(id.array()?), id.u32()?);
        let bytes = Zeroizing::new(Reader::new(&row.body).array()?);
        keys.push(SpaceKey { space, epoch, key: EpochKey::from_bytes(&bytes) });
    }
    Ok(keys)
}

/// The row of a mirrored key.
pub(crate) fn space_key_row(space: SpaceId, epoch: u32, key: &EpochKey) -> Vec<u8> {
    let kc = key.commitment(space, epoch);
    [KEY_PREFIX, space.as_bytes(), &epoch.to_be_bytes(), &kc].concat()
}

/// What a list shows of a document.
#[derive(Clone, PartialEq, Eq)]
pub struct DocumentCard {
    /// Which.
    pub id: DocumentId,
    /// Its title; empty if none was written.
    pub title: String,
    /// How its text begins.
    pub excerpt: String,
    /// The time it is about, in ms since 1970; none for a text that is about no time.
    pub at_ms: Option<i64>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// What a person wrote is nobody's to log.
impl core::fmt::Debug for DocumentCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DocumentCard(..)")
    }
}

impl DocumentCard {
    pub(crate) fn of(id: DocumentId, document: &Document) -> Self {
        let fields = document.fields();
        let excerpt = fields.text.chars().take(EXCERPT_CHARS).collect();
        let title = fields.title.chars().take(TITLE_CHARS_MAX).collect();
        Self { id, title, excerpt, at_ms: fields.at_ms, tags: fields.tags }
    }

    /// By the time it is about.
    pub(crate) fn order(&self) -> [u8; 16] {
        let at = u64::try_from(self.at_ms.unwrap_or(0)).unwrap_or(0);
        u128::from(at).to_be_bytes()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.bytes(self.id.as_bytes());
        writer.var(self.title.as_bytes()).var(self.excerpt.as_bytes());
        writer.count8(usize::from(self.at_ms.is_some()));
        if let Some(at) = self.at_ms {
            writer.bytes(&at.to_be_bytes());
        }
        let tags = self.tags.iter().take(usize::from(u16::MAX));
        writer.count16(tags.len());
        for tag in tags {
            writer.var(tag.as_bytes());
        }
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let id = DocumentId::from_bytes(reader.array()?);
        let (title, excerpt) = (text(&mut reader)?, text(&mut reader)?);
        let at_ms = match reader.list8(1, 8)? {
            0 => None,
            _ => Some(i64::from_be_bytes(reader.array()?)),
        };
        let count = reader.list16(usize::from(u16::MAX), 4)?;
        let tags = (0..count).map(|_| text(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { id, title, excerpt, at_ms, tags })
    }
}

fn text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let bytes = reader.var(CARD_TEXT_BYTES_MAX)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Form)
}
