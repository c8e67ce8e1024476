//! Edits of one's own: field values in, raw changes out.
//!
//! A text is compared with what stands and only the difference is written, so that two people's edits of different
//! places both stay. What would pass the gate's bounds is split into several changes.

use super::change::ActorId;
use super::diff::{Hunk, diff};
use super::error::EditError;
use super::limit::{
    KEY_BYTES_MAX, OPS_PER_EDIT_MAX, OPS_PER_ENTRY_MAX, TAGS_MAX, TEXT_CHARS_MAX, TITLE_CHARS_MAX,
};
use super::schema::{AT, DocumentKind, Fields, TAGS, TEXT, TITLE, text};
use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ObjType, ROOT, ReadDoc, Value};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// What an edit writes beside its texts, at most: the fields' objects, the time, old tags out and new tags in.
const OTHER_OPS_MAX: u64 = 1_024;

/// New values of fields; what is none stays as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// The whole new title.
    pub title: Option<String>,
    /// The whole new text.
    pub text: Option<String>,
    /// All tags. A journal entry only.
    pub tags: Option<Vec<String>>,
    /// The time it is about, in ms since 1970. A journal entry only.
    pub at_ms: Option<i64>,
}

impl Edit {
    /// What brings a document that says `before` to say `after`.
    pub fn between(before: &Fields, after: &Fields) -> Self {
        let text = |old: &String, new: &String| (old != new).then(|| new.clone());
        Self {
            title: text(&before.title, &after.title),
            text: text(&before.text, &after.text),
            tags: (before.tags != after.tags).then(|| after.tags.clone()),
            at_ms: after.at_ms.filter(|at| before.at_ms != Some(*at)),
        }
    }
}

/// What a person wrote is nobody's to log.
impl core::fmt::Debug for Edit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Edit(..)")
    }
}

/// The document with the edit in it, and the edit's raw changes.
pub(super) fn written(
    mut copy: Automerge,
    kind: DocumentKind,
    (actor, time_ms): (ActorId, i64),
    edit: &Edit,
) -> Result<(Automerge, Vec<Vec<u8>>), EditError> {
    if !kind.has_tags_and_time() && (edit.tags.is_some() || edit.at_ms.is_some()) {
        return Err(EditError::Field);
    }
    let tags = edit.tags.as_deref().map(checked_tags).transpose()?;
    if *edit == Edit::default() {
        return Ok((copy, Vec::new()));
    }
    let (steps, anew) = all_steps(&copy, edit)?;
    copy.set_actor(automerge::ActorId::from(actor.as_bytes()));
    let mut changes = Vec::new();
    let mut groups = grouped(steps).into_iter();
    let first = groups.next().unwrap_or_default();
    changes.extend(commit(&mut copy, time_ms, |tx| {
        lay_out(tx, kind, &anew)?;
        write_tags_and_time(tx, tags.as_ref(), edit.at_ms)?;
        write_text(tx, &first)
    })?);
    for group in groups {
        changes.extend(commit(&mut copy, time_ms, |tx| write_text(tx, &group))?);
    }
    Ok((copy, changes))
}

/// What is to be written into the texts, and which of them are begun anew.
///
/// As a rule only the difference is written. Another device may have made a text longer than any edit may: then the
/// difference may be more than one entry holds, and the text is begun anew in the place of the old one.
fn all_steps(
    document: &Automerge,
    edit: &Edit,
) -> Result<(Vec<Step>, Vec<&'static str>), EditError> {
    let mut texts = Vec::new();
    for (key, value, max) in
        [(TITLE, &edit.title, TITLE_CHARS_MAX), (TEXT, &edit.text, TEXT_CHARS_MAX)]
    {
        if let Some(new) = value {
            if new.chars().count() > max {
                return Err(EditError::TooLong);
            }
            let old = text(document, key).map(|(_, text)| text).unwrap_or_default();
            let too_long = old.chars().count() > max;
            texts.push((key, too_long, new, text_steps(key, diff(&old, new))));
        }
    }
    let ops = texts.iter().flat_map(|(.., steps)| steps).map(Step::ops).sum::<usize>() as u64;
    let fits = ops + OTHER_OPS_MAX <= OPS_PER_ENTRY_MAX;
    let (mut all, mut anew) = (Vec::new(), Vec::new());
    for (key, too_long, new, steps) in texts {
        if fits || !too_long {
            all.extend(steps);
        } else {
            anew.push(key);
            all.extend(text_steps(key, diff("", new)));
        }
    }
    Ok((all, anew))
}

