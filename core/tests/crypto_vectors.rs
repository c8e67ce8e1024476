//! Every key and every sealed form against its known answer, recomputed from the formulas of `docs/crypto.md` with
//! nothing but SHA-256, HKDF, Ed25519 and ChaCha20-Poly1305. `REKNIT_WRITE_VECTORS=1` writes the files anew; formats
//! outlive code, so a change that needs that is a new version of the protocol.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test file: a panic is a failed test"
)]

#[path = "../../wire/tests/vectors/check.rs"]
mod check;

use check::{check, hex};
use reknit_core::crypto::{
    AccessKeys, ClassKey, ControlHead, ControlParts, DeviceKeys, EpochKey, Home, KemKey, KeysFile,
    Random, RecoveryEntropy, RecoveryKeys, SigningKey, Unlock, VaultId, VaultKey, VaultKeys,
    WrapContext, ladder_open, ladder_seal, open, open_control, pairing_mac, phrase, sas_numbers,
    seal, seal_control, unwrap, wrap,
};
use reknit_core::model::id::{PersonId, SpaceId};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use serde_json::{Value, json};
use wire::codec::Writer;
use wire::control::ControlItem;
use wire::envelope::{Class, Envelope};
use wire::hash::{self, Label, sha256};
use wire::id::{ItemHash, RendezvousId, SpaceHandle};

/// Counting bytes, so that a shifted field shows.
fn count<const N: usize>(from: u8) -> [u8; N] {
    core::array::from_fn(|i| from.wrapping_add((i % 251) as u8))
}

/// Random bytes for the test: counting ones, each drawing from where the last one ended.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let prk = Salt::new(HKDF_SHA256, salt).extract(ikm);
    prk.expand(&[&info.concat()], Len(N)).unwrap().fill(&mut out).unwrap();
    out
}

fn chacha(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).unwrap());
    let mut out = plaintext.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut out).unwrap();
    out
}

fn padded(inner: &[u8], len: usize) -> Vec<u8> {
    let mut out = inner.to_vec();
    out.push(0x80);
    out.resize(len, 0);
    out
}

fn label(label: Label) -> [u8; 16] {
    *label.as_bytes()
}

fn home() -> Home {
    Home { sid: SpaceHandle::from_bytes(count(0x10)), space: SpaceId::from_bytes(count(0x20)) }
}

/// Head, salt, commitment and what is sealed, in the one way that envelopes and control items share.
fn sealed(class_key: &[u8], head: &[u8], between: &[u8], salt: &[u8], plain: &[u8]) -> Vec<u8> {
    let Home { sid, space } = home();
    let okm: [u8; 76] =
        hkdf(salt, class_key, &[&label(hash::ENV), head, sid.as_bytes(), space.as_bytes()]);
    let front = [head, between, salt, &okm[44..]].concat();
    let aad = [front.as_slice(), sid.as_bytes(), space.as_bytes()].concat();
    [front, chacha(&okm[..32], &okm[32..44], &aad, plain)].concat()
}

#[test]
fn device_keys_and_ids() {
    let person = PersonId::from_bytes(count(0x40));
    let keys = DeviceKeys {
        voice: SigningKey::from_seed(&count(1)),
        seat: SigningKey::from_seed(&count(2)),
        kem: KemKey::from_seed(&count(3)),
    };
    let device = keys.device(person);
    let (voice, seat) = (device.voice.to_bytes(), device.seat.to_bytes());
    assert_eq!(keys.id().as_bytes()[..], sha256(&[&label(hash::DEV), &voice, &seat])[..16]);
    let mut writer = Writer::new();
    device.encode(&mut writer);
    let mut proven = label(hash::POP).to_vec();
    proven.extend_from_slice(person.as_bytes());
    proven.extend_from_slice(&writer.as_slice()[..1_280]);
    assert_eq!(keys.voice.sign_bytes(&proven), device.pop_voice);
    assert_eq!(keys.seat.sign_bytes(&proven), device.pop_seat);
    check(
        "device.json",
        &json!({
            "voice_seed": hex(keys.voice.seed()), "seat_seed": hex(keys.seat.seed()),
            "kem_seed": hex(keys.kem.seed()), "person_id": hex(person.as_bytes()),
            "device_id": hex(keys.id().as_bytes()), "device": hex(writer.as_slice()),
        }),
    );
}

