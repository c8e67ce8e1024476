//! A relay on a desk: what it wants done is done at once, unless a test holds it back.

use crate::job::{Batch, Failure};
use crate::protocol::{ConnectionId, Limits, Now, Output, Prefix, Relay, RelayKey, StreamId};
use crate::storage::Storage;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use wire::control::ControlItem;
use wire::frame::{Creation, Frame, Principal, encode_principals};
use wire::hash::item_hash;
use wire::id::{ItemHash, PrincipalKey, RelayId, RunningHash, SpaceHandle, StoreId};
use wire::limit::{LADDER_BYTES, WRAP_BYTES, WRAPS};
use wire::refusal::{Reason, Refusal};
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::time::{Moment, Timestamp};
use wire::version::VERSIONS;

pub(super) const SID: SpaceHandle = SpaceHandle::from_bytes([7; 16]);
pub(super) const STORE: StoreId = StoreId::from_bytes([8; 16]);

pub(super) struct Desk {
    pub(super) relay: Relay,
    pub(super) storage: Storage,
    pub(super) now: Now,
    pub(super) sent: Vec<(ConnectionId, StreamId, Frame, bool)>,
    pub(super) closed: Vec<(ConnectionId, Refusal)>,
    pub(super) cut: Vec<(ConnectionId, StreamId)>,
    pub(super) finished: Vec<(ConnectionId, StreamId)>,
    /// Frames are sent and never written.
    pub(super) stuck: bool,
    /// Commits wait here when a test wants them to.
    pub(super) commits_held: bool,
    pub(super) held: Vec<Batch>,
    pub(super) batches: usize,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(&Limits::default())
    }

    pub(super) fn with(limits: &Limits) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("desk{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let storage = Storage::memory(&name, STORE).unwrap();
        let timestamp = Timestamp::from_millis(1_750_000_000_000);
        let now = Now { moment: Moment::ORIGIN, timestamp };
        let key = RelayKey::from_seed(&[1; 32]).unwrap();
        Self {
            relay: Relay::new(key, storage.store_id(), *limits, now),
            storage,
            now,
            sent: Vec::new(),
            closed: Vec::new(),
            cut: Vec::new(),
            finished: Vec::new(),
            stuck: false,
            commits_held: false,
            held: Vec::new(),
            batches: 0,
        }
    }

    /// A connection that has said Hello.
    pub(super) fn client(&mut self, number: u64) -> ConnectionId {
        let connection = ConnectionId(number);
        self.connect(number);
        self.say(connection, StreamId::CONTROL, Frame::Hello { versions: VERSIONS });
        connection
    }

    pub(super) fn connect(&mut self, number: u64) {
        let exporter = exporter(number);
        self.relay.handle_connected(ConnectionId(number), Prefix(number), exporter, self.now);
        self.run();
    }

    pub(super) fn say(&mut self, connection: ConnectionId, stream: StreamId, frame: Frame) {
        self.relay.handle_frame(connection, stream, frame, self.now);
        self.run();
    }

    /// A connection of a person that is signed in to the space, made if need be.
    pub(super) fn member(&mut self, number: u64, person: &Person) -> ConnectionId {
        let connection = self.client(number);
        self.say(connection, StreamId(1), creation(number, &[person, &person.partner()], SID));
        self.sign_in(connection, person);
        self.sent.clear();
        connection
    }

    pub(super) fn sign_in(&mut self, connection: ConnectionId, person: &Person) {
        let frame = auth(connection.0, &person.acc, SID);
        self.say(connection, StreamId::CONTROL, frame);
    }

    /// Asks on a stream and gives what came back on it.
    pub(super) fn ask(
        &mut self,
        connection: ConnectionId,
        stream: u64,
        frame: Frame,
    ) -> Vec<Frame> {
        self.say(connection, StreamId(stream), frame);
        self.answers(connection, StreamId(stream))
    }

    /// Takes what was sent on a stream.
    pub(super) fn answers(&mut self, connection: ConnectionId, stream: StreamId) -> Vec<Frame> {
        let all = core::mem::take(&mut self.sent);
        let (mine, others): (Vec<_>, _) =
            all.into_iter().partition(|(c, s, ..)| (*c, *s) == (connection, stream));
        self.sent = others;
        mine.into_iter().map(|(.., frame, _)| frame).collect()
    }

    /// Takes what was sent on tails of a connection.
    pub(super) fn tailed(&mut self, connection: ConnectionId) -> Vec<Frame> {
        let all = core::mem::take(&mut self.sent);
        let (mine, others): (Vec<_>, _) =
            all.into_iter().partition(|(c, s, ..)| *c == connection && s.is_tail());
        self.sent = others;
        mine.into_iter().map(|(.., frame, _)| frame).collect()
    }

    pub(super) fn pass(&mut self, time: Duration) {
        let moment = self.now.moment + time;
        while let Some(due) = self.relay.poll_timeout().filter(|due| *due <= moment) {
            self.now.moment = self.now.moment.max(due);
            self.relay.handle_timeout(self.now);
            self.run();
        }
        self.now.moment = moment;
    }

    pub(super) fn run(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Commit(batch) => {
                    self.batches += 1;
                    if self.commits_held {
                        self.held.push(batch);
                    } else {
                        self.commit(batch);
                    }
                }
                Output::Read { ticket, read } => {
                    let answer = self.storage.read(read);
                    self.relay.handle_answer(ticket, answer, self.now);
                }
                Output::Send { connection, stream, frame, weight, last } => {
                    self.sent.push((connection, stream, frame, last));
                    if !self.stuck {
                        self.relay.handle_written(connection, stream, weight, self.now);
                    }
                }
                Output::OpenTail { .. } => {}
                Output::Finish { connection, stream } => self.finished.push((connection, stream)),
                Output::Cut { connection, stream } => self.cut.push((connection, stream)),
                Output::Close { connection, refusal } => self.closed.push((connection, refusal)),
            }
        }
    }

    fn commit(&mut self, batch: Batch) {
        let committed = self.storage.commit(batch).unwrap();
        self.relay.handle_committed(committed, self.now);
    }

    pub(super) fn release_commits(&mut self) {
        self.commits_held = false;
        for batch in core::mem::take(&mut self.held) {
            self.commit(batch);
        }
        self.run();
    }

    pub(super) fn fail_commits(&mut self, failure: Failure) {
        self.commits_held = false;
        self.held.clear();
        self.relay.handle_commit_failed(failure, self.now);
        self.run();
    }
}

