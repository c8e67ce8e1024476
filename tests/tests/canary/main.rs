//! Words that nobody but the two may read: one in each kind of record, searched in all that a relay hears and keeps,
//! and in all that lies on a phone. The scanner first has to find them where they are.

#[expect(dead_code, reason = "shared with the suite of the relay")]
#[path = "../../../server/tests/loopback/client.rs"]
mod client;
mod leaks;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use reknit_core::client::{Answer, Command, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::model::id::{EntryId, RecordId};
use reknit_core::model::moment::{Echo, EchoKind, Moment, MomentKind, WhoDid};
use reknit_core::model::person::{Member, Name};
use reknit_core::model::promise::Moved;
use reknit_core::model::question::{
    Answer as Answered, AnswerKind, Decline, DeclineReason, Enough, Promise, Question,
    QuestionKind, Reopen, Wish,
};
use reknit_core::model::reach::{
    Outcome, OutcomeValue, Reach, ReachKind, Reply, ReplyKind, Return, Urgency, Withdraw,
};
use reknit_core::model::when::{Zone, Zoned};
use reknit_core::model::{Event, Text};
use reknit_e2e::canary::{self, Finding, NAMES, Scanner, forms_of, word};
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;
use wire::time::Timestamp;

const A_WHILE: Duration = Duration::from_mins(10);
/// A word that nobody says.
const UNSAID: u64 = 16;

fn words() -> Vec<(&'static str, String)> {
    let mut words = canary::words(0);
    words.push(("never written", word(UNSAID)));
    words
}

fn text<const N: usize>(name: &str) -> Text<N> {
    Text::new(said(name)).unwrap()
}

fn said(name: &str) -> String {
    let words = words();
    let (_, word) = words.iter().find(|(of, _)| *of == name).unwrap();
    word.clone()
}

/// Two people, the second with two devices.
struct Stage {
    world: World,
    nora: DeviceIndex,
    ben: DeviceIndex,
}

impl Stage {
    fn tell(&mut self, device: DeviceIndex, event: Event) -> EntryId {
        let told = self.world.execute(device, Command::Tell(event));
        let Ok(Answer::Told(id)) = told else { panic!("{told:?}") };
        assert!(self.world.run_until_idle(A_WHILE));
        id
    }

    fn zoned(&self, hours: u64) -> Zoned {
        let now = self.world.now(self.nora).timestamp.as_millis();
        Zoned::new(Timestamp::from_millis(now + hours * 3_600_000), Zone::utc()).unwrap()
    }

    fn reaching(&mut self) {
        let (nora, ben) = (self.nora, self.ben);
        let at = self.world.now(nora).at().unwrap();
        let moment = Moment {
            at: at.clone(),
            kind: MomentKind::Repair,
            happened: None,
            who_did: WhoDid::Both,
            text: Some(text("moment")),
            felt: None,
        };
        let of = RecordId::from_bytes(self.tell(nora, Event::Moment(moment)).to_bytes());
        let echo = Echo { at: at.clone(), of, kind: EchoKind::ThankYou, text: Some(text("echo")) };
        self.tell(ben, Event::Echo(echo));
        let reach = Reach {
            at: at.clone(),
            kind: ReachKind::Hurting,
            text: Some(text("reach")),
            distress: None,
            want: BTreeSet::new(),
            mixed: false,
            urgency: Urgency::Now,
            reply_needed: true,
        };
        let of = RecordId::from_bytes(self.tell(nora, Event::Reach(reach.clone())).to_bytes());
        let reply = Reply {
            at: at.clone(),
            of,
            kind: ReplyKind::Promise,
            return_at: Some(self.zoned(2)),
            text: Some(text("reply")),
            preset: Some(text("preset")),
        };
        let promise = self.tell(ben, Event::Reply(reply));
        let moved = Moved { at: at.clone(), of, promise, to: self.zoned(3) };
        self.tell(ben, Event::Moved(moved));
        let back = Return { at: at.clone(), of, text: Some(text("return")) };
        self.tell(ben, Event::Return(back));
        let note = Some(text("outcome"));
        let met = Outcome { at: at.clone(), of, value: OutcomeValue::Met, note };
        self.tell(nora, Event::Outcome(met));
        let of = RecordId::from_bytes(self.tell(nora, Event::Reach(reach)).to_bytes());
        self.tell(nora, Event::Withdraw(Withdraw { at, of }));
    }

