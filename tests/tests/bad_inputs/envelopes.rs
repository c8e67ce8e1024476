//! Envelopes and entries that a partner with valid keys seals and sends, B25 to B37: what the other person's phone and
//! tablet spend on one, and what its owner can do afterwards.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said, Spent, now, start, stop};
use crate::siege::Siege;
use reknit_core::crypto::{ClassKey, open};
use reknit_core::entry::{DeltaItem, Entry, Header, Incident, Payload};
use reknit_core::membership::Want;
use reknit_core::model::id::{EntryId, SpaceId};
use reknit_e2e::desk::{Desk, Keys, SID, envelope};
use reknit_e2e::meter::Meter;
use reknit_e2e::unpadded::sealed_as_it_is;
use reknit_relay::protocol::ConnectionId;
use wire::envelope::{Class, Envelope};
use wire::frame::Frame;
use wire::id::SpaceHandle;

const AT: Refuser = Refuser { who: "phone and tablet", bar: MEBIBYTE };

pub(crate) const ROWS: &[Row] = &[
    Row { who: "relay and phone", ..AT.row(25, &["env.size"], "lengths that are no bucket", b25) },
    Row {
        who: "relay and phone",
        ..AT.row(26, &["env.suite"], "another version, suite, class, flag", b26)
    },
    AT.row(27, &["-", "stale_epoch"], "an epoch that nobody made; one without its key", b27),
    AT.row(28, &["env.open"], "a wrong tag, a wrong commitment", b28),
    AT.row(29, &["env.open"], "an envelope of another space or handle", b29),
    AT.row(30, &["entry.author"], "another's name, a wrong signature", b30),
    AT.row(31, &["entry.author"], "the second form of a signature", b31),
    AT.row(32, &["entry.gap", "entry.fork"], "numbers skipped, 0, 2^64 - 1, and one twice", b32),
    AT.row(33, &["entry.chain"], "a link to nothing, and to an entry elsewhere", b33),
    AT.row(34, &["entry.frontier"], "a frontier unsorted, of no slot, of number 0", b34),
    AT.row(35, &["-"], "clocks of 0 and of the year 292 million", b35),
    AT.row(36, &["entry.hash"], "another payload than the signed one", b36),
    AT.row(37, &["env.pad"], "an authentic envelope with a wrong padding", b37),
];

pub(crate) fn said(incident: &Incident) -> Said {
    Said::new(incident.code(), incident.sentence())
}

/// Lets what was sent arrive: the answer is the new incident that both devices wrote down.
pub(crate) fn arrives(bench: &mut Bench, siege: &mut Siege, what: &str) {
    let devices = [siege.phone, siege.tablet];
    let before = devices.map(|device| siege.incidents(device));
    siege.world.meter = Some(Meter::new(start, stop));
    let started = now();
    siege.settle();
    let time = started.elapsed();
    let meter = siege.world.meter.take().unwrap();
    let peak = devices.iter().filter_map(|device| meter.worst.get(device)).max().copied();
    let mut new = devices.map(|device| siege.incidents(device));
    for (after, before) in new.iter_mut().zip(&before) {
        after.retain(|incident| !before.contains(incident));
    }
    assert_eq!(new[0], new[1], "{what}: both devices say the same");
    let peak = peak.unwrap_or_default();
    bench.record(what, new[0].first().map(said), Spent { time, peak });
}

pub(crate) fn life_goes_on(bench: &mut Bench, siege: &mut Siege) {
    siege.life_goes_on();
    bench.good("what both say next arrives, also after a restart", true);
}

fn event(siege: &Siege) -> Payload {
    Payload::Event(siege.moment("said").encode())
}

/// An entry with a header of the villain's making, properly signed.
fn signed(siege: &mut Siege, change: impl FnOnce(&mut Header)) -> Entry {
    let payload = event(siege).encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    change(&mut header);
    siege.villain.sign(header, payload).into_inner()
}

