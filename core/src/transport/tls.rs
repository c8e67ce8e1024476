//! Which relay we talk to: the one whose public key is its id. No names, no authorities, no certificates.
//!
//! The relay shows its Ed25519 key bare (RFC 7250) and signs the handshake with it; anything else ends the handshake
//! before a byte of ours is sent. We show no key of our own: who signs in to which space is told inside, per space.

use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    version::TLS13,
};
use wire::id::RelayId;

use super::error::DialError;

/// What stands before the 32 key bytes in a `SubjectPublicKeyInfo` of Ed25519 (RFC 8410, section 4).
const ED25519_SPKI_HEAD: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The TLS side of a connection to `relay`, which must speak `alpn`.
///
/// # Errors
/// `Setup`: the crypto provider lacks TLS 1.3; a build that can do that is broken.
pub(super) fn client_config(relay: RelayId, alpn: &[u8]) -> Result<QuicClientConfig, DialError> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| DialError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { relay, algorithms }))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    // A ticket would let the relay link two connections, and skip the key.
    config.resumption = Resumption::disabled();
    // The name in the first packet would tell the network which relay; the key tells it to us.
    config.enable_sni = false;
    QuicClientConfig::try_from(config).map_err(|_| DialError::Setup)
}

/// Takes exactly one public key.
#[derive(Debug)]
struct Pinned {
    relay: RelayId,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = key.strip_prefix(&ED25519_SPKI_HEAD);
        if shown == Some(self.relay.as_bytes().as_slice()) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
