//! Hands bytes to [`reknit_e2e::fuzz::gate_change`], which says what it looks at.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reknit_e2e::fuzz::gate_change(bytes));
