//! A disk that fails and goes on: every call once, no room at every few bytes, syncs that lie, bits that flip.

use reknit_disk::faults::{each_call_fails, flips, full_at_each, lies, slow};

/// `just disk` tries more.
fn many() -> bool {
    std::env::var_os("REKNIT_CUTS").is_some()
}

#[test]
fn f7_f8_whichever_call_fails_memory_is_what_the_disk_holds_and_nothing_acknowledged_is_lost() {
    let found = each_call_fails(if many() { 1 } else { 7 });
    println!("each call fails once: {found:?}");
    assert!(found.reported > 50 && found.silent == 0);
}

#[test]
fn f12_a_full_disk_refuses_by_name_and_the_same_handle_goes_on_when_there_is_room() {
    let found = full_at_each(if many() { 500 } else { 16_384 });
    println!("full after so many bytes: {found:?}");
    assert!(found.reported > 5 && found.silent == 0);
}

#[test]
fn f9_what_a_lying_sync_lost_is_noticed() {
    let found = lies(if many() { 2_000 } else { 150 });
    println!("syncs lie: {found:?}");
    assert!(found.noticed > 20);
    assert_eq!(found.silent, 0);
}

#[test]
fn f10_a_bit_that_flips_on_a_read_is_harmless_or_noticed() {
    let found = flips(if many() { 2_000 } else { 150 });
    println!("a bit flips: {found:?}");
    assert_eq!(found.silent, 0);
}

#[test]
fn d1_however_slow_a_disk_is_nothing_is_acknowledged_before_its_sync() {
    let (commits, syncs) = slow();
    println!("slow: {commits} commits waited for {syncs} syncs");
    assert!(commits > 0 && syncs >= commits);
}
