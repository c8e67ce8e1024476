//! Two people over a bad network: what is saved stays saved, and what can be sent arrives.

use crate::cast::{each, pair};
use crate::forwarder::{Forwarder, Weather};
use crate::home::Home;
use crate::process::Process;
use crate::relay::Relay;
use serde_json::Value;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use tempfile::TempDir;

/// A relay, a network before it, and two people who are paired.
pub(crate) struct Couple {
    pub(crate) forwarder: Forwarder,
    pub(crate) nora: Home,
    pub(crate) ben: Home,
    _relay: Relay,
    _folder: TempDir,
}

impl Couple {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(folder.path());
        let homes = ["nora", "ben"].map(|name| Home::new(folder.path(), name));
        Self::meet(folder, relay, homes, Ipv4Addr::LOCALHOST.into())
    }

    /// Their network stands at an address; through it they pair.
    pub(crate) fn meet(folder: TempDir, relay: Relay, homes: [Home; 2], network: IpAddr) -> Self {
        let (address, key) = relay.line.split_once('/').unwrap();
        let forwarder = Forwarder::start(network, address.parse().unwrap());
        let line = format!("{}/{key}", forwarder.address);
        for (home, name) in homes.iter().zip(["nora", "ben"]) {
            home.rows(&["init", "--name", name, "--relay", &line]);
        }
        let [nora, ben] = homes;
        pair(&nora, &ben, "--partner");
        let couple = Self { forwarder, nora, ben, _relay: relay, _folder: folder };
        couple.settle();
        couple
    }

    pub(crate) fn settle(&self) {
        for home in [&self.nora, &self.ben, &self.nora] {
            home.rows(&["sync", "--wait", "120"]);
        }
    }

    /// Both show the same and can prove it: what they show.
    pub(crate) fn agree(&self) -> String {
        let [nora, ben] = each([&self.nora, &self.ben], |home| (home.shared(), home.proved("")));
        assert_eq!(nora, ben);
        nora.0
    }
}

/// Waits until a watch has shown that a record changed.
pub(crate) fn hear_of(watching: &mut Process, record: &str) {
    loop {
        let changed = watching.wait_for("changed");
        let records = changed["records"].as_array().unwrap();
        if records.iter().any(|changed| changed == record) {
            return;
        }
    }
}

pub(crate) fn say(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// A sync of somebody without a network says so.
pub(crate) fn offline(home: &Home) {
    let output = home.run(&["sync", "--wait", "2"]);
    let complaint: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (complaint["error"].as_str(), output.status.code()),
        (Some("relay.offline"), Some(1))
    );
}

#[test]
fn f27_with_one_datagram_in_five_lost_and_half_a_second_a_round_trip_all_arrives() {
    let couple = Couple::new();
    let written = each([&couple.nora, &couple.ben], |home| {
        let name = home.folder.file_name().unwrap().to_str().unwrap();
        let moments = (0..6).map(|number| home.saved(&["moment", &format!("{name} {number}")]));
        let mut records: Vec<String> = moments.collect();
        records.push(home.saved(&["ask", &format!("what does {name} miss?")]));
        home.saved(&["agreement", "new", &format!("{name} asks first."), "--title", name]);
        records
    });
    let before = couple.forwarder.counts();
    couple.forwarder.set(Weather::BAD);
    each([&couple.nora, &couple.ben], |home| home.rows(&["sync", "--wait", "120"]));
    couple.settle();
    couple.forwarder.set(Weather::FAIR);
    let after = couple.forwarder.counts();
    couple.agree();
    for home in [&couple.nora, &couple.ben] {
        let records = home.records();
        assert!(written.iter().flatten().all(|record| records.contains(record)), "all arrived");
    }
    let (passed, lost) = (after.passed - before.passed, after.lost - before.lost);
    assert!(lost > 0, "the weather was bad");
    say(&format!("bad weather: {passed} datagrams passed, {lost} lost, five syncs, all arrived"));
}

#[test]
fn f27_a_tail_goes_on_when_its_network_gives_it_another_port() {
    let couple = Couple::new();
    let mut watching = [&couple.nora, &couple.ben].map(|home| home.start(&["watch"]));
    let first = couple.nora.saved(&["moment", "from the first port"]);
    hear_of(&mut watching[1], &first);
    let before = couple.forwarder.counts();

    couple.forwarder.rebind();
    let second = couple.nora.saved(&["moment", "from the second port"]);
    hear_of(&mut watching[1], &second);
    couple.forwarder.rebind();
    let third = couple.ben.saved(&["moment", "from the third port"]);
    hear_of(&mut watching[0], &third);

    let after = couple.forwarder.counts();
    say(&format!(
        "two new ports: {} first packets of new connections",
        after.initials - before.initials
    ));
    for process in watching {
        drop(process.stop());
    }
    couple.settle();
    let shared = couple.agree();
    assert!(shared.contains("third port"), "{shared}");
}

#[test]
fn f26_in_a_black_hole_all_is_saved_and_is_sent_when_the_path_comes_back() {
    let couple = Couple::new();
    let mut watching = couple.nora.start(&["watch"]);
    let first = couple.ben.saved(&["moment", "before the tunnel"]);
    couple.ben.sync();
    hear_of(&mut watching, &first);

    couple.forwarder.set(Weather::BLACK_HOLE);
    let written = couple.ben.saved(&["moment", "in the tunnel"]);
    offline(&couple.ben);
    let status = couple.ben.rows(&["status"]).pop().unwrap();
    let unsent = |space: &Value| space["unsent"].as_u64().unwrap();
    assert_eq!(status["spaces"].as_array().unwrap().iter().map(unsent).sum::<u64>(), 1);
    assert!(couple.ben.records().contains(&written), "it is saved");
    assert!(couple.forwarder.counts().lost > 0, "nothing came through");

    couple.forwarder.set(Weather::FAIR);
    couple.ben.sync();
    hear_of(&mut watching, &written);
    watching.stop();
    couple.settle();
    couple.agree();
}
