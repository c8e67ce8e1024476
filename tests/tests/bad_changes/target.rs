//! The measure of a refusal.

use reknit_core::document::Refused;
use reknit_e2e::bad_change::target::{Target, incoming};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for the whole process: every test here runs alone.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// How many bytes are asked for in all.
pub(crate) fn spent(act: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    act();
    region.change().bytes_allocated
}

/// The change is refused for this reason, cheaply and without a trace, and a good one still works.
pub(crate) fn refused(row: &str, why: Refused, raw: Vec<u8>) {
    refused_all(row, why, vec![raw]);
}

/// The same for an entry of several changes.
pub(crate) fn refused_all(row: &str, why: Refused, changes: Vec<Vec<u8>>) {
    let mut target = Target::new();
    let (good, before) = (target.good().build(), target.document.save());
    let bad = [incoming(1, changes)];
    let (region, started) = (Region::new(ALLOCATOR), now());
    let merged = target.document.merge(&bad).unwrap();
    let (spent, time) = (region.change().bytes_allocated, started.elapsed());
    println!("{row}: {time:?}, {spent} bytes allocated");
    assert_eq!(merged.refused, [(bad[0].source, why)], "{row}");
    assert!(spent < 4 << 20, "{row}: {spent} bytes");
    assert_eq!(why.code(), "doc.refused");
    assert!(why.sentence().ends_with("Nothing of yours is affected."));
    assert!(target.document.save() == before, "{row}: the document changed");
    assert_eq!(target.merge(2, vec![good]).refused, [], "{row}: a good change after it");
}

/// Nothing is wrong with the change.
pub(crate) fn accepted(row: &str, raw: Vec<u8>) {
    assert_eq!(Target::new().merge(1, vec![raw]).refused, [], "{row}");
}
