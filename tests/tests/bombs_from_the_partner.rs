//! The three bombs as entries that the partner signed, sealed and sent: what a phone spends on one, and what its owner
//! can do afterwards. Times are printed, never asserted.

use peak_alloc::PeakAlloc;
use reknit_core::document::ActorId;
use reknit_core::entry::{
    DocumentChanges, EntryError, Incident, Payload, change_hash, payload_hash,
};
use reknit_core::model::id::{DocumentId, EntryId};
use reknit_e2e::bomb::{self, Header};
use reknit_e2e::meter::Meter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[path = "hostile/siege.rs"]
mod siege;
use siege::Siege;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SPENT_MAX: usize = 4 << 20;
static BEFORE: AtomicUsize = AtomicUsize::new(0);

fn start() {
    ALLOCATOR.reset_peak_usage();
    BEFORE.store(ALLOCATOR.current_usage(), Ordering::Relaxed);
}

fn stop() -> usize {
    ALLOCATOR.peak_usage().saturating_sub(BEFORE.load(Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
fn now() -> Instant {
    Instant::now()
}

/// The header of the villain's next change upon all that stands in a document.
fn upon(siege: &Siege, document: DocumentId) -> Header {
    let raws = siege.villain.heard.iter().filter_map(|entry| {
        let payload = Payload::decode(entry.header.kind, &entry.payload).ok()?;
        let Payload::Changes(documents) = payload else { return None };
        Some(documents.into_iter().filter(|of| of.document == document).flat_map(|of| of.changes))
    });
    let raws: Vec<Vec<u8>> = raws.flatten().collect();
    let last = raws.last().expect("a change");
    let max_op = automerge::Change::from_bytes(last.clone()).unwrap().max_op();
    let actor = ActorId::of(siege.villain.home.space, document, siege.villain.me());
    let deps = vec![change_hash(last).unwrap()];
    Header { actor: *actor.as_bytes(), seq: 1, start_op: max_op + 1, deps }
}

/// Signed, sealed and sent. A compressed chunk has no hash that an honest app would sign: the one inside its checksum
/// stands there, as Automerge itself would compute it.
fn send(siege: &mut Siege, payload: &Payload) -> EntryId {
    let bytes = payload.encode(&mut siege.villain.random);
    let entry = if payload_hash(2, &bytes).is_ok() {
        let header = siege.villain.draft(&siege.world, 2, &bytes);
        siege.villain.sign(header, bytes).into_inner()
    } else {
        let stand_in = Payload::Event(vec![]).encode(&mut siege.villain.random);
        let mut header = siege.villain.draft(&siege.world, 1, &stand_in);
        (header.kind, header.payload_len) = (2, u32::try_from(bytes.len()).unwrap());
        siege.villain.forge(header, bytes)
    };
    siege.villain.send(&mut siege.world, &entry);
    entry.id
}

/// One test: the allocator counts for the whole process.
#[test]
fn each_bomb_of_the_partner_is_refused_under_4_mib_and_the_next_edit_is_read_back() {
    let bombs = [
        ("run_length", bomb::run_length as fn(&Header) -> Vec<u8>),
        ("deflate", bomb::deflate),
        ("start_op", bomb::start_op),
    ];
    let mut siege = Siege::new("bombs");
    let agreed = siege.agreement(siege.phone, "ours");
    siege.settle();
    for (count, (name, build)) in bombs.into_iter().enumerate() {
        let raw = build(&upon(&siege, agreed));
        let bytes = raw.len();
        let changes = DocumentChanges { document: agreed, kind: 2, changes: vec![raw] };
        let payload = Payload::Changes(vec![changes]);
        let sent = send(&mut siege, &payload);
        siege.world.meter = Some(Meter::new(start, stop));
        let started = now();
        siege.settle();
        let time = started.elapsed();
        let meter = siege.world.meter.take().unwrap();
        let (phone, tablet) = (meter.worst[&siege.phone], meter.worst[&siege.tablet]);
        println!(
            "{name}: {bytes} bytes signed by the partner, refused in {time:?} by phone and tablet, \
             at most {phone} and {tablet} bytes above what they held"
        );
        assert!(phone < SPENT_MAX && tablet < SPENT_MAX, "{name}");
        siege.both_noticed(|incident| match incident {
            Incident::RefusedChange { entry, .. } => *entry == sent,
            Incident::RefusedEntry { error, .. } => *error == EntryError::Hash,
            _ => false,
        });
        let next = format!("ours, edit {count}");
        siege.edit(siege.phone, agreed, &next);
        siege.world.crash(siege.phone);
        siege.world.restart(siege.phone);
        assert_eq!(siege.text(siege.phone, agreed).as_deref(), Some(next.as_str()), "{name}");
        siege.settle();
        assert_eq!(siege.text(siege.tablet, agreed).as_deref(), Some(next.as_str()), "{name}");
        siege.both_hold_the_same();
    }
    siege.life_goes_on();
}
