//! A full waiting room.

use crate::siege::{A_WHILE, Siege};
use reknit_core::entry::{Incident, Payload, Ticket};
use reknit_core::membership::SpaceKind;

/// Entries of a megabyte of which one person's half of the waiting room holds 33.
const HALF: u32 = 33;
const MORE: u32 = 7;
const BYTES: usize = 1_000_000;

#[test]
fn l1_what_found_no_place_is_pulled_again_as_soon_as_there_is_room() {
    let mut siege = Siege::new("full");
    // The first entry is held back: all that follow it wait for it.
    let word = |siege: &Siege| Payload::Event(siege.moment("one of many").encode());
    let first = word(&siege);
    let first = siege.villain.entry(&siege.world, &first);
    siege.villain.keep(&first);
    for piece in 0..HALF + MORE {
        let payload = vec![u8::try_from(piece).unwrap(); BYTES];
        let header = siege.villain.draft(&siege.world, 99, &payload);
        let entry = siege.villain.sign(header, payload);
        siege.villain.send(&mut siege.world, &entry);
    }
    assert!(siege.world.run_until_idle(A_WHILE));
    for device in [siege.phone, siege.tablet] {
        assert_eq!(siege.waiting(device), u64::from(HALF), "device {device}");
        let full = |it: &Incident| matches!(it, Incident::WaitingRoomFull { count: MORE, .. });
        assert!(siege.incidents(device).iter().any(full), "device {device}");
    }
    let told = siege.tell(siege.phone, "meanwhile");
    assert!(siege.world.run_until_idle(A_WHILE));
    siege.world.run_for(std::time::Duration::from_secs(10));
    // On the connection that stands, without another one.
    siege.villain.send_inner(&mut siege.world, &first.encode());
    assert!(siege.world.run_until_idle(A_WHILE));
    for device in [siege.phone, siege.tablet] {
        let session = siege.world.node(device).session();
        assert_eq!(siege.waiting(device), 0, "device {device}");
        let open = session.tickets().into_iter().filter(|(kind, _)| *kind == SpaceKind::Shared);
        assert_eq!(open.filter(|(_, it)| matches!(it, Ticket::Overflow(_))).count(), 0);
        assert_eq!(session.timeline().unwrap().len(), 2, "{told:?}");
    }
    siege.edit_is_read_back();
    siege.both_hold_the_same();
}

impl Siege {
    /// Nora's next edit is read back after a restart, and by her tablet.
    fn edit_is_read_back(&mut self) {
        let agreed = self.agreement(self.phone, "the next edit");
        self.world.crash(self.phone);
        self.world.restart(self.phone);
        assert_eq!(self.text(self.phone, agreed).as_deref(), Some("the next edit"));
        assert!(self.world.run_until_idle(A_WHILE));
        assert_eq!(self.text(self.tablet, agreed).as_deref(), Some("the next edit"));
    }
}
