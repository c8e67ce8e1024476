//! Two people pair, and one of the three processes is killed in the middle of it: they are paired, or can be.

use super::chance::Chance;
use super::tally::{Tally, kills};
use super::vault::{self, open};
use super::victim::Victim;
use super::write::Pattern;
use reknit_core::environment::SystemClock;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Of a thousand kills.
const SHARE: u64 = 50;
/// After so many pairings the relay starts anew: it counts the mailboxes and failed sign-ins of a network, and here all
/// come from one.
const PAIRINGS_A_RELAY: u64 = 3;
/// Longer than any pairing takes.
const LONG: Duration = Duration::from_mins(1);

/// The two processes of a pairing, and what each has said.
struct Pairing {
    victims: [Victim; 2],
    said: [Vec<String>; 2],
}

impl Pairing {
    /// Carries the code and the numbers from hand to hand for so long, or until both are paired.
    fn run(homes: &[PathBuf; 2], time: Duration) -> Self {
        let (sender, lines) = channel::<(usize, Option<String>)>();
        let roles = ["invite", "join"];
        let mut victims = [0, 1].map(|side: usize| {
            let mut victim = Victim::role(roles[side], &homes[side]);
            victim.listen(side, sender.clone());
            victim
        });
        drop(sender);
        let (mut said, mut shown, mut asked) =
            ([const { Vec::new() }; 2], [None, None], [false; 2]);
        let clock = SystemClock::start();
        let mut ended = 0;
        while ended < 2 {
            let left = time.saturating_sub(clock.moment().since(wire::time::Moment::ORIGIN));
            let Ok((side, line)) = lines.recv_timeout(left) else { break };
            let Some(line) = line else { break };
            if let Some(code) = line.strip_prefix("code ") {
                victims[1].tell(code);
            } else if let Some(number) = line.strip_prefix("show ") {
                shown[side] = Some(number.to_owned());
            } else if line == "ask" {
                asked[side] = true;
            } else if line == "paired" {
                ended += 1;
            }
            said[side].push(line);
            for side in 0..2 {
                if asked[side]
                    && let Some(number) = &shown[1 - side]
                {
                    asked[side] = false;
                    victims[side].tell(number);
                }
            }
        }
        Self { victims, said }
    }

    /// Kills both, one first: what each had said.
    fn kill(self, first: usize) -> [Vec<String>; 2] {
        let [inviter, joiner] = self.victims;
        if first == 0 {
            inviter.kill();
            joiner.kill();
        } else {
            joiner.kill();
            inviter.kill();
        }
        self.said
    }
}

/// What was acknowledged is there; what was done goes on by itself; then they pair if they are not paired, and what each
/// says reaches the other.
async fn check(homes: &[PathBuf; 2], said: &[Vec<String>; 2], tally: &mut Tally) -> bool {
    for side in 0..2 {
        let shown = vault::shown(&open(&homes[side]));
        for page in said[side].iter().filter_map(|line| line.strip_prefix("saved ")) {
            tally.there(shown.contains(page), page);
        }
    }
    for side in [0, 1, 0] {
        vault::exchange(&homes[side]).await;
    }
    let paired = [0, 1].map(|side: usize| open(&homes[side]).is_paired());
    assert_eq!(paired[0], paired[1], "both are paired, or neither is");
    if said.iter().flatten().any(|line| line == "paired") {
        tally.there(paired[0], "a pairing that was done");
    }
    if !paired[0] {
        vault::pair(&homes[0], &homes[1]).await;
    }
    write_to_each_other(&homes[0], &homes[1], tally).await;
    paired[0]
}

async fn write_to_each_other(one: &Path, other: &Path, tally: &mut Tally) {
    for home in [one, other, one] {
        vault::exchange(home).await;
    }
    for (from, to) in [(one, other), (other, one)] {
        assert!(open(from).is_paired(), "{}", from.display());
        let (record, _) = vault::moment(&mut vault::drive(from, false), "we met");
        for home in [from, to] {
            vault::exchange(home).await;
        }
        tally.there(vault::shown(&open(to)).contains(&record), "what was said after the pairing");
        vault::prove(&open(from));
    }
}

#[test]
fn f1_a_pairing_that_is_killed_is_done_or_can_be_done_again() {
    let (mut chance, mut tally) = (Chance::new("meet"), Tally::new("two people pair"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut pattern = Pattern::new();
    let line = pattern.relay.line.parse().unwrap();
    let mut number = 0;
    let mut strangers = |pattern: &Pattern| {
        number += 1;
        ["inviter", "joiner"].map(|name| {
            let home = pattern.path(&format!("{name}{number}"));
            vault::begin(&home, &line);
            home
        })
    };
    let clock = SystemClock::start();
    Pairing::run(&strangers(&pattern), LONG).kill(0);
    let takes = clock.moment().since(wire::time::Moment::ORIGIN);
    let (all, mut done) = (kills(SHARE), 0);
    let mut pairings = 0;
    while tally.kills() < all {
        if pairings % PAIRINGS_A_RELAY == 0 {
            pattern.relay.kill();
            pattern.relay.restart();
        }
        pairings += 1;
        let homes = strangers(&pattern);
        let pairing = Pairing::run(&homes, takes * u32::try_from(chance.below(100)).unwrap() / 100);
        let victim = usize::try_from(chance.below(3)).unwrap();
        if victim == 2 {
            pattern.relay.kill();
            tally.killed();
        }
        let said = pairing.kill(victim % 2);
        tally.killed();
        tally.killed();
        if victim == 2 {
            pattern.relay.restart();
        }
        done += u32::from(runtime.block_on(check(&homes, &said, &mut tally)));
    }
    tally.note(&format!("{done} pairings were done when they were killed"));
    tally.report();
}
