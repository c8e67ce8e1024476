//! Nora with a phone and a tablet, and a partner whose phone is in hostile hands.

use reknit_core::client::{Answer, Command, Whom};
use reknit_core::document::{DocumentKind, Edit};
use reknit_core::entry::Incident;
use reknit_core::membership::SpaceKind;
use reknit_core::model::Event;
use reknit_core::model::Text;
use reknit_core::model::id::{DocumentId, EntryId};
use reknit_core::model::moment::{Moment, MomentKind, WhoDid};
use reknit_e2e::villain::Villain;
use reknit_e2e::weather::Weather;
use reknit_e2e::world::{DeviceIndex, World};
use std::time::Duration;

pub(crate) const A_WHILE: Duration = Duration::from_mins(10);

pub(crate) struct Siege {
    pub(crate) world: World,
    pub(crate) phone: DeviceIndex,
    pub(crate) tablet: DeviceIndex,
    pub(crate) villain: Villain,
    _folder: tempfile::TempDir,
}

impl Siege {
    pub(crate) fn new(name: &str) -> Self {
        Self::laid(name, false)
    }

    /// Nora's phone lies in `nora` of the folder if it is `real`, else in memory.
    pub(crate) fn laid(name: &str, real: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(name, 1, Weather::FAIR);
        let phone = world.person_in(real.then(|| folder.path().join("nora")), "Nora");
        let ben = world.person_in(Some(folder.path().join("ben")), "Ben");
        assert!(world.run_until_idle(A_WHILE));
        assert!(world.pair(phone, ben, Whom::Partner));
        assert!(world.run_until_idle(A_WHILE));
        let tablet = world.add_device(true);
        assert!(world.pair(phone, tablet, Whom::Device));
        assert!(world.run_until_idle(A_WHILE));
        let villain = Villain::take_over(&mut world, ben);
        Self { world, phone, tablet, villain, _folder: folder }
    }

    pub(crate) fn settle(&mut self) {
        assert!(self.world.run_until_idle(A_WHILE), "it comes to rest");
        self.villain.listen(&mut self.world);
    }

    pub(crate) fn moment(&self, text: &str) -> Event {
        Event::Moment(Moment {
            at: self.world.now(self.phone).at().unwrap(),
            kind: MomentKind::Repair,
            happened: None,
            who_did: WhoDid::Both,
            text: Some(Text::new(text).unwrap()),
            felt: None,
        })
    }

    pub(crate) fn tell(&mut self, device: DeviceIndex, text: &str) -> EntryId {
        let told = self.moment(text);
        let told = self.world.execute(device, Command::Tell(told));
        let Ok(Answer::Told(id)) = told else { panic!("{told:?}") };
        id
    }

    pub(crate) fn agreement(&mut self, device: DeviceIndex, text: &str) -> DocumentId {
        let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
        let command = Command::NewDocument(DocumentKind::Agreement, edit);
        let Ok(Answer::Document(id)) = self.world.execute(device, command) else { panic!() };
        id
    }

    pub(crate) fn edit(&mut self, device: DeviceIndex, id: DocumentId, text: &str) {
        let edit = Edit { text: Some(text.to_owned()), ..Edit::default() };
        self.world.execute(device, Command::EditDocument(id, edit)).unwrap();
    }

    pub(crate) fn text(&self, device: DeviceIndex, id: DocumentId) -> Option<String> {
        let read = self.world.node(device).session().document(id);
        read.ok().map(|(_, fields)| fields.text)
    }

    /// The incidents of the shared space on a device, by their codes.
    pub(crate) fn incidents(&self, device: DeviceIndex) -> Vec<Incident> {
        let all = self.world.node(device).session().incidents().unwrap();
        all.into_iter()
            .filter(|(kind, _)| *kind == SpaceKind::Shared)
            .map(|(_, incident)| incident)
            .collect()
    }

    /// Both of Nora's devices wrote down such an incident.
    pub(crate) fn both_noticed(&self, is_it: impl Fn(&Incident) -> bool) {
        for device in [self.phone, self.tablet] {
            let incidents = self.incidents(device);
            assert!(incidents.iter().any(&is_it), "device {device}: {incidents:?}");
        }
    }

    /// What Nora says next reaches her own other device and the partner; both her devices hold the same, also after
    /// each was started again; and nothing of the history is broken.
    pub(crate) fn life_goes_on(&mut self) {
        let said = self.tell(self.phone, "life goes on");
        self.settle();
        assert!(self.villain.heard.iter().any(|entry| entry.id == said), "the partner hears it");
        for device in [self.phone, self.tablet] {
            self.world.crash(device);
            self.world.restart(device);
        }
        let back = self.tell(self.tablet, "and back");
        self.settle();
        for device in [self.phone, self.tablet] {
            let session = self.world.node(device).session();
            let lines = session.timeline().unwrap();
            for id in [said, back] {
                assert!(lines.iter().any(|line| line.record == hex(id)), "device {device}");
            }
        }
        self.both_hold_the_same();
    }

    pub(crate) fn both_hold_the_same(&self) {
        let proofs = [self.phone, self.tablet].map(|device| {
            let proofs = self.world.node(device).session().verify().unwrap();
            assert!(proofs.iter().all(|space| space.broken == 0), "device {device}");
            proofs
        });
        assert_eq!(proofs[0], proofs[1]);
    }
}

fn hex(id: EntryId) -> String {
    let digits = id.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
