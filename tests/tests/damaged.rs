//! A phone whose disk spoiled its stores while it was off: it sets them aside, fetches all again, and goes on without a
//! fork. Nothing that the relay holds is lost; what was only here comes back, or its loss is said.

use reknit_core::client::{Answer, Command, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::entry::Incident;
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::{Event, Text};
use reknit_e2e::check::view;
use reknit_e2e::couple::Meeting;
use reknit_e2e::random::Seeded;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::fs;
use std::path::Path;
use std::time::Duration;

const A_WHILE: Duration = Duration::from_mins(10);
const PAGE: usize = 4_096;

/// What became of what was only on the phone.
#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    damaged: u64,
    unsent: usize,
    back: usize,
    named: u32,
}

fn tell(world: &mut World, device: DeviceIndex, text: &str) {
    let told = Command::Tell(Event::Moment(Moment {
        at: world.now(device).at().unwrap(),
        kind: MomentKind::Repair,
        happened: None,
        who_did: WhoDid::Both,
        text: Some(Text::new(text).unwrap()),
        felt: None,
    }));
    world.execute(device, told).unwrap();
}

fn note(world: &mut World, device: DeviceIndex, text: &str) {
    let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
    let new = Command::NewDocument(DocumentKind::Journal, edit);
    assert!(matches!(world.execute(device, new), Ok(Answer::Document(_))));
}

fn place(dice: &mut Seeded, places: usize) -> usize {
    usize::try_from(dice.below(places as u64)).unwrap()
}

/// Spoils the file of one store, in one of the ways in which disks do.
fn spoil(folder: &Path, dice: &mut Seeded) {
    let file = folder.join("rows.db");
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / PAGE;
    match dice.below(12) {
        0 => bytes.truncate(place(dice, bytes.len())),
        1 => bytes.fill(0),
        2..=4 => {
            for _ in 0..=dice.below(8) {
                let at = place(dice, bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        way => {
            for _ in 0..=dice.below(4) {
                let page = place(dice, pages);
                let byte = if way < 8 { 0 } else { dice.array::<1>()[0] };
                bytes[page * PAGE..(page + 1) * PAGE].fill(byte);
            }
        }
    }
    fs::write(file, bytes).unwrap();
    // As after a start of the machine.
    drop(fs::remove_file(folder.join("boot")));
    fs::write(folder.join("rows.db-wal"), b"").unwrap();
}

fn damages(world: &World, device: DeviceIndex) -> Vec<Incident> {
    let incidents = world.node(device).session().incidents().unwrap();
    incidents.into_iter().map(|(_, incident)| incident).collect()
}

fn agree(world: &World, nora: DeviceIndex, ben: DeviceIndex, seed: u64) {
    let [one, other] = [nora, ben].map(|device| {
        let proofs = world.node(device).session().verify().unwrap();
        assert!(proofs.iter().all(|proof| proof.broken == 0), "seed {seed}");
        let shared = proofs.into_iter().next_back().unwrap();
        (shared.history, shared.view, shared.members, view(world.node(device).session(), false))
    });
    assert_eq!(one, other, "seed {seed}: both hold and show the same");
}

fn run(seed: u64, tally: &mut Tally) {
    let home = tempfile::tempdir().unwrap();
    let vault = home.path().join("nora");
    let mut dice = Seeded::new(seed);
    let mut world = World::new("damaged", seed, Weather::FAIR);
    let (nora, ben) = (world.person_in(Some(vault.clone()), "Nora"), world.person("Ben"));
    let meeting = Meeting { inviter: nora, joiner: ben, whom: Whom::Partner };
    assert!(world.meet(meeting, |_| {}).unwrap());
    assert!(world.run_until_idle(A_WHILE));
    let mut sent = Vec::new();
    for number in 0..2 + dice.below(12) {
        let (says, text) = (dice.below(2), format!("sent {number}."));
        tell(&mut world, if says == 0 { nora } else { ben }, &text);
        note(&mut world, nora, &format!("note {text}"));
        sent.push(text);
    }
    assert!(world.run_until_idle(A_WHILE));
    world.set_online(nora, false);
    let mut unsent = Vec::new();
    for number in 0..dice.below(4) {
        let text = format!("unsent {number}.");
        tell(&mut world, nora, &text);
        note(&mut world, nora, &format!("note {text}"));
        unsent.push(text);
    }
    world.crash(nora);
    let stores = ["private", "shared"];
    for store in &stores[dice.pick(&[0..1, 1..2, 0..2]).clone()] {
        spoil(&vault.join(store), &mut dice);
    }
    world.restart(nora);
    let was_set_aside = !world.node(nora).session().rebuilding().unwrap().is_empty();
    tally.seeds += 1;
    tally.damaged += u64::from(was_set_aside);
    world.set_online(nora, true);
    let rests = world.run_until_idle(A_WHILE);
    let session = world.node(nora).session();
    let (of, reports) = (session.rebuilding().unwrap(), session.report().unwrap());
    assert!(rests, "seed {seed}: it comes to rest: {of:?} {reports:?} {:?}", damages(&world, nora));

    assert_eq!(of, [], "seed {seed}: it is done");
    agree(&world, nora, ben, seed);
    let shown = view(session, true);
    for text in &sent {
        assert_eq!(shown.matches(&format!("\"{text}\"")).count(), 1, "seed {seed}: {text}");
        assert!(shown.contains(&format!("note {text}")), "seed {seed}: the note of {text}");
    }
    let mut lost = 0;
    for text in &unsent {
        let told = shown.matches(&format!("\"{text}\"")).count();
        assert!(told <= 1, "seed {seed}: {text} is said once");
        lost += usize::from(told == 0) + usize::from(!shown.contains(&format!("note {text}")));
    }
    let incidents = damages(&world, nora);
    for incident in &incidents {
        let Incident::StoreDamaged { entries, .. } = incident else {
            panic!("seed {seed}: {incident:?}");
        };
        tally.named += entries;
    }
    assert_eq!(damages(&world, ben), [], "seed {seed}: nobody is accused");
    assert!(lost == 0 || !incidents.is_empty(), "seed {seed}: nothing is lost without a word");
    tally.unsent += 2 * unsent.len();
    tally.back += 2 * unsent.len() - lost;

    go_on(&mut world, (nora, ben), seed);
    assert_eq!(damages(&world, nora), incidents, "seed {seed}: no fork");
}

/// Both say something more, and it reaches both.
fn go_on(world: &mut World, (nora, ben): (DeviceIndex, DeviceIndex), seed: u64) {
    tell(world, nora, "and on");
    tell(world, ben, "and on, too");
    note(world, nora, "and on alone");
    assert!(world.run_until_idle(A_WHILE));
    agree(world, nora, ben, seed);
    assert_eq!(damages(world, ben), [], "seed {seed}: no fork");
    let reports = world.node(nora).session().report().unwrap();
    let open = reports.iter().any(|it| it.held || it.again > 0 || it.unsent > 0 || it.waiting > 0);
    assert!(!open, "seed {seed}: {reports:?}");
}

/// `REKNIT_SEED=n` runs one seed, `REKNIT_DAMAGES=n` so many.
#[test]
fn f10_d9_spoiled_stores_are_set_aside_and_fetched_again_and_nothing_is_lost_without_a_word() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().unwrap());
    let seeds = match number("REKNIT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("REKNIT_DAMAGES").unwrap_or(12),
    };
    let mut tally = Tally::default();
    for seed in seeds {
        eprintln!("seed {seed}");
        run(seed, &mut tally);
    }
    println!("{tally:?}");
}
