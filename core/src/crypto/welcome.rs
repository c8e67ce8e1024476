//! The welcome of a pairing: HPKE to the joiner's fresh key, in psk mode if the invitation carried a secret.

use super::error::{KeyError, OpenError};
use super::kem::{Bundle, KemKey, KemPublic, hpke_open, hpke_seal};
use super::random::Random;
use super::secret::Secret;
use wire::hash;
use wire::id::RendezvousId;
use zeroize::Zeroizing;

/// A secret that lives as long as a pairing: the one in an invitation, or the key of the channel.
#[derive(Debug)]
pub struct PairingSecret(Secret<32>);

impl PairingSecret {
    /// Draws a new one.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::generate(random))
    }

    /// Takes the bytes as they are. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.bytes()
    }
}

/// The secret of an invitation by QR and the public name that goes with it.
#[derive(Clone, Copy)]
pub struct Psk<'a> {
    /// The secret.
    pub key: &'a [u8; 32],
    /// The name of the mailbox.
    pub rid: RendezvousId,
}

impl core::fmt::Debug for Psk<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Psk(..)")
    }
}

/// Seals to the joiner: `enc ‖ ciphertext ‖ tag`.
///
/// # Errors
/// [`KeyError::Kem`] if the joiner's key is not well formed.
pub fn seal_welcome(
    to: &KemPublic,
    th: &[u8; 32],
    psk: Option<Psk<'_>>,
    plaintext: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, KeyError> {
    hpke_seal(to, &info(th), psk.as_ref().map(bundle), plaintext, random)
}

/// Opens what [`seal_welcome`] made.
///
/// # Errors
/// [`OpenError::Forged`].
pub fn open_welcome(
    key: &KemKey,
    th: &[u8; 32],
    psk: Option<Psk<'_>>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    hpke_open(key, &info(th), psk.as_ref().map(bundle), sealed)
}

fn info(th: &[u8; 32]) -> Vec<u8> {
    [hash::WELK.as_bytes().as_slice(), th].concat()
}

fn bundle<'a>(psk: &'a Psk<'a>) -> Bundle<'a> {
    Bundle { psk: psk.key, id: psk.rid.as_bytes() }
}
