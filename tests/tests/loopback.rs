//! The client's transport against the relay as it runs, over real QUIC on this machine.

use reknit_core::transport::{CloseReason, Connection, DialError, Dialer, LinkEvent, Profile};
use reknit_e2e::bare_space::{auth, creation, envelope, sid};
use reknit_relay::{RunningServer, Server, config::Config};
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use wire::frame::{Channel, Frame};
use wire::id::{RelayId, SpaceHandle};
use wire::refusal::Reason;
use wire::version::VERSIONS;

const SPACE: u16 = 6;
const SID: SpaceHandle = sid(SPACE);
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

#[tokio::test]
async fn a_space_is_made_pushed_to_and_tailed_over_one_connection() {
    let folder = TempDir::new().unwrap();
    let server = relay(&folder).await;
    let id = server.address_line().relay;
    let mut ours = greeted(&server).await;
    let exporter = ours.exporter();

    ours.send(Channel::Request(1), &creation(id, SPACE, &exporter), true).unwrap();
    let made = frame(&mut ours, Channel::Request(1)).await;
    assert!(matches!(made, Frame::Appended { .. }), "{made:?}");
    ours.send(Channel::Control, &auth(id, (SPACE, 0), &exporter), false).unwrap();
    let signed_in = frame(&mut ours, Channel::Control).await;
    assert!(matches!(signed_in, Frame::SignedIn { n: 0, control: 1, .. }), "{signed_in:?}");
    ours.send(Channel::Control, &Frame::Tail { sid: SID, after: 0 }, false).unwrap();
    assert_eq!(frame(&mut ours, Channel::Tail(SID)).await, Frame::TailStart { sid: SID });

    // A small one and the largest there is.
    for (n, bytes) in [(1, 512), (2, wire::limit::ENVELOPE_BYTES_MAX)] {
        let envelope = envelope(SPACE, n, bytes);
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
        let n = u64::from(n);
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
