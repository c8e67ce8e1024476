//! Entries that are signed by the partner and say what no honest app says.

use crate::siege::Siege;
use reknit_core::entry::{EntryError, Incident, Payload};
use wire::envelope::Envelope;

fn refused_as(error: EntryError) -> impl Fn(&Incident) -> bool {
    move |incident| matches!(incident, Incident::RefusedEntry { error: why, .. } if *why == error)
}

fn event(siege: &Siege, text: &str) -> Payload {
    Payload::Event(siege.moment(text).encode())
}

#[test]
fn what_an_honest_partner_says_arrives() {
    let mut siege = Siege::new("honest");
    let said = event(&siege, "hello");
    siege.villain.say(&mut siege.world, &said);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.world.node(device).session().timeline().unwrap().len(), 1);
        assert!(siege.incidents(device).is_empty(), "{:?}", siege.incidents(device));
    }
    siege.life_goes_on();
}

#[test]
fn a_frontier_that_names_an_entry_that_does_not_exist_waits_with_a_ticket() {
    let mut siege = Siege::new("nowhere");
    siege.tell(siege.phone, "before");
    siege.settle();
    let payload = event(&siege, "beyond").encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    let item = header.delta.first_mut().expect("the phone's entries");
    (item.seq, item.id) = (item.seq + 1_000, [0xaa; 16]);
    let entry = siege.villain.sign(header, payload);
    siege.villain.send(&mut siege.world, &entry);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.waiting(device), 1);
        let gaps = siege.world.node(device).session().tickets();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(siege.world.node(device).session().timeline().unwrap().len(), 1);
    }
    siege.life_goes_on();
    // It still waits after a restart, and the gap still has its ticket.
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.waiting(device), 1);
        assert_eq!(siege.world.node(device).session().tickets().len(), 1);
    }
}

#[test]
fn b28_and_b37_what_does_not_open_is_set_aside_with_its_bytes() {
    let mut siege = Siege::new("unopened");
    let entry = event(&siege, "damaged");
    let entry = siege.villain.entry(&siege.world, &entry);
    let mut envelope = siege.villain.seal(0, &entry.encode());
    let last = envelope.len() - 1;
    envelope[last] ^= 1;
    siege.villain.push(&mut siege.world, envelope);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::UnreadableEnvelope { .. }));
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (1, 1));
    siege.life_goes_on();
}

#[test]
fn b29_an_envelope_of_another_space_does_not_open_here() {
    let mut siege = Siege::new("rehomed");
    let entry = event(&siege, "elsewhere");
    let entry = siege.villain.entry(&siege.world, &entry);
    let home = siege.villain.home;
    siege.villain.home.space = reknit_core::model::id::SpaceId::from_bytes([9; 16]);
    let envelope = siege.villain.seal(0, &entry.encode());
    siege.villain.home = home;
    assert!(Envelope::decode(&envelope).is_ok());
    siege.villain.push(&mut siege.world, envelope);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::UnreadableEnvelope { .. }));
    siege.life_goes_on();
}

#[test]
fn b30_an_entry_in_the_name_of_the_other_persons_device_is_entry_author() {
    let mut siege = Siege::new("forged");
    siege.tell(siege.phone, "mine");
    siege.settle();
    let own = siege.world.node(siege.phone).session().device();
    let payload = event(&siege, "never said").encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    let newest = siege.villain.chains.iter().find(|(chain, _)| chain.device == own);
    let (chain, seq, id) = newest.map(|(id, chain)| (id, chain.seq, chain.id)).unwrap();
    header.delta.clear();
    (header.chain, header.seq, header.prev) = (chain, seq + 1, id);
    let entry = siege.villain.forge(header, payload);
    siege.villain.send_inner(&mut siege.world, &entry.encode());
    siege.settle();
    siege.both_noticed(refused_as(EntryError::Author));
    siege.life_goes_on();
}

