//! A relay on this machine, over real QUIC, with its database on disk.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod client;
mod stop;

use std::{net::SocketAddr, path::Path};

use reknit_relay::{Random, RunningServer, Server, StartError, config::Config};
use tempfile::TempDir;
use wire::{
    frame::Frame,
    id::{RendezvousId, SpaceHandle},
    refusal::Reason,
};

use client::{Client, Person, dial, envelope, soon};

const SID: SpaceHandle = SpaceHandle::from_bytes([6; 16]);

fn random() -> Random {
    Box::new(|out| getrandom::fill(out).unwrap())
}

fn config(folder: &Path) -> Config {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Config { listen, data_folder: folder.to_owned(), ..Config::default() }
}

async fn relay(folder: &Path) -> RunningServer {
    Server::start(config(folder), random()).await.unwrap()
}

fn code(reason: Reason) -> u64 {
    u64::from(reason as u16)
}

/// A space with one person, and a client signed in to it.
async fn signed_in(server: &RunningServer, person: &Person) -> (Client, client::Talk) {
    let client = Client::connect(&server.address_line()).await;
    let mut control = client.control().await;
    let made = client.ask(&client.creation(SID, person)).await;
    assert!(matches!(made.as_slice(), [Frame::Appended { .. }]), "{made:?}");
    control.say(&client.auth(SID, person)).await;
    let heard = control.hear().await;
    assert!(matches!(heard, Frame::SignedIn { control: 1, .. }), "{heard:?}");
    (client, control)
}

#[tokio::test]
async fn what_is_pushed_is_receipted_and_reaches_who_tails_and_who_pulls() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let person = Person::new(1);
    let (writer, _control) = signed_in(&server, &person).await;

    let reader = Client::connect(&server.address_line()).await;
    let mut control = reader.control().await;
    control.say(&reader.auth(SID, &person)).await;
    assert!(matches!(control.hear().await, Frame::SignedIn { n: 0, .. }));
    control.say(&Frame::Tail { sid: SID, after: 0 }).await;
    let mut tail = reader.tail().await;
    assert_eq!(tail.hear().await, Frame::TailStart { sid: SID });

    let mut push = writer.talk().await;
    for mark in 1..=40 {
        push.say(&Frame::Push { sid: SID, envelope: envelope(mark) }).await;
    }
    for mark in 1..=40 {
        let Frame::Pushed { receipt } = push.hear().await else { panic!("no receipt") };
        assert_eq!(receipt.body.n, u64::from(mark));
        let expected = Frame::Data { n: u64::from(mark), envelope: envelope(mark) };
        assert_eq!(tail.hear().await, expected);
    }

    let pulled = reader.ask(&Frame::Pull { sid: SID, after: 38, max_bytes: 1 << 20 }).await;
    let [first, second, end] = pulled.as_slice() else { panic!("{pulled:?}") };
    assert_eq!(*first, Frame::Data { n: 39, envelope: envelope(39) });
    assert_eq!(*second, Frame::Data { n: 40, envelope: envelope(40) });
    assert!(matches!(end, Frame::PullEnd { n: 40, .. }));
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_relay_that_restarts_is_the_same_relay_and_has_kept_everything() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let id = server.address_line().relay;
    let person = Person::new(1);
    let (client, _control) = signed_in(&server, &person).await;
    let mut push = client.talk().await;
    push.say(&Frame::Push { sid: SID, envelope: envelope(1) }).await;
    let Frame::Pushed { receipt } = push.hear().await else { panic!("no receipt") };
    soon(server.stop()).await;
    assert_eq!(client.closed_with().await, code(Reason::Away));

    let server = relay(folder.path()).await;
    assert_eq!(server.address_line().relay, id);
    let client = Client::connect(&server.address_line()).await;
    let mut control = client.control().await;
    control.say(&client.auth(SID, &person)).await;
    let heard = control.hear().await;
    let Frame::SignedIn { n: 1, running, .. } = heard else { panic!("{heard:?}") };
    assert_eq!(running, receipt.body.running);
    let pulled = client.ask(&Frame::Pull { sid: SID, after: 0, max_bytes: 1 << 20 }).await;
    assert_eq!(pulled.first(), Some(&Frame::Data { n: 1, envelope: envelope(1) }));
    let again = {
        let mut push = client.talk().await;
        push.say(&Frame::Push { sid: SID, envelope: envelope(1) }).await;
        push.hear().await
    };
    assert!(matches!(again, Frame::Pushed { receipt } if receipt.body.n == 1));
}

#[tokio::test]
async fn b78_two_relays_on_one_folder_are_refused() {
    let folder = TempDir::new().unwrap();
    let first = relay(folder.path()).await;
    let second = Server::start(config(folder.path()), random()).await.unwrap_err();
    assert_eq!(second.code(), "store.locked");
    soon(first.stop()).await;
    soon(relay(folder.path()).await.stop()).await;
}

