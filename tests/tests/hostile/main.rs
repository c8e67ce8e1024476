//! A partner with valid keys whose app says what no honest app says: what becomes of it on the other person's phones.

mod aside;
mod card;
mod control;
mod crowd;
mod cuts;
mod damage;
mod entries;
mod forks;
mod keys;
mod large;
mod phantoms;
mod poison;
mod quota;
mod rejects;
mod siege;

use reknit_core::client::SpaceReport;
use reknit_core::membership::SpaceKind;
use reknit_e2e::world::DeviceIndex;

impl siege::Siege {
    fn report(&self, device: DeviceIndex) -> SpaceReport {
        let reports = self.world.node(device).session().report().unwrap();
        reports.into_iter().find(|space| space.kind == SpaceKind::Shared).unwrap()
    }

    fn waiting(&self, device: DeviceIndex) -> u64 {
        self.report(device).waiting
    }

    fn aside(&self, device: DeviceIndex) -> u64 {
        self.report(device).aside
    }
}
