//! What honest devices write is never refused, and all of them end with the same text.

use crate::device::{Device, text};
use proptest::prelude::*;
use reknit_core::document::{
    Document, DocumentKind, Edit, EditError, Incoming, OPS_PER_EDIT_MAX, TEXT_CHARS_MAX,
};

fn pair(start: &str) -> (Device, Device) {
    let mut a = Device::new(1, DocumentKind::Agreement);
    let mut b = Device::new(2, DocumentKind::Agreement);
    let first = a.edit(&text(start));
    assert_eq!(b.receive(&[first]).refused, []);
    (a, b)
}

#[test]
fn two_people_who_edit_different_places_both_keep_their_words() {
    let (mut a, mut b) = pair("We talk on Sunday. We sleep apart for now.");
    let from_a = a.edit(&text("We talk on Monday. We sleep apart for now."));
    let from_b = b.edit(&text("We talk on Sunday. We sleep apart until May."));
    assert_eq!(a.receive(&[from_b]).refused, []);
    assert_eq!(b.receive(&[from_a]).refused, []);
    assert_eq!(a.text(), "We talk on Monday. We sleep apart until May.");
    assert_eq!(a.text(), b.text());
}

#[test]
fn all_fields_of_a_journal_entry_come_back_from_disk() {
    let mut a = Device::new(1, DocumentKind::Journal);
    let edit = Edit {
        title: Some("Tuesday".into()),
        text: Some("I slept. 👍🏽 naïve".into()),
        tags: Some(vec!["sleep".into(), "e\u{301}te".into()]),
        at_ms: Some(-5),
    };
    a.edit(&edit);
    a.edit(&Edit { tags: Some(vec!["\u{e9}te".into(), "walk".into()]), ..Edit::default() });
    let again = Document::load(DocumentKind::Journal, &a.document.save()).unwrap();
    let fields = again.fields();
    assert_eq!(fields.title, "Tuesday");
    assert_eq!(fields.text, "I slept. 👍🏽 naïve");
    assert_eq!(fields.tags, ["walk", "\u{e9}te"]);
    assert_eq!(fields.at_ms, Some(-5));
    assert_eq!(again.change_count(), 2);
}

#[test]
fn an_edit_that_changes_nothing_makes_no_change() {
    let (mut a, _) = pair("same");
    assert!(a.edit(&text("same")).changes.is_empty());
    assert!(a.edit(&Edit::default()).changes.is_empty());
}

#[test]
fn a_field_of_another_kind_is_not_written() {
    let (mut a, _) = pair("");
    let place = reknit_core::document::Place { actor: a.actor, entry: 9 };
    let edit = Edit { at_ms: Some(1), ..Edit::default() };
    assert_eq!(a.document.edit(place, &edit, 0), Err(EditError::Field));
}

#[test]
fn b59_a_pasted_text_of_60_001_characters_is_split_and_passes_the_gate() {
    let pasted: String =
        (0..=OPS_PER_EDIT_MAX).map(|i| if i % 7 == 0 { ' ' } else { 'ä' }).collect();
    let (mut a, mut b) = pair("");
    let entry = a.edit(&text(&pasted));
    assert_eq!(entry.changes.len(), 2);
    let merged = b.receive(&[entry]);
    assert_eq!((merged.refused, merged.changed), (vec![], true));
    assert_eq!(b.text(), pasted);
    let other: String = pasted.chars().rev().map(|c| if c == ' ' { '.' } else { 'ö' }).collect();
    let entry = b.edit(&text(&other));
    assert_eq!(entry.changes.len(), 3);
    assert_eq!(a.receive(&[entry]).refused, []);
    assert_eq!(a.text(), other);
}

#[test]
fn a_text_that_two_pasted_into_at_once_is_longer_than_an_edit_may_be_and_is_edited_on() {
    let (mut a, mut b) = pair("");
    let of = |letter: &str| letter.repeat(TEXT_CHARS_MAX);
    let (from_a, from_b) = (a.edit(&text(&of("a"))), b.edit(&text(&of("b"))));
    assert_eq!(a.receive(&[from_b]).refused, []);
    assert_eq!(b.receive(&[from_a]).refused, []);
    assert_eq!(a.text().chars().count(), 2 * TEXT_CHARS_MAX);
    let anew = a.edit(&text(&of("c")));
    assert_eq!(b.receive(&[anew]).refused, []);
    assert!(a.text() == of("c") && b.text() == of("c"));
    let short = b.edit(&text("short"));
    assert_eq!(a.receive(&[short]).refused, []);
    assert_eq!((a.text(), b.text()), ("short".to_owned(), "short".to_owned()));
}

