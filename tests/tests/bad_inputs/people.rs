//! What people type, show and paste, B61 to B69, B72, B73.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said, WORD};
use reknit_core::client::{Answer, Command, Invited, Notice, Whom};
use reknit_core::crypto::{KeysFile, Unlock, UnlockError, VaultId, VaultKeys, phrase};
use reknit_core::model::Text;
use reknit_core::model::person::Name;
use reknit_core::model::when::{Zone, Zoned};
use reknit_core::pairing::{Digits, Invitation, Mode};
use reknit_e2e::random::Seeded;
use reknit_e2e::stranger::Stranger;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;
use wire::frame::Frame;
use wire::time::Timestamp;

const AT: Refuser = Refuser { who: "phone", bar: MEBIBYTE };

const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

pub(crate) const ROWS: &[Row] = &[
    AT.row(61, &["-", "pair.form"], "digits in any script; too few, too many", b61),
    AT.row(
        62,
        &["pair.sas", "pair.burned", "pair.expired", "pair.used"],
        "three wrong numbers; ten minutes; a second answer",
        b62,
    ),
    AT.row(63, &["pair.qr"], "another app's code, a cut one, 4 KB, the other use", b63),
    AT.row(64, &["pair.sas"], "the own number, one digit off", b64),
    AT.row(
        65,
        &["-", "phrase.count", "phrase.word", "phrase.check"],
        "11, 13, 23 words, none of the list, another order",
        b65,
    ),
    // The bar is that of Argon2 for the secrets that are long enough to be hashed: none is.
    AT.row(
        67,
        &["secret.short", "secret.long"],
        "secrets of 0, 3, 1,025 characters, of space",
        b67,
    ),
    AT.row(
        68,
        &["text.long", "text.form", "-"],
        "texts of 5 MB, of control characters, of marks",
        b68,
    ),
    AT.row(69, &["name.form"], "names of 300 characters, turned around, invisible", b69),
    AT.row(72, &["date.form"], "30 February, the hour that is skipped, Mars/Phobos", b72),
    AT.row(73, &["vault.parameters"], "Argon2 parameters of 4 TiB and 0 passes", b73),
];

fn b61(bench: &mut Bench) {
    for typed in ["10234567", " 1023-4567\n", "１０２３４５６７", "١٠٢٣٤٥٦٧", "lO234567"]
    {
        bench.bad("normalised", || {
            assert_eq!(Digits::parse(typed).expect("eight digits").as_str(), "10234567");
            None
        });
    }
    for typed in ["", "1234567", "123456789", "1234567x", &"1".repeat(100_000)] {
        bench.bad("no eight digits", || {
            Digits::parse(typed).err().map(|error| Said::new(error.code(), error))
        });
    }
    bench.good("the next try", Digits::parse("1234 5678").is_ok());
}

/// Two strangers, the first of whom invites the second as a partner: both see their numbers.
struct Meeting {
    world: World,
    nora: DeviceIndex,
    ben: DeviceIndex,
    /// What Ben's phone shows and Nora types.
    number: String,
    own: Option<String>,
}

fn two(name: &str) -> (World, DeviceIndex, DeviceIndex) {
    let mut world = World::new(name, 1, Weather::FAIR);
    let (nora, ben) = (world.person("Nora"), world.person("Ben"));
    assert!(world.run_until_idle(Duration::from_mins(10)));
    (world, nora, ben)
}

fn code(world: &mut World, nora: DeviceIndex, whom: Whom) -> String {
    let invited = world.execute(nora, Command::Invite { whom, digits: false });
    let Ok(Answer::Invitation { code }) = invited else { panic!("{invited:?}") };
    code
}

fn ended(world: &mut World, device: DeviceIndex) -> Option<Said> {
    world.devices[device].notices.drain(..).find_map(|notice| match notice {
        Notice::PairingEnded(code) => Some(Said::new(code, "pairing ended")),
        _ => None,
    })
}

impl Meeting {
    fn new(name: &str) -> Self {
        let (mut world, nora, ben) = two(name);
        let code = code(&mut world, nora, Whom::Partner);
        world.execute(ben, Command::Join(Invited::Code(code))).expect("a good code");
        let (mut number, mut own) = (None, None);
        world.run_for(Duration::from_secs(30));
        for device in [nora, ben] {
            for notice in world.devices[device].notices.drain(..) {
                if let Notice::ShowNumber(shown) = notice {
                    *(if device == ben { &mut number } else { &mut own }) = Some(shown);
                }
            }
        }
        Self { world, nora, ben, number: number.expect("a number"), own }
    }

