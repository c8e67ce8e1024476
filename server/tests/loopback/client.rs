//! A small client of our own, on bare QUIC: it can also do what an honest one never does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn::{ClientConfig, Endpoint, RecvStream, SendStream, crypto::rustls::QuicClientConfig};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{ring::default_provider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    version::TLS13,
};
use wire::{
    address::AddressLine,
    control::{ControlItem, control_body_len},
    envelope::{Class, Envelope},
    frame::{Creation, Frame, FrameBuffer, Principal, encode_principals},
    id::{ItemHash, PrincipalKey, RelayId, SpaceHandle},
    sign::{NewSpace, auth_bytes, creation_bytes},
    version::{ALPN, EXPORTER, VERSIONS},
};

/// Nothing here takes so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it happens in time")
}

/// A connection, before Hello.
pub(crate) struct Client {
    pub(crate) quic: quinn::Connection,
    pub(crate) exporter: [u8; 32],
    pub(crate) relay: RelayId,
    _endpoint: Endpoint,
}

/// A stream on which frames are said and heard.
pub(crate) struct Talk {
    pub(crate) send: SendStream,
    receive: RecvStream,
    frames: FrameBuffer,
}

/// A person's keys for one space.
pub(crate) struct Person {
    acc: Ed25519KeyPair,
    adm: Ed25519KeyPair,
    recovery: Ed25519KeyPair,
}

/// Dials with a protocol name; the relay's key is the caller's to check.
pub(crate) async fn dial(
    line: &AddressLine,
    alpn: &[u8],
) -> Result<(Endpoint, quinn::Connection), quinn::ConnectionError> {
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(line.relay)))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let quic = QuicClientConfig::try_from(tls).unwrap();
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(quic)));
    let address: SocketAddr = line.address.as_str().parse().unwrap();
    let connection = soon(endpoint.connect(address, "relay").unwrap()).await?;
    Ok((endpoint, connection))
}

impl Client {
    pub(crate) async fn connect(line: &AddressLine) -> Self {
        let (endpoint, quic) = dial(line, ALPN).await.unwrap();
        let mut exporter = [0; 32];
        quic.export_keying_material(&mut exporter, EXPORTER, b"").unwrap();
        Self { quic, exporter, relay: line.relay, _endpoint: endpoint }
    }

    pub(crate) async fn talk(&self) -> Talk {
        let (send, receive) = soon(self.quic.open_bi()).await.unwrap();
        Talk { send, receive, frames: FrameBuffer::new() }
    }

    /// The first stream, greeted.
    pub(crate) async fn control(&self) -> Talk {
        let mut control = self.talk().await;
        control.say(&Frame::Hello { versions: VERSIONS }).await;
        assert!(matches!(control.hear().await, Frame::Welcome { .. }));
        control
    }

    /// Asks on a stream of its own and collects the answer.
    pub(crate) async fn ask(&self, frame: &Frame) -> Vec<Frame> {
        let mut talk = self.talk().await;
        talk.say(frame).await;
        talk.send.finish().unwrap();
        let mut answer = Vec::new();
        while let Some(frame) = talk.hear_or_end().await {
            answer.push(frame);
        }
        answer
    }

    /// Makes a space of one person.
    pub(crate) fn creation(&self, sid: SpaceHandle, person: &Person) -> Frame {
        let item = first_item();
        let principals = vec![Principal {
            acc: public(&person.acc),
            adm: public(&person.adm),
            recovery: public(&person.recovery),
        }];
        let signed = creation_bytes(&NewSpace {
            relay: self.relay,
            sid,
            item: item.hash(),
            principals: &encode_principals(&principals),
            exporter: &self.exporter,
        });
        let creation = Some(Creation { principals, signature: sign(&person.adm, &signed) });
        Frame::ControlAppend { sid, idx: 0, item: item.encode(), creation }
    }

    pub(crate) fn auth(&self, sid: SpaceHandle, person: &Person) -> Frame {
        let signature = sign(&person.acc, &auth_bytes(self.relay, sid, &self.exporter));
        Frame::Auth { sid, key: public(&person.acc), signature }
    }

    /// With which code the relay closes.
    pub(crate) async fn closed_with(&self) -> u64 {
        let reason = soon(self.quic.closed()).await;
        let quinn::ConnectionError::ApplicationClosed(close) = reason else {
            panic!("closed by {reason}");
        };
        close.error_code.into_inner()
    }

    /// The next stream that the relay opens.
    pub(crate) async fn tail(&self) -> Ear {
        let receive = soon(self.quic.accept_uni()).await.unwrap();
        Ear { receive, frames: FrameBuffer::new() }
    }
}

/// A stream that is only heard.
pub(crate) struct Ear {
    receive: RecvStream,
    frames: FrameBuffer,
}

impl Ear {
    pub(crate) async fn hear(&mut self) -> Frame {
        soon(next(&mut self.receive, &mut self.frames)).await.expect("a frame")
    }
}

impl Talk {
    pub(crate) async fn say(&mut self, frame: &Frame) {
        soon(self.send.write_all(&frame.encode())).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Frame {
        self.hear_or_end().await.expect("a frame")
    }

    pub(crate) async fn hear_or_end(&mut self) -> Option<Frame> {
        soon(next(&mut self.receive, &mut self.frames)).await
    }
}

async fn next(receive: &mut RecvStream, frames: &mut FrameBuffer) -> Option<Frame> {
    loop {
        if let Some(frame) = frames.next_frame().unwrap() {
            return Some(frame);
        }
        let chunk = receive.read_chunk(65_536, true).await.ok()??;
        frames.push(&chunk.bytes);
    }
}

impl Person {
    pub(crate) fn new(seed: u8) -> Self {
        let key = |place| Ed25519KeyPair::from_seed_unchecked(&[seed + place; 32]).unwrap();
        Self { acc: key(0), adm: key(1), recovery: key(2) }
    }
}

fn public(key: &Ed25519KeyPair) -> PrincipalKey {
    PrincipalKey::from_slice(key.public_key().as_ref()).unwrap()
}

fn sign(key: &Ed25519KeyPair, bytes: &[u8]) -> [u8; 64] {
    key.sign(bytes).as_ref().try_into().unwrap()
}

/// What the relay sees of a first control item. What is inside is not its business.
fn first_item() -> ControlItem {
    ControlItem {
        idx: 0,
        epoch_before: 0,
        epoch_after: 0,
        prev: ItemHash::ZERO,
        salt: [1; 24],
        commitment: [2; 32],
        body: vec![3; control_body_len(100).unwrap()],
        ladder: [4; 72],
        wraps: vec![[5; 1_168]; 12],
    }
}

/// A sealed envelope of 512 bytes, as far as the relay can tell; `mark` tells it from others.
pub(crate) fn envelope(mark: u32) -> Vec<u8> {
    let mut salt = [0; 24];
    salt[..4].copy_from_slice(&mark.to_be_bytes());
    let ciphertext = vec![7; 512 - 64];
    Envelope { class: Class::Entry, epoch: 0, salt, commitment: [8; 32], ciphertext }.encode()
}

#[derive(Debug)]
struct Pinned(RelayId);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert!(key.ends_with(self.0.as_bytes()));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        panic!("TLS 1.2 is never spoken")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
