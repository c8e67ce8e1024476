//! Every order in which two phones, answers that are lost and a relay that forgets can meet, looked through to the
//! end: the real intents, the real fold, the real choice between branches; a relay reduced to its one rule.
//!
//! `REKNIT_FORGETS=2` looks further. `just orders` prints what was looked through.

use super::branches::Couple;
use super::fixture::{Human, Space};
use crate::crypto::{DeviceKeys, SeededRandom};
use crate::membership::{ControlLog, Intent, IntentError, Outcome, Standing, Want};
use crate::model::id::DeviceId;
use std::collections::{BTreeMap, BTreeSet};
use wire::hash::sha256;

/// What a phone holds: the items of its log, and what it wants, as its store keeps it over a restart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    held: Vec<u16>,
    wants: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Situation {
    relay: Vec<u16>,
    sides: [Side; 2],
    /// How often the relay may still forget, and answers be lost.
    forgets: u8,
    losses: u8,
}

struct Orders {
    couple: Couple,
    newcomers: [DeviceId; 2],
    items: Vec<Vec<u8>>,
    known: BTreeMap<[u8; 32], u16>,
}

impl Orders {
    fn name(&mut self, item: Vec<u8>) -> u16 {
        let next = u16::try_from(self.items.len()).unwrap();
        let name = *self.known.entry(sha256(&[&item])).or_insert(next);
        if name == next {
            self.items.push(item);
        }
        name
    }

    fn human(&self, side: usize) -> &Human {
        [&self.couple.nora, &self.couple.ben][side]
    }

    fn replica(&self, side: usize, held: &[u16]) -> Space {
        let mut space = self.couple.log();
        for name in &held[1..] {
            let folded =
                space.receive(self.items[usize::from(*name)].clone(), &self.human(side).me());
            assert_eq!(folded.outcome, Outcome::Applied, "no honest op is void");
        }
        space
    }

    /// What a phone that is connected does next; `lost`: and does not hear that it was done.
    fn step(&mut self, from: &Situation, side: usize, lost: bool) -> Option<Situation> {
        let mut to = from.clone();
        let Side { held, wants } = &mut to.sides[side];
        let common = held.iter().zip(&from.relay).take_while(|(own, its)| own == its).count();
        match (held.len() > common, from.relay.len() > common) {
            (true, false) if !lost => to.relay.clone_from(held),
            (false, true) if !lost => {
                held.clone_from(&from.relay);
                drop_satisfied(wants, &self.replica(side, held).log);
            }
            (true, true) if !lost => {
                let whole = self.replica(side, held);
                held.truncate(common);
                let log = self.replica(side, held).log;
                for want in &mut *wants {
                    let mut intent = Intent::decode(want).unwrap();
                    intent.cut_back(u32::try_from(common).unwrap());
                    *want = intent.encode();
                }
                for want in log.wants_of(&whole.log, &whole.keyring) {
                    let want = Intent::new(want).encode();
                    if !wants.contains(&want) {
                        wants.push(want);
                    }
                }
            }
            (false, false) => {
                let space = self.replica(side, held);
                let (at, intent, item) = self.compose(side, &space, wants)?;
                wants[at] = intent;
                let name = self.name(item);
                to.relay.push(name);
                if !lost {
                    let Side { held, wants } = &mut to.sides[side];
                    held.push(name);
                    drop_satisfied(wants, &self.replica(side, held).log);
                }
            }
            (true | false, true | false) => return None,
        }
        to.losses -= u8::from(lost);
        Some(to)
    }

    fn compose(
        &self,
        side: usize,
        space: &Space,
        wants: &[Vec<u8>],
    ) -> Option<(usize, Vec<u8>, Vec<u8>)> {
        for (at, want) in wants.iter().enumerate() {
            // The same situation makes the same bytes.
            let seed = sha256(&[
                &[u8::try_from(side).unwrap()],
                space.log.last_item_hash().as_bytes(),
                want,
            ]);
            let seed = u64::from_be_bytes(*seed.first_chunk().unwrap());
            let mut intent = Intent::decode(want).unwrap();
            let keys = &self.human(side).keys;
            match intent.compose(&space.composer(keys), &mut SeededRandom::new(seed)) {
                Ok(item) => return Some((at, intent.encode(), item)),
                Err(IntentError::Behind) => {}
                Err(error) => panic!("{error}"),
            }
        }
        None
    }

    /// Nobody can do anything: then all is well.
    fn check_end(&self, end: &Situation) {
        let tables: Vec<_> = (0..2)
            .map(|side| {
                assert!(end.sides[side].held == end.relay, "one log");
                assert!(end.sides[side].wants.is_empty(), "nothing is left to be done");
                self.replica(side, &end.relay).log.table().clone()
            })
            .collect();
        assert_eq!(tables[0], tables[1], "one table");
        for device in self.newcomers {
            let member = tables[0].device(device);
            assert_eq!(member.map(|it| it.state), Some(Standing::In), "whoever was let in is in");
        }
    }
}

fn drop_satisfied(wants: &mut Vec<Vec<u8>>, log: &ControlLog) {
    wants.retain(|want| !Intent::decode(want).unwrap().is_satisfied(log));
}

#[test]
#[expect(clippy::print_stdout, reason = "`just orders` shows how much was looked through")]
fn in_every_order_two_phones_and_a_relay_that_forgets_come_to_one_log() {
    let random = &mut SeededRandom::new(7);
    let couple = Couple::new(random);
    let keys = [(); 2].map(|()| DeviceKeys::generate(random));
    let add = |human: &Human, keys: &DeviceKeys| Intent::new(Want::AddDevice(human.admits(keys)));
    let wants = [add(&couple.nora, &keys[0]), add(&couple.ben, &keys[1])];
    let newcomers = [keys[0].id(), keys[1].id()];
    let genesis = couple.log().items[0].clone();
    let mut orders = Orders { couple, newcomers, items: Vec::new(), known: BTreeMap::new() };
    orders.name(genesis);
    let forgets = std::env::var("REKNIT_FORGETS").map_or(1, |n| n.parse().unwrap());
    let sides = wants.map(|want| Side { held: vec![0], wants: vec![want.encode()] });
    let first = Situation { relay: vec![0], sides, forgets, losses: 1 };
    let (mut seen, mut todo, mut ends) = (BTreeSet::new(), vec![first], 0);
    while let Some(now) = todo.pop() {
        if !seen.insert(now.clone()) {
            continue;
        }
        let mut quiet = true;
        for side in 0..2 {
            let next = orders.step(&now, side, false);
            quiet &= next.is_none();
            todo.extend(next);
            if now.losses > 0 {
                todo.extend(orders.step(&now, side, true));
            }
        }
        if now.forgets > 0 && !now.relay.is_empty() {
            todo.push(Situation { relay: Vec::new(), forgets: now.forgets - 1, ..now.clone() });
        }
        if quiet {
            ends += 1;
            orders.check_end(&now);
        }
    }
    println!(
        "{} situations, {} items, {ends} ends: one log, one table",
        seen.len(),
        orders.items.len()
    );
    assert!(ends > 10 && seen.len() > 100);
}
