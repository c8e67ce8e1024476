//! What one person sends in a day, counted as it is taken in; and what is written here, as the other will count it.

use crate::client::error::Error;
use crate::client::space::state::Space;
use crate::crypto::Random;
use crate::document::count_ops;
use crate::entry::{Allowance, Cost, Payload};
use crate::membership::SpaceKind;
use crate::model::id::PersonId;
use crate::store::Table;
use wire::time::Timestamp;

/// What the ids of allowances among the facts of a vault begin with.
pub(crate) const DAY_PREFIX: &[u8] = b"day";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The number of a day of this device's clock.
pub(crate) fn day_of(time: Timestamp) -> u32 {
    u32::try_from(time.as_millis() / DAY_MS).unwrap_or(u32::MAX)
}

pub(crate) fn cost_of(kind: u8, payload: &[u8]) -> Cost {
    let items = match Payload::decode(kind, payload) {
        Ok(Payload::Changes(documents)) => {
            let changes = documents.iter().flat_map(|document| &document.changes);
            changes.filter_map(|raw| count_ops(raw)).fold(0_u64, u64::saturating_add)
        }
        Ok(_) | Err(_) => 0,
    };
    Cost::new(payload.len(), items)
}

impl Space {
    pub(crate) fn load_allowances(&mut self) -> Result<(), Error> {
        for row in self.shelf.prefix(Table::Meta, DAY_PREFIX)? {
            let allowance = Allowance::decode(&row.body)?;
            self.allowances.insert(allowance.person(), allowance);
        }
        Ok(())
    }

    /// Today's allowance of a person.
    pub(crate) fn allowance(&mut self, person: PersonId) -> &mut Allowance {
        let today = self.today;
        let allowance = self.allowances.entry(person).or_insert_with(|| Allowance::new(person));
        allowance.begin_day(today);
        allowance
    }

    /// Whether the other will take in today what is about to be written here: who writes more is told so, instead of
    /// waiting for an answer to what has not arrived.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] if it is too much for one day.
    pub(crate) fn may_write_today(
        &mut self,
        payload: &Payload,
        random: &mut dyn Random,
    ) -> Result<(), Error> {
        if self.kind == SpaceKind::Private {
            return Ok(());
        }
        let cost = cost_of(payload.kind(), &payload.encode(random));
        let own = self.person;
        if self.allowance(own).fits(cost, 0) {
            Ok(())
        } else {
            Err(Error::NotAllowed { rule: "quota.day" })
        }
    }

    /// From where to pull again what was over a person's day: a new one began, the owner takes all, or an own device
    /// names an entry that was left.
    pub(crate) fn pull_allowed(&mut self) -> Option<u64> {
        if self.allowances.values().all(|allowance| allowance.left().is_none()) {
            return None;
        }
        let needed = self.room.needed_by(self.person);
        let news = needed.iter().filter(|(chain, seq)| self.asked_for.get(chain) < Some(seq));
        let needs: Vec<PersonId> =
            news.filter_map(|(chain, _)| self.person_of(chain.device)).collect();
        let (today, until) = (self.today, self.position.n);
        let mut lowest = None;
        for allowance in self.allowances.values_mut() {
            let needed = needs.contains(&allowance.person());
            if let Some(from) = allowance.wants_pull(today, needed).filter(|from| *from <= until) {
                allowance.begin_pull(until);
                lowest = Some(lowest.map_or(from, |lowest: u64| lowest.min(from)));
            }
        }
        if lowest.is_some() {
            self.asked_for = needed;
        }
        lowest
    }

    /// The owner takes all that waits now.
    pub(crate) fn take_all(&mut self) -> Vec<PersonId> {
        let position = self.position.n;
        let waiting = self.allowances.values_mut().filter(|allowance| allowance.left().is_some());
        let waiting = waiting.map(|allowance| {
            allowance.consent(position);
            allowance.person()
        });
        waiting.collect()
    }
}
