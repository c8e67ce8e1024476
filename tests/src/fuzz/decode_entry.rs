//! Bytes from the partner as an entry and as each kind of payload, and headers of any fields: what decodes encodes to
//! what it was.

use arbitrary::{Arbitrary, Unstructured};
use reknit_core::entry::{DeltaItem, Entry, Header, Hlc, Payload};
use reknit_core::model::Event;
use reknit_core::model::id::{ChainId, DeviceId, EntryId, SpaceId};

const SPACE: SpaceId = SpaceId::from_bytes([1; 16]);

#[derive(Arbitrary, Debug)]
struct Fields {
    kind: u8,
    flags: u16,
    chain: ([u8; 16], u16),
    seq: u64,
    prev: [u8; 32],
    control: (u32, [u8; 16]),
    hlc: (u64, u16),
    frontier_root: [u8; 32],
    delta: Vec<(u16, u16, u64, [u8; 16])>,
    payload_len: u32,
    payload_hash: [u8; 32],
    behind: Vec<u8>,
}

impl Fields {
    fn bytes(self) -> Vec<u8> {
        let (device, inc) = self.chain;
        let delta = self.delta.into_iter().take(300);
        let header = Header {
            kind: self.kind,
            flags: self.flags,
            chain: ChainId { device: DeviceId::from_bytes(device), inc },
            seq: self.seq,
            prev: EntryId::from_bytes(self.prev),
            control: self.control,
            hlc: Hlc { ms: self.hlc.0, ctr: self.hlc.1 },
            frontier_root: self.frontier_root,
            delta: delta.map(|(slot, inc, seq, id)| DeltaItem { slot, inc, seq, id }).collect(),
            payload_len: self.payload_len,
            payload_hash: self.payload_hash,
        };
        [header.encode(), self.behind].concat()
    }
}

fn read(bytes: &[u8]) {
    if let Ok(entry) = Entry::decode(SPACE, bytes) {
        let entry = entry.peek();
        assert_eq!(entry.encode(), bytes);
        drop(Payload::decode(entry.header.kind, &entry.payload));
    }
}

/// Reads the bytes as an entry, as the fields of a header and as each kind of payload.
pub fn decode_entry(bytes: &[u8]) {
    read(bytes);
    if let Ok(fields) = Fields::arbitrary_take_rest(Unstructured::new(bytes)) {
        read(&fields.bytes());
    }
    for kind in 0..=6 {
        drop(Payload::decode(kind, bytes));
    }
    drop(Event::decode(bytes));
}