fn sent(bench: &mut Bench, siege: &mut Siege, (what, entry): (&str, &Entry)) {
    siege.villain.send_inner(&mut siege.world, &entry.encode());
    arrives(bench, siege, what);
}

fn class_key(siege: &Siege) -> ClassKey {
    let key = siege.villain.keyring.get(0).unwrap();
    key.class_key(siege.villain.home.space, Class::Entry, 0)
}

fn b25(bench: &mut Bench) {
    let mut desk = Desk::new("b25");
    let member = desk.member(1, &Keys::new(1));
    for (stream, len) in (10..).zip([0, 1, 79, 80, 511, 513, 4_097, 1_048_575]) {
        let bytes = vec![1; len];
        bench.bad("as an envelope", || {
            Envelope::decode(&bytes).err().map(|error| Said::new(error.code(), error))
        });
        bench.bad("pushed", || pushed(&mut desk, (member, stream), bytes));
    }
    next_works(bench, &mut desk, member);
}

fn b26(bench: &mut Bench) {
    let mut desk = Desk::new("b26");
    let member = desk.member(1, &Keys::new(1));
    let bytes = [(0, 2), (1, 2), (2, 0), (2, 99), (3, 1), (3, 128)];
    for (stream, (at, value)) in (10..).zip(bytes) {
        let mut bytes = envelope(1, 512);
        bytes[at] = value;
        bench.bad("as an envelope", || {
            Envelope::decode(&bytes).err().map(|error| Said::new(error.code(), error))
        });
        bench.bad("pushed", || pushed(&mut desk, (member, stream), bytes));
    }
    next_works(bench, &mut desk, member);
}

fn pushed(
    desk: &mut Desk,
    (member, stream): (ConnectionId, u64),
    envelope: Vec<u8>,
) -> Option<Said> {
    let answers = desk.ask(member, stream, Frame::Push { sid: SID, envelope });
    let [Frame::Refused { refusal }] = answers.as_slice() else { return None };
    Some(Said::new(refusal.reason.code(), refusal.sentence()))
}

fn next_works(bench: &mut Bench, desk: &mut Desk, member: ConnectionId) {
    let push = Frame::Push { sid: SID, envelope: envelope(2, 512) };
    let answers = desk.ask(member, 6, push);
    bench.good("the next push", matches!(answers.as_slice(), [Frame::Pushed { .. }]));
}