    fn asking(&mut self) {
        let (nora, ben) = (self.nora, self.ben);
        let at = self.world.now(nora).at().unwrap();
        let question = Question {
            at: at.clone(),
            kind: QuestionKind::Fact,
            text: text("question"),
            wish: Wish::Written,
            detail: None,
            repeat_of: None,
            parent: None,
        };
        let of =
            RecordId::from_bytes(self.tell(nora, Event::Question(question.clone())).to_bytes());
        let promise = Promise { at: at.clone(), of, answer_by: self.zoned(20) };
        self.tell(ben, Event::Promise(promise));
        let answer = Answered {
            at: at.clone(),
            of,
            kind: AnswerKind::Told,
            text: Some(text("answer")),
            spoken_at: None,
            certainty: None,
            refs: vec![],
        };
        self.tell(ben, Event::Answer(answer));
        self.tell(nora, Event::Enough(Enough { at: at.clone(), of }));
        self.tell(nora, Event::Reopen(Reopen { at: at.clone(), of }));
        let of = RecordId::from_bytes(self.tell(nora, Event::Question(question)).to_bytes());
        let reason = DeclineReason::RatherNot;
        let decline = Decline { at, of, reason, until: None, text: Some(text("decline")) };
        self.tell(ben, Event::Decline(decline));
    }

    fn writing(&mut self) {
        let journal = Edit {
            title: Some(said("journal title")),
            text: Some(said("journal text")),
            tags: Some(vec![said("journal tag")]),
            at_ms: None,
        };
        let agreement = Edit {
            title: Some(said("agreement title")),
            text: Some(said("agreement text")),
            ..Edit::default()
        };
        for (kind, edit) in [(DocumentKind::Journal, journal), (DocumentKind::Agreement, agreement)]
        {
            let written = self.world.execute(self.nora, Command::NewDocument(kind, edit));
            assert!(matches!(written, Ok(Answer::Document(_))), "{written:?}");
            assert!(self.world.run_until_idle(A_WHILE));
        }
    }

    /// All that a device shows its owner, as one text.
    fn shown(&self, device: DeviceIndex) -> String {
        let session = self.world.node(device).session();
        let mut out = serde_json::to_string(&session.timeline().unwrap()).unwrap();
        let names = session.names().unwrap();
        names.persons().iter().for_each(|person| out.push_str(names.of(*person)));
        for kind in [DocumentKind::Journal, DocumentKind::Agreement] {
            for card in session.documents(kind).unwrap() {
                let (_, fields) = session.document(card.id).unwrap();
                let all = [vec![fields.title, fields.text], fields.tags].concat();
                out.push_str(&all.join(" "));
            }
        }
        out
    }
}

fn names(found: &[Finding]) -> BTreeSet<&str> {
    found.iter().map(|finding| finding.name.as_str()).collect()
}

#[test]
fn the_scanner_finds_a_word_in_every_form_wherever_it_lies() {
    let scanner = Scanner::new(&words());
    let folder = tempfile::tempdir().unwrap();
    for (form, bytes) in forms_of(&said("reach")) {
        let planted = [b"some bytes before ", bytes.as_slice(), b" and behind"].concat();
        let found = scanner.find("here", &planted);
        assert!(found.iter().any(|it| it.form == form && it.name == "reach"), "{form}");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&planted).unwrap();
        zlib.write_all(&planted).unwrap();
        for (kind, packed) in [("gzip", gzip.finish().unwrap()), ("zlib", zlib.finish().unwrap())] {
            let file = [b"a member in a file: ".as_slice(), &packed].concat();
            std::fs::write(folder.path().join("planted"), file).unwrap();
            let found = scanner.find_below(folder.path()).unwrap();
            assert!(found.iter().any(|it| it.form == form), "{form} in {kind}");
        }
    }
    // Base64 of a text in which the word begins anywhere.
    for before in ["", "a", "ab"] {
        let whole = forms_of(&format!("{before}{}xyz", said("reach")));
        let (_, base64) = whole.iter().find(|(form, _)| *form == "base64, phase 0").unwrap();
        assert_eq!(names(&scanner.find("base64", base64)), BTreeSet::from(["reach"]), "{before}");
    }
    std::fs::remove_file(folder.path().join("planted")).unwrap();
    std::fs::write(folder.path().join(said("echo")), "").unwrap();
    assert_eq!(names(&scanner.find_below(folder.path()).unwrap()), BTreeSet::from(["echo"]));
    let line = format!("2026-01-18T19:30:00Z INFO relay: said={}", said("answer"));
    assert_eq!(names(&scanner.find("a log line", line.as_bytes())), BTreeSet::from(["answer"]));
    let envelope = said("question").into_bytes();
    let frame = wire::frame::Frame::Push { sid: wire::id::SpaceHandle::ZERO, envelope };
    let found = scanner.find("a frame", &frame.encode());
    assert_eq!(names(&found), BTreeSet::from(["question"]));
    // This very process holds the words.
    let held = said("decline");
    let (found, read) = scanner.find_in_process(std::process::id()).unwrap();
    assert!(names(&found).contains("decline") && read > 1 << 20, "{held} in {read} bytes");
}

