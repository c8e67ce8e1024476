//! The envelope: the only shape in which what people wrote ever leaves a device.
//!
//! ```text
//! ver u8 = 1 | suite u8 = 1 | class u8 | flags u8 = 0 | epoch u32 | salt 24 | commitment 32 | ciphertext n | tag 16
//! ```
//! Lengths come from a short list of buckets, so that a length says little: 512 to 4,096 in steps, above that PADMÉ
//! (Nikitin et al., 2019: at most 12 % more).

use crate::codec::Reader;
use crate::limit::ENVELOPE_BYTES_MAX;

/// The version of the envelope layout.
pub const ENVELOPE_VERSION: u8 = 1;
/// The cipher suite: HKDF-SHA256 and ChaCha20-Poly1305.
pub const SUITE: u8 = 1;
/// Bytes of an envelope that are not ciphertext: the header and the tag.
pub const ENVELOPE_OVERHEAD: usize = 80;

const BUCKETS: [usize; 7] = [512, 768, 1_024, 1_536, 2_048, 3_072, 4_096];

/// What is inside, as far as the relay must know it to treat it rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A signed entry.
    Entry = 1,
    /// The body of a control item.
    Control = 2,
    /// A part of a snapshot.
    SnapshotChunk = 3,
    /// A part of an attachment.
    BlobSegment = 4,
    /// Never stored.
    Ephemeral = 5,
    /// A message of the pairing mailbox.
    Mailbox = 6,
    /// A report that the relay takes under any epoch.
    Notice = 7,
}

impl Class {
    /// The class of this number.
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Entry),
            2 => Some(Self::Control),
            3 => Some(Self::SnapshotChunk),
            4 => Some(Self::BlobSegment),
            5 => Some(Self::Ephemeral),
            6 => Some(Self::Mailbox),
            7 => Some(Self::Notice),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Why bytes are not an envelope or a control item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Too short, or a length that no honest sealing makes.
    #[error("Damaged message.")]
    Size,
    /// A version, suite, class or flag that this program does not know.
    #[error("Made by a newer app. Please update.")]
    Suite,
}

impl EnvelopeError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Size => "env.size",
            Self::Suite => "env.suite",
        }
    }
}

/// What a relay looks at before it stores an envelope: nothing is copied.
///
/// # Errors
/// As [`Envelope::decode`].
pub fn inspect(bytes: &[u8]) -> Result<(Class, u32), EnvelopeError> {
    if !is_bucket(bytes.len()) {
        return Err(EnvelopeError::Size);
    }
    let mut reader = Reader::new(bytes);
    let head = reader.array::<4>().map_err(|_| EnvelopeError::Size)?;
    let [ENVELOPE_VERSION, SUITE, class, 0] = head else { return Err(EnvelopeError::Suite) };
    let class = Class::from_u8(class).ok_or(EnvelopeError::Suite)?;
    let epoch = reader.u32().map_err(|_| EnvelopeError::Size)?;
    Ok((class, epoch))
}

/// A sealed message, parsed but not opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is inside.
    pub class: Class,
    /// The epoch whose key seals it.
    pub epoch: u32,
    /// Random: makes a key and a nonce of its own for each envelope.
    pub salt: [u8; 24],
    /// Commits to the key, so that one ciphertext cannot open to two texts.
    pub commitment: [u8; 32],
    /// The ciphertext with its tag of 16 bytes.
    pub ciphertext: Vec<u8>,
}

impl Envelope {
    /// Parses an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError::Size`] if the length is no bucket, [`EnvelopeError::Suite`] if the head is not of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (class, epoch) = inspect(bytes)?;
        let mut reader = Reader::new(bytes.get(8..).unwrap_or_default());
        let salt = reader.array().map_err(|_| EnvelopeError::Size)?;
        let commitment = reader.array().map_err(|_| EnvelopeError::Size)?;
        Ok(Self { class, epoch, salt, commitment, ciphertext: reader.rest().to_vec() })
    }

    /// Writes the envelope.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.ciphertext.len());
        out.extend_from_slice(&self.head());
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.ciphertext);
        out
    }

    /// The first 8 bytes, version to epoch: part of the keys' info.
    pub const fn head(&self) -> [u8; 8] {
        let [a, b, c, d] = self.epoch.to_be_bytes();
        [ENVELOPE_VERSION, SUITE, self.class.number(), 0, a, b, c, d]
    }

    /// The first 64 bytes: authenticated beside the ciphertext.
    pub fn aad_head(&self) -> [u8; 64] {
        let mut out = [0; 64];
        for (to, from) in out
            .iter_mut()
            .zip(self.head().into_iter().chain(self.salt.into_iter().chain(self.commitment)))
        {
            *to = from;
        }
        out
    }
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Envelope({:?}, {} bytes)", self.class, 64 + self.ciphertext.len())
    }
}

