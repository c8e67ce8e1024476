//! The invariants of secrecy, evidence and autonomy, each a function that panics with the letter and number under
//! which it is promised.

use crate::canary::{self, Scanner};
use crate::check::view;
use crate::disk::{self, STORES};
use crate::world::{DeviceIndex, World};
use reknit_core::client::{Node, Session};
use reknit_core::model::id::{DeviceId, EntryId, PersonId};
use std::collections::BTreeMap;
use wire::frame::Frame;
use wire::hash::envelope_id;

/// Entries that may wait for others, in a space.
const WAITING_MAX: u64 = 10_000;
/// Envelopes that may be set aside.
const ASIDE_MAX: u64 = 10_000;
/// Where the salt of an envelope stands: after version, suite, class, flags and epoch.
const SALT: std::ops::Range<usize> = 8..32;

impl World {
    pub(crate) fn s1_no_word_is_readable_at_the_relay_or_on_a_disk(&self) {
        let scanner = Scanner::new(&[("text", canary::word(0))]);
        let found = |bytes: &[u8]| !scanner.find_plain("here", bytes).is_empty();
        let mut shown = self.sessions().into_iter().map(|(_, session)| view(session, true));
        let lies = self.devices.iter().any(|device| device.taken.is_some());
        let seen = shown.any(|shown| found(shown.as_bytes()));
        // Who kept drafts, and dropped them, has nothing to show.
        let silent = self.tally.edits() <= 2 * self.tally.drafts;
        assert!(seen || lies || silent, "S1: the scanner finds what is shown");
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

    pub(crate) fn e1_whoever_was_told_another_history_reports_it(&mut self) {
        let mut broken = self.broken_words();
        broken.retain(|word| self.devices[word.device].taken.is_none());
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

    pub(crate) fn e2_nothing_is_reported_among_honest_people(&self) {
        if self.devices.iter().any(|device| device.taken.is_some()) {
            return;
        }
        for (device, session) in self.sessions() {
            for (kind, incident) in session.incidents().expect("incidents") {
                let code = incident.code();
                let forgot = code.starts_with("relay.") && self.host.wiped;
                // Two changes in one place of a chain are two with one number in a document: one of them is refused.
                let twice = ["entry.fork", "doc.refused"].contains(&code) && !self.is_one_of_each();
                let copies = ["device.restored", "device.copied"].contains(&code) || twice;
                let copied = self.copied && copies;
                assert!(forgot || copied, "E2: device {device} reports {incident:?} in {kind:?}");
            }
        }
    }

    pub(crate) fn e3_the_author_shown_is_the_signer(&self) {
        let persons: BTreeMap<DeviceId, PersonId> = self
            .sessions()
            .iter()
            .map(|(_, session)| (session.device(), session.person()))
            .chain(self.devices.iter().filter_map(|device| device.taken))
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

    /// Keeps in mind what is on a device's disk.
    pub(crate) fn note_held(&mut self, device: DeviceIndex) {
        let device = &mut self.devices[device];
        if !device.copied {
            for shared in STORES {
                device.held[usize::from(shared)].extend(device.disk.entries(shared));
            }
        }
    }

    /// Keeps in mind what a device sends, by its place in its chain.
    pub(crate) fn note_sent(&mut self, device: DeviceIndex, entry: EntryId) {
        let disk = &self.devices[device].disk;
        let place = |shared| Some((shared, disk.place_of(shared, entry)?));
        let stand = STORES.into_iter().find_map(place);
        if let Some(place) = stand {
            self.sent.entry(place).or_default().insert(entry);
        }
    }

    /// D6: a place in a chain is signed for one content. Copies of one device that cannot know of each other may break
    /// it; then everybody sees both.
    pub(crate) fn d6_each_place_is_signed_for_once(&self) {
        for ((_, stand), entries) in self.sent.iter().filter(|(_, entries)| entries.len() > 1) {
            assert!(self.copied, "D6: {} contents for {stand:?}", entries.len());
            for (device, session) in self.sessions() {
                let held = STORES.map(|shared| self.devices[device].disk.entries(shared));
                let here = held.iter().filter(|held| held.is_superset(entries)).count();
                let incidents = session.incidents().expect("incidents");
                let mut codes = incidents.iter().map(|(_, incident)| incident.code());
                assert!(here == 0 || codes.any(|code| code == "entry.fork"), "F21: on {device}");
            }
        }
    }

    pub(crate) fn e5_what_was_held_once_is_held(&self, device: DeviceIndex) {
        let device = &self.devices[device];
        for shared in STORES {
            let now = device.disk.entries(shared);
            let lost = device.held[usize::from(shared)].difference(&now).next();
            assert_eq!(lost, None, "E5: an entry that was held is gone");
        }
    }

    /// "Synced" is only said when all is sent, with receipts, and all that the relay holds is here.
    pub(crate) fn e4_what_calls_itself_synced_is(&self) {
        for (device, session) in self.sessions() {
            assert!(self.devices[device].node.as_ref().is_some_and(Node::is_idle), "E4: {device}");
            for report in session.report().expect("a report") {
                let log = disk::envelopes(&self.host.disk, report.sid.as_bytes());
                let newest = log.last().map_or(0, |(n, _)| *n);
                let there = (report.store, report.position, report.unsent);
                assert_eq!(there, (self.host.store(), newest, 0), "E4: {device}");
            }
            let lies = self.devices.iter().any(|device| device.taken.is_some());
            assert!(lies || session.tickets().is_empty(), "E4: {device} has a gap");
        }
    }

    /// A1: whatever the other's keys signed, all devices of a person are in, in both spaces.
    pub(crate) fn a1_every_own_device_is_in(&self) {
        let sessions = self.sessions();
        for (device, session) in &sessions {
            let own = sessions.iter().filter(|(_, of)| of.person() == session.person());
            let mut own: Vec<DeviceId> = own.map(|(_, of)| of.device()).collect();
            own.sort_unstable();
            own.dedup();
            for report in session.report().expect("a report") {
                assert_eq!(report.own_devices, own.len(), "A1: {device} in {:?}", report.kind);
            }
        }
    }

    pub(crate) fn l4_what_waits_stays_within_its_bounds(session: &Session) {
        for report in session.report().expect("a report") {
            let within = report.waiting <= WAITING_MAX && report.aside <= ASIDE_MAX;
            assert!(within, "L4: {} wait, {} aside", report.waiting, report.aside);
        }
    }

    /// S5: no two envelopes of a space and epoch begin with one salt, and the salt makes their key and nonce.
    pub(crate) fn s5_no_salt_comes_twice(&mut self, frame: &Frame) {
        let Frame::Push { sid, envelope } = frame else { return };
        let (head, salt) = (&envelope[..SALT.start], &envelope[SALT]);
        let salt = (*sid, [head, salt].concat());
        let id = envelope_id(envelope);
        let first = *self.salts.entry(salt).or_insert(id);
        assert_eq!(first, id, "S5: one key and nonce for two envelopes");
    }
}
