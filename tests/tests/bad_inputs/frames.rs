//! Frames as bytes of a stream: B1 to B7, B9, B10.

use crate::bench::{Bench, MEBIBYTE, Refuser, Row, Said};
use wire::frame::{Frame, FrameBuffer, FrameError, HEADER_BYTES};
use wire::id::SpaceHandle;
use wire::limit::FRAME_BODY_BYTES_MAX;

const WHO: &str = "relay and phone";

const AT: Refuser = Refuser { who: WHO, bar: MEBIBYTE };

pub(crate) const ROWS: &[Row] = &[
    AT.row(1, &["wire.too_big"], "a length of 4 GiB and no body", b1),
    AT.row(2, &["wire.too_big", "-"], "one byte over the bound; the bound itself", b2),
    AT.row(3, &["wire.short"], "no body where there must be one", b3),
    AT.row(4, &["wire.short"], "the end in the middle of a frame", b4),
    AT.row(5, &["wire.trailing"], "bytes behind a body", b5),
    AT.row(6, &["-"], "an unknown type that may be skipped", b6),
    AT.row(7, &["wire.version"], "an unknown type that may not", b7),
    AT.row(9, &["wire.form"], "what could be written in another way", b9),
    AT.row(10, &["wire.count"], "a list that claims more than its bound", b10),
];

fn header(kind: u8, len: usize) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = u32::try_from(len).unwrap().to_be_bytes();
    [kind, a, b, c, d]
}

fn answer(error: FrameError) -> Said {
    assert_eq!(error.code(), error.reason().code());
    Said::new(error.code(), error)
}

/// A stream of its own brings these bytes and stays open.
fn streamed(bytes: &[u8]) -> Option<Said> {
    let mut buffer = FrameBuffer::new();
    buffer.push(bytes);
    buffer.next_frame().err().map(answer)
}

fn body(kind: u8, body: &[u8]) -> Option<Said> {
    Frame::decode(kind, body).err().map(answer)
}

/// On another stream of the same connection everything goes on.
fn next_works(bench: &mut Bench) {
    let frame = Frame::Push { sid: SpaceHandle::ZERO, envelope: vec![1; 512] };
    let mut buffer = FrameBuffer::new();
    buffer.push(&frame.encode());
    bench.good("the next frame", buffer.next_frame() == Ok(Some(frame)));
}

fn b1(bench: &mut Bench) {
    for kind in [0x92, 0x81, 0xff, 0x01] {
        bench.bad("4 GiB", || streamed(&header(kind, u32::MAX as usize)));
    }
    next_works(bench);
}

fn b2(bench: &mut Bench) {
    bench.bad("one over", || streamed(&header(0x92, FRAME_BODY_BYTES_MAX + 1)));
    bench.bad("the bound", || streamed(&header(0x92, FRAME_BODY_BYTES_MAX)));
    let envelope = vec![1; FRAME_BODY_BYTES_MAX - 16];
    let largest = Frame::Push { sid: SpaceHandle::ZERO, envelope }.encode();
    let mut buffer = FrameBuffer::new();
    buffer.push(&largest);
    bench.good("the largest frame", buffer.next_frame().is_ok_and(|frame| frame.is_some()));
    next_works(bench);
}

fn b3(bench: &mut Bench) {
    for kind in (0x81..=0x9b).filter(|kind| ![0x9a, 0x87, 0x88].contains(kind)) {
        bench.bad("no body", || streamed(&header(kind, 0)));
    }
    next_works(bench);
}

fn b4(bench: &mut Bench) {
    let frame = Frame::Push { sid: SpaceHandle::ZERO, envelope: vec![1; 512] };
    let whole = frame.encode();
    for cut in [1, 4, 5, 6, 20, 532] {
        bench.bad("cut", || {
            let mut buffer = FrameBuffer::new();
            buffer.push(&whole[..cut]);
            assert_eq!(buffer.next_frame(), Ok(None));
            buffer.finish().err().map(answer)
        });
    }
    next_works(bench);
}

fn b5(bench: &mut Bench) {
    bench.bad("a greeting and a byte", || body(0x81, &[1, 1, 0]));
    bench.bad("an end and a byte", || body(0x9a, &[0]));
    bench.bad("in a stream", || streamed(&[header(0x9a, 1).as_slice(), &[0]].concat()));
    next_works(bench);
}

fn b6(bench: &mut Bench) {
    let known = Frame::MailEnd;
    let stream = [header(0x7f, 3).as_slice(), &[1, 2, 3], &known.encode()].concat();
    let mut buffer = FrameBuffer::new();
    bench.bad("a type of a later version", || {
        buffer.push(&stream);
        assert_eq!(buffer.next_frame(), Ok(Some(known.clone())));
        assert_eq!(buffer.skipped(), 1);
        None
    });
    buffer.push(&known.encode());
    bench.good("the stream lives", buffer.next_frame() == Ok(Some(known)));
}

fn b7(bench: &mut Bench) {
    for kind in [0x80, 0x87, 0x88, 0xfe, 0xff] {
        bench.bad("a critical type", || streamed(&header(kind, 0)));
    }
    next_works(bench);
}

fn b9(bench: &mut Bench) {
    bench.bad("a list of no principals", || body(0x95, &[0]));
    let receipt = [vec![3; 113], vec![0; 100]].concat();
    bench.bad("a receipt with another number", || body(0x93, &receipt));
    next_works(bench);
}

fn b10(bench: &mut Bench) {
    bench.bad("three principals", || body(0x95, &[3]));
    bench.bad("20 bytes", || body(0x95, &[255; 20]));
    let create = [[0; 16].as_slice(), &[255; 4]].concat();
    bench.bad("4 GiB of an item", || body(0x8d, &create));
    next_works(bench);
}
