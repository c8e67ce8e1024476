//! The invariants, each a function that panics with the letter and number under which it is promised.

use crate::disk::{self, STORES};
use crate::random::Seeded;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Session, Verification};
use reknit_core::document::DocumentKind;
use reknit_core::membership::SpaceKind;
use reknit_core::model::fold;
use reknit_core::model::id::{DeviceId, EntryId, PersonId};
use reknit_core::view::Card;
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{EnvelopeId, SpaceHandle};

/// Every list and text of a session, as the bytes that an app would print.
pub fn view(session: &Session, private: bool) -> String {
    let mut shown = Vec::new();
    if session.is_paired() {
        shown.push(serde_json::to_string(&session.timeline().expect("a timeline")).expect("JSON"));
        shown.push(serde_json::to_string(&session.open_list(None).expect("a list")).expect("JSON"));
        shown.push(texts(session, DocumentKind::Agreement));
    }
    if private {
        shown.push(texts(session, DocumentKind::Journal));
    }
    shown.join("\n")
}

fn texts(session: &Session, kind: DocumentKind) -> String {
    let cards = session.documents(kind).expect("documents");
    let mut texts: Vec<String> = cards
        .iter()
        .map(|card| {
            let (_, fields) = session.document(card.id).expect("a listed document opens");
            format!(
                "{card:?} {} {} {:?} {:?}",
                fields.title, fields.text, fields.tags, fields.at_ms
            )
        })
        .collect();
    texts.sort();
    texts.join("\n")
}

impl World {
    pub(crate) fn sessions(&self) -> Vec<(DeviceIndex, &Session)> {
        self.honest().into_iter().map(|device| (device, self.node(device).session())).collect()
    }

    /// Pairs of devices that hold the same space.
    fn sharing(&self, shared: bool) -> Vec<(DeviceIndex, DeviceIndex)> {
        let first_of = |person: PersonId| {
            self.sessions().into_iter().find(|(_, session)| shared || session.person() == person)
        };
        let others = self.sessions().into_iter().filter_map(|(device, session)| {
            let (first, _) = first_of(session.person())?;
            (first != device).then_some((first, device))
        });
        others.collect()
    }

    /// Every invariant that holds once all is quiet.
    pub fn check_all(&mut self, dice: &mut Seeded) {
        self.check_quiet();
        self.c2_a_record_is_the_same_in_whatever_order_it_was_told(dice);
        self.c4_the_same_entries_are_refused_everywhere();
        let proofs: Vec<Vec<Verification>> = self
            .sessions()
            .into_iter()
            .map(|(_, session)| session.verify().expect("a proof"))
            .collect();
        self.c3_the_control_log_folds_to_the_same_members(&proofs);
        let again_at = *dice.pick(&self.honest());
        for ((device, _), proofs) in self.sessions().iter().zip(&proofs) {
            let whole = proofs.iter().all(|proof| proof.broken == 0);
            assert!(whole, "D2: all that is held verifies on {device}");
        }
        for device in self.honest() {
            self.note_held(device);
        }
        // Opening a vault is dear: one of them, another one in each run.
        let again = self.reopened(again_at);
        self.c7_what_is_shown_is_what_the_disk_holds(again_at, &again);
        for (device, session) in self.sessions() {
            self.check_held(device, session);
        }
        self.d6_each_place_is_signed_for_once();
        self.e4_what_calls_itself_synced_is();
        self.a1_every_own_device_is_in();
        self.l2_a_key_that_was_asked_for_is_there();
        self.s1_no_word_is_readable_at_the_relay_or_on_a_disk();
        self.e1_whoever_was_told_another_history_reports_it();
        self.e3_the_author_shown_is_the_signer();
    }

    /// What must be so whenever all is quiet, cheap to look at.
    pub fn check_quiet(&self) {
        self.c1_every_device_holds_and_shows_the_same();
        self.d4_the_relay_holds_every_entry_again();
        self.d7_the_relay_holds_each_chain_in_its_order();
        self.e2_nothing_is_reported_among_honest_people();
    }

    /// The invariants of one disk, at any time; the program need not run.
    pub(crate) fn check_held(&self, device: DeviceIndex, session: &Session) {
        self.d1_what_was_answered_for_is_on_the_disk(device);
        self.d2_nothing_is_half_written(device, session);
        self.d5_all_before_the_cursor_is_on_the_disk(device, session);
        self.e5_what_was_held_once_is_held(device);
        self.check_typed(device, session);
        Self::l4_what_waits_stays_within_its_bounds(session);
        self.d7_an_entry_leaves_the_outbox_only_for_a_receipt(device, session.device());
    }

