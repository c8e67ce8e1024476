//! What a phone spends on the worst that a partner may send, in bytes above what it held before: asserted. Times are
//! nobody's business here.

use peak_alloc::PeakAlloc;
use reknit_core::entry::{DocumentChanges, Incident, Payload};
use reknit_core::model::id::DocumentId;
use reknit_e2e::meter::Meter;
use reknit_e2e::random::Seeded;
use reknit_e2e::raw_change::{Key, Op, RawChange};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wire::hash::sha256;

#[path = "hostile/siege.rs"]
mod siege;
use siege::{A_WHILE, Siege};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// The worst entry that a partner may send.
const WORST_MAX: usize = 128 * MIB;
/// The dearest turn while many entries come in.
const INGEST_MAX: usize = 64 * MIB;
/// Opening a store of twenty megabytes, and what follows at the first turn.
const OPEN_MAX: usize = 32 * MIB;
/// How many entries are taken in, unless `REKNIT_INGEST` says otherwise.
const INGEST: u32 = 1_000;
const DOCUMENT: DocumentId = DocumentId::from_bytes([0x55; 16]);

/// The allocator counts for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());
static BEFORE: AtomicUsize = AtomicUsize::new(0);

fn start() {
    ALLOCATOR.reset_peak_usage();
    BEFORE.store(ALLOCATOR.current_usage(), Ordering::Relaxed);
}

fn stop() -> usize {
    ALLOCATOR.peak_usage().saturating_sub(BEFORE.load(Ordering::Relaxed))
}

/// The dearest turn of Nora's phone while all comes to rest.
fn dearest_turn(siege: &mut Siege) -> usize {
    siege.world.meter = Some(Meter::new(start, stop));
    assert!(siege.world.run_until_idle(A_WHILE), "it comes to rest");
    siege.world.meter.take().unwrap().worst.get(&siege.phone).copied().unwrap_or(0)
}

/// Two changes with as many characters as one may hold, each put behind any earlier one: the `entry`th such.
fn worst_changes(siege: &mut Siege, entry: u64, deps: &mut Vec<[u8; 32]>) -> Vec<Vec<u8>> {
    let actor = siege.villain.actor(DOCUMENT);
    let mut random = Seeded::new(11 + entry);
    let mut draw = |below: u64| u64::from_be_bytes(random.array()) % below;
    let text = (1, 0);
    let mut made = vec![];
    for change in 2 * entry..2 * entry + 2 {
        let first = change * 65_536 + 1;
        let ops: Vec<Op> = (first..first + 65_536)
            .map(|counter| match counter {
                1 => Op::make(None, "text", 4),
                2 => Op::insert(text, Key::Head, 'a'),
                _ => {
                    let letter = char::from(b'a' + u8::try_from(draw(26)).unwrap());
                    Op::insert(text, Key::Element((2 + draw(counter - 2), 0)), letter)
                }
            })
            .collect();
        let raw = RawChange::new(actor, change + 1, first, &ops);
        let raw = RawChange { deps: std::mem::take(deps), ..raw }.build();
        deps.push(sha256(&[&raw[8..]]));
        made.push(raw);
    }
    made
}

#[test]
fn l4_the_worst_entry_that_a_partner_may_send_costs_at_most_128_mib_also_upon_a_full_share() {
    let _alone = ALONE.lock();
    let mut siege = Siege::new("worst");
    let mut deps = vec![];
    for entry in 0..3 {
        let changes = worst_changes(&mut siege, entry, &mut deps);
        let bytes: usize = changes.iter().map(Vec::len).sum();
        let changes = vec![DocumentChanges { document: DOCUMENT, kind: 2, changes }];
        siege.villain.say(&mut siege.world, &Payload::Changes(changes));
        let spent = dearest_turn(&mut siege);
        println!("131,072 operations in {bytes} bytes: at most {spent} bytes in one turn");
        assert!(spent <= WORST_MAX, "{spent}");
        // Two of them are one device's share of a document.
        let full = siege.incidents(siege.phone);
        assert_eq!(full.len(), usize::from(entry == 2), "{full:?}");
        assert!(full.iter().all(|it| matches!(it, Incident::DocumentFull { .. })), "{full:?}");
    }
    assert_eq!(siege.text(siege.phone, DOCUMENT).unwrap().len(), 262_143);
    siege.edit(siege.phone, DOCUMENT, "short again");
    siege.world.crash(siege.phone);
    siege.world.restart(siege.phone);
    assert_eq!(siege.text(siege.phone, DOCUMENT).as_deref(), Some("short again"));
    siege.settle();
    assert_eq!(siege.text(siege.tablet, DOCUMENT).as_deref(), Some("short again"));
    siege.edit(siege.tablet, DOCUMENT, "short again, and on");
    siege.settle();
    assert_eq!(siege.text(siege.phone, DOCUMENT).as_deref(), Some("short again, and on"));
    siege.life_goes_on();
}

