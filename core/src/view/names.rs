//! What the two are called, in an order that ranks nobody.

use std::collections::BTreeMap;

use super::words;
use crate::model::id::PersonId;
use crate::model::person::Name;

/// Display names by person; alphabetical, alike on both phones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    shown: BTreeMap<PersonId, String>,
    order: Vec<PersonId>,
}

impl Names {
    /// From what each said last. Of two names that can be taken for each other the second gets a number.
    pub fn new(said: impl IntoIterator<Item = (PersonId, Name)>) -> Self {
        let said: BTreeMap<PersonId, Name> = said.into_iter().collect();
        let mut ordered: Vec<(&Name, PersonId)> =
            said.iter().map(|(id, name)| (name, *id)).collect();
        ordered.sort();
        let mut names = Self::default();
        let mut taken: Vec<&Name> = Vec::new();
        for (name, person) in ordered {
            let alike = taken.iter().filter(|other| other.looks_like(name)).count();
            let shown = match alike {
                0 => name.as_str().to_owned(),
                earlier => format!("{} ({})", name.as_str(), earlier + 1),
            };
            taken.push(name);
            names.shown.insert(person, shown);
            names.order.push(person);
        }
        names
    }

    /// What a person is called.
    pub fn of(&self, person: PersonId) -> &str {
        self.shown.get(&person).map_or(words::NAMELESS, String::as_str)
    }

    /// Everybody, alphabetically.
    pub fn persons(&self) -> &[PersonId] {
        &self.order
    }

    /// The name of whoever is not `person`.
    pub(super) fn other_than(&self, person: PersonId) -> &str {
        let other = self.order.iter().find(|other| **other != person);
        other.map_or(words::NAMELESS, |other| self.of(*other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> Name {
        Name::new(typed).unwrap()
    }

    #[test]
    fn b69_two_names_that_look_alike_are_told_apart() {
        let (a, b) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let names = Names::new([(a, name("Alex")), (b, name("АLEX"))]);
        assert_ne!(names.of(a), names.of(b));
        assert_eq!(names.of(a), "Alex");
        assert!(names.of(b).ends_with(" (2)"));
    }

    #[test]
    fn the_order_is_alphabetical_whoever_asks() {
        let (a, b) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let names = Names::new([(a, name("Nora")), (b, name("Ben"))]);
        assert_eq!(names.persons(), [b, a]);
        assert_eq!(names.other_than(a), "Ben");
    }
}