#[test]
fn b32_a_skipped_number_that_names_the_entry_before_is_entry_gap() {
    let mut siege = Siege::new("gap");
    let payload = event(&siege, "skipped").encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    header.seq += 1;
    let entry = siege.villain.sign(header, payload);
    siege.villain.send_inner(&mut siege.world, &entry.encode());
    siege.settle();
    siege.both_noticed(refused_as(EntryError::Gap));
    siege.life_goes_on();
}

#[test]
fn b35_a_clock_of_the_year_292_million_orders_and_is_not_believed() {
    let mut siege = Siege::new("clock");
    let payload = event(&siege, "late").encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    (header.hlc.ms, header.hlc.ctr) = (u64::MAX, u16::MAX);
    let entry = siege.villain.sign(header, payload);
    siege.villain.send(&mut siege.world, &entry);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.world.node(device).session().timeline().unwrap().len(), 1);
    }
    siege.life_goes_on();
}

#[test]
fn b36_another_payload_than_the_signed_one_is_entry_hash() {
    let mut siege = Siege::new("payload");
    let payload = event(&siege, "signed").encode(&mut siege.villain.random);
    let header = siege.villain.draft(&siege.world, 1, &payload);
    let entry = siege.villain.sign(header, payload);
    let mut bytes = entry.encode();
    let at = bytes.len() - 64 - 3;
    bytes[at] ^= 1;
    siege.villain.send_inner(&mut siege.world, &bytes);
    let mut lying = entry.header.clone();
    lying.payload_len += 1;
    let lying = siege.villain.forge(lying, entry.payload.clone());
    siege.villain.send_inner(&mut siege.world, &lying.encode());
    siege.settle();
    siege.both_noticed(refused_as(EntryError::Hash));
    assert_eq!(siege.aside(siege.phone), 2);
    siege.life_goes_on();
}

#[test]
fn an_event_that_is_no_strict_cbor_is_void_and_keeps_its_place() {
    let mut siege = Siege::new("cbor");
    let good = siege.moment("good").encode();
    let mut bodies = vec![vec![0x9f, 0x02, 0xa0, 0xff], vec![], vec![0xff; 4_000]];
    bodies.push([good.as_slice(), &[0]].concat());
    bodies.push([0x81].repeat(100_000));
    let count = bodies.len();
    for body in bodies {
        siege.villain.say(&mut siege.world, &Payload::Event(body));
    }
    siege.villain.say(&mut siege.world, &Payload::Event(good));
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        let void = siege.incidents(device);
        let void = void.iter().filter(|it| matches!(it, Incident::RefusedEvent { .. })).count();
        assert_eq!(void, count);
        assert_eq!(siege.world.node(device).session().timeline().unwrap().len(), 1);
    }
    siege.life_goes_on();
}

#[test]
fn payloads_and_events_of_a_newer_version_are_kept_and_chained_over() {
    let mut siege = Siege::new("newer");
    let payload = [7; 400].to_vec();
    let header = siege.villain.draft(&siege.world, 99, &payload);
    let entry = siege.villain.sign(header, payload);
    siege.villain.send(&mut siege.world, &entry);
    let said = event(&siege, "after it");
    siege.villain.say(&mut siege.world, &said);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert!(siege.incidents(device).is_empty());
        assert_eq!(siege.world.node(device).session().timeline().unwrap().len(), 1);
    }
    siege.life_goes_on();
}

#[test]
fn what_only_a_private_space_holds_has_no_effect_in_the_shared_one() {
    let mut siege = Siege::new("private");
    let agreed = siege.agreement(siege.phone, "keep this");
    siege.settle();
    let home = siege.villain.home;
    siege.villain.say(&mut siege.world, &Payload::Delete(agreed));
    let key = reknit_core::crypto::EpochKey::from_bytes(&[1; 32]);
    let mirrored = Payload::SpaceKey { space: home.space, epoch: 0, key };
    siege.villain.say(&mut siege.world, &mirrored);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.text(device, agreed).as_deref(), Some("keep this"));
    }
    siege.life_goes_on();
}
