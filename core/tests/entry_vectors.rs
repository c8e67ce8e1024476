//! Every byte of an entry against its known answer, put together here from its fields alone, with nothing but SHA-256
//! and Ed25519. `REKNIT_WRITE_VECTORS=1` writes the files anew; formats outlive code, so a change that needs that is a
//! new version of the protocol.

#![expect(clippy::unwrap_used, reason = "a test file: a panic is a failed test")]

#[path = "../../wire/tests/vectors/check.rs"]
mod check;

use automerge::{
    ActorId, AutoCommit, Change, ROOT, transaction::CommitOptions, transaction::Transactable,
};
use check::{check, hex};
use reknit_core::crypto::{DeviceKeys, EpochKey, KemKey, Random, SigningKey, Verified};
use reknit_core::entry::{
    Admission, AdmitContext, Chain, Chains, DeltaItem, DocumentChanges, DraftContext, Entry,
    Frontier, Header, Hlc, Known, NONE_CLOSED, Payload, change_hash, empty_frontier_root,
    frontier_root, payload_hash, sign,
};
use reknit_core::model::id::{
    ChainId, DeviceId, DocumentId, EntryId, OpId, OrderKey, PersonId, SpaceId,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wire::hash::{self, sha256};

const SPACE: SpaceId = SpaceId::from_bytes([0x51; 16]);
const DOCUMENT: DocumentId = DocumentId::from_bytes([0xd0; 16]);

/// Counting bytes, so that a shifted field shows.
fn count<const N: usize>(from: u8) -> [u8; N] {
    let mut next = from;
    [(); N].map(|()| {
        next = next.wrapping_add(1);
        next.wrapping_sub(1)
    })
}

struct Salt;

impl Random for Salt {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0xa5);
    }
}

fn keys(seed: u8) -> DeviceKeys {
    DeviceKeys {
        voice: SigningKey::from_seed(&[seed; 32]),
        seat: SigningKey::from_seed(&[seed + 1; 32]),
        kem: KemKey::from_seed(&[seed + 2; 32]),
    }
}

/// One change by a fixed actor at a fixed time.
fn raw_change() -> Vec<u8> {
    let mut doc = AutoCommit::new().with_actor(ActorId::from([7_u8; 16]));
    doc.put(ROOT, "title", "a walk").unwrap();
    doc.commit_with(CommitOptions::default().with_time(0));
    doc.get_last_local_change().unwrap().raw_bytes().to_vec()
}

fn payloads() -> Vec<(&'static str, u8, Payload)> {
    let changes = DocumentChanges { document: DOCUMENT, kind: 1, changes: vec![raw_change()] };
    let key = EpochKey::from_bytes(&count(0x40));
    vec![
        ("event", 1, Payload::Event(vec![0x82, 0x01, 0xa0])),
        ("changes", 2, Payload::Changes(vec![changes])),
        ("hello", 3, Payload::Hello),
        ("delete", 4, Payload::Delete(DOCUMENT)),
        ("space key", 5, Payload::SpaceKey { space: SPACE, epoch: 3, key }),
        ("unknown", 200, Payload::Unknown { kind: 200 }),
    ]
}

/// What the payload must be, by its layout.
fn payload_by_hand(kind: u8) -> Vec<u8> {
    let rest = match kind {
        1 => vec![0x82, 0x01, 0xa0],
        2 => {
            let raw = raw_change();
            let len = u32::try_from(raw.len()).unwrap().to_be_bytes();
            [&[0, 0, 1], &DOCUMENT.to_bytes()[..], &[1, 0, 1], &len, &raw].concat()
        }
        4 => DOCUMENT.to_bytes().to_vec(),
        5 => [&SPACE.to_bytes()[..], &[0, 0, 0, 3], &count::<32>(0x40)].concat(),
        _ => Vec::new(),
    };
    [vec![0xa5; 16], rest].concat()
}

fn payload_hash_by_hand(kind: u8, payload: &[u8]) -> [u8; 32] {
    if kind != 2 {
        return sha256(&[b"reknit/1 pay\0\0\0\0", payload]);
    }
    let raw = raw_change();
    let (_, hashed) = raw.split_at(8);
    let change = sha256(&[hashed]);
    let list = [&[0, 1], &DOCUMENT.to_bytes()[..], &[1, 0, 1], &change].concat();
    sha256(&[b"reknit/1 chg\0\0\0\0", &[0xa5; 16], &list])
}