#[test]
fn l4_many_entries_are_taken_in_with_at_most_64_mib_and_their_store_opens_with_at_most_32() {
    let _alone = ALONE.lock();
    let count = std::env::var("REKNIT_INGEST").ok().and_then(|count| count.parse().ok());
    let count = count.unwrap_or(INGEST);
    let mut siege = Siege::new("ingest");
    siege.world.set_online(siege.phone, false);
    siege.world.set_online(siege.tablet, false);
    for piece in 0..20 {
        let payload = vec![piece; MIB - 1_024];
        let header = siege.villain.draft(&siege.world, 99, &payload);
        let entry = siege.villain.sign(header, payload);
        siege.villain.send(&mut siege.world, &entry);
    }
    siege.villain.say(&mut siege.world, &Payload::Event(vec![0xff; 4_000]));
    for number in 0..count {
        if number % 20 == 0 {
            siege.world.run_for(Duration::from_secs(1));
        }
        let said = Payload::Event(siege.moment(&format!("evening {number}")).encode());
        siege.villain.say(&mut siege.world, &said);
    }
    siege.world.set_online(siege.phone, true);
    let spent = dearest_turn(&mut siege);
    println!("{count} entries and 20 of a megabyte: at most {spent} bytes in one turn");
    let lines = siege.world.node(siege.phone).session().timeline().unwrap().len();
    assert_eq!(lines, usize::try_from(count).unwrap());
    assert!(spent <= INGEST_MAX, "{spent}");

    siege.world.crash(siege.phone);
    siege.world.devices[siege.phone].online = false;
    start();
    siege.world.restart(siege.phone);
    let opened = stop();
    siege.world.devices[siege.phone].online = true;
    siege.world.meter = Some(Meter::new(start, stop));
    siege.world.set_online(siege.phone, true);
    assert!(siege.world.run_until_idle(A_WHILE));
    let first = siege.world.meter.take().unwrap().worst[&siege.phone];
    println!("a store of more than 20 megabytes: {opened} bytes to open, {first} in a first turn");
    assert!(opened <= OPEN_MAX && first <= OPEN_MAX, "{opened} {first}");
    let mut forked = vec![];
    // What counts of a chain in doubt is looked at anew, and with it every entry that is stored.
    for text in ["the one", "the other"] {
        let payload = Payload::Event(siege.moment(text).encode());
        let said = siege.villain.entry(&siege.world, &payload);
        forked.push(said);
    }
    for said in &forked {
        siege.villain.send(&mut siege.world, said);
    }
    let again = dearest_turn(&mut siege);
    println!("every entry looked at anew behind a fork: {again} bytes");
    assert!(again <= OPEN_MAX, "{again}");
    let told = siege.tell(siege.phone, "and on");
    let agreed = siege.agreement(siege.phone, "the next edit");
    siege.world.set_online(siege.tablet, true);
    assert!(siege.world.run_until_idle(A_WHILE));
    let record = reknit_core::model::id::RecordId::from_bytes(told.to_bytes());
    assert!(!siege.world.node(siege.tablet).session().told(record).unwrap().is_empty());
    assert_eq!(siege.text(siege.tablet, agreed).as_deref(), Some("the next edit"));
    siege.both_noticed(|incident| matches!(incident, Incident::RefusedEvent { .. }));
    siege.both_noticed(|incident| matches!(incident, Incident::Fork { .. }));
    siege.both_hold_the_same();
}
