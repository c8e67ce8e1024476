//! The outbox of one space: in order, a window of envelopes in flight, each gone only with its receipt.
//!
//! After a refusal nothing more is sent until all that is in flight is answered, then from the first envelope without
//! a receipt on: so the relay's log keeps the outbox's order. Sending twice is harmless: the relay knows an envelope
//! by its id and answers with the receipt it gave before.

use core::time::Duration;
use std::collections::VecDeque;

use wire::frame::{Channel, Frame};
use wire::hash::envelope_id;
use wire::id::{EnvelopeId, SpaceHandle};
use wire::receipt::{Receipt, ReceiptKind};
use wire::refusal::Refusal;
use wire::time::Moment;

use super::backoff::Retry;
use super::lie::Lie;
use super::line::{Line, asked_wait};
use super::output::{Output, Pending};

/// Envelopes fetched or in flight at once.
const WINDOW: usize = 32;
/// Their bytes, unless one alone is larger.
const WINDOW_BYTES: usize = 1_048_576;

#[derive(Debug)]
enum State {
    /// In the store only.
    Waiting,
    /// `FetchEnvelope` is out.
    Asked,
    /// Fetched; an earlier one is not.
    Given(Vec<u8>),
    /// In flight.
    Sent,
}

#[derive(Debug)]
struct Slot {
    pending: Pending,
    state: State,
}

/// The outbox and what of it is in flight.
#[derive(Debug)]
pub(super) struct Push {
    sid: SpaceHandle,
    outbox: VecDeque<Slot>,
    /// Sent and not answered, in the order of sending.
    in_flight: VecDeque<(u64, EnvelopeId)>,
    /// A refusal came, or the outbox was replaced: send no more before the stream is drained.
    draining: bool,
    /// `Reseal` is out.
    resealing: bool,
    /// The epoch for which `Reseal` was asked last on this connection.
    resealed_for: Option<u32>,
    /// The relay forgot; the owner has not said yet what it lacks.
    reseeding: bool,
    retry: Retry,
}

impl Push {
    pub(super) const fn new(sid: SpaceHandle, reseeding: bool) -> Self {
        Self {
            sid,
            outbox: VecDeque::new(),
            in_flight: VecDeque::new(),
            draining: false,
            resealing: false,
            resealed_for: None,
            reseeding,
            retry: Retry::NEW,
        }
    }

    /// Replaces the outbox. `level`: all that the relay holds was handed over, so the owner knows what it lacks.
    pub(super) fn replace(&mut self, outbox: Vec<Pending>, level: bool) {
        let in_flight = &self.in_flight;
        let slot = |pending: Pending| {
            let sent = in_flight.iter().any(|(key, _)| *key == pending.key);
            Slot { pending, state: if sent { State::Sent } else { State::Waiting } }
        };
        self.outbox = outbox.into_iter().map(slot).collect();
        self.draining = !self.in_flight.is_empty();
        self.resealing = false;
        self.reseeding &= !level;
    }

    /// Adds one at the end.
    pub(super) fn enqueue(&mut self, pending: Pending) {
        if self.outbox.iter().all(|slot| slot.pending.key != pending.key) {
            self.outbox.push_back(Slot { pending, state: State::Waiting });
        }
    }

    /// The bytes of an envelope that was fetched. Bytes of another epoch than its row's are late: newer ones come.
    pub(super) fn give(&mut self, key: u64, envelope: Vec<u8>) {
        let window = self.outbox.iter_mut().take(WINDOW);
        let asked =
            |slot: &&mut Slot| slot.pending.key == key && matches!(slot.state, State::Asked);
        if let Some(slot) = window.into_iter().find(asked)
            && super::backlog::epoch_of(&envelope) == slot.pending.epoch
        {
            slot.state = State::Given(envelope);
        }
    }

    /// The row is gone: it was sent, or the owner dropped it.
    pub(super) fn withdraw(&mut self, key: u64) {
        self.outbox.retain(|slot| slot.pending.key != key || matches!(slot.state, State::Sent));
    }

