//! A relay under load: how fast a crowd comes in, what it costs, and whether the honest notice those who are not.
//!
//! `just load`, or `REKNIT_CONNECTIONS=10000 cargo run --release -p reknit-e2e --example load` after
//! `cargo build --release -p reknit-relay`. All in one process, from 250 networks of this machine, against a relay with
//! the settings it has by itself. Figures belong to the machine that made them; nobody may starve, and the relay's
//! memory stays within what [`reknit_relay::protocol::Crowd::memory_max`] says: that is asserted.

mod networks;
mod phone;
mod raw;
mod relay;
mod siege;
mod space;
mod storm;

use networks::Networks;
use relay::Relay;
use std::sync::Arc;
use storm::Crowd;

/// Phones, unless `REKNIT_CONNECTIONS` says otherwise.
const CONNECTIONS: usize = 4_000;
const NETWORKS: u8 = 250;

fn main() {
    let chosen = std::env::var("REKNIT_CONNECTIONS").ok().and_then(|count| count.parse().ok());
    let count: usize = chosen.unwrap_or(CONNECTIONS);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let busy = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "machine: {cores} cores, load before the start {}; {count} phones in {NETWORKS} networks",
        busy.split(' ').next().unwrap_or_default()
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("the system gives threads").block_on(run(count));
}

async fn run(count: usize) {
    let mut relay = Relay::start();
    let networks = Arc::new(Networks::new(relay.line().clone(), NETWORKS));
    let mut crowd = Crowd::new(count, Arc::clone(&networks)).await;
    relay.kill_and_restart();
    let empty = relay.memory();
    crowd.come().await;
    let idle = relay.memory();
    println!(
        "  memory of the relay: {} KiB without anybody, {} KiB with all of them, {:.1} KiB for each that only listens; \
         most so far {} KiB",
        empty.now,
        idle.now,
        kib_each(idle.now.saturating_sub(empty.now), count),
        idle.most,
    );
    crowd.lose(&mut relay).await;
    crowd.part(&mut relay).await;
    Box::pin(siege::run(&networks, &relay)).await;
    println!(
        "  of the phones that only listened, {} lost their connection meanwhile",
        crowd.lost()
    );
    let bound =
        reknit_relay::protocol::Crowd { idle: count as u64, ..siege::CROWD }.memory_max() / 1_024;
    let most = relay.memory().most;
    println!(
        "most memory of the relay since its last start: {most} KiB, of {bound} KiB that it may take for all of them"
    );
    assert!(most <= bound, "more memory than its limits say");
}

fn kib_each(kib: u64, count: usize) -> f64 {
    let [kib, count] = [kib, count as u64].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    f64::from(kib) / f64::from(count.max(1))
}
