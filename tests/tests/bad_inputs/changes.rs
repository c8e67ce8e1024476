//! Automerge bytes, B41 to B59: each change is refused for its reason, alone, and leaves no trace.

use crate::bench::{Bench, GATE, Refuser, Row, Said};
use reknit_core::document::{
    ActorId, Document, DocumentKind, Edit, Incoming, OPS_PER_EDIT_MAX, Place,
};
use reknit_core::model::id::EntryId;
use reknit_e2e::bad_change::target::{Target, incoming};
use reknit_e2e::bad_change::{Case, cases};
use std::collections::BTreeMap;

const REFUSED: &[&str] = &["doc.refused"];
/// Some of the inputs stand right at the bound.
const BOTH: &[&str] = &["doc.refused", "-"];

const AT: Refuser = Refuser { who: "gate", bar: GATE };

pub(crate) const ROWS: &[Row] = &[
    AT.row(41, REFUSED, "a document, a compressed chunk, a bundle, unknown types", all::<41>),
    AT.row(42, REFUSED, "a wrong magic, checksum or length; two chunks; a cut", all::<42>),
    AT.row(43, REFUSED, "runs of 10^18, of nothing, longer than their data", all::<43>),
    AT.row(44, REFUSED, "columns too many, twice, unsorted, deflated, unknown", all::<44>),
    AT.row(45, REFUSED, "numbers of 11 bytes, over-long, too large", all::<45>),
    AT.row(46, REFUSED, "a first counter that is not the next", all::<46>),
    AT.row(47, REFUSED, "sequence numbers with a gap, twice, 0, 2^63", all::<47>),
    AT.row(48, REFUSED, "an actor of 0, 17 and 1,000,000 bytes, or another's", all::<48>),
    AT.row(49, REFUSED, "65 dependencies, twice, unsorted, unknown, itself", all::<49>),
    AT.row(50, REFUSED, "objects that are not there or of another kind", all::<50>),
    AT.row(51, REFUSED, "positions and predecessors that are not there", all::<51>),
    AT.row(52, REFUSED, "actors outside the table", all::<52>),
    AT.row(53, REFUSED, "unknown actions, counters, marks", all::<53>),
    AT.row(54, BOTH, "values of 10 MB, NaN, not UTF-8, unknown types", all::<54>),
    AT.row(55, BOTH, "maps 17 and 5,000 deep; 16 deep", all::<55>),
    AT.row(56, BOTH, "keys of 1 MB, 257 bytes, none, NUL; 256 bytes", all::<56>),
    AT.row(57, REFUSED, "rival values of one device, 4,097 keys", all::<57>),
    AT.row(58, BOTH, "a known field of another form", all::<58>),
    // The own edit of 60,001 characters is work, not a refusal: its bar is that of the dearest entry.
    Row {
        bar: 128 << 20,
        ..AT.row(59, &["-"], "60,001 characters pasted by the own user, then all replaced", b59)
    },
];

fn all<const ROW: u32>(bench: &mut Bench) {
    let cases = cases(ROW);
    let bad = cases.into_iter().filter(|case| case.why.is_some() || case.changes.len() == 1);
    for Case { what, why, changes } in bad {
        let mut target = Target::new();
        let (good, before) = (target.good().build(), target.document.save());
        let entry = [incoming(1, changes)];
        let mut reason = None;
        let judge = || {
            let merged = target.document.merge(&entry).unwrap();
            reason = merged.refused.first().map(|(_, why)| *why);
            reason.map(|why| Said::new(why.code(), why.sentence()))
        };
        bench.bad(&what, judge);
        assert_eq!(reason, why, "B{ROW} {what}");
        if why.is_some() {
            bench.good("the document is as it was", target.document.save() == before);
            bench.good("a good change", target.merge(2, vec![good]).refused.is_empty());
        }
    }
}

fn b59(bench: &mut Bench) {
    let pasted: String =
        (0..=OPS_PER_EDIT_MAX).map(|at| if at % 7 == 0 { ' ' } else { 'ä' }).collect();
    let author = ActorId::from_bytes([1; 16]);
    let mut written = Document::new(DocumentKind::Agreement);
    let place = Place { actor: author, entry: 1 };
    let edit = Edit { text: Some(pasted.clone()), ..Edit::default() };
    let mut changes = vec![];
    bench.bad("pasted", || {
        changes = written.edit(place, &edit, 0).expect("it is split, not refused");
        None
    });
    bench.good("it is split", changes.len() == 2);
    let source = EntryId::from_bytes([5; 32]);
    let entry = Incoming { source, place, seen: BTreeMap::new(), changes };
    let mut read = Document::new(DocumentKind::Agreement);
    bench.bad("received", || {
        let merged = read.merge(std::slice::from_ref(&entry)).unwrap();
        merged.refused.first().map(|(_, why)| Said::new(why.code(), why.sentence()))
    });
    bench.good("all of it is there", read.fields().text == pasted);
    // The dearest entry that an honest device sends: every character out, as many new ones in.
    let other = Edit { text: Some("ö".repeat(pasted.chars().count())), ..Edit::default() };
    let place = Place { actor: ActorId::from_bytes([2; 16]), entry: 1 };
    let changes = read.edit(place, &other, 0).expect("it fits into one entry");
    let (source, seen) = (EntryId::from_bytes([6; 32]), BTreeMap::from([(author, 1)]));
    let entry = Incoming { source, place, seen, changes };
    bench.bad("all of it replaced", || {
        let merged = written.merge(std::slice::from_ref(&entry)).unwrap();
        merged.refused.first().map(|(_, why)| Said::new(why.code(), why.sentence()))
    });
    bench.good("both read the same", written.fields() == read.fields());
    let more = Edit { text: Some("And then.".to_owned()), ..Edit::default() };
    let next = written.edit(Place { actor: author, entry: 2 }, &more, 0);
    bench.good("the next edit", next.is_ok_and(|changes| !changes.is_empty()));
}
