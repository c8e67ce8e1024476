//! Killed while it writes, again and again on the same vault.

use super::chance::Chance;
use super::commits::Relay;
use super::tally::{Tally, kills};
use super::vault;
use super::victim::Victim;
use reknit_core::client::Found;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Of a thousand kills.
const SHARE: u64 = 400;
/// A vault is killed in so often, then proved whole and put aside.
const KILLS_A_VAULT: u64 = 50;
/// A victim says so many lines at most before its kill is on the way.
const LINES_MAX: u64 = 9;
/// And lives on for so long at most: longer than one write takes.
const LIFE_MAX: Duration = Duration::from_millis(6);

/// Two homes that are paired, closed: what vaults to be killed in are copied from.
pub(crate) struct Pattern {
    pub(crate) world: TempDir,
    pub(crate) relay: Relay,
}

impl Pattern {
    pub(crate) fn new() -> Self {
        let world = tempfile::tempdir().unwrap();
        let relay = Relay::start(&world.path().join("relay"), "127.0.0.1:0");
        let pattern = Self { world, relay };
        let [nora, ben] = ["nora", "ben"].map(|name| pattern.path(name));
        let line = pattern.relay.line.parse().unwrap();
        for home in [&nora, &ben] {
            vault::begin(home, &line);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            vault::pair(&nora, &ben).await;
            for home in [&nora, &ben, &nora] {
                vault::exchange(home).await;
            }
        });
        pattern
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.path().join(name)
    }
}

/// What was acknowledged of one vault.
#[derive(Default)]
struct Acknowledged {
    saved: BTreeSet<String>,
    /// The page that grows, and how long it was when that was saved.
    grown: BTreeMap<String, usize>,
}

impl Acknowledged {
    fn take(&mut self, said: &[String]) {
        for line in said {
            if let Some(id) = line.strip_prefix("saved ") {
                self.saved.insert(id.to_owned());
            } else if let Some((id, length)) =
                line.strip_prefix("grown ").and_then(|line| line.split_once(' '))
            {
                self.grown.insert(id.to_owned(), length.parse().unwrap());
            }
        }
    }

    /// All of it is there, opened anew.
    fn check(&self, home: &Path, tally: &mut Tally) {
        let session = vault::open(home);
        let shown = vault::shown(&session);
        for id in &self.saved {
            tally.there(shown.contains(id), id);
        }
        for (id, length) in &self.grown {
            let Ok(Found::Document(page)) = session.find(id) else { panic!("lost: {id}") };
            let (_, fields) = session.document(page).unwrap();
            tally.there(fields.text.len() >= *length, "the last edit of a page");
        }
    }
}

#[test]
fn f1_d1_what_was_saved_is_there_whenever_its_writer_is_killed() {
    let (mut chance, mut tally) = (Chance::new("write"), Tally::new("the library writes"));
    let mut pattern = Pattern::new();
    pattern.relay.kill();
    let all = kills(SHARE);
    let mut killed = 0;
    while killed < all {
        let home = pattern.path("killed");
        vault::copy(&pattern.path("nora"), &home);
        let mut acknowledged = Acknowledged::default();
        for _ in 0..KILLS_A_VAULT.min(all - killed) {
            let mut victim = Victim::role("write", &home);
            victim.hear_of("ready").unwrap();
            for _ in 0..chance.below(LINES_MAX) {
                victim.hear().unwrap();
            }
            chance.pause(LIFE_MAX);
            acknowledged.take(&victim.kill());
            tally.killed();
            killed += 1;
            acknowledged.check(&home, &mut tally);
        }
        vault::prove(&vault::open(&home));
        std::fs::remove_dir_all(home).unwrap();
    }
    tally.report();
}
