//! Every bound of the relay in one value. What the operator can raise is a field; the rest are constants with their
//! reason.

use super::rate::Rate;
use crate::job::Bounds;
use core::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const MIB: u64 = 1_048_576;

/// A client that connects has this long to say Hello.
pub(super) const HELLO_WITHIN: Duration = Duration::from_secs(3);
/// A client has this long to sign in, unless it uses a mailbox or makes a space.
pub(super) const SIGN_IN_WITHIN: Duration = Duration::from_secs(5);
/// A client that uses a mailbox may stay without signing in for as long as a mailbox lives.
pub(super) const MAIL_WITHIN: Duration = Duration::from_secs(wire::limit::MAILBOX_SECONDS);
/// Requests that wait for their sign-in, on one connection.
pub(super) const HELD_REQUESTS_MAX: usize = 16;
/// Bytes of requests that wait for their sign-in, on one connection.
pub(super) const HELD_BYTES_MAX: usize = 65_536;
/// Bytes that a connection without a sign-in may put into mailboxes and first control items.
pub(super) const STRANGER_BYTES_MAX: usize = 65_536;
/// Requests without a sign-in before the connection is closed.
pub(super) const STRIKES_MAX: u8 = 3;
/// Appends in one group commit: the leaves under one signature.
pub(super) const BATCH_MAX: usize = wire::limit::RECEIPT_LEAVES_MAX;
/// Bytes in one group commit, so that one does not delay the next for long.
pub(super) const BATCH_BYTES_MAX: usize = 16 * 1_048_576;
/// Appends of one connection that are not committed yet: eight windows of an honest client.
pub(super) const PUSHES_OPEN_MAX: usize = 256;
/// Bytes of appends of one connection that are not committed yet.
pub(super) const PUSH_BYTES_OPEN_MAX: usize = 4 * 1_048_576;
/// Bytes of appends of all connections that are not committed yet.
pub(super) const APPEND_BYTES_OPEN_MAX: usize = 64 * 1_048_576;
/// Answers queued for one connection: above it its further reads wait.
pub(super) const QUEUE_BYTES_MAX: usize = 1_048_576;
/// Envelopes queued for one tail: above it the tail falls behind and is fed from the disk as it drains.
pub(super) const TAIL_BYTES_MAX: usize = 262_144;
/// A tail with something queued that drained nothing for so long is cut.
pub(super) const TAIL_STALL: Duration = Duration::from_secs(30);
/// What is read from the disk at once for one tail.
pub(super) const TAIL_READ_BYTES: u64 = 131_072;
/// Reads that wait on one connection: its streams are fewer.
pub(super) const READS_WAITING_MAX: usize = 64;
/// Principals and prefixes whose rates are remembered at a time.
pub(super) const RATE_KEYS_MAX: usize = 65_536;
/// Mailboxes at a time.
pub(super) const MAILBOXES_MAX: usize = 4_096;
/// Bytes in all mailboxes.
pub(super) const MAIL_BYTES_ALL_MAX: usize = 64 * 1_048_576;
/// Clients that wait at one mailbox: two phones, each after a reconnect.
pub(super) const MAIL_WAITERS_MAX: usize = 4;
/// The longest wait at a mailbox.
pub(super) const MAIL_WAIT_MAX: Duration = MINUTE;

/// Who is at the relay at a time, for a bound of its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// Connections that only listen, and read what comes.
    pub idle: u64,
    /// Connections with a tail that is not read.
    pub slow_readers: u64,
    /// Connections that never sign in.
    pub strangers: u64,
}

impl Crowd {
    /// Bytes that the relay may take for them at most: the program and its database, everything under way between
    /// connections, protocol and disk, and for each connection what it may make the relay keep.
    pub const fn memory_max(self) -> u64 {
        const PROGRAM: u64 = 64 * MIB;
        // QUIC's state, tasks and buffers of a connection: 59 KiB measured where they came one after the other, 78 KiB
        // after a storm, whose own buffers the allocator keeps.
        const CONNECTION: u64 = 96 * 1_024;
        // What lies sent to one client and unconfirmed, or was received and not yet read.
        const IN_QUIC: u64 = 256 * 1_024;
        let shared =
            PROGRAM + (2 * BATCH_BYTES_MAX + 2 * APPEND_BYTES_OPEN_MAX + MAIL_BYTES_ALL_MAX) as u64;
        let slow = CONNECTION + IN_QUIC + TAIL_BYTES_MAX as u64 + TAIL_READ_BYTES;
        let stranger = CONNECTION + (2 * STRANGER_BYTES_MAX + HELD_BYTES_MAX) as u64;
        shared + self.idle * CONNECTION + self.slow_readers * slow + self.strangers * stranger
    }
}

/// What the operator can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames on one connection. Above it the connection is closed.
    pub frames: Rate,
    /// Envelopes of one principal.
    pub pushes: Rate,
    /// Bytes of envelopes of one principal.
    pub push_bytes: Rate,
    /// Pulls and tails of one principal.
    pub pulls: Rate,
    /// Control items of one principal.
    pub control_appends: Rate,
    /// Sign-ins that fail, from one prefix.
    pub auth_failures: Rate,
    /// Spaces made from one prefix.
    pub creations: Rate,
    /// Mailboxes opened from one prefix.
    pub mailboxes: Rate,
    /// Other requests to mailboxes from one prefix: slows whoever looks for mailboxes by digits.
    pub mail_requests: Rate,
    /// Connections of one principal in one space at a time.
    pub connections_per_principal: usize,
    /// Tails on one connection.
    pub tails_per_connection: usize,
    /// How much may be stored.
    pub storage: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frames: Rate::new(4_000, 1_000, SECOND),
            pushes: Rate::new(100, 20, SECOND),
            push_bytes: Rate::new(64 * MIB, 64 * MIB, HOUR),
            pulls: Rate::new(120, 60, SECOND),
            control_appends: Rate::new(128, 10, HOUR),
            // A household that returns to a relay which forgot fails once for each space of each device.
            auth_failures: Rate::new(32, 5, MINUTE),
            creations: Rate::new(20, 20, HOUR),
            mailboxes: Rate::new(10, 10, HOUR),
            mail_requests: Rate::new(120, 120, MINUTE),
            // Five devices, each with a watch and a command beside it, and half-dead connections of the same.
            connections_per_principal: 16,
            tails_per_connection: 32,
            storage: Bounds {
                spaces: 100_000,
                envelopes_per_space: 1_000_000,
                data_bytes_per_principal: 128 * MIB,
                control_bytes_per_principal: 4 * MIB,
            },
        }
    }
}

#[cfg(test)]
impl Limits {
    /// Rates that no test reaches.
    pub(super) fn unbounded_for_tests() -> Self {
        let open = Rate::new(1 << 40, 1 << 40, SECOND);
        let rates =
            Self { frames: open, pushes: open, push_bytes: open, pulls: open, ..Self::default() };
        Self { control_appends: open, ..rates }
    }
}
