//! The catalogue of bad inputs as one table: every row is handed to the real code, with its memory counted and its time
//! printed, and the next good input works. `just bad-inputs` prints a line a row.

mod bench;
mod changes;
#[expect(dead_code, reason = "shared with the suite of the relay")]
#[path = "../../../server/tests/loopback/client.rs"]
mod client;
mod configuration;
mod control;
mod coverage;
mod envelopes;
mod frames;
mod people;
mod quic;
mod relay;
#[expect(dead_code, reason = "shared with the suite of the hostile partner")]
#[path = "../hostile/siege.rs"]
mod siege;

use bench::{Bench, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// The highest row.
const ROWS: u32 = 83;

/// Rows about what does not exist yet.
const NOT_YET: [(u32, &str); 8] = [
    (21, "no frame appends to several control logs at once"),
    (22, "nothing is deleted at a relay before there are snapshots"),
    (23, "nobody is woken: there are no notification addresses"),
    (24, "there is no transport but QUIC"),
    (60, "there are no snapshots"),
    (66, "the recovery phrase opens nothing yet: recovery is not built"),
    (70, "offsets into texts are counted where bindings are: not built"),
    (71, "there are no attachments"),
];

/// The allocator counts for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn table() -> Vec<&'static Row> {
    let sections = [
        frames::ROWS,
        relay::ROWS,
        quic::ROWS,
        envelopes::ROWS,
        control::ROWS,
        changes::ROWS,
        people::ROWS,
        configuration::ROWS,
    ];
    sections.into_iter().flatten().collect()
}

#[test]
fn every_row_is_refused_by_name_and_cheaply_and_the_next_good_input_works() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut table = table();
    table.sort_by_key(|row| row.number);
    // One bad row does not hide the others.
    let fails = |row: &&&Row| catch_unwind(AssertUnwindSafe(|| Bench::run(row))).is_err();
    let failed: Vec<u32> = table.iter().filter(fails).map(|row| row.number).collect();
    println!(
        "{ROWS} rows: {} apply, {} do not exist yet",
        ROWS as usize - NOT_YET.len(),
        NOT_YET.len()
    );
    for (number, why) in NOT_YET {
        println!("B{number:<3} does not exist yet: {why}");
    }
    assert_eq!(failed, [0; 0], "rows that failed");
    let run: Vec<u32> = table.iter().map(|row| row.number).collect();
    let expected: Vec<u32> =
        (1..=ROWS).filter(|row| NOT_YET.iter().all(|(number, _)| number != row)).collect();
    assert_eq!(run, expected, "each row once");
}
