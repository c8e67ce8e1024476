//! Secret bytes: in a box, so that a move copies nothing, and wiped on drop.

use super::random::Random;
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes. Not Clone, not comparable; `Debug` prints `..`.
pub(super) struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Draws them, straight into their box.
    pub(super) fn generate(random: &mut dyn Random) -> Self {
        let mut secret = Self(Box::new([0; N]));
        random.fill(secret.0.as_mut_slice());
        secret
    }

    /// Copies them in; the caller wipes its own copy.
    pub(super) fn copy_of(bytes: &[u8; N]) -> Self {
        let mut secret = Self(Box::new([0; N]));
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes.
    pub(super) const fn bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
