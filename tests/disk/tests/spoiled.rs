//! Pages of a vault that a disk spoiled.

use reknit_disk::spoiled::{cut_everywhere, each_page};

#[test]
fn f10_d9_each_page_spoiled_in_turn_is_noticed_and_read_around_and_what_is_lost_is_said() {
    let found = each_page();
    println!("each page spoiled: {found:?}");
    assert!(found.set_aside > 10);
    assert!(found.texts.0 * 10 > found.texts.1 * 8, "most of what nobody else has is there again");
}

#[test]
fn f9_d1_a_power_cut_anywhere_in_a_rebuilding_loses_nothing_more() {
    let all = std::env::var_os("REKNIT_CUTS").is_some();
    let found = cut_everywhere(if all { 1 } else { 16 });
    println!("rebuilding cut everywhere: {found:?}");
    assert!(found.cuts > 15);
}
