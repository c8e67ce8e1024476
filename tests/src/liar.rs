//! A relay that lies: keeps two logs, shows some devices nothing new, or goes back to an old copy of its disk.
//!
//! What a device had stored of a log, with the running hash that the relay signed for, is noted before the lie ends.
//! If the log that all see afterwards holds another hash there, the device must have reported it.

use crate::disk;
use crate::host::Host;
use crate::world::{DeviceIndex, World};
use std::collections::BTreeSet;
use wire::id::{SpaceHandle, StoreId};

/// A second log that a lying relay shows to some of the devices.
#[derive(Debug)]
pub struct Shadow {
    pub(crate) host: Host,
    /// Who sees it.
    pub devices: BTreeSet<DeviceIndex>,
    /// They are given no answer to what they push: for them nothing happens any more.
    pub frozen: bool,
    pub(crate) connections: BTreeSet<reknit_relay::protocol::ConnectionId>,
}

/// A copy of the relay's disk, to go back to.
#[derive(Debug)]
pub struct Backup {
    disk: rusqlite::Connection,
    store: StoreId,
}

/// What a device holds as confirmed by a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confirmed {
    /// Who.
    pub device: DeviceIndex,
    /// In which space.
    pub sid: SpaceHandle,
    /// In which store.
    pub store: StoreId,
    /// Up to which position.
    pub n: u64,
    /// With which running hash there.
    pub running: [u8; 32],
}

impl World {
    /// The relay forgets all, whoever holds what: devices that write different control items in one place then come
    /// together again. Not beside a hostile partner: nobody brings their lies back, for whoever comes later to meet.
    pub fn forget(&mut self) {
        let lies = self.devices.iter().any(|device| device.taken.is_some());
        if self.shadow.is_none() && !lies {
            self.wipe_relay();
        }
    }

    /// From now on some devices see a log of their own, which begins as what was there. True if they do.
    pub fn split_relay(&mut self, devices: BTreeSet<DeviceIndex>, frozen: bool) -> bool {
        if self.shadow.is_some() || devices.is_empty() {
            return false;
        }
        self.counter += 1;
        let (name, life) = (self.host.next_name(), self.counter);
        let host = self.host.fork(&name, self.now, life);
        for device in &devices {
            self.cut(*device);
        }
        if frozen {
            self.tally.freezes += 1;
        } else {
            self.tally.relay_forks += 1;
            self.host.wiped = true;
            self.twisted = true;
        }
        self.shadow = Some(Shadow { host, devices, frozen, connections: BTreeSet::new() });
        true
    }

    /// The log that some saw is gone: all see the same one again.
    pub fn join_relay(&mut self) {
        if let Some(shadow) = &self.shadow {
            let devices = shadow.devices.clone();
            self.note_confirmed(Some(&devices));
            self.shadow = None;
            for device in devices {
                self.cut(device);
            }
        }
    }

    /// A copy of the relay's disk is put aside.
    pub fn back_up_relay(&mut self) {
        let name = self.host.next_name();
        let disk = disk::copy(&self.host.disk, &name);
        self.backup = Some(Backup { disk, store: self.host.store() });
    }

    /// The relay goes on from the copy that was put aside: under its old name, or as another store, as an operator
    /// who restores a backup should say. True if there was one.
    pub fn roll_relay_back(&mut self, renamed: bool) -> bool {
        if self.shadow.is_some() {
            return false;
        }
        let Some(backup) = self.backup.take() else { return false };
        self.note_confirmed(None);
        let name = format!("relay-{}", self.host.next_name());
        let disk = disk::copy(&backup.disk, &name);
        let mut store = backup.store;
        if renamed {
            store = StoreId::from_bytes(self.random.array());
            disk.execute("update meta set store_id = ?1", [store.as_bytes()]).expect("a name");
        }
        let before = self.told_to_the_relay();
        self.host.replace(disk, &name, store);
        if self.copied {
            self.lose_what_was_there_alone(&before);
        }
        self.tally.roll_backs += 1;
        self.host.wiped = true;
        self.twisted = true;
        self.start_relay();
        true
    }

    /// Notes what devices hold as confirmed by the log that they see now: all that see the common one, or these.
    pub(crate) fn note_confirmed(&mut self, of_shadow: Option<&BTreeSet<DeviceIndex>>) {
        let disk = match (of_shadow, &self.shadow) {
            (Some(_), Some(shadow)) => &shadow.host.disk,
            (None | Some(_), _) => &self.host.disk,
        };
        for (index, device) in self.devices.iter().enumerate() {
            let Some(node) = device.node.as_ref() else { continue };
            if of_shadow.is_some_and(|devices| !devices.contains(&index)) {
                continue;
            }
            for report in node.session().report().expect("a report") {
                let (sid, store, n) = (report.sid, report.store, report.position);
                if let Some(running) = disk::running(disk, sid.as_bytes(), n)
                    && disk::store_id(disk) == store
                {
                    self.confirmed.insert(Confirmed { device: index, sid, store, n, running });
                }
            }
        }
    }

    /// What was confirmed to devices and is not so in the log that all see now.
    pub fn broken_words(&self) -> Vec<Confirmed> {
        let held = |word: &Confirmed| {
            word.store == self.host.store()
                && disk::running(&self.host.disk, word.sid.as_bytes(), word.n) == Some(word.running)
        };
        self.confirmed.iter().filter(|word| !held(word)).copied().collect()
    }

    pub(crate) fn host_of(
        &mut self,
        connection: reknit_relay::protocol::ConnectionId,
    ) -> &mut Host {
        match &mut self.shadow {
            Some(shadow) if shadow.connections.contains(&connection) => &mut shadow.host,
            _ => &mut self.host,
        }
    }

    /// The disk of the log that a device sees.
    pub(crate) fn disk_seen_by(&self, device: DeviceIndex) -> &rusqlite::Connection {
        match &self.shadow {
            Some(shadow) if shadow.devices.contains(&device) => &shadow.host.disk,
            _ => &self.host.disk,
        }
    }
}
