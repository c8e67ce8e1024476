//! Automerge changes made by hand, byte by byte: honest ones, and ones that no library would write.

use wire::hash::sha256;

/// A plain change, as the chunk type says.
pub const PLAIN: u8 = 1;

/// Column specs: id times 16 and type.
pub mod column {
    /// The object's actor.
    pub const OBJECT_ACTOR: u64 = 1;
    /// The object's counter.
    pub const OBJECT_COUNTER: u64 = 2;
    /// A text position's actor.
    pub const KEY_ACTOR: u64 = 17;
    /// A text position's counter, as differences.
    pub const KEY_COUNTER: u64 = 19;
    /// A map key.
    pub const KEY_TEXT: u64 = 21;
    /// Whether the operation inserts.
    pub const INSERT: u64 = 52;
    /// What it does.
    pub const ACTION: u64 = 66;
    /// The value's type and length.
    pub const VALUE_HEAD: u64 = 86;
    /// The values' bytes.
    pub const VALUE: u64 = 87;
    /// How many operations it overwrites.
    pub const PRED_COUNT: u64 = 112;
    /// Their actors.
    pub const PRED_ACTOR: u64 = 113;
    /// Their counters, as differences.
    pub const PRED_COUNTER: u64 = 115;
    /// Whether a mark grows.
    pub const EXPAND: u64 = 148;
    /// A mark's name.
    pub const MARK_NAME: u64 = 165;
}

/// An operation's name: counter, and place of its actor in the change's table (0: the author).
pub type Id = (u64, u64);

/// Where in its object an operation works.
#[derive(Debug, Clone)]
pub enum Key {
    /// At a key of a map.
    Map(String),
    /// Before the first character.
    Head,
    /// At or after a character.
    Element(Id),
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Op {
    /// None is the root map.
    pub object: Option<Id>,
    /// Where.
    pub key: Key,
    /// Whether it inserts.
    pub insert: bool,
    /// 0 make map, 1 put, 2 make list, 3 delete, 4 make text, 5 increment, 7 mark.
    pub action: u64,
    /// The value's type, its low four bits, and bytes.
    pub value: (u64, Vec<u8>),
    /// What it overwrites.
    pub preds: Vec<Id>,
}

impl Op {
    /// Puts `true` at a map key.
    pub fn put(object: Option<Id>, key: &str) -> Self {
        let key = Key::Map(key.to_owned());
        Self { object, key, insert: false, action: 1, value: (2, vec![]), preds: vec![] }
    }

    /// Makes an object at a map key: 0 map, 2 list, 4 text.
    pub fn make(object: Option<Id>, key: &str, action: u64) -> Self {
        Self { action, value: (0, vec![]), ..Self::put(object, key) }
    }

    /// Inserts a character.
    pub fn insert(object: Id, key: Key, character: char) -> Self {
        let value = (6, character.to_string().into_bytes());
        Self { object: Some(object), key, insert: true, action: 1, value, preds: vec![] }
    }

    /// Deletes a character.
    pub fn delete(object: Id, character: Id) -> Self {
        Self {
            object: Some(object),
            key: Key::Element(character),
            insert: false,
            action: 3,
            value: (0, vec![]),
            preds: vec![character],
        }
    }

    /// The same with other predecessors.
    #[must_use]
    pub fn over(self, preds: &[Id]) -> Self {
        Self { preds: preds.to_vec(), ..self }
    }
}

/// A change in parts, each of which a test may break. Numbers stand as the bytes that are written.
#[derive(Debug, Clone)]
pub struct RawChange {
    /// Hashes of the changes it has seen.
    pub deps: Vec<[u8; 32]>,
    /// Its author.
    pub actor: Vec<u8>,
    /// Its number among the author's changes.
    pub seq: Vec<u8>,
    /// The counter of its first operation.
    pub start_op: Vec<u8>,
    /// A commit message.
    pub message: Vec<u8>,
    /// Other actors that operations name.
    pub other_actors: Vec<Vec<u8>>,
    /// Spec and data.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// Bytes after the last column.
    pub extra: Vec<u8>,
}

impl RawChange {
    /// A change with these operations, in the form that Automerge writes.
    pub fn new(actor: [u8; 16], seq: u64, start_op: u64, ops: &[Op]) -> Self {
        Self {
            deps: vec![],
            actor: actor.to_vec(),
            seq: unsigned(seq),
            start_op: unsigned(start_op),
            message: vec![],
            other_actors: vec![],
            columns: columns(ops),
            extra: vec![],
        }
    }

    /// Sets the data of a column, in place.
    #[must_use]
    pub fn with_column(mut self, spec: u64, data: Vec<u8>) -> Self {
        self.columns.retain(|(found, _)| *found != spec);
        self.columns.push((spec, data));
        self.columns.sort_by_key(|(spec, _)| *spec);
        self.columns.retain(|(_, data)| !data.is_empty());
        self
    }

    /// The chunk's data: everything after type and length.
    pub fn data(&self) -> Vec<u8> {
        let (mut data, _, after) = self.around(u64::MAX);
        data.extend(after);
        data
    }

    /// The data before a column's, the column's, and the data after it.
    pub fn around(&self, spec: u64) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let mut before = unsigned(self.deps.len() as u64);
        before.extend(self.deps.iter().flatten());
        before.extend(sized(&self.actor));
        before.extend(&self.seq);
        before.extend(&self.start_op);
        before.extend(signed(0));
        before.extend(sized(&self.message));
        before.extend(unsigned(self.other_actors.len() as u64));
        before.extend(self.other_actors.iter().flat_map(|actor| sized(actor)));
        before.extend(unsigned(self.columns.len() as u64));
        for (spec, data) in &self.columns {
            before.extend(unsigned(*spec));
            before.extend(unsigned(data.len() as u64));
        }
        let (mut column, mut after) = (vec![], vec![]);
        for (found, data) in &self.columns {
            match found.cmp(&spec) {
                std::cmp::Ordering::Less => before.extend(data),
                std::cmp::Ordering::Equal => column.extend(data),
                std::cmp::Ordering::Greater => after.extend(data),
            }
        }
        after.extend(&self.extra);
        (before, column, after)
    }