#[test]
fn recovery_keys_and_words() {
    let known = [
        (
            [0; 16],
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        ),
        ([0x7f; 16], "legal winner thank year wave sausage worth useful legal winner thank yellow"),
        (
            [0x80; 16],
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        ),
        ([0xff; 16], "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong"),
    ];
    let vectors = known.map(|(bytes, words)| {
        let entropy = RecoveryEntropy::from_bytes(&bytes);
        assert_eq!(*phrase::words(&entropy), words);
        assert_eq!(phrase::parse(words).unwrap().as_bytes(), &bytes);
        let keys = RecoveryKeys::from_entropy(&entropy);
        let derived = |name: &[u8]| hkdf::<32>(&label(hash::PHRASE), &bytes, &[name]);
        assert_eq!(keys.sign.seed(), &derived(b"sign"));
        assert_eq!(keys.kem.seed(), &derived(b"kem"));
        assert_eq!(keys.access.seed(), &derived(b"access"));
        assert_eq!(keys.locator, hkdf::<16>(&label(hash::PHRASE), &bytes, &[b"locator"]));
        let (recovery, mut writer) = (keys.public(), Writer::new());
        recovery.encode(&mut writer);
        let id = sha256(&[&label(hash::REC), recovery.sign.as_bytes()]);
        assert_eq!(recovery.id().as_bytes()[..], id[..16]);
        json!({
            "words": words, "entropy": hex(&bytes), "sign_seed": hex(keys.sign.seed()),
            "kem_seed": hex(keys.kem.seed()), "access_seed": hex(keys.access.seed()),
            "locator": hex(&keys.locator), "recovery_id": hex(recovery.id().as_bytes()),
            "recovery_sha256": hex(&sha256(&[writer.as_slice()])),
        })
    });
    check("recovery.json", &Value::from(vectors.to_vec()));
}

#[test]
fn epoch_keys_and_what_is_derived_from_them() {
    let (key, Home { sid, space }) = (EpochKey::from_bytes(&count(0x50)), home());
    let kc = sha256(&[&label(hash::KC), space.as_bytes(), &[0, 0, 0, 7], key.as_bytes()]);
    assert_eq!(key.commitment(space, 7), kc);
    let access = AccessKeys::derive(&key, sid);
    let seed = |name| hkdf::<32>(sid.as_bytes(), key.as_bytes(), &[&label(name)]);
    assert_eq!(access.acc.seed(), &seed(hash::ACC));
    assert_eq!(access.adm.seed(), &seed(hash::ADM));
    let classes: Vec<Value> =
        (1..=7).map(|class| Value::from(hex(&class_key(&key, class)))).collect();
    check(
        "epoch.json",
        &json!({
            "space_id": hex(space.as_bytes()), "sid": hex(sid.as_bytes()), "epoch": 7,
            "key": hex(key.as_bytes()), "kc": hex(&kc), "class_keys": classes,
            "acc_seed": hex(access.acc.seed()), "adm_seed": hex(access.adm.seed()),
            "acc_pk": hex(access.acc.public().as_bytes()), "adm_pk": hex(access.adm.public().as_bytes()),
        }),
    );
}

fn class_key(key: &EpochKey, class: u8) -> [u8; 32] {
    let info: [&[u8]; 3] = [&label(hash::CLASS), &[class], &[0, 0, 0, 7]];
    hkdf(home().space.as_bytes(), key.as_bytes(), &info)
}

#[test]
fn envelopes_of_every_class() {
    let key = EpochKey::from_bytes(&count(0x50));
    let inner = b"what was written".as_slice();
    let vectors: Vec<Value> = (1..=7)
        .map(|number| {
            let class = key.class_key(home().space, Class::from_u8(number).unwrap(), 7);
            let envelope = seal(&class, &home(), inner, &mut Counting(0x60)).unwrap();
            let head = [1, 1, number, 0, 0, 0, 0, 7];
            let plain = padded(inner, 512 - 80);
            let expected = sealed(&class_key(&key, number), &head, &[], &count::<24>(0x60), &plain);
            assert_eq!(envelope, expected);
            let decoded = Envelope::decode(&envelope).unwrap();
            assert_eq!(open(&class, &home(), &decoded).unwrap().as_slice(), inner);
            json!({ "class": number, "epoch": 7, "inner": hex(inner), "envelope": hex(&envelope) })
        })
        .collect();
    check("envelope.json", &Value::from(vectors));
}

