//! What is received and checked, and not handed over yet: at most one page, or a tail's lead over a slow disk.

use std::collections::VecDeque;

use super::control::Control;
use super::output::{Cursor, Delivery};

/// Envelopes in one batch: one local transaction.
pub(super) const BATCH_COUNT: usize = 256;
/// Bytes in one batch, unless one envelope alone is larger.
const BATCH_BYTES: usize = 4_194_304;
/// What a tail may bring before the owner has stored it. Above, the tail is given up and pages take over.
const BACKLOG_BYTES: usize = 4_194_304;
/// As [`BACKLOG_BYTES`], in envelopes.
const BACKLOG_COUNT: usize = 2_048;

/// The epoch that an envelope names; zero for bytes that are too short to be one.
pub(super) fn epoch_of(envelope: &[u8]) -> u32 {
    envelope.get(4..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |e| u32::from_be_bytes(*e))
}

/// Envelopes in order, each with the cursor after it.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    queue: VecDeque<(Delivery, Cursor)>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn push(&mut self, delivery: Delivery, cursor: Cursor) {
        self.bytes += delivery.envelope.len();
        self.queue.push_back((delivery, cursor));
    }

    /// The next batch and the cursor after it. Stops before an envelope whose epoch asks for the control log first.
    pub(super) fn take(&mut self, control: &mut Control) -> Option<(Vec<Delivery>, Cursor)> {
        let (mut batch, mut bytes, mut after) = (Vec::new(), 0_usize, None);
        while let Some((next, _)) = self.queue.front() {
            let len = next.envelope.len();
            let full = batch.len() >= BATCH_COUNT || bytes + len > BATCH_BYTES;
            if !batch.is_empty() && full || control.look_for(epoch_of(&next.envelope)) {
                break;
            }
            let Some((delivery, cursor)) = self.queue.pop_front() else { break };
            bytes += len;
            after = Some(cursor);
            batch.push(delivery);
        }
        self.bytes -= bytes;
        after.map(|cursor| (batch, cursor))
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a whole batch waits here.
    pub(super) fn fills_a_batch(&self) -> bool {
        self.queue.len() >= BATCH_COUNT || self.bytes >= BATCH_BYTES
    }

    /// Whether a tail brings more than may wait here.
    pub(super) fn is_over(&self) -> bool {
        self.bytes > BACKLOG_BYTES || self.queue.len() > BACKLOG_COUNT
    }
}
