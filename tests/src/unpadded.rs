//! Sealing once more, written from the page on cryptography and not from the code: so that a test can seal what the code
//! would never seal, such as an authentic envelope with a wrong padding.

use reknit_core::crypto::{EpochKey, Home};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use wire::envelope::{Class, Envelope};
use wire::hash::{CLASS, ENV};

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf<const N: usize>(salt: &[u8], key: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let prk = Salt::new(HKDF_SHA256, salt).extract(key);
    let okm = prk.expand(info, Length(N)).expect("a short key");
    okm.fill(&mut out).expect("a short key");
    out
}

/// An entry's envelope around these very bytes: `plaintext` is sealed as it is, its padding included.
pub fn sealed_as_it_is(key: &EpochKey, home: &Home, epoch: u32, plaintext: &[u8]) -> Vec<u8> {
    let class = Class::Entry;
    let number = [class.number()];
    let info: [&[u8]; 3] = [CLASS.as_bytes(), &number, &epoch.to_be_bytes()];
    let class_key: [u8; 32] = hkdf(home.space.as_bytes(), key.as_bytes(), &info);
    let salt = [6; 24];
    let mut envelope =
        Envelope { class, epoch, salt, commitment: [0; 32], ciphertext: plaintext.to_vec() };
    let (head, sid, space) = (envelope.head(), home.sid.as_bytes(), home.space.as_bytes());
    let okm: [u8; 76] = hkdf(&salt, &class_key, &[ENV.as_bytes(), &head, sid, space]);
    envelope.commitment.copy_from_slice(&okm[44..]);
    let key = UnboundKey::new(&CHACHA20_POLY1305, &okm[..32]).expect("32 bytes");
    let nonce = Nonce::try_assume_unique_for_key(&okm[32..44]).expect("12 bytes");
    let aad = [envelope.aad_head().as_slice(), sid, space].concat();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(nonce, Aad::from(aad), &mut envelope.ciphertext)
        .expect("a short message");
    envelope.encode()
}
