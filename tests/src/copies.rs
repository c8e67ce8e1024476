//! Disks that are copied and put back: yesterday's copy of a phone, and two phones from one image.

use crate::device::Device;
use crate::disk::{self, Disk};
use crate::world::{DeviceIndex, World};
use reknit_core::client::{MemoryDisk, Notice, Session};
use reknit_core::membership::SpaceKind;
use reknit_core::model::id::EntryId;
use std::collections::BTreeSet;

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
