//! Devices that write in one document, in any order and partly without having heard each other.

use crate::device::{Device, text};
use reknit_core::document::{Document, DocumentKind, Edit, Incoming};
use reknit_e2e::random::Seeded;

const KIND: DocumentKind = DocumentKind::Journal;
const LETTERS: [&str; 9] = ["a", "b", "c", " ", "ä", "👍", "\n", "Lake", "e\u{301}"];

/// Devices and what each holds, in the order in which it came.
pub(crate) struct Group {
    pub(crate) devices: Vec<Device>,
    pub(crate) held: Vec<Vec<Incoming>>,
    pub(crate) refused: usize,
}

impl Group {
    /// Devices that all hold the first words.
    pub(crate) fn new(devices: u8) -> Self {
        let mut all: Vec<_> = (1..=devices).map(|number| Device::new(number, KIND)).collect();
        let first = all[0].edit(&text("the first words"));
        for other in &mut all[1..] {
            assert_eq!(other.receive(std::slice::from_ref(&first)).refused, []);
        }
        let held = all.iter().map(|_| vec![first.clone()]).collect();
        Self { devices: all, held, refused: 0 }
    }

    /// A history of so many steps, and everybody has heard everything.
    pub(crate) fn random(devices: u8, steps: u64, random: &mut Seeded) -> Self {
        let mut group = Self::new(devices);
        for _ in 0..steps {
            group.step(random);
        }
        for _ in 0..2 {
            for from in 0..group.devices.len() {
                for to in 0..group.devices.len() {
                    group.deliver(from, to);
                }
            }
        }
        group
    }

    fn step(&mut self, random: &mut Seeded) {
        let (one, other) = (self.any(random), self.any(random));
        match random.below(11) {
            0..5 => self.write(one, random),
            5 => {
                let count = random.below(3);
                let tags = (0..count).map(|_| (*random.pick(&LETTERS)).to_owned()).collect();
                let title = random.one_in(2).then(|| (*random.pick(&LETTERS)).to_owned());
                self.edit(one, &Edit { tags: Some(tags), at_ms: Some(7), title, text: None });
            }
            6 => {
                let saved = self.devices[one].document.save();
                self.devices[one].document = Document::load(KIND, &saved).expect("our own save");
            }
            _ => self.deliver(one, other),
        }
    }

    fn write(&mut self, device: usize, random: &mut Seeded) {
        let mut chars: Vec<char> = self.devices[device].text().chars().collect();
        let at = index(random, chars.len() + 1);
        let end = (at + index(random, 12)).min(chars.len());
        let new: String = (0..random.below(10)).map(|_| *random.pick(&LETTERS)).collect();
        chars.splice(at..end, new.chars());
        self.edit(device, &text(&chars.into_iter().collect::<String>()));
    }

    fn edit(&mut self, device: usize, edit: &Edit) {
        let entry = self.devices[device].edit(edit);
        self.held[device].push(entry);
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let held = &self.held[to];
        let has = |entry: &Incoming| held.iter().any(|other| other.source == entry.source);
        let new: Vec<_> = self.held[from].iter().filter(|entry| !has(entry)).cloned().collect();
        self.refused += self.devices[to].receive(&new).refused.len();
        self.held[to].extend(new);
    }

    fn any(&self, random: &mut Seeded) -> usize {
        index(random, self.devices.len())
    }
}

pub(crate) fn index(random: &mut Seeded, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("an index")
}