    fn types(&mut self, typed: &str) -> Option<Said> {
        let answer = self.world.execute(self.nora, Command::TypeNumber(typed.to_owned()));
        answer.err().map(|error| Said::new(error.code(), error))
    }

    fn one_off(&self) -> String {
        let last = if self.number.ends_with('0') { "1" } else { "0" };
        format!("{}{last}", &self.number[..self.number.len() - 1])
    }
}

/// Two who were refused can still pair.
fn they_pair(bench: &mut Bench, (mut world, nora, ben): (World, DeviceIndex, DeviceIndex)) {
    for device in [nora, ben] {
        world.execute(device, Command::StopPairing).expect("nothing is under way");
    }
    bench.good("the next pairing", world.pair(nora, ben, Whom::Partner));
}

fn b62(bench: &mut Bench) {
    let mut meeting = Meeting::new("b62");
    for _ in 0..3 {
        let wrong = meeting.one_off();
        bench.bad("a wrong number", || meeting.types(&wrong));
    }
    // The invitation is burned with the third number, not with whatever happens next.
    bench.bad("three of them", || ended(&mut meeting.world, meeting.nora));
    they_pair(bench, (meeting.world, meeting.nora, meeting.ben));

    let (mut world, nora, ben) = two("b62-late");
    code(&mut world, nora, Whom::Partner);
    world.run_for(Duration::from_mins(9));
    assert!(ended(&mut world, nora).is_none());
    bench.bad("ten minutes", || {
        world.run_for(Duration::from_mins(2));
        ended(&mut world, nora)
    });
    they_pair(bench, (world, nora, ben));

    let (mut world, nora, ben) = two("b62-used");
    let code = code(&mut world, nora, Whom::Partner);
    let rid = Invitation::parse(&code).expect("a good code").rid;
    world.run_for(Duration::from_secs(10));
    let mut line = Stranger::connect(&mut world);
    let put = Frame::MailPut { rid, idx: 1, bytes: vec![7; 32] };
    let stored = line.ask(&mut world, put);
    assert!(matches!(stored.as_slice(), [Frame::MailStored { .. }]), "{stored:?}");
    world.execute(ben, Command::Join(Invited::Code(code))).expect("a good code");
    bench.bad("somebody answered first", || {
        world.run_for(Duration::from_secs(30));
        ended(&mut world, ben)
    });
    they_pair(bench, (world, nora, ben));
}

fn b63(bench: &mut Bench) {
    let (mut world, nora, ben) = two("b63");
    let text = code(&mut world, nora, Whom::Partner);
    let damaged = format!("qq{}", &text[2..]);
    let long = "a".repeat(4_096);
    let link = format!("https://example.org/{WORD}");
    for typed in ["", &link, "WIFI:S:home;;", &text[..40], &text[..text.len() - 1], &damaged, &long]
    {
        bench.bad("another code", || {
            Invitation::parse(typed).err().map(|error| Said::new(error.code(), error))
        });
    }
    bench.bad("a partner's for an own device", || {
        let invitation = Invitation::parse(&text).expect("a good code");
        invitation.require(Mode::Device).err().map(|error| Said::new(error.code(), error))
    });
    bench.good("the code itself", Invitation::parse(&text).is_ok());
    they_pair(bench, (world, nora, ben));
}

fn b64(bench: &mut Bench) {
    let mut meeting = Meeting::new("b64");
    let off = meeting.one_off();
    bench.bad("one digit off", || meeting.types(&off));
    if let Some(own) = meeting.own.clone() {
        bench.bad("the own number", || meeting.types(&own));
    }
    let right = meeting.number.clone();
    bench.good("the right number", meeting.types(&right).is_none());
}

fn b65(bench: &mut Bench) {
    let parse =
        |typed: &str| phrase::parse(typed).err().map(|error| Said::new(error.code(), error));
    let forms = [
        PHRASE.to_uppercase(),
        PHRASE.replace(' ', ",  "),
        format!("\u{201c}{}\u{201d}", PHRASE.replace(' ', "\u{a0}")),
    ];
    for typed in &forms {
        bench.bad("another form", || parse(typed));
    }
    let eleven = PHRASE.replace(" yellow", "");
    let counts = [
        String::new(),
        format!("{PHRASE} zoo"),
        format!("{PHRASE} {eleven}"),
        eleven,
        "a ".repeat(3_000_000),
    ];
    for typed in &counts {
        bench.bad("another count", || parse(typed));
    }
    let unknown = PHRASE.replacen("worth", WORD, 1);
    bench.bad("a word outside the list", || parse(&unknown));
    let near = PHRASE.replacen("worth", "wortth", 1);
    bench.bad("one letter too many", || parse(&near));
    let swapped = PHRASE.replacen("legal winner", "winner legal", 1);
    bench.bad("another order", || parse(&swapped));
    bench.good("the phrase", phrase::parse(PHRASE).is_ok());
}

