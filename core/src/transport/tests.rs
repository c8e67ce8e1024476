//! The transport against a bare QUIC server on this machine.

use std::{sync::Arc, time::Duration};

use quinn::{Endpoint, ServerConfig, crypto::rustls::QuicServerConfig};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::CertifiedKey,
    version::TLS13,
};
use wire::{
    address::{AddressLine, RelayAddress},
    frame::{Channel, Frame, FrameBuffer, FrameError},
    id::{RelayId, SpaceHandle},
    version::{ALPN, EXPORTER},
};

use super::{CloseReason, Connection, DialError, Dialer, LinkEvent, Profile};

const SID: SpaceHandle = SpaceHandle::from_bytes([7; 16]);
const DEADLINE: Duration = Duration::from_secs(10);

struct Server {
    endpoint: Endpoint,
    line: AddressLine,
}

fn server() -> Server {
    let pkcs8_head =
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20].as_slice();
    let pkcs8 = PrivatePkcs8KeyDer::from([pkcs8_head, &[9; 32]].concat());
    let key = ring::sign::any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8)).unwrap();
    let spki = key.public_key().unwrap().as_ref().to_vec();
    let relay = RelayId::from_slice(&spki[12..]).unwrap();
    let identity = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key));
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(identity)));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let quic = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(quic, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = RelayAddress::parse(&endpoint.local_addr().unwrap().to_string()).unwrap();
    Server { endpoint, line: AddressLine { address, relay } }
}

async fn pair(server: &Server) -> (Connection, quinn::Connection) {
    let dialing = Dialer::new().connect(&server.line, Profile::FOREGROUND);
    let accepting = async { server.endpoint.accept().await.unwrap().await.unwrap() };
    let (ours, theirs) = tokio::join!(dialing, accepting);
    (ours.unwrap(), theirs)
}

async fn next(connection: &mut Connection) -> LinkEvent {
    tokio::time::timeout(DEADLINE, connection.next()).await.unwrap()
}

fn mail_get(wait_ms: u32) -> Frame {
    Frame::MailGet { rid: wire::id::RendezvousId::from_bytes([1; 16]), from: 0, wait_ms }
}

#[tokio::test]
async fn frames_go_out_on_their_channels_and_answers_come_back_on_the_same() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    let mut exporter = [0; 32];
    theirs.export_keying_material(&mut exporter, EXPORTER, b"").unwrap();
    assert_eq!(ours.exporter(), exporter);

    ours.send(Channel::Request(1), &mail_get(5), true).unwrap();
    let (mut answer, mut request) = theirs.accept_bi().await.unwrap();
    let asked = request.read_to_end(1_000).await.unwrap();
    assert_eq!(asked, mail_get(5).encode());
    answer.write_all(&Frame::MailEnd.encode()).await.unwrap();
    answer.finish().unwrap();

    let channel = Channel::Request(1);
    assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: Frame::MailEnd });
    assert_eq!(next(&mut ours).await, LinkEvent::ChannelClosed { channel });
    let traffic = ours.traffic();
    assert!(traffic.sent > 1_200 && traffic.received > 100);

    ours.close().await;
    let closed = tokio::time::timeout(DEADLINE, theirs.closed()).await.unwrap();
    assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)));
}

#[tokio::test]
async fn one_push_stream_carries_many_frames_in_order() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    for wait in 0..40 {
        ours.send(Channel::Push(SID), &mail_get(wait), false).unwrap();
    }
    let (_answer, mut pushed) = theirs.accept_bi().await.unwrap();
    let mut frames = FrameBuffer::new();
    let mut seen = 0;
    while seen < 40 {
        let chunk = pushed.read_chunk(1_000, true).await.unwrap().unwrap();
        frames.push(&chunk.bytes);
        while let Some(frame) = frames.next_frame().unwrap() {
            assert_eq!(frame, mail_get(seen));
            seen += 1;
        }
    }
}

#[tokio::test]
async fn a_tail_says_first_which_space_it_carries() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    let data = Frame::Data { n: 1, envelope: vec![3; 512] };
    let mut tail = theirs.open_uni().await.unwrap();
    tail.write_all(&Frame::TailStart { sid: SID }.encode()).await.unwrap();
    tail.write_all(&data.encode()).await.unwrap();
    let channel = Channel::Tail(SID);
    let start = Frame::TailStart { sid: SID };
    assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: start });
    assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: data.clone() });

    let mut unnamed = theirs.open_uni().await.unwrap();
    unnamed.write_all(&data.encode()).await.unwrap();
    let closed = LinkEvent::Closed { reason: CloseReason::Unannounced };
    assert_eq!(next(&mut ours).await, closed);
}

