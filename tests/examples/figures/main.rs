//! The first figures, a line each: sizes, start, bytes for one edit, entries per second, the relay's time.
//!
//! `just figures`. Figures belong to the machine that made them: it is printed with them, and nothing is asserted.

mod edit;
mod load;
mod relay;

use relay::{Program, Relay};
use std::fs;
use std::time::Duration;

/// Starts of the relay, to name the middle one.
const STARTS: usize = 9;

fn main() {
    let program = Program::beside_this_one();
    machine();
    sizes(&program);
    starts(&program);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the system gives threads");
    runtime.block_on(edit::figures(&program));
    runtime.block_on(load::figures(&program));
}

fn machine() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let busy = load.split(' ').next().unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    println!("machine: {cores} cores, {model}; load before the start {busy}");
}

fn sizes(program: &Program) {
    for path in [&program.relay, &program.client] {
        let bytes = fs::metadata(path).map_or(0, |facts| facts.len());
        let name = path.file_name().unwrap_or_default().display();
        println!("size of {name}, stripped by the release profile: {bytes} bytes (stat -c %s)");
    }
}

fn starts(program: &Program) {
    let first = Relay::start(program, &[]);
    let mut later: Vec<Duration> = (0..STARTS).map(|_| Relay::start_again(program)).collect();
    later.sort();
    println!(
        "start of the relay, process to listening: {:.1} ms with key and database to make, {:.1} ms later (middle of {STARTS})",
        millis(first.took),
        millis(later[STARTS / 2]),
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
