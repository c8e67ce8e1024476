//! Two entries in one place of the partner's chain.

use crate::siege::Siege;
use reknit_core::crypto::Verified;
use reknit_core::document::{ActorId, Document, DocumentKind, Edit, Place};
use reknit_core::entry::{DocumentChanges, Entry, Incident, Payload};
use reknit_core::model::id::DocumentId;
use reknit_core::view::Mark;
use reknit_e2e::bomb::Header as ChangeHeader;
use reknit_e2e::raw_change::{Op, RawChange};

impl Siege {
    /// The villain's own first change of a document of their own, as an entry that is not sent.
    pub(crate) fn change(&mut self, document: DocumentId, text: &str) -> Verified<Entry> {
        let chain = self.villain.me();
        let seq = self.villain.chains.get(chain).map_or(0, |chain| chain.seq) + 1;
        let actor = ActorId::of(self.villain.home.space, document, chain);
        let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
        let mut made = Document::new(DocumentKind::Agreement);
        let changes = made.edit(Place { actor, entry: seq }, &edit, 0).unwrap();
        let changes = vec![DocumentChanges { document, kind: 2, changes }];
        self.villain.entry(&self.world, &Payload::Changes(changes))
    }

    fn said(&mut self, text: &str) -> Verified<Entry> {
        let payload = Payload::Event(self.moment(text).encode());
        self.villain.entry(&self.world, &payload)
    }

    fn both_see_the_fork(&self) {
        self.both_noticed(|incident| matches!(incident, Incident::Fork { .. }));
    }
}

const DOCUMENT: DocumentId = DocumentId::from_bytes([0x77; 16]);

#[test]
fn two_events_in_one_place_are_both_kept_and_shown_as_disputed() {
    let mut siege = Siege::new("equivocation");
    let (one, two) = (siege.said("I was at home"), siege.said("I was out"));
    siege.villain.send(&mut siege.world, &one);
    siege.settle();
    siege.villain.send(&mut siege.world, &two);
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        let lines = siege.world.node(device).session().timeline().unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.opening.marks.contains(&Mark::Disputed)), "{lines:?}");
    }
    siege.both_see_the_fork();
    siege.life_goes_on();
}

#[test]
fn a_change_behind_a_fork_does_not_count_however_it_arrives() {
    let mut siege = Siege::new("forked-change");
    let (one, two) = (siege.change(DOCUMENT, "the one text"), siege.said("the other"));
    // The phone meets them one by one, the tablet both at once.
    siege.world.set_online(siege.tablet, false);
    siege.villain.send(&mut siege.world, &one);
    siege.settle();
    assert_eq!(siege.text(siege.phone, DOCUMENT).as_deref(), Some("the one text"));
    siege.villain.send(&mut siege.world, &two);
    siege.settle();
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    siege.both_see_the_fork();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.text(device, DOCUMENT), None, "device {device}");
        let agreements = siege.world.node(device).session().documents(DocumentKind::Agreement);
        assert!(agreements.unwrap().is_empty(), "device {device}");
    }
    siege.life_goes_on();
}

#[test]
fn two_changes_in_one_place_leave_what_stood_before_them() {
    let mut siege = Siege::new("forked-text");
    let agreed = siege.agreement(siege.phone, "agreed");
    let before = siege.change(DOCUMENT, "before the fork");
    siege.villain.send(&mut siege.world, &before);
    siege.settle();
    let other = DocumentId::from_bytes([0x78; 16]);
    let (one, two) = (siege.change(other, "one"), siege.change(other, "two"));
    siege.villain.send(&mut siege.world, &one);
    let later = siege.change(other, "later");
    siege.world.set_online(siege.tablet, false);
    siege.villain.send(&mut siege.world, &later);
    siege.settle();
    siege.villain.send_inner(&mut siege.world, &two.encode());
    siege.settle();
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    siege.both_see_the_fork();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.text(device, DOCUMENT).as_deref(), Some("before the fork"));
        assert_eq!(siege.text(device, agreed).as_deref(), Some("agreed"));
        assert_eq!(siege.text(device, other), None, "device {device}");
    }
    siege.life_goes_on();
    siege.edit(siege.tablet, agreed, "agreed, and more");
    siege.settle();
    assert_eq!(siege.text(siege.phone, agreed).as_deref(), Some("agreed, and more"));
}

