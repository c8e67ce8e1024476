//! The relay, killed in the middle of its group commits: what has a receipt is there, at its place, byte for byte.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::victim::Victim;
use reknit_core::crypto::SigningKey;
use reknit_core::transport::{Connection, Dialer, LinkEvent, Profile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use wire::address::AddressLine;
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::hash::envelope_id;
use wire::id::{ItemHash, PrincipalKey, SpaceHandle};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::version::VERSIONS;

/// Of a thousand kills.
const SHARE: u64 = 180;
/// A relay's folder is killed in so often, then put aside.
const KILLS_A_FOLDER: u64 = 60;
/// Spaces that are written to at once.
const SPACES: u8 = 4;
/// Envelopes of one writer without a receipt yet.
const WINDOW: u32 = 8;
/// So many receipts at most come before a kill is on the way.
const RECEIPTS_MAX: u64 = 60;
/// And the relay lives on for so long at most: longer than a commit takes.
const LIFE_MAX: Duration = Duration::from_millis(4);
/// What is above its default, so that the disk is the limit and not a quota.
const RAISED: [&str; 10] = [
    "--creations-per-hour",
    "100000",
    "--handshakes-per-second",
    "10000",
    "--pushes-per-second",
    "100000",
    "--push-burst",
    "1000000",
    "--push-bytes-per-hour",
    "10GiB",
];

/// A relay's process: `reknit serve`, or the program that `REKNIT_RELAY` names.
pub(crate) struct Relay {
    /// What clients are told.
    pub(crate) line: String,
    folder: PathBuf,
    victim: Option<Victim>,
}

impl Relay {
    pub(crate) fn start(folder: &Path, listen: &str) -> Self {
        let (victim, line) = run(folder, listen);
        Self { line, folder: folder.to_owned(), victim: Some(victim) }
    }

    pub(crate) fn kill(&mut self) {
        self.victim.take().unwrap().kill();
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        let (listen, _) = self.line.split_once('/').unwrap();
        let (victim, line) = run(&self.folder, listen);
        assert_eq!(line, self.line, "it is the same relay");
        self.victim = Some(victim);
    }
}

fn run(folder: &Path, listen: &str) -> (Victim, String) {
    let named = std::env::var_os("REKNIT_RELAY");
    let mut command = Command::new(named.clone().unwrap_or(env!("CARGO_BIN_EXE_reknit").into()));
    if named.is_none() {
        command.arg("serve");
    }
    command.args(["--listen", listen, "--data"]).arg(folder).args(RAISED).stderr(Stdio::null());
    let mut victim = Victim::start(&mut command);
    let line = victim.hear().expect("a relay says where it listens");
    (victim, line)
}

/// What has a receipt: the space, the position, and the envelope's id.
type Stored = (SpaceHandle, u64, [u8; 32]);

fn sid(space: u8) -> SpaceHandle {
    SpaceHandle::from_bytes([space + 1; 16])
}

fn key(space: u8, use_of: u8) -> SigningKey {
    let mut seed = [use_of; 32];
    seed[0] = space;
    SigningKey::from_seed(&seed)
}

fn principal(key: &SigningKey) -> PrincipalKey {
    PrincipalKey::from_bytes(*key.public().as_bytes())
}

async fn answer(connection: &mut Connection, channel: Channel) -> Option<Frame> {
    loop {
        match connection.next().await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return Some(frame),
            LinkEvent::ChannelClosed { channel: on } if on == channel => return None,
            LinkEvent::Frame { .. } | LinkEvent::ChannelClosed { .. } => {}
            LinkEvent::Closed { reason } => panic!("{reason:?}"),
        }
    }
}

/// Connects and signs in to a space, which is made if it is not there. Where its log stands.
async fn sit(line: &AddressLine, space: u8, new: bool) -> (Connection, u64) {
    let mut connection = Dialer::new().connect(line, Profile::FOREGROUND).await.unwrap();
    connection.send(Channel::Control, &Frame::Hello { versions: VERSIONS }, false).unwrap();
    answer(&mut connection, Channel::Control).await.unwrap();
    let exporter = connection.exporter();
    if new {
        let create = creation(line, space, &exporter);
        connection.send(Channel::Request(1), &create, true).unwrap();
        let made = answer(&mut connection, Channel::Request(1)).await;
        assert!(matches!(made, Some(Frame::Appended { .. })), "{made:?}");
    }
    let acc = key(space, 0);
    let signature = acc.sign_bytes(&auth_bytes(line.relay, sid(space), &exporter)).0;
    let auth = Frame::Auth { sid: sid(space), key: principal(&acc), signature };
    connection.send(Channel::Control, &auth, false).unwrap();
    match answer(&mut connection, Channel::Control).await {
        Some(Frame::SignedIn { n, .. }) => (connection, n),
        other => panic!("{other:?}"),
    }
}

