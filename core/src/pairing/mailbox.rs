//! One side's view of the box at the relay: what it wrote, what it read, what it still asks for.
//!
//! The box is append-only and has one place for each message, so whoever else writes into it is seen: at a place of
//! the other side as a second text, at an own place as a text that is not ours.

use super::error::PairError;
use super::output::Output;
use crate::crypto::{ClassKey, Home, PairingSecret, Random, Zeroizing, open, seal};
use crate::model::id::SpaceId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::envelope::Envelope;
use wire::id::{RendezvousId, SpaceHandle};
use wire::limit::MAIL_BYTES_MAX;

/// The last message.
const LAST: u8 = 8;

/// Who writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inviter = 0,
    Joiner = 1,
}

impl Side {
    /// Messages alternate, the inviter's are the even ones.
    const fn writes(self, idx: u8) -> bool {
        idx % 2 == self as u8
    }
}

/// What was written and read so far, and what comes out next.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) rid: RendezvousId,
    side: Side,
    sent: BTreeMap<u8, Vec<u8>>,
    unstored: BTreeSet<u8>,
    received: BTreeMap<u8, Vec<u8>>,
    wanted: Option<u8>,
    outputs: VecDeque<Output>,
}

impl Mailbox {
    pub(super) const fn new(rid: RendezvousId, side: Side) -> Self {
        Self {
            rid,
            side,
            sent: BTreeMap::new(),
            unstored: BTreeSet::new(),
            received: BTreeMap::new(),
            wanted: None,
            outputs: VecDeque::new(),
        }
    }

    pub(super) fn put(&mut self, idx: u8, bytes: Vec<u8>) {
        self.unstored.insert(idx);
        self.sent.insert(idx, bytes.clone());
        self.outputs.push_back(Output::Put { idx, bytes });
    }

    pub(super) fn get(&mut self, from: u8) {
        self.wanted = Some(from);
        self.outputs.push_back(Output::Get { from });
    }

    pub(super) fn say(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Takes a message in. An empty one is a farewell, whichever of the two would write there.
    ///
    /// # Errors
    /// [`PairError::Left`] for a farewell, [`PairError::Used`] if another text stood at its place, [`PairError::Form`]
    /// if it is too long.
    pub(super) fn accept(&mut self, idx: u8, bytes: &[u8]) -> Result<(), PairError> {
        if idx > LAST {
            return Ok(());
        }
        if bytes.is_empty() {
            return Err(PairError::Left);
        }
        if bytes.len() > MAIL_BYTES_MAX {
            return Err(PairError::Form);
        }
        let known = if self.side.writes(idx) {
            self.sent.get(&idx).ok_or(PairError::Used)?
        } else {
            self.received.entry(idx).or_insert_with(|| bytes.to_vec())
        };
        if known == bytes { Ok(()) } else { Err(PairError::Used) }
    }

    /// A message that came, if it came.
    pub(super) fn received(&self, idx: u8) -> Option<&[u8]> {
        self.received.get(&idx).map(Vec::as_slice)
    }

    /// A message that was written.
    pub(super) fn sent(&self, idx: u8) -> &[u8] {
        self.sent.get(&idx).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn stored(&mut self, idx: u8) {
        self.unstored.remove(&idx);
    }

    pub(super) fn all_stored(&self) -> bool {
        self.unstored.is_empty()
    }

    /// Says again what a lost connection may have lost.
    pub(super) fn repeat(&mut self) {
        self.outputs.retain(|output| !matches!(output, Output::Put { .. } | Output::Get { .. }));
        for idx in &self.unstored {
            let bytes = self.sent.get(idx).cloned().unwrap_or_default();
            self.outputs.push_back(Output::Put { idx: *idx, bytes });
        }
        if let Some(from) = self.wanted {
            self.outputs.push_back(Output::Get { from });
        }
    }

    /// Drops all that is not done yet and says the end.
    pub(super) fn end(&mut self, end: Output) {
        self.outputs.clear();
        self.unstored.clear();
        self.received.clear();
        self.wanted = None;
        self.outputs.push_back(end);
    }

    /// Ends without success. The other side is told at the next free place, if the box is known to be there and the
    /// other side does not know already.
    pub(super) fn burn(&mut self, error: PairError) {
        let there = !self.unstored.contains(&0);
        let last = self.sent.keys().chain(self.received.keys()).max().copied();
        let last = last.filter(|_| there && error.is_told());
        self.end(Output::Burned(error));
        if let Some(idx) = last.map(|last| last + 1).filter(|idx| *idx <= LAST) {
            self.outputs.push_front(Output::Put { idx, bytes: Vec::new() });
        }
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Seals one of the last messages.
    pub(super) fn seal(
        &self,
        channel: &PairingSecret,
        idx: u8,
        inner: &[u8],
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, PairError> {
        let key = ClassKey::mailbox(self.rid, channel.as_bytes(), idx, self.side as u8);
        let bytes = seal(&key, &self.home(), inner, random).map_err(|_| PairError::Form)?;
        if bytes.len() > MAIL_BYTES_MAX { Err(PairError::Form) } else { Ok(bytes) }
    }

    /// Opens one of the last messages, if it came.
    pub(super) fn open(
        &self,
        channel: &PairingSecret,
        idx: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, PairError> {
        let Some(bytes) = self.received(idx) else { return Ok(None) };
        let from = match self.side {
            Side::Inviter => Side::Joiner,
            Side::Joiner => Side::Inviter,
        };
        let key = ClassKey::mailbox(self.rid, channel.as_bytes(), idx, from as u8);
        let envelope = Envelope::decode(bytes).map_err(|_| PairError::Form)?;
        open(&key, &self.home(), &envelope).map(Some).map_err(|_| PairError::Mismatch)
    }

    fn home(&self) -> Home {
        Home { sid: SpaceHandle::from_bytes(self.rid.to_bytes()), space: SpaceId::ZERO }
    }
}
