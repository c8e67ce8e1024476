//! The gate has no rule that an honest history breaks.

use crate::group::Group;
use crate::{count, now, rate};
use reknit_core::document::{Document, DocumentKind};
use reknit_e2e::random::Seeded;

#[test]
fn honest_histories_are_never_refused_and_end_alike() {
    let histories = count("REKNIT_HISTORIES", 120);
    let (mut entries, mut changes, mut refused) = (0, 0, 0);
    let started = now();
    for seed in 0..histories {
        let random = &mut Seeded::new(seed);
        let devices = 2 + random.array::<1>()[0] % 4;
        let steps = 5 + random.below(40);
        let group = Group::random(devices, steps, random);
        let fields = group.devices[0].document.fields();
        for device in &group.devices {
            assert!(device.document.fields() == fields, "seed {seed}: another text");
        }
        let (again, merged) =
            Document::rebuild(DocumentKind::Journal, group.held[0].clone()).unwrap();
        assert!(again.fields() == fields, "seed {seed}: another text when built anew");
        entries += group.held[0].len();
        changes += group.held[0].iter().map(|entry| entry.changes.len()).sum::<usize>();
        refused += group.refused + merged.refused.len();
    }
    println!(
        "{histories} honest histories of 2 to 5 devices, {entries} entries, {changes} changes: {refused} refused, \
         {} histories a second",
        rate(histories, started.elapsed())
    );
    assert_eq!(refused, 0);
}
