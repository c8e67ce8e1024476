//! The relay, killed in the middle of its group commits: what has a receipt is there, at its place, byte for byte.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::victim::Victim;
use reknit_core::transport::{Connection, Dialer, Profile};
use reknit_e2e::bare_space::{answer, auth, creation, envelope, sid};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use wire::address::AddressLine;
use wire::frame::{Channel, Frame};
use wire::hash::envelope_id;
use wire::id::SpaceHandle;
use wire::version::VERSIONS;

/// Of a thousand kills.
const SHARE: u64 = 180;
/// A relay's folder is killed in so often, then put aside.
const KILLS_A_FOLDER: u64 = 60;
/// Spaces that are written to at once.
const SPACES: u16 = 4;
const ENVELOPE_BYTES: usize = 512;
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

/// Connects and signs in to a space, which is made if it is not there. Where its log stands.
async fn sit(line: &AddressLine, space: u16, new: bool) -> (Connection, u64) {
    let mut connection = Dialer::new().connect(line, Profile::FOREGROUND).await.unwrap();
    connection.send(Channel::Control, &Frame::Hello { versions: VERSIONS }, false).unwrap();
    answer(&mut connection, Channel::Control).await.unwrap().unwrap();
    let exporter = connection.exporter();
    if new {
        let create = creation(line.relay, space, &exporter);
        connection.send(Channel::Request(1), &create, true).unwrap();
        let made = answer(&mut connection, Channel::Request(1)).await;
        assert!(matches!(made, Ok(Some(Frame::Appended { .. }))), "{made:?}");
    }
    let auth = auth(line.relay, (space, 0), &exporter);
    connection.send(Channel::Control, &auth, false).unwrap();
    match answer(&mut connection, Channel::Control).await {
        Ok(Some(Frame::SignedIn { n, .. })) => (connection, n),
        other => panic!("{other:?}"),
    }
}

/// The number of an envelope among all of its space.
fn number(round: u64, number: u32) -> u32 {
    u32::try_from(round).unwrap() << 20 | number
}

/// Pushes until it is ended; each receipt is passed on.
async fn push(mut connection: Connection, space: u16, round: u64, told: UnboundedSender<Stored>) {
    let channel = Channel::Push(sid(space));
    let (mut sent, mut stored) = (0, 0);
    loop {
        while sent - stored < WINDOW {
            let envelope = envelope(space, number(round, sent), ENVELOPE_BYTES);
            let frame = Frame::Push { sid: sid(space), envelope };
            connection.send(channel, &frame, false).unwrap();
            sent += 1;
        }
        match answer(&mut connection, channel).await {
            Ok(Some(Frame::Pushed { receipt })) => {
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
    space: u16,
    mut after: u64,
    end: u64,
) -> BTreeMap<u64, [u8; 32]> {
    let mut found = BTreeMap::new();
    let mut request = 10;
    while after < end {
        request += 1;
        let ask = Frame::Pull { sid: sid(space), after, max_bytes: 1 << 20 };
        connection.send(Channel::Request(request), &ask, true).unwrap();
        while let Some(frame) = answer(connection, Channel::Request(request)).await.unwrap() {
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
) -> (BTreeMap<u16, u64>, Vec<Stored>) {
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