#[tokio::test]
async fn b76_a_port_in_use_is_named() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = relay(one.path()).await;
    let port = first.address_line().address.port();
    let mut config = config(other.path());
    config.listen.set_port(port);
    let second = Server::start(config, random()).await.unwrap_err();
    assert!(matches!(second, StartError::Listen { .. }));
    assert_eq!(second.to_string(), format!("Port {port}/udp is in use or not permitted."));
}

#[tokio::test]
async fn b14_another_protocol_name_gets_a_tls_alert_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let refused = dial(&server.address_line(), b"h3").await.unwrap_err();
    let alert = quinn::TransportErrorCode::crypto(120);
    let quinn::ConnectionError::ConnectionClosed(close) = refused else { panic!("{refused}") };
    assert_eq!(close.error_code, alert);
}

#[tokio::test]
async fn b1_a_message_that_claims_too_much_closes_the_connection() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let client = Client::connect(&server.address_line()).await;
    let mut control = client.control().await;
    soon(control.send.write_all(&[0x92, 0xff, 0xff, 0xff, 0xff])).await.unwrap();
    let Frame::GoAway { refusal } = control.hear().await else { panic!("no word") };
    assert_eq!(refusal.reason, Reason::WireTooBig);
    assert_eq!(client.closed_with().await, code(Reason::WireTooBig));
}

#[tokio::test]
async fn b4_half_a_frame_and_then_the_end_closes_the_connection() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let client = Client::connect(&server.address_line()).await;
    let _control = client.control().await;
    let mut request = client.talk().await;
    let frame = Frame::MailGet { rid: RendezvousId::ZERO, from: 0, wait_ms: 0 }.encode();
    soon(request.send.write_all(&frame[..9])).await.unwrap();
    request.send.finish().unwrap();
    assert_eq!(client.closed_with().await, code(Reason::WireShort));
}

#[tokio::test]
async fn b11_ten_thousand_empty_frames_are_answered_with_rate() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let client = Client::connect(&server.address_line()).await;
    let mut control = client.control().await;
    // A type that nobody knows and that may be skipped, without a body.
    let flood = [0x7f, 0, 0, 0, 0].repeat(10_000);
    // The relay may close before all of it is written.
    drop(soon(control.send.write_all(&flood)).await);
    assert_eq!(client.closed_with().await, code(Reason::Rate));
}

#[tokio::test]
async fn b12_a_client_that_stops_within_a_header_is_closed() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let (client, mut control) = signed_in(&server, &Person::new(1)).await;
    soon(control.send.write_all(&[0x83])).await.unwrap();
    assert_eq!(client.closed_with().await, code(Reason::Slow));
}

#[tokio::test]
async fn b13_streams_that_say_nothing_are_closed() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let (client, _control) = signed_in(&server, &Person::new(1)).await;
    let mut streams = Vec::new();
    for _ in 0..15 {
        let mut talk = client.talk().await;
        // One byte of a header makes the stream known; no byte at all would never leave this machine.
        soon(talk.send.write_all(&[0x92])).await.unwrap();
        streams.push(talk);
    }
    assert_eq!(client.closed_with().await, code(Reason::Slow));
}

#[tokio::test]
async fn a_stranger_that_says_nothing_is_closed() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let client = Client::connect(&server.address_line()).await;
    assert_eq!(client.closed_with().await, code(Reason::AuthRequired));
}

#[tokio::test]
async fn b16_a_signature_made_for_another_connection_is_refused() {
    let folder = TempDir::new().unwrap();
    let server = relay(folder.path()).await;
    let person = Person::new(1);
    let (first, _control) = signed_in(&server, &person).await;
    let client = Client::connect(&server.address_line()).await;
    let mut control = client.control().await;
    control.say(&first.auth(SID, &person)).await;
    let Frame::Refused { refusal } = control.hear().await else { panic!("signed in") };
    assert_eq!(refusal.reason, Reason::AuthBad);
}

#[tokio::test]
async fn what_one_network_may_ask_of_mailboxes_is_what_the_operator_set() {
    let folder = TempDir::new().unwrap();
    let narrow =
        Config { mailboxes_per_hour: 1, mail_requests_per_minute: 12, ..config(folder.path()) };
    let server = Server::start(narrow, random()).await.unwrap();
    let put = |rid: u8| {
        let rid = RendezvousId::from_bytes([rid; 16]);
        Frame::MailPut { rid, idx: 0, bytes: vec![7; 12] }
    };
    let first = Client::connect(&server.address_line()).await;
    let _control = first.control().await;
    assert_eq!(first.ask(&put(1)).await, [Frame::MailStored { idx: 0 }]);
    let refused = first.ask(&put(2)).await;
    let [Frame::Refused { refusal }] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, Reason::Rate, "a second mailbox in an hour");

    let ask = Frame::MailGet { rid: RendezvousId::from_bytes([1; 16]), from: 0, wait_ms: 0 };
    for request in 1..=12 {
        let answer = first.ask(&ask).await;
        assert!(
            matches!(answer.first(), Some(Frame::Mail { .. })),
            "request {request}: {answer:?}"
        );
    }
    let refused = first.ask(&ask).await;
    let [Frame::Refused { refusal }] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(refusal.reason, Reason::Rate, "a thirteenth request in a minute");
    soon(server.stop()).await;
}