/// The whole length of what seals `inner_len` bytes with `overhead` bytes around them: the smallest bucket with room
/// for one padding byte. `None` above 1 MiB.
pub fn padded_len(inner_len: usize, overhead: usize) -> Option<usize> {
    let wanted = inner_len.checked_add(1)?.checked_add(overhead)?;
    let len = BUCKETS.into_iter().find(|bucket| *bucket >= wanted).unwrap_or_else(|| padme(wanted));
    (len <= ENVELOPE_BYTES_MAX).then_some(len)
}

/// Whether an envelope may have this length.
pub fn is_bucket(len: usize) -> bool {
    BUCKETS.contains(&len) || (len > 4_096 && len <= ENVELOPE_BYTES_MAX && padme(len) == len)
}

/// The PADMÉ size: as many low bits zero as the length has bits beyond the bits of its exponent.
const fn padme(len: usize) -> usize {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let low_bits = exponent.saturating_sub(exponent.ilog2() + 1);
    let mask = (1_usize << low_bits) - 1;
    match len.checked_add(mask) {
        Some(sum) => sum & !mask,
        None => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(len: usize) -> Vec<u8> {
        let mut bytes = vec![7; len];
        bytes[..8].copy_from_slice(&[1, 1, 1, 0, 0, 0, 0, 9]);
        bytes
    }

    #[test]
    fn b25_an_envelope_whose_length_is_no_bucket_is_refused() {
        for len in [0, 1, 79, 80, 511, 513, 4_097, 1_048_575, 1_048_577] {
            let mut bytes = sample(len.max(8));
            bytes.truncate(len);
            assert_eq!(Envelope::decode(&bytes), Err(EnvelopeError::Size), "{len}");
        }
        for len in [512, 768, 1_024, 1_536, 2_048, 3_072, 4_096, 4_352, 8_192, 8_704, 1_048_576] {
            assert!(Envelope::decode(&sample(len)).is_ok(), "{len}");
        }
        assert_eq!(EnvelopeError::Size.code(), "env.size");
    }

    #[test]
    fn b26_an_unknown_version_suite_class_or_flag_is_refused() {
        for (at, value) in
            [(0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 8), (2, 255), (3, 1), (3, 128)]
        {
            let mut bytes = sample(512);
            bytes[at] = value;
            assert_eq!(Envelope::decode(&bytes), Err(EnvelopeError::Suite), "{at} {value}");
        }
        assert_eq!(EnvelopeError::Suite.code(), "env.suite");
    }

    #[test]
    fn the_longest_entry_fills_the_longest_envelope() {
        assert_eq!(padded_len(crate::limit::ENTRY_BYTES_MAX, ENVELOPE_OVERHEAD), Some(1_048_576));
        assert_eq!(padded_len(crate::limit::ENTRY_BYTES_MAX + 1, ENVELOPE_OVERHEAD), None);
        assert_eq!(padded_len(usize::MAX, 80), None);
        assert_eq!(padded_len(431, 80), Some(512));
        assert_eq!(padded_len(432, 80), Some(768));
    }

    proptest! {
        #[test]
        fn a_padded_length_is_a_bucket_and_at_most_an_eighth_more_above_4_kib(inner in 0_usize..1_048_496) {
            let len = padded_len(inner, ENVELOPE_OVERHEAD).unwrap();
            prop_assert!(is_bucket(len));
            prop_assert!(len > inner + ENVELOPE_OVERHEAD);
            if inner > 4_096 {
                prop_assert!(len * 100 <= (inner + 81) * 112);
            }
        }

        #[test]
        fn no_bytes_make_decode_panic(bytes: Vec<u8>) {
            drop(Envelope::decode(&bytes));
        }

        #[test]
        fn an_envelope_reads_back_as_written(class in 1_u8..8, epoch: u32, salt: [u8; 24], commitment: [u8; 32], bucket in 0_usize..7) {
            let ciphertext = vec![3; BUCKETS[bucket] - 64];
            let envelope = Envelope { class: Class::from_u8(class).unwrap(), epoch, salt, commitment, ciphertext };
            let bytes = envelope.encode();
            prop_assert_eq!(&bytes[..64], &envelope.aad_head()[..]);
            prop_assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
        }
    }
}