fn b67(bench: &mut Bench) {
    let random = &mut Seeded::new(67);
    let (keys, vault) = (VaultKeys::generate(random), VaultId::from_bytes([1; 16]));
    let long = WORD.repeat(50);
    for secret in ["", "123", "12345\n", "          ", "\u{a0}\u{3000}      ", &long] {
        bench.bad("a secret", || {
            let made = KeysFile::create(&keys, vault, &[Unlock::Secret(secret)], random);
            made.err().map(|error| Said::new(error.code(), error))
        });
    }
    let secret = "caf\u{e9} \u{1f511}1";
    let file = KeysFile::create(&keys, vault, &[Unlock::Secret(secret)], random).unwrap();
    let typed = "cafe\u{301} \u{1f511}1\r\n";
    bench.good("another normal form", KeysFile::open(&file, Unlock::Secret(typed)).is_ok());
}

fn b68(bench: &mut Bench) {
    fn text(typed: &str) -> Option<Said> {
        Text::<300_000>::new(typed).err().map(|error| Said::new(error.code(), error))
    }
    let bytes = "ä".repeat(131_073);
    let long = WORD.repeat(5 << 20 >> 4);
    // A copy of what was typed is made before it is looked at; what is typed is bounded where it is read.
    for typed in [&bytes, &WORD.repeat(12_000)] {
        bench.bad("over 256 KiB", || text(typed));
    }
    bench.bad("5 MB", || Text::<300_000>::new(long).err().map(|it| Said::new(it.code(), it)));
    for typed in ["\0", "a\rb", "\u{1b}[2J", "\u{7f}", "\u{85}"] {
        bench.bad("a control character", || text(typed));
    }
    let marks = format!("a{}", "\u{301}".repeat(100_000));
    for typed in [marks.as_str(), "\u{202e}gnirts", "\u{378}", "👩‍👩‍👧", "e\u{301}"] {
        bench.bad("kept as it is", || text(typed));
        bench.good("as typed", Text::<300_000>::new(typed).is_ok_and(|it| it.as_str() == typed));
    }
}

fn b69(bench: &mut Bench) {
    let long = WORD.repeat(14);
    for typed in [
        long.as_str(),
        "",
        "   ",
        "Be\nn",
        "\u{202e}neB",
        "Ben\u{200f}",
        "\u{200b}\u{200d}\u{2060}",
        "\u{3164}",
    ] {
        bench.bad("a name", || Name::new(typed).err().map(|error| Said::new(error.code(), error)));
    }
    bench.good("a name", Name::new("Zoë").is_ok());
}

fn b72(bench: &mut Bench) {
    let zone = Zone::chosen("Europe/London").unwrap();
    let now = Zoned::new(Timestamp::from_millis(1_768_046_400_000), zone).unwrap();
    for typed in [
        "2026-02-30 09:00",
        "2026-03-29 01:30",
        "2026-10-25 01:30",
        "-0001-01-01 09:00",
        "1950-01-01 09:00",
        "25:00",
        "soon",
        WORD,
    ] {
        bench.bad("a time", || {
            Zoned::parse(typed, &now).err().map(|error| Said::new(error.code(), error))
        });
    }
    for name in ["Mars/Phobos", "", "../etc/passwd"] {
        bench
            .bad("a zone", || Zone::chosen(name).err().map(|error| Said::new(error.code(), error)));
    }
    bench.good("tomorrow", Zoned::parse("tomorrow 09:00", &now).is_ok());
}

fn b73(bench: &mut Bench) {
    let random = &mut Seeded::new(73);
    let (keys, vault) = (VaultKeys::generate(random), VaultId::from_bytes([1; 16]));
    let secret = Unlock::Secret("the secret");
    let file = KeysFile::create(&keys, vault, &[secret], random).unwrap();
    let (memory, passes, lanes) = (19, 23, 27);
    for (at, value) in [
        (memory, u32::MAX),
        (memory, 256 * 1024 + 1),
        (memory, 0),
        (passes, 0),
        (passes, 11),
        (lanes, 0),
        (lanes, 5),
    ] {
        let mut changed = file.clone();
        changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
        bench.bad("before hashing", || {
            KeysFile::open(&changed, secret)
                .err()
                .map(|error: UnlockError| Said::new(error.code(), error))
        });
    }
    bench.good("the file itself", KeysFile::open(&file, secret).is_ok());
}