    /// The bytes, with the right length and checksum.
    pub fn build(&self) -> Vec<u8> {
        chunk(PLAIN, &self.data())
    }
}

/// A chunk of any type, with the right length and checksum.
pub fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut rest = vec![kind];
    rest.extend(unsigned(data.len() as u64));
    rest.extend(data);
    sealed(&rest)
}

/// Magic and checksum before a chunk's type, length and data.
pub fn sealed(rest: &[u8]) -> Vec<u8> {
    let mut raw = vec![0x85, 0x6f, 0x4a, 0x83];
    raw.extend(&sha256(&[rest])[..4]);
    raw.extend(rest);
    raw
}

/// An unsigned LEB128 number.
pub fn unsigned(mut value: u64) -> Vec<u8> {
    let mut out = vec![];
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A signed LEB128 number.
pub fn signed(mut value: i64) -> Vec<u8> {
    let mut out = vec![];
    loop {
        let byte = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A length and bytes.
pub fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut out = unsigned(bytes.len() as u64);
    out.extend(bytes);
    out
}

/// A column of runs, nulls and literals, in its shortest form.
pub fn runs<T: Clone + PartialEq>(values: &[Option<T>], write: impl Fn(&T) -> Vec<u8>) -> Vec<u8> {
    if values.iter().all(Option::is_none) {
        return vec![];
    }
    let mut out = vec![];
    let mut literal: Vec<T> = vec![];
    let flush = |literal: &mut Vec<T>, out: &mut Vec<u8>| {
        if !literal.is_empty() {
            out.extend(signed(-count(literal)));
            literal.drain(..).for_each(|value| out.extend(write(&value)));
        }
    };
    for run in values.chunk_by(|a, b| a == b) {
        match &run[0] {
            Some(value) if run.len() == 1 => literal.push(value.clone()),
            Some(value) => {
                flush(&mut literal, &mut out);
                out.extend(signed(count(run)));
                out.extend(write(value));
            }
            None => {
                flush(&mut literal, &mut out);
                out.push(0);
                out.extend(unsigned(run.len() as u64));
            }
        }
    }
    flush(&mut literal, &mut out);
    out
}

fn count<T>(values: &[T]) -> i64 {
    i64::try_from(values.len()).expect("a count")
}

/// A column of numbers.
pub fn numbers(values: &[Option<u64>]) -> Vec<u8> {
    runs(values, |value| unsigned(*value))
}

/// A column of differences.
pub fn differences(values: &[Option<u64>]) -> Vec<u8> {
    let mut last = 0_i64;
    let steps: Vec<_> = values
        .iter()
        .map(|value| {
            value.map(|value| {
                let step = value.cast_signed().wrapping_sub(last);
                last = value.cast_signed();
                step
            })
        })
        .collect();
    runs(&steps, |value| signed(*value))
}

/// A column of bools: lengths of alternating runs, the first false.
pub fn bools(values: &[bool]) -> Vec<u8> {
    let mut out = vec![];
    if values.first() == Some(&true) {
        out.push(0);
    }
    for run in values.chunk_by(|a, b| a == b) {
        out.extend(unsigned(run.len() as u64));
    }
    out
}

fn columns(ops: &[Op]) -> Vec<(u64, Vec<u8>)> {
    use column as c;
    let map = |read: &dyn Fn(&Op) -> Option<u64>| ops.iter().map(read).collect::<Vec<_>>();
    let keys: Vec<_> = ops
        .iter()
        .map(|op| if let Key::Map(key) = &op.key { Some(key.clone()) } else { None })
        .collect();
    let element = |op: &Op| match op.key {
        Key::Map(_) => None,
        Key::Head => Some((0, None)),
        Key::Element((counter, actor)) => Some((counter, Some(actor))),
    };
    let preds: Vec<_> = ops.iter().flat_map(|op| op.preds.clone()).collect();
    let all = [
        (c::OBJECT_ACTOR, numbers(&map(&|op| op.object.map(|(_, actor)| actor)))),
        (c::OBJECT_COUNTER, numbers(&map(&|op| op.object.map(|(counter, _)| counter)))),
        (c::KEY_ACTOR, numbers(&map(&|op| element(op).and_then(|(_, actor)| actor)))),
        (c::KEY_COUNTER, differences(&map(&|op| element(op).map(|(counter, _)| counter)))),
        (c::KEY_TEXT, runs(&keys, |key| sized(key.as_bytes()))),
        (c::INSERT, bools(&ops.iter().map(|op| op.insert).collect::<Vec<_>>())),
        (c::ACTION, numbers(&map(&|op| Some(op.action)))),
        (c::VALUE_HEAD, numbers(&map(&|op| Some((op.value.1.len() as u64) << 4 | op.value.0)))),
        (c::VALUE, ops.iter().flat_map(|op| op.value.1.clone()).collect()),
        (c::PRED_COUNT, numbers(&map(&|op| Some(op.preds.len() as u64)))),
        (c::PRED_ACTOR, numbers(&preds.iter().map(|(_, actor)| Some(*actor)).collect::<Vec<_>>())),
        (c::PRED_COUNTER, differences(&preds.iter().map(|(at, _)| Some(*at)).collect::<Vec<_>>())),
    ];
    all.into_iter().filter(|(_, data)| !data.is_empty()).collect()
}
