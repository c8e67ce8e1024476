//! Disks that are copied and put back: yesterday's copy of a phone, and two phones from one image.

use crate::device::Device;
use crate::disk::{self, Disk};
use crate::world::{DeviceIndex, World};
use reknit_core::client::{MemoryDisk, Notice, Session};
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::EntryId;
use reknit_core::model::{Head, Told};
use std::collections::{BTreeMap, BTreeSet};

/// Incarnations from which on a copy that another has passed over takes no new words.
pub const TURNS_MAX: u16 = 16;

impl World {
    /// Puts a copy of a device's disk aside, or brings the one put aside back in place of the newest, and runs on. What
    /// only the newest disk held is lost.
    pub fn restore(&mut self, device: DeviceIndex) {
        let Some(earlier) = self.devices[device].earlier.take() else {
            self.devices[device].disk.mend();
            self.devices[device].earlier = Some(self.copy_of(device));
            return;
        };
        self.tally.restores += 1;
        self.confirmed.retain(|word| word.device != device);
        self.disturbed(device);
        self.put_back(device, earlier);
        let elsewhere = self.entries_elsewhere();
        self.said.retain(|said| elsewhere.contains(&said.id));
        let session = self.reopened(device);
        self.settle_typed(device, &session);
        self.start(device, session);
    }

    /// A second device of the same name begins to run beside the first, from a copy of its disk.
    pub fn clone_device(&mut self, device: DeviceIndex) -> DeviceIndex {
        self.devices[device].disk.mend();
        let twin = self.twin(device);
        self.tally.clones += 1;
        self.disturbed(device);
        self.disturbed(twin);
        self.restart(twin);
        self.set_online(twin, true);
        twin
    }

    /// Whether another copy of a device goes on in the shared space, after they took turns so often that a person has
    /// to decide which of them stays.
    pub fn is_given_up(&self, device: DeviceIndex) -> bool {
        let name = self.node(device).session().device();
        let incarnation = |(_, session): (DeviceIndex, &Session)| {
            let reports = session.report().expect("a report").into_iter();
            let shared = reports.filter(|report| report.kind == SpaceKind::Shared);
            shared.map(|report| report.incarnation).max().unwrap_or(0)
        };
        let all = || self.sessions().into_iter().filter(|(_, session)| session.device() == name);
        let newest = all().map(incarnation).max().unwrap_or(0);
        let own = all().filter(|(at, _)| *at == device).map(incarnation).max().unwrap_or(0);
        newest >= TURNS_MAX && own < newest
    }

    /// What the other person has said, as far as it counts on a device now. Looked at where phones were copied only: of
    /// no other is anything cut off.
    pub(crate) fn heard_on(&self, device: DeviceIndex) -> BTreeSet<EntryId> {
        let session = self.node(device).session();
        if !self.copied || !session.is_paired() {
            return BTreeSet::new();
        }
        let told = all_told(session).into_iter().map(|told| told.head);
        let counts = told.filter(|head| !head.cut_off && head.author != session.person());
        counts.map(|head| head.id).collect()
    }

    /// M6: what one had heard when they said something is not taken back by an end that the other gives to the chain of
    /// a copied phone. Where phones came back with an old disk, and none ran twice, nothing is cut off or disputed.
    pub(crate) fn nothing_heard_is_taken_back(&self) {
        let alone = self.is_one_of_each();
        for (device, session) in self.sessions().into_iter().filter(|(_, of)| of.is_paired()) {
            let told = all_told(session);
            let told: BTreeMap<EntryId, &Head> =
                told.iter().map(|told| (told.head.id, &told.head)).collect();
            let counts = |head: &&Head| !head.cut_off && !head.disputed;
            assert!(
                !alone || told.values().all(counts),
                "M6: some word does not count on {device}"
            );
            for said in self.said.iter().filter(|said| told.contains_key(&said.id)) {
                let mut heard = said.heard.iter().filter_map(|id| told.get(id));
                let kept = heard.all(|head| !head.cut_off);
                assert!(kept, "M6: what was heard is cut off on {device}");
            }
        }
    }

    /// Whether no two phones of one name ran, and a phone that came back with an old disk was told all that it had once
    /// said: by no relay that forgets, or shows some another log, or nothing new.
    pub(crate) const fn is_one_of_each(&self) -> bool {
        self.tally.clones == 0 && !self.host.wiped && self.tally.freezes == 0
    }

    /// What a device held may be taken back from now on and told again under other names.
    fn disturbed(&mut self, device: DeviceIndex) {
        self.copied = true;
        self.devices[device].copied = true;
        self.devices[device].held = [BTreeSet::new(), BTreeSet::new()];
    }

    /// The events that the relay holds.
    pub(crate) fn told_to_the_relay(&self) -> BTreeSet<EntryId> {
        let sent = self.sealed.iter().filter(|(id, _)| disk::holds(&self.host.disk, **id));
        sent.map(|(_, (_, entry))| *entry).collect()
    }

    /// What a relay held `before` and holds no more was lost where it was its last place: words of a phone that came
    /// back without them.
    pub(crate) fn lose_what_was_there_alone(&mut self, before: &BTreeSet<EntryId>) {
        let elsewhere = self.entries_elsewhere();
        self.said.retain(|said| elsewhere.contains(&said.id) || !before.contains(&said.id));
    }

    /// All that any disk holds, or the relay.
    fn entries_elsewhere(&self) -> BTreeSet<EntryId> {
        let disks = self.devices.iter().flat_map(|device| device.disk.entries(true));
        disks.chain(self.told_to_the_relay()).collect()
    }

    /// A copy of what is on a device's disk now.
    pub fn copy_of(&mut self, device: DeviceIndex) -> MemoryDisk {
        self.counter += 1;
        let name = format!("{}-copy-{}", self.name, self.counter);
        self.devices[device].files.copy(&name).expect("a copy")
    }

    /// The device's process dies and its disk is the copy from now on. It does not run.
    pub fn put_back(&mut self, device: DeviceIndex, copy: MemoryDisk) {
        self.devices[device].node = None;
        self.drop_wire(device);
        let Device { files, disk, notices, acknowledged, .. } = &mut self.devices[device];
        *disk = Disk::new(&copy);
        *files = copy;
        notices.push_back(Notice::PairingEnded("crash"));
        // What the copy does not hold, nobody can ask of it.
        acknowledged.retain(|(shared, entry), _| disk.entries(*shared).contains(entry));
    }

    /// Another device with the same keys and the same disk. It does not run and is not online.
    pub fn twin(&mut self, device: DeviceIndex) -> DeviceIndex {
        let files = self.copy_of(device);
        let random = self.random.fork();
        let mut twin = Device::new(files, None, random);
        twin.online = false;
        twin.acknowledged.clone_from(&self.devices[device].acknowledged);
        twin.typed.clone_from(&self.devices[device].typed);
        self.devices.push(twin);
        self.devices.len() - 1
    }
}

/// All that was told of all records, as a device holds it.
fn all_told(session: &Session) -> Vec<Told> {
    let records = session.cards().expect("cards").into_iter().map(|card| card.record);
    records.flat_map(|record| session.told(record).expect("events")).collect()
}
