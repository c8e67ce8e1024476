//! The bytes of an edit in a sealed row: what is typed and not closed, what was taken back and is to be said again.

use crate::document::Edit;
use wire::codec::{DecodeError, Reader, Writer};

/// Far above what a document takes.
const TEXT_BYTES_MAX: usize = 256 * 1_024 * 1_024;
const TAGS_MAX: usize = 4_096;

/// Writes an edit.
pub(crate) fn put(row: &mut Writer, edit: &Edit) {
    for text in [&edit.title, &edit.text] {
        row.count8(usize::from(text.is_some()));
        if let Some(text) = text {
            row.var(text.as_bytes());
        }
    }
    row.count8(usize::from(edit.tags.is_some()));
    if let Some(tags) = &edit.tags {
        row.count16(tags.len());
        for tag in tags {
            row.var(tag.as_bytes());
        }
    }
    row.count8(usize::from(edit.at_ms.is_some()));
    if let Some(at) = edit.at_ms {
        row.bytes(&at.to_be_bytes());
    }
}

/// Reads back what [`put`] wrote.
pub(crate) fn take(row: &mut Reader<'_>) -> Result<Edit, DecodeError> {
    let mut edit = Edit::default();
    for field in [&mut edit.title, &mut edit.text] {
        if row.list8(1, 4)? > 0 {
            *field = Some(text(row)?);
        }
    }
    if row.list8(1, 2)? > 0 {
        let count = row.list16(TAGS_MAX, 4)?;
        edit.tags = Some((0..count).map(|_| text(row)).collect::<Result<_, _>>()?);
    }
    if row.list8(1, 8)? > 0 {
        edit.at_ms = Some(i64::from_be_bytes(row.array()?));
    }
    Ok(edit)
}

/// Reads a text.
pub(crate) fn text(row: &mut Reader<'_>) -> Result<String, DecodeError> {
    String::from_utf8(row.var(TEXT_BYTES_MAX)?.to_vec()).map_err(|_| DecodeError::Form)
}
