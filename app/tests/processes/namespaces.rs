//! Two people and a relay in network namespaces of their own, and a router between them: real links, addresses, routes.
//!
//! The router is this program, started once more under `unshare`, which makes it root of its own networks and of nothing
//! else: no privileges are needed, nothing outside is touched, and all of it is gone when the processes end. Loss and
//! delay are made by the forwarder, which runs on the router.

use crate::forwarder::Weather;
use crate::home::Home;
use crate::relay::Relay;
use crate::weather::{Couple, hear_of, offline, say};
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

/// Root, but of a new network alone.
const UNSHARE: [&str; 3] = ["--user", "--net", "--map-root-user"];
/// Where the router itself is found, from everywhere.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RELAY_PORT: u16 = 4_433;

/// Says which of the few things that are needed is not there.
const CHECK: &str = "command -v ip >/dev/null || { echo 'there is no program ip (iproute2)'; exit 1; }; \
    command -v nsenter >/dev/null || { echo 'there is no program nsenter (util-linux)'; exit 1; }; \
    ip link add probe type veth peer name borp 2>&1 && unshare --net true 2>&1 && echo 1 > /proc/sys/net/ipv4/ip_forward";

/// Runs something on this machine to a good end.
fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {complaint}");
}

/// `ip` on the router.
fn ip(line: &str) {
    run("ip", &line.split(' ').collect::<Vec<_>>());
}

/// A network of its own, with a link to the router: the second address of 10.`number`.0.0/24; the router has the first.
struct Place {
    number: u8,
    /// Keeps the network open, and ends when its input does: so never after this process.
    holder: Child,
}

