//! The number of each frame type, bit 7 (critical) included, and how long its body may be.

use super::principal::Principal;
use crate::limit::{CONTROL_ITEM_BYTES_MAX, FRAME_BODY_BYTES_MAX, MAIL_BYTES_MAX, PRINCIPALS_MAX};

pub(super) const HELLO: u8 = 0x81;
pub(super) const WELCOME: u8 = 0x82;
pub(super) const AUTH: u8 = 0x83;
pub(super) const SIGNED_IN: u8 = 0x84;
pub(super) const TAIL: u8 = 0x85;
pub(super) const TAIL_START: u8 = 0x86;
pub(super) const HEAD: u8 = 0x07;
pub(super) const GO_AWAY: u8 = 0x08;
pub(super) const CONTROL_PULL: u8 = 0x89;
pub(super) const CONTROL_ITEM: u8 = 0x8a;
pub(super) const CONTROL_END: u8 = 0x8b;
pub(super) const CONTROL_APPEND: u8 = 0x8c;
pub(super) const CONTROL_CREATE: u8 = 0x8d;
pub(super) const APPENDED: u8 = 0x8e;
pub(super) const PULL: u8 = 0x8f;
pub(super) const DATA: u8 = 0x90;
pub(super) const PULL_END: u8 = 0x91;
pub(super) const PUSH: u8 = 0x92;
pub(super) const PUSHED: u8 = 0x93;
pub(super) const PRINCIPALS: u8 = 0x94;
pub(super) const PRINCIPAL_KEYS: u8 = 0x95;
pub(super) const MAIL_PUT: u8 = 0x96;
pub(super) const MAIL_STORED: u8 = 0x97;
pub(super) const MAIL_GET: u8 = 0x98;
pub(super) const MAIL: u8 = 0x99;
pub(super) const MAIL_END: u8 = 0x9a;
pub(super) const REFUSED: u8 = 0x9b;

/// Frames of fixed or nearly fixed size need no more than this: 501 bytes are the longest receipt.
const SMALL: usize = 512;

/// The bound of the body of a type. Types that we do not know may use the whole frame.
pub(super) const fn body_bytes_max(kind: u8) -> usize {
    match kind {
        HELLO | WELCOME | AUTH | SIGNED_IN | TAIL | TAIL_START | HEAD | GO_AWAY | CONTROL_PULL
        | CONTROL_END | APPENDED | PULL | PULL_END | PUSHED | PRINCIPALS | PRINCIPAL_KEYS
        | MAIL_STORED | MAIL_GET | MAIL_END | REFUSED => SMALL,
        CONTROL_ITEM => 4 + CONTROL_ITEM_BYTES_MAX,
        CONTROL_APPEND => 20 + CONTROL_ITEM_BYTES_MAX,
        CONTROL_CREATE => {
            16 + 4 + CONTROL_ITEM_BYTES_MAX + 1 + PRINCIPALS_MAX * Principal::BYTES + 64
        }
        MAIL_PUT => 17 + MAIL_BYTES_MAX,
        MAIL => 1 + MAIL_BYTES_MAX,
        _ => FRAME_BODY_BYTES_MAX,
    }
}
