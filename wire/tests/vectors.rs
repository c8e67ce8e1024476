//! Every layout against its known answer. `REKNIT_WRITE_VECTORS=1` writes them anew; formats outlive code, so a change
//! that needs that is a new version of the protocol.

#![expect(clippy::unwrap_used, reason = "a test file: a panic is a failed test")]

#[path = "vectors/check.rs"]
mod check;

use check::{check, hex};
use serde_json::{Map, Value, json};
use wire::address::{AddressLine, RelayAddress};
use wire::codec::Writer;
use wire::control::ControlItem;
use wire::envelope::{Class, Envelope, padded_len};
use wire::frame::{Creation, Frame, Principal, encode_principals};
use wire::hash::{envelope_id, item_hash, running_hash};
use wire::id::{
    EnvelopeId, ItemHash, PrincipalKey, RelayId, RendezvousId, RunningHash, SpaceHandle, StoreId,
};
use wire::limit::{LADDER_BYTES, WRAP_BYTES, WRAPS};
use wire::receipt::{Receipt, ReceiptBody, ReceiptKind, ReceiptTree};
use wire::refusal::{Reason, Refusal};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::time::Timestamp;
use wire::version::VersionRange;

/// Counting bytes, so that a shifted field shows.
fn count<const N: usize>(from: u8) -> [u8; N] {
    core::array::from_fn(|i| from.wrapping_add(u8::try_from(i % 251).unwrap()))
}

fn sid() -> SpaceHandle {
    SpaceHandle::from_bytes(count(0x10))
}

fn receipt_body(n: u64) -> ReceiptBody {
    ReceiptBody {
        kind: if n == 2 { ReceiptKind::Control } else { ReceiptKind::Data },
        sid: sid(),
        store: StoreId::from_bytes(count(0x20)),
        n,
        running: RunningHash::from_bytes(count(0x30)),
        id: count(0x40),
        relay_ms: Timestamp::from_millis(1_750_000_000_123),
    }
}

fn receipt(index: u16, count_all: u16) -> Receipt {
    let leaves = (0..count_all).map(|i| receipt_body(u64::from(i)).leaf()).collect();
    let siblings = ReceiptTree::new(leaves).siblings(usize::from(index));
    let body = receipt_body(u64::from(index));
    Receipt { body, index, count: count_all, siblings, signature: count(0x50) }
}

fn item() -> ControlItem {
    ControlItem {
        idx: 5,
        epoch_before: 2,
        epoch_after: 3,
        prev: ItemHash::from_bytes(count(1)),
        salt: count(2),
        commitment: count(3),
        body: count::<4_096>(4).to_vec(),
        ladder: count::<LADDER_BYTES>(5),
        wraps: (0..WRAPS).map(|i| count::<WRAP_BYTES>(u8::try_from(i).unwrap())).collect(),
    }
}

fn principals() -> Vec<Principal> {
    let key = |from| PrincipalKey::from_bytes(count(from));
    [1, 101].map(|k| Principal { acc: key(k), adm: key(k + 1), recovery: key(k + 2) }).to_vec()
}

fn session_frames() -> Vec<Frame> {
    let refusal = Refusal { reason: Reason::Rate, argument: 5_000 };
    let (sid, running) = (sid(), RunningHash::from_bytes(count(0x30)));
    vec![
        Frame::Hello { versions: VersionRange { lowest: 1, highest: 2 } },
        Frame::Welcome { version: 1, store: StoreId::from_bytes(count(0x20)) },
        Frame::Auth { sid, key: PrincipalKey::from_bytes(count(1)), signature: count(2) },
        Frame::SignedIn { sid, n: 7, running, control: 3, epoch: 2 },
        Frame::Tail { sid, after: 6 },
        Frame::TailStart { sid },
        Frame::Head { sid, n: 8, control: 4 },
        Frame::GoAway { refusal: Refusal { reason: Reason::Away, argument: 30_000 } },
        Frame::Principals { sid },
        Frame::PrincipalKeys { list: principals() },
        Frame::Refused { refusal },
    ]
}

fn request_frames() -> Vec<Frame> {
    let (sid, running) = (sid(), RunningHash::from_bytes(count(0x30)));
    let rid = RendezvousId::from_bytes(count(0x60));
    let creation = Creation { principals: principals(), signature: count(9) };
    vec![
        Frame::ControlPull { sid, from: 2 },
        Frame::ControlItem { idx: 2, item: vec![1, 2, 3] },
        Frame::ControlEnd { next: 3 },
        Frame::ControlAppend { sid, idx: 3, item: vec![4, 5, 6], creation: None },
        Frame::ControlAppend { sid, idx: 0, item: vec![7, 8], creation: Some(creation) },
        Frame::Appended { receipt: receipt(2, 3) },
        Frame::Pull { sid, after: 5, max_bytes: 65_536 },
        Frame::Data { n: 6, envelope: vec![1, 2] },
        Frame::PullEnd { n: 7, running },
        Frame::Push { sid, envelope: vec![3, 4] },
        Frame::Pushed { receipt: receipt(1, 3) },
        Frame::MailPut { rid, idx: 1, bytes: vec![5] },
        Frame::MailStored { idx: 1 },
        Frame::MailGet { rid, from: 2, wait_ms: 20_000 },
        Frame::Mail { idx: 2, bytes: vec![6] },
        Frame::MailEnd,
    ]
}

