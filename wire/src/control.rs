//! A control item as the relay stores it: one link of the log that says who is in a space and which key it uses.
//!
//! ```text
//! ver u8 | suite u8 | class u8 = 2 | flags u8 | idx u32 | epoch_before u32 | epoch_after u32 | prev_item_hash 32
//!        | salt 24 | commitment 32 | body var | ladder 72 | wraps 12 x 1,168
//! ```
//! Nothing in it tells an added device from a new key: sizes and counts are always the same.

use crate::codec::{DecodeError, Reader, Writer};
use crate::envelope::{Class, ENVELOPE_VERSION, EnvelopeError, SUITE, is_bucket, padded_len};
use crate::hash::item_hash;
use crate::id::ItemHash;
use crate::limit::{
    CONTROL_BODY_BYTES_MAX, CONTROL_BODY_BYTES_MIN, CONTROL_FIXED_BYTES, LADDER_BYTES, WRAP_BYTES,
    WRAPS,
};

/// One control item, parsed but not opened.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlItem {
    /// Place in the log, from 0.
    pub idx: u32,
    /// The epoch whose key seals the body.
    pub epoch_before: u32,
    /// The epoch after this item.
    pub epoch_after: u32,
    /// Hash of the item before, zero at idx 0.
    pub prev: ItemHash,
    /// Random: makes a key and a nonce of its own for each item.
    pub salt: [u8; 24],
    /// Commits to the key.
    pub commitment: [u8; 32],
    /// The sealed op with its tag.
    pub body: Vec<u8>,
    /// The old epoch key sealed under the new one; random if there is no new one.
    pub ladder: [u8; LADDER_BYTES],
    /// The epoch key for each recipient; always twelve, spare ones filled up.
    pub wraps: Vec<[u8; WRAP_BYTES]>,
}

impl ControlItem {
    /// Parses an item.
    ///
    /// # Errors
    /// [`EnvelopeError::Size`] if a length is not as fixed, [`EnvelopeError::Suite`] if the head is not of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let mut reader = Reader::new(bytes);
        let head = reader.array::<4>().map_err(|_| EnvelopeError::Size)?;
        if head != [ENVELOPE_VERSION, SUITE, Class::Control.number(), 0] {
            return Err(EnvelopeError::Suite);
        }
        Self::decode_rest(reader).map_err(|_| EnvelopeError::Size)
    }

    fn decode_rest(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let idx = reader.u32()?;
        let epoch_before = reader.u32()?;
        let epoch_after = reader.u32()?;
        let prev = ItemHash::from_bytes(reader.array()?);
        let salt = reader.array()?;
        let commitment = reader.array()?;
        let body = reader.var(CONTROL_BODY_BYTES_MAX)?;
        if !is_control_body_len(body.len()) {
            return Err(DecodeError::Form);
        }
        let ladder = reader.array()?;
        let wraps = (0..WRAPS).map(|_| reader.array()).collect::<Result<_, _>>()?;
        reader.end()?;
        let body = body.to_vec();
        Ok(Self { idx, epoch_before, epoch_after, prev, salt, commitment, body, ladder, wraps })
    }

    /// Writes the item.
    ///
    /// # Panics
    /// If there are not exactly twelve wraps: an item with fewer would tell what it is.
    pub fn encode(&self) -> Vec<u8> {
        assert_eq!(self.wraps.len(), WRAPS, "an item always carries twelve wraps");
        let mut writer = Writer::with_capacity(CONTROL_FIXED_BYTES + self.body.len());
        writer.bytes(&self.aad_head()).var(&self.body).bytes(&self.ladder);
        for wrap in &self.wraps {
            writer.bytes(wrap);
        }
        writer.into_bytes()
    }

    /// SHA-256 of the written item.
    pub fn hash(&self) -> ItemHash {
        item_hash(&self.encode())
    }

    /// The first 16 bytes, version to the epochs: part of the keys' info.
    pub fn head16(&self) -> [u8; 16] {
        let mut out = [
            ENVELOPE_VERSION,
            SUITE,
            Class::Control.number(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        let numbers = [self.idx, self.epoch_before, self.epoch_after];
        let numbers = numbers.into_iter().flat_map(u32::to_be_bytes);
        for (to, from) in out.iter_mut().skip(4).zip(numbers) {
            *to = from;
        }
        out
    }

    /// The first 104 bytes: authenticated beside the body.
    pub fn aad_head(&self) -> [u8; 104] {
        let mut out = [0; 104];
        let tail = self.prev.to_bytes().into_iter().chain(self.salt).chain(self.commitment);
        for (to, from) in out.iter_mut().zip(self.head16().into_iter().chain(tail)) {
            *to = from;
        }
        out
    }
}

impl core::fmt::Debug for ControlItem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ControlItem(idx {}, {} bytes)", self.idx, CONTROL_FIXED_BYTES + self.body.len())
    }
}