fn creation(line: &AddressLine, space: u8, exporter: &[u8; 32]) -> Frame {
    let item = ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; control_body_len(100).unwrap()],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    };
    let [acc, adm, recovery] = [0, 1, 2].map(|use_of| principal(&key(space, use_of)));
    let principals = vec![Principal { acc, adm, recovery }];
    let signed = creation_bytes(&NewSpace {
        relay: line.relay,
        sid: sid(space),
        item: item.hash(),
        principals: &encode_principals(&principals),
        exporter,
    });
    let signature = key(space, 1).sign_bytes(&signed).0;
    let creation = Some(Creation { principals, signature });
    Frame::ControlAppend { sid: sid(space), idx: 0, item: item.encode(), creation }
}

/// Differs from every other in its salt, as real ones do.
fn envelope(space: u8, round: u64, number: u32) -> Vec<u8> {
    let mut salt = [space; 24];
    salt[..8].copy_from_slice(&round.to_be_bytes());
    salt[8..12].copy_from_slice(&number.to_be_bytes());
    let ciphertext = vec![0x5a; 512 - 64];
    Envelope { class: Class::Entry, epoch: 0, salt, commitment: [8; 32], ciphertext }.encode()
}

/// Pushes until it is ended; each receipt is passed on.
async fn push(mut connection: Connection, space: u8, round: u64, told: UnboundedSender<Stored>) {
    let channel = Channel::Push(sid(space));
    let (mut sent, mut stored) = (0, 0);
    loop {
        while sent - stored < WINDOW {
            let frame = Frame::Push { sid: sid(space), envelope: envelope(space, round, sent) };
            connection.send(channel, &frame, false).unwrap();
            sent += 1;
        }
        match answer(&mut connection, channel).await {
            Some(Frame::Pushed { receipt }) => {
                stored += 1;
                let _gone = told.send((receipt.body.sid, receipt.body.n, receipt.body.id));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Everything that a space's log holds after a position: the ids by position.
async fn pull(
    connection: &mut Connection,
    space: u8,
    mut after: u64,
    end: u64,
) -> BTreeMap<u64, [u8; 32]> {
    let mut found = BTreeMap::new();
    let mut request = 10;
    while after < end {
        request += 1;
        let ask = Frame::Pull { sid: sid(space), after, max_bytes: 1 << 20 };
        connection.send(Channel::Request(request), &ask, true).unwrap();
        while let Some(frame) = answer(connection, Channel::Request(request)).await {
            if let Frame::Data { n, envelope } = frame {
                found.insert(n, *envelope_id(&envelope).as_bytes());
                after = n;
            }
        }
    }
    found
}

/// Writes to all spaces at once until the relay is killed: what had a receipt by then.
async fn write_until_killed(
    relay: &mut Relay,
    round: u64,
    chance: &mut Chance,
) -> (BTreeMap<u8, u64>, Vec<Stored>) {
    let line: AddressLine = relay.line.parse().unwrap();
    let (tell, mut told) = unbounded_channel();
    let mut writers = JoinSet::new();
    let mut before = BTreeMap::new();
    for space in 0..SPACES {
        let (connection, n) = sit(&line, space, round == 0).await;
        before.insert(space, n);
        writers.spawn(push(connection, space, round, tell.clone()));
    }
    drop(tell);
    let mut stored = Vec::new();
    for _ in 0..chance.below(RECEIPTS_MAX) {
        stored.extend(told.recv().await);
    }
    chance.pause(LIFE_MAX);
    relay.kill();
    writers.abort_all();
    while writers.join_next().await.is_some() {}
    stored.extend(rest(&mut told).await);
    (before, stored)
}

async fn rest(told: &mut UnboundedReceiver<Stored>) -> Vec<Stored> {
    let mut all = Vec::new();
    while let Some(stored) = told.recv().await {
        all.push(stored);
    }
    all
}

#[test]
fn f30_d3_what_has_a_receipt_is_there_whenever_the_relay_is_killed() {
    let (mut chance, mut tally) = (Chance::new("commits"), Tally::new("a relay commits"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let all = kills(SHARE);
    let mut killed = 0;
    while killed < all {
        let world = tempfile::tempdir().unwrap();
        let mut relay = Relay::start(&world.path().join("relay"), "127.0.0.1:0");
        for round in 0..KILLS_A_FOLDER.min(all - killed) {
            let (before, stored) =
                runtime.block_on(write_until_killed(&mut relay, round, &mut chance));
            tally.killed();
            killed += 1;
            relay.restart();
            let line: AddressLine = relay.line.parse().unwrap();
            for space in 0..SPACES {
                let found = runtime.block_on(async {
                    let (mut connection, end) = sit(&line, space, false).await;
                    pull(&mut connection, space, before[&space], end).await
                });
                for (_, n, id) in stored.iter().filter(|(of, ..)| *of == sid(space)) {
                    tally.there(found.get(n) == Some(id), "an envelope with a receipt");
                }
            }
        }
        relay.kill();
    }
    tally.report();
}
