//! Since when the machine runs. What was written since then the system still knows, synced or not; of what was written
//! before, a disk that lied about a sync may have lost a part although the store was closed in order.

use std::fs;
use std::path::Path;

/// Where Linux and Android say which start of the machine this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The file, in the store's folder, that holds what it said when the store was last read whole.
const FILE: &str = "boot";

/// Whether this is the first opening since the machine started; never, where the system does not tell.
pub(super) fn is_first_since_start(folder: &Path) -> bool {
    fs::read(BOOT_ID).is_ok_and(|now| fs::read(folder.join(FILE)).ok() != Some(now))
}

/// From here on it is not.
pub(super) fn remember_start(folder: &Path) {
    if let Ok(now) = fs::read(BOOT_ID) {
        // Not synced: it says nothing once the machine was off. Unwritten, the next opening is the first again.
        let _written = fs::write(folder.join(FILE), now);
    }
}
