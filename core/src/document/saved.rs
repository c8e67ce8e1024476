//! A document as saved: its kind, which entry each change came in, and Automerge's own bytes.
//!
//! ```text
//! format u8 = 1 | kind u8 | list16(actor 16 | count u32 | entry seq u64 each, in order of the actor's changes) | rest
//! ```
//! Made and read by this device alone, and sealed in between.

use super::change::{ActorId, Place};
use super::error::LoadError;
use super::gate::admit_own;
use super::index::Index;
use super::schema::{DocumentKind, Fields};
use automerge::{Automerge, LoadOptions, TextEncoding};
use std::collections::BTreeMap;
use wire::codec::{DecodeError, Reader};

const FORMAT: u8 = 1;

pub(super) struct Saved<'a> {
    entries: BTreeMap<ActorId, Vec<u64>>,
    pub(super) automerge: &'a [u8],
}

impl<'a> Saved<'a> {
    pub(super) fn decode(kind: DocumentKind, bytes: &'a [u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        let [format, found] = reader.array().map_err(|_| LoadError::Damaged)?;
        if format != FORMAT {
            return Err(LoadError::Version);
        }
        if found != kind.number() {
            return Err(LoadError::Kind);
        }
        let entries = entries(&mut reader).map_err(|_| LoadError::Damaged)?;
        Ok(Self { entries, automerge: reader.rest() })
    }

    /// Takes the changes in again, each under the entry it came in.
    pub(super) fn index(
        &self,
        kind: DocumentKind,
        changes: &[(ActorId, Vec<u8>)],
    ) -> Result<Index, LoadError> {
        let mut index = Index::default();
        for (actor, raw) in changes {
            let at = index.actor(*actor).map_or(0, |number| index.changes_of(number));
            let entries = self.entries.get(actor).ok_or(LoadError::Damaged)?;
            let at = usize::try_from(at).map_err(|_| LoadError::Damaged)?;
            let entry = *entries.get(at).ok_or(LoadError::Damaged)?;
            admit_own(&mut index, kind, Place { actor: *actor, entry }, raw)
                .map_err(|_| LoadError::Damaged)?;
        }
        Ok(index)
    }
}

fn entries(reader: &mut Reader<'_>) -> Result<BTreeMap<ActorId, Vec<u64>>, DecodeError> {
    let mut all = BTreeMap::new();
    for _ in 0..reader.u16()? {
        let actor = ActorId::from_bytes(reader.array()?);
        let count = usize::try_from(reader.u32()?).map_err(|_| DecodeError::Short)?;
        let bytes = reader.bytes(count.checked_mul(8).ok_or(DecodeError::Short)?)?;
        let (entries, _) = bytes.as_chunks::<8>();
        all.insert(actor, entries.iter().map(|entry| u64::from_be_bytes(*entry)).collect());
    }
    Ok(all)
}

pub(super) fn encode(kind: DocumentKind, index: &Index, automerge: &Automerge) -> Vec<u8> {
    let mut entries: BTreeMap<ActorId, Vec<u64>> = BTreeMap::new();
    for change in index.changes() {
        entries.entry(change.place.actor).or_default().push(change.place.entry);
    }
    let mut out = vec![FORMAT, kind.number()];
    out.extend(u16::try_from(entries.len()).unwrap_or(u16::MAX).to_be_bytes());
    for (actor, seqs) in entries {
        out.extend(actor.as_bytes());
        out.extend(u32::try_from(seqs.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(seqs.into_iter().flat_map(u64::to_be_bytes));
    }
    out.extend(automerge.save());
    out
}

type RawChanges = Vec<(ActorId, Vec<u8>)>;

/// Opens Automerge's bytes: the document, and its changes in causal order.
pub(super) fn open(bytes: &[u8], kind: DocumentKind) -> Option<(Automerge, RawChanges)> {
    let document = load(bytes)?;
    drop(Fields::read(&document, kind));
    let changes = document
        .get_changes(&[])
        .iter()
        .map(|change| {
            let actor = ActorId::from_slice(change.actor_id().to_bytes())?;
            Some((actor, change.raw_bytes().to_vec()))
        })
        .collect::<Option<_>>()?;
    Some((document, changes))
}

/// Opens Automerge's bytes; positions in texts count characters.
pub(super) fn load(bytes: &[u8]) -> Option<Automerge> {
    let options = LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
    Automerge::load_with_options(bytes, options).ok()
}
