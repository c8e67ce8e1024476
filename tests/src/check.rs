//! The invariants, each a function that panics with the letter and number under which it is promised.

use crate::canary::{self, Scanner};
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
use wire::id::SpaceHandle;

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
    fn sessions(&self) -> Vec<(DeviceIndex, &Session)> {
        (0..self.devices.len()).map(|device| (device, self.node(device).session())).collect()
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
        for (device, proofs) in proofs.iter().enumerate() {
            let again = self.reopened(device);
            self.c7_what_is_shown_is_what_the_disk_holds(device, proofs, &again);
            self.check_held(device, &again);
        }
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
        self.d7_an_entry_leaves_the_outbox_only_for_a_receipt(device, session.device());
    }

    fn c1_every_device_holds_and_shows_the_same(&self) {
        let sessions = self.sessions();
        let views: Vec<[String; 2]> = sessions
            .iter()
            .map(|(_, session)| [false, true].map(|private| view(session, private)))
            .collect();
        for shared in STORES {
            for (one, other) in self.sharing(shared) {
                let entries = |device: DeviceIndex| self.devices[device].disk.entries(shared);
                let (a, b) = (entries(one), entries(other));
                assert_eq!(a.len(), b.len(), "C1: entries of {one} and {other}, shared {shared}");
                assert_eq!(a, b, "C1: entries of {one} and {other}, shared {shared}");
                let shown = |device: DeviceIndex| &views[device][usize::from(!shared)];
                assert_eq!(shown(one), shown(other), "C1: views of {one} and {other}");
            }
        }
        for (device, session) in self.sessions() {
            for report in session.report().expect("a report") {
                let settled = (report.unsent, report.waiting, report.aside);
                assert_eq!(settled, (0, 0, 0), "C1: rest of {device} in {:?}", report.kind);
                assert!(report.member, "C1: {device} is in");
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
                    let proof = proofs[device].iter().find(|of| of.kind == kind).expect("a space");
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

    fn c7_what_is_shown_is_what_the_disk_holds(
        &self,
        device: DeviceIndex,
        proofs: &[Verification],
        again: &Session,
    ) {
        let session = self.node(device).session();
        assert_eq!(view(session, true), view(again, true), "C7: device {device}");
        assert_eq!(proofs, again.verify().expect("a proof"), "C7: device {device}");
        let whole = proofs.iter().all(|proof| proof.broken == 0);
        assert!(whole, "D2: all that is held verifies on {device}");
    }

    fn d1_what_was_answered_for_is_on_the_disk(&self, device: DeviceIndex) {
        let device = &self.devices[device];
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

    /// The entries that the relay holds of each space, in its order.
    fn at_relay(&self) -> BTreeMap<SpaceHandle, Vec<EntryId>> {
        let spaces: BTreeSet<SpaceHandle> = self.sealed.values().map(|(sid, _)| *sid).collect();
        let of = |sid: SpaceHandle| {
            let envelopes = disk::envelopes(&self.host.disk, sid.as_bytes());
            let entry = |id| self.sealed.get(&id).expect("sent by a device").1;
            (sid, envelopes.into_iter().map(|(_, id)| entry(id)).collect())
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
                let (_, entry) = self.sealed.get(&id).expect("sent by a device");
                let there = n > report.position || entries.contains(entry) || kept.contains(&id);
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
            for (entry, stand) in disk.places(shared) {
                let safe = queued.contains(&entry)
                    || receipted.contains(&entry)
                    || placed.contains(&entry);
                assert!(stand.device != own || safe, "D7: an own entry is on no way to the relay");
            }
        }
    }

    fn d7_the_relay_holds_each_chain_in_its_order(&self) {
        let places: BTreeMap<_, _> = (0..self.devices.len())
            .flat_map(|device| STORES.map(|shared| self.devices[device].disk.places(shared)))
            .flatten()
            .collect();
        for (sid, entries) in self.at_relay() {
            let mut newest = BTreeMap::new();
            for entry in &entries {
                let stand = places[entry];
                let before = newest.entry(stand.device).or_insert(0);
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

    fn s1_no_word_is_readable_at_the_relay_or_on_a_disk(&self) {
        let scanner = Scanner::new(&[("text", canary::word(0))]);
        let found = |bytes: &[u8]| !scanner.find_plain("here", bytes).is_empty();
        let (_, session) = self.sessions()[0];
        assert!(found(view(session, true).as_bytes()), "S1: the scanner finds what is shown");
        for heard in self.heard.iter().flatten() {
            assert!(!found(heard), "S1: the relay heard a word");
        }
        for row in disk::relay_dump(&self.host.disk) {
            assert!(!found(&row), "S1: a word is in the relay's store");
        }
        for device in &self.devices {
            let mut rows = device.disk.dump().into_iter();
            assert!(!rows.any(|row| found(&row)), "S1: a word is on a locked disk");
        }
    }

    fn e1_whoever_was_told_another_history_reports_it(&mut self) {
        let broken = self.broken_words();
        self.tally.broken_words += broken.len() as u64;
        for word in broken {
            let session = self.node(word.device).session();
            let report = session.report().expect("a report").into_iter();
            let kind =
                report.filter(|report| report.sid == word.sid).map(|report| report.kind).next();
            let kind = kind.expect("a space of this device");
            let incidents = session.incidents().expect("incidents");
            let mut own = incidents.iter().filter(|(of, _)| *of == kind);
            let said = own.any(|(_, incident)| incident.code().starts_with("relay."));
            assert!(said, "E1: {word:?} was told differently later, and nobody says so");
        }
    }

    fn e2_nothing_is_reported_among_honest_people(&self) {
        for (device, session) in self.sessions() {
            for (kind, incident) in session.incidents().expect("incidents") {
                let forgot = incident.code().starts_with("relay.") && self.host.wiped;
                assert!(forgot, "E2: device {device} reports {incident:?} in {kind:?}");
            }
        }
    }

    fn e3_the_author_shown_is_the_signer(&self) {
        let persons: BTreeMap<DeviceId, PersonId> = self
            .sessions()
            .iter()
            .map(|(_, session)| (session.device(), session.person()))
            .collect();
        for (device, session) in self.sessions().into_iter().filter(|(_, s)| s.is_paired()) {
            let places = self.devices[device].disk.places(true);
            for card in session.cards().expect("cards") {
                for step in card.steps.iter().chain([&card.opening]) {
                    let signer = persons[&places[&step.id].device];
                    assert_eq!(step.by, signer, "E3: device {device}");
                }
            }
        }
    }
}