#[test]
fn an_entry_merged_twice_counts_once() {
    let (mut a, mut b) = pair("one");
    let entry = a.edit(&text("one two"));
    assert!(b.receive(std::slice::from_ref(&entry)).changed);
    let again = b.receive(&[entry]);
    assert!(again.refused.is_empty() && !again.changed);
}

/// A step of a random history: an edit by one device, or a delivery from one to another.
#[derive(Debug, Clone)]
enum Step {
    Write { device: usize, at: usize, delete: usize, insert: String },
    Tag { device: usize, tags: Vec<String> },
    Reload { device: usize },
    Deliver { from: usize, to: usize },
}

fn step(devices: usize) -> impl Strategy<Value = Step> {
    let device = 0..devices;
    prop_oneof![
        4 => (device.clone(), 0_usize..60, 0_usize..12, "[a-c ä👍]{0,9}")
            .prop_map(|(device, at, delete, insert)| Step::Write { device, at, delete, insert }),
        1 => (device.clone(), prop::collection::vec("[a-c]", 0..3)).prop_map(|(device, tags)| Step::Tag { device, tags }),
        1 => device.clone().prop_map(|device| Step::Reload { device }),
        4 => (device.clone(), device).prop_map(|(from, to)| Step::Deliver { from, to }),
    ]
}

/// Devices and what each holds, in the order it came: causal, as the entry layer delivers.
struct Group {
    devices: Vec<Device>,
    held: Vec<Vec<Incoming>>,
}

impl Group {
    fn new(devices: u8) -> Self {
        let mut all: Vec<_> =
            (1..=devices).map(|n| Device::new(n, DocumentKind::Journal)).collect();
        let first = all[0].edit(&text("the first words"));
        for other in &mut all[1..] {
            assert_eq!(other.receive(std::slice::from_ref(&first)).refused, []);
        }
        let held = all.iter().map(|_| vec![first.clone()]).collect();
        Self { devices: all, held }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Write { device, at, delete, insert } => {
                let mut chars: Vec<char> = self.devices[*device].text().chars().collect();
                let at = (*at).min(chars.len());
                let end = (at + delete).min(chars.len());
                chars.splice(at..end, insert.chars());
                self.edit(*device, &text(&chars.into_iter().collect::<String>()));
            }
            Step::Tag { device, tags } => {
                self.edit(
                    *device,
                    &Edit { tags: Some(tags.clone()), at_ms: Some(7), ..Edit::default() },
                );
            }
            Step::Reload { device } => {
                let saved = self.devices[*device].document.save();
                self.devices[*device].document =
                    Document::load(DocumentKind::Journal, &saved).unwrap();
            }
            Step::Deliver { from, to } => self.deliver(*from, *to),
        }
    }

    fn edit(&mut self, device: usize, edit: &Edit) {
        let entry = self.devices[device].edit(edit);
        self.held[device].push(entry);
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let has = |entry: &Incoming, held: &[Incoming]| {
            held.iter().any(|other| other.source == entry.source)
        };
        let new: Vec<_> =
            self.held[from].iter().filter(|entry| !has(entry, &self.held[to])).cloned().collect();
        assert_eq!(self.devices[to].receive(&new).refused, [], "an honest change was refused");
        self.held[to].extend(new);
    }

    fn settle(&mut self) {
        for _ in 0..2 {
            for from in 0..self.devices.len() {
                for to in 0..self.devices.len() {
                    self.deliver(from, to);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn honest_histories_are_never_refused_and_converge(steps in prop::collection::vec(step(4), 1..40)) {
        let mut group = Group::new(4);
        for step in &steps {
            group.run(step);
        }
        group.settle();
        let fields = group.devices[0].document.fields();
        for (device, held) in group.devices.iter().zip(&group.held) {
            prop_assert_eq!(&device.document.fields(), &fields);
            let (again, merged) = Document::rebuild(DocumentKind::Journal, held.clone()).unwrap();
            prop_assert_eq!(merged.refused, vec![]);
            prop_assert_eq!(&again.fields(), &fields);
        }
    }
}
