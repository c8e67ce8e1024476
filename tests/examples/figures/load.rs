//! How many entries a second the relay takes, counted at receipts: each says that its envelope is on the disk.

use crate::millis;
use crate::relay::{self, Program, Relay};
use reknit_core::transport::{Connection, Dialer, Profile};
use reknit_e2e::bare_space::{PERSONS, answer, auth, creation, envelope, sid};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use wire::address::AddressLine;
use wire::frame::{Channel, Frame};
use wire::id::SpaceHandle;
use wire::version::VERSIONS;

const SPACES: u16 = 25;
/// Of each of the 50 principals.
const ENVELOPES: u32 = 600;
const ENVELOPE_BYTES: usize = 1_024;
/// As a client has at once.
const IN_FLIGHT: u32 = 32;
/// What is above its default, so that the disk is the limit and not a quota.
const RAISED: [&str; 10] = [
    "--creations-per-hour",
    "1000",
    "--handshakes-per-second",
    "1000",
    "--pushes-per-second",
    "100000",
    "--push-burst",
    "1000000",
    "--push-bytes-per-hour",
    "1GiB",
];

/// One principal's connection, signed in.
struct Seat {
    connection: Connection,
    sid: SpaceHandle,
    number: u16,
}

/// Measures and prints.
pub(crate) async fn figures(program: &Program) {
    let relay = Relay::start(program, &RAISED);
    let mut seats = Vec::new();
    for space in 0..SPACES {
        for person in 0..PERSONS {
            seats.push(sit(relay.line(), space, person).await);
        }
    }
    let before = relay.cpu();
    let start = relay::watch();
    let mut at_work = JoinSet::new();
    for seat in seats {
        at_work.spawn(push(seat));
    }
    let mut roots = BTreeSet::new();
    let mut ends = Vec::new();
    while let Some(done) = at_work.join_next().await {
        let (seat, seen) = done.expect("no task fails");
        roots.extend(seen);
        ends.push(seat);
    }
    let took = start.elapsed();
    let after = relay.cpu();
    let entries = u32::from(SPACES * PERSONS) * ENVELOPES;
    let per_second = f64::from(entries) / took.as_secs_f64();
    println!(
        "entries per second at stored receipts: {per_second:.0} ({entries} entries in {:.0} ms; {} principals in {SPACES} spaces, \
         a connection each; envelopes of {ENVELOPE_BYTES} bytes, {IN_FLIGHT} in flight each; {} group commits seen by their \
         signatures, an fsync or more each, {:.1} entries a commit; {} bytes on disk, log included)",
        millis(took),
        SPACES * PERSONS,
        roots.len(),
        f64::from(entries) / f64::from(u32::try_from(roots.len()).unwrap_or(u32::MAX)),
        relay.stored(),
    );
    println!("  limits raised for it: {}", RAISED.join(" "));
    let each = |time: Duration| time.as_secs_f64() * 1_000_000.0 / f64::from(entries);
    let (user, system) =
        (after.user.saturating_sub(before.user), after.system.saturating_sub(before.system));
    println!(
        "processor time of the relay's process for them: user {:.0} ms, system {:.0} ms: {:.0} + {:.0} µs an entry",
        millis(user),
        millis(system),
        each(user),
        each(system),
    );
}

/// Pushes a principal's envelopes, a window at a time, and gives the roots that its receipts were signed under.
async fn push(mut seat: Seat) -> (Seat, BTreeSet<[u8; 32]>) {
    let channel = Channel::Push(seat.sid);
    let (mut sent, mut stored) = (0, 0);
    let mut roots = BTreeSet::new();
    while stored < ENVELOPES {
        while sent < ENVELOPES && sent - stored < IN_FLIGHT {
            let frame = Frame::Push {
                sid: seat.sid,
                envelope: envelope(seat.number, sent, ENVELOPE_BYTES),
            };
            seat.connection.send(channel, &frame, false).expect("the relay reads");
            sent += 1;
        }
        match answer(&mut seat.connection, channel).await {
            Ok(Some(Frame::Pushed { receipt })) => {
                roots.insert(receipt.root());
                stored += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    (seat, roots)
}

/// Connects as one of a space's persons; the first one makes the space.
async fn sit(line: &AddressLine, space: u16, person: u16) -> Seat {
    let sid = sid(space);
    let dialed = Dialer::new().connect(line, Profile::FOREGROUND).await;
    let mut connection = dialed.expect("the relay answers");
    connection.send(Channel::Control, &Frame::Hello { versions: VERSIONS }, false).expect("open");
    answer(&mut connection, Channel::Control).await.expect("a greeting");
    let exporter = connection.exporter();
    if person == 0 {
        let request = Channel::Request(1);
        let frame = creation(line.relay, space, &exporter);
        connection.send(request, &frame, true).expect("open");
        let made = answer(&mut connection, request).await;
        assert!(matches!(made, Ok(Some(Frame::Appended { .. }))), "{made:?}");
    }
    let auth = auth(line.relay, (space, person), &exporter);
    connection.send(Channel::Control, &auth, false).expect("open");
    let signed_in = answer(&mut connection, Channel::Control).await;
    assert!(matches!(signed_in, Ok(Some(Frame::SignedIn { .. }))), "{signed_in:?}");
    Seat { connection, sid, number: space * PERSONS + person }
}