    fn c1_every_device_holds_and_shows_the_same(&self) {
        let sessions = self.sessions();
        let views: BTreeMap<DeviceIndex, [String; 2]> = sessions
            .iter()
            .map(|(at, session)| (*at, [false, true].map(|private| view(session, private))))
            .collect();
        for shared in STORES {
            for (one, other) in self.sharing(shared) {
                let entries = |device: DeviceIndex| self.devices[device].disk.entries(shared);
                let (a, b) = (entries(one), entries(other));
                let place = |entry: &EntryId| {
                    let at =
                        |device: DeviceIndex| self.devices[device].disk.place_of(shared, *entry);
                    (a.contains(entry), at(one).or_else(|| at(other)))
                };
                let lacking: Vec<_> = a.symmetric_difference(&b).map(place).collect();
                assert!(a == b, "C1: entries of {one} and {other}, shared {shared}: {lacking:?}");
                let shown = |device: DeviceIndex| &views[&device][usize::from(!shared)];
                assert_eq!(shown(one), shown(other), "C1: views of {one} and {other}");
            }
        }
        for (device, session) in self.sessions() {
            for report in session.report().expect("a report") {
                assert_eq!(report.unsent, 0, "C1: {device} has sent all: {report:?}");
                let rest = (report.waiting, report.aside);
                let lies = self.devices.iter().any(|it| it.taken.is_some());
                assert!(
                    lies || rest == (0, 0),
                    "C1: rest of {device} in {:?}: {rest:?}",
                    report.kind
                );
                assert!(report.member, "C1: {device} is in");
            }
        }
    }

    /// The epoch of a space that a device is in.
    pub(crate) fn epoch_on(&self, device: DeviceIndex, kind: SpaceKind) -> Option<u32> {
        let reports = self.node(device).session().report().expect("a report");
        reports.into_iter().find(|report| report.kind == kind).map(|report| report.epoch)
    }

    /// A new key that was asked for is made, whoever won the places in the control log. What a restored phone had asked
    /// for may be lost with its disk, and what a relay forgot may come together under another number.
    fn l2_a_key_that_was_asked_for_is_there(&self) {
        if self.copied || self.host.wiped || self.devices.iter().any(|it| it.taken.is_some()) {
            return;
        }
        for (by, kind, before) in &self.renewals {
            let sessions = self.sessions().into_iter();
            let holds = |of: &Session| *kind == SpaceKind::Shared || of.person() == *by;
            for (device, _) in sessions.filter(|(_, session)| holds(session)) {
                let epoch = self.epoch_on(device, *kind);
                assert!(epoch > Some(*before), "L2: {device} has no key after {before}, {kind:?}");
            }
        }
    }

    fn c2_a_record_is_the_same_in_whatever_order_it_was_told(&self, dice: &mut Seeded) {
        let (_, session) = self.sessions()[0];
        let cards = if session.is_paired() { session.cards().expect("cards") } else { Vec::new() };
        for card in cards.iter().filter(|card| !card.steps.is_empty()).take(4) {
            let mut told = session.told(card.record).expect("events");
            for _ in 0..20 {
                for at in (1..told.len()).rev() {
                    let with = usize::try_from(dice.below(at as u64 + 1)).expect("an index");
                    told.swap(at, with);
                }
                let mut doubled = told.clone();
                doubled.push(told[0].clone());
                let record = fold(&doubled).expect("a record");
                let again = Card::new(&record).expect("a card");
                assert_eq!(again.encode(), card.encode(), "C2: a card depends on the order");
            }
        }
    }

    fn c3_the_control_log_folds_to_the_same_members(&self, proofs: &[Vec<Verification>]) {
        for shared in STORES {
            for (one, other) in self.sharing(shared) {
                let items = |device: DeviceIndex| self.devices[device].disk.control(shared);
                let (a, b) = (items(one), items(other));
                assert_eq!(a.len(), b.len(), "C3: control items of {one} and {other}");
                assert!(a == b, "C3: control items of {one} and {other}");
                let kind = if shared { SpaceKind::Shared } else { SpaceKind::Private };
                let state = |device: DeviceIndex| {
                    let at = self.honest().iter().position(|it| *it == device).expect("honest");
                    let proof = proofs[at].iter().find(|of| of.kind == kind).expect("a space");
                    let report = self.node(device).session().report().expect("a report");
                    let report = report.into_iter().find(|of| of.kind == kind).expect("a space");
                    (proof.control, proof.members, report.epoch)
                };
                assert_eq!(state(one), state(other), "C3: members of {one} and {other}");
            }
        }
    }

    fn c4_the_same_entries_are_refused_everywhere(&self) {
        for shared in STORES {
            for (one, other) in self.sharing(shared) {
                let refused = |device: DeviceIndex| self.devices[device].disk.refused(shared);
                assert_eq!(refused(one), refused(other), "C4: refused by {one} and {other}");
            }
        }
    }

    fn c7_what_is_shown_is_what_the_disk_holds(&self, device: DeviceIndex, again: &Session) {
        let session = self.node(device).session();
        assert_eq!(view(session, true), view(again, true), "C7: device {device}");
        let proofs = [session, again].map(|it| it.verify().expect("a proof"));
        assert_eq!(proofs[0], proofs[1], "C7: device {device}");
    }

