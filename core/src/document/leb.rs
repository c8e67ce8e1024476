//! Reads Automerge's LEB128 numbers, in their shortest form only.

use super::error::Refused;

/// What is left to read of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Refused> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Refused::Length)?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Refused> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Refused::Length)?;
        self.rest = rest;
        Ok(head)
    }

    /// A length that must fit into what is left.
    pub(super) fn length(&mut self) -> Result<usize, Refused> {
        let len = usize::try_from(self.unsigned()?).map_err(|_| Refused::Length)?;
        if len > self.rest.len() { Err(Refused::Length) } else { Ok(len) }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, Refused> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.array::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err(Refused::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(Refused::Number) } else { Ok(value) };
            }
        }
        Err(Refused::Number)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Refused> {
        let mut value = 0_i64;
        let mut before = 0_u8;
        for shift in (0..64).step_by(7) {
            let [byte] = *self.array::<1>()?;
            if shift == 63 && byte != 0 && byte != 0x7f {
                return Err(Refused::Number);
            }
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let sign = byte & 0x40 != 0;
                let repeats =
                    (byte == 0 && before & 0x40 == 0) || (byte == 0x7f && before & 0x40 != 0);
                if shift > 0 && repeats {
                    return Err(Refused::Number);
                }
                if sign && shift + 7 < 64 {
                    value |= -1_i64 << (shift + 7);
                }
                return Ok(value);
            }
            before = byte;
        }
        Err(Refused::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for (bytes, value) in [(&[0][..], 0), (&[0x7f], 127), (&[0x80, 1], 128)] {
            assert_eq!(Cursor::new(bytes).unsigned(), Ok(value));
        }
        let mut max = [0xff; 10];
        max[9] = 1;
        assert_eq!(Cursor::new(&max).unsigned(), Ok(u64::MAX));
        for bytes in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0xff; 11], &[0xff; 10]] {
            assert_eq!(Cursor::new(bytes).unsigned(), Err(Refused::Number));
        }
        assert_eq!(Cursor::new(&[0x80]).unsigned(), Err(Refused::Length));
    }

    #[test]
    fn signed_numbers_have_one_form() {
        for (bytes, value) in [
            (&[0][..], 0),
            (&[0x7f], -1),
            (&[0x40], -64),
            (&[0xc0, 0], 64),
            (&[0x3f], 63),
            (&[0xbf, 0x7f], -65),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], i64::MIN),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], i64::MAX),
        ] {
            assert_eq!(Cursor::new(bytes).signed(), Ok(value), "{bytes:x?}");
        }
        for bytes in [&[0x80, 0][..], &[0xff, 0x7f], &[0xff; 11], &[0xc0, 0x7f]] {
            assert_eq!(Cursor::new(bytes).signed(), Err(Refused::Number), "{bytes:x?}");
        }
    }
}
