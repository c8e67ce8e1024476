//! Hides lengths: 0x80 and zeros behind the content.

use super::error::OpenError;
use zeroize::Zeroizing;

/// A row or file of a vault is padded to a multiple of this.
const ROW_STEP: usize = 64;

/// Content, 0x80, zeros, `len` bytes in all; with room for a tag, so that sealing moves nothing.
pub(super) fn pad(inner: &[u8], len: usize) -> Vec<u8> {
    assert!(len > inner.len(), "padding has at least one byte");
    let mut padded = Vec::with_capacity(len + 16);
    padded.extend_from_slice(inner);
    padded.push(0x80);
    padded.resize(len, 0);
    padded
}

/// The padded length of a row or file.
pub(super) const fn row_len(inner: usize) -> usize {
    (inner / ROW_STEP + 1) * ROW_STEP
}

/// Takes the padding off.
///
/// # Errors
/// [`OpenError::Padding`] if it is not 0x80 and zeros.
pub(super) fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let end = padded.iter().rposition(|byte| *byte != 0).ok_or(OpenError::Padding)?;
    if padded.get(end) != Some(&0x80) {
        return Err(OpenError::Padding);
    }
    padded.truncate(end);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b37_padding_that_is_not_80_00_is_refused() {
        for bad in [vec![], vec![0; 64], vec![1, 2, 3], vec![0x80, 1], vec![5, 0x81, 0, 0]] {
            assert_eq!(unpad(Zeroizing::new(bad)), Err(OpenError::Padding));
        }
    }

    #[test]
    fn content_that_looks_like_padding_comes_back_whole() {
        for inner in [vec![], vec![0], vec![0x80], vec![0x80, 0], vec![7; 64]] {
            let padded = pad(&inner, row_len(inner.len()));
            assert_eq!(padded.len() % 64, 0);
            assert_eq!(*unpad(Zeroizing::new(padded)).unwrap(), inner);
        }
    }
}
