//! How the relay proves who it is: its bare public key (RFC 7250), TLS 1.3 and nothing older.

use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::CertifiedKey,
    version::TLS13,
};
use wire::version::ALPN;

/// What stands before the 32 seed bytes in a private key of Ed25519 (RFC 8410, section 7).
const ED25519_PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The crypto provider cannot do TLS 1.3 with Ed25519: the build is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this build cannot make a secure connection")]
pub(crate) struct TlsUnavailable;

/// The TLS side of every connection.
///
/// # Errors
/// The build is broken.
pub(crate) fn server_config(seed: &[u8; 32]) -> Result<QuicServerConfig, TlsUnavailable> {
    let pkcs8 = [ED25519_PKCS8_HEAD.as_slice(), seed].concat();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
    let key = ring::sign::any_supported_type(&key).map_err(|_| TlsUnavailable)?;
    let public = key.public_key().ok_or(TlsUnavailable)?;
    let shown = CertificateDer::from(public.as_ref().to_vec());
    let identity = CertifiedKey::new(vec![shown], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| TlsUnavailable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(identity))));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Tickets would let the relay link a device's connections; what it cannot do it need not promise.
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    QuicServerConfig::try_from(config).map_err(|_| TlsUnavailable)
}
