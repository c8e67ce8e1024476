//! Writes the seeds of the fuzz targets, from an honest run of two people and from the catalogue of bad changes:
//! `just corpus`.

use reknit_core::client::{Answer, Command, Whom};
use reknit_core::crypto::open_control;
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_core::model::{Event, Text};
use reknit_e2e::bad_change::target::Target;
use reknit_e2e::bad_change::{ROWS, cases};
use reknit_e2e::desk::{Desk, Keys, SID, envelope};
use reknit_e2e::fuzz::{Session, Step};
use reknit_e2e::mutant::operations;
use reknit_e2e::random::Seeded;
use reknit_e2e::villain::Villain;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::World;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use wire::control::ControlItem;
use wire::frame::{Frame, FrameBuffer};

const A_WHILE: Duration = Duration::from_mins(10);
/// A seed is small, or the fuzzer spends its time copying.
const SEED_BYTES_MAX: usize = 24_576;

/// The seeds of one target.
struct Seeds(Vec<Vec<u8>>);

impl Seeds {
    fn write(mut self, target: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("a folder for seeds");
        self.0.retain(|seed| seed.len() <= SEED_BYTES_MAX);
        self.0.sort();
        self.0.dedup();
        let bytes: usize = self.0.iter().map(Vec::len).sum();
        for (at, seed) in self.0.iter().enumerate() {
            fs::write(folder.join(format!("{at:03}")), seed).expect("a seed is written");
        }
        println!("{target}: {} seeds, {bytes} bytes", self.0.len());
    }
}

/// A run of two people with two devices and one: what the relay heard, and the partner's keys.
fn honest_run(folder: &Path) -> (Vec<Vec<u8>>, Villain) {
    let mut world = World::new("corpus", 1, Weather::FAIR);
    world.heard = Some(Vec::new());
    let nora = world.person("Nora");
    let ben = world.person_in(Some(folder.join("ben")), "Ben");
    assert!(world.run_until_idle(A_WHILE));
    assert!(world.pair(nora, ben, Whom::Partner));
    assert!(world.run_until_idle(A_WHILE));
    let tablet = world.add_device(true);
    assert!(world.pair(nora, tablet, Whom::Device));
    assert!(world.run_until_idle(A_WHILE));
    for device in [nora, ben, tablet] {
        let at = world.now(device).at().expect("a time");
        let text = Some(Text::new("we were at the lake").expect("a short text"));
        let (kind, who_did) = (MomentKind::Repair, WhoDid::Both);
        let told = Moment { at, kind, happened: None, who_did, text, felt: None };
        world.execute(device, Command::Tell(Event::Moment(told))).expect("it is told");
        for kind in [DocumentKind::Journal, DocumentKind::Agreement] {
            let edit = Edit { text: Some("before".into()), ..Edit::default() };
            let made = world.execute(device, Command::NewDocument(kind, edit));
            let Ok(Answer::Document(document)) = made else { panic!("{made:?}") };
            let edit = Edit { text: Some("after".into()), ..Edit::default() };
            world.execute(device, Command::EditDocument(document, edit)).expect("an edit");
        }
        assert!(world.run_until_idle(A_WHILE));
    }
    let villain = Villain::take_over(&mut world, ben);
    (world.heard.take().expect("it listened"), villain)
}

/// What a relay answers: of each kind of frame one.
fn answers() -> Vec<Vec<u8>> {
    let (mut desk, keys) = (Desk::new("corpus"), Keys::new(1));
    let member = desk.member(1, &keys);
    let mut all = vec![];
    for (stream, frame) in (2..).zip([
        Frame::Push { sid: SID, envelope: envelope(1, 512) },
        Frame::Pull { sid: SID, after: 0, max_bytes: 1_000 },
        Frame::Pull { sid: SID, after: 99, max_bytes: 1_000 },
        Frame::ControlPull { sid: SID, from: 0 },
        Frame::Principals { sid: SID },
    ]) {
        all.extend(desk.ask(member, stream, frame).iter().map(Frame::encode));
    }
    all
}

/// The smallest frame of each kind.
fn one_of_each(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut kinds: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for frame in frames {
        let kept = kinds.entry(frame[0]).or_insert_with(|| frame.clone());
        if frame.len() < kept.len() {
            kept.clone_from(frame);
        }
    }
    kinds.into_values().collect()
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let mut buffer = FrameBuffer::new();
    buffer.push(bytes);
    buffer.next_frame().ok().flatten()
}

