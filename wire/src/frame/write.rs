//! Frame to bytes.

use super::kind;
use super::message::Frame;
use super::principal::encode_principals;
use crate::codec::Writer;
use crate::limit::FRAME_BODY_BYTES_MAX;

impl Frame {
    /// Header and body.
    ///
    /// # Panics
    /// If the body is longer than a frame may be: envelopes, items and messages are bounded where they are made.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(5 + self.bulk_bytes() + 64);
        writer.u8(self.kind()).u32(0);
        self.encode_body(&mut writer);
        let mut bytes = writer.into_bytes();
        let len = bytes.len().saturating_sub(5);
        assert!(len <= FRAME_BODY_BYTES_MAX, "a frame is bounded by its maker");
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let len = (len as u32).to_be_bytes();
        if let Some(place) = bytes.get_mut(1..5) {
            place.copy_from_slice(&len);
        }
        bytes
    }

    const fn bulk_bytes(&self) -> usize {
        match self {
            Self::ControlItem { item: bulk, .. }
            | Self::ControlAppend { item: bulk, .. }
            | Self::Data { envelope: bulk, .. }
            | Self::Push { envelope: bulk, .. }
            | Self::MailPut { bytes: bulk, .. }
            | Self::Mail { bytes: bulk, .. } => bulk.len(),
            Self::Hello { .. }
            | Self::Welcome { .. }
            | Self::Auth { .. }
            | Self::SignedIn { .. }
            | Self::Tail { .. }
            | Self::TailStart { .. }
            | Self::Head { .. }
            | Self::GoAway { .. }
            | Self::ControlPull { .. }
            | Self::ControlEnd { .. }
            | Self::Appended { .. }
            | Self::Pull { .. }
            | Self::PullEnd { .. }
            | Self::Pushed { .. }
            | Self::Principals { .. }
            | Self::PrincipalKeys { .. }
            | Self::MailStored { .. }
            | Self::MailGet { .. }
            | Self::MailEnd
            | Self::Refused { .. } => 512,
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => kind::HELLO,
            Self::Welcome { .. } => kind::WELCOME,
            Self::Auth { .. } => kind::AUTH,
            Self::SignedIn { .. } => kind::SIGNED_IN,
            Self::Tail { .. } => kind::TAIL,
            Self::TailStart { .. } => kind::TAIL_START,
            Self::Head { .. } => kind::HEAD,
            Self::GoAway { .. } => kind::GO_AWAY,
            Self::ControlPull { .. } => kind::CONTROL_PULL,
            Self::ControlItem { .. } => kind::CONTROL_ITEM,
            Self::ControlEnd { .. } => kind::CONTROL_END,
            Self::ControlAppend { creation: None, .. } => kind::CONTROL_APPEND,
            Self::ControlAppend { creation: Some(_), .. } => kind::CONTROL_CREATE,
            Self::Appended { .. } => kind::APPENDED,
            Self::Pull { .. } => kind::PULL,
            Self::Data { .. } => kind::DATA,
            Self::PullEnd { .. } => kind::PULL_END,
            Self::Push { .. } => kind::PUSH,
            Self::Pushed { .. } => kind::PUSHED,
            Self::Principals { .. } => kind::PRINCIPALS,
            Self::PrincipalKeys { .. } => kind::PRINCIPAL_KEYS,
            Self::MailPut { .. } => kind::MAIL_PUT,
            Self::MailStored { .. } => kind::MAIL_STORED,
            Self::MailGet { .. } => kind::MAIL_GET,
            Self::Mail { .. } => kind::MAIL,
            Self::MailEnd => kind::MAIL_END,
            Self::Refused { .. } => kind::REFUSED,
        }
    }

    fn encode_body(&self, w: &mut Writer) {
        let _: &mut Writer = match self {
            Self::Hello { versions } => versions.encode(w),
            Self::Welcome { version, store } => w.u8(*version).bytes(store.as_bytes()),
            Self::Auth { sid, key, signature } => {
                w.bytes(sid.as_bytes()).bytes(key.as_bytes()).bytes(signature)
            }
            Self::SignedIn { sid, n, running, control, epoch } => {
                let head = w.bytes(sid.as_bytes()).u64(*n).bytes(running.as_bytes());
                head.u32(*control).u32(*epoch)
            }
            Self::Tail { sid, after } => w.bytes(sid.as_bytes()).u64(*after),
            Self::TailStart { sid } | Self::Principals { sid } => w.bytes(sid.as_bytes()),
            Self::Head { sid, n, control } => w.bytes(sid.as_bytes()).u64(*n).u32(*control),
            Self::GoAway { refusal } | Self::Refused { refusal } => refusal.encode(w),
            Self::ControlPull { sid, from } => w.bytes(sid.as_bytes()).u32(*from),
            Self::ControlItem { idx, item } => w.u32(*idx).bytes(item),
            Self::ControlEnd { next } => w.u32(*next),
            Self::ControlAppend { sid, idx, item, creation: None } => {
                w.bytes(sid.as_bytes()).u32(*idx).bytes(item)
            }
            Self::ControlAppend { sid, idx: _, item, creation: Some(creation) } => {
                let principals = encode_principals(&creation.principals);
                w.bytes(sid.as_bytes()).var(item).bytes(&principals).bytes(&creation.signature)
            }
            Self::Appended { receipt } | Self::Pushed { receipt } => receipt.encode(w),
            Self::Pull { sid, after, max_bytes } => {
                w.bytes(sid.as_bytes()).u64(*after).u64(*max_bytes)
            }
            Self::Data { n, envelope } => w.u64(*n).bytes(envelope),
            Self::PullEnd { n, running } => w.u64(*n).bytes(running.as_bytes()),
            Self::Push { sid, envelope } => w.bytes(sid.as_bytes()).bytes(envelope),
            Self::PrincipalKeys { list } => w.bytes(&encode_principals(list)),
            Self::MailPut { rid, idx, bytes } => w.bytes(rid.as_bytes()).u8(*idx).bytes(bytes),
            Self::MailStored { idx } => w.u8(*idx),
            Self::MailGet { rid, from, wait_ms } => w.bytes(rid.as_bytes()).u8(*from).u32(*wait_ms),
            Self::Mail { idx, bytes } => w.u8(*idx).bytes(bytes),
            Self::MailEnd => w,
        };
    }
}
