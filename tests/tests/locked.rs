//! A phone in a process of its own, told to lock: before it, its words and keys are in its memory; after it, none is.

use reknit_core::client::{Answer, Command, Driver, Place, Session, Whom};
use reknit_core::crypto::Unlock;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::environment::SystemRandom;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::{Event, Text};
use reknit_e2e::canary::{Scanner, word};
use reknit_e2e::loot::loot;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{UNLOCK, World};
use std::alloc::System;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command as Process, Stdio};
use std::time::{Duration, Instant};
use zeroizing_alloc::ZeroAlloc;

/// As `reknit` ships: what is freed is wiped.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

const HOME: &str = "REKNIT_LOCKED_HOME";
const A_WHILE: Duration = Duration::from_mins(10);
/// Half of them told to the partner, half in the journal.
const WORDS: u64 = 64;

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
fn now() -> Instant {
    Instant::now()
}

fn words() -> Vec<(String, String)> {
    (0..WORDS).map(|number| (format!("word {number}"), word(1_000 + number))).collect()
}

/// Says a line to whoever started this process, and waits for one.
fn meet(line: &str) {
    println!("\n@{line}");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
}

/// Reads whatever there is to read, and writes as a person does. Gives also what an app would show meanwhile: the
/// library itself keeps no text between two calls.
fn used(place: &Place) -> (Driver, Vec<String>) {
    let session = Session::open(place.clone(), Unlock::Key(&UNLOCK), &mut SystemRandom).unwrap();
    let mut driver = Driver::new(session, "UTC", false).unwrap();
    let session = driver.node().session();
    let mut shown = vec![serde_json::to_string(&session.timeline().unwrap()).unwrap()];
    let cards = session.documents(DocumentKind::Journal).unwrap();
    shown.extend(cards.iter().map(|card| session.document(card.id).unwrap().1.text));
    let (_, fields) = session.document(cards[0].id).unwrap();
    let edit = Edit { text: Some(format!("{} And more.", fields.text)), ..Edit::default() };
    driver.execute(Command::EditDocument(cards[0].id, edit)).unwrap();
    (driver, shown)
}

/// Runs in a process of its own.
#[test]
fn in_a_child_a_phone_is_unlocked_and_locked() {
    let Ok(home) = std::env::var(HOME) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let place = Place::Folder(PathBuf::from(home));
    let _entered = runtime.enter();
    let (driver, shown) = used(&place);
    meet("unlocked");
    drop(shown);
    let started = now();
    let locked = driver.lock().unwrap();
    let time = started.elapsed();
    meet(&format!("locked in {time:?}"));
    drop(locked.unlock(Unlock::Key(&UNLOCK)).unwrap());
    drop(used(&place));
    meet("unlocked again");
}

/// The child, and what it says.
struct Phone {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Phone {
    fn start(home: &Path) -> Self {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["in_a_child_a_phone_is_unlocked_and_locked", "--exact", "--nocapture"])
            .env(HOME, home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The next line that is for us.
    fn says(&mut self) -> String {
        for line in (&mut self.said).lines() {
            if let Some(line) = line.unwrap().strip_prefix('@') {
                return line.to_owned();
            }
        }
        panic!("the child has ended");
    }

    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

fn found(scanner: &Scanner, phone: &Phone) -> (BTreeSet<String>, u64) {
    let (found, read) = scanner.find_in_process(phone.child.id()).unwrap();
    (found.into_iter().map(|finding| finding.name).collect(), read)
}

/// A paired phone in a folder, with all words in it.
fn written(folder: &Path) {
    let mut world = World::new("locked", 1, Weather::FAIR);
    let nora = world.person_in(Some(folder.to_owned()), "Nora");
    let ben = world.person("Ben");
    assert!(world.run_until_idle(A_WHILE));
    assert!(world.pair(nora, ben, Whom::Partner));
    for (at, (_, word)) in words().into_iter().enumerate() {
        let written = if at % 2 == 0 {
            let edit = Edit { text: Some(word), ..Edit::default() };
            world.execute(nora, Command::NewDocument(DocumentKind::Journal, edit))
        } else {
            let at = world.now(nora).at().unwrap();
            let (kind, who_did) = (MomentKind::Repair, WhoDid::Both);
            let text = Some(Text::new(word).unwrap());
            let told = Moment { at, kind, happened: None, who_did, text, felt: None };
            world.execute(nora, Command::Tell(Event::Moment(told)))
        };
        assert!(matches!(written, Ok(Answer::Document(_) | Answer::Told(_))), "{written:?}");
    }
    assert!(world.run_until_idle(A_WHILE));
    world.crash(nora);
}

#[test]
fn s7_after_a_lock_no_word_and_no_key_is_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("nora");
    written(&home);
    let secrets = loot(&home).secrets();
    let words = words();
    let named: Vec<_> = words.iter().map(|(name, word)| (name.as_str(), word.clone())).collect();
    let (texts, keys) = (Scanner::new(&named), Scanner::of_bytes(&secrets));
    let mut phone = Phone::start(&home);
    assert_eq!(phone.says(), "unlocked");
    let (seen, _) = found(&texts, &phone);
    assert_eq!(seen.len(), words.len(), "every word is in the memory of an unlocked phone");
    let (held, _) = found(&keys, &phone);
    let all: BTreeSet<String> = secrets.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(held, all, "every key is in the memory of an unlocked phone");
    phone.go_on();
    let locked = phone.says();
    let (left, read) = found(&texts, &phone);
    let (kept, _) = found(&keys, &phone);
    phone.go_on();
    assert_eq!(phone.says(), "unlocked again");
    phone.go_on();
    assert!(phone.child.wait().unwrap().success());
    println!(
        "{} words and {} keys in the memory of an unlocked phone; {locked}: {} words and {} keys in {read} bytes",
        seen.len(),
        held.len(),
        left.len(),
        kept.len(),
    );
    assert_eq!((left, kept), (BTreeSet::new(), BTreeSet::new()));
}
