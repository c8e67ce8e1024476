//! Bytes from the partner as an entry and as each kind of payload: what decodes encodes to what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reknit_core::entry::{Entry, Payload};
use reknit_core::model::{Event, id::SpaceId};

fuzz_target!(|bytes: &[u8]| {
    let space = SpaceId::from_bytes([1; 16]);
    if let Ok(entry) = Entry::decode(space, bytes) {
        let entry = entry.peek();
        assert_eq!(entry.encode(), bytes);
        drop(Payload::decode(entry.header.kind, &entry.payload));
    }
    for kind in 0..=6 {
        drop(Payload::decode(kind, bytes));
    }
    drop(Event::decode(bytes));
});
