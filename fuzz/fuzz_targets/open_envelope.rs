//! Bytes from the relay as an envelope, and bytes from someone with the key as its content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reknit_core::crypto::{EpochKey, Home, Random, open, seal};
use reknit_core::model::id::SpaceId;
use wire::envelope::{Class, Envelope};
use wire::id::SpaceHandle;

struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let home = Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };
    let key = EpochKey::from_bytes(&[3; 32]).class_key(home.space, Class::Entry, 0);
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode(), bytes);
        assert!(open(&key, &home, &envelope).is_err(), "nobody guesses a tag");
    }
    if let Ok(sealed) = seal(&key, &home, bytes, &mut Fixed) {
        let envelope = Envelope::decode(&sealed).expect("our own envelope");
        assert_eq!(open(&key, &home, &envelope).expect("our own envelope").as_slice(), bytes);
    }
});