#[test]
fn every_frame_is_written_as_its_vector_says() {
    let mut vectors = Map::new();
    for frame in session_frames().into_iter().chain(request_frames()) {
        let bytes = frame.encode();
        let read = Frame::decode(bytes[0], &bytes[5..]).unwrap().unwrap();
        assert!(read == frame, "{frame:?}");
        let before = vectors.insert(frame.name().to_owned(), json!(hex(&bytes)));
        assert!(before.is_none());
    }
    assert_eq!(vectors.len(), 27);
    check("frames.json", &Value::Object(vectors));
}

#[test]
fn every_refusal_has_its_number() {
    let list = Reason::ALL.iter().map(|reason| (reason.code().to_owned(), json!(*reason as u16)));
    check("refusals.json", &Value::Object(list.collect()));
}

#[test]
fn an_envelope_is_written_as_its_vector_says() {
    let envelope = Envelope {
        class: Class::Entry,
        epoch: 0x0102_0304,
        salt: count(1),
        commitment: count(2),
        ciphertext: count::<448>(3).to_vec(),
    };
    let bytes = envelope.encode();
    assert_eq!(Envelope::decode(&bytes), Ok(envelope));
    let id = envelope_id(&bytes);
    let running = running_hash(sid(), RunningHash::ZERO, 1, id);
    let running_2 = running_hash(sid(), running, 2, EnvelopeId::ZERO);
    let buckets: Map<_, _> = [0, 431, 432, 4_015, 4_016, 10_000, 100_000, 1_048_495]
        .into_iter()
        .map(|inner| (inner.to_string(), json!(padded_len(inner, 80).unwrap())))
        .collect();
    let vectors = json!({
        "bytes": hex(&bytes),
        "env_id": hex(id.as_bytes()),
        "sid": hex(sid().as_bytes()),
        "running_hash_1": hex(running.as_bytes()),
        "running_hash_2_of_zero_id": hex(running_2.as_bytes()),
        "whole_length_by_inner_length": buckets,
    });
    check("envelope.json", &vectors);
}

#[test]
fn a_control_item_is_written_as_its_vector_says() {
    let bytes = item().encode();
    assert_eq!(ControlItem::decode(&bytes), Ok(item()));
    let vectors = json!({
        "note": "every field counts up from its own first byte, modulo 256, and begins again after 251 bytes",
        "head_104": hex(&item().aad_head()),
        "body_length_field_and_begin": hex(&bytes[104..124]),
        "ladder": hex(&bytes[4_204..4_276]),
        "length": bytes.len(),
        "item_hash": hex(item_hash(&bytes).as_bytes()),
    });
    check("control.json", &vectors);
}

#[test]
fn receipts_and_their_tree_are_written_as_their_vector_says() {
    let relay = RelayId::from_bytes(count(0x70));
    let tree = |total: u16| {
        let one = receipt(total - 1, total);
        let mut writer = Writer::new();
        one.encode(&mut writer);
        let (root, signed) = (hex(&one.root()), hex(&one.signed_bytes(relay)));
        json!({ "count": total, "last_receipt": hex(writer.as_slice()), "root": root, "signed": signed })
    };
    let trees: Vec<_> = [1, 2, 3, 5, 256].map(tree).to_vec();
    check("receipt.json", &json!({ "relay_id": hex(relay.as_bytes()), "trees": trees }));
}

#[test]
fn what_is_signed_towards_a_relay_is_written_as_its_vector_says() {
    let (relay, exporter) = (RelayId::from_bytes(count(0x70)), count(0x80));
    let (item, listed) = (ItemHash::from_bytes(count(1)), encode_principals(&principals()));
    let new = NewSpace { relay, sid: sid(), item, principals: &listed, exporter: &exporter };
    let vectors = json!({
        "auth": hex(&auth_bytes(relay, sid(), &exporter)),
        "principals": hex(&listed),
        "new": hex(&creation_bytes(&new)),
    });
    check("sign.json", &vectors);
}

#[test]
fn an_address_line_is_written_as_its_vector_says() {
    let relay = RelayId::from_bytes(count(0x70));
    let address = RelayAddress::parse("relay.example:4433").unwrap();
    let line = AddressLine { address, relay };
    assert_eq!(line.to_string().parse(), Ok(line.clone()));
    check("address.json", &json!({ "relay_id": hex(relay.as_bytes()), "line": line.to_string() }));
}
