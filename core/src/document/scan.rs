//! The raw bytes of a change, checked before Automerge or any allocation sees a claim in them.
//!
//! ```text
//! 85 6f 4a 83 | checksum 4 | type u8 = 1 | length | deps | actor | seq | start op | time | message | other actors
//! | columns: spec, length each | column data
//! ```
//! Numbers are LEB128. The checksum is the first four bytes of the SHA-256 of everything from the type on.
//! Source: Automerge's binary format, <https://automerge.org/automerge-binary-format-spec/>.

use super::change::ActorId;
use super::column::{measure, measure_bools};
use super::error::Refused;
use super::leb::Cursor;
use super::limit::{ACTORS_MAX, CHANGE_BYTES_MAX, COLUMNS_MAX, DEPS_MAX, OP_COUNTER_MAX};
use super::scan_ops::Ops;
use wire::hash::sha256;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const PLAIN_CHANGE: u8 = 1;
const DEFLATED: u64 = 8;

/// A change whose bytes are in order. Its operations are not judged yet.
#[derive(Clone)]
pub(super) struct Scanned<'a> {
    pub(super) len: usize,
    pub(super) hash: [u8; 32],
    pub(super) deps: &'a [[u8; 32]],
    pub(super) actor: ActorId,
    /// Named by index, from 1, in the operations.
    pub(super) other_actors: OtherActors<'a>,
    pub(super) seq: u64,
    pub(super) start_op: u64,
    pub(super) op_count: u64,
    columns: Columns<'a>,
}

impl<'a> Scanned<'a> {
    /// Reads the operations one by one, from the first.
    pub(super) fn ops(&self) -> Ops<'a> {
        Ops::new(&self.columns, self.op_count, self.other_actors.len())
    }
}

/// The table of other actors: 17 bytes each, length and id.
#[derive(Clone, Copy)]
pub(super) struct OtherActors<'a>(&'a [[u8; 17]]);

impl<'a> OtherActors<'a> {
    pub(super) const fn len(self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = ActorId> + 'a {
        self.0.iter().map(|[_, id @ ..]| ActorId::from_bytes(*id))
    }
}

/// The data of each known column, empty where absent.
#[derive(Clone, Copy, Default)]
pub(super) struct Columns<'a> {
    pub(super) object_actor: &'a [u8],
    pub(super) object_counter: &'a [u8],
    pub(super) key_actor: &'a [u8],
    pub(super) key_counter: &'a [u8],
    pub(super) key_text: &'a [u8],
    pub(super) insert: &'a [u8],
    pub(super) action: &'a [u8],
    pub(super) value_head: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) pred_count: &'a [u8],
    pub(super) pred_actor: &'a [u8],
    pub(super) pred_counter: &'a [u8],
}

impl<'a> Columns<'a> {
    /// The column with this spec: id times 16 and type. Those of marks are known, and not in our documents.
    fn slot(&mut self, spec: u64) -> Result<&mut &'a [u8], Refused> {
        match spec {
            1 => Ok(&mut self.object_actor),
            2 => Ok(&mut self.object_counter),
            17 => Ok(&mut self.key_actor),
            19 => Ok(&mut self.key_counter),
            21 => Ok(&mut self.key_text),
            52 => Ok(&mut self.insert),
            66 => Ok(&mut self.action),
            86 => Ok(&mut self.value_head),
            87 => Ok(&mut self.value),
            112 => Ok(&mut self.pred_count),
            113 => Ok(&mut self.pred_actor),
            115 => Ok(&mut self.pred_counter),
            148 | 165 => Err(Refused::Action),
            0..=u64::MAX => Err(Refused::Column),
        }
    }

    /// Counts every column. All have as many values as there are actions; absent ones are null throughout.
    fn measure(&self) -> Result<u64, Refused> {
        let ops = measure::<u64>(present(self.action)?, false)?;
        for (count, nulls) in [
            (measure::<u64>(present(self.value_head)?, false)?, false),
            (measure::<u64>(present(self.pred_count)?, false)?, false),
            (measure_bools(present(self.insert)?)?, false),
            (measured::<u64>(self.object_actor, true)?, true),
            (measured::<u64>(self.object_counter, true)?, true),
            (measured::<u64>(self.key_actor, true)?, true),
            (measured::<i64>(self.key_counter, true)?, true),
            (measured::<&str>(self.key_text, true)?, true),
        ] {
            if count != ops && !(nulls && count == 0) {
                return Err(Refused::Uneven);
            }
        }
        let preds = measured::<u64>(self.pred_actor, false)?;
        if preds != measured::<i64>(self.pred_counter, false)? {
            return Err(Refused::Uneven);
        }
        Ok(ops)
    }
}

