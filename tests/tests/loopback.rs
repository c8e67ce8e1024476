//! The client's transport against the relay as it runs, over real QUIC on this machine.

use reknit_core::crypto::SigningKey;
use reknit_core::transport::{CloseReason, Connection, DialError, Dialer, LinkEvent, Profile};
use reknit_relay::{RunningServer, Server, config::Config};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use wire::control::{ControlItem, control_body_len};
use wire::envelope::{Class, Envelope};
use wire::frame::{Channel, Creation, Frame, Principal, encode_principals};
use wire::id::{ItemHash, PrincipalKey, RelayId, SpaceHandle};
use wire::refusal::Reason;
use wire::sign::{NewSpace, auth_bytes, creation_bytes};
use wire::version::VERSIONS;

const SID: SpaceHandle = SpaceHandle::from_bytes([6; 16]);
const DEADLINE: Duration = Duration::from_secs(20);

async fn relay(folder: &TempDir) -> RunningServer {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config { listen, data_folder: folder.path().to_owned(), ..Config::default() };
    let random = Box::new(|out: &mut [u8]| getrandom::fill(out).unwrap());
    Server::start(config, random).await.unwrap()
}

async fn next(connection: &mut Connection) -> LinkEvent {
    tokio::time::timeout(DEADLINE, connection.next()).await.unwrap()
}

/// The next frame, which must come on `channel`. Ends of other channels are passed over.
async fn frame(connection: &mut Connection, channel: Channel) -> Frame {
    loop {
        match next(connection).await {
            LinkEvent::Frame { channel: on, frame } if on == channel => return frame,
            LinkEvent::ChannelClosed { channel: on } if on != channel => {}
            other => panic!("{other:?} in place of a frame on {channel:?}"),
        }
    }
}

async fn greeted(server: &RunningServer) -> Connection {
    let line = server.address_line();
    let mut connection = Dialer::new().connect(&line, Profile::FOREGROUND).await.unwrap();
    connection.send(Channel::Control, &Frame::Hello { versions: VERSIONS }, false).unwrap();
    let welcome = frame(&mut connection, Channel::Control).await;
    assert!(matches!(welcome, Frame::Welcome { .. }));
    connection
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn principal(key: &SigningKey) -> PrincipalKey {
    PrincipalKey::from_bytes(*key.public().as_bytes())
}

fn creation(relay: RelayId, exporter: &[u8; 32]) -> Frame {
    let item = ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; control_body_len(100).unwrap()],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    };
    let [acc, adm, recovery] = [1, 2, 3].map(|seed| principal(&key(seed)));
    let principals = vec![Principal { acc, adm, recovery }];
    let signed = creation_bytes(&NewSpace {
        relay,
        sid: SID,
        item: item.hash(),
        principals: &encode_principals(&principals),
        exporter,
    });
    let creation = Creation { principals, signature: key(2).sign_bytes(&signed).0 };
    Frame::ControlAppend { sid: SID, idx: 0, item: item.encode(), creation: Some(creation) }
}

fn auth(relay: RelayId, exporter: &[u8; 32]) -> Frame {
    let signature = key(1).sign_bytes(&auth_bytes(relay, SID, exporter)).0;
    Frame::Auth { sid: SID, key: principal(&key(1)), signature }
}

fn envelope(mark: u8, bytes: usize) -> Vec<u8> {
    let ciphertext = vec![mark; bytes - 64];
    let (salt, commitment) = ([mark; 24], [8; 32]);
    Envelope { class: Class::Entry, epoch: 0, salt, commitment, ciphertext }.encode()
}

#[tokio::test]
async fn a_space_is_made_pushed_to_and_tailed_over_one_connection() {
    let folder = TempDir::new().unwrap();
    let server = relay(&folder).await;
    let id = server.address_line().relay;
    let mut ours = greeted(&server).await;
    let exporter = ours.exporter();

    ours.send(Channel::Request(1), &creation(id, &exporter), true).unwrap();
    let made = frame(&mut ours, Channel::Request(1)).await;
    assert!(matches!(made, Frame::Appended { .. }), "{made:?}");
    ours.send(Channel::Control, &auth(id, &exporter), false).unwrap();
    let signed_in = frame(&mut ours, Channel::Control).await;
    assert!(matches!(signed_in, Frame::SignedIn { n: 0, control: 1, .. }), "{signed_in:?}");
    ours.send(Channel::Control, &Frame::Tail { sid: SID, after: 0 }, false).unwrap();
    assert_eq!(frame(&mut ours, Channel::Tail(SID)).await, Frame::TailStart { sid: SID });

    // A small one and the largest there is.
    for (n, bytes) in [(1, 512), (2, wire::limit::ENVELOPE_BYTES_MAX)] {
        let envelope = envelope(u8::try_from(n).unwrap(), bytes);
        let push = Frame::Push { sid: SID, envelope: envelope.clone() };
        ours.send(Channel::Push(SID), &push, false).unwrap();
        let (mut pushed, mut tailed) = (None, None);
        while pushed.is_none() || tailed.is_none() {
            match next(&mut ours).await {
                LinkEvent::Frame { channel: Channel::Push(_), frame } => pushed = Some(frame),
                LinkEvent::Frame { channel: Channel::Tail(_), frame } => tailed = Some(frame),
                LinkEvent::ChannelClosed { channel: Channel::Request(1) } => {}
                other => panic!("{other:?}"),
            }
        }
        let Some(Frame::Pushed { receipt }) = pushed else { panic!("{pushed:?}") };
        assert_eq!((receipt.body.n, receipt.body.sid), (n, SID));
        assert_eq!(tailed, Some(Frame::Data { n, envelope }));
    }
    assert!(ours.traffic().sent > 1_048_576 && ours.traffic().received > 1_048_576);

    let stopping = tokio::spawn(server.stop());
    let Frame::GoAway { refusal } = frame(&mut ours, Channel::Control).await else {
        panic!("no word at the end")
    };
    assert_eq!(refusal.reason, Reason::Away);
    let code = u64::from(Reason::Away as u16);
    let reason = loop {
        if let LinkEvent::Closed { reason } = next(&mut ours).await {
            break reason;
        }
    };
    assert_eq!(reason, CloseReason::Relay { code });
    tokio::time::timeout(DEADLINE, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_relay_with_another_key_at_the_same_address_is_not_talked_to() {
    let folder = TempDir::new().unwrap();
    let server = relay(&folder).await;
    let mut line = server.address_line();
    line.relay = RelayId::from_bytes([9; 32]);
    let refused = Dialer::new().connect(&line, Profile::BACKGROUND).await.unwrap_err();
    assert_eq!(refused, DialError::Untrusted);
}

#[tokio::test]
async fn many_clients_at_once_are_all_served() {
    let folder = TempDir::new().unwrap();
    let server = relay(&folder).await;
    let mut all = Vec::new();
    for _ in 0..40 {
        all.push(greeted(&server).await);
    }
    for connection in &mut all {
        let ask = Frame::MailGet { rid: wire::id::RendezvousId::ZERO, from: 0, wait_ms: 0 };
        connection.send(Channel::Request(1), &ask, true).unwrap();
        frame(connection, Channel::Request(1)).await;
    }
}
