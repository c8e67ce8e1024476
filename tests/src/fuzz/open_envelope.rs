//! Bytes from the relay as an envelope, bytes from someone with the key as its content, and an honest envelope with a
//! few bytes altered.

use arbitrary::{Arbitrary, Result, Unstructured};
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

/// Where an honest envelope is altered and with what, and bytes.
fn parts(bytes: &[u8]) -> Result<(Vec<(u16, u8)>, Vec<u8>)> {
    let mut rest = Unstructured::new(bytes);
    let count = u8::arbitrary(&mut rest)? % 8;
    let alterations = (0..count).map(|_| rest.arbitrary()).collect::<Result<_>>()?;
    Ok((alterations, rest.take_rest().to_vec()))
}

/// Opens the bytes as an envelope; seals them, and opens that whole and altered.
pub fn open_envelope(bytes: &[u8]) {
    let Ok((alterations, bytes)) = parts(bytes) else { return };
    let home = Home { sid: SpaceHandle::from_bytes([1; 16]), space: SpaceId::from_bytes([2; 16]) };
    let key = EpochKey::from_bytes(&[3; 32]).class_key(home.space, Class::Entry, 0);
    if let Ok(envelope) = Envelope::decode(&bytes) {
        assert_eq!(envelope.encode(), bytes);
        assert!(open(&key, &home, &envelope).is_err(), "nobody guesses a tag");
    }
    let Ok(sealed) = seal(&key, &home, &bytes, &mut Fixed) else { return };
    let envelope = Envelope::decode(&sealed).expect("our own envelope");
    assert_eq!(*open(&key, &home, &envelope).expect("our own envelope"), bytes);
    let mut altered = sealed.clone();
    for (at, with) in alterations {
        let at = usize::from(at) % altered.len();
        altered[at] ^= with;
    }
    if altered != sealed
        && let Ok(envelope) = Envelope::decode(&altered)
    {
        assert!(open(&key, &home, &envelope).is_err(), "nobody repairs a tag");
    }
}
