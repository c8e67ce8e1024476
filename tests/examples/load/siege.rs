//! Those who do not read and those who say nothing, by the hundred; and the honest among them.

use crate::networks::Networks;
use crate::raw::Raw;
use crate::relay::Relay;
use crate::space;
use crate::storm::make_spaces;
use reknit_core::environment::SystemClock;
use reknit_e2e::bare_space::{PERSONS, answer, envelope, sid};
use reknit_e2e::people;
use reknit_relay::protocol::Crowd;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::frame::{Channel, Frame};
use wire::time::Moment;

/// The first space of the siege: above all those of phones.
const FIRST: u16 = 40_000;
/// Spaces whose readers do not read.
const SPACES: u16 = 10;
/// Readers of each: half of them as each person.
const READERS: u16 = 24;
/// What is written into each of these spaces.
const ENVELOPES: u32 = 24;
const ENVELOPE_BYTES: usize = 65_536;
/// Readers that sign in at a time.
const AT_A_TIME: usize = 16;
/// Clients that say nothing, or a byte, or only hello.
const SILENT: usize = 300;
/// Sign-ins of honest clients meanwhile.
const VISITS: u16 = 40;
/// Longer than the longest patience of the relay.
const TIME_MAX: Duration = Duration::from_mins(2);

/// Who takes part, for the bound.
pub(crate) const CROWD: Crowd =
    Crowd { idle: 0, slow_readers: (SPACES * READERS) as u64, strangers: SILENT as u64 };

/// Runs all of it, and prints.
pub(crate) async fn run(networks: &Arc<Networks>, relay: &Relay) {
    make_spaces(networks, FIRST..FIRST + SPACES + 1).await;
    let before = relay.memory();
    let readers = readers(networks).await;
    let silent = tokio::spawn(silent(Arc::clone(networks)));
    let writers = tokio::spawn(write(Arc::clone(networks)));
    let visits = visit(networks).await;
    Box::pin(pair(networks)).await;
    writers.await.expect("all that was pushed has its receipt");
    let during = relay.memory();
    println!(
        "{} readers that do not read, while {} MiB are written for them: every receipt came; memory from {} to {} KiB",
        readers.len(),
        u64::from(ENVELOPES) * ENVELOPE_BYTES as u64 * u64::from(SPACES) / 1_048_576,
        before.now,
        during.now,
    );
    println!(
        "  honest clients meanwhile: {VISITS} sign-ins of {VISITS}, half of them within {:.0} ms, all within {:.0} ms; \
         two people paired and wrote to each other",
        visits[visits.len() / 2],
        visits[visits.len() - 1],
    );
    let silent = silent.await.expect("the relay closes them all");
    println!(
        "{SILENT} clients that say nothing, one byte, or only hello: all closed by the relay, the last after {silent:.1} s"
    );
    // Held to the end: each keeps what the relay holds for it.
    drop(readers);
}

async fn readers(networks: &Arc<Networks>) -> Vec<Raw> {
    let (mut dialing, mut all) = (JoinSet::new(), Vec::new());
    for space in 0..SPACES {
        for reader in 0..READERS {
            if dialing.len() >= AT_A_TIME {
                all.extend(dialing.join_next().await.map(|raw| raw.expect("it signs in")));
            }
            let networks = Arc::clone(networks);
            dialing.spawn(async move {
                let client = usize::from(space * READERS + reader);
                let mut raw = Raw::dial(&networks, client).await;
                raw.tail(&networks, (FIRST + space, reader % PERSONS)).await;
                raw
            });
        }
    }
    all.extend(dialing.join_all().await);
    all
}

/// A writer for each of these spaces: a window at a time, until every envelope has its receipt.
async fn write(networks: Arc<Networks>) {
    let mut writers = JoinSet::new();
    for number in 0..SPACES {
        let networks = Arc::clone(&networks);
        writers.spawn(async move {
            let space = FIRST + number;
            let mut connection = space::entered(&networks, usize::from(number), (space, 0)).await;
            let channel = Channel::Push(sid(space));
            for number in 0..ENVELOPES {
                let envelope = envelope(space, number, ENVELOPE_BYTES);
                let push = Frame::Push { sid: sid(space), envelope };
                connection.send(channel, &push, false).expect("the relay reads");
                let receipt = answer(&mut connection, channel).await;
                assert!(matches!(receipt, Ok(Some(Frame::Pushed { .. }))), "{receipt:?}");
            }
            connection.close().await;
        });
    }
    writers.join_all().await;
}

/// Each says less than it should. Gives the seconds until the last of them was closed.
async fn silent(networks: Arc<Networks>) -> f64 {
    let mut all = JoinSet::new();
    for number in 0..SILENT {
        let networks = Arc::clone(&networks);
        all.spawn(async move {
            let mut raw = Raw::dial(&networks, number).await;
            match number % 3 {
                0 => {}
                1 => raw.write(&[0x10]).await,
                _ => raw.hello().await,
            }
            let clock = SystemClock::start();
            let closed = timeout(TIME_MAX, raw.quic.closed()).await.expect("it is closed");
            assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed}");
            seconds(clock)
        });
    }
    all.join_all().await.into_iter().fold(0.0, f64::max)
}

fn seconds(clock: SystemClock) -> f64 {
    clock.moment().since(Moment::ORIGIN).as_secs_f64()
}

/// Honest clients sign in, one after the other: what each took, in ms, sorted.
async fn visit(networks: &Arc<Networks>) -> Vec<f64> {
    let mut took = Vec::new();
    for number in 0..VISITS {
        let clock = SystemClock::start();
        let who = (FIRST + SPACES, number % PERSONS);
        let connection = space::entered(networks, usize::from(number) + 7, who).await;
        took.push(seconds(clock) * 1_000.0);
        drop(connection);
    }
    took.sort_by(f64::total_cmp);
    took
}

/// Two people with real vaults pair.
async fn pair(networks: &Networks) {
    let world = tempfile::tempdir().expect("a folder can be made");
    let [nora, ben] = ["nora", "ben"].map(|name| world.path().join(name));
    for home in [&nora, &ben] {
        people::begin(home, &networks.line);
    }
    people::pair(&nora, &ben).await;
    for home in [&nora, &ben, &nora] {
        let mut driver = people::drive(home, false);
        people::settle(&mut driver).await;
        driver.close().await;
    }
    let names = people::open(&ben).names().expect("they are paired");
    assert!(format!("{names:?}").len() > 2, "each knows the other's name");
}