#[test]
fn pairing_messages() {
    let (rid, ck) = (RendezvousId::from_bytes(count(0x10)), count(0x70));
    let box_home = Home { sid: SpaceHandle::from_bytes(count(0x10)), space: SpaceId::ZERO };
    let vectors: Vec<Value> = [(5, 1), (6, 0), (7, 1), (8, 0)]
        .into_iter()
        .map(|(idx, direction)| {
            let key = ClassKey::mailbox(rid, &ck, idx, direction);
            let envelope = seal(&key, &box_home, b"card", &mut Counting(0x60)).unwrap();
            let raw: [u8; 32] = hkdf(rid.as_bytes(), &ck, &[&label(hash::PCH), &[idx, direction]]);
            let head = [1, 1, 6, 0, 0, 0, 0, 0];
            let salt = count::<24>(0x60);
            let places: [&[u8]; 4] = [&label(hash::ENV), &head, rid.as_bytes(), &[0; 16]];
            let okm: [u8; 76] = hkdf(&salt, &raw, &places);
            let front = [head.as_slice(), &salt, &okm[44..]].concat();
            let aad = [front.as_slice(), rid.as_bytes(), &[0; 16]].concat();
            let ciphertext = chacha(&okm[..32], &okm[32..44], &aad, &padded(b"card", 432));
            assert_eq!(envelope, [front, ciphertext].concat());
            json!({ "idx": idx, "direction": direction, "key": hex(&raw), "envelope": hex(&envelope) })
        })
        .collect();
    check(
        "pairing_message.json",
        &json!({ "rid": hex(rid.as_bytes()), "ck": hex(&ck), "inner": hex(b"card"), "messages": vectors }),
    );
}

#[test]
fn a_control_item() {
    let (key, body) = (EpochKey::from_bytes(&count(0x50)), count::<300>(9));
    let head = ControlHead {
        idx: 3,
        epoch_before: 7,
        epoch_after: 8,
        prev: ItemHash::from_bytes(count(0x80)),
    };
    let parts = ControlParts { head, body: &body, ladder: count(4), wraps: vec![count(5); 12] };
    let item = seal_control(&key, &home(), parts, &mut Counting(0x60)).unwrap();
    let head16 = [1, 1, 2, 0, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 8];
    let plain = padded(&body, 4_096 - 16);
    let prev = count::<32>(0x80);
    let expected = sealed(&class_key(&key, 2), &head16, &prev, &count::<24>(0x60), &plain);
    assert_eq!([item.aad_head().as_slice(), &item.body].concat(), expected);
    let decoded = ControlItem::decode(&item.encode()).unwrap();
    assert_eq!(open_control(&key, &home(), &decoded).unwrap().as_slice(), body);
    check(
        "control_item.json",
        &json!({
            "key": hex(key.as_bytes()), "body": hex(&body), "head": hex(&item.aad_head()),
            "sealed_body": hex(&item.body), "item_hash": hex(item.hash().as_bytes()),
        }),
    );
}

#[test]
fn a_ladder_and_a_wrap() {
    let (older, newer) = (EpochKey::from_bytes(&count(1)), EpochKey::from_bytes(&count(2)));
    let space = home().space;
    let ladder = ladder_seal(space, (&newer, 8), (&older, 7), &mut Counting(0x60));
    let info: [&[u8]; 4] = [&label(hash::LADDER), space.as_bytes(), &[0, 0, 0, 8], &[0, 0, 0, 7]];
    let keys: [u8; 44] = hkdf(&ladder[..24], newer.as_bytes(), &info);
    assert_eq!(ladder[24..], chacha(&keys[..32], &keys[32..], &[], older.as_bytes()));
    assert!(ladder_open(space, (&newer, 8), 7, &ladder).is_ok());
    let recipient = KemKey::from_seed(&count(3));
    let context = WrapContext { space, idx: 3, epoch: 8, recipient: count(0x90) };
    let wrapped = wrap(&newer, recipient.public(), &context, &mut Counting(0x60)).unwrap();
    assert_eq!(unwrap(&wrapped, &recipient, &context).unwrap().as_bytes(), newer.as_bytes());
    check(
        "ladder_wrap.json",
        &json!({
            "space_id": hex(space.as_bytes()), "key_before": hex(older.as_bytes()), "epoch_before": 7,
            "key_after": hex(newer.as_bytes()), "epoch_after": 8, "ladder": hex(&ladder),
            "wrap": {
                "kem_seed": hex(recipient.seed()), "idx": 3, "recipient_id": hex(&context.recipient),
                "info": hex(&[&label(hash::WRAP)[..], space.as_bytes(), &[0, 0, 0, 3], &[0, 0, 0, 8], &context.recipient].concat()),
                "encapsulation_randomness": hex(&count::<64>(0x60)), "wrap": hex(&wrapped),
            },
        }),
    );
}

