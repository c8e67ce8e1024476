//! What decoding and verifying refuse, by the numbers of the bad-input catalogue, and that nothing panics.

use proptest::prelude::*;

use super::super::replica::{Replica, SPACE, Seeded, World};
use super::super::{Chain, DeltaItem, DocumentChanges, Hlc, Payload, Split, decode_frontier};
use super::*;
use crate::crypto::VerifyKey;
use crate::model::id::{ChainId, DeviceId, DocumentId, OrderKey, PersonId};

const HERS: PersonId = PersonId::from_bytes([1; 16]);

fn written() -> (World, Verified<Entry>) {
    let world = World::new(2);
    let mut replica = Replica::new();
    replica.write(&world, 1, 1);
    let entry = replica.write(&world, 0, 2);
    (world, entry)
}

fn code(bytes: &[u8]) -> &'static str {
    Entry::decode(SPACE, bytes).map_or_else(EntryError::code, |_| "accepted")
}

#[test]
fn what_is_signed_is_read_back_and_holds() {
    let (world, entry) = written();
    let read = Entry::decode(SPACE, &entry.encode()).unwrap();
    assert_eq!(read.peek(), &*entry);
    let device = world.keys[0].device(HERS);
    assert_eq!(Entry::verify(read, Some(&device), SPACE), Ok(entry));
}

#[test]
fn b30_a_wrong_signature_a_stranger_and_another_device_are_entry_author() {
    let (world, entry) = written();
    let device = world.keys[0].device(HERS);
    let verify = |entry: Entry, author, space| {
        Entry::verify(Unverified::new(entry), author, space).map_err(EntryError::code).err()
    };
    let author = Some("entry.author");
    let partner = world.keys[1].device(HERS);
    let good = entry.into_inner();
    assert_eq!(verify(good.clone(), None, SPACE), author);
    assert_eq!(verify(good.clone(), Some(&partner), SPACE), author);
    assert_eq!(verify(good.clone(), Some(&device), SpaceId::from_bytes([0; 16])), author);
    let mut forged = good.clone();
    forged.voice.0[5] ^= 1;
    assert_eq!(verify(forged, Some(&device), SPACE), author);
    let mut other = good.clone();
    other.header.hlc.ms += 1;
    assert_eq!(verify(other, Some(&device), SPACE), author);
    assert_eq!(verify(good, Some(&device), SPACE), None);
}

#[test]
fn b30_a_flagged_entry_needs_the_seat_of_its_device() {
    let (world, entry) = written();
    let device = world.keys[0].device(HERS);
    let mut header = entry.header.clone();
    header.flags = FLAG_SEAT;
    let flagged = sign(header, entry.payload.clone(), SPACE, &world.keys[0]);
    let read = Entry::decode(SPACE, &flagged.encode()).unwrap();
    assert!(Entry::verify(read, Some(&device), SPACE).is_ok());
    let mut forged = flagged.into_inner();
    assert_eq!(code(&forged.encode()[..forged.encode().len() - 64]), "entry.hash");
    forged.seat = Some(forged.voice);
    let read = Entry::decode(SPACE, &forged.encode()).unwrap();
    assert_eq!(Entry::verify(read, Some(&device), SPACE), Err(EntryError::Author));
}

#[test]
fn b31_a_second_form_of_a_signature_is_entry_author_and_weak_keys_are_never_made() {
    let (world, entry) = written();
    let device = world.keys[0].device(HERS);
    let mut malleable = entry.into_inner();
    // The group order, added to S: the same signature for a lax verifier.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in malleable.voice.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let read = Entry::decode(SPACE, &malleable.encode()).unwrap();
    assert_eq!(Entry::verify(read, Some(&device), SPACE), Err(EntryError::Author));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(VerifyKey::check(identity).is_err() && VerifyKey::check([0; 32]).is_err());
}

#[test]
fn b32_numbers_that_no_chain_reaches_are_entry_gap() {
    let (_, entry) = written();
    for seq in [0, u64::MAX] {
        let mut bytes = entry.encode();
        bytes[22..30].copy_from_slice(&seq.to_be_bytes());
        assert_eq!(code(&bytes), "entry.gap");
    }
}

#[test]
fn b33_a_first_entry_with_a_predecessor_and_a_later_one_without_are_entry_chain() {
    let (_, entry) = written();
    let mut bytes = entry.encode();
    bytes[30] = 1;
    assert_eq!(code(&bytes), "entry.chain");
    let mut bytes = entry.encode();
    bytes[29] = 2;
    assert_eq!(code(&bytes), "entry.chain");
}

#[test]
fn b34_a_delta_too_long_unsorted_or_repeating_is_entry_frontier() {
    let (_, entry) = written();
    let mut bytes = entry.encode();
    bytes[124] = 255;
    assert_eq!(code(&bytes), "entry.frontier");
    let item = |slot, seq, id| DeltaItem { slot, inc: 0, seq, id: [id; 16] };
    for delta in [
        vec![item(2, 1, 1), item(1, 1, 1)],
        vec![item(1, 1, 1), item(1, 2, 1)],
        vec![item(1, 0, 1)],
        vec![item(1, 1, 0)],
    ] {
        let mut bad = (*entry).clone();
        bad.header.delta = delta;
        assert_eq!(code(&bad.encode()), "entry.frontier");
    }
}