/// The length of the sealed body, tag included, of an op of this length. `None` if it is too long.
pub fn control_body_len(op_len: usize) -> Option<usize> {
    let len = padded_len(op_len, 16)?.max(CONTROL_BODY_BYTES_MIN);
    (len <= CONTROL_BODY_BYTES_MAX).then_some(len)
}

fn is_control_body_len(len: usize) -> bool {
    (CONTROL_BODY_BYTES_MIN..=CONTROL_BODY_BYTES_MAX).contains(&len) && is_bucket(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> ControlItem {
        ControlItem {
            idx: 3,
            epoch_before: 1,
            epoch_after: 2,
            prev: ItemHash::from_bytes([9; 32]),
            salt: [1; 24],
            commitment: [2; 32],
            body: vec![3; 4_096],
            ladder: [4; LADDER_BYTES],
            wraps: vec![[5; WRAP_BYTES]; WRAPS],
        }
    }

    #[test]
    fn an_item_is_about_18_kb_and_reads_back_as_written() {
        let bytes = sample().encode();
        assert_eq!(bytes.len(), 18_292);
        assert_eq!(&bytes[..16], &sample().head16());
        assert_eq!(ControlItem::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn an_item_one_byte_shorter_or_longer_is_refused() {
        let mut bytes = sample().encode();
        assert_eq!(ControlItem::decode(&bytes[..bytes.len() - 1]), Err(EnvelopeError::Size));
        bytes.push(0);
        assert_eq!(ControlItem::decode(&bytes), Err(EnvelopeError::Size));
        assert_eq!(ControlItem::decode(&[]), Err(EnvelopeError::Size));
    }

    #[test]
    fn a_body_that_is_no_bucket_is_refused() {
        for len in [0, 3_072, 4_095, 4_097, 65_537] {
            let bytes = ControlItem { body: vec![0; len], ..sample() }.encode();
            assert_eq!(ControlItem::decode(&bytes), Err(EnvelopeError::Size), "{len}");
        }
    }

    #[test]
    fn b26_an_item_of_another_version_suite_class_or_flag_is_refused() {
        for at in 0..4 {
            let mut bytes = sample().encode();
            bytes[at] ^= 4;
            assert_eq!(ControlItem::decode(&bytes), Err(EnvelopeError::Suite));
        }
    }

    #[test]
    fn every_op_that_fits_4_kib_has_a_body_of_one_size() {
        assert_eq!(control_body_len(0), Some(4_096));
        assert_eq!(control_body_len(4_079), Some(4_096));
        assert_eq!(control_body_len(4_080), Some(4_352));
        assert_eq!(control_body_len(65_520), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_decode_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..20_000), good: bool) {
            if good && bytes.len() > 4 {
                bytes[..4].copy_from_slice(&[1, 1, 2, 0]);
            }
            drop(ControlItem::decode(&bytes));
        }

        #[test]
        fn what_decodes_encodes_to_the_same_bytes(at in 0_usize..18_292, value: u8) {
            let mut bytes = sample().encode();
            bytes[at] = value;
            if let Ok(item) = ControlItem::decode(&bytes) {
                prop_assert_eq!(item.encode(), bytes);
            }
        }
    }
}
