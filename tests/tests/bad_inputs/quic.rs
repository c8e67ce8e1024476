//! What only a real connection can do wrong, B12 to B14: slowness, silence, another protocol.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said, Spent, now, start, stop};
use crate::client::{Client, Person, dial, soon};
use reknit_relay::config::Config;
use reknit_relay::{Random, Server};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wire::frame::Frame;
use wire::id::SpaceHandle;
use wire::refusal::{Reason, Refusal};

const SID: SpaceHandle = SpaceHandle::from_bytes([6; 16]);

// Both ends live in this process: a connection of a client and of the relay stand in what is counted.
const AT: Refuser = Refuser { who: "relay", bar: 4 * MEBIBYTE };

pub(crate) const ROWS: &[Row] = &[
    Row { bar: 8 * MEBIBYTE, ..AT.row(12, &["slow"], "a header that never ends", b12) },
    Row { bar: 8 * MEBIBYTE, ..AT.row(13, &["slow"], "15 streams of one byte each", b13) },
    AT.row(14, &["tls alert"], "another protocol name", b14),
];

struct Ground {
    runtime: Runtime,
    server: reknit_relay::RunningServer,
    _folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.enable_all().worker_threads(2).build().unwrap();
        let folder = TempDir::new().unwrap();
        let listen = "127.0.0.1:0".parse().expect("an address");
        let data_folder = folder.path().to_owned();
        let config = Config { listen, data_folder, ..Config::default() };
        let random: Random = Box::new(|out| getrandom::fill(out).expect("randomness"));
        let server = runtime.block_on(Server::start(config, random)).unwrap();
        Self { runtime, server, _folder: folder }
    }

    async fn signed_in(&self) -> (Client, crate::client::Talk) {
        let person = Person::new(1);
        let client = Client::connect(&self.server.address_line()).await;
        let mut control = client.control().await;
        client.ask(&client.creation(SID, &person)).await;
        control.say(&client.auth(SID, &person)).await;
        assert!(matches!(control.hear().await, Frame::SignedIn { .. }));
        (client, control)
    }

    async fn endless_header(&self) -> Option<Said> {
        let (client, mut control) = self.signed_in().await;
        soon(control.send.write_all(&[0x83])).await.unwrap();
        closed(client.closed_with().await)
    }

    async fn silent_streams(&self) -> Option<Said> {
        let (client, _control) = self.signed_in().await;
        let mut streams = Vec::new();
        for _ in 0..15 {
            let mut talk = client.talk().await;
            soon(talk.send.write_all(&[0x92])).await.unwrap();
            streams.push(talk);
        }
        closed(client.closed_with().await)
    }

    fn next_works(self, bench: &mut Bench) {
        let (client, _control) = self.runtime.block_on(self.signed_in());
        bench.good("the next sign-in", client.quic.close_reason().is_none());
        self.runtime.block_on(self.server.stop());
    }
}

/// The reason of a close, by its number.
fn closed(code: u64) -> Option<Said> {
    let reason = Reason::from_u16(u16::try_from(code).ok()?)?;
    Some(Said::new(reason.code(), Refusal::plain(reason).sentence()))
}

/// What became of B13: it waits while B12 does, since each takes ten seconds.
static THIRTEENTH: Mutex<Option<(Option<Said>, Spent)>> = Mutex::new(None);

fn b12(bench: &mut Bench) {
    let ground = Ground::new();
    start();
    let started = now();
    let (header, streams) = ground
        .runtime
        .block_on(async { tokio::join!(ground.endless_header(), ground.silent_streams()) });
    let spent = Spent { time: started.elapsed(), peak: stop() };
    bench.record("one byte", header, spent);
    *THIRTEENTH.lock().unwrap() = Some((streams, spent));
    ground.next_works(bench);
}

fn b13(bench: &mut Bench) {
    let (streams, spent) = THIRTEENTH.lock().unwrap().take().expect("B12 ran");
    bench.record("15 streams", streams, spent);
    Ground::new().next_works(bench);
}

fn b14(bench: &mut Bench) {
    let ground = Ground::new();
    bench.bad("h3", || {
        ground.runtime.block_on(async {
            let refused = dial(&ground.server.address_line(), b"h3").await.unwrap_err();
            let quinn::ConnectionError::ConnectionClosed(close) = refused else { return None };
            assert_eq!(close.error_code, quinn::TransportErrorCode::crypto(120));
            Some(Said::new("tls alert", "no application protocol"))
        })
    });
    ground.next_works(bench);
}