const fn present(column: &[u8]) -> Result<&[u8], Refused> {
    if column.is_empty() { Err(Refused::Column) } else { Ok(column) }
}

fn measured<'a, T: super::column::Value<'a>>(
    column: &'a [u8],
    nulls: bool,
) -> Result<u64, Refused> {
    if column.is_empty() { Ok(0) } else { measure::<T>(column, nulls) }
}

/// Checks a raw change as bytes.
///
/// # Errors
/// The first rule that it breaks. Never allocates.
pub(super) fn scan(raw: &[u8]) -> Result<Scanned<'_>, Refused> {
    if raw.len() > CHANGE_BYTES_MAX {
        return Err(Refused::Size);
    }
    let mut chunk = Cursor::new(raw);
    if *chunk.array::<4>()? != MAGIC {
        return Err(Refused::Magic);
    }
    let checksum = chunk.array::<4>()?;
    let hash = sha256(&[raw.get(8..).ok_or(Refused::Length)?]);
    if *chunk.array::<1>()? != [PLAIN_CHANGE] {
        return Err(Refused::ChunkType);
    }
    if chunk.length()? != chunk.len() {
        return Err(Refused::Length);
    }
    if !hash.starts_with(checksum) {
        return Err(Refused::Checksum);
    }
    let deps = hashes(&mut chunk)?;
    let actor = actor(&mut chunk)?;
    let seq = chunk.unsigned()?;
    if seq == 0 {
        return Err(Refused::Sequence);
    }
    let start_op = chunk.unsigned()?;
    if start_op == 0 || start_op > OP_COUNTER_MAX {
        return Err(Refused::StartOp);
    }
    let _time = chunk.signed()?;
    if chunk.unsigned()? != 0 {
        return Err(Refused::Message);
    }
    let other_actors = other_actors(&mut chunk, actor)?;
    let columns = columns(&mut chunk)?;
    if !chunk.is_empty() {
        return Err(Refused::Extra);
    }
    if columns.action.is_empty() {
        return Err(Refused::Empty);
    }
    let op_count = columns.measure()?;
    let len = raw.len();
    Ok(Scanned { len, hash, deps, actor, other_actors, seq, start_op, op_count, columns })
}

fn hashes<'a>(chunk: &mut Cursor<'a>) -> Result<&'a [[u8; 32]], Refused> {
    let count = chunk.unsigned()?;
    if count > DEPS_MAX {
        return Err(Refused::Dependencies);
    }
    let bytes = usize::try_from(count).map_err(|_| Refused::Dependencies)? * 32;
    let (hashes, _) = chunk.take(bytes)?.as_chunks::<32>();
    if hashes.is_sorted_by(|a, b| a < b) { Ok(hashes) } else { Err(Refused::Dependencies) }
}

fn actor(chunk: &mut Cursor<'_>) -> Result<ActorId, Refused> {
    if chunk.length()? != ActorId::LEN {
        return Err(Refused::Actors);
    }
    Ok(ActorId::from_bytes(*chunk.array()?))
}

fn other_actors<'a>(chunk: &mut Cursor<'a>, own: ActorId) -> Result<OtherActors<'a>, Refused> {
    let count = chunk.unsigned()?;
    if count > ACTORS_MAX {
        return Err(Refused::Actors);
    }
    let bytes = usize::try_from(count).map_err(|_| Refused::Actors)? * 17;
    let (table, _) = chunk.take(bytes)?.as_chunks::<17>();
    let all_16 = table.iter().all(|[len, ..]| *len == 16);
    let actors = OtherActors(table);
    if all_16 && table.is_sorted_by(|a, b| a < b) && actors.iter().all(|other| other != own) {
        Ok(actors)
    } else {
        Err(Refused::Actors)
    }
}

fn columns<'a>(chunk: &mut Cursor<'a>) -> Result<Columns<'a>, Refused> {
    let count = chunk.unsigned()?;
    if count > COLUMNS_MAX {
        return Err(Refused::Column);
    }
    let mut heads = *chunk;
    let mut before = None;
    for _ in 0..count {
        let spec = chunk.unsigned()?;
        if u32::try_from(spec).is_err() {
            return Err(Refused::Number);
        }
        if spec & DEFLATED != 0 || before.is_some_and(|last| last >= spec) {
            return Err(Refused::Column);
        }
        before = Some(spec);
        if chunk.unsigned()? == 0 {
            return Err(Refused::Column);
        }
    }
    let mut columns = Columns::default();
    for _ in 0..count {
        let spec = heads.unsigned()?;
        let len = usize::try_from(heads.unsigned()?).map_err(|_| Refused::Length)?;
        *columns.slot(spec)? = chunk.take(len)?;
    }
    Ok(columns)
}