fn b27(bench: &mut Bench) {
    let mut siege = Siege::new("table27");
    let mut desk = Desk::new("b27");
    let member = desk.member(1, &Keys::new(1));
    let mut newest = envelope(1, 512);
    newest[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    bench.bad("an epoch that nobody made", || pushed(&mut desk, (member, 5), newest));
    let mut forgery = siege.villain.compose(Want::Rekey { after: 0 });
    siege.villain.garble_wraps(&mut forgery);
    let item = siege.villain.seal_op(forgery);
    siege.villain.append(&mut siege.world, item);
    let hidden = event(&siege);
    siege.villain.say(&mut siege.world, &hidden);
    siege.settle();
    let aside = |siege: &Siege| {
        let reports = siege.world.node(siege.phone).session().report().unwrap();
        reports.iter().map(|space| space.aside).sum::<u64>()
    };
    bench.good("what comes under a key that did not arrive waits", aside(&siege) == 1);
    siege.villain.hand_on(&mut siege.world);
    arrives(bench, &mut siege, "the key, handed on after all");
    bench.good("it is read once the key is there", aside(&siege) == 0);
    next_works(bench, &mut desk, member);
    life_goes_on(bench, &mut siege);
}

fn b28(bench: &mut Bench) {
    let mut siege = Siege::new("table28");
    let key = class_key(&siege);
    // The last byte is the tag's, the one at 40 the commitment's.
    for (what, at) in [("tag", 511), ("commitment", 40), ("ciphertext", 100)] {
        let mut bytes = siege.villain.seal(0, b"no entry");
        bytes[at] ^= 1;
        let envelope = Envelope::decode(&bytes).unwrap();
        let home = siege.villain.home;
        bench.bad(what, || {
            open(&key, &home, &envelope).err().map(|error| Said::new(error.code(), error))
        });
        siege.villain.push(&mut siege.world, bytes);
        arrives(bench, &mut siege, what);
    }
    life_goes_on(bench, &mut siege);
}

fn b29(bench: &mut Bench) {
    let mut siege = Siege::new("table29");
    let home = siege.villain.home;
    let entry = signed(&mut siege, |_| {}).encode();
    siege.villain.home.space = SpaceId::from_bytes([9; 16]);
    let elsewhere = siege.villain.seal(0, &entry);
    siege.villain.home = home;
    siege.villain.home.sid = SpaceHandle::from_bytes([9; 16]);
    let renamed = siege.villain.seal(0, &entry);
    siege.villain.home = home;
    for (what, envelope) in [("another space", elsewhere), ("another handle", renamed)] {
        siege.villain.push(&mut siege.world, envelope);
        arrives(bench, &mut siege, what);
    }
    life_goes_on(bench, &mut siege);
}

fn b30(bench: &mut Bench) {
    let mut siege = Siege::new("table30");
    siege.tell(siege.phone, "mine");
    siege.settle();
    let own = siege.world.node(siege.phone).session().device();
    let payload = event(&siege).encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    let newest = siege.villain.chains.iter().find(|(chain, _)| chain.device == own);
    let (chain, seq, id) = newest.map(|(id, chain)| (id, chain.seq, chain.id)).unwrap();
    header.delta.clear();
    (header.chain, header.seq, header.prev) = (chain, seq + 1, id);
    let stolen = siege.villain.forge(header, payload);
    let mut forged = signed(&mut siege, |_| {});
    forged.voice.0[5] ^= 1;
    let mut stranger = signed(&mut siege, |header| header.hlc.ctr = 7);
    stranger.header.chain.device = reknit_core::model::id::DeviceId::from_bytes([7; 16]);
    let all = [("a partner's name", stolen), ("a wrong signature", forged), ("nobody", stranger)];
    for (what, entry) in all {
        sent(bench, &mut siege, (what, &entry));
    }
    life_goes_on(bench, &mut siege);
}

/// The group order, added to S: the same signature for a lax verifier.
fn malleable(signature: &mut [u8; 64]) {
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn b31(bench: &mut Bench) {
    let mut siege = Siege::new("table31");
    let mut entry = signed(&mut siege, |_| {});
    malleable(&mut entry.voice.0);
    sent(bench, &mut siege, ("S + L", &entry));
    let mut zero = signed(&mut siege, |header| header.hlc.ctr = 9);
    zero.voice.0 = [0; 64];
    sent(bench, &mut siege, ("zeros", &zero));
    life_goes_on(bench, &mut siege);
}

fn b32(bench: &mut Bench) {
    let mut siege = Siege::new("table32");
    let skipped = signed(&mut siege, |header| header.seq += 1);
    let zero = signed(&mut siege, |header| header.seq = 0);
    let last = signed(&mut siege, |header| header.seq = u64::MAX);
    for (what, entry) in [("skipped", skipped), ("0", zero), ("2^64 - 1", last)] {
        sent(bench, &mut siege, (what, &entry));
    }
    let (one, two) = (signed(&mut siege, |_| {}), signed(&mut siege, |header| header.hlc.ctr = 5));
    siege.villain.send(&mut siege.world, &one);
    siege.settle();
    sent(bench, &mut siege, ("one number twice", &two));
    life_goes_on(bench, &mut siege);
}

fn b33(bench: &mut Bench) {
    let mut siege = Siege::new("table33");
    let mine = siege.tell(siege.phone, "mine");
    let good = signed(&mut siege, |_| {});
    siege.villain.send(&mut siege.world, &good);
    siege.settle();
    let cut = signed(&mut siege, |header| header.prev = EntryId::ZERO);
    let stolen = signed(&mut siege, |header| header.prev = mine);
    for (what, entry) in [("to nothing", cut), ("to an entry elsewhere", stolen)] {
        sent(bench, &mut siege, (what, &entry));
    }
    life_goes_on(bench, &mut siege);
}

fn b34(bench: &mut Bench) {
    let mut siege = Siege::new("table34");
    let item = |slot, seq, id| DeltaItem { slot, inc: 0, seq, id: [id; 16] };
    let deltas = [
        ("unsorted", vec![item(2, 1, 1), item(1, 1, 1)]),
        ("a slot twice", vec![item(1, 1, 1), item(1, 2, 1)]),
        ("number 0", vec![item(1, 0, 1)]),
        ("a slot that nobody has", vec![item(60_000, 1, 1)]),
        ("200 slots", (1..=200).map(|slot| item(slot, 1, 1)).collect()),
    ];
    for (what, delta) in deltas {
        let entry = signed(&mut siege, |header| header.delta = delta);
        sent(bench, &mut siege, (what, &entry));
    }
    life_goes_on(bench, &mut siege);
}

fn b35(bench: &mut Bench) {
    let mut siege = Siege::new("table35");
    for ms in [0, 253_402_300_799_000, u64::MAX] {
        let entry = signed(&mut siege, |header| header.hlc.ms = header.hlc.ms.max(ms));
        siege.villain.send(&mut siege.world, &entry);
        arrives(bench, &mut siege, "a clock");
    }
    let lines = siege.world.node(siege.phone).session().timeline().unwrap().len();
    bench.good("all of them are shown", lines == 3);
    life_goes_on(bench, &mut siege);
}

fn b36(bench: &mut Bench) {
    let mut siege = Siege::new("table36");
    let mut other = signed(&mut siege, |_| {});
    let last = other.payload.len() - 1;
    other.payload[last] ^= 1;
    let mut longer = signed(&mut siege, |header| header.hlc.ctr = 3);
    longer.payload.push(0);
    let payload = event(&siege).encode(&mut siege.villain.random);
    let mut header = siege.villain.draft(&siege.world, 1, &payload);
    header.payload_len = u32::MAX;
    let claims = siege.villain.forge(header, payload);
    let all = [("another byte", other), ("one more", longer), ("4 GiB claimed", claims)];
    for (what, entry) in all {
        sent(bench, &mut siege, (what, &entry));
    }
    life_goes_on(bench, &mut siege);
}

fn b37(bench: &mut Bench) {
    let mut siege = Siege::new("table37");
    let key = class_key(&siege);
    let (home, entry) = (siege.villain.home, signed(&mut siege, |_| {}).encode());
    let epoch = siege.villain.keyring.get(0).unwrap();
    let padded = |mark: u8, len: usize| {
        let mut plain = [entry.as_slice(), &[mark]].concat();
        plain.resize(len, 0);
        sealed_as_it_is(epoch, &home, 0, &plain)
    };
    let len = 2_048 - 80;
    let honest = Envelope::decode(&padded(0x80, len)).unwrap();
    assert_eq!(open(&key, &home, &honest).unwrap().as_slice(), entry, "our own sealing is right");
    let all = [padded(0, len), padded(0x81, len), padded(0x40, len)];
    for bytes in &all {
        let envelope = Envelope::decode(bytes).unwrap();
        bench.bad("no padding", || {
            open(&key, &home, &envelope).err().map(|error| Said::new(error.code(), error))
        });
    }
    let [bytes, ..] = all;
    siege.villain.push(&mut siege.world, bytes);
    siege.settle();
    siege.both_noticed(|incident| matches!(incident, Incident::UnreadableEnvelope { .. }));
    life_goes_on(bench, &mut siege);
}