#[test]
fn e5_what_was_acknowledged_before_the_fork_stays_and_so_does_what_was_written_upon_it() {
    let mut siege = Siege::new("upon");
    let (one, two) = (siege.change(DOCUMENT, "theirs"), siege.said("the other"));
    siege.villain.send(&mut siege.world, &one);
    siege.settle();
    siege.edit(siege.phone, DOCUMENT, "theirs and mine");
    siege.settle();
    siege.villain.send(&mut siege.world, &two);
    siege.settle();
    siege.both_see_the_fork();
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.text(device, DOCUMENT).as_deref(), Some("theirs and mine"));
    }
    siege.life_goes_on();
    siege.edit(siege.tablet, DOCUMENT, "theirs and mine and more");
    siege.settle();
    assert_eq!(siege.text(siege.phone, DOCUMENT).as_deref(), Some("theirs and mine and more"));
}

fn marks(siege: &Siege, device: usize) -> Vec<Vec<Mark>> {
    let lines = siege.world.node(device).session().timeline().unwrap();
    lines.into_iter().map(|line| line.opening.marks).collect()
}

#[test]
fn e5_nobody_unsays_what_the_other_had_acknowledged_and_a_forked_chain_says_nothing_more() {
    let mut siege = Siege::new("unsay");
    let (one, two) = (siege.said("I was at home"), siege.said("I was out"));
    siege.villain.send(&mut siege.world, &one);
    let later = siege.said("and nobody called");
    siege.villain.send(&mut siege.world, &later);
    siege.settle();
    // The phone answers: its entry names what it had heard.
    siege.tell(siege.phone, "I heard you");
    siege.settle();
    siege.world.set_online(siege.tablet, false);
    siege.villain.send_inner(&mut siege.world, &two.encode());
    siege.settle();
    let last = siege.said("what I say now");
    siege.villain.send(&mut siege.world, &last);
    siege.settle();
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    siege.both_see_the_fork();
    for device in [siege.phone, siege.tablet] {
        let marks = marks(&siege, device);
        let disputed = marks.iter().filter(|marks| marks.contains(&Mark::Disputed)).count();
        assert_eq!((marks.len(), disputed), (5, 2), "device {device}: {marks:?}");
    }
    siege.life_goes_on();
}

#[test]
fn c4_a_dependency_outside_the_entrys_past_is_void_on_every_device_alike() {
    let mut siege = Siege::new("past");
    let agreed = siege.agreement(siege.phone, "seen by all");
    siege.world.run_until_idle(crate::siege::A_WHILE);
    // The villain knows of the change and builds on it, but its entry says it has not seen it.
    let mut blind = siege.villain.chains.clone();
    siege.villain.listen(&mut siege.world);
    let raw = siege.villain.heard.iter().rev().find_map(|entry| {
        let payload = Payload::decode(entry.header.kind, &entry.payload).ok()?;
        let Payload::Changes(documents) = payload else { return None };
        documents.first().and_then(|document| document.changes.first().cloned())
    });
    let raw = raw.expect("the phone's change");
    let dep = reknit_core::entry::change_hash(&raw).unwrap();
    let max_op = automerge::Change::from_bytes(raw).unwrap().max_op();
    let header = ChangeHeader {
        actor: siege.villain.actor(agreed),
        seq: 1,
        start_op: max_op + 1,
        deps: vec![dep],
    };
    let change = RawChange::new(header.actor, 1, header.start_op, &[Op::put(None, "note")]);
    let change = RawChange { deps: header.deps, ..change }.build();
    let changes = DocumentChanges { document: agreed, kind: 2, changes: vec![change] };
    std::mem::swap(&mut blind, &mut siege.villain.chains);
    let entry = siege.villain.entry(&siege.world, &Payload::Changes(vec![changes.clone()]));
    std::mem::swap(&mut blind, &mut siege.villain.chains);
    siege.world.set_online(siege.tablet, false);
    siege.villain.send(&mut siege.world, &entry);
    siege.settle();
    siege.world.set_online(siege.tablet, true);
    siege.settle();
    let refused = |incident: &Incident| matches!(incident, Incident::RefusedChange { entry: it, .. } if *it == entry.id);
    siege.both_noticed(refused);
    assert_eq!(siege.incidents(siege.phone), siege.incidents(siege.tablet));
    siege.life_goes_on();
    // The same change in an entry that says what it has seen counts.
    let good = siege.villain.entry(&siege.world, &Payload::Changes(vec![changes]));
    siege.villain.send(&mut siege.world, &good);
    siege.settle();
    assert_eq!(siege.incidents(siege.phone), siege.incidents(siege.tablet));
    assert!(
        !siege
            .incidents(siege.phone)
            .iter()
            .any(|it| matches!(it, Incident::RefusedChange { entry, .. } if *entry == good.id))
    );
}