#[test]
fn rows_and_files() {
    let (key, vault) = (VaultKey::from_bytes(&count(1)), VaultId::from_bytes(count(0x10)));
    let places = [
        (hash::ROW, "row", 3, b"row id".as_slice(), key.row_key(vault, 3)),
        (hash::FILE, "file", 2, b"".as_slice(), key.file_key(vault, 2)),
    ];
    let vectors = places.map(|(name, kind, number, row, place)| {
        let bytes = place.seal(row, 1, b"a row", &mut Counting(0x60));
        let info = [&label(name)[..], vault.as_bytes(), &[number, 1]].concat();
        let salt = count::<24>(0x60);
        let okm: [u8; 76] = hkdf(&salt, key.as_bytes(), &[&info]);
        let aad = [&salt[..], &okm[44..], &info, row].concat();
        let ciphertext = chacha(&okm[..32], &okm[32..44], &aad, &padded(b"a row", 64));
        assert_eq!(bytes, [&salt[..], &okm[44..], &ciphertext].concat());
        assert_eq!(place.open(row, 1, &bytes).unwrap().as_slice(), b"a row");
        json!({ "kind": kind, "number": number, "format": 1, "row_id": hex(row), "sealed": hex(&bytes) })
    });
    check(
        "row.json",
        &json!({
            "vault_key": hex(key.as_bytes()), "vault_id": hex(vault.as_bytes()),
            "plaintext": hex(b"a row"), "vectors": vectors,
        }),
    );
}

#[test]
fn a_keys_file() {
    let vault = VaultId::from_bytes(count(0x10));
    let keys = VaultKeys {
        mailbox: VaultKey::from_bytes(&count(1)),
        content: VaultKey::from_bytes(&count(2)),
        private: VaultKey::from_bytes(&count(3)),
    };
    let (secret, key) = ("Füße 🔑 und mehr", count(0x70));
    let unlocks = [Unlock::Secret(secret), Unlock::Key(&key)];
    let bytes = KeysFile::create(&keys, vault, &unlocks, &mut Counting(0x60)).unwrap();
    let mut stretched = [0; 32];
    argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(65_536, 3, 1, Some(32)).unwrap(),
    )
    .hash_password_into(secret.as_bytes(), &count::<16>(0x60), &mut stretched)
    .unwrap();
    // The first item: its sealed mailbox key opens under what Argon2id makes of the secret.
    let wrapping = VaultKey::from_bytes(&stretched).file_key(vault, 0);
    let opened = wrapping.open(&bytes[18..48], 1, &bytes[52..188]).unwrap();
    assert_eq!(opened.as_slice(), keys.mailbox.as_bytes());
    for unlock in unlocks {
        let opened = KeysFile::open(&bytes, unlock).unwrap().all().unwrap();
        assert_eq!(opened.private.as_bytes(), keys.private.as_bytes());
    }
    check(
        "keys_file.json",
        &json!({
            "vault_id": hex(vault.as_bytes()), "secret": secret, "key": hex(&key),
            "argon2id": { "memory_kib": 65_536, "passes": 3, "lanes": 1, "stretched": hex(&stretched) },
            "mailbox": hex(keys.mailbox.as_bytes()), "content": hex(keys.content.as_bytes()),
            "private": hex(keys.private.as_bytes()), "file": hex(&bytes),
        }),
    );
}

#[test]
fn numbers_and_mac_of_a_pairing() {
    let (th, inviter, joiner, psk) = (count(1), count(2), count(3), count(4));
    let vectors = [None, Some(&psk)].map(|psk| {
        let (s1, s2) = sas_numbers(&th, &inviter, &joiner, psk);
        let ikm = [&inviter[..], &joiner, psk.map_or(&[][..], |psk| &psk[..])].concat();
        let raw: [u8; 16] = hkdf(&th, &ikm, &[&label(hash::SAS)]);
        let number = |half: &[u8]| u64::from_be_bytes(half.try_into().unwrap()) % 1_000_000;
        assert_eq!(s1, format!("{:06}", number(&raw[..8])));
        assert_eq!(s2, format!("{:06}", number(&raw[8..])));
        let mac = psk.map(|psk| hex(&pairing_mac(psk, &th)));
        json!({ "psk": psk.map(|psk| hex(psk)), "s1": s1, "s2": s2, "mac": mac })
    });
    check(
        "numbers.json",
        &json!({
            "th": hex(&th), "n_inviter": hex(&inviter), "n_joiner": hex(&joiner), "vectors": vectors,
        }),
    );
}