fn header(kind: u8, flags: u16, device: DeviceId, payload: &[u8]) -> Header {
    Header {
        kind,
        flags,
        chain: ChainId { device, inc: 0x0102 },
        seq: 0x0304_0506_0708_090a,
        prev: EntryId::from_bytes(count(0x10)),
        control: (0x0b0c_0d0e, count(0x30)),
        hlc: Hlc { ms: 0x0000_0192_a1b2_c3d4, ctr: 0x0f10 },
        frontier_root: count(0x50),
        delta: vec![
            DeltaItem { slot: 1, inc: 2, seq: 3, id: count(0x70) },
            DeltaItem { slot: 4, inc: 0, seq: 0, id: [0; 16] },
        ],
        payload_len: u32::try_from(payload.len()).unwrap(),
        payload_hash: payload_hash_by_hand(kind, payload),
    }
}

fn header_by_hand(header: &Header) -> Vec<u8> {
    let mut out = vec![1, header.kind];
    out.extend(header.flags.to_be_bytes());
    out.extend(header.chain.device.as_bytes());
    out.extend(header.chain.inc.to_be_bytes());
    out.extend(header.seq.to_be_bytes());
    out.extend(header.prev.as_bytes());
    out.extend(header.control.0.to_be_bytes());
    out.extend(header.control.1);
    out.extend(header.hlc.ms.to_be_bytes());
    out.extend(header.hlc.ctr.to_be_bytes());
    out.extend(header.frontier_root);
    out.push(u8::try_from(header.delta.len()).unwrap());
    for item in &header.delta {
        out.extend(item.slot.to_be_bytes());
        out.extend(item.inc.to_be_bytes());
        out.extend(item.seq.to_be_bytes());
        out.extend(item.id);
    }
    out.extend(header.payload_len.to_be_bytes());
    out.extend(header.payload_hash);
    out
}

fn entry_vector(name: &str, flags: u16, payload: &Payload, expected: u8) -> Value {
    let keys = keys(0x61);
    let person = PersonId::from_bytes([9; 16]);
    let bytes = payload.encode(&mut Salt);
    assert_eq!((payload.kind(), &bytes), (expected, &payload_by_hand(expected)), "{name}");
    assert_eq!(payload_hash(expected, &bytes), Ok(payload_hash_by_hand(expected, &bytes)));
    let header = header(expected, flags, keys.id(), &bytes);
    let by_hand = header_by_hand(&header);
    assert_eq!(header.encode(), by_hand, "{name}");
    let id = sha256(&[b"reknit/1 eid\0\0\0\0", SPACE.as_bytes(), &by_hand]);
    let entry = sign(header, bytes.clone(), SPACE, &keys);
    assert_eq!(entry.id.as_bytes(), &id);
    let signed = [&b"reknit/1 esig\0\0\0"[..], SPACE.as_bytes(), &by_hand].concat();
    assert_eq!(entry.voice, keys.voice.sign_bytes(&signed));
    let seat = (flags == 1).then(|| keys.seat.sign_bytes(&signed));
    assert_eq!(entry.seat, seat);
    let mut whole = [by_hand.clone(), bytes.clone(), entry.voice.0.to_vec()].concat();
    whole.extend(seat.iter().flat_map(|seat| seat.0));
    assert_eq!(entry.encode(), whole);
    let read = Entry::decode(SPACE, &whole).unwrap();
    assert_eq!(Entry::verify(read, Some(&keys.device(person)), SPACE), Ok(entry));
    json!({
        "name": name, "kind": expected, "flags": flags, "payload": hex(&bytes),
        "payload_hash": hex(&payload_hash_by_hand(expected, &bytes)), "header": hex(&by_hand),
        "entry_id": hex(&id), "entry": hex(&whole),
    })
}

#[test]
fn entries_of_every_kind() {
    let mut entries: Vec<_> = payloads()
        .iter()
        .map(|(name, kind, payload)| entry_vector(name, 0, payload, *kind))
        .collect();
    let event = Payload::Event(vec![0x82, 0x01, 0xa0]);
    entries.push(entry_vector("event signed by the seat as well", 1, &event, 1));
    let vectors = json!({
        "space_id": hex(SPACE.as_bytes()), "voice_seed": hex(&[0x61; 32]),
        "seat_seed": hex(&[0x62; 32]), "device_id": hex(keys(0x61).id().as_bytes()),
        "entries": entries,
    });
    check("entry.json", &vectors);
}

