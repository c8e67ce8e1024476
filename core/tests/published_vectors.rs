//! Vectors that others published, through the same calls that we make: X-Wing, and HPKE with it and with X25519.

#![expect(clippy::unwrap_used, reason = "a test file: a panic is a failed test")]

use core::convert::Infallible;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use rand_core::{TryCryptoRng, TryRng};
use reknit_core::crypto::{
    EpochKey, KemKey, KemPublic, Psk, Random, WrapContext, draw, open_welcome, seal_welcome,
    unwrap, wrap,
};
use reknit_core::model::id::SpaceId;
use ring::hmac;
use serde_json::Value;
use wire::hash;
use wire::id::RendezvousId;

fn load(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    file.get("vectors").and_then(Value::as_array).unwrap().clone()
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    let text = vector.get(field).and_then(Value::as_str).unwrap_or_default();
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    bytes(vector, field).try_into().unwrap()
}

/// Gives out published randomness, byte for byte.
struct Given(Vec<u8>);

impl Random for Given {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
}

impl TryRng for Given {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(draw(self)))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(draw(self)))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, &parts.concat()).as_ref().to_vec()
}

/// RFC 9180, section 5.1, written out with nothing but HMAC: key and nonce of one message.
fn key_schedule(shared: &[u8], info: &[u8], psk: &[u8], psk_id: &[u8]) -> ([u8; 32], [u8; 12]) {
    let suite = b"HPKE\x64\x7a\x00\x01\x00\x03".as_slice();
    let extract =
        |salt: &[u8], label: &[u8], ikm: &[u8]| hmac(salt, &[b"HPKE-v1", suite, label, ikm]);
    let expand = |prk: &[u8], label: &[u8], context: &[u8], len: u16| {
        hmac(prk, &[&len.to_be_bytes(), b"HPKE-v1", suite, label, context, &[1]])
    };
    let mode = u8::from(!psk.is_empty());
    let psk_id_hash = extract(&[], b"psk_id_hash", psk_id);
    let info_hash = extract(&[], b"info_hash", info);
    let context = [&[mode], psk_id_hash.as_slice(), &info_hash].concat();
    let secret = extract(shared, b"secret", psk);
    let key = expand(&secret, b"key", &context, 32);
    let nonce = expand(&secret, b"base_nonce", &context, 12);
    (key.try_into().unwrap(), *nonce.first_chunk().unwrap())
}

fn chacha(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).unwrap());
    let mut out = plaintext.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut out).unwrap();
    out
}

#[test]
fn a_wrap_is_the_published_x_wing_with_the_key_schedule_of_rfc_9180() {
    let vectors = load("published_xwing.json");
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let key = KemKey::from_seed(&array(&vector, "sk"));
        assert_eq!(key.public().as_bytes().as_slice(), bytes(&vector, "pk"));
        assert!(KemPublic::from_bytes(key.public().as_bytes()).is_ok());
        let context = WrapContext {
            space: SpaceId::from_bytes([1; 16]),
            idx: 2,
            epoch: 3,
            recipient: [4; 16],
        };
        let random = &mut Given(bytes(&vector, "eseed"));
        let wrapped =
            wrap(&EpochKey::from_bytes(&[5; 32]), key.public(), &context, random).unwrap();
        let info = [
            hash::WRAP.as_bytes().as_slice(),
            &[1; 16],
            &2_u32.to_be_bytes(),
            &3_u32.to_be_bytes(),
            &[4; 16],
        ]
        .concat();
        let (aead_key, nonce) = key_schedule(&bytes(&vector, "ss"), &info, &[], &[]);
        let expected = [bytes(&vector, "ct"), chacha(&aead_key, nonce, &[], &[5; 32])].concat();
        assert_eq!(wrapped.as_slice(), expected);
        assert_eq!(unwrap(&wrapped, &key, &context).unwrap().as_bytes(), &[5; 32]);
    }
}

#[test]
fn a_welcome_with_a_psk_is_the_published_x_wing_with_the_key_schedule_of_rfc_9180() {
    for vector in load("published_xwing.json") {
        let key = KemKey::from_seed(&array(&vector, "sk"));
        let psk = Psk { key: &[7; 32], rid: RendezvousId::from_bytes([8; 16]) };
        let random = &mut Given(bytes(&vector, "eseed"));
        let sealed = seal_welcome(key.public(), &[9; 32], Some(psk), b"welcome", random).unwrap();
        let info = [hash::WELK.as_bytes().as_slice(), &[9; 32]].concat();
        let (aead_key, nonce) = key_schedule(&bytes(&vector, "ss"), &info, &[7; 32], &[8; 16]);
        let expected = [bytes(&vector, "ct"), chacha(&aead_key, nonce, &[], b"welcome")].concat();
        assert_eq!(sealed, expected);
        assert_eq!(
            open_welcome(&key, &[9; 32], Some(psk), &sealed).unwrap().as_slice(),
            b"welcome"
        );
        assert!(open_welcome(&key, &[9; 32], None, &sealed).is_err());
    }
}

#[test]
fn hpke_with_x_wing_gives_the_published_message() {
    let vector = load("published_hpke.json").into_iter().next().unwrap();
    let key = KemKey::from_seed(&array(&vector, "skR"));
    let to = <XWing as Kem>::PublicKey::from_bytes(key.public().as_bytes()).unwrap();
    let secret = <XWing as Kem>::PrivateKey::from_bytes(key.seed()).unwrap();
    let (shared, _) =
        XWing::encap_with_rng(&to, None, &mut Given(bytes(&vector, "eseed"))).unwrap();
    assert_eq!(shared.0.as_slice(), bytes(&vector, "shared_secret"));
    let (aead_key, nonce) = key_schedule(&shared.0, &bytes(&vector, "info"), &[], &[]);
    assert_eq!(aead_key, array(&vector, "key"));
    assert_eq!(nonce, array(&vector, "base_nonce"));
    let (enc, ct) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &to,
        &bytes(&vector, "info"),
        &bytes(&vector, "pt"),
        &bytes(&vector, "aad"),
        &mut Given(bytes(&vector, "eseed")),
    )
    .unwrap();
    assert_eq!(ct, bytes(&vector, "ct"));
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &secret,
        &<XWing as Kem>::EncappedKey::from_bytes(&enc.to_bytes()).unwrap(),
        &bytes(&vector, "info"),
        &ct,
        &bytes(&vector, "aad"),
    );
    assert_eq!(opened.unwrap(), bytes(&vector, "pt"));
}

#[test]
fn hpke_with_x25519_opens_the_messages_of_rfc_9180_in_both_modes() {
    let vectors: Vec<Value> = load("published_hpke.json").into_iter().skip(1).collect();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let (psk, id) = (bytes(&vector, "psk"), bytes(&vector, "psk_id"));
        let mode = if psk.is_empty() {
            OpModeR::Base
        } else {
            OpModeR::Psk(PskBundle::new(&psk, &id).unwrap())
        };
        let skr = bytes(&vector, "skR");
        let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&skr).unwrap();
        let enc = bytes(&vector, "enc");
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &mode,
            &secret,
            &<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&enc).unwrap(),
            &bytes(&vector, "info"),
            &bytes(&vector, "ct"),
            &bytes(&vector, "aad"),
        );
        let source = vector.get("source");
        assert_eq!(
            opened.expect("the published message opens"),
            bytes(&vector, "pt"),
            "{source:?}"
        );
    }
}
