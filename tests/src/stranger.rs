//! A connection to the world's relay that belongs to no device: its owner says what it likes, frame by frame.

use crate::world::{World, relay_now};
use reknit_core::crypto::SigningKey;
use reknit_relay::protocol::{ConnectionId, Prefix, StreamId};
use wire::frame::Frame;
use wire::id::{PrincipalKey, SpaceHandle};
use wire::sign::auth_bytes;
use wire::version::VERSIONS;

/// The connection.
#[derive(Debug)]
pub struct Stranger {
    id: ConnectionId,
    exporter: [u8; 32],
    streams: u64,
    /// The relay's process to which it is connected.
    life: Option<u64>,
}

impl Stranger {
    /// Connects and says hello.
    pub fn connect(world: &mut World) -> Self {
        world.counter += 1;
        let (id, exporter) = (ConnectionId(world.counter), world.random.array());
        world.strangers.insert(id, Vec::new());
        let now = relay_now(world.now);
        world.host.relay.handle_connected(id, Prefix(u64::MAX - id.0), exporter, now);
        let life = Some(world.host.life);
        let mut stranger = Self { id, exporter, streams: 0, life };
        let answers = stranger.say(world, StreamId::CONTROL, Frame::Hello { versions: VERSIONS });
        assert!(matches!(answers.as_slice(), [Frame::Welcome { .. }]), "{answers:?}");
        stranger
    }

    /// Whether the relay still knows this connection.
    pub fn is_open(&self, world: &World) -> bool {
        self.life == Some(world.host.life)
    }

    /// The connection is of no use.
    pub(crate) const fn give_up(&mut self) {
        self.life = None;
    }

    /// Signs in to a space.
    pub fn sign_in(&mut self, world: &mut World, sid: SpaceHandle, key: &SigningKey) {
        assert!(self.try_sign_in(world, sid, key), "the relay lets them in");
    }

    /// Signs in to a space, if the relay lets them.
    pub fn try_sign_in(&mut self, world: &mut World, sid: SpaceHandle, key: &SigningKey) -> bool {
        let signature = key.sign_bytes(&auth_bytes(world.line().relay, sid, &self.exporter)).0;
        let key = PrincipalKey::from_bytes(*key.public().as_bytes());
        let answers = self.say(world, StreamId::CONTROL, Frame::Auth { sid, key, signature });
        matches!(answers.as_slice(), [Frame::SignedIn { .. }])
    }

    /// Asks on a stream of its own and gives what the relay answered on it.
    pub fn ask(&mut self, world: &mut World, frame: Frame) -> Vec<Frame> {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let answers = self.say(world, stream, frame);
        world.host.relay.handle_stream_finished(self.id, stream, relay_now(world.now));
        world.drain_relay();
        answers
    }

    fn say(&mut self, world: &mut World, stream: StreamId, frame: Frame) -> Vec<Frame> {
        if let Some(heard) = &mut world.heard {
            heard.push(frame.encode());
        }
        world.host.relay.handle_frame(self.id, stream, frame, relay_now(world.now));
        world.drain_relay();
        let heard = world.strangers.get_mut(&self.id).expect("a connection of this world");
        let (mine, other): (Vec<_>, _) =
            std::mem::take(heard).into_iter().partition(|(of, _)| *of == stream);
        *heard = other;
        mine.into_iter().map(|(_, frame)| frame).collect()
    }
}
