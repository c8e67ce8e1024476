//! Bytes from a stranger as a stream of frames, in pieces of any size, and any bodies behind honest heads: what decodes
//! encodes to what it was, and the pieces change nothing.

use arbitrary::{Arbitrary, Unstructured};
use wire::frame::{Frame, FrameBuffer};

/// Frames of a stream that was put together at most.
const FRAMES_MAX: usize = 32;

/// How many frames come out of bytes that arrive in pieces of this size.
fn frames(bytes: &[u8], size: usize) -> usize {
    let (mut buffer, mut frames) = (FrameBuffer::new(), 0);
    for piece in bytes.chunks(size) {
        buffer.push(piece);
        while let Ok(Some(frame)) = buffer.next_frame() {
            let encoded = frame.encode();
            let (head, body) = encoded.split_first_chunk::<5>().expect("a frame has a head");
            let (kind, _) = Frame::decode_header(*head).expect("our own head");
            assert_eq!(Frame::decode(kind, body), Ok(Some(frame)));
            frames += 1;
        }
    }
    frames
}

/// Each body behind a head that tells its length.
fn stream(bodies: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
    let bodies = bodies.into_iter().take(FRAMES_MAX);
    let frame = |(kind, body): (u8, Vec<u8>)| {
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&[kind][..], &len, &body].concat()
    };
    bodies.flat_map(frame).collect()
}

/// Reads the bytes, and the frames that they stand for.
pub fn decode_frame(bytes: &[u8]) {
    let size = bytes.last().map_or(97, |last| usize::from(*last) + 1);
    assert_eq!(frames(bytes, size), frames(bytes, usize::MAX));
    if let Ok(bodies) = Arbitrary::arbitrary_take_rest(Unstructured::new(bytes)) {
        let bytes = stream(bodies);
        assert_eq!(frames(&bytes, size), frames(&bytes, usize::MAX));
    }
}
