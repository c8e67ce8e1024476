//! Frames that no honest program sends: each is refused by name, before memory is taken, and the next good one works.

use proptest::prelude::*;
use wire::frame::{Frame, FrameBuffer, FrameError, HEADER_BYTES, Pending};
use wire::id::SpaceHandle;
use wire::limit::FRAME_BODY_BYTES_MAX;

fn header(kind: u8, len: u32) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = len.to_be_bytes();
    [kind, a, b, c, d]
}

fn read(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let mut buffer = FrameBuffer::new();
    buffer.push(bytes);
    buffer.next_frame()
}

fn push_of(len: usize) -> Vec<u8> {
    Frame::Push { sid: SpaceHandle::ZERO, envelope: vec![1; len] }.encode()
}

#[test]
fn b1_the_largest_length_is_refused_from_its_header_alone() {
    for kind in [0x92, 0x81, 0xff, 0x01] {
        assert_eq!(read(&header(kind, u32::MAX)), Err(FrameError::TooBig));
    }
    assert_eq!(FrameError::TooBig.code(), "wire.too_big");
    assert_eq!(FrameError::TooBig.to_string(), "Message larger than 1 MiB. Connection closed.");
}

#[test]
fn b2_one_byte_over_the_bound_is_refused_and_the_bound_itself_passes() {
    let bound = u32::try_from(FRAME_BODY_BYTES_MAX).unwrap();
    assert_eq!(read(&header(0x92, bound + 1)), Err(FrameError::TooBig));
    assert_eq!(read(&header(0x92, bound)), Ok(None));
    assert!(read(&push_of(FRAME_BODY_BYTES_MAX - 16)).unwrap().is_some());
}

#[test]
fn a_short_type_that_claims_a_long_body_is_refused_from_its_header() {
    assert_eq!(read(&header(0x81, 513)), Err(FrameError::TooBig));
    let mut buffer = FrameBuffer::with_body_max(4_096);
    buffer.push(&header(0x92, 4_097));
    assert_eq!(buffer.next_frame(), Err(FrameError::TooBig));
}

#[test]
fn b3_a_frame_without_its_body_is_refused() {
    for kind in (0x81..=0x9b).filter(|kind| ![0x9a, 0x87, 0x88].contains(kind)) {
        assert_eq!(read(&header(kind, 0)), Err(FrameError::Short), "{kind:x}");
    }
    assert_eq!(Frame::decode(0x92, &[0; 16]), Err(FrameError::Short));
    assert_eq!(FrameError::Short.code(), "wire.short");
}

#[test]
fn b4_a_stream_that_ends_inside_a_frame_is_refused() {
    let whole = push_of(512);
    for cut in 1..whole.len() {
        let mut buffer = FrameBuffer::new();
        buffer.push(&whole[..cut]);
        assert_eq!(buffer.next_frame(), Ok(None));
        assert_eq!(buffer.finish(), Err(FrameError::Short));
        assert_eq!(buffer.pending(), if cut < 5 { Pending::Header } else { Pending::Body });
    }
    let mut buffer = FrameBuffer::new();
    buffer.push(&whole);
    assert!(buffer.next_frame().unwrap().is_some());
    assert_eq!((buffer.finish(), buffer.pending()), (Ok(()), Pending::Nothing));
}

#[test]
fn b5_bytes_after_a_body_are_refused() {
    assert_eq!(Frame::decode(0x81, &[1, 1, 0]), Err(FrameError::Trailing));
    assert_eq!(Frame::decode(0x9a, &[0]), Err(FrameError::Trailing));
    assert_eq!(FrameError::Trailing.code(), "wire.trailing");
}

#[test]
fn b6_an_unknown_type_that_is_not_critical_is_skipped_and_counted() {
    let mut buffer = FrameBuffer::new();
    buffer.push(&[header(0x7f, 3).as_slice(), &[1, 2, 3], &Frame::MailEnd.encode()].concat());
    assert_eq!(buffer.next_frame(), Ok(Some(Frame::MailEnd)));
    assert_eq!(buffer.skipped(), 1);
}

#[test]
fn b7_an_unknown_type_that_is_critical_is_of_a_newer_version() {
    for kind in [0x80, 0x87, 0x88, 0x9c, 0xff] {
        assert_eq!(read(&header(kind, 0)), Err(FrameError::Version), "{kind:x}");
    }
    assert_eq!(FrameError::Version.code(), "wire.version");
    assert_eq!(FrameError::Version.to_string(), "This needs a newer version of the app.");
}

#[test]
fn b9_what_could_be_written_in_another_way_is_refused() {
    assert_eq!(Frame::decode(0x95, &[0]), Err(FrameError::Form));
    let mut receipt = vec![3; 113];
    receipt.extend([0; 100]);
    assert_eq!(Frame::decode(0x93, &receipt), Err(FrameError::Form));
    assert_eq!(FrameError::Form.code(), "wire.form");
}

#[test]
fn b10_a_list_that_claims_more_than_its_bound_is_refused_before_its_items() {
    assert_eq!(Frame::decode(0x95, &[3]), Err(FrameError::Count));
    assert_eq!(Frame::decode(0x95, &[255; 20]), Err(FrameError::Count));
    let create = [[0; 16].as_slice(), &[255; 4]].concat();
    assert_eq!(Frame::decode(0x8d, &create), Err(FrameError::Count));
    assert_eq!(FrameError::Count.code(), "wire.count");
}

proptest! {
    /// The relay and the client read bytes from strangers.
    #[test]
    fn no_bytes_make_decode_panic_and_what_decodes_encodes_to_the_same(
        kind in prop_oneof![any::<u8>(), 0x81_u8..0x9c],
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        if let Ok(Some(frame)) = Frame::decode(kind, &body) {
            let len = u32::try_from(body.len()).unwrap();
            prop_assert_eq!(frame.encode(), [header(kind, len).as_slice(), &body].concat());
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same_frames(cuts in proptest::collection::vec(1_usize..700, 1..20)) {
        let frames = [push_of(512), Frame::MailEnd.encode(), push_of(1_000), push_of(1)];
        let bytes = frames.concat();
        let (mut buffer, mut read, mut rest) = (FrameBuffer::new(), Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            rest = more;
            buffer.push(piece);
            while let Some(frame) = buffer.next_frame().unwrap() {
                read.push(frame.encode());
            }
        }
        prop_assert_eq!(read.concat(), bytes);
        prop_assert_eq!(buffer.finish(), Ok(()));
    }

    #[test]
    fn no_stream_makes_the_buffer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut buffer = FrameBuffer::new();
        buffer.push(&bytes);
        while let Ok(Some(_)) = buffer.next_frame() {}
    }
}