    fn d1_what_was_answered_for_is_on_the_disk(&self, device: DeviceIndex) {
        let device = &self.devices[device];
        if device.copied {
            // Its own are taken back where another of its name stands, and told again: see what was said.
            return;
        }
        let held = STORES.map(|shared| device.disk.places(shared));
        for ((shared, entry), stand) in &device.acknowledged {
            let there = held[usize::from(*shared)].get(entry);
            assert_eq!(there, Some(stand), "D1: an answered command is gone");
        }
    }

    fn d2_nothing_is_half_written(&self, device: DeviceIndex, session: &Session) {
        let disk = &self.devices[device].disk;
        for shared in STORES {
            let placed: BTreeSet<EntryId> = disk.places(shared).into_keys().collect();
            assert_eq!(placed, disk.entries(shared), "D2: each entry has its place");
            assert!(disk.told(shared).is_subset(&placed), "D2: each event has its entry");
        }
        if session.is_paired() {
            let entries = disk.entries(true);
            for card in session.cards().expect("cards") {
                let steps = card.steps.iter().chain([&card.opening]);
                let whole = steps.clone().all(|step| entries.contains(&step.id));
                assert!(whole, "D2: what is shown was told");
            }
        }
    }

    fn d4_the_relay_holds_every_entry_again(&self) {
        let held: BTreeSet<EntryId> = self.at_relay().into_values().flatten().collect();
        for (device, _) in self.sessions() {
            for shared in STORES {
                let entries = self.devices[device].disk.entries(shared);
                assert!(entries.is_subset(&held), "D4: {device} holds what the relay does not");
            }
        }
    }

    /// Which entry lies in an envelope; none in what a hostile partner made of nothing.
    fn entry_in(&self, id: EnvelopeId) -> Option<EntryId> {
        let entry = self.sealed.get(&id).map(|(_, entry)| *entry);
        let lies = self.devices.iter().any(|device| device.taken.is_some());
        assert!(entry.is_some() || lies, "an envelope at the relay that nobody sent");
        entry
    }

    /// The entries that the relay holds of each space, in its order.
    fn at_relay(&self) -> BTreeMap<SpaceHandle, Vec<EntryId>> {
        let spaces: BTreeSet<SpaceHandle> = self.sealed.values().map(|(sid, _)| *sid).collect();
        let of = |sid: SpaceHandle| {
            let envelopes = disk::envelopes(&self.host.disk, sid.as_bytes());
            let entry = |(_, id): (u64, EnvelopeId)| self.entry_in(id);
            (sid, envelopes.into_iter().filter_map(entry).collect())
        };
        spaces.into_iter().map(of).collect()
    }

    fn d5_all_before_the_cursor_is_on_the_disk(&self, device: DeviceIndex, session: &Session) {
        if self.twisted {
            // Positions may be those of a log that the relay shows no more.
            return;
        }
        let disk = &self.devices[device].disk;
        for report in session.report().expect("a report") {
            if report.store != self.host.store() {
                // It counts in a log that is no more.
                continue;
            }
            let shared = report.kind == SpaceKind::Shared;
            let (entries, kept) = (disk.entries(shared), disk.kept(shared));
            for (n, id) in disk::envelopes(&self.host.disk, report.sid.as_bytes()) {
                let known = self.entry_in(id).is_some_and(|entry| entries.contains(&entry));
                let there = n > report.position || known || kept.contains(&id);
                assert!(there, "D5: {device} counts position {n} and does not have it");
            }
        }
    }

    fn d7_an_entry_leaves_the_outbox_only_for_a_receipt(&self, device: DeviceIndex, own: DeviceId) {
        let disk = &self.devices[device].disk;
        for shared in STORES {
            let queued: BTreeSet<EntryId> =
                disk.outbox(shared).into_iter().map(|(entry, _)| entry).collect();
            let (receipted, placed) = (disk.receipted(shared), disk.placed(shared));
            // Until a relay that forgot has all again, all that it lacks goes there, also what waits in no outbox yet.
            let all_goes = disk.brings_all_back(shared);
            for (entry, stand) in disk.places(shared) {
                let safe = queued.contains(&entry)
                    || receipted.contains(&entry)
                    || placed.contains(&entry)
                    || all_goes;
                assert!(stand.device != own || safe, "D7: an own entry is on no way to the relay");
            }
        }
    }

    fn d7_the_relay_holds_each_chain_in_its_order(&self) {
        let places: BTreeMap<_, _> = self
            .honest()
            .into_iter()
            .flat_map(|device| STORES.map(|shared| self.devices[device].disk.places(shared)))
            .flatten()
            .collect();
        for (sid, entries) in self.at_relay() {
            let mut newest = BTreeMap::new();
            for entry in &entries {
                // What was refused, or waits, stands in no chain.
                let Some(stand) = places.get(entry) else { continue };
                let before = newest.entry((stand.device, stand.inc)).or_insert(0);
                assert!(
                    stand.seq <= *before + 1,
                    "D7: entry {} of {:?} came after {before} in {sid:?}",
                    stand.seq,
                    stand.device
                );
                *before = stand.seq.max(*before);
            }
        }
    }
}