#[test]
fn s1_what_two_people_write_is_nowhere_but_on_their_unlocked_phones() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut world = World::new("canary", 1, Weather::FAIR);
    world.heard = Some(Vec::new());
    let nora = world.person_in(Some(path("nora")), "Nora");
    let ben = world.person_in(Some(path("ben")), &said("member"));
    assert!(world.run_until_idle(A_WHILE));
    assert!(world.pair(nora, ben, Whom::Partner));
    assert!(world.run_until_idle(A_WHILE));
    let tablet = world.add_device_in(Some(path("tablet")), true);
    assert!(world.pair(nora, tablet, Whom::Device));
    assert!(world.run_until_idle(A_WHILE));
    let mut stage = Stage { world, nora, ben };
    let at = stage.world.now(ben).at().unwrap();
    let name = Name::new(&said("member")).unwrap();
    stage.tell(ben, Event::Member(Member { at, name }));
    stage.reaching();
    stage.asking();
    stage.writing();

    let scanner = Scanner::new(&words());
    let all = BTreeSet::from(NAMES);
    for device in [nora, tablet] {
        let shown = stage.shown(device);
        assert_eq!(names(&scanner.find("unlocked", shown.as_bytes())), all, "device {device}");
    }
    let heard = stage.world.heard.take().unwrap();
    let bytes: usize = heard.iter().map(Vec::len).sum();
    let found: Vec<_> = heard.iter().flat_map(|frame| scanner.find("a frame", frame)).collect();
    assert_eq!(found, []);
    let stored = stage.world.relay_dump();
    assert!(stored.len() > 30, "{} rows", stored.len());
    let found: Vec<_> = stored.iter().flat_map(|row| scanner.find("the relay", row)).collect();
    assert_eq!(found, []);
    for device in [nora, ben, tablet] {
        stage.world.crash(device);
    }
    drop(stage);
    for place in ["nora", "ben", "tablet"] {
        let size: u64 = std::fs::read_dir(path(place)).unwrap().count() as u64;
        assert!(size > 0, "{place}");
        assert_eq!(scanner.find_below(&path(place)).unwrap(), [], "{place}");
    }
    println!(
        "{} words in {} forms: found in what the phones show, in none of {} frames ({bytes} bytes) \
         that the relay heard, its {} rows, and three locked phones",
        all.len(),
        forms_of(&said("reach")).len(),
        heard.len(),
        stored.len(),
    );
}
