//! Two people write and exchange; one of them, or the relay between them, is killed in the middle of it.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::vault::{self, drive, open};
use super::victim::Victim;
use super::write::Pattern;
use reknit_core::view::Line;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of a thousand kills.
const SHARE: u64 = 100;
/// After so many kills all is exchanged and compared.
const KILLS_A_MEETING: u64 = 10;
/// A couple is killed in so often, then put aside.
const KILLS_A_COUPLE: u64 = 40;
/// A victim says so many lines at most before a kill is on the way.
const LINES_MAX: u64 = 10;
/// And lives on for so long at most: longer than a push and its receipt take.
const LIFE_MAX: Duration = Duration::from_millis(20);
const NAMES: [&str; 2] = ["nora", "ben"];

/// What was acknowledged on one device: records by the entry that opened them, and which were sent.
#[derive(Default)]
struct Acknowledged {
    saved: BTreeMap<String, String>,
    sent: Vec<String>,
}

impl Acknowledged {
    fn take(&mut self, said: &[String]) {
        for line in said {
            if let Some((record, entry)) =
                line.strip_prefix("saved ").and_then(|line| line.split_once(' '))
            {
                self.saved.insert(entry.to_owned(), record.to_owned());
            } else if let Some(entry) = line.strip_prefix("sent ") {
                self.sent.push(entry.to_owned());
            }
        }
    }

    /// Saved is here, sent is there: `here` shows the one, `there` the other.
    fn check(&self, here: &Path, there: Option<&Path>, tally: &mut Tally) {
        let shown = vault::shown(&open(here));
        for record in self.saved.values() {
            tally.there(shown.contains(record), record);
        }
        let Some(there) = there else { return };
        let shown = vault::shown(&open(there));
        for entry in &self.sent {
            if let Some(record) = self.saved.get(entry) {
                tally.there(shown.contains(record), record);
            }
        }
    }
}

struct Couple {
    pattern: Pattern,
    homes: [PathBuf; 2],
    acknowledged: [Acknowledged; 2],
}

impl Couple {
    fn new() -> Self {
        let pattern = Pattern::new();
        let homes = NAMES.map(|name| pattern.path(name));
        Self { pattern, homes, acknowledged: Default::default() }
    }

    /// Both exchange, and one of the three is killed; then the others, so that the next round begins anew.
    fn round(&mut self, chance: &mut Chance, tally: &mut Tally) {
        let [one, other] = [0, 1].map(|side: usize| Victim::role("exchange", &self.homes[side]));
        let mut victims = [one, other];
        let victim = usize::try_from(chance.below(3)).unwrap();
        for _ in 0..=chance.below(LINES_MAX) {
            victims[victim % 2].hear().unwrap();
        }
        chance.pause(LIFE_MAX);
        if victim == 2 {
            self.pattern.relay.kill();
            tally.killed();
        }
        for (side, process) in victims.into_iter().enumerate() {
            self.acknowledged[side].take(&process.kill());
            tally.killed();
        }
        if victim == 2 {
            self.pattern.relay.restart();
        }
        for side in 0..2 {
            self.acknowledged[side].check(&self.homes[side], None, tally);
        }
    }

    /// First the one who did not write looks, so that what was sent comes from the relay and from nowhere else.
    async fn meet(&mut self, first: usize, tally: &mut Tally) {
        vault::exchange(&self.homes[1 - first]).await;
        self.acknowledged[first].check(&self.homes[first], Some(&self.homes[1 - first]), tally);
        for side in [first, 1 - first, first] {
            vault::exchange(&self.homes[side]).await;
        }
        for side in 0..2 {
            let (here, there) = (&self.homes[side], &self.homes[1 - side]);
            let shown = vault::shown(&open(there));
            for record in self.acknowledged[side].saved.values() {
                tally.there(shown.contains(record), record);
            }
            vault::prove(&open(here));
        }
        let lines = |home: &Path| -> Vec<String> {
            let lines: Vec<Line> = open(home).timeline().unwrap();
            lines.into_iter().map(|line| line.record).collect()
        };
        assert_eq!(lines(&self.homes[0]), lines(&self.homes[1]), "both show the same");
        let report = drive(&self.homes[0], false).node().session().report().unwrap();
        assert!(report.iter().all(|space| space.unsent == 0 && space.waiting == 0), "{report:?}");
    }
}

#[test]
fn f1_f30_what_was_saved_is_here_and_what_was_sent_is_there_whoever_is_killed() {
    let (mut chance, mut tally) =
        (Chance::new("exchange"), Tally::new("people and relay exchange"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let all = kills(SHARE);
    let mut killed = 0;
    while killed < all {
        let mut couple = Couple::new();
        let until = all.min(killed + KILLS_A_COUPLE);
        while killed < until {
            let before = killed;
            while killed < until && killed < before + KILLS_A_MEETING {
                couple.round(&mut chance, &mut tally);
                killed += 2;
            }
            let first = usize::try_from(chance.below(2)).unwrap();
            runtime.block_on(couple.meet(first, &mut tally));
        }
    }
    tally.report();
}
