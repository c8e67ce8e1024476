//! Changes by the million against the gate: mutants of honest and hostile ones, histories with mutants in them in any
//! order of arrival, and honest histories, none of which may be refused.
//!
//! `just mutants` runs the counts of a release; plain `cargo test` runs as many as take a few seconds.

#[path = "../../../core/tests/document/device.rs"]
mod device;
mod gate;
mod group;
mod honest;
mod order;
mod seeds;

use std::fmt::Display;
use std::time::{Duration, Instant};

/// A count that the environment may raise.
fn count(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|count| count.parse().ok()).unwrap_or(otherwise)
}

/// How many a second.
fn rate(count: u64, time: Duration) -> impl Display {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

#[expect(clippy::disallowed_methods, reason = "times are printed, never asserted")]
fn now() -> Instant {
    Instant::now()
}
