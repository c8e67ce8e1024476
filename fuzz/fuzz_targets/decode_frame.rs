//! Bytes from a stranger as a stream of frames: what decodes encodes to what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::frame::{Frame, FrameBuffer};

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = FrameBuffer::new();
    for piece in bytes.chunks(97) {
        buffer.push(piece);
        while let Ok(Some(frame)) = buffer.next_frame() {
            let encoded = frame.encode();
            let (head, body) = encoded.split_first_chunk::<5>().expect("a frame has a head");
            let (kind, _) = Frame::decode_header(*head).expect("our own head");
            assert_eq!(Frame::decode(kind, body), Ok(Some(frame)));
        }
    }
});
