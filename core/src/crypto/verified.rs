//! `Unverified<T>` to `Verified<T>`, the only way.

use core::ops::Deref;

/// Something decoded whose signatures nobody checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    /// Marks what was just decoded.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Looks inside, to find out who claims to have signed.
    pub const fn peek(&self) -> &T {
        &self.0
    }

    /// Checks it.
    ///
    /// # Errors
    /// What `check` says.
    pub fn verify_with<E>(self, check: impl FnOnce(&T) -> Result<(), E>) -> Result<Verified<T>, E> {
        check(&self.0)?;
        Ok(Verified(self.0))
    }
}

/// Something whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// What this device itself has just signed.
    pub const fn signed_here(value: T) -> Self {
        Self(value)
    }

    /// Takes it out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
