//! Keys of a space: one secret for each epoch, and what is derived from it.

use super::derive;
use super::key::SigningKey;
use super::random::Random;
use super::secret::Secret;
use crate::model::id::SpaceId;
use wire::hash;
use wire::id::SpaceHandle;

/// A space by both its names: the relay's and its own. Everything sealed is bound to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// What the relay knows it by.
    pub sid: SpaceHandle,
    /// What its members know it by.
    pub space: SpaceId,
}

/// The secret that the members of a space share in one epoch. Fresh for each epoch, never derived from another.
#[derive(Debug)]
pub struct EpochKey(Secret<32>);

impl EpochKey {
    /// Draws a new one.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::generate(random))
    }

    /// Takes the bytes as they are. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The bytes, to be sealed.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    /// `kc`: what a signed op says of the key, so that nobody can hand two members different ones.
    pub fn commitment(&self, space: SpaceId, epoch: u32) -> [u8; 32] {
        hash::hash(hash::KC, &[space.as_bytes(), &epoch.to_be_bytes(), self.0.bytes()])
    }
}

/// The two keys by which a person signs in to one space at a relay.
#[derive(Debug)]
pub struct AccessKeys {
    /// Pulls, pushes, tails, appends control items.
    pub acc: SigningKey,
    /// Needed beside `acc` to change anything about access.
    pub adm: SigningKey,
}

impl AccessKeys {
    /// From the key of the person's private space in the epoch of its last removal (0 before any), for one space.
    pub fn derive(private: &EpochKey, sid: SpaceHandle) -> Self {
        let seed = |label| derive::access_seed(private.as_bytes(), sid, label);
        Self {
            acc: SigningKey::from_seed(&seed(hash::ACC)),
            adm: SigningKey::from_seed(&seed(hash::ADM)),
        }
    }
}
