//! Why a dial or a connection failed, in our words: what quinn says could hold addresses.

use quinn::{ConnectionError, TransportErrorCode};
use wire::frame::FrameError;

/// TLS alert `no_application_protocol` (RFC 7301, section 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// Why there is no connection. All but `Setup` and `Untrusted` are worth another try later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// TLS cannot be set up at all.
    #[error("this build cannot make a secure connection")]
    Setup,
    /// No UDP socket: out of descriptors, or the system forbids it.
    #[error("no network socket could be opened")]
    Socket,
    /// The relay's host name has no address now.
    #[error("the relay's name was not found")]
    NameNotFound,
    /// Nothing answered in time: no network, UDP blocked, or the relay is down.
    #[error("the relay did not answer")]
    NoAnswer,
    /// Someone answered who is not this relay.
    #[error("another computer answered in place of the relay")]
    Untrusted,
    /// The relay speaks none of our versions.
    #[error("the relay speaks another version")]
    Version,
    /// The relay takes no connections now.
    #[error("the relay is busy")]
    Busy,
    /// The connection broke while it was made.
    #[error("the connection broke")]
    Lost,
}

impl From<ConnectionError> for DialError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::VersionMismatch => Self::Version,
            ConnectionError::TransportError(error) => ours(error.code),
            ConnectionError::ConnectionClosed(close) => theirs(close.error_code),
            ConnectionError::ApplicationClosed(_) => Self::Busy,
            ConnectionError::TimedOut => Self::NoAnswer,
            ConnectionError::Reset
            | ConnectionError::LocallyClosed
            | ConnectionError::CidsExhausted => Self::Lost,
        }
    }
}

/// We ended the handshake: the protocol name was not taken, or the key is not the relay's.
fn ours(code: TransportErrorCode) -> DialError {
    match u64::from(code) {
        0x100..0x200 if code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) => {
            DialError::Version
        }
        0x100..0x200 => DialError::Untrusted,
        _ => DialError::Lost,
    }
}

/// The relay ended the handshake.
fn theirs(code: TransportErrorCode) -> DialError {
    if code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) {
        DialError::Version
    } else if code == TransportErrorCode::CONNECTION_REFUSED {
        DialError::Busy
    } else {
        DialError::Lost
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Here,
    /// The relay closed it; the number is that of a `wire::refusal::Reason`, 0 when it goes down in order.
    Relay {
        /// What the relay gave as its reason.
        code: u64,
    },
    /// Nothing came for the whole idle time.
    Silence,
    /// The relay broke the rules of QUIC, or restarted.
    Lost,
    /// The relay sent what is no frame, or a frame where it may not stand.
    Malformed(FrameError),
    /// The relay opened a stream that does not say what it carries.
    Unannounced,
}

impl From<ConnectionError> for CloseReason {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                Self::Relay { code: close.error_code.into_inner() }
            }
            ConnectionError::TimedOut => Self::Silence,
            ConnectionError::LocallyClosed => Self::Here,
            ConnectionError::VersionMismatch
            | ConnectionError::TransportError(_)
            | ConnectionError::ConnectionClosed(_)
            | ConnectionError::Reset
            | ConnectionError::CidsExhausted => Self::Lost,
        }
    }
}

/// Why a frame was not taken for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Only the relay writes on tails.
    #[error("this stream is written by the relay only")]
    NotOurs,
    /// So many frames wait on this channel that the relay must have stopped reading.
    #[error("too much waits to be sent")]
    Full,
    /// The relay ended this channel, or the connection; an event says so.
    #[error("the stream has ended")]
    Gone,
}
