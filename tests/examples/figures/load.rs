//! How many entries a second the relay takes, counted at receipts: each says that its envelope is on the disk.

use crate::millis;
use crate::relay::{self, Program, Relay};
use reknit_core::crypto::SigningKey;
use reknit_core::transport::{Connection, Dialer, LinkEvent, Profile};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use wire::address::AddressLine;
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::version::VERSIONS;

const SPACES: u16 = 25;
const PERSONS: u16 = 2;
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
            seats.push(sit(&relay.line, space, person).await);
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
            let frame = Frame::Push { sid: seat.sid, envelope: envelope(seat.number, sent) };
            seat.connection.send(channel, &frame, false).expect("the relay reads");
            sent += 1;
        }
        match answer(&mut seat.connection, channel).await {
            Frame::Pushed { receipt } => {
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
    let mut sid = [0xa5; 16];
    sid[..2].copy_from_slice(&space.to_be_bytes());
    let sid = SpaceHandle::from_bytes(sid);
    let dialed = Dialer::new().connect(line, Profile::FOREGROUND).await;
    let mut connection = dialed.expect("the relay answers");
    connection.send(Channel::Control, &Frame::Hello { versions: VERSIONS }, false).expect("open");
    answer(&mut connection, Channel::Control).await;
    let exporter = connection.exporter();
    if person == 0 {
        let request = Channel::Request(1);
        let frame = creation(line, sid, space, &exporter);
        connection.send(request, &frame, true).expect("open");
        let made = answer(&mut connection, request).await;
        assert!(matches!(made, Frame::Appended { .. }), "{made:?}");
    }
    let key = key(space, person, 0);
    let signature = key.sign_bytes(&auth_bytes(line.relay, sid, &exporter)).0;
    let auth = Frame::Auth { sid, key: principal(&key), signature };
    connection.send(Channel::Control, &auth, false).expect("open");
    let signed_in = answer(&mut connection, Channel::Control).await;
    assert!(matches!(signed_in, Frame::SignedIn { .. }), "{signed_in:?}");
    Seat { connection, sid, number: space * PERSONS + person }
}

async fn answer(connection: &mut Connection, channel: Channel) -> Frame {
    loop {
        match connection.next().await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return frame,
            LinkEvent::Frame { .. } | LinkEvent::ChannelClosed { .. } => {}
            LinkEvent::Closed { reason } => panic!("{reason:?}"),
        }
    }
}

fn creation(line: &AddressLine, sid: SpaceHandle, space: u16, exporter: &[u8; 32]) -> Frame {
    let item = ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; control_body_len(100).expect("it is short")],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    };
    let principals: Vec<Principal> = (0..PERSONS)
        .map(|person| {
            let [acc, adm, recovery] =
                [0, 1, 2].map(|use_of| principal(&key(space, person, use_of)));
            Principal { acc, adm, recovery }
        })
        .collect();
    let signed = creation_bytes(&NewSpace {
        relay: line.relay,
        sid,
        item: item.hash(),
        principals: &encode_principals(&principals),
        exporter,
    });
    let signature = key(space, 0, 1).sign_bytes(&signed).0;
    let creation = Some(Creation { principals, signature });
    Frame::ControlAppend { sid, idx: 0, item: item.encode(), creation }
}

fn key(space: u16, person: u16, use_of: u8) -> SigningKey {
    let mut seed = [use_of; 32];
    seed[..2].copy_from_slice(&space.to_be_bytes());
    seed[2..4].copy_from_slice(&person.to_be_bytes());
    SigningKey::from_seed(&seed)
}

fn principal(key: &SigningKey) -> PrincipalKey {
    PrincipalKey::from_bytes(*key.public().as_bytes())
}

/// Differs from every other in its salt, as real ones do.
fn envelope(principal: u16, number: u32) -> Vec<u8> {
    let mut salt = [0; 24];
    salt[..2].copy_from_slice(&principal.to_be_bytes());
    salt[2..6].copy_from_slice(&number.to_be_bytes());
    let ciphertext = vec![0x5a; ENVELOPE_BYTES - 64];
    Envelope { class: Class::Entry, epoch: 0, salt, commitment: [8; 32], ciphertext }.encode()
}
