//! One device of the world: its disk outlives its node.

use crate::disk::{Disk, STORES, Stand};
use crate::network::Wire;
use crate::random::Seeded;
use crate::typing::Typed;
use reknit_core::client::{MemoryDisk, Node, Notice, Place};
use reknit_core::model::id::{DeviceId, EntryId, PersonId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

/// One device.
#[derive(Debug)]
pub struct Device {
    /// What survives.
    pub files: MemoryDisk,
    /// What survives, if it is a real folder.
    pub folder: Option<PathBuf>,
    /// A second look at it, if it is in memory.
    pub disk: Disk,
    /// What a crash drops.
    pub node: Option<Node>,
    /// What a person was shown.
    pub notices: VecDeque<Notice>,
    /// Whether it may connect.
    pub online: bool,
    /// Its clock.
    pub clock: Clock,
    /// Its app is not ours: somebody else has its keys, of this device and person.
    pub taken: Option<(DeviceId, PersonId)>,
    /// A copy of its disk from earlier.
    pub earlier: Option<MemoryDisk>,
    /// It was restored from a copy, or there are two of it.
    pub copied: bool,
    /// All entries that it ever held, by store.
    pub held: [BTreeSet<EntryId>; 2],
    /// What commands answered for: entries on this device's disk, by store.
    pub acknowledged: BTreeMap<(bool, EntryId), Stand>,
    /// What its disk holds of texts that are typed and not closed.
    pub typed: Typed,
    pub(crate) random: Seeded,
    pub(crate) wire: Option<Wire>,
}

/// How a clock differs from the world's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// Ahead by so many milliseconds.
    pub ahead_ms: i64,
    /// Faster by so many millionths.
    pub drift_ppm: i64,
}

impl Clock {
    /// What it shows when the world's shows `millis`, of which `elapsed` passed in this world.
    pub fn read(self, millis: u64, elapsed_ms: u64) -> u64 {
        let drift = i64::try_from(elapsed_ms).unwrap_or(i64::MAX).saturating_mul(self.drift_ppm);
        millis.saturating_add_signed(self.ahead_ms).saturating_add_signed(drift / 1_000_000)
    }
}

impl Device {
    /// A device on a disk, with nothing running.
    pub(crate) fn new(files: MemoryDisk, folder: Option<PathBuf>, random: Seeded) -> Self {
        Self {
            disk: Disk::new(&files),
            files,
            folder,
            node: None,
            notices: VecDeque::new(),
            online: true,
            clock: Clock::default(),
            taken: None,
            earlier: None,
            copied: false,
            held: [BTreeSet::new(), BTreeSet::new()],
            acknowledged: BTreeMap::new(),
            typed: Typed::new(),
            random,
            wire: None,
        }
    }

    pub(crate) fn place(&self) -> Place {
        let memory = || Place::Memory(self.files.clone());
        self.folder.as_ref().map_or_else(memory, |folder| Place::Folder(folder.clone()))
    }

    /// The entry in an envelope, as the outbox on the disk says.
    pub(crate) fn entry_in_outbox(&self, envelope: &[u8]) -> Option<EntryId> {
        let mut rows = STORES.iter().flat_map(|shared| self.disk.outbox(*shared));
        rows.find(|(_, sealed)| sealed == envelope).map(|(entry, _)| entry)
    }

    /// All own entries on the disk now are answered for.
    pub(crate) fn acknowledge(&mut self) {
        // What lies in a real folder is looked at by those who put it there.
        let Some(node) = self.node.as_ref().filter(|_| self.folder.is_none()) else { return };
        let own = node.session().device();
        for shared in STORES {
            for (entry, stand) in self.disk.places(shared) {
                if stand.device == own {
                    self.acknowledged.insert((shared, entry), stand);
                }
            }
        }
    }
}
