//! Two clients against one relay: honest steps and any frames, in any order. The relay never panics, and comes to
//! rest after each step.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reknit_core::crypto::SigningKey;
use reknit_relay::protocol::{
    ConnectionId, Limits, Now, Output, Prefix, Relay, RelayKey, StreamId,
};
use reknit_relay::storage::Storage;
use std::time::Duration;
use wire::frame::{Creation, Frame, Principal, encode_principals};
use wire::hash::item_hash;
use wire::id::{PrincipalKey, SpaceHandle, StoreId};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::time::{Moment, Timestamp};
use wire::version::VersionRange;

const SID: SpaceHandle = SpaceHandle::from_bytes([1; 16]);
const STORE: StoreId = StoreId::from_bytes([2; 16]);

struct World {
    relay: Relay,
    storage: Storage,
    now: Now,
    key: SigningKey,
}

impl World {
    fn new() -> Self {
        let now = Now { moment: Moment::ORIGIN, timestamp: Timestamp::from_millis(0) };
        let key = RelayKey::from_seed(&[9; 32]).expect("a seed");
        let relay = Relay::new(key, STORE, Limits::default(), now);
        // Each run has a database of its own: it ends with the run.
        let storage = Storage::memory("fuzz", STORE).expect("a database in memory");
        Self { relay, storage, now, key: SigningKey::from_seed(&[3; 32]) }
    }

    fn exporter(connection: ConnectionId) -> [u8; 32] {
        [u8::try_from(connection.0).unwrap_or(0); 32]
    }

    fn principal(&self) -> PrincipalKey {
        self.key.public().into()
    }

    fn frame(&mut self, connection: ConnectionId, stream: StreamId, frame: Frame) {
        self.relay.handle_frame(connection, stream, frame, self.now);
    }

    /// Carries out what the relay wants, until it wants nothing.
    fn settle(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Commit(batch) => match self.storage.commit(batch) {
                    Ok(committed) => self.relay.handle_committed(committed, self.now),
                    Err(failure) => self.relay.handle_commit_failed(failure, self.now),
                },
                Output::Read { ticket, read } => {
                    let answer = self.storage.read(read);
                    self.relay.handle_answer(ticket, answer, self.now);
                }
                Output::Send { connection, stream, frame, weight, .. } => {
                    let encoded = frame.encode();
                    let (head, body) =
                        encoded.split_first_chunk::<5>().expect("a frame has a head");
                    let (kind, len) = Frame::decode_header(*head).expect("our own head");
                    assert_eq!(len, body.len());
                    assert_eq!(Frame::decode(kind, body), Ok(Some(frame)));
                    self.relay.handle_written(connection, stream, weight, self.now);
                }
                Output::OpenTail { .. }
                | Output::Finish { .. }
                | Output::Cut { .. }
                | Output::Close { .. } => {}
            }
        }
    }

    fn create(&mut self, connection: ConnectionId, stream: StreamId) {
        let item = control_item();
        let key = self.principal();
        let principals = vec![Principal { acc: key, adm: key, recovery: key }];
        let new = NewSpace {
            relay: self.relay.id(),
            sid: SID,
            item: item_hash(&item),
            principals: &encode_principals(&principals),
            exporter: &Self::exporter(connection),
        };
        let signature = self.key.sign_bytes(&creation_bytes(&new)).0;
        let creation = Some(Creation { principals, signature });
        self.frame(connection, stream, Frame::ControlAppend { sid: SID, idx: 0, item, creation });
    }

    fn sign_in(&mut self, connection: ConnectionId) {
        let bytes = auth_bytes(self.relay.id(), SID, &Self::exporter(connection));
        let (key, signature) = (self.principal(), self.key.sign_bytes(&bytes).0);
        self.frame(connection, StreamId::CONTROL, Frame::Auth { sid: SID, key, signature });
    }

    fn step(&mut self, code: u8, bytes: &mut &[u8]) {
        let connection = ConnectionId(u64::from(code >> 4 & 1));
        let stream = StreamId(u64::from(code >> 5));
        match code & 15 {
            0 => {
                let prefix = Prefix(connection.0);
                self.relay.handle_connected(
                    connection,
                    prefix,
                    Self::exporter(connection),
                    self.now,
                );
                let versions = VersionRange { lowest: 1, highest: 1 };
                self.frame(connection, StreamId::CONTROL, Frame::Hello { versions });
            }
            1 => self.create(connection, stream),
            2 => self.sign_in(connection),
            3 => self.frame(connection, StreamId::CONTROL, Frame::Tail { sid: SID, after: 0 }),
            4 => {
                let envelope = envelope(bytes.first().copied().unwrap_or(0));
                self.frame(connection, stream, Frame::Push { sid: SID, envelope });
            }
            5 => self.frame(
                connection,
                stream,
                Frame::Pull { sid: SID, after: 0, max_bytes: 1 << 20 },
            ),
            6 => self.relay.handle_disconnected(connection, self.now),
            7 => self.relay.handle_stream_closed(connection, stream, self.now),
            8 => self.relay.handle_stream_finished(connection, stream, self.now),
            9 => {
                let millis = u64::from(bytes.first().copied().unwrap_or(0)) * 250;
                let moment = self.now.moment.since_origin() + Duration::from_millis(millis);
                self.now.moment = Moment::after_origin(moment);
                self.relay.handle_timeout(self.now);
            }
            10 => self.relay.handle_skipped(connection, 100, self.now),
            _ => self.any_frame(connection, stream, bytes),
        }
        self.settle();
        assert!(self.relay.is_settled());
    }

    fn any_frame(&mut self, connection: ConnectionId, stream: StreamId, bytes: &mut &[u8]) {
        let Some((head, rest)) = bytes.split_first_chunk::<2>() else { return };
        let len = usize::from(head[1]).min(rest.len());
        let (body, rest) = rest.split_at(len);
        *bytes = rest;
        match Frame::decode(head[0], body) {
            Ok(Some(frame)) => self.frame(connection, stream, frame),
            Ok(None) => self.relay.handle_skipped(connection, 1, self.now),
            Err(error) => self.relay.handle_bad_frame(connection, error, self.now),
        }
    }
}

/// A first control item as far as the relay looks at it.
fn control_item() -> Vec<u8> {
    wire::control::ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: wire::id::ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; 4_096],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    }
    .encode()
}

/// An envelope as far as the relay looks at it.
fn envelope(fill: u8) -> Vec<u8> {
    wire::envelope::Envelope {
        class: wire::envelope::Class::Entry,
        epoch: 0,
        salt: [1; 24],
        commitment: [2; 32],
        ciphertext: vec![fill; 448],
    }
    .encode()
}

fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new();
    let mut rest = bytes;
    while let Some((code, after)) = rest.split_first() {
        rest = after;
        world.step(*code, &mut rest);
    }
});
