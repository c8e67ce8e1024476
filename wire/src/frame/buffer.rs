//! Puts frames together from the pieces that a stream brings.

use super::error::FrameError;
use super::message::Frame;
use super::read::HEADER_BYTES;
use crate::limit::FRAME_BODY_BYTES_MAX;

/// What a stream stopped in the middle of: how long a peer may take depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Nothing: the last frame is whole.
    Nothing,
    /// The type and length of a frame.
    Header,
    /// The body of a frame.
    Body,
}

/// The bytes of one stream that are not frames yet.
///
/// Holds one unfinished frame and whatever the last piece brought beyond it, so its memory is bounded by the largest
/// frame allowed here plus the size of the pieces that its owner reads.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    body_max: Option<usize>,
    skipped: u64,
}

impl FrameBuffer {
    /// Starts empty; bodies up to the bound of their type.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, body_max: None, skipped: 0 }
    }

    /// Starts empty; no body longer than this.
    pub const fn with_body_max(body_max: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, body_max: Some(body_max), skipped: 0 }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole frame, or `None` until more bytes come. Unknown types that may be skipped are counted and skipped.
    ///
    /// # Errors
    /// [`FrameError`]: then the stream is of no further use.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            let waiting = self.bytes.get(self.start..).unwrap_or_default();
            let Some((header, rest)) = waiting.split_first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            let (kind, len) = Frame::decode_header(*header)?;
            if len > self.body_max.unwrap_or(FRAME_BODY_BYTES_MAX) {
                return Err(FrameError::TooBig);
            }
            let Some(body) = rest.get(..len) else { return Ok(None) };
            let decoded = Frame::decode(kind, body)?;
            self.start += HEADER_BYTES + len;
            match decoded {
                Some(frame) => return Ok(Some(frame)),
                None => self.skipped += 1,
            }
        }
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// [`FrameError::Short`] if it ended in the middle of a frame.
    pub const fn finish(&self) -> Result<(), FrameError> {
        if self.start == self.bytes.len() { Ok(()) } else { Err(FrameError::Short) }
    }

    /// What the stream stopped in the middle of. To be asked after [`FrameBuffer::next_frame`] gave `None`.
    pub const fn pending(&self) -> Pending {
        match self.bytes.len() - self.start {
            0 => Pending::Nothing,
            1..HEADER_BYTES => Pending::Header,
            _ => Pending::Body,
        }
    }

    /// How many frames of unknown type were skipped.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}
