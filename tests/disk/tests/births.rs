//! First creation, with a power cut before every single change of the disk, in every mode.

use reknit_disk::birth;

#[test]
fn f6_a_vault_is_made_whole_or_not_at_all_wherever_the_power_goes() {
    println!("vault: {}", birth::vaults(all()));
}

#[test]
fn f6_a_relays_folder_is_made_whole_or_not_at_all_wherever_the_power_goes() {
    println!("relay: {}", birth::relays(all()));
}

/// Whether every mode is tried at every change, or three.
fn all() -> bool {
    std::env::var_os("REKNIT_CUTS").is_some()
}
