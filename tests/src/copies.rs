//! Disks that are copied and put back: yesterday's copy of a phone, and two phones from one image.

use crate::device::Device;
use crate::disk::Disk;
use crate::world::{DeviceIndex, World};
use reknit_core::client::{MemoryDisk, Notice};

impl World {
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
        self.devices.push(twin);
        self.devices.len() - 1
    }
}
