//! A relay on a desk, with its database in memory: what it wants done is done at once. For hostile frames, in the table
//! of bad inputs and in the fuzz targets.

use reknit_core::crypto::SigningKey;
use reknit_relay::protocol::{
    ConnectionId, Limits, Now, Output, Prefix, Relay, RelayKey, StreamId,
};
use reknit_relay::storage::Storage;
use std::time::Duration;
use wire::control::ControlItem;
use wire::envelope::{Class, Envelope};
use wire::frame::{Creation, Frame, Principal, encode_principals};
use wire::hash::item_hash;
use wire::id::{ItemHash, PrincipalKey, RelayId, SpaceHandle, StoreId};
use wire::limit::{LADDER_BYTES, WRAP_BYTES, WRAPS};
use wire::refusal::Refusal;
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::time::{Moment, Timestamp};
use wire::version::VERSIONS;

/// The one space that is made here.
pub const SID: SpaceHandle = SpaceHandle::from_bytes([1; 16]);
const STORE: StoreId = StoreId::from_bytes([2; 16]);

/// The relay, and what it did.
#[derive(Debug)]
pub struct Desk {
    /// The machine.
    pub relay: Relay,
    /// What time it is here.
    pub now: Now,
    /// Frames that were sent and not looked at.
    pub sent: Vec<(ConnectionId, StreamId, Frame)>,
    /// Connections that it closed, and why.
    pub closed: Vec<(ConnectionId, Refusal)>,
    storage: Storage,
}

/// The keys of the one person for the space.
#[derive(Debug)]
pub struct Keys {
    /// Signs in.
    pub acc: SigningKey,
    adm: SigningKey,
    recovery: SigningKey,
}

impl Keys {
    /// Keys of their own for each seed.
    pub fn new(seed: u8) -> Self {
        let key = |kind: u8| SigningKey::from_seed(&[seed.wrapping_mul(3).wrapping_add(kind); 32]);
        Self { acc: key(0), adm: key(1), recovery: key(2) }
    }

    fn principal(&self) -> Principal {
        let key = |key: &SigningKey| PrincipalKey::from(key.public());
        Principal { acc: key(&self.acc), adm: key(&self.adm), recovery: key(&self.recovery) }
    }
}

impl Desk {
    /// An empty relay with its own limits. Relays of one name share their rows while one of them lives.
    pub fn new(name: &str) -> Self {
        let timestamp = Timestamp::from_millis(1_750_000_000_000);
        let now = Now { moment: Moment::ORIGIN, timestamp };
        let key = RelayKey::from_seed(&[9; 32]).expect("a seed");
        let storage = Storage::memory(name, STORE).expect("a database in memory");
        let relay = Relay::new(key, STORE, Limits::default(), now);
        Self { relay, now, sent: vec![], closed: vec![], storage }
    }

    /// What signs the sign-ins of this connection.
    pub fn exporter(connection: ConnectionId) -> [u8; 32] {
        [connection.0.to_le_bytes()[0]; 32]
    }

    /// A connection that has said nothing.
    pub fn connect(&mut self, number: u64) -> ConnectionId {
        let connection = ConnectionId(number);
        let exporter = Self::exporter(connection);
        self.relay.handle_connected(connection, Prefix(number), exporter, self.now);
        self.settle();
        connection
    }

    /// A connection that has said Hello.
    pub fn client(&mut self, number: u64) -> ConnectionId {
        let connection = self.connect(number);
        self.say(connection, StreamId::CONTROL, Frame::Hello { versions: VERSIONS });
        self.sent.clear();
        connection
    }

    /// A connection that has made the space and is signed in to it.
    pub fn member(&mut self, number: u64, keys: &Keys) -> ConnectionId {
        let connection = self.client(number);
        let creation = self.creation(connection, keys);
        self.say(connection, StreamId(1), creation);
        let auth = self.auth(connection, &keys.acc, SID);
        self.say(connection, StreamId::CONTROL, auth);
        self.sent.clear();
        connection
    }

    /// A sign-in on a connection.
    pub fn auth(&self, connection: ConnectionId, key: &SigningKey, sid: SpaceHandle) -> Frame {
        let bytes = auth_bytes(self.relay.id(), sid, &Self::exporter(connection));
        Frame::Auth { sid, key: key.public().into(), signature: key.sign_bytes(&bytes).0 }
    }

    /// The frame that makes the space.
    pub fn creation(&self, connection: ConnectionId, keys: &Keys) -> Frame {
        let principals = vec![keys.principal()];
        let item = item(0, ItemHash::ZERO);
        let new = NewSpace {
            relay: self.relay.id(),
            sid: SID,
            item: item_hash(&item),
            principals: &encode_principals(&principals),
            exporter: &Self::exporter(connection),
        };
        let signature = keys.adm.sign_bytes(&creation_bytes(&new)).0;
        let creation = Some(Creation { principals, signature });
        Frame::ControlAppend { sid: SID, idx: 0, item, creation }
    }

    /// The relay's key.
    pub fn id(&self) -> RelayId {
        self.relay.id()
    }

    /// Hands a frame over, and carries out what follows.
    pub fn say(&mut self, connection: ConnectionId, stream: StreamId, frame: Frame) {
        self.relay.handle_frame(connection, stream, frame, self.now);
        self.settle();
    }

    /// Asks on a stream and gives what came back on it.
    pub fn ask(&mut self, connection: ConnectionId, stream: u64, frame: Frame) -> Vec<Frame> {
        let stream = StreamId(stream);
        self.say(connection, stream, frame);
        self.answers(connection, stream)
    }

    /// Takes what was sent on a stream.
    pub fn answers(&mut self, connection: ConnectionId, stream: StreamId) -> Vec<Frame> {
        let all = std::mem::take(&mut self.sent);
        let (mine, others): (Vec<_>, _) =
            all.into_iter().partition(|(c, s, _)| (*c, *s) == (connection, stream));
        self.sent = others;
        mine.into_iter().map(|(.., frame)| frame).collect()
    }

    /// Lets time pass; timers ring when they are due.
    pub fn pass(&mut self, time: Duration) {
        let moment = self.now.moment + time;
        while let Some(due) = self.relay.poll_timeout().filter(|due| *due <= moment) {
            self.now.moment = self.now.moment.max(due);
            self.relay.handle_timeout(self.now);
            self.settle();
        }
        self.now.moment = moment;
    }

    /// Carries out what the relay wants, until it wants nothing.
    pub fn settle(&mut self) {
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
                    self.sent.push((connection, stream, frame));
                    self.relay.handle_written(connection, stream, weight, self.now);
                }
                Output::Close { connection, refusal } => self.closed.push((connection, refusal)),
                Output::OpenTail { .. } | Output::Finish { .. } | Output::Cut { .. } => {}
            }
        }
    }
}

/// A control item as far as the relay looks at it.
pub fn item(idx: u32, prev: ItemHash) -> Vec<u8> {
    let item = ControlItem {
        idx,
        epoch_before: 0,
        epoch_after: 0,
        prev,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; 4_096],
        ladder: [4; LADDER_BYTES],
        wraps: vec![[5; WRAP_BYTES]; WRAPS],
    };
    item.encode()
}

/// An envelope of this length as far as the relay looks at it.
pub fn envelope(fill: u8, len: usize) -> Vec<u8> {
    let ciphertext = vec![fill; len - 64];
    let (salt, commitment) = ([1; 24], [2; 32]);
    Envelope { class: Class::Entry, epoch: 0, salt, commitment, ciphertext }.encode()
}