    pub(super) fn step(&mut self, allowed: bool, epoch: u32, line: &mut Line) {
        if self.in_flight.is_empty() {
            self.draining = false;
        }
        let held = self.draining || self.resealing || self.reseeding;
        if held || !allowed || !self.retry.is_ready(line.now) {
            return;
        }
        let (sid, mut bytes) = (self.sid, 0_usize);
        let mut in_order = true;
        for (at, slot) in self.outbox.iter_mut().take(WINDOW).enumerate() {
            bytes = bytes.saturating_add(slot.pending.bytes);
            if bytes > WINDOW_BYTES && at > 0 {
                break;
            }
            if slot.pending.epoch < epoch && !matches!(slot.state, State::Sent) {
                // What is in flight is answered first: it may be durable already.
                if at == 0 {
                    self.resealing = true;
                    if self.resealed_for.replace(epoch) == Some(epoch) {
                        // The owner could not: not again at once.
                        self.retry.failed(line.now, Duration::ZERO, &mut line.jitter);
                    }
                    line.put(Output::Reseal { sid });
                }
                break;
            }
            match core::mem::replace(&mut slot.state, State::Asked) {
                State::Waiting => {
                    line.put(Output::FetchEnvelope { sid, key: slot.pending.key });
                    in_order = false;
                }
                State::Asked => in_order = false,
                State::Given(envelope) if in_order => {
                    self.in_flight.push_back((slot.pending.key, envelope_id(&envelope)));
                    slot.state = State::Sent;
                    let frame = Frame::Push { sid, envelope };
                    line.put(Output::Send { channel: Channel::Push(sid), frame, last: false });
                }
                given @ State::Given(_) => slot.state = given,
                State::Sent => slot.state = State::Sent,
            }
        }
    }

    /// The oldest in flight is durable.
    pub(super) fn pushed(&mut self, receipt: Receipt, line: &mut Line) -> Result<(), Lie> {
        let (key, id) = self.in_flight.pop_front().ok_or(Lie::Unasked)?;
        let body = &receipt.body;
        let fits = body.kind == ReceiptKind::Data
            && body.sid == self.sid
            && body.id == id.to_bytes()
            && body.n > 0;
        if !fits {
            return Err(Lie::Receipt);
        }
        if let Some(at) = self.outbox.iter().position(|slot| slot.pending.key == key) {
            self.outbox.remove(at);
        }
        if !self.draining {
            self.retry.reset();
        }
        line.put(Output::Sent { sid: self.sid, key, receipt });
        Ok(())
    }

    /// The oldest in flight is refused: it waits. True for the first of a row of refusals.
    pub(super) fn refused(&mut self, refusal: Refusal, line: &mut Line) -> Result<bool, Lie> {
        let (key, _) = self.in_flight.pop_front().ok_or(Lie::Unasked)?;
        if let Some(slot) = self.outbox.iter_mut().find(|slot| slot.pending.key == key) {
            slot.state = State::Waiting;
        }
        let first = !self.draining;
        self.draining = true;
        if first {
            self.retry.failed(line.now, asked_wait(refusal), &mut line.jitter);
        }
        Ok(first)
    }

    /// The relay ended the stream: what it did not answer is sent again on a new one.
    pub(super) fn closed(&mut self, line: &mut Line) {
        line.put(Output::Cancel { channel: Channel::Push(self.sid) });
        if !self.in_flight.is_empty() && !self.draining {
            self.retry.failed(line.now, Duration::ZERO, &mut line.jitter);
        }
        self.lose_flight();
    }

    /// The connection is gone.
    pub(super) fn cut(&mut self) {
        self.lose_flight();
        (self.resealing, self.resealed_for) = (false, None);
        self.retry.reset();
    }

    fn lose_flight(&mut self) {
        self.in_flight.clear();
        self.draining = false;
        for slot in &mut self.outbox {
            slot.state = State::Waiting;
        }
    }

    /// The relay forgot: the owner says first what it lacks.
    pub(super) const fn hold_for_reseeding(&mut self) {
        self.reseeding = true;
    }

    pub(super) const fn retry_now(&mut self) {
        self.retry.reset();
    }

    pub(super) fn is_owed(&self) -> bool {
        !self.in_flight.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty() && self.in_flight.is_empty() && !self.reseeding
    }

    pub(super) fn len(&self) -> usize {
        self.outbox.len()
    }

    pub(super) fn timeout(&self, now: Moment) -> Option<Moment> {
        self.retry.timeout(now)
    }
}
