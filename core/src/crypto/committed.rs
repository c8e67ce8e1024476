//! Key-committing AEAD: a ciphertext opens under one key only, and a failed opening costs the same whatever failed.
//!
//! ChaCha20-Poly1305 alone lets two keys open one ciphertext to two texts. So 32 bytes of the same derivation stand
//! beside the ciphertext; they are compared in constant time, and the ciphertext is opened in any case.

use super::derive::Okm;
use super::error::OpenError;
use core::hint::black_box;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// The commitment that stands in the clear.
pub(super) fn commitment(okm: &Okm) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(split(okm).2);
    out
}

/// Seals in place: `plaintext` becomes ciphertext and tag.
pub(super) fn seal(okm: &Okm, aad: &[u8], plaintext: Vec<u8>) -> Vec<u8> {
    let (key, nonce, _) = split(okm);
    seal_raw(key, *nonce, aad, plaintext)
}

/// Opens ciphertext and tag. What a failed opening left in the buffer is wiped.
pub(super) fn open(
    okm: &Okm,
    commitment: &[u8; 32],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (key, nonce, expected) = split(okm);
    let committed = equal(expected, commitment);
    let opened = open_raw(key, *nonce, aad, ciphertext);
    if committed { opened } else { Err(OpenError::Forged) }
}

/// ChaCha20-Poly1305 (RFC 8439).
pub(super) fn seal_raw(
    key: &[u8; 32],
    nonce: [u8; 12],
    aad: &[u8],
    mut plaintext: Vec<u8>,
) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "ring refuses only 256 GiB")]
    aead_key(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut plaintext,
        )
        .expect("a message is shorter than 256 GiB");
    plaintext
}

/// The other direction.
pub(super) fn open_raw(
    key: &[u8; 32],
    nonce: [u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let opened = aead_key(key)
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer)
        .map(|plaintext| plaintext.len());
    let len = opened.map_err(|_| OpenError::Forged)?;
    buffer.truncate(len);
    Ok(buffer)
}

/// Compares without an early end.
pub(super) fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    black_box(difference) == 0
}

fn aead_key(key: &[u8; 32]) -> LessSafeKey {
    #[expect(clippy::expect_used, reason = "ring refuses other lengths only")]
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key has 32 bytes"))
}

fn split(okm: &Okm) -> (&[u8; 32], &[u8; 12], &[u8; 32]) {
    let parts = okm.split_first_chunk::<32>().and_then(|(key, rest)| {
        let (nonce, rest) = rest.split_first_chunk::<12>()?;
        Some((key, nonce, rest.first_chunk::<32>()?))
    });
    #[expect(clippy::expect_used, reason = "32 + 12 + 32 = 76")]
    parts.expect("76 bytes hold key, nonce and commitment")
}