/// The bodies of the control items of the shared space.
fn bodies(heard: &[Vec<u8>], villain: &Villain) -> Vec<Vec<u8>> {
    let items = heard.iter().filter_map(|bytes| match frame(bytes)? {
        Frame::ControlAppend { item, .. } => ControlItem::decode(&item).ok(),
        _ => None,
    });
    items
        .filter_map(|item| {
            let key = villain.keyring.get(item.epoch_before)?;
            open_control(key, &villain.home, &item).ok().map(|body| body.to_vec())
        })
        .collect()
}

/// Whole changes: those of the catalogue, and honest ones.
fn changes() -> Vec<Vec<u8>> {
    let (target, random) = (Target::new(), &mut Seeded::new(1));
    let bad = ROWS.iter().flat_map(|(row, _)| cases(*row)).flat_map(|case| case.changes);
    let good = (0..24).map(|_| target.change(&operations(random)).build());
    let all = bad.chain(good).filter(|raw| (12..1_024).contains(&raw.len()));
    // The first byte says that a whole change follows; the checksum is put right again.
    all.map(|raw| [&[0], &raw[1..]].concat()).collect()
}

/// What honest clients do with a relay, one after the other and at the same time; and frames of the honest run.
fn visits(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let arrive = |client| {
        let hello = Step::Hello { lowest: 1, highest: 1 };
        [Step::Connect, hello].map(|step| (client, step)).to_vec()
    };
    let sign_in = vec![(false, Step::SignIn { space: true })];
    let make = [arrive(false), vec![(false, Step::Create)], sign_in].concat();
    let write = |client| {
        let steps = [
            Step::Tail { after: 0 },
            Step::Push { stream: 2, fill: 1 },
            Step::Push { stream: 2, fill: 2 },
            Step::FinishStream { stream: 2 },
            Step::Pull { stream: 3, after: 0, max_bytes: 1_000 },
            Step::ControlPull { stream: 4, from: 0 },
        ];
        steps.map(|step| (client, step)).to_vec()
    };
    let mail = vec![
        (false, Step::MailPut { stream: 5, idx: 0, bytes: vec![7; 12] }),
        (true, Step::MailGet { stream: 6, from: 0, wait_ms: 2_000 }),
        (true, Step::MailGet { stream: 6, from: 1, wait_ms: 2_000 }),
        (false, Step::Pass { quarter_seconds: 12 }),
    ];
    let part = vec![(false, Step::CloseStream { stream: 3 }), (false, Step::Disconnect)];
    let second = [arrive(true), vec![(true, Step::SignIn { space: true })], write(true)].concat();
    let any = frames.iter().filter(|frame| frame.len() < 700);
    let any = any.map(|frame| {
        let (kind, body) = (frame[0], frame[5..].to_vec());
        (true, Step::Any { stream: 7, kind, body })
    });
    [
        (false, [make.clone(), write(false), part.clone()].concat()),
        (true, [write(false), second, mail, part].concat()),
        (true, [arrive(true), any.collect()].concat()),
    ]
    .map(|(signed_in, steps)| Session { signed_in, steps }.write())
    .to_vec()
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let (heard, villain) = honest_run(folder.path());
    let mut frames = heard.clone();
    frames.extend(answers());
    let frames = one_of_each(&frames);
    let envelopes = heard.iter().filter_map(|bytes| match frame(bytes)? {
        Frame::Push { envelope, .. } => Some([&[0], envelope.as_slice()].concat()),
        _ => None,
    });
    let mut envelopes: Vec<_> = envelopes.collect();
    envelopes.sort_by_key(Vec::len);
    envelopes.truncate(6);
    let entries = villain.heard.iter().map(reknit_core::entry::Entry::encode).take(24).collect();
    Seeds(frames.clone()).write("decode_frame");
    Seeds(envelopes).write("open_envelope");
    Seeds(entries).write("decode_entry");
    Seeds(bodies(&heard, &villain)).write("fold_op");
    Seeds(changes()).write("gate_change");
    Seeds(visits(&frames)).write("relay_session");
}