/// Replace `delete` characters at `at` by `insert`, all earlier steps done.
#[derive(Debug)]
struct Step {
    key: &'static str,
    at: usize,
    delete: usize,
    insert: Vec<char>,
}

impl Step {
    fn ops(&self) -> usize {
        self.delete + self.insert.len()
    }
}

fn text_steps(key: &'static str, hunks: Vec<Hunk>) -> Vec<Step> {
    let (mut inserted, mut deleted) = (0, 0);
    let mut steps = Vec::with_capacity(hunks.len());
    for hunk in hunks {
        let at = hunk.at + inserted - deleted;
        inserted += hunk.insert.len();
        deleted += hunk.delete;
        steps.push(Step { key, at, delete: hunk.delete, insert: hunk.insert });
    }
    steps
}

/// The steps in groups of at most [`OPS_PER_EDIT_MAX`] operations, one change each.
fn grouped(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    let mut room = OPS_PER_EDIT_MAX;
    for mut step in steps {
        while step.ops() > room {
            let delete = step.delete.min(room);
            let rest = step.insert.split_off(step.insert.len().min(room - delete));
            let insert = std::mem::replace(&mut step.insert, rest);
            let written = insert.len();
            group.push(Step { key: step.key, at: step.at, delete, insert });
            step.delete -= delete;
            step.at += written;
            groups.push(std::mem::take(&mut group));
            room = OPS_PER_EDIT_MAX;
        }
        room -= step.ops();
        group.push(step);
    }
    groups.push(group);
    groups
}

/// One transaction; its raw change, unless nothing was written.
fn commit(
    copy: &mut Automerge,
    time_ms: i64,
    write: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
) -> Result<Option<Vec<u8>>, EditError> {
    let mut tx = copy.transaction();
    write(&mut tx).map_err(|_| EditError::Library)?;
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(time_ms));
    let Some(hash) = hash else { return Ok(None) };
    let change = copy.get_change_by_hash(&hash).ok_or(EditError::Library)?;
    Ok(Some(change.raw_bytes().to_vec()))
}

/// Makes the fields' objects once, so that two devices do not each make their own later.
fn lay_out(
    tx: &mut Transaction<'_>,
    kind: DocumentKind,
    anew: &[&'static str],
) -> Result<(), AutomergeError> {
    let tags = kind.has_tags_and_time().then_some((TAGS, ObjType::Map));
    for (key, form) in [(TITLE, ObjType::Text), (TEXT, ObjType::Text)].into_iter().chain(tags) {
        let stands = matches!(tx.get(ROOT, key)?, Some((Value::Object(found), _)) if found == form);
        if !stands || anew.contains(&key) {
            tx.put_object(ROOT, key, form)?;
        }
    }
    Ok(())
}

fn write_tags_and_time(
    tx: &mut Transaction<'_>,
    new: Option<&BTreeSet<String>>,
    at_ms: Option<i64>,
) -> Result<(), AutomergeError> {
    if let (Some(new), Some((Value::Object(ObjType::Map), id))) = (new, tx.get(ROOT, TAGS)?) {
        let standing: Vec<String> = tx.keys(&id).collect();
        for gone in standing.iter().filter(|tag| !new.contains(*tag)) {
            tx.delete(&id, gone.as_str())?;
        }
        for tag in new {
            tx.put(&id, tag.as_str(), true)?;
        }
    }
    if let Some(at_ms) = at_ms {
        tx.put(ROOT, AT, at_ms)?;
    }
    Ok(())
}

fn write_text(tx: &mut Transaction<'_>, steps: &[Step]) -> Result<(), AutomergeError> {
    for step in steps {
        let Some((Value::Object(ObjType::Text), id)) = tx.get(ROOT, step.key)? else {
            return Err(AutomergeError::Fail);
        };
        let insert: String = step.insert.iter().collect();
        tx.splice_text(&id, step.at, step.delete.cast_signed(), &insert)?;
    }
    Ok(())
}

/// Tags in normal form C, each once.
fn checked_tags(tags: &[String]) -> Result<BTreeSet<String>, EditError> {
    let tags: BTreeSet<String> = tags.iter().map(|tag| tag.nfc().collect()).collect();
    let fits = |tag: &String| !tag.is_empty() && tag.len() <= KEY_BYTES_MAX && !tag.contains('\0');
    if tags.len() <= TAGS_MAX && tags.iter().all(fits) { Ok(tags) } else { Err(EditError::Tag) }
}
