//! The canonical codec: fixed order, big-endian, lengths first, one way to write each value.
//!
//! `var` is a u32 length and bytes; `list8` and `list16` are a count and items. A [`Reader`] checks every claim
//! against what is there before it allocates, and [`Reader::end`] refuses trailing bytes.

/// Why bytes are not one of our layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes ended early.
    #[error("the message ended early")]
    Short,
    /// Bytes are left over.
    #[error("unexpected extra bytes")]
    Trailing,
    /// A length or count is above its bound.
    #[error("a length or count is above its bound of {max}")]
    Count {
        /// The bound.
        max: usize,
    },
    /// The value could be written in another way, or is not one of the closed list.
    #[error("not in standard form")]
    Form,
    /// A version, suite or class that this program does not know.
    #[error("made by a newer version")]
    Version,
}

/// Reads one layout from borrowed bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] if bytes are left.
    pub const fn end(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if there are fewer.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    /// A u8.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A u16.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A u32.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A u64.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A u32 length and that many bytes, at most `max`.
    ///
    /// # Errors
    /// [`DecodeError::Count`] above `max`, [`DecodeError::Short`] if there are fewer.
    pub fn var(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.u32()?).map_err(|_| DecodeError::Count { max })?;
        if len > max {
            return Err(DecodeError::Count { max });
        }
        self.bytes(len)
    }

    /// The count of a `list8`, at most `max`, of items of at least `item_bytes_min` bytes each.
    ///
    /// # Errors
    /// [`DecodeError::Count`] above `max`, [`DecodeError::Short`] if they cannot all be there.
    pub fn list8(&mut self, max: usize, item_bytes_min: usize) -> Result<usize, DecodeError> {
        let count = usize::from(self.u8()?);
        self.check_count(count, max, item_bytes_min)
    }

    /// The count of a `list16`, at most `max`, of items of at least `item_bytes_min` bytes each.
    ///
    /// # Errors
    /// [`DecodeError::Count`] above `max`, [`DecodeError::Short`] if they cannot all be there.
    pub fn list16(&mut self, max: usize, item_bytes_min: usize) -> Result<usize, DecodeError> {
        let count = usize::from(self.u16()?);
        self.check_count(count, max, item_bytes_min)
    }

    const fn check_count(
        &self,
        count: usize,
        max: usize,
        item: usize,
    ) -> Result<usize, DecodeError> {
        if count > max {
            return Err(DecodeError::Count { max });
        }
        if count.saturating_mul(item) > self.rest.len() {
            return Err(DecodeError::Short);
        }
        Ok(count)
    }
}

/// Writes one layout.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts empty.
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Starts empty, with room.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends a u8.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Appends a u16.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a u32.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a u64.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a u32 length and the bytes.
    ///
    /// # Panics
    /// Above 4 GiB: a caller bounds what it writes.
    pub fn var(&mut self, bytes: &[u8]) -> &mut Self {
        assert!(u32::try_from(bytes.len()).is_ok(), "a var field is bounded by its caller");
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        self.u32(bytes.len() as u32).bytes(bytes)
    }

    /// Appends the count of a `list8`.
    ///
    /// # Panics
    /// Above 255: a caller bounds what it writes.
    pub fn count8(&mut self, count: usize) -> &mut Self {
        assert!(u8::try_from(count).is_ok(), "a list8 holds at most 255 items");
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        self.u8(count as u8)
    }

    /// Appends the count of a `list16`.
    ///
    /// # Panics
    /// Above 65,535: a caller bounds what it writes.
    pub fn count16(&mut self, count: usize) -> &mut Self {
        assert!(u16::try_from(count).is_ok(), "a list16 holds at most 65,535 items");
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        self.u16(count as u16)
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The finished bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_count_is_refused_before_its_items_are_read() {
        assert_eq!(Reader::new(&[255, 255, 1]).list16(65_535, 4), Err(DecodeError::Short));
        assert_eq!(Reader::new(&[9, 0]).list8(8, 1), Err(DecodeError::Count { max: 8 }));
        assert_eq!(Reader::new(&[255; 4]).var(10), Err(DecodeError::Count { max: 10 }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(a: u8, b: u16, c: u32, d: u64, v in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut writer = Writer::new();
            writer.u8(a).u16(b).u32(c).u64(d).var(&v);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!((reader.u8(), reader.u16(), reader.u32(), reader.u64()), (Ok(a), Ok(b), Ok(c), Ok(d)));
            prop_assert_eq!(reader.var(300), Ok(v.as_slice()));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }
}
