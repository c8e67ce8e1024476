//! Bytes from a stranger as a stream of frames, in pieces of any size: what decodes encodes to what it was, and the
//! pieces change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::frame::{Frame, FrameBuffer};

fn whole(bytes: &[u8]) -> usize {
    let mut buffer = FrameBuffer::new();
    buffer.push(bytes);
    std::iter::from_fn(|| buffer.next_frame().ok().flatten()).count()
}

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.last().map_or(97, |last| usize::from(*last) + 1);
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
    assert_eq!(frames, whole(bytes));
});
