//! Bytes to frame.

use super::error::FrameError;
use super::kind;
use super::message::Frame;
use super::principal::{Creation, decode_principals};
use crate::codec::{DecodeError, Reader};
use crate::id::{PrincipalKey, RendezvousId, RunningHash, SpaceHandle, StoreId};
use crate::limit::CONTROL_ITEM_BYTES_MAX;
use crate::receipt::Receipt;
use crate::refusal::Refusal;
use crate::version::VersionRange;

/// Type and length.
pub const HEADER_BYTES: usize = 5;

impl Frame {
    /// The type and the length of the body that follows, checked before memory is taken.
    ///
    /// # Errors
    /// [`FrameError::TooBig`] if the length is above the bound of the type.
    pub fn decode_header(header: [u8; HEADER_BYTES]) -> Result<(u8, usize), FrameError> {
        let [kind, a, b, c, d] = header;
        let len =
            usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| FrameError::TooBig)?;
        if len > kind::body_bytes_max(kind) { Err(FrameError::TooBig) } else { Ok((kind, len)) }
    }

    /// Parses a body. `None` is a type that we do not know and may skip.
    ///
    /// # Errors
    /// [`FrameError::Version`] for an unknown critical type, otherwise what is wrong with the body.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Option<Self>, FrameError> {
        let mut reader = Reader::new(body);
        let r = &mut reader;
        let frame = match kind {
            kind::HELLO => Self::Hello { versions: VersionRange::decode(r)? },
            kind::WELCOME => {
                Self::Welcome { version: r.u8()?, store: StoreId::from_bytes(r.array()?) }
            }
            kind::AUTH => Self::Auth {
                sid: sid(r)?,
                key: PrincipalKey::from_bytes(r.array()?),
                signature: r.array()?,
            },
            kind::SIGNED_IN => Self::SignedIn {
                sid: sid(r)?,
                n: r.u64()?,
                running: RunningHash::from_bytes(r.array()?),
                control: r.u32()?,
                epoch: r.u32()?,
            },
            kind::TAIL => Self::Tail { sid: sid(r)?, after: r.u64()? },
            kind::TAIL_START => Self::TailStart { sid: sid(r)? },
            kind::HEAD => Self::Head { sid: sid(r)?, n: r.u64()?, control: r.u32()? },
            kind::GO_AWAY => Self::GoAway { refusal: Refusal::decode(r)? },
            kind::REFUSED => Self::Refused { refusal: Refusal::decode(r)? },
            kind::CONTROL_PULL..=kind::CONTROL_CREATE | kind::APPENDED => decode_control(kind, r)?,
            kind::PULL..=kind::PUSHED => decode_data(kind, r)?,
            kind::PRINCIPALS => Self::Principals { sid: sid(r)? },
            kind::PRINCIPAL_KEYS => Self::PrincipalKeys { list: decode_principals(r)? },
            kind::MAIL_PUT..=kind::MAIL_END => decode_mail(kind, r)?,
            unknown if unknown & 0x80 == 0 => return Ok(None),
            _ => return Err(FrameError::Version),
        };
        reader.end()?;
        Ok(Some(frame))
    }
}

fn decode_control(kind: u8, r: &mut Reader<'_>) -> Result<Frame, DecodeError> {
    Ok(match kind {
        kind::CONTROL_PULL => Frame::ControlPull { sid: sid(r)?, from: r.u32()? },
        kind::CONTROL_ITEM => Frame::ControlItem { idx: r.u32()?, item: bulk(r)? },
        kind::CONTROL_END => Frame::ControlEnd { next: r.u32()? },
        kind::CONTROL_APPEND => {
            Frame::ControlAppend { sid: sid(r)?, idx: r.u32()?, item: bulk(r)?, creation: None }
        }
        kind::CONTROL_CREATE => {
            let sid = sid(r)?;
            let item = r.var(CONTROL_ITEM_BYTES_MAX)?.to_vec();
            let creation = Creation { principals: decode_principals(r)?, signature: r.array()? };
            Frame::ControlAppend { sid, idx: 0, item, creation: Some(creation) }
        }
        kind::APPENDED => Frame::Appended { receipt: Receipt::decode(r)? },
        _ => return Err(DecodeError::Version),
    })
}

fn decode_data(kind: u8, r: &mut Reader<'_>) -> Result<Frame, DecodeError> {
    Ok(match kind {
        kind::PULL => Frame::Pull { sid: sid(r)?, after: r.u64()?, max_bytes: r.u64()? },
        kind::DATA => Frame::Data { n: r.u64()?, envelope: bulk(r)? },
        kind::PULL_END => {
            Frame::PullEnd { n: r.u64()?, running: RunningHash::from_bytes(r.array()?) }
        }
        kind::PUSH => Frame::Push { sid: sid(r)?, envelope: bulk(r)? },
        kind::PUSHED => Frame::Pushed { receipt: Receipt::decode(r)? },
        _ => return Err(DecodeError::Version),
    })
}

fn decode_mail(kind: u8, r: &mut Reader<'_>) -> Result<Frame, DecodeError> {
    Ok(match kind {
        kind::MAIL_PUT => Frame::MailPut { rid: rid(r)?, idx: r.u8()?, bytes: bulk(r)? },
        kind::MAIL_STORED => Frame::MailStored { idx: r.u8()? },
        kind::MAIL_GET => Frame::MailGet { rid: rid(r)?, from: r.u8()?, wait_ms: r.u32()? },
        kind::MAIL => Frame::Mail { idx: r.u8()?, bytes: bulk(r)? },
        kind::MAIL_END => Frame::MailEnd,
        _ => return Err(DecodeError::Version),
    })
}

fn sid(r: &mut Reader<'_>) -> Result<SpaceHandle, DecodeError> {
    r.array().map(SpaceHandle::from_bytes)
}

fn rid(r: &mut Reader<'_>) -> Result<RendezvousId, DecodeError> {
    r.array().map(RendezvousId::from_bytes)
}

/// The rest of the body: an envelope, an item, a message. Never empty.
fn bulk(r: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    match r.rest().len() {
        0 => Err(DecodeError::Short),
        len => r.bytes(len).map(<[u8]>::to_vec),
    }
}