impl Place {
    fn new(number: u8) -> Self {
        let mut holder = Command::new("unshare");
        let holder = holder.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        // What it says comes out of the new network: by then it is there.
        holder.stdin.as_mut().unwrap().write_all(b"here\n").unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "here\n");
        let place = Self { number, holder };
        ip(&format!("link add r{number} type veth peer name e{number} netns {}", place.id()));
        ip(&format!("addr add 10.{number}.0.1/24 dev r{number}"));
        ip(&format!("link set r{number} up"));
        place.ip("link set lo up");
        place.ip(&format!("link set e{number} up"));
        place.settle_at(2);
        place
    }

    fn id(&self) -> u32 {
        self.holder.id()
    }

    /// What a command is run through to be there.
    fn enter(&self) -> Vec<String> {
        vec!["nsenter".into(), format!("--net=/proc/{}/ns/net", self.id()), "--".into()]
    }

    /// `ip` there.
    fn ip(&self, line: &str) {
        let enter = self.enter();
        let mut words: Vec<&str> = enter.iter().map(String::as_str).collect();
        words.push("ip");
        words.extend(line.split(' '));
        run(words[0], &words[1..]);
    }

    fn settle_at(&self, host: u8) {
        let number = self.number;
        self.ip(&format!("addr add 10.{number}.0.{host}/24 dev e{number}"));
        self.ip(&format!("route add default via 10.{number}.0.1"));
    }

    /// As a phone that comes into another network: its old address is gone, and it has a new one.
    fn move_from(&self, old: u8, new: u8) {
        self.ip(&format!("addr del 10.{0}.0.{old}/24 dev e{0}", self.number));
        self.settle_at(new);
    }

    /// Nothing goes in or out.
    fn cut(&self) {
        ip(&format!("link set r{} down", self.number));
    }

    fn mend(&self) {
        ip(&format!("link set r{} up", self.number));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

/// Why this machine gives no networks; none if it does.
fn refused() -> Option<String> {
    let check = Command::new("unshare").args(UNSHARE).args(["sh", "-c", CHECK]).output();
    let Ok(check) = check else { return Some("there is no program unshare (util-linux)".into()) };
    let said = [check.stdout, check.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().replace('\n', "; ");
    (!check.status.success()).then_some(said)
}

#[test]
fn f26_f27_over_real_links_all_arrives_after_loss_new_addresses_and_cuts() {
    if let Some(why) = refused() {
        return say(&format!("SKIPPED: this machine gives no network namespaces: {why}"));
    }
    let played = Command::new("unshare")
        .args(UNSHARE)
        .arg(std::env::current_exe().unwrap())
        .args(["namespaces::play", "--exact", "--ignored", "--nocapture"])
        .env("REKNIT_ROLE", "router")
        .output()
        .unwrap();
    let [said, complaint] = [&played.stdout, &played.stderr].map(|it| String::from_utf8_lossy(it));
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("namespaces:")).collect();
    assert!(played.status.success() && told.len() == 4, "{said}\n{complaint}");
    say(&told.join("\n"));
}

#[test]
#[ignore = "the router, played when the other test starts it"]
fn play() {
    if std::env::var("REKNIT_ROLE").as_deref() != Ok("router") {
        return;
    }
    ip("link set lo up");
    ip(&format!("addr add {ROUTER}/32 dev lo"));
    let places = [1, 2, 3].map(Place::new);
    let folder = tempfile::tempdir().unwrap();
    let [hers, his, relays] = &places;
    let listen = format!("10.{}.0.2:{RELAY_PORT}", relays.number);
    let relay = Relay::start_through(folder.path().join("relay"), relays.enter(), &listen);
    let homes = [("nora", hers), ("ben", his)]
        .map(|(name, place)| Home::new(folder.path(), name).through(place.enter()));
    let couple = Couple::meet(folder, relay, homes, ROUTER.into());
    in_bad_weather(&couple);
    from_another_address(&couple, hers);
    behind_a_cut_link(&couple, his);
    without_the_relay(&couple, relays);
    couple.settle();
    couple.agree();
}

fn in_bad_weather(couple: &Couple) {
    let Couple { nora, ben, .. } = couple;
    let written = nora.saved(&["moment", "in a valley"]);
    let before = couple.forwarder.counts();
    couple.forwarder.set(Weather::BAD);
    for home in [nora, ben] {
        home.rows(&["sync", "--wait", "120"]);
    }
    couple.forwarder.set(Weather::FAIR);
    let after = couple.forwarder.counts();
    assert!(ben.records().contains(&written), "it arrived");
    let (passed, lost) = (after.passed - before.passed, after.lost - before.lost);
    assert!(lost > 0, "the weather was bad");
    say(&format!("namespaces: bad weather, {passed} datagrams passed, {lost} lost, all arrived"));
}

fn from_another_address(couple: &Couple, hers: &Place) {
    let Couple { nora, ben, .. } = couple;
    let mut watching = [nora, ben].map(|home| home.start(&["watch"]));
    let first = ben.saved(&["moment", "before she goes out"]);
    hear_of(&mut watching[0], &first);
    let before = couple.forwarder.counts();
    hers.move_from(2, 77);
    let there = nora.saved(&["moment", "from the street"]);
    hear_of(&mut watching[1], &there);
    let back = ben.saved(&["moment", "to the street"]);
    hear_of(&mut watching[0], &back);
    let dials = couple.forwarder.counts().initials - before.initials;
    say(&format!("namespaces: a new address in the middle of a tail, {dials} new connections"));
    for process in watching {
        drop(process.stop());
    }
}

fn behind_a_cut_link(couple: &Couple, his: &Place) {
    let Couple { nora, ben, .. } = couple;
    let mut watching = nora.start(&["watch"]);
    his.cut();
    let written = ben.saved(&["moment", "in the tunnel"]);
    offline(ben);
    assert!(ben.records().contains(&written), "it is saved");
    his.mend();
    ben.sync();
    hear_of(&mut watching, &written);
    watching.stop();
    say("namespaces: a link that was cut, all was saved there and sent later");
}

fn without_the_relay(couple: &Couple, relays: &Place) {
    let Couple { nora, ben, .. } = couple;
    let mut watching = [nora, ben].map(|home| home.start(&["watch"]));
    let first = nora.saved(&["moment", "while it is there"]);
    hear_of(&mut watching[1], &first);
    relays.cut();
    let written = [nora.saved(&["moment", "hers"]), ben.saved(&["moment", "his"])];
    offline(nora);
    relays.mend();
    hear_of(&mut watching[0], &written[1]);
    hear_of(&mut watching[1], &written[0]);
    for process in watching {
        drop(process.stop());
    }
    say("namespaces: a relay whose link was cut, both tails went on");
}
