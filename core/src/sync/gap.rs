//! Pulling old positions once more, for gap tickets: the cursor stays where it is.

use core::time::Duration;
use std::collections::VecDeque;

use wire::frame::Frame;
use wire::id::SpaceHandle;
use wire::limit::ENVELOPE_BYTES_MAX;
use wire::time::Moment;

use super::backoff::Retry;
use super::lie::Lie;
use super::line::{Line, Route};
use super::output::Delivery;
use super::pull::PAGE_BYTES;

/// Where pulling again stands.
#[derive(Debug)]
enum Phase {
    Idle,
    /// A page is open.
    Paging {
        bytes: usize,
        before: u64,
    },
}

/// The positions to pull once more: from `next + 1` up to `until`.
#[derive(Debug)]
pub(super) struct Again {
    /// The lowest position asked for and not begun.
    wanted: Option<u64>,
    next: u64,
    until: u64,
    phase: Phase,
    ready: VecDeque<Delivery>,
    retry: Retry,
}

impl Again {
    pub(super) fn new() -> Self {
        Self {
            wanted: None,
            next: 0,
            until: 0,
            phase: Phase::Idle,
            ready: VecDeque::new(),
            retry: Retry::default(),
        }
    }

    /// Asks for all from `from_n` on.
    pub(super) fn want(&mut self, from_n: u64) {
        let from_n = from_n.max(1);
        self.wanted = Some(self.wanted.map_or(from_n, |wanted| wanted.min(from_n)));
    }

    /// Opens the next page, if one is wanted. `stored` is the cursor's position.
    pub(super) fn step(&mut self, sid: SpaceHandle, stored: u64, line: &mut Line) {
        let busy = matches!(self.phase, Phase::Paging { .. }) || !self.ready.is_empty();
        if busy || !line.has_room() || !self.retry.is_ready(line.now) {
            return;
        }
        if self.next >= self.until {
            let Some(from) = self.wanted.take() else { return };
            (self.next, self.until) = (from - 1, stored);
            if self.next >= self.until {
                return;
            }
        }
        self.phase = Phase::Paging { bytes: 0, before: self.next };
        let frame = Frame::Pull { sid, after: self.next, max_bytes: PAGE_BYTES as u64 };
        line.request(Route::Again(sid), frame);
    }

    pub(super) fn data(&mut self, n: u64, envelope: Vec<u8>) -> Result<(), Lie> {
        let Phase::Paging { bytes, .. } = &mut self.phase else { return Err(Lie::Unasked) };
        let expected = self.next + 1;
        if n != expected {
            return Err(Lie::Order { expected, got: n });
        }
        *bytes += envelope.len();
        if *bytes > PAGE_BYTES + ENVELOPE_BYTES_MAX {
            return Err(Lie::TooMuch);
        }
        self.next = n;
        // What lies behind the cursor's position comes on the way forward.
        if n <= self.until {
            self.ready.push_back(Delivery::new(n, envelope));
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Lie> {
        let Phase::Paging { before, .. } = self.phase else { return Err(Lie::Unasked) };
        if self.next == before {
            return Err(Lie::Stalled);
        }
        self.phase = Phase::Idle;
        self.retry.reset();
        Ok(())
    }

    pub(super) fn failed(&mut self, at_least: Duration, line: &mut Line) {
        self.cut();
        self.retry.failed(line.now, at_least, &mut line.jitter);
    }

    /// What is handed over next, oldest first; empty while a page is still coming.
    pub(super) fn take(&mut self, count_max: usize) -> Vec<Delivery> {
        match self.phase {
            Phase::Paging { .. } => Vec::new(),
            Phase::Idle => self.ready.drain(..count_max.min(self.ready.len())).collect(),
        }
    }

    /// The connection or the page is gone: what was not handed over is wanted again.
    pub(super) fn cut(&mut self) {
        if self.next < self.until || !self.ready.is_empty() {
            let from = self.ready.front().map_or(self.next + 1, |delivery| delivery.n);
            self.want(from);
        }
        self.ready.clear();
        self.phase = Phase::Idle;
        (self.next, self.until) = (0, 0);
        self.retry.reset();
    }

    /// The relay counts anew: old positions mean nothing.
    pub(super) fn forget(&mut self) {
        self.cut();
        self.wanted = None;
    }

    pub(super) fn hurry(&mut self) {
        self.retry.reset();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.wanted.is_none() && self.next >= self.until && self.ready.is_empty()
    }

    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        self.retry.timeout(now)
    }
}
