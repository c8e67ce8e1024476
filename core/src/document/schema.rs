//! Where each field of a document lives, and what each kind of document may hold.
//!
//! ```text
//! journal    title: text, text: text, tags: map of tag to true, at: int (ms since 1970)
//! agreement  title: text, text: text
//! ```
//! A root key of another name may come from a newer version and is kept; a known one has its form or is refused.

use super::error::Refused;
use super::scan_ops::{Action, Scalar};
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

pub(super) const TITLE: &str = "title";
pub(super) const TEXT: &str = "text";
pub(super) const TAGS: &str = "tags";
pub(super) const AT: &str = "at";

/// What a document is; fixed numbers, they stand in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A private entry of one person.
    Journal = 1,
    /// A joint text of both.
    Agreement = 2,
}

impl DocumentKind {
    /// The kind with this number, if it is known here.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Journal),
            2 => Some(Self::Agreement),
            0 | 3..=u8::MAX => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Journal => 1,
            Self::Agreement => 2,
        }
    }

    pub(super) const fn has_tags_and_time(self) -> bool {
        match self {
            Self::Journal => true,
            Self::Agreement => false,
        }
    }

    /// Whether this action may stand at this key of the root map.
    pub(super) fn check_root(self, key: &str, action: Action) -> Result<(), Refused> {
        let journal = self.has_tags_and_time();
        let fits = match key {
            TITLE | TEXT => matches!(action, Action::MakeText),
            TAGS if journal => matches!(action, Action::MakeMap),
            AT if journal => matches!(action, Action::Put(Scalar::Int)),
            _ => true,
        };
        if fits || matches!(action, Action::Delete) { Ok(()) } else { Err(Refused::Field) }
    }
}

/// What a document says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The title; empty if none was written.
    pub title: String,
    /// The text.
    pub text: String,
    /// Tags in order of their bytes. A journal entry only.
    pub tags: Vec<String>,
    /// The time that the writer gave it, in ms since 1970. A journal entry only.
    pub at_ms: Option<i64>,
}

/// What a person wrote is nobody's to log.
impl core::fmt::Debug for Fields {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fields(..)")
    }
}

impl Fields {
    /// Reads the fields; what is missing or of another form is empty.
    pub(super) fn read(document: &Automerge, kind: DocumentKind) -> Self {
        let mut fields = Self {
            title: text(document, TITLE).map(|(_, text)| text).unwrap_or_default(),
            text: text(document, TEXT).map(|(_, text)| text).unwrap_or_default(),
            ..Self::default()
        };
        if kind.has_tags_and_time() {
            fields.tags = tags(document).map(|(_, tags)| tags).unwrap_or_default();
            fields.at_ms = match document.get(ROOT, AT) {
                Ok(Some((Value::Scalar(value), _))) => value.as_i64(),
                Ok(_) | Err(_) => None,
            };
        }
        fields
    }
}

/// The text object at a root key and its content.
pub(super) fn text(document: &Automerge, key: &str) -> Option<(ObjId, String)> {
    match document.get(ROOT, key) {
        Ok(Some((Value::Object(ObjType::Text), id))) => {
            let text = document.text(&id).unwrap_or_default();
            Some((id, text))
        }
        Ok(_) | Err(_) => None,
    }
}

/// The map of tags and those that are set.
pub(super) fn tags(document: &Automerge) -> Option<(ObjId, Vec<String>)> {
    let Ok(Some((Value::Object(ObjType::Map), id))) = document.get(ROOT, TAGS) else { return None };
    let set = Value::from(ScalarValue::Boolean(true));
    let mut tags: Vec<String> = document
        .keys(&id)
        .filter(|key| {
            document.get(&id, key).is_ok_and(|found| found.is_some_and(|(value, _)| value == set))
        })
        .collect();
    tags.sort_unstable();
    Some((id, tags))
}
