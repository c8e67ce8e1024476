//! A change that ends the process that takes it in: the third start goes on without it.

use crate::siege::Siege;
use reknit_core::document::DocumentKind;
use reknit_core::entry::{Entry, Incident};
use reknit_core::model::id::DocumentId;
use reknit_core::store::Store;
use std::path::PathBuf;
use wire::codec::Writer;

const OF_THE_PARTNER: DocumentId = DocumentId::from_bytes([0x66; 16]);

impl Siege {
    /// A text of the partner's own, said.
    fn partners_text(&mut self, document: DocumentId, text: &str) -> Entry {
        let entry = self.change(document, text);
        self.villain.send(&mut self.world, &entry);
        entry.into_inner()
    }

    /// What a process leaves behind that died while these entries were in Automerge's hands.
    fn died_over(&self, entries: &[&Entry]) {
        let folder = self.lies_in();
        let generation = Store::open(&folder.join("shared")).unwrap().generation().unwrap();
        let mut mark = Writer::new();
        mark.u8(1).u64(generation).u32(u32::try_from(entries.len()).unwrap());
        for entry in entries {
            mark.bytes(entry.id.as_bytes());
        }
        std::fs::write(folder.join("shared.mark"), mark.into_bytes()).unwrap();
    }

    /// The phone starts, and dies over these.
    fn starts_and_dies_over(&mut self, entries: &[&Entry]) {
        self.world.restart(self.phone);
        self.world.crash(self.phone);
        self.died_over(entries);
    }

    fn lies_in(&self) -> PathBuf {
        self.world.devices[self.phone].folder.clone().unwrap()
    }

    fn marked(&self) -> bool {
        self.lies_in().join("shared.mark").exists()
    }
}

#[test]
fn f24_what_ended_the_process_twice_is_set_aside_at_the_third_start_and_all_else_goes_on() {
    let mut siege = Siege::laid("poison", true);
    let agreed = siege.agreement(siege.phone, "ours");
    siege.settle();
    siege.world.set_online(siege.phone, false);
    siege.world.crash(siege.phone);
    let poison = siege.partners_text(OF_THE_PARTNER, "boom");
    let harmless = siege.partners_text(DocumentId::from_bytes([0x67; 16]), "well");
    siege.died_over(&[&poison, &harmless]);
    siege.starts_and_dies_over(&[&poison]);
    siege.world.restart(siege.phone);
    assert!(!siege.marked());
    siege.world.set_online(siege.phone, true);
    siege.settle();
    assert!(!siege.marked());
    let is_it = |incident: &Incident| matches!(incident, Incident::Poison { entry, .. } if *entry == poison.id);
    let incidents = siege.incidents(siege.phone);
    assert!(incidents.iter().any(is_it), "{incidents:?}");
    assert_eq!((siege.aside(siege.phone), siege.aside(siege.tablet)), (1, 0));
    assert_eq!(siege.text(siege.phone, OF_THE_PARTNER), None);
    assert_eq!(siege.text(siege.tablet, OF_THE_PARTNER).as_deref(), Some("boom"));
    // What was with it is tried alone and does no harm.
    let agreements = siege.world.node(siege.phone).session().documents(DocumentKind::Agreement);
    assert_eq!(agreements.unwrap().len(), 2);
    siege.edit(siege.phone, agreed, "ours, on and on");
    siege.world.crash(siege.phone);
    siege.world.restart(siege.phone);
    assert_eq!(siege.text(siege.phone, agreed).as_deref(), Some("ours, on and on"));
    let said = siege.tell(siege.phone, "life goes on");
    siege.settle();
    assert_eq!(siege.text(siege.tablet, agreed).as_deref(), Some("ours, on and on"));
    let told = siege.world.node(siege.tablet).session().timeline().unwrap();
    assert_eq!(told.len(), 1, "{said:?}");
    assert_eq!(siege.aside(siege.phone), 1, "it stays aside");
}

#[test]
fn f24_a_process_that_was_killed_for_another_reason_costs_nothing() {
    let mut siege = Siege::laid("suspect", true);
    siege.world.set_online(siege.phone, false);
    siege.world.crash(siege.phone);
    let said = siege.partners_text(OF_THE_PARTNER, "an honest word");
    siege.died_over(&[&said]);
    siege.world.restart(siege.phone);
    siege.world.set_online(siege.phone, true);
    siege.settle();
    assert_eq!(siege.text(siege.phone, OF_THE_PARTNER).as_deref(), Some("an honest word"));
    assert_eq!(siege.aside(siege.phone), 0);
    assert!(siege.incidents(siege.phone).is_empty());
    siege.life_goes_on();
}

#[test]
fn what_ended_the_process_is_tried_again_by_a_newer_program_and_what_stands_upon_it_comes_back() {
    let mut siege = Siege::laid("reprieve", true);
    siege.world.set_online(siege.phone, false);
    siege.world.crash(siege.phone);
    let poison = siege.partners_text(OF_THE_PARTNER, "boom");
    siege.died_over(&[&poison]);
    siege.starts_and_dies_over(&[&poison]);
    siege.world.restart(siege.phone);
    siege.world.set_online(siege.phone, true);
    siege.settle();
    siege.edit(siege.tablet, OF_THE_PARTNER, "boom, and more");
    siege.settle();
    assert_eq!((siege.aside(siege.phone), siege.text(siege.phone, OF_THE_PARTNER)), (1, None));
    siege.update();
    siege.settle();
    assert_eq!(siege.aside(siege.phone), 0);
    assert_eq!(siege.text(siege.phone, OF_THE_PARTNER).as_deref(), Some("boom, and more"));
    siege.life_goes_on();
}
