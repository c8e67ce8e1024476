//! The seeds of the fuzz targets are what honest programs write today, and small; each target takes them, and mutants.

use crate::count;
use reknit_core::entry::Entry;
use reknit_core::membership::decode_op;
use reknit_core::model::id::SpaceId;
use reknit_e2e::fuzz::{Session, Step, TARGETS, seeds};
use reknit_e2e::random::Seeded;
use std::io::Write;
use wire::envelope::Envelope;
use wire::frame::FrameBuffer;

const ALL_BYTES_MAX: usize = 300 << 10;

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
        ("relay_session", |seed| Session::read(seed).is_some_and(|it| it.steps.len() > 3)),
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

/// What a fuzzer on the nightly compiler does with millions, done with a few: enough to see a seed, or a rule of the
/// language, that no longer holds.
#[test]
fn each_fuzz_target_takes_its_seeds_and_mutants_of_them() {
    for target in TARGETS {
        let (mut random, mut runs) = (Seeded::new(1), 0);
        for seed in seeds(target.name) {
            (target.run)(&seed);
            runs += 1;
            for _ in 0..count("REKNIT_FUZZ", 6) {
                (target.run)(&mutant(&seed, &mut random));
                runs += 1;
            }
        }
        say(&format!("{}: {runs} inputs", target.name));
    }
}

fn mutant(seed: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        match random.below(4) {
            0 => bytes[at] = random.array::<1>()[0],
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.insert(at, random.array::<1>()[0]),
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

#[test]
fn the_seeds_of_sessions_are_whole_visits_written_as_a_fuzzer_reads_them() {
    let mut steps = Vec::new();
    for seed in seeds("relay_session") {
        let visit = Session::read(&seed).expect("a session");
        assert_eq!(visit.write(), seed);
        steps.extend(visit.steps.into_iter().map(|(_, step)| step));
    }
    for honest in [Step::Connect, Step::Create, Step::SignIn { space: true }, Step::Disconnect] {
        assert!(steps.contains(&honest), "{honest:?}");
    }
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}