pub(super) fn exporter(number: u64) -> [u8; 32] {
    [u8::try_from(number % 256).unwrap(); 32]
}

pub(super) fn relay_id() -> RelayId {
    RelayKey::from_seed(&[1; 32]).unwrap().id()
}

/// The keys of one person for one space.
pub(super) struct Person {
    seed: u8,
    pub(super) acc: Ed25519KeyPair,
    pub(super) adm: Ed25519KeyPair,
    pub(super) recovery: Ed25519KeyPair,
}

impl Person {
    pub(super) fn new(seed: u8) -> Self {
        let pair = |kind| Ed25519KeyPair::from_seed_unchecked(&[seed * 4 + kind; 32]).unwrap();
        Self { seed, acc: pair(0), adm: pair(1), recovery: pair(2) }
    }

    /// Whoever shares the space with this one.
    pub(super) fn partner(&self) -> Self {
        Self::new(self.seed ^ 1)
    }

    pub(super) fn principal(&self) -> Principal {
        Principal { acc: key(&self.acc), adm: key(&self.adm), recovery: key(&self.recovery) }
    }
}

pub(super) fn key(pair: &Ed25519KeyPair) -> PrincipalKey {
    PrincipalKey::from_slice(pair.public_key().as_ref()).unwrap()
}

fn sign(pair: &Ed25519KeyPair, bytes: &[u8]) -> [u8; 64] {
    pair.sign(bytes).as_ref().try_into().unwrap()
}

pub(super) fn auth(number: u64, pair: &Ed25519KeyPair, sid: SpaceHandle) -> Frame {
    let signature = sign(pair, &auth_bytes(relay_id(), sid, &exporter(number)));
    Frame::Auth { sid, key: key(pair), signature }
}

pub(super) fn creation(number: u64, persons: &[&Person], sid: SpaceHandle) -> Frame {
    let principals: Vec<_> = persons.iter().map(|person| person.principal()).collect();
    let item = item(0, ItemHash::ZERO, 0);
    let new = NewSpace {
        relay: relay_id(),
        sid,
        item: item_hash(&item),
        principals: &encode_principals(&principals),
        exporter: &exporter(number),
    };
    let signature = sign(&persons[0].adm, &creation_bytes(&new));
    Frame::ControlAppend { sid, idx: 0, item, creation: Some(Creation { principals, signature }) }
}

pub(super) fn item(idx: u32, prev: ItemHash, epoch: u32) -> Vec<u8> {
    let item = ControlItem {
        idx,
        epoch_before: epoch,
        epoch_after: epoch,
        prev,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; 4_096],
        ladder: [4; LADDER_BYTES],
        wraps: vec![[5; WRAP_BYTES]; WRAPS],
    };
    item.encode()
}

/// The `number`-th envelope of an epoch.
pub(super) fn envelope(epoch: u32, number: u32) -> Vec<u8> {
    sized(epoch, number, 512)
}

pub(super) fn sized(epoch: u32, number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![9; len];
    bytes[..8].copy_from_slice(&[1, 1, 1, 0, 0, 0, 0, 0]);
    bytes[4..8].copy_from_slice(&epoch.to_be_bytes());
    bytes[8..12].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn push(envelope: Vec<u8>) -> Frame {
    Frame::Push { sid: SID, envelope }
}

pub(super) fn refused(reason: Reason, argument: u64) -> Vec<Frame> {
    vec![Frame::Refused { refusal: Refusal { reason, argument } }]
}

/// Positions of the data in these frames.
pub(super) fn positions(frames: &[Frame]) -> Vec<u64> {
    let n = |frame: &Frame| if let Frame::Data { n, .. } = frame { Some(*n) } else { None };
    frames.iter().filter_map(n).collect()
}

pub(super) fn signed_in(n: u64, running: RunningHash, control: u32, epoch: u32) -> Vec<Frame> {
    vec![Frame::SignedIn { sid: SID, n, running, control, epoch }]
}