#[test]
fn the_hash_of_a_change_is_automerges_own() {
    let raw = raw_change();
    let change = Change::from_bytes(raw.clone()).unwrap();
    assert_eq!(change_hash(&raw), Ok(change.hash().0));
    let list = payload_hash_by_hand(2, &payload_by_hand(2));
    let vectors = json!({
        "raw": hex(&raw), "change_hash": hex(&change.hash().0),
        "salt": hex(&[0xa5; 16]), "doc_id": hex(DOCUMENT.as_bytes()), "doc_kind": 1,
        "change_list_hash": hex(&list),
    });
    check("change.json", &vectors);
}

#[test]
fn frontier_roots() {
    let mut frontier = Frontier::new();
    let mut cases = Vec::new();
    let empty = sha256(&[b"reknit/1 front\0\0", SPACE.as_bytes(), &[0; 4]]);
    assert_eq!(empty_frontier_root(SPACE), empty);
    cases.push(json!({ "chains": [], "root": hex(&empty) }));
    for (device, inc, seq) in [(9_u8, 0_u16, 1_u64), (3, 1, 0x0102_0304_0506_0708), (3, 0, 77)] {
        let chain = ChainId { device: DeviceId::from_bytes(count(device)), inc };
        frontier.insert(chain, (seq, EntryId::from_bytes(count(device))));
        let mut listed = u32::try_from(frontier.len()).unwrap().to_be_bytes().to_vec();
        let mut chains = Vec::new();
        let mut sorted: Vec<_> = frontier.iter().collect();
        sorted.sort_by_key(|(chain, _)| (chain.device.to_bytes(), chain.inc));
        for (chain, (seq, id)) in sorted {
            listed.extend(chain.device.as_bytes());
            listed.extend(chain.inc.to_be_bytes());
            listed.extend(seq.to_be_bytes());
            listed.extend(id.as_bytes());
            chains.push(json!({
                "device_id": hex(chain.device.as_bytes()), "inc": chain.inc,
                "seq": seq.to_string(), "entry_id": hex(id.as_bytes()),
            }));
        }
        let root = sha256(&[hash::FRONT.as_bytes(), SPACE.as_bytes(), &listed]);
        assert_eq!(frontier_root(SPACE, &frontier), root);
        cases.push(json!({ "chains": chains, "root": hex(&root) }));
    }
    check("frontier.json", &json!({ "space_id": hex(SPACE.as_bytes()), "cases": cases }));
}

#[derive(Default)]
struct Held(BTreeMap<(ChainId, u64), (EntryId, OrderKey)>);

impl Known for Held {
    fn entries_at(&self, chain: ChainId, seq: u64) -> Vec<(EntryId, OrderKey)> {
        self.0.get(&(chain, seq)).copied().into_iter().collect()
    }

    fn seen_by(&self, _: ChainId, _: u64, _: EntryId) -> Frontier {
        Frontier::new()
    }
}

/// Two devices, whose clocks are anything but right, write in turn and see each other.
#[test]
fn order_keys_follow_what_was_seen() {
    let devices = [keys(0x61), keys(0x71)];
    let slots = [devices[0].id(), devices[1].id()];
    let (mut chains, mut held) = (Chains::new(), Held::default());
    let mut cases = Vec::new();
    let mut before = 0_u128;
    for (device, ms, ctr) in
        [(0, 0, 0), (0, 1_000, 7), (1, 5, 0), (1, u64::MAX, 65_535), (0, 2_000, 0)]
    {
        let me = ChainId { device: slots[device], inc: 0 };
        let payload = Payload::Hello.encode(&mut Salt);
        let context = DraftContext {
            space: SPACE,
            slots: &slots,
            control: (0, OpId::ZERO),
            now_ms: 0,
            kind: 3,
            payload: &payload,
        };
        let mut header = chains.draft(me, &context).unwrap();
        header.hlc = Hlc { ms, ctr };
        let entry: Verified<Entry> = sign(header, payload, SPACE, &devices[device]);
        let context = AdmitContext {
            space: SPACE,
            slots: &slots,
            control_known: true,
            known: &held,
            closed: &NONE_CLOSED,
        };
        let Admission::Accept(accepted) = chains.admit(&entry, &context) else {
            panic!("it is accepted")
        };
        let k = ((u128::from(ms) << 16) | u128::from(ctr)).max(before + 1);
        assert_eq!(accepted.k, OrderKey(k));
        cases.push(json!({
            "device": device, "hlc_ms": ms.to_string(), "hlc_ctr": ctr,
            "greatest_k_named": before.to_string(), "k": hex(&k.to_be_bytes()),
        }));
        before = k;
        let chain: Chain = accepted.chain;
        held.0.insert((me, chain.seq), (entry.id, chain.k));
        chains.apply(me, chain);
    }
    check("order_key.json", &json!({ "cases": cases }));
}