#[test]
fn b36_another_payload_or_another_length_is_entry_hash() {
    let (_, entry) = written();
    let at = 161 + 28;
    let mut bytes = entry.encode();
    bytes[at] ^= 1;
    assert_eq!(code(&bytes), "entry.hash");
    for len in [0, 16, 18, 1_000, u32::MAX] {
        let mut bytes = entry.encode();
        bytes[at - 36..at - 32].copy_from_slice(&len.to_be_bytes());
        assert_eq!(code(&bytes), "entry.hash");
    }
    assert_eq!(code(&[entry.encode(), vec![0]].concat()), "entry.hash");
    assert_eq!(code(&vec![0; ENTRY_BYTES_MAX + 1]), "entry.form");
}

#[test]
fn another_version_or_an_unknown_flag_asks_for_an_update() {
    let (_, entry) = written();
    for (at, value) in [(0, 2), (2, 128), (3, 2)] {
        let mut bytes = entry.encode();
        bytes[at] = value;
        assert_eq!(code(&bytes), "entry.version");
    }
}

#[test]
fn an_unknown_kind_and_a_newer_format_of_changes_are_kept() {
    let (world, entry) = written();
    let mut header = entry.header.clone();
    header.kind = 200;
    let unknown = sign(header, entry.payload.clone(), SPACE, &world.keys[0]);
    assert_eq!(code(&unknown.encode()), "accepted");
    assert!(matches!(Payload::decode(200, &unknown.payload), Ok(Payload::Unknown { kind: 200 })));
    let mut packed = entry.into_inner();
    packed.header.kind = 2;
    packed.payload[16] = 1;
    assert_eq!(code(&packed.encode()), "accepted");
    assert!(matches!(Payload::decode(2, &packed.payload), Ok(Payload::Unknown { kind: 2 })));
}

#[test]
fn a_chain_is_read_back_as_it_was() {
    let (world, entry) = written();
    let seen = [(world.chain(1), (4, entry.id))].into_iter().collect();
    let split = Some(Split { seq: 3, before: entry.id });
    let chain = Chain { seq: 9, id: entry.id, k: OrderKey(u128::MAX), seen, split };
    assert_eq!(Chain::decode(&chain.encode()), Ok(chain.clone()));
    let whole = Chain { split: None, ..chain };
    assert_eq!(Chain::decode(&whole.encode()), Ok(whole));
}

fn header() -> impl Strategy<Value = Header> {
    let item = (any::<(u16, u16)>(), 1..u64::MAX, any::<[u8; 16]>());
    let delta = proptest::collection::btree_map(any::<(u16, u16)>(), item, 0..20);
    let fixed = (any::<u8>(), any::<bool>(), any::<[u8; 16]>(), any::<u16>(), 2..u64::MAX);
    let rest = any::<([u8; 32], u32, [u8; 16], u64, u16, [u8; 32], u32, [u8; 32])>();
    (fixed, rest, delta).prop_map(|((kind, flag, device, inc, seq), rest, delta)| Header {
        kind,
        flags: u16::from(flag),
        chain: ChainId { device: DeviceId::from_bytes(device), inc },
        seq,
        prev: EntryId::from_bytes(rest.0.map(|byte| byte | 1)),
        control: (rest.1, rest.2),
        hlc: Hlc { ms: rest.3, ctr: rest.4 },
        frontier_root: rest.5,
        delta: delta
            .into_iter()
            .map(|((slot, inc), (_, seq, id))| DeltaItem {
                slot,
                inc,
                seq,
                id: id.map(|byte| byte | 1),
            })
            .collect(),
        payload_len: rest.6,
        payload_hash: rest.7,
    })
}

proptest! {
    #[test]
    fn a_header_is_read_back_and_has_one_form(header in header()) {
        let bytes = header.encode();
        prop_assert_eq!(bytes.len(), 161 + 28 * header.delta.len());
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(Header::decode(&mut reader), Ok(header));
        prop_assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn changes_are_read_back(
        changes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5),
        id: [u8; 16],
    ) {
        let document = DocumentChanges { document: DocumentId::from_bytes(id), kind: 1, changes };
        let bytes = Payload::Changes(vec![document.clone()]).encode(&mut Seeded(1));
        let Ok(Payload::Changes(read)) = Payload::decode(2, &bytes) else { panic!("decodes") };
        prop_assert_eq!(read, vec![document]);
    }

    /// Entries come from strangers.
    #[test]
    fn no_bytes_make_decode_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind: u8) {
        drop(Entry::decode(SPACE, &bytes));
        drop(Payload::decode(kind % 8, &bytes));
        drop(Chain::decode(&bytes));
        drop(decode_frontier(&mut Reader::new(&bytes)));
        let _ = super::super::Incident::decode(&bytes);
        let _ = super::super::change_hash(&bytes);
    }

    #[test]
    fn no_damage_makes_decode_panic_or_pass(at in 0..300_usize, bit in 0..8_u8) {
        let (world, entry) = written();
        let mut bytes = entry.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        let device = world.keys[0].device(HERS);
        let passed = Entry::decode(SPACE, &bytes)
            .and_then(|read| Entry::verify(read, Some(&device), SPACE));
        prop_assert!(passed.is_err());
    }
}
