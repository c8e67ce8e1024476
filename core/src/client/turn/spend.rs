//! What a turn takes in of a person's day, and what it leaves at the relay.

use crate::client::error::Error;
use crate::client::space::quota::{DAY_PREFIX, cost_of};
use crate::client::turn::gather::{Origin, Turn};
use crate::client::vault::shelf::Place;
use crate::crypto::Random;
use crate::entry::{Entry, Incident};
use crate::membership::SpaceKind;
use crate::model::id::ChainId;
use crate::store::Table;
use std::collections::BTreeMap;

impl Turn<'_> {
    /// Whether the entry of another person is over what they may send today. Then it stays at the relay.
    pub(crate) fn is_too_much(
        &mut self,
        entry: &Entry,
        origin: Origin,
        random: &mut dyn Random,
    ) -> Result<bool, Error> {
        let (chain, seq) = (entry.header.chain, entry.header.seq);
        let person = self.space.person_of(chain.device).filter(|it| *it != self.space.person);
        let Some(person) = person.filter(|_| self.space.kind == SpaceKind::Shared) else {
            return Ok(false);
        };
        // It was taken in before.
        if self.space.rebuilding {
            return Ok(false);
        }
        let cost = cost_of(entry.header.kind, &entry.payload);
        let fits = self.space.allowance(person).fits(cost, origin.position);
        let taken = fits || self.settling || self.is_needed(chain, seq);
        self.spent.insert(person);
        if taken {
            self.space.allowance(person).spend(cost);
            return Ok(false);
        }
        let left = self.space.allowance(person).leave(origin.position);
        self.changed.left = self.changed.left.saturating_add(1);
        let incident = Incident::Bulk { person, position: left.position, count: left.count };
        self.report(&incident, random)?;
        Ok(true)
    }

    /// Whether an own device names it: then it is taken whatever else its author sent.
    fn is_needed(&mut self, chain: ChainId, seq: u64) -> bool {
        let (room, own) = (&self.space.room, self.space.person);
        let needed: &BTreeMap<ChainId, u64> =
            self.needed.get_or_insert_with(|| room.needed_by(own));
        needed.get(&chain).is_some_and(|newest| seq <= *newest)
    }

    /// Counts what was written here.
    pub(crate) fn spend_own(&mut self, kind: u8, payload: &[u8]) {
        let own = self.space.person;
        if self.space.kind == SpaceKind::Shared {
            self.space.allowance(own).spend(cost_of(kind, payload));
            self.spent.insert(own);
        }
    }

    /// A position of the relay's log came.
    pub(crate) fn passed(&mut self, position: u64) {
        let ended = self.space.allowances.values_mut().filter(|it| it.left().is_some());
        let ended = ended.filter_map(|it| it.passed(position).then(|| it.person()));
        self.spent.extend(ended);
    }

    /// Writes down what changed.
    pub(crate) fn keep_allowances(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        for person in core::mem::take(&mut self.spent) {
            if let Some(allowance) = self.space.allowances.get(&person) {
                let row = [DAY_PREFIX, person.as_bytes()].concat();
                let place = Place::new(Table::Meta, &row);
                self.space.shelf.put(&mut self.batch, place, &allowance.encode(), random)?;
            }
        }
        Ok(())
    }
}
