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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        ClassKey, EpochKey, KemKey, RecoveryEntropy, RowKey, SeededRandom, SigningKey, VaultKey,
    };

    /// Holds for a type all of whose secret parts are wiped: of its fields only [`Secret`] holds any.
    const fn holds_boxed_secrets<T>() -> bool {
        core::mem::needs_drop::<T>()
    }

    #[test]
    fn every_key_type_wipes_itself_when_dropped() {
        const fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Secret<32>>();
        assert!(holds_boxed_secrets::<SigningKey>() && holds_boxed_secrets::<KemKey>());
        assert!(holds_boxed_secrets::<EpochKey>() && holds_boxed_secrets::<ClassKey>());
        assert!(holds_boxed_secrets::<RecoveryEntropy>());
        assert!(holds_boxed_secrets::<VaultKey>() && holds_boxed_secrets::<RowKey>());
    }

    #[test]
    fn a_secret_prints_as_two_dots() {
        let random = &mut SeededRandom::new(1);
        assert_eq!(format!("{:?}", EpochKey::generate(random)), "EpochKey(..)");
        assert_eq!(format!("{:?}", VaultKey::generate(random)), "VaultKey(..)");
        assert!(format!("{:?}", KemKey::generate(random)).starts_with("KemKey { seed: ..,"));
    }
}
