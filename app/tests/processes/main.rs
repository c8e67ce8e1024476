//! Real processes, real QUIC on loopback, real disks: who is killed when, and what must still be there.
//!
//! Nothing here waits for a time to pass: each moment is a line of output, or a file that grows; only `kills` draws its
//! moments.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod amnesia;
mod cast;
mod crowd;
mod damaged;
mod forwarder;
mod home;
mod kill;
mod kills;
mod namespaces;
mod poison;
mod process;
mod relay;
mod stops;
mod weather;
