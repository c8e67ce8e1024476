//! Eight leaks planted where a word could really get out: the scanner finds each of them, or it proves nothing.

use crate::client::{Client, Person, envelope};
use crate::{names, said};
use reknit_core::store::{Batch, Row, Store, Table};
use reknit_e2e::canary::{Scanner, word};
use reknit_relay::config::{Config, LogFormat, LogLevel, Sources, load};
use reknit_relay::{Random, Server, log};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use wire::address::AddressLine;
use wire::frame::Frame;
use wire::id::{RendezvousId, SpaceHandle};

const FOLDER: &str = "REKNIT_LEAKY_RELAY";
/// Which word the relay writes into its own log.
const LOGGED: u64 = 7;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A relay that logs what no relay logs. Runs in a process of its own until that is killed.
#[test]
fn in_a_child_a_leaky_relay_runs() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    log::start(LogLevel::Info, LogFormat::Logfmt);
    runtime().block_on(async {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let config = Config { listen, data_folder: PathBuf::from(folder), ..Config::default() };
        let random: Random = Box::new(|out| getrandom::fill(out).expect("randomness"));
        let server = Server::start(config, random).await.unwrap();
        let leaked = word(LOGGED);
        tracing::info!(target: "reknit_relay::leak", said = leaked.as_str(), "a leak");
        println!("\n@{}", server.address_line());
        std::future::pending::<()>().await;
    });
}

struct Relay {
    child: Child,
    line: AddressLine,
}

impl Relay {
    fn start(folder: &Path, log: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["leaks::in_a_child_a_leaky_relay_runs", "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.as_mut().unwrap());
        let line = said.lines().find_map(|line| line.unwrap().strip_prefix('@')?.parse().ok());
        Self { line: line.expect("where it listens"), child }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An app that forgot to seal: words stand in an envelope and in a message of a pairing as they are. Gives the frames.
async fn forgetful(line: &AddressLine) -> Vec<Vec<u8>> {
    let (sid, person) = (SpaceHandle::from_bytes([6; 16]), Person::new(1));
    let client = Client::connect(line).await;
    let mut control = client.control().await;
    client.ask(&client.creation(sid, &person)).await;
    control.say(&client.auth(sid, &person)).await;
    assert!(matches!(control.hear().await, Frame::SignedIn { .. }));
    let mut unsealed = envelope(1);
    let words = said("reach");
    unsealed[100..100 + words.len()].copy_from_slice(words.as_bytes());
    let push = Frame::Push { sid, envelope: unsealed };
    let mut pushing = client.talk().await;
    pushing.say(&push).await;
    assert!(matches!(pushing.hear().await, Frame::Pushed { .. }));
    let bytes = said("echo").into_bytes();
    let put = Frame::MailPut { rid: RendezvousId::from_bytes([5; 16]), idx: 0, bytes };
    let stored = client.ask(&put).await;
    assert!(matches!(stored.as_slice(), [Frame::MailStored { .. }]), "{stored:?}");
    vec![push.encode(), put.encode()]
}

/// A row of a phone whose body was not sealed.
fn unsealed_row(folder: &Path) {
    let mut store = Store::create(folder).unwrap();
    let mut batch = Batch::new();
    let body = said("moment").into_bytes();
    batch.put(Table::Meta, Row { id: b"leak".to_vec(), order: [0; 16], state: 0, body });
    store.commit(batch).unwrap();
}

/// Where a word was found, and in which place it had been planted.
struct Leaks {
    scanner: Scanner,
    found: usize,
}

impl Leaks {
    fn expect(&mut self, place: &str, (name, found): (&str, Vec<reknit_e2e::canary::Finding>)) {
        assert!(names(&found).contains(name), "{place}: {name} was not found in {found:?}");
        println!("found in {place}");
        self.found += 1;
    }
}

#[test]
fn s1_each_of_eight_planted_leaks_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut all: Vec<_> = crate::words();
    all.push(("logged", word(LOGGED)));
    let mut leaks = Leaks { scanner: Scanner::new(&all), found: 0 };
    std::fs::create_dir(path("relay")).unwrap();
    let relay = Relay::start(&path("relay"), &path("relay.log"));
    let frames = runtime().block_on(forgetful(&relay.line));

    let find = |leaks: &Leaks, bytes: &[u8]| leaks.scanner.find("here", bytes);
    let below = |leaks: &Leaks, folder: &Path| leaks.scanner.find_below(folder).unwrap();
    let it = below(&leaks, &path("relay"));
    leaks.expect("a row of the relay", ("reach", it));
    let (it, _) = leaks.scanner.find_in_process(relay.child.id()).unwrap();
    leaks.expect("the relay's memory", ("echo", it));
    let it = find(&leaks, &frames[0]);
    leaks.expect("a frame", ("reach", it));
    let it = find(&leaks, &std::fs::read(path("relay.log")).unwrap());
    leaks.expect("a line of the relay's log", ("logged", it));
    drop(relay);

    unsealed_row(&path("phone"));
    let it = below(&leaks, &path("phone"));
    leaks.expect("the folder of a locked phone", ("moment", it));
    std::fs::create_dir(path("temporary")).unwrap();
    std::fs::write(path("temporary").join("edited.txt"), said("journal text")).unwrap();
    let it = below(&leaks, &path("temporary"));
    leaks.expect("a temporary folder", ("journal text", it));
    // A setting is repeated in the sentence about it: an operator typed it, and a person's word would be seen there.
    let line = format!("listen = \"{}\"", said("answer")).into_bytes();
    let file = Some(("relay.toml".into(), Some(line)));
    let refused = load(&Sources { file, ..Sources::default() }).unwrap_err();
    let it = find(&leaks, refused.to_string().as_bytes());
    leaks.expect("error output", ("answer", it));
    let metrics = format!("spaces_total 10\npushes_total{{space=\"{}\"}} 3\n", said("question"));
    let it = find(&leaks, metrics.as_bytes());
    leaks.expect("text of metrics", ("question", it));
    println!("{} of 8 planted leaks found", leaks.found);
    assert_eq!(leaks.found, 8);
    assert_eq!(find(&leaks, b"nothing of the kind"), []);
}
