//! Keys; seal and open; sign and verify: `Entry --seal--> Envelope --open--> Entry`.
//!
//! Invariants: plaintext leaves only towards `client`; a key has one purpose, named by its label in `derive`; opening
//! does the same work for a wrong key and for damaged bytes; secrets live in boxes that are wiped when dropped, are
//! never cloned, compared or printed. All randomness is handed in as a [`Random`].
//! Sources: RFC 8032 (Ed25519), RFC 8439 (AEAD), RFC 5869 (HKDF), RFC 9180 (HPKE), RFC 9106 (Argon2),
//! draft-connolly-cfrg-xwing-kem (X-Wing), `docs/crypto.md`.

mod committed;
mod control;
mod derive;
mod device;
mod epoch;
mod error;
mod kem;
mod key;
mod ladder;
mod numbers;
mod padding;
pub mod phrase;
mod random;
mod recovery;
mod row;
mod seal;
mod secret;
mod stretch;
mod vault;
mod verified;
mod welcome;
mod wrap;

pub use control::{ControlHead, ControlParts, open_control, seal_control};
pub use device::{Device, DeviceKeys, device_id};
pub use epoch::{AccessKeys, EpochKey, Home};
pub use error::{
    DeviceError, Forged, KeyError, OpenError, PhraseError, SealError, SecretError, UnlockError,
};
pub use kem::{KemKey, KemPublic};
pub use key::{Signature, SigningKey, VerifyKey};
pub use ladder::{ladder_open, ladder_seal};
pub use numbers::{pairing_mac, pairing_mac_fits, sas_numbers};
#[cfg(test)]
pub(crate) use random::SeededRandom;
pub use random::{Random, draw};
pub use recovery::{Recovery, RecoveryEntropy, RecoveryKeys};
pub use row::{RowKey, VaultKey};
pub use seal::{ClassKey, open, seal};
pub use vault::{KeysFile, Unlock, Unlocked, VaultId, VaultKeys};
pub use verified::{Unverified, Verified};
pub use welcome::{PairingSecret, Psk, open_welcome, seal_welcome};
pub use wrap::{WrapContext, spare_wrap, unwrap, wrap};
pub use zeroize::Zeroizing;
