//! A text that one device makes larger than it may.

use crate::siege::Siege;
use reknit_core::entry::{DocumentChanges, Incident, Payload, change_hash};
use reknit_core::model::id::DocumentId;
use reknit_e2e::raw_change::{Op, RawChange};

/// Of these, sixteen fit into one device's share of a document.
const VALUES: u64 = 18;
const VALUE_BYTES: usize = 1_000_000;

impl Siege {
    /// The raw changes of a document that the villain has heard.
    fn raws(&self, document: DocumentId) -> Vec<Vec<u8>> {
        let of = |payload| match payload {
            Ok(Payload::Changes(documents)) => documents,
            Ok(_) | Err(_) => vec![],
        };
        let heard = self.villain.heard.iter();
        let all = heard.flat_map(|entry| of(Payload::decode(entry.header.kind, &entry.payload)));
        all.filter(|it| it.document == document).flat_map(|it| it.changes).collect()
    }
}

#[test]
fn l4_more_than_one_device_may_write_into_a_text_is_set_aside_and_own_edits_go_on() {
    let mut siege = Siege::new("large");
    let agreed = siege.agreement(siege.phone, "ours");
    siege.settle();
    let last = siege.raws(agreed).pop().expect("the phone's change");
    let before = automerge::Change::from_bytes(last.clone()).unwrap().max_op();
    let (actor, mut dep) = (siege.villain.actor(agreed), change_hash(&last).unwrap());
    for number in 1..=VALUES {
        let value = vec![b'a' + u8::try_from(number).unwrap(); VALUE_BYTES];
        let put = Op { value: (6, value), ..Op::put(None, "note") };
        let put = if number > 1 { put.over(&[(before + number - 1, 0)]) } else { put };
        let change = RawChange::new(actor, number, before + number, &[put]);
        let raw = RawChange { deps: vec![dep], ..change }.build();
        dep = change_hash(&raw).unwrap();
        let changes = vec![DocumentChanges { document: agreed, kind: 2, changes: vec![raw] }];
        siege.villain.say(&mut siege.world, &Payload::Changes(changes));
    }
    siege.settle();
    for device in [siege.phone, siege.tablet] {
        let incidents = siege.incidents(device);
        let full = |it: &&Incident| matches!(it, Incident::DocumentFull { .. });
        assert_eq!(incidents.iter().filter(full).count(), 1, "{incidents:?}");
        assert_eq!(incidents.len(), 2, "what stands upon it falls with it: {incidents:?}");
    }
    assert_eq!(siege.incidents(siege.phone), siege.incidents(siege.tablet));
    siege.edit(siege.phone, agreed, "ours, and so on");
    siege.world.crash(siege.phone);
    siege.world.restart(siege.phone);
    assert_eq!(siege.text(siege.phone, agreed).as_deref(), Some("ours, and so on"));
    assert!(siege.world.run_until_idle(crate::siege::A_WHILE));
    assert_eq!(siege.text(siege.tablet, agreed).as_deref(), Some("ours, and so on"));
    siege.both_hold_the_same();
}
