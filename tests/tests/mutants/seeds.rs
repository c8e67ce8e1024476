//! The seeds of the fuzz targets are what honest programs write today, and small.

use reknit_core::entry::Entry;
use reknit_core::membership::decode_op;
use reknit_core::model::id::SpaceId;
use std::fs;
use std::path::Path;
use wire::envelope::Envelope;
use wire::frame::FrameBuffer;

const ALL_BYTES_MAX: usize = 300 << 10;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let files = fs::read_dir(folder).expect("`just corpus` writes them");
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_seeds_are_what_honest_programs_write_today() {
    let mut bytes = 0;
    for (target, holds) in [
        (
            "decode_frame",
            (|seed: &[u8]| {
                let mut buffer = FrameBuffer::new();
                buffer.push(seed);
                buffer.next_frame().is_ok_and(|frame| frame.is_some())
            }) as fn(&[u8]) -> bool,
        ),
        ("open_envelope", |seed| Envelope::decode(&seed[1..]).is_ok()),
        ("decode_entry", |seed| Entry::decode(SpaceId::from_bytes([1; 16]), seed).is_ok()),
        ("fold_op", |seed| decode_op(seed).is_ok()),
        ("gate_change", |seed| seed[0] == 0),
        ("relay_session", |seed| !seed.is_empty()),
    ] {
        let seeds = seeds(target);
        assert!(seeds.len() > 1, "{target}: {} seeds", seeds.len());
        for seed in &seeds {
            assert!(
                holds(seed),
                "{target}: a seed of another format; `just corpus` writes them anew"
            );
            bytes += seed.len();
        }
    }
    assert!(bytes < ALL_BYTES_MAX, "{bytes} bytes of seeds");
}