#[tokio::test]
async fn a_cancelled_tail_is_heard_of_no_more_and_the_next_one_is() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    let channel = Channel::Tail(SID);
    let start = Frame::TailStart { sid: SID };
    let data = |n| Frame::Data { n, envelope: vec![3; 512] };
    let mut old = theirs.open_uni().await.unwrap();
    old.write_all(&start.encode()).await.unwrap();
    assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: start.clone() });
    ours.cancel(channel);
    old.write_all(&data(9).encode()).await.unwrap();
    let mut new = theirs.open_uni().await.unwrap();
    new.write_all(&[start.encode(), data(1).encode()].concat()).await.unwrap();
    assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: start });
    let stopped = tokio::time::timeout(DEADLINE, old.stopped()).await.unwrap();
    assert!(matches!(stopped, Ok(Some(_))));
    new.write_all(&data(2).encode()).await.unwrap();
    for n in [1, 2] {
        assert_eq!(next(&mut ours).await, LinkEvent::Frame { channel, frame: data(n) });
    }
}

#[tokio::test]
async fn b1_a_relay_that_sends_too_much_is_left() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    ours.send(Channel::Control, &mail_get(0), false).unwrap();
    let (mut answer, _request) = theirs.accept_bi().await.unwrap();
    answer.write_all(&[0x90, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
    let closed = LinkEvent::Closed { reason: CloseReason::Malformed(FrameError::TooBig) };
    assert_eq!(next(&mut ours).await, closed);
}

#[tokio::test]
async fn a_cancelled_request_stops_the_relay_and_is_heard_of_no_more() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    ours.send(Channel::Request(4), &mail_get(0), true).unwrap();
    let (answer, _request) = theirs.accept_bi().await.unwrap();
    ours.cancel(Channel::Request(4));
    let stopped = tokio::time::timeout(DEADLINE, answer.stopped()).await.unwrap();
    assert!(matches!(stopped, Ok(Some(_))));
}

#[tokio::test]
async fn a_connection_goes_on_from_another_socket() {
    let server = server();
    let (mut ours, theirs) = pair(&server).await;
    let before = theirs.remote_address();
    ours.rebind().unwrap();
    ours.send(Channel::Request(1), &mail_get(1), true).unwrap();
    let (_answer, mut request) = theirs.accept_bi().await.unwrap();
    assert_eq!(request.read_to_end(1_000).await.unwrap(), mail_get(1).encode());
    assert_ne!(theirs.remote_address(), before);
}

#[tokio::test]
async fn a_background_connection_is_spared_the_relays_search_for_larger_packets() {
    let server = server();
    for (profile, searched) in [(Profile::FOREGROUND, true), (Profile::BACKGROUND, false)] {
        let dialing = Dialer::new().connect(&server.line, profile);
        let accepting = async { server.endpoint.accept().await.unwrap().await.unwrap() };
        let (ours, theirs) = tokio::join!(dialing, accepting);
        let (mut ours, asked) = (ours.unwrap(), mail_get(5));
        ours.send(Channel::Request(1), &asked, true).unwrap();
        let (_answer, mut request) = theirs.accept_bi().await.unwrap();
        request.read_to_end(1_000).await.unwrap();
        assert_eq!(theirs.stats().path.sent_plpmtud_probes > 0, searched, "{profile:?}");
    }
}

#[tokio::test]
async fn a_relay_with_another_key_is_refused() {
    let mut server = server();
    server.line.relay = RelayId::from_bytes([5; 32]);
    let dialing = Dialer::new().connect(&server.line, Profile::BACKGROUND);
    let accepting = async { server.endpoint.accept().await.unwrap().await };
    let (ours, theirs) = tokio::join!(dialing, accepting);
    assert_eq!(ours.unwrap_err(), DialError::Untrusted);
    assert!(theirs.is_err());
}

#[tokio::test]
async fn b14_another_protocol_name_is_refused() {
    let server = server();
    let dialing = Dialer::new().connect_as(&server.line, Profile::BULK, b"h3");
    let accepting = async { server.endpoint.accept().await.unwrap().await };
    let (ours, theirs) = tokio::join!(dialing, accepting);
    assert_eq!(ours.unwrap_err(), DialError::Version);
    assert!(theirs.is_err());
}

#[tokio::test]
async fn a_name_that_nobody_has_is_not_found() {
    let address = RelayAddress::parse("nobody.invalid:1").unwrap();
    let line = AddressLine { address, relay: RelayId::ZERO };
    let refused = Dialer::new().connect(&line, Profile::BULK).await.unwrap_err();
    assert_eq!(refused, DialError::NameNotFound);
}
